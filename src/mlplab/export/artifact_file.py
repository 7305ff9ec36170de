"""Model files on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlplab._files import path_of, write_atomically
from mlplab.errors import ModelFileError, ParameterError, did_you_mean
from mlplab.export.container import LARGEST_TABLE, check_size, from_bytes, to_bytes
from mlplab.results import ModelArtifact

__all__ = ["read_artifact", "to_safetensors", "write_artifact"]


_SMALL = 2**20


def to_safetensors(model: Any, path: Path | str) -> Path:
    """Write a model as mlplab's own file, which `mlplab.load` makes a model of again.

    Parameters
    ----------
    model : estimator, Preparation or TabularModel
        Fitted: whatever has `to_artifact`.
    path : Path or str
        Where to; the file is whole at every moment.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    ParameterError
        It is no model of mlplab.
    OutputError
        The file cannot be written.
    """
    if isinstance(model, type) or not callable(getattr(model, "to_artifact", None)):
        message = (
            f"`model` must be a fitted model of mlplab; got {type(model).__name__}. Of a pipeline "
            "pass the last step, `pipeline[-1]`; the other steps are not mlplab's."
        )
        raise ParameterError(message)
    return write_artifact(model.to_artifact(), path)


def write_artifact(artifact: ModelArtifact, path: Path | str) -> Path:
    """Write a model to one safetensors file, without pickle.

    Parameters
    ----------
    artifact : ModelArtifact
        What to write. In its header tuples become lists and NumPy's scalars Python's; infinity
        and NaN are kept. Arrays are of numbers, booleans or text (``dtype.kind == "U"``).
    path : Path or str
        Where to. The file is whole at every moment: the old one, or the new one.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    ParameterError
        The artifact holds something that cannot be written.
    OutputError
        The file cannot be written.
    """
    path = path_of(path)
    write_atomically(path, to_bytes(artifact))
    return path


def read_artifact(path: Path | str) -> ModelArtifact:
    """Read a model that `write_artifact` wrote.

    Parameters
    ----------
    path : Path or str
        The file.

    Returns
    -------
    ModelArtifact
        Equal to the one that was written, to the last bit of every array and in the order of the
        header; arrays come in the order of the file.

    Raises
    ------
    ModelFileError
        The file is missing, empty, cut off, altered, of something else, or of a newer version.
    """
    path = path_of(path)
    if path.is_dir():
        inside = _models_in(path)
        raise _refused(
            path, "it is a folder", f" Pass {str(inside[0])!r}." if inside else " Pass a file."
        )
    try:
        _refuse_unread(path)
        return from_bytes(path.read_bytes())
    except FileNotFoundError as cause:
        near = did_you_mean(path.name, _models_beside(path))
        raise _refused(path, "there is no such file", f"{near} Check the name.") from cause
    except OSError as cause:
        reason = f"it cannot be read: {cause.strerror or cause}"
        raise _refused(path, reason, " Check its permissions.") from cause
    except ModelFileError as cause:
        way_out = " Copy it again, or save the model again with mlplab.save."
        raise _refused(path, str(cause), way_out) from cause


def _refuse_unread(path: Path) -> None:
    """Refuse a file by its first bytes and its size, so that no large one is read in vain."""
    size = path.stat().st_size
    if size <= _SMALL:
        return
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        # A table that is longer than the file, or than any honest one, is not read either.
        start += file.read(length if length < min(size, LARGEST_TABLE) else 64)
    check_size(start, size)


def _refused(path: Path, fact: str, way_out: str) -> ModelFileError:
    return ModelFileError(
        f"A model must be a file that mlplab saved; got {str(path)!r}: {fact}.{way_out}"
    )


def _models_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _models_beside(path: Path) -> list[str]:
    return [model.name for model in _models_in(path.parent)] if path.parent.is_dir() else []
