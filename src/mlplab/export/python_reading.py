"""The network out of a file that `to_python` wrote; the file is read, never run."""

from __future__ import annotations

import ast
import base64
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mlplab._files import path_of
from mlplab._typing import AnyArray
from mlplab.errors import ModelFileError
from mlplab.results.portable import (
    Answer,
    AnswerKind,
    DenseLayer,
    InputColumn,
    Numbers,
    PortableModel,
    PortablePreparation,
)
from mlplab.results.stored import fits

__all__ = ["read_python"]

_DTYPES = ("f4", "f8")


_KINDS: dict[str, Any] = {
    "kind": str,
    "dtype": str,
    "activations": list[str],
    "link": str,
    "groups": list[int],
    "answer": AnswerKind,
    "classes": list[Any],
    "exclusive": bool,
    "has_probabilities": bool,
    "code_layer": int | None,
}
"""What is read of the literals of a file, and of which type it has to be."""


def read_python(path: str | Path) -> PortableModel:
    """Return the network of a file that `to_python` wrote, without its preparation.

    Parameters
    ----------
    path : str or Path
        The file. Its literals are read; nothing in it is run.

    Raises
    ------
    ModelFileError
        The file is missing, or not one that `to_python` wrote.
    """
    path = path_of(path)
    try:
        found = _literals(ast.parse(path.read_text(encoding="utf-8")))
        return _network(found["MODEL"], found["ARRAYS"])
    except FileNotFoundError as cause:
        message = f"A model must be a file; there is no {str(path)!r}. Check the name."
        raise ModelFileError(message) from cause
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, RecursionError) as cause:
        message = (
            f"A file of Python must be one that mlplab.export wrote; {str(path)!r} is not "
            f"({type(cause).__name__}: {cause}). Export the model again."
        )
        raise ModelFileError(message) from cause


def _literals(tree: ast.Module) -> dict[str, Any]:
    """Return what stands on the right of the two assignments that hold the model."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in {"MODEL", "ARRAYS"}:
                found[name] = ast.literal_eval(node.value)
    return found


def _network(document: Mapping[str, Any], arrays: Mapping[str, Any]) -> PortableModel:
    for name, kind in _KINDS.items():
        if not fits(document[name], kind):
            message = f"{name!r} is {document[name]!r:.60}"
            raise ValueError(message)
    layers = tuple(
        DenseLayer(_array(arrays[f"weight_{i}"]), _array(arrays[f"bias_{i}"]), activation)
        for i, activation in enumerate(document["activations"])
    )
    n = int(layers[0].weight.shape[0])
    names = tuple(f"x{i}" for i in range(n))
    columns = tuple(map(InputColumn, names))
    return PortableModel(
        kind=document["kind"],
        preparation=PortablePreparation(columns, (Numbers(tuple(range(n))),), (), names),
        layers=layers,
        link=document["link"],
        groups=tuple(document["groups"]),
        answer=Answer(
            document["answer"],
            classes=tuple(np.array(values) for values in document["classes"]),
            exclusive=document["exclusive"],
            has_probabilities=document["has_probabilities"],
            code_layer=document["code_layer"],
        ),
        dtype=document["dtype"],
    )


def _array(stored: Any) -> AnyArray:
    """Return an array; its bytes have to be as many as its shape says."""
    dtype, shape, text = stored
    content = base64.b64decode(text, validate=True)
    if dtype not in _DTYPES or not fits(list(shape), tuple[int, ...]) or min(shape) < 1:
        message = f"an array of {dtype!r:.20} and shape {shape!r:.40}"
        raise ValueError(message)
    if math.prod(shape) * int(dtype[1]) != len(content):
        message = f"{len(content)} bytes where shape {shape} needs others"
        raise ValueError(message)
    array: AnyArray = np.frombuffer(content, dtype=f"<{dtype}").reshape(shape).astype(dtype)
    return array
