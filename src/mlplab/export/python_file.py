"""A model as one Python file that needs NumPy and nothing else."""

from __future__ import annotations

import base64
import importlib.metadata
import pprint
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mlplab._files import path_of, write_atomically
from mlplab._typing import AnyArray
from mlplab.errors import ExportError
from mlplab.export.portable import portable
from mlplab.results.portable import Block, DateParts, Gaps, Lookup, Numbers, PortableModel

__all__ = ["python_source", "to_python"]

_TEMPLATE = Path(__file__).with_name("standalone.py")
_EMPTY_MODEL = "MODEL: dict[str, Any] = {}\n"
_EMPTY_ARRAYS = "ARRAYS: dict[str, tuple[str, tuple[int, ...], str]] = {}\n"
_ACTIVATIONS = frozenset(
    {"identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "selu"}
    | {"gelu", "silu", "mish", "softplus"}
)


def to_python(model: Any, path: str | Path, *, network_only: bool = False) -> Path:
    """Write a model as one Python file that needs NumPy and nothing else.

    The file can be imported (``predict``, ``predict_proba``, ``codes``) and run:
    ``python model.py rows.csv``. It computes in the precision that the network was trained in.

    Parameters
    ----------
    model : estimator, TabularModel or Pipeline
        Fitted; see `mlplab.export.portable`.
    path : str or Path
        Where to; the file is whole at every moment.
    network_only : bool, default=False
        Leave the preparation out: rows are then what the network gets.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    ExportError
        A step, or an activation of your own, has no form in the file.
    ParameterError
        It is no model that can be exported.
    OutputError
        The file cannot be written.
    """
    path = path_of(path)
    source = python_source(portable(model, network_only=network_only), path.name)
    write_atomically(path, source.encode())
    return path


def python_source(model: PortableModel, file_name: str = "model.py") -> str:
    """Return the source of the file."""
    arrays: dict[str, AnyArray] = {}
    document = _document(model, arrays)
    template = _TEMPLATE.read_text(encoding="utf-8")
    body = template.partition('"""\n\n')[2]
    filled = body.replace(_EMPTY_MODEL, f"MODEL = {_literal(document)}\n")
    filled = filled.replace(_EMPTY_ARRAYS, "".join(_array_lines(arrays)))
    # What silences our linter says nothing to others.
    filled = re.sub(r"  # noqa: .*", "", filled)
    return f'"""{_about(model, file_name)}"""\n\n{filled}'


def _about(model: PortableModel, file_name: str) -> str:
    name = re.sub(r"\W", "_", file_name.removesuffix(".py")) or "model"
    shown = re.sub(r"[^\w.-]", "_", file_name)
    columns = [column.name for column in model.preparation.columns]
    listed = ", ".join(re.sub(r"[^\w .%()+-]", "?", column) for column in columns[:30])
    more = f" and {len(columns) - 30} more" if len(columns) > 30 else ""
    told = textwrap.fill(f"Columns: {listed}{more}.", 98)
    return f"""A trained {model.kind}, written by mlplab {importlib.metadata.version("mlplab")}.

Needs Python 3.11 or later and NumPy, nothing else:

    python {shown} rows.csv                     predictions on the screen
    python {shown} rows.csv predictions.csv     predictions in a file

    import {name}
    {name}.predict(rows)

{told}
"""


def _literal(value: Any) -> str:
    return pprint.pformat(value, width=100, sort_dicts=False)


def _array_lines(arrays: dict[str, AnyArray]) -> Iterator[str]:
    """Yield the arrays: dtype, shape, and the bytes in little-endian order as base64."""
    yield "ARRAYS = {\n"
    for name, array in arrays.items():
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        text = base64.b64encode(little.tobytes()).decode()
        yield f"    {name!r}: (\n        {array.dtype.str[1:]!r},\n        {array.shape!r},\n"
        yield from (f'        "{line}"\n' for line in textwrap.wrap(text, 88) or [""])
        yield "    ),\n"
    yield "}\n"


def _document(model: PortableModel, arrays: dict[str, AnyArray]) -> dict[str, Any]:
    """Return everything but the arrays as literals, and put the arrays aside."""
    for i, layer in enumerate(model.layers):
        if layer.activation not in _ACTIVATIONS:
            message = (
                "Activations must be mlplab's to be exported; "
                f"{layer.activation!r} is a function of your own. Save the model with mlplab.save."
            )
            raise ExportError(message)
        dtype = np.dtype(model.dtype)
        arrays[f"weight_{i}"] = layer.weight.astype(dtype)
        arrays[f"bias_{i}"] = layer.bias.astype(dtype)
    preparation, answer = model.preparation, model.answer
    if answer.scale is not None and answer.mean is not None:
        arrays["target_scale"], arrays["target_mean"] = answer.scale, answer.mean
    operations = []
    for i, operation in enumerate(preparation.operations):
        arrays[f"operation_{i}"] = operation.values
        operations.append((operation.kind, f"operation_{i}"))
    return {
        "kind": model.kind,
        "dtype": model.dtype,
        "columns": [(column.name, column.holds) for column in preparation.columns],
        "blocks": [_block(i, block, arrays) for i, block in enumerate(preparation.blocks)],
        "operations": operations,
        "activations": [layer.activation for layer in model.layers],
        "link": model.link,
        "groups": list(model.groups),
        "answer": answer.kind,
        "classes": [_plain(values) for values in answer.classes],
        "exclusive": answer.exclusive,
        "has_probabilities": answer.has_probabilities,
        "names": list(answer.names),
        "separator": answer.separator,
        "scaled": answer.scale is not None,
        "code_layer": answer.code_layer,
    }


def _plain(values: AnyArray) -> list[Any]:
    return (values.astype(str) if values.dtype.kind in "mM" else values).tolist()  # type: ignore[no-any-return]  # a list of one axis


def _block(place: int, block: Block, arrays: dict[str, AnyArray]) -> dict[str, Any]:
    if isinstance(block, Numbers):
        return {"kind": "numbers", "columns": list(block.columns)}
    if isinstance(block, Gaps):
        return {"kind": "gaps", "columns": list(block.columns)}
    if isinstance(block, DateParts):
        parts = list(block.parts)
        return {"kind": "dates", "column": block.column, "parts": parts, "form": block.form}
    return _lookup(place, block, arrays)


def _lookup(place: int, block: Lookup, arrays: dict[str, AnyArray]) -> dict[str, Any]:
    found = {"rows": block.rows, "unknown": block.unknown, "missing": block.missing}
    names = {name: None if array is None else f"{name}_{place}" for name, array in found.items()}
    arrays.update({f"{name}_{place}": a for name, a in found.items() if a is not None})
    return {
        "kind": "lookup",
        "column": block.column,
        "words": isinstance(block.keys[0], str),
        "keys": list(block.keys),
        "any_case": block.any_case,
        **names,
    }
