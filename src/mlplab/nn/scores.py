"""Scores of raw predictions that engines can compute by themselves; higher is better.

`accuracy` of several labels is the share of rows with every label right, and `r2` is averaged
over the outputs, as in scikit-learn's `accuracy_score` and `r2_score`, which are their oracles.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from mlplab._typing import Matrix
from mlplab.nn.links import spans
from mlplab.nn.losses import Loss

__all__ = ["SCORES", "accuracy", "decide", "is_exclusive", "r2", "settle_constant_columns"]

Weights = Float[np.ndarray, "batch"] | None


def is_exclusive(loss: Loss) -> bool:
    """Whether a loss chooses one column of each group; otherwise each is a yes or no of its own."""
    return loss.link == "softmax" or loss.name == "hinge" or bool(loss.groups)


def decide(loss: Loss, raw: Matrix) -> Matrix:
    """Return the decided 0-1 targets: the largest of each group, or each unit above its middle.

    The middle of a raw prediction is 0 for the logistic link and for the hinge alike.
    """
    if not is_exclusive(loss):
        return (raw > 0).astype(raw.dtype)
    decided = np.zeros_like(raw)
    for span in spans(loss.groups or (raw.shape[1],)):
        decided[np.arange(len(raw)), span.start + raw[:, span].argmax(axis=1)] = 1
    return decided


def accuracy(loss: Loss, raw: Matrix, target: Matrix, weight: Weights = None) -> float:
    """Return the weighted share of rows that are right in every column."""
    if not np.isfinite(raw).all():
        return float("nan")
    right = (decide(loss, raw) == target).all(axis=1)
    return float(np.average(right, weights=weight))


def r2(loss: Loss, raw: Matrix, target: Matrix, weight: Weights = None) -> float:
    """Return the coefficient of determination, averaged over the outputs.

    A constant target gives 1 where it is met exactly and 0 otherwise. Fewer than two rows give
    NaN.
    """
    if not np.isfinite(raw).all() or len(raw) < 2:
        return float("nan")
    prediction = np.exp(raw) if loss.link == "exp" else raw
    s = np.ones(len(raw)) if weight is None else weight
    residual = (s[:, None] * (target - prediction) ** 2).sum(axis=0, dtype=np.float64)
    mean = np.average(target, axis=0, weights=s)
    total = (s[:, None] * (target - mean) ** 2).sum(axis=0, dtype=np.float64)
    constant = total == 0
    ratio = residual / np.where(constant, 1, total)
    scores = np.where(constant, np.where(residual == 0, 1.0, 0.0), 1 - ratio)
    return float(scores.mean())


SCORES: dict[str, Callable[[Loss, Matrix, Matrix, Weights], float]] = {
    "accuracy": accuracy,
    "r2": r2,
}
"""Scores by name."""


def settle_constant_columns(target: Matrix) -> Matrix:
    """Return a copy in which columns that vary by rounding alone do not vary at all.

    Of a column that is constant but for the last bit, R² is the quotient of two roundings and may
    be any number; of a truly constant one it is 1 or 0.
    """
    settled = np.array(target)
    if len(settled):
        size = np.abs(settled).max(axis=0)
        steady = np.ptp(settled, axis=0) <= 1e3 * np.finfo(settled.dtype).eps * size
        settled[:, steady] = settled[0, steady]
    return settled
