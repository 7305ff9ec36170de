"""Models for other programs: ONNX, Python, C, or mlplab's own file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlplab import export as export_room
from mlplab._files import path_of
from mlplab.errors import ParameterError, did_you_mean
from mlplab.workflows.saving import load

__all__ = ["FORMATS", "export", "format_of"]

FORMATS: dict[str, tuple[str, Callable[..., Path]]] = {
    "onnx": (".onnx", export_room.to_onnx),
    "safetensors": (".safetensors", export_room.to_safetensors),
    "python": (".py", export_room.to_python),
    "c": (".h", export_room.to_c),
}
"""Suffix and writer of each format."""
NAMED = ("c", "onnx")
"""Formats that hold a name."""


def export(
    model: Any,
    out: str | Path,
    to: str | None = None,
    *,
    network_only: bool = False,
    name: str | None = None,
) -> Path:
    """Write a model for other programs.

    Parameters
    ----------
    model : str, Path or model
        A model file, the folder of a run, or whatever the writers of `mlplab.export` take.
    out : str or Path
        Where to; the file is whole at every moment.
    to : {"onnx", "safetensors", "python", "c"}, optional
        The format; by the suffix of `out` (.onnx, .safetensors, .py, .h) where it is not given.
    network_only : bool, default=False
        Leave the preparation out: the inputs are then what the network gets.
    name : str, optional
        What all names of a C header begin with, ``"mlp"`` where it is not given, or the name of
        an ONNX graph; other formats have none.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    ExportError
        A step of the model has no form in the format; the message names it.
    ParameterError
        There is no such format, or it is no model that can be exported.
    ModelFileError
        The model cannot be read.
    OutputError
        The file cannot be written.
    MissingExtraError
        ONNX needs the extra `onnx`.
    """
    out = path_of(out, "out")
    kind = format_of(out, to)
    if name is not None and kind not in NAMED:
        raise ParameterError(
            f"`name` must be left out for {kind}, which has no place for one; got {name!r}. "
            f"Export to {' or '.join(NAMED)}."
        )
    found = load(model) if isinstance(model, (str, Path)) else model
    _refuse_overwriting(out, model)
    write = FORMATS[kind][1]
    if kind != "safetensors":
        named = {} if name is None else {"name": name}
        return write(found, out, network_only=network_only, **named)
    if network_only:
        found = getattr(found, "estimator", found)
    return write(found, out)


def format_of(out: Path, to: str | None = None) -> str:
    """Return the name of the format that was asked for, or that the name of a file tells.

    Raises
    ------
    ParameterError
        There is no such format, or nothing tells it.
    """
    if to is not None:
        if to not in FORMATS:
            hint = did_you_mean(str(to), FORMATS) or " Use 'onnx'."
            raise ParameterError(f"`to` must be one of {', '.join(FORMATS)}; got {to!r}.{hint}")
        return to
    by_suffix = {suffix: name for name, (suffix, _) in FORMATS.items()}
    name = by_suffix.get(out.suffix.lower())
    if name is None:
        raise ParameterError(
            f"`to` must be given where the name of the file does not tell it "
            f"({', '.join(by_suffix)}); got {out.name!r}. Pass to='onnx' "
            "(--to onnx), for example."
        )
    return name


def _refuse_overwriting(out: Path, model: Any) -> None:
    """Raise `ParameterError` if the model that was read would be written over."""
    if not isinstance(model, (str, Path)):
        return
    read = path_of(model, "model")
    read = read / "model.safetensors" if read.is_dir() else read
    if out.exists() and read.exists() and out.samefile(read):
        raise ParameterError(
            f"`out` must be another file than the model; got {str(out)!r}, which would be "
            "overwritten. Choose another name."
        )
