"""A model as one C header: weights and forward pass; nothing is taken from the heap."""

from __future__ import annotations

import importlib.metadata
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mlplab._files import path_of, write_atomically
from mlplab._typing import AnyArray
from mlplab.errors import ExportError, ParameterError
from mlplab.export.c_functions import activation_lines, answer_lines, dense_lines, link_lines
from mlplab.export.portable import portable
from mlplab.results.portable import Gaps, Numbers, PortableModel

__all__ = ["c_source", "to_c"]


def to_c(
    model: Any,
    path: str | Path,
    *,
    network_only: bool = False,
    name: str = "mlp",
    dtype: str = "float32",
) -> Path:
    """Write a model as one C99 header: weights, scaling of numbers, forward pass.

    Parameters
    ----------
    model : estimator, TabularModel or Pipeline
        Fitted; see `mlplab.export.portable`. Its columns have to be numbers.
    path : str or Path
        Where to; the file is whole at every moment.
    network_only : bool, default=False
        Leave the preparation out: the input is then what the network gets.
    name : str, default="mlp"
        What all names in the header begin with.
    dtype : {"float32", "float64"}, default="float32"
        Whether it computes in ``float`` or ``double``.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    ExportError
        A step, or an activation of your own, has no form in C.
    ParameterError
        `name` is no name in C, or it is no model that can be exported.
    OutputError
        The file cannot be written.
    """
    path = path_of(path)
    source = c_source(portable(model, network_only=network_only), name=name, dtype=dtype)
    write_atomically(path, source.encode())
    return path


def c_source(model: PortableModel, *, name: str = "mlp", dtype: str = "float32") -> str:
    """Return the source of the header."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        message = (
            "`name` must be a name in C: letters, digits and underscores, no digit first; got "
            f"{name!r}. Use 'mlp'."
        )
        raise ParameterError(message)
    if dtype not in {"float32", "float64"}:
        message = f"`dtype` must be 'float32' or 'float64'; got {dtype!r}. Use 'float32'."
        raise ParameterError(message)
    _check(model)
    real = "float" if dtype == "float32" else "double"
    lines = [
        *_head(model, name, real),
        *_sizes(model, name),
        *_weights(model, name, dtype),
        *_prepare(model, name, real),
        *dense_lines(name, real),
        *activation_lines({layer.activation for layer in model.layers}, name, real),
        *_forward(model, name, real),
        *link_lines(model, name, real),
        *answer_lines(model, name, real),
        f"#endif  /* {name.upper()}_H */",
    ]
    return "\n".join(lines) + "\n"


def _check(model: PortableModel) -> None:
    for column in model.preparation.columns:
        if column.holds != "number":
            message = (
                f"A C header takes numbers only; column {column.name!r} holds {column.holds}s. "
                "Export the network alone with network_only=True (--network-only), and encode "
                "rows yourself."
            )
            raise ExportError(message)
    if not all(isinstance(block, (Numbers, Gaps)) for block in model.preparation.blocks):
        message = (
            "A C header knows imputation and scaling of numbers only; the preparation encodes "
            "categories. Export the network alone with network_only=True (--network-only)."
        )
        raise ExportError(message)


# ---------------------------------------------------------------------- what stands at the head


def _plain(text: str) -> str:
    """Return text that cannot end a comment."""
    return re.sub(r"[^\w .,()%+-]", "?", text)


def _head(model: PortableModel, name: str, real: str) -> Iterator[str]:
    upper = name.upper()
    units = "-".join(str(n) for n in _units(model))
    yield f"/* A trained {model.kind}, {units}, written by mlplab {_version()}."
    yield " *"
    yield f" *     {real} x[{upper}_N_IN], out[{upper}_N_OUT];"
    yield f" *     {name}_predict(x, out);"
    yield " *"
    yield " * C99; link with -lm. Nothing is taken from the heap; predicting takes about"
    yield f" * {_stack(model)} {real}s of stack. A missing number is NaN (not with -ffast-math)."
    yield " *"
    columns = ", ".join(_plain(column.name) for column in model.preparation.columns[:60])
    yield from _wrapped(f"Inputs: {columns}{_more(len(model.preparation.columns), 60)}.")
    yield from _wrapped(f"Outputs: {_outputs(model)}.")
    yield " */"
    yield f"#ifndef {upper}_H"
    yield f"#define {upper}_H"
    yield ""
    yield "#include <math.h>"
    yield ""


def _version() -> str:
    return importlib.metadata.version("mlplab")


def _more(n: int, shown: int) -> str:
    return f" and {n - shown} more" if n > shown else ""


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 90, initial_indent=" * ", subsequent_indent=" *   ")


def _outputs(model: PortableModel) -> str:
    answer = model.answer
    if answer.kind == "rows":
        return "the features as the network reproduces them"
    if answer.kind == "numbers":
        names = ", ".join(_plain(name) for name in answer.names)
        return f"predictions{f' of {names}' if names else ''}"
    what = "probabilities" if answer.has_probabilities else "scores"
    listed = [_plain(str(value)) for values in answer.classes for value in values.tolist()]
    one = answer.kind == "class" and not answer.exclusive and not answer.has_probabilities
    if one:
        return f"the score of {listed[-1]}"
    return f"{what} of {', '.join(listed[:60])}{_more(len(listed), 60)}"


def _stack(model: PortableModel) -> int:
    """Return how many numbers stand on the stack: features, and values of two layers."""
    buffers = min(2, len(model.layers) - 1) * max(_units(model))
    return buffers + (0 if model.preparation.does_nothing else model.n_features)


def _units(model: PortableModel) -> list[int]:
    return [model.n_features, *(len(layer.bias) for layer in model.layers)]


def _sizes(model: PortableModel, name: str) -> Iterator[str]:
    answer, upper = model.answer, name.upper()
    two = answer.kind == "class" and not answer.exclusive and answer.has_probabilities
    chosen = {
        "class": 1,
        "variables": len(answer.classes),
        "labels": model.n_raw,
    }.get(answer.kind, 0)
    sizes = {
        "N_IN": len(model.preparation.columns),
        "N_FEATURES": model.n_features,
        "N_RAW": model.n_raw,
        "N_OUT": 2 if two else model.n_raw,
        "N_CHOSEN": chosen,
        "WIDEST": max(_units(model)),
    }
    listed = ", ".join(f"{upper}_{key} = {value}" for key, value in sizes.items())
    yield from textwrap.wrap(f"enum {{ {listed} }};", 98, subsequent_indent="    ")
    yield ""


# ---------------------------------------------------------------------- numbers


def _number(value: Any) -> str:
    """Return a literal from which the same bits come back."""
    if np.isnan(value):
        return "NAN"
    if np.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    text = np.format_float_scientific(value, unique=True, trim="0", exp_digits=1)
    return text.replace("e+0", "") + ("f" if value.dtype == np.float32 else "")


def array_lines(kind: str, name: str, values: AnyArray) -> Iterator[str]:
    """Yield an array of constants."""
    yield f"static const {kind} {name}[{values.size}] = {{"
    if values.dtype.kind == "f":
        text = ", ".join(_number(value) for value in values.ravel())
    else:
        text = ", ".join(str(value) for value in values.ravel().tolist())
    yield from textwrap.wrap(text, 96, initial_indent="    ", subsequent_indent="    ")
    yield "};"


def _weights(model: PortableModel, name: str, dtype: str) -> Iterator[str]:
    real = "float" if dtype == "float32" else "double"
    for i, layer in enumerate(model.layers):
        n_in, n_out = layer.weight.shape
        yield f"/* Layer {i + 1}: {n_in} inputs (rows), {n_out} units (columns). */"
        yield from array_lines(real, f"{name}_weight_{i}", layer.weight.astype(dtype))
        yield from array_lines(real, f"{name}_bias_{i}", layer.bias.astype(dtype))
    answer = model.answer
    if answer.mean is not None and answer.scale is not None:
        yield from array_lines(real, f"{name}_target_scale", answer.scale.astype(dtype))
        yield from array_lines(real, f"{name}_target_mean", answer.mean.astype(dtype))
    yield ""


# ---------------------------------------------------------------------- functions


_OPERATIONS = {
    "fill": "if (v != v) {{ v = {}; }}",
    "subtract": "v -= {};",
    "divide": "v /= {};",
    "multiply": "v *= {};",
    "add": "v += {};",
    "at_least": "if (v < {0}) {{ v = {0}; }}",
    "at_most": "if (v > {0}) {{ v = {0}; }}",
}


def _prepare(model: PortableModel, name: str, real: str) -> Iterator[str]:
    """Yield the function from inputs to features; it computes in double precision."""
    preparation, upper = model.preparation, name.upper()
    if preparation.does_nothing:
        return
    columns = [place for block in preparation.blocks for place in block.columns]  # type: ignore[union-attr]  # checked
    gaps = [isinstance(block, Gaps) for block in preparation.blocks for _ in range(block.width)]
    yield "/* From inputs to features: where each comes from, and what is done to it. */"
    yield from array_lines("int", f"{name}_column", np.array(columns))
    if any(gaps):
        yield from array_lines("int", f"{name}_is_gap", np.array(gaps, dtype=np.int64))
    for i, operation in enumerate(preparation.operations):
        values = operation.values.astype(np.float64)
        yield from array_lines("double", f"{name}_{operation.kind}_{i}", values)
    yield ""
    yield f"/* Writes {upper}_N_FEATURES features of {upper}_N_IN inputs. */"
    yield f"static inline void {name}_prepare(const {real} *x, {real} *features)"
    yield "{"
    yield f"    for (int i = 0; i < {upper}_N_FEATURES; i++) {{"
    yield f"        double v = (double)x[{name}_column[i]];"
    if any(gaps):
        yield f"        if ({name}_is_gap[i]) {{ v = v != v ? 1.0 : 0.0; }}"
    for i, operation in enumerate(preparation.operations):
        value = f"{name}_{operation.kind}_{i}[i]"
        yield f"        {_OPERATIONS[operation.kind].format(value)}"
    yield f"        features[i] = ({real})v;"
    yield "    }"
    yield "}"
    yield ""


def _forward(model: PortableModel, name: str, real: str) -> Iterator[str]:
    """Yield the function from features to raw predictions, or to the code on the way."""
    yield "/* Raw predictions of features. */"
    yield from _layers(model, f"{name}_forward", name, real, len(model.layers))
    if model.answer.code_layer is not None:
        n = model.answer.code_layer + 1
        yield f"/* The code of features: {len(model.layers[n - 1].bias)} numbers. */"
        yield from _layers(model, f"{name}_encode", name, real, n)


def _layers(
    model: PortableModel, function: str, name: str, real: str, n_layers: int
) -> Iterator[str]:
    layers = model.layers[:n_layers]
    yield f"static inline void {function}(const {real} *features, {real} *out)"
    yield "{"
    buffers = [f"{b}[{name.upper()}_WIDEST]" for b in ("a", "b")[: len(layers) - 1]]
    if buffers:
        yield f"    {real} {', '.join(buffers)};"
    source = "features"
    for i, layer in enumerate(layers):
        last = i == len(layers) - 1
        target = "out" if last else ("a", "b")[i % 2]
        n_in, n_out = layer.weight.shape
        weights = f"{name}_weight_{i}, {name}_bias_{i}"
        yield f"    {name}_dense({weights}, {n_in}, {n_out}, {source}, {target});"
        if layer.activation != "identity":
            yield f"    {name}_{layer.activation}({target}, {n_out});"
        source = target
    yield "}"
    yield ""
