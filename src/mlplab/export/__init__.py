"""Models that leave the laboratory: one safetensors file with a JSON header, without pickle."""

from mlplab.export.artifact_file import read_artifact, write_artifact
from mlplab.export.bundle import join, split
from mlplab.export.container import FORMAT, FORMAT_VERSION, from_bytes, to_bytes

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "from_bytes",
    "join",
    "read_artifact",
    "split",
    "to_bytes",
    "write_artifact",
]
