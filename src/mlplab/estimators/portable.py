"""A fitted estimator as the steps of its prediction, for formats that know nothing of mlplab."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlplab._typing import AnyArray
from mlplab.errors import ExportError
from mlplab.nn import Activation, Dense, Dropout, NetworkSpec
from mlplab.nn.scores import is_exclusive
from mlplab.results.portable import (
    Answer,
    AnswerKind,
    DenseLayer,
    InputColumn,
    Numbers,
    PortableModel,
    PortablePreparation,
)

__all__ = ["portable"]

_ANSWERS: dict[str, AnswerKind] = {
    "binary": "class",
    "multiclass": "class",
    "multilabel": "labels",
    "multioutput": "variables",
}


def portable(estimator: Any) -> PortableModel:
    """Return the steps of the prediction of a fitted or initialised estimator.

    Raises
    ------
    ExportError
        A layer is of a kind that other formats do not know.
    """
    network: NetworkSpec = estimator.network_
    loss = estimator._loss  # noqa: SLF001  (part of the estimator)
    # What the user sees in `coefs_` is what predicts; the shapes are checked on the way.
    arrays = network.views_by_layer(estimator._flat())  # noqa: SLF001  (same)
    return PortableModel(
        kind=type(estimator).__name__,
        preparation=_plain_columns(estimator),
        layers=tuple(_dense_layers(network, arrays)),
        link=loss.link,
        groups=tuple(loss.groups),
        answer=_answer(estimator),
        dtype=str(estimator.coefs_[0].dtype),
    )


def _plain_columns(estimator: Any) -> PortablePreparation:
    n = estimator.network_.units[0]
    given = getattr(estimator, "feature_names_in_", None)
    names = tuple(f"x{i}" for i in range(n)) if given is None else tuple(map(str, given))
    columns = tuple(InputColumn(name) for name in names)
    return PortablePreparation(columns, (Numbers(tuple(range(n))),), (), names)


def _dense_layers(network: NetworkSpec, arrays: list[list[AnyArray]]) -> Iterator[DenseLayer]:
    """Yield each dense layer with the activation that follows it; dropout never acts here."""
    weight = bias = None
    activation = "identity"
    for layer, own in zip(network.layers, arrays, strict=True):
        if isinstance(layer, Dense):
            if weight is not None and bias is not None:
                yield DenseLayer(weight, bias, activation)
            (weight, bias), activation = own, "identity"
        elif isinstance(layer, Activation) and activation == "identity":
            activation = layer.function
        elif not isinstance(layer, Dropout):
            message = (
                "A network that is exported must be of dense layers and activations; got a layer "
                f"of the kind {layer.kind!r}. Save it with mlplab.save instead."
            )
            raise ExportError(message)
    if weight is not None and bias is not None:
        yield DenseLayer(weight, bias, activation)


def _answer(estimator: Any) -> Answer:
    coder = estimator.__dict__.get("_coder")
    if coder is None:
        code_layer = getattr(estimator, "code_layer_", None)
        return Answer("numbers" if code_layer is None else "rows", code_layer=code_layer)
    loss = estimator._loss  # noqa: SLF001  (part of the estimator)
    return Answer(
        _ANSWERS[coder.kind],
        classes=tuple(np.asarray(values) for values in coder.classes),
        exclusive=is_exclusive(loss),
        has_probabilities=hasattr(estimator, "predict_proba"),
    )
