"""A model as an ONNX file: preparation, network and answer in one graph."""

from __future__ import annotations

import importlib.metadata
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mlplab._files import path_of, write_atomically
from mlplab._typing import AnyArray
from mlplab.errors import ExportError
from mlplab.export.onnx_graph import Graph, onnx
from mlplab.export.onnx_preparation import add_preparation
from mlplab.export.portable import portable
from mlplab.results.portable import Answer, PortableModel

__all__ = ["IR_VERSION", "ML_OPSET", "OPSET", "onnx_model", "to_onnx"]

OPSET, ML_OPSET, IR_VERSION = 17, 3, 8
"""Of 2022, so that runtimes that are not new read it too; nothing newer is needed."""


def to_onnx(
    model: Any, path: str | Path, *, network_only: bool = False, name: str = "mlplab"
) -> Path:
    """Write a model as ONNX: preparation, network and answer in one graph.

    Parameters
    ----------
    model : estimator, TabularModel or Pipeline
        Fitted; see `mlplab.export.portable`.
    path : str or Path
        Where to; the file is whole at every moment.
    network_only : bool, default=False
        Leave the preparation out: the input is then what the network gets.
    name : str, default="mlplab"
        Name of the graph.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    ExportError
        A step, or an activation of your own, has no form in ONNX.
    ParameterError
        It is no model that can be exported.
    MissingExtraError
        The package onnx is not installed.
    OutputError
        The file cannot be written.

    Notes
    -----
    Inputs: where all columns are numbers, ``X``, float, (rows, columns); otherwise every column
    by its name, (rows, 1), float or text. A missing number is NaN, a missing word is empty.
    Outputs: ``label`` and ``probabilities`` (``scores`` for a loss without probabilities); with
    several class variables ``label_0``, ``probabilities_0``, ``label_1``, …; ``prediction`` of a
    regressor; ``reconstruction`` and ``code`` of an autoencoder.
    """
    path = path_of(path)
    made = onnx_model(portable(model, network_only=network_only), name=name)
    try:
        content = made.SerializeToString()
    except ValueError as cause:
        message = (
            f"An ONNX file must be smaller than 2 GiB; this model is not ({cause}). Save it with "
            "mlplab.save instead."
        )
        raise ExportError(message) from cause
    write_atomically(path, content)
    return path


def onnx_model(model: PortableModel, *, name: str = "mlplab") -> Any:
    """Return a model as `onnx.ModelProto`, checked by ``onnx.checker``."""
    module = onnx()
    names = _output_names(model)
    graph = Graph(tuple(names))
    values = add_preparation(graph, model.preparation)
    hidden: list[str] = []
    for layer in model.layers:
        values = _add_dense(graph, values, layer.weight, layer.bias)
        values = _add_activation(graph, values, layer.activation)
        hidden.append(values)
    outputs = _ANSWERS[model.answer.kind](graph, model, values, hidden)
    made = module.helper.make_model(
        module.helper.make_graph(
            graph.nodes, name, graph.inputs, outputs, initializer=graph.constants
        ),
        producer_name="mlplab",
        producer_version=importlib.metadata.version("mlplab"),
        opset_imports=[
            module.helper.make_opsetid("", OPSET),
            module.helper.make_opsetid("ai.onnx.ml", ML_OPSET),
        ],
        ir_version=IR_VERSION,
        doc_string=f"{model.kind} with {len(model.layers) - 1} hidden layers",
    )
    module.helper.set_model_props(made, _metadata(model))
    module.checker.check_model(made, full_check=True)
    return made


def _metadata(model: PortableModel) -> dict[str, str]:
    answer = model.answer
    columns = [{"name": c.name, "holds": c.holds} for c in model.preparation.columns]
    told = {
        "kind": model.kind,
        "answer": answer.kind,
        "mlplab_version": importlib.metadata.version("mlplab"),
        "columns": json.dumps(columns),
        "features": json.dumps(list(model.preparation.feature_names)),
        "targets": json.dumps(list(answer.names)),
    }
    if answer.classes:
        classes = [_labels(values).tolist() for values in answer.classes]
        told["classes"] = json.dumps(classes if answer.kind == "variables" else classes[0])
    return told


# ---------------------------------------------------------------------- network


def _add_dense(graph: Graph, x: str, weight: AnyArray, bias: AnyArray) -> str:
    w = graph.constant(weight.astype(np.float32), "weight")
    b = graph.constant(bias.astype(np.float32), "bias")
    return graph.add("Gemm", x, w, b)


def _gelu(graph: Graph, z: str) -> str:
    scaled = graph.add("Mul", z, graph.number(math.sqrt(0.5), "sqrt_half"))
    one = graph.number(1, "one")
    half = graph.add("Mul", z, graph.number(0.5, "half"))
    return graph.add("Mul", half, graph.add("Add", one, graph.add("Erf", scaled)))


_ACTIVATIONS: dict[str, Callable[[Graph, str], str]] = {
    "identity": lambda _, z: z,
    "logistic": lambda graph, z: graph.add("Sigmoid", z),
    "tanh": lambda graph, z: graph.add("Tanh", z),
    "relu": lambda graph, z: graph.add("Relu", z),
    "leaky_relu": lambda graph, z: graph.add("LeakyRelu", z, alpha=0.01),
    "elu": lambda graph, z: graph.add("Elu", z, alpha=1.0),
    "selu": lambda graph, z: graph.add(
        "Selu", z, alpha=1.6732632423543772, gamma=1.0507009873554805
    ),
    "gelu": _gelu,
    "silu": lambda graph, z: graph.add("Mul", z, graph.add("Sigmoid", z)),
    "mish": lambda graph, z: graph.add("Mul", z, graph.add("Tanh", graph.add("Softplus", z))),
    "softplus": lambda graph, z: graph.add("Softplus", z),
}


def _add_activation(graph: Graph, z: str, name: str) -> str:
    if name not in _ACTIVATIONS:
        message = (
            f"Activations must have a form in ONNX; {name!r} is a function of your own and has "
            "none. Save the model with mlplab.save instead, or train with one of "
            f"{', '.join(sorted(_ACTIVATIONS))}."
        )
        raise ExportError(message)
    return _ACTIVATIONS[name](graph, z)


def _add_link(graph: Graph, model: PortableModel, raw: str, out: str = "") -> str:
    if model.link == "softmax":
        return graph.add("Softmax", raw, out=out, axis=1)
    operators = {"identity": "Identity", "logistic": "Sigmoid", "exp": "Exp"}
    return graph.add(operators[model.link], raw, out=out)


# ---------------------------------------------------------------------- answers


def _output_names(model: PortableModel) -> list[str]:
    kind, n = model.answer.kind, len(model.answer.classes)
    shares = "probabilities" if model.answer.has_probabilities else "scores"
    if kind == "variables":
        return [f"{name}_{i}" for i in range(n) for name in ("label", shares)]
    if kind in {"class", "labels"}:
        return ["label", shares]
    return ["prediction"] if kind == "numbers" else ["reconstruction", "code"]


def _output(graph: Graph, name: str, kind: str, *widths: int) -> Any:
    made = onnx().helper.make_tensor_value_info
    return made(name, graph.type_of(kind), ["rows", *widths])


def _labels(values: AnyArray) -> AnyArray:
    """Return classes as ONNX can hold them: bool, int64, double, or text."""
    if values.dtype.kind in "iu":
        return values.astype(np.int64)
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    return values if values.dtype.kind == "b" else values.astype(str)


_TYPES = {"i": "int64", "f": "double", "b": "bool", "U": "string"}


def _add_class(graph: Graph, index: str, values: AnyArray, out: str) -> Any:
    labels = _labels(values)
    graph.add("Gather", graph.constant(labels, "classes"), index, out=out, axis=0)
    return _output(graph, out, _TYPES[labels.dtype.kind])


def _add_largest(graph: Graph, raw: str) -> str:
    return graph.add("ArgMax", raw, axis=1, keepdims=0)


def _class(graph: Graph, model: PortableModel, raw: str, _: list[str]) -> list[Any]:
    label, shares = _output_names(model)
    (values,) = model.answer.classes
    if model.answer.exclusive:
        _add_link(graph, model, raw, out=shares)
        made = _add_class(graph, _add_largest(graph, raw), values, label)
        return [made, _output(graph, shares, "float", len(values))]
    index = _add_decided(graph, raw)
    # One class only: both sides of zero are that class.
    both = values[np.minimum([0, 1], len(values) - 1)]
    made = _add_class(graph, index, both, label)
    if not model.answer.has_probabilities:
        graph.add("Reshape", raw, _minus_one(graph), out=shares)
        return [made, _output(graph, shares, "float")]
    second = _add_link(graph, model, raw)
    first = graph.add("Sub", graph.number(1, "one"), second)
    graph.add("Concat", first, second, out=shares, axis=1)
    return [made, _output(graph, shares, "float", 2)]


def _minus_one(graph: Graph) -> str:
    return graph.constant(np.array([-1], dtype=np.int64), "flat")


def _add_decided(graph: Graph, raw: str) -> str:
    """Add 1 where a raw prediction is above 0, for each row."""
    above = graph.add("Greater", raw, graph.number(0, "zero"))
    return graph.add("Reshape", graph.cast(above, "int64"), _minus_one(graph))


def _variables(graph: Graph, model: PortableModel, raw: str, _: list[str]) -> list[Any]:
    outputs, start = [], 0
    axes = graph.constant(np.array([1], dtype=np.int64), "axes")
    for number, values in enumerate(model.answer.classes):
        label, shares = _output_names(model)[2 * number : 2 * number + 2]
        ends = [
            graph.constant(np.array([end], dtype=np.int64), "end")
            for end in (start, start + len(values))
        ]
        own = graph.add("Slice", raw, *ends, axes)
        _add_link(graph, model, own, out=shares)
        outputs.append(_add_class(graph, _add_largest(graph, own), values, label))
        outputs.append(_output(graph, shares, "float", len(values)))
        start += len(values)
    return outputs


def _several_labels(graph: Graph, model: PortableModel, raw: str, _: list[str]) -> list[Any]:
    label, shares = _output_names(model)
    above = graph.add("Greater", raw, graph.number(0, "zero"))
    graph.cast(above, "int64", out=label)
    _add_link(graph, model, raw, out=shares)
    n = model.n_raw
    return [_output(graph, label, "int64", n), _output(graph, shares, "float", n)]


def _add_units(graph: Graph, answer: Answer, values: str) -> str:
    if answer.mean is None or answer.scale is None:
        return values
    scaled = graph.add("Mul", values, graph.constant(answer.scale.astype(np.float32), "scale"))
    return graph.add("Add", scaled, graph.constant(answer.mean.astype(np.float32), "mean"))


def _numbers(graph: Graph, model: PortableModel, raw: str, _: list[str]) -> list[Any]:
    values = _add_units(graph, model.answer, _add_link(graph, model, raw))
    if model.n_raw == 1:
        graph.add("Reshape", values, _minus_one(graph), out="prediction")
        return [_output(graph, "prediction", "float")]
    graph.add("Identity", values, out="prediction")
    return [_output(graph, "prediction", "float", model.n_raw)]


def _rows(graph: Graph, model: PortableModel, raw: str, hidden: list[str]) -> list[Any]:
    code = model.answer.code_layer or 0
    _add_link(graph, model, raw, out="reconstruction")
    graph.add("Identity", hidden[code], out="code")
    width = int(model.layers[code].weight.shape[1])
    return [
        _output(graph, "reconstruction", "float", model.n_raw),
        _output(graph, "code", "float", width),
    ]


_ANSWERS: dict[str, Callable[[Graph, PortableModel, str, list[str]], list[Any]]] = {
    "class": _class,
    "variables": _variables,
    "labels": _several_labels,
    "numbers": _numbers,
    "rows": _rows,
}
