"""Several artifacts as one: a saved model is preparation, estimator and target together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlplab._typing import AnyArray
from mlplab.errors import ModelFileError, ParameterError
from mlplab.results import ModelArtifact

__all__ = ["join", "split"]

_PARTS = "parts"
_BETWEEN = "/"


def join(
    parts: Mapping[str, ModelArtifact],
    *,
    kind: str = "Bundle",
    header: Mapping[str, Any] | None = None,
) -> ModelArtifact:
    """Put artifacts together; `split` takes them apart again.

    Parameters
    ----------
    parts : mapping of str to ModelArtifact
        By name, without slashes. A part may be joined itself.
    kind : str, default="Bundle"
        The kind of the whole.
    header : mapping, optional
        More for the header of the whole; not the key ``"parts"``.

    Returns
    -------
    ModelArtifact
        Its arrays are called ``"<part>/<array>"``.

    Raises
    ------
    ParameterError
        A name with a slash, an empty one, or ``"parts"`` in the header.

    Examples
    --------
    >>> import numpy as np
    >>> whole = join({"net": ModelArtifact("MLP", {"a": 1}, {"w": np.zeros(2)})})
    >>> list(whole.arrays), list(split(whole))
    (['net/w'], ['net'])
    """
    if not isinstance(parts, Mapping):
        raise ParameterError(
            f"`parts` must be a mapping of names to artifacts; got {type(parts).__name__}. "
            "For example: {'network': model.to_artifact()}"
        )
    _check(parts, header or {})
    listed = [
        {"name": name, "kind": part.kind, "header": part.header} for name, part in parts.items()
    ]
    arrays = {
        f"{name}{_BETWEEN}{array_name}": array
        for name, part in parts.items()
        for array_name, array in part.arrays.items()
    }
    return ModelArtifact(kind, {**(header or {}), _PARTS: listed}, arrays)


def split(artifact: ModelArtifact) -> dict[str, ModelArtifact]:
    """Take apart what `join` put together, in the same order.

    Raises
    ------
    ModelFileError
        The artifact was not joined.
    """
    if not isinstance(artifact, ModelArtifact):
        raise ParameterError(
            f"`artifact` must be a ModelArtifact; got {type(artifact).__name__}. Read it with "
            "read_artifact."
        )
    try:
        parts = {
            part["name"]: ModelArtifact(part["kind"], part["header"], {})
            for part in artifact.header[_PARTS]
        }
    except (KeyError, TypeError) as cause:
        message = (
            f"A saved model must list its parts; got one of kind {artifact.kind!r} without. "
            "Read it as a single model."
        )
        raise ModelFileError(message) from cause
    arrays: dict[str, dict[str, AnyArray]] = {name: {} for name in parts}
    for full_name, array in artifact.arrays.items():
        part, _, name = full_name.partition(_BETWEEN)
        if part not in arrays:
            message = (
                f"Every array of a saved model must belong to one of its parts "
                f"({', '.join(parts)}); got {full_name!r}. Save the model again."
            )
            raise ModelFileError(message)
        arrays[part][name] = array
    return {
        name: ModelArtifact(part.kind, part.header, arrays[name]) for name, part in parts.items()
    }


def _check(parts: Mapping[str, ModelArtifact], header: Mapping[str, Any]) -> None:
    bad = [name for name in parts if not name or _BETWEEN in name]
    if bad:
        message = (
            f"Names of parts must not be empty and have no slash; got {bad[0]!r}. "
            "Use another separator."
        )
        raise ParameterError(message)
    if _PARTS in header:
        message = (
            f"`header` must not have the key {_PARTS!r}, which lists the parts; got "
            f"{header[_PARTS]!r}. Give it another name."
        )
        raise ParameterError(message)
