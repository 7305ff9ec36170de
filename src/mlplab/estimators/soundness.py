"""Whether what was read of a file holds together: types, shapes, and parts that have to agree.

A checksum tells what was altered by accident. What was written by others may hold anything, so
nothing is believed: the outcome of reading is an estimator that can predict, or an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlplab._typing import AnyArray
from mlplab.estimators.class_losses import check_fits
from mlplab.estimators.labels import LabelCoder
from mlplab.nn import LINKS, SCORES, Dense, Dropout, Loss, NetworkSpec
from mlplab.results.stored import fits

__all__ = [
    "FITTED",
    "check_loss_of_kind",
    "check_network",
    "checked_fitted",
    "checked_plan",
    "coder_of",
    "values_of",
]

LARGEST_TEXT = 2**26
"""Bytes that the classes of a file may take; more is no model."""

FITTED: dict[str, Any] = {
    "n_features_in_": int,
    "n_iter_": int,
    "n_layers_": int,
    "n_outputs_": int,
    "out_activation_": str,
    "t_": int,
    "loss_": float | None,
    "best_loss_": float | None,
    "loss_curve_": tuple[float, ...],
    "validation_loss_curve_": tuple[float, ...] | None,
    "validation_scores_": tuple[float, ...] | None,
    "best_validation_score_": float | None,
    "code_layer_": int,
    "temperature_": float,
}
"""Fitted attributes that are stored as they are, and their types."""

_PLAN: dict[str, Any] = {
    "n_rows": int,
    "dtype": str,
    "dropout_seed": int,
    "watches_validation": bool,
    "score": str | None,
}


def _require(sound: bool, message: str) -> None:  # noqa: FBT001  (reads well)
    if not sound:
        raise ValueError(message)


def _checked(stored: Any, kinds: Mapping[str, Any], what: str) -> dict[str, Any]:
    _require(isinstance(stored, Mapping), f"{what} is no mapping")
    for name, value in stored.items():
        _require(name in kinds, f"{what} holds {name!r}, which is not known")
        _require(fits(value, kinds[name]), f"{name!r} of {what} is {value!r:.60}")
    return dict(stored)


def check_network(network: NetworkSpec) -> None:
    """Check that each layer takes what the one before it gives.

    Raises
    ------
    ValueError
        One does not, or there is no layer.
    """
    width = None
    for layer in network.layers:
        if isinstance(layer, Dropout):
            _require(0 <= layer.rate < 1, f"a layer drops {layer.rate} of its units")
        if isinstance(layer, Dense):
            _require(layer.fan_in > 0 and layer.fan_out > 0, "a layer has no units")
            _require(width in {None, layer.fan_in}, "its layers do not follow each other")
            width = layer.fan_out
    ends_dense = bool(network.layers) and isinstance(network.layers[-1], Dense)
    _require(ends_dense and isinstance(network.layers[0], Dense), "its ends are no dense layers")


def checked_fitted(
    stored: Any, network: NetworkSpec, loss: Loss, *, needs_code: bool
) -> dict[str, Any]:
    """Return fitted attributes that agree with the network.

    Raises
    ------
    ValueError
        One is unknown, of another type, or does not agree.
    """
    fitted = _checked(stored, FITTED, "what was fitted")
    units = network.units
    expected = {
        "n_features_in_": units[0],
        "n_outputs_": units[-1],
        "n_layers_": len(units),
        "out_activation_": loss.link,
    }
    for name, value in expected.items():
        _require(fitted.get(name) == value, f"{name!r} is {fitted.get(name)!r}, not {value!r}")
    if needs_code:
        place = fitted.get("code_layer_", -1)
        _require(0 <= place < len(network.hidden_ends), "its code is no hidden layer")
        _require(units[0] == units[-1], "it does not reproduce its input")
    return fitted


def checked_plan(stored: Any) -> dict[str, Any]:
    """Return what a plan was built from.

    Raises
    ------
    ValueError
        A value is unknown or of another type.
    """
    plan = _checked(stored, _PLAN, "its plan")
    _require(plan["n_rows"] > 0, "its plan has no rows")
    _require(plan["dtype"] in {"float32", "float64"}, f"its plan is of {plan['dtype']!r}")
    _require(0 <= plan["dropout_seed"] < 2**32, "its seed is no seed")
    _require(plan["score"] in {None, *SCORES}, f"there is no score {plan['score']!r}")
    return plan


def values_of(stored: Any) -> AnyArray:
    """Return classes with their type; text takes no more memory than a file can justify.

    Raises
    ------
    ValueError, TypeError
        They are no plain values.
    """
    dtype, values = np.dtype(stored["dtype"]), stored["values"]
    _require(dtype.kind in "biufUOmM", f"classes are of {dtype}")
    plain = isinstance(values, list) and all(type(v) in {str, int, float, bool} for v in values)
    _require(plain and len(values) > 0, "its classes are no values")
    _require(dtype.itemsize * len(values) <= LARGEST_TEXT, "its classes take too much memory")
    return np.array(values, dtype=dtype)


_MOST_CLASSES = {"binary": 2, "multilabel": np.inf, "multiclass": np.inf, "multioutput": np.inf}


def coder_of(stored: Any, network: NetworkSpec) -> LabelCoder:
    """Return the coder of a classifier, as many columns as the network has outputs.

    Raises
    ------
    ValueError, TypeError
        Kind, classes and network do not agree.
    """
    kind, classes = stored["kind"], tuple(values_of(values) for values in stored["classes"])
    _require(kind in _MOST_CLASSES, f"targets of the kind {kind!r:.40} are not known")
    single = kind == "multioutput" or len(classes) == 1
    _require(single and len(classes) > 0, "its classes are of several variables")
    _require(len(classes[0]) <= _MOST_CLASSES[kind], "two classes are more than two")
    coder = LabelCoder(kind, classes)
    _require(coder.n_columns == network.units[-1], "its classes do not fit its outputs")
    return coder


def check_loss_of_kind(loss: Loss, coder: LabelCoder | None, network: NetworkSpec) -> None:
    """Check that a loss is one for the targets, and its groups for the outputs.

    Raises
    ------
    ValueError
        It is not.
    """
    n = network.units[-1]
    _require(loss.link in LINKS, f"there is no link {loss.link!r}")
    _require(not loss.groups or sum(loss.groups) == n, "its loss has other columns")
    if coder is not None:
        check_fits(loss, coder)
        return
    _require(loss.link in {"identity", "exp"} and not loss.groups, "its loss is one for classes")
