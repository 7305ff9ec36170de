"""Models that leave the laboratory: safetensors, ONNX, Python, C; nothing is ever unpickled."""

from mlplab.export.artifact_file import read_artifact, to_safetensors, write_artifact
from mlplab.export.bundle import join, split
from mlplab.export.c_header import to_c
from mlplab.export.container import FORMAT, FORMAT_VERSION, from_bytes, to_bytes
from mlplab.export.onnx_file import to_onnx
from mlplab.export.python_file import to_python
from mlplab.export.python_reading import read_python

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "from_bytes",
    "join",
    "read_artifact",
    "read_python",
    "split",
    "to_bytes",
    "to_c",
    "to_onnx",
    "to_python",
    "to_safetensors",
    "write_artifact",
]
