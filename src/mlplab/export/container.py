"""The bytes of a model file: safetensors, with one JSON text in its metadata.

A safetensors file is the length of a JSON table (8 bytes), the table (name, dtype, shape and place
of every array, and free metadata), and the bytes of the arrays. Ours has one metadata entry,
``"mlplab"``, whose JSON says format, version, kind and header of the model, holds the arrays of
text, and a SHA-256 over all of this and all arrays. Nothing is decoded before that sum is right:
a file that was cut off or altered is refused, never half understood. (The sum guards against
accidents. Whoever alters a file on purpose can compute it anew; but there is no code in the
file that could be run.)

References
----------
Hugging Face. The safetensors format. https://github.com/huggingface/safetensors
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors
from safetensors import numpy as arrays_file

from mlplab._typing import AnyArray
from mlplab.errors import ModelFileError, ParameterError
from mlplab.export.header import decoded, encoded
from mlplab.results import ModelArtifact

__all__ = ["FORMAT", "FORMAT_VERSION", "LARGEST_TABLE", "check_size", "from_bytes", "to_bytes"]

FORMAT = "mlplab-model"
FORMAT_VERSION = 1
_ENTRY = "mlplab"

# What safetensors calls each dtype that a model may hold; all are little-endian in the file.
_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
}
_NAME_OF = {name: theirs for theirs, name in _DTYPES.items()}

LARGEST_TABLE = 10**8
"""Bytes that the table of a file may take; safetensors has the same limit."""

SMALL_TEXT = 2**24
"""Bytes that an array of text may take, however small its file is."""

_MADE_OTHERWISE = {
    rb"\x80[\x02-\x05]": "It looks like a pickle, which mlplab does not read: it can run any code.",
    rb"PK": "It looks like a zip archive, a model of PyTorch or Keras perhaps.",
    rb"\x89HDF": "It looks like an HDF5 file, a model of Keras perhaps.",
}


def to_bytes(artifact: ModelArtifact) -> bytes:
    """Return the bytes of a model file; equal artifacts give equal bytes.

    Raises
    ------
    ParameterError
        An array is of objects or of another dtype that safetensors lacks, a name is empty or
        reserved, or the header holds something that JSON does not.
    """
    if not isinstance(artifact, ModelArtifact):
        raise ParameterError(
            f"`artifact` must be a ModelArtifact; got {type(artifact).__name__}. A model gives one "
            "by to_artifact(); mlplab.save writes it to a file."
        )
    numbers: dict[str, AnyArray] = {}
    texts: dict[str, dict[str, Any]] = {}
    for name, array in sorted(artifact.arrays.items()):
        _check_name(name)
        if array.dtype.kind == "U":
            texts[name] = {
                "dtype": f"U{array.dtype.itemsize // 4}",
                "shape": list(array.shape),
                "values": array.ravel().tolist(),
            }
        else:
            numbers[name] = _storable(name, array)
    document: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "mlplab_version": importlib.metadata.version("mlplab"),
        "kind": artifact.kind,
        "header": encoded(artifact.header),
        "texts": texts,
    }
    table = {name: (_NAME_OF[array.dtype.name], array.shape) for name, array in numbers.items()}
    data = {name: memoryview(array.tobytes()) for name, array in numbers.items()}
    document["sha256"] = _digest(document, table, data)
    return arrays_file.save(numbers, metadata={_ENTRY: _compact(document)})


def from_bytes(content: bytes) -> ModelArtifact:
    """Read the bytes of a model file.

    Raises
    ------
    ModelFileError
        The bytes are not a model, or not the ones that were written; the message says a fact
        about them and does not name the file.
    ParameterError
        They are no bytes.
    """
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise ParameterError(
            f"`content` must be the bytes of a model file; got {type(content).__name__}. "
            "mlplab.load reads a file by its name."
        )
    table, data = _split_container(content)
    document = _document(table)
    try:
        sum_is_right = document["sha256"] == _digest_of_file(document, table, data)
    except (KeyError, TypeError, ValueError, RecursionError) as cause:
        raise ModelFileError("it was altered: its table of arrays does not make sense") from cause
    if not sum_is_right:
        raise ModelFileError("it was altered: its checksum does not fit its content")
    try:
        arrays = dict(arrays_file.load(content))
        for name, text in document["texts"].items():
            arrays[name] = _text(text, len(content))
        return _artifact(document, arrays)
    except (
        safetensors.SafetensorError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        RecursionError,
    ) as cause:
        raise ModelFileError("it was made by something else, and not well") from cause


def check_size(start: bytes, size: int) -> None:
    """Check, by its first bytes, that a file is as long as its arrays need.

    Parameters
    ----------
    start : bytes
        The beginning of the file: the length of its table, and the table if that is possible.
    size : int
        Bytes of the whole file.

    Raises
    ------
    ModelFileError
        It is something else, or of another length.
    """
    table, _ = _split_container(start)
    length = int.from_bytes(start[:8], "little")
    try:
        ends = [v["data_offsets"][1] for name, v in table.items() if name != "__metadata__"]
        right = 8 + length + max(ends, default=0) == size
    except (KeyError, TypeError, IndexError) as cause:
        raise ModelFileError("it was altered: its table of arrays does not make sense") from cause
    if not right:
        raise ModelFileError("it was cut off, or altered: its arrays need another length")


def _text(stored: Mapping[str, Any], size: int) -> AnyArray:
    """Return an array of text; its memory is counted before it is taken.

    Every text takes as much as the longest that its dtype allows, so a few bytes of a file could
    ask for any amount. Honest files have texts of much the same length.
    """
    width = re.fullmatch(r"U(\d{1,9})", stored["dtype"])
    shape, values = stored["shape"], stored["values"]
    plain = all(type(n) is int and n >= 0 for n in shape)
    if width is None or not plain or math.prod(shape) != len(values):
        raise ValueError(stored["dtype"])
    if any(type(value) is not str or len(value) > int(width[1]) for value in values):
        raise TypeError(values)
    if 4 * int(width[1]) * len(values) > SMALL_TEXT + 64 * size:
        raise ValueError("a text that takes far more memory than its file")
    return np.array(values, dtype=stored["dtype"]).reshape(shape)


def _artifact(document: Mapping[str, Any], arrays: dict[str, AnyArray]) -> ModelArtifact:
    kind, header = document["kind"], decoded(document["header"])
    if not isinstance(kind, str) or not isinstance(header, dict):
        raise TypeError(kind)
    return ModelArtifact(kind, header, arrays)


def _split_container(content: bytes) -> tuple[dict[str, Any], memoryview]:
    """Return the table and the bytes behind it."""
    if not content:
        raise ModelFileError("it is empty")
    length = int.from_bytes(content[:8], "little")
    if content[8:9] != b"{" or len(content) < 10:
        guesses = [words for start, words in _MADE_OTHERWISE.items() if re.match(start, content)]
        raise ModelFileError(" ".join(["it is not a safetensors file.", *guesses]).rstrip("."))
    if len(content) < 8 + length:
        raise ModelFileError("it was cut off, or altered, in its table of arrays")
    try:
        table = json.loads(content[8 : 8 + length])
    except (ValueError, RecursionError) as cause:
        raise ModelFileError("it was altered: its table of arrays is not JSON") from cause
    if not isinstance(table, dict):
        raise ModelFileError("its table of arrays is not a mapping")
    return table, memoryview(content)[8 + length :]


def _document(table: dict[str, Any]) -> dict[str, Any]:
    """Return our JSON text out of the table, if it is ours and of a version that we read."""
    metadata = table.get("__metadata__")
    text = metadata.get(_ENTRY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise ModelFileError("it is a safetensors file, but not one that mlplab wrote")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise ModelFileError("it was altered: its header is not JSON") from cause
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ModelFileError("it is a safetensors file, but not one that mlplab wrote")
    version = document.get("format_version")
    if type(version) is not int or version < 1:
        raise ModelFileError("it was altered: its format has no version")
    if version > FORMAT_VERSION:
        message = (
            f"it is of version {version} of the format, written by mlplab "
            f"{document.get('mlplab_version')}, and this mlplab reads up to version "
            f"{FORMAT_VERSION}: update mlplab"
        )
        raise ModelFileError(message)
    return document


def _digest_of_file(document: dict[str, Any], table: dict[str, Any], data: memoryview) -> str:
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {}
    pieces: dict[str, memoryview] = {}
    covered = 0
    for name, entry in table.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        size = math.prod(entry["shape"]) * np.dtype(_DTYPES[entry["dtype"]]).itemsize
        if not 0 <= begin <= end <= len(data) or end - begin != size:
            raise ValueError(name)
        shapes[name] = (entry["dtype"], tuple(entry["shape"]))
        pieces[name] = data[begin:end]
        covered += size
    if covered != len(data):
        raise ValueError("bytes that belong to no array")
    return _digest(document, shapes, pieces)


def _digest(
    document: Mapping[str, Any],
    table: Mapping[str, tuple[str, tuple[int, ...]]],
    data: Mapping[str, memoryview],
) -> str:
    """Return the SHA-256 over the document without its sum, and over all arrays by name."""
    said = {key: value for key, value in document.items() if key != "sha256"}
    sums = hashlib.sha256(_compact([said, sorted(table.items())]).encode())
    for name in sorted(data):
        sums.update(data[name])
    return sums.hexdigest()


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _check_name(name: str) -> None:
    if type(name) is not str or name in {"", "__metadata__"}:
        message = (
            f"Names of arrays must be text, not empty and not '__metadata__'; got {name!r}. "
            "Give the array another name."
        )
        raise ParameterError(message)


def _storable(name: str, array: AnyArray) -> AnyArray:
    """Return an array in C order and in the byte order of this machine, if it can be kept."""
    native = array.astype(array.dtype.newbyteorder("="), order="C", copy=False)
    if native.dtype.name not in _NAME_OF:
        message = (
            f"Arrays of a model must be numbers, booleans or text; got dtype {array.dtype} for "
            f"`{name}`. Convert it first, with array.astype(str) for example."
        )
        raise ParameterError(message)
    return native
