"""Which loss a classifier's parameters name, and the weights of several labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from mlplab._typing import AnyArray
from mlplab.errors import ParameterError
from mlplab.estimators.labels import LabelCoder
from mlplab.estimators.rules import check_loss
from mlplab.nn import (
    CUSTOM_LOSSES,
    BinaryCrossEntropy,
    BinaryFocal,
    BinaryHinge,
    CategoricalCrossEntropy,
    CategoricalFocal,
    CategoricalHinge,
    Loss,
    ProbabilitySquaredError,
)

__all__ = ["classification_loss", "weights_of_labels"]

NAMES = ("auto", "log_loss", "focal", "hinge", "squared_error")

LabelWeights = tuple[tuple[float, float], ...]


def classification_loss(
    name: Any, coder: LabelCoder, label_smoothing: float, label_weights: LabelWeights | None
) -> Loss:
    """Return the loss for these targets.

    Parameters
    ----------
    name : str or Loss
        A name, or the loss itself.
    coder : LabelCoder
        Tells what kind of targets there are.
    label_smoothing : float
    label_weights : tuple of (float, float), or None
        For several labels, the weights of zeros and ones of each.

    Raises
    ------
    ParameterError
        There is no such loss, or it does not go with these targets.
    """
    check_loss(name, [*NAMES, *CUSTOM_LOSSES])
    if not isinstance(name, str):
        given: Loss = name
        return given
    if name in CUSTOM_LOSSES:
        return CUSTOM_LOSSES[name]
    chosen = "log_loss" if name == "auto" else name
    _check_combination(chosen, coder, label_smoothing)
    if coder.kind in {"multiclass", "multioutput"}:
        return _exclusive_loss(chosen, coder.groups, label_smoothing)
    return _element_loss(chosen, label_smoothing, label_weights)


def _check_combination(name: str, coder: LabelCoder, label_smoothing: float) -> None:
    if name == "log_loss":
        return
    if coder.kind == "multioutput":
        message = (
            "`loss` must be 'log_loss' where each column of `y` is a class variable of its own; "
            f"got {name!r}. Use loss='auto', or one classifier a column."
        )
        raise ParameterError(message)
    if label_smoothing:
        message = (
            f"`label_smoothing` acts on log_loss only; got loss={name!r} with "
            f"label_smoothing={label_smoothing}. Set one of them back."
        )
        raise ParameterError(message)


def _exclusive_loss(name: str, groups: tuple[int, ...], label_smoothing: float) -> Loss:
    """Return the loss where one class of several is chosen."""
    makers: dict[str, Any] = {
        "log_loss": lambda: CategoricalCrossEntropy(groups, label_smoothing),
        "focal": CategoricalFocal,
        "hinge": CategoricalHinge,
        "squared_error": lambda: ProbabilitySquaredError("softmax"),
    }
    loss: Loss = makers[name]()
    return loss


def _element_loss(name: str, label_smoothing: float, label_weights: LabelWeights | None) -> Loss:
    """Return the loss where every column is a yes or no of its own."""
    makers: dict[str, Any] = {
        "log_loss": lambda: BinaryCrossEntropy(label_smoothing, label_weights),
        "focal": lambda: BinaryFocal(label_weights=label_weights),
        "hinge": lambda: BinaryHinge(label_weights),
        "squared_error": lambda: ProbabilitySquaredError("logistic"),
    }
    loss: Loss = makers[name]()
    return loss


def weights_of_labels(class_weight: Any, y: AnyArray) -> LabelWeights:
    """Return for each of several labels the weight of its zeros and of its ones.

    Parameters
    ----------
    class_weight : "balanced", dict {0: …, 1: …}, or a list with one such dict a label
    y : ndarray of shape (rows, n_labels)

    Raises
    ------
    ParameterError
        The list has another length.
    """
    n_labels = np.shape(y)[1]
    if isinstance(class_weight, str):
        return tuple(_balanced(column) for column in np.asarray(y).T)
    each = class_weight if isinstance(class_weight, list) else [class_weight] * n_labels
    if len(each) != n_labels:
        message = (
            f"`class_weight` must hold one dict for each of the {n_labels} labels; got "
            f"{len(each)}. Pass {{0: …, 1: …}} for each, or one dict for all."
        )
        raise ParameterError(message)
    return tuple((float(pair.get(0, 1)), float(pair.get(1, 1))) for pair in each)


def _balanced(column: AnyArray) -> tuple[float, float]:
    weights = compute_class_weight("balanced", classes=np.unique(column), y=column)
    # A label that never varies has one class only; it keeps weight one.
    return (float(weights[0]), float(weights[1])) if len(weights) == 2 else (1.0, 1.0)
