"""Which loss a classifier's parameters name, and the weights of several labels."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from mlplab._typing import AnyArray
from mlplab.errors import ParameterError
from mlplab.estimators.labels import LabelCoder
from mlplab.estimators.rules import check_loss
from mlplab.nn import (
    CUSTOM_LOSSES,
    LOSSES,
    BinaryCrossEntropy,
    BinaryFocal,
    BinaryHinge,
    CategoricalCrossEntropy,
    CategoricalFocal,
    CategoricalHinge,
    Loss,
    ProbabilitySquaredError,
)
from mlplab.nn.scores import is_exclusive

__all__ = [
    "LabelWeights",
    "check_fits",
    "classification_loss",
    "has_probabilities",
    "weights_of_labels",
]

NAMES = ("auto", "log_loss", "focal", "hinge", "squared_error")

LabelWeights = tuple[tuple[float, float], ...]


def has_probabilities(estimator: Any) -> bool:
    """Whether a classifier has probabilities: unless its loss has no link, as hinge has none.

    Before the fit the parameter tells, afterwards the loss that was used.
    """
    loss = getattr(estimator, "_loss", None) or estimator.loss
    if isinstance(loss, str):
        loss = CUSTOM_LOSSES.get(loss, loss)
    return bool(loss != "hinge" and getattr(loss, "link", None) != "identity")


def classification_loss(
    given: Any, coder: LabelCoder, label_smoothing: float, label_weights: LabelWeights | None
) -> Loss:
    """Return the loss for these targets.

    Parameters
    ----------
    given : str or Loss
        A name, or the loss itself.
    coder : LabelCoder
        Tells what kind of targets there are.
    label_smoothing : float
    label_weights : tuple of (float, float), or None
        For several labels, the weights of zeros and ones of each.

    Raises
    ------
    ParameterError
        There is no such loss, or it does not go with these targets or with what it is to carry.
    """
    check_loss(given, [*NAMES, *CUSTOM_LOSSES])
    if not isinstance(given, str):
        loss: Loss = given
    elif given in CUSTOM_LOSSES:
        loss = CUSTOM_LOSSES[given]
    else:
        loss = _named_loss("log_loss" if given == "auto" else given, coder)
    check_fits(loss, coder)
    _check_own_weights(loss, coder.n_columns)
    loss = _carrying(loss, "label_smoothing", label_smoothing or None, given)
    return _carrying(loss, "label_weights", label_weights, given)


def _named_loss(name: str, coder: LabelCoder) -> Loss:
    if coder.kind == "multioutput" and name != "log_loss":
        message = (
            "`loss` must be 'log_loss' where each column of `y` is a class variable of its own; "
            f"got {name!r}. Use loss='auto', or one classifier a column."
        )
        raise ParameterError(message)
    if coder.groups:  # one class of several is chosen
        makers: dict[str, Any] = {
            "log_loss": lambda: CategoricalCrossEntropy(coder.groups),
            "focal": CategoricalFocal,
            "hinge": CategoricalHinge,
            "squared_error": lambda: ProbabilitySquaredError("softmax"),
        }
    else:
        makers = {
            "log_loss": BinaryCrossEntropy,
            "focal": BinaryFocal,
            "hinge": BinaryHinge,
            "squared_error": lambda: ProbabilitySquaredError("logistic"),
        }
    loss: Loss = makers[name]()
    return loss


def check_fits(loss: Loss, coder: LabelCoder) -> None:
    """Check that a loss decides in the way that these targets ask for.

    Raises
    ------
    ParameterError
        It does not.
    """
    if coder.groups:
        groups = {coder.groups} | ({()} if coder.kind == "multiclass" else set())
        links = {"softmax", "identity"}
        fits = loss.link in links and is_exclusive(loss) and tuple(loss.groups) in groups
        need = f"link 'softmax' (or be hinge) and groups={coder.groups} or none"
        if coder.kind == "multioutput":
            need = f"link 'softmax' and groups={coder.groups}"
    else:
        by_sign = loss.link == "identity" and not is_exclusive(loss) and _is_margin(loss, coder)
        fits = by_sign or (loss.link == "logistic" and not is_exclusive(loss))
        need = "link 'logistic' (or decide by sign, as hinge does) and no groups"
    if not fits:
        message = (
            f"`loss` must have {need} for targets of the kind {coder.kind!r}; got {loss.name!r} "
            f"with link {loss.link!r} and groups={tuple(loss.groups)}. Use loss='auto', or a loss "
            "made for such targets."
        )
        raise ParameterError(message)


def _check_own_weights(loss: Loss, n_columns: int) -> None:
    pairs = getattr(loss, "label_weights", None)
    if pairs is not None and np.shape(pairs) not in {(1, 2), (n_columns, 2)}:
        message = (
            f"`label_weights` of a loss must hold a pair for each of the {n_columns} columns of "
            f"the target; got {pairs!r}. Pass as many pairs, or one for all."
        )
        raise ParameterError(message)


def _is_margin(loss: Loss, coder: LabelCoder) -> bool:
    """Whether the right side of 0 costs less than the wrong one, as it does in no regression."""
    if isinstance(loss, BinaryHinge):
        return True
    above = np.ones((1, coder.n_columns))
    ones = loss.values(above, above) < loss.values(-above, above)
    zeros = loss.values(-above, 0 * above) < loss.values(above, 0 * above)
    return bool(np.all(ones) and np.all(zeros))


def _carrying(loss: Loss, name: str, value: Any, given: Any) -> Loss:
    """Return the loss with a parameter of the estimator in it."""
    if value is None:
        return loss
    own: Any = loss
    built_in = LOSSES.get(loss.name) is type(loss)
    if built_in and name in {field.name for field in dataclasses.fields(own)}:
        if getattr(loss, name) in (0.0, None, value):
            carrying: Loss = dataclasses.replace(own, **{name: value})
            return carrying
        message = (
            f"`{name}` must be given once; got {value!r} besides {loss!r}. Leave the parameter of "
            "the classifier at its default."
        )
    elif name == "label_smoothing":
        message = (
            f"`label_smoothing` acts on log_loss only; got loss={given!r} with "
            f"label_smoothing={value}. Set one of them back."
        )
    else:
        message = (
            "`class_weight` of several labels acts on log_loss, focal and hinge only; got "
            f"loss={given!r}. Use one of these, or pass sample_weight."
        )
    raise ParameterError(message)


def weights_of_labels(
    class_weight: Any, n_labels: int, y: AnyArray | None = None
) -> LabelWeights | None:
    """Return for each of several labels the weight of its zeros and of its ones.

    Parameters
    ----------
    class_weight : None, "balanced", dict {0: …, 1: …}, or a list with one such dict a label
    n_labels : int
    y : ndarray of shape (rows, n_labels), optional
        What "balanced" counts.

    Raises
    ------
    ParameterError
        The list has another length, a key is neither 0 nor 1, or nothing has a weight.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str):
        return tuple(_balanced(column) for column in np.asarray(y).T)
    each = class_weight if isinstance(class_weight, list) else [class_weight] * n_labels
    if len(each) != n_labels:
        message = (
            f"`class_weight` must hold one dict for each of the {n_labels} labels; got "
            f"{len(each)}. Pass {{0: …, 1: …}} for each, or one dict for all."
        )
        raise ParameterError(message)
    pairs = tuple((float(pair.get(0, 1)), float(pair.get(1, 1))) for pair in each)
    if not np.any(pairs) or any(key not in {0, 1} for pair in each for key in pair):
        message = (
            "`class_weight` must weigh 0 and 1, and one of them above 0, where `y` holds several "
            f"labels; got {class_weight!r}. Pass {{0: …, 1: …}}."
        )
        raise ParameterError(message)
    return pairs


def _balanced(column: AnyArray) -> tuple[float, float]:
    weights = compute_class_weight("balanced", classes=np.unique(column), y=column)
    # A label that never varies has one class only; it keeps weight one.
    return (float(weights[0]), float(weights[1])) if len(weights) == 2 else (1.0, 1.0)
