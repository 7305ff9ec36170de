"""The margin of a linear classifier that was trained with hinge loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mlplab.errors import ParameterError
from mlplab.results import Margin, SupportVector

__all__ = ["has_margin", "margin"]


def has_margin(estimator: Any) -> bool:
    """Return whether a fitted network is one line between two classes, found with hinge loss."""
    return (
        len(estimator.coefs_) == 1
        and estimator.coefs_[0].shape[1] == 1
        and hasattr(estimator, "decision_function")
    )


def margin(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    *,
    tolerance: float = 1e-2,
    feature_names: Sequence[str] | None = None,
) -> Margin:
    """Return line, margin 1/‖w‖ and support vectors of a linear classifier.

    The support vectors are the rows with ``t·(wᵀx + b) ≤ 1``, t = ±1 for the two classes: on the
    margin within the tolerance, within it, or on the wrong side. Of hinge loss with an L2 penalty
    these are the only rows on which the minimum depends (Cortes and Vapnik, 1995,
    https://doi.org/10.1007/BF00994018).

    Parameters
    ----------
    estimator : MLPClassifier
        Fitted with ``loss="hinge"`` and ``hidden_layer_sizes=()`` on two classes.
    X : array-like of shape (n_rows, n_features)
        As it was fitted to.
    y : array-like of shape (n_rows,)
        Labels.
    tolerance : float, default=1e-2
        How far from ±1 a row on the margin may be.
    feature_names : sequence of str, optional
        x₁, x₂ and so on if None.

    Raises
    ------
    ParameterError
        The classifier has hidden layers, more than two classes, or another loss.

    Examples
    --------
    >>> from mlplab import MLPClassifier
    >>> line = MLPClassifier((), loss="hinge").initialize([[0.0], [2.0]], [0, 1])
    >>> line.coefs_[0][:], line.intercepts_[0][:] = 1.0, -1.0
    >>> found = margin(line, [[0.0], [2.0], [5.0]], [0, 1, 1])
    >>> found.margin, [one.row for one in found.support]
    (1.0, [0, 1])
    """
    if not has_margin(estimator):
        message = (
            "`estimator` must be linear, of two classes, and trained with hinge loss to have a "
            f"margin; got {estimator!r}. Use MLPClassifier((), loss='hinge')."
        )
        raise ParameterError(message)
    rows = np.asarray(X, dtype=float)
    weight = np.asarray(estimator.coefs_[0], dtype=float).ravel()
    decision = rows @ weight + float(estimator.intercepts_[0][0])
    sign = np.where(np.asarray(y) == estimator.classes_[1], 1.0, -1.0)
    held = np.flatnonzero(sign * decision <= 1 + tolerance)
    names = feature_names or [f"x{k}" for k in range(1, rows.shape[1] + 1)]
    support = tuple(
        SupportVector(int(k), tuple(rows[k].tolist()), str(np.asarray(y)[k]), float(decision[k]))
        for k in held
    )
    return Margin(
        tuple(weight.tolist()),
        float(estimator.intercepts_[0][0]),
        float(1 / np.linalg.norm(weight)),
        support,
        int((sign * decision < 1 - tolerance).sum()),
        tolerance,
        tuple(map(str, names)),
    )
