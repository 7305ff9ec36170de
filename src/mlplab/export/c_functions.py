"""The functions of C headers: dense layers, activations, links, answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mlplab.errors import ExportError
from mlplab.results.portable import PortableModel

__all__ = ["activation_lines", "answer_lines", "dense_lines", "link_lines"]


def _in_precision(line: str, real: str) -> str:
    """Return a line written for double in another precision: ``expf`` for ``exp``, ``1.0f``."""
    if real == "double":
        return line
    line = re.sub(r"\b(exp|expm1|log1p|tanh|erfc|fabs)\(", r"\1f(", line)
    return re.sub(r"(\d\.\d+)", r"\1f", line)


def dense_lines(name: str, real: str) -> Iterator[str]:
    """Yield the product of a vector and a matrix, plus a bias."""
    yield "/* z = x W + b, W row by row. */"
    yield f"static inline void {name}_dense(const {real} *weight, const {real} *bias, int n_in,"
    yield f"    int n_out, const {real} *x, {real} *z)"
    yield "{"
    yield "    for (int j = 0; j < n_out; j++) { z[j] = bias[j]; }"
    yield "    for (int i = 0; i < n_in; i++) {"
    yield "        for (int j = 0; j < n_out; j++) { z[j] += x[i] * weight[i * n_out + j]; }"
    yield "    }"
    yield "}"
    yield ""


# What becomes of v, written for double; functions that need others name them.
_FORMULAS = {
    "logistic": "v >= 0.0 ? 1.0 / (1.0 + exp(-v)) : exp(v) / (1.0 + exp(v))",
    "tanh": "tanh(v)",
    "relu": "v > 0.0 ? v : 0.0",
    "leaky_relu": "v > 0.0 ? v : 0.01 * v",
    "elu": "v > 0.0 ? v : expm1(v)",
    "selu": "1.0507009873554805 * (v > 0.0 ? v : 1.6732632423543772 * expm1(v))",
    "gelu": "0.5 * v * erfc(-0.7071067811865476 * v)",
    "silu": "v >= 0.0 ? v / (1.0 + exp(-v)) : v * exp(v) / (1.0 + exp(v))",
    "mish": "v * tanh((v > 0.0 ? v : 0.0) + log1p(exp(-fabs(v))))",
    "softplus": "(v > 0.0 ? v : 0.0) + log1p(exp(-fabs(v)))",
}


def activation_lines(names: Iterable[str], name: str, real: str) -> Iterator[str]:
    """Yield the activations that are used; each changes a vector in place.

    Raises
    ------
    ExportError
        One is a function of the user's own.
    """
    for activation in sorted(set(names) - {"identity"}):
        if activation not in _FORMULAS:
            message = (
                "Activations must be mlplab's to be exported; "
                f"{activation!r} is a function of your own. Save the model with mlplab.save."
            )
            raise ExportError(message)
        yield from _in_place(f"{name}_{activation}", _FORMULAS[activation], real)


def _in_place(function: str, formula: str, real: str) -> Iterator[str]:
    yield f"static inline void {function}({real} *values, int n)"
    yield "{"
    yield "    for (int i = 0; i < n; i++) {"
    yield f"        const {real} v = values[i];"
    yield f"        values[i] = {_in_precision(formula, real)};"
    yield "    }"
    yield "}"
    yield ""


def link_lines(model: PortableModel, name: str, real: str) -> Iterator[str]:
    """Yield the function from raw predictions to predictions, where it is not the identity."""
    if model.link == "logistic" and all(x.activation != "logistic" for x in model.layers):
        yield from _in_place(f"{name}_logistic", _FORMULAS["logistic"], real)
    elif model.link == "exp":
        yield from _in_place(f"{name}_exp", "exp(v)", real)
    elif model.link == "softmax":
        lines = """static inline void {name}_softmax({real} *values, int n)
{{
    {real} largest = values[0], sum = 0.0;
    for (int i = 1; i < n; i++) {{ if (values[i] > largest) {{ largest = values[i]; }} }}
    for (int i = 0; i < n; i++) {{ values[i] = exp(values[i] - largest); sum += values[i]; }}
    for (int i = 0; i < n; i++) {{ values[i] /= sum; }}
}}
"""
        for line in lines.format(name=name, real=real).split("\n"):
            yield _in_precision(line, real)


def answer_lines(model: PortableModel, name: str, real: str) -> Iterator[str]:
    """Yield the functions that users call."""
    upper, plain = name.upper(), model.preparation.does_nothing
    yield f"/* Predictions of {upper}_N_IN inputs: writes {upper}_N_OUT numbers. */"
    yield f"static inline void {name}_predict(const {real} *x, {real} *out)"
    yield "{"
    if not plain:
        yield f"    {real} features[{upper}_N_FEATURES];"
        yield f"    {name}_prepare(x, features);"
    yield f"    {name}_forward({'x' if plain else 'features'}, out);"
    yield from (f"    {_in_precision(line, real)}" for line in _after_forward(model, name))
    yield "}"
    yield ""
    if model.answer.classes:
        yield from _decide_lines(model, name, real)


def _after_forward(model: PortableModel, name: str) -> Iterator[str]:
    answer, upper = model.answer, name.upper()
    if model.link == "softmax":
        start = 0
        for size in model.groups or (model.n_raw,):
            yield f"{name}_softmax(out{f' + {start}' if start else ''}, {size});"
            start += size
    elif model.link != "identity":
        yield f"{name}_{model.link}(out, {upper}_N_RAW);"
    if answer.kind == "class" and not answer.exclusive and answer.has_probabilities:
        yield "out[1] = out[0];"
        yield "out[0] = 1.0 - out[1];"
    if answer.scale is not None:
        scaled = f"out[i] * {name}_target_scale[i] + {name}_target_mean[i]"
        yield f"for (int i = 0; i < {upper}_N_RAW; i++) {{ out[i] = {scaled}; }}"


def _decide_lines(model: PortableModel, name: str, real: str) -> Iterator[str]:
    """Yield what is decided from predictions: places of classes, or ones and zeros."""
    upper, answer = name.upper(), model.answer
    words = [_quoted(str(value)) for values in answer.classes for value in values.tolist()]
    yield f"static const char *const {name}_class_names[{len(words)}] = {{"
    yield from (f"    {word}," for word in words)
    yield "};"
    yield ""
    what = "1 for each label that is there" if answer.kind == "labels" else "places of classes"
    yield f"/* What predictions decide: writes {upper}_N_CHOSEN {what}. */"
    yield f"static inline void {name}_decide(const {real} *out, int *chosen)"
    yield "{"
    middle = "0.5" if answer.has_probabilities else "0.0"
    if answer.kind == "labels":
        test = _in_precision(f"out[i] > {middle}", real)
        yield f"    for (int i = 0; i < {upper}_N_CHOSEN; i++) {{ chosen[i] = {test}; }}"
    elif answer.kind == "class" and not answer.exclusive:
        place = 1 if answer.has_probabilities else 0
        second = min(1, len(words) - 1)
        test = _in_precision(f"out[{place}] > {middle}", real)
        yield f"    chosen[0] = {test} ? {second} : 0;"
    else:
        yield from _largest_lines(model)
    yield "}"
    yield ""


def _largest_lines(model: PortableModel) -> Iterator[str]:
    start = 0
    for place, values in enumerate(model.answer.classes):
        stop = start + len(values)
        yield f"    chosen[{place}] = 0;"
        yield f"    for (int i = {start + 1}; i < {stop}; i++) {{"
        best = f"out[{start} + chosen[{place}]]" if start else f"out[chosen[{place}]]"
        found = f"i - {start}" if start else "i"
        yield f"        if (out[i] > {best}) {{ chosen[{place}] = {found}; }}"
        yield "    }"
        start = stop


def _quoted(word: str) -> str:
    """Return a string of C; whatever is no letter, digit or blank is written as its bytes."""
    escaped = re.sub(
        rb"[^A-Za-z0-9 _.-]", lambda found: b"\\%03o" % found.group()[0], word.encode()
    )
    return f'"{escaped.decode()}"'
