"""Links: from raw predictions to predictions.

A loss takes the raw prediction and owns its link, so softmax and sigmoid exist as predictions,
not as last layers, and a loss and its link can be written as one stable function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from mlplab._typing import Matrix
from mlplab.nn.activations import sigmoid

__all__ = ["LINKS", "apply_link", "log_softmax", "softmax", "spans"]


def spans(groups: tuple[int, ...]) -> Iterator[slice]:
    """Yield the slice of columns of each group.

    Examples
    --------
    >>> list(spans((2, 3)))
    [slice(0, 2, None), slice(2, 5, None)]
    """
    start = 0
    for size in groups:
        yield slice(start, start + size)
        start += size


def log_softmax(raw: Matrix) -> Matrix:
    """Return log softmax over the columns; shifted by the row's maximum, so it never overflows."""
    shifted = raw - raw.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def softmax(raw: Matrix) -> Matrix:
    """Return softmax over the columns; shifted by the row's maximum, so it never overflows."""
    weights = np.exp(raw - raw.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


LINKS: dict[str, Callable[[Matrix], Matrix]] = {
    "identity": lambda raw: raw,
    "logistic": sigmoid,
    "softmax": softmax,
    "exp": np.exp,
}
"""Inverse links by their names, as in `out_activation_` of the estimators."""


def apply_link(name: str, raw: Matrix, groups: tuple[int, ...] = ()) -> Matrix:
    """Return predictions of raw predictions; softmax acts on each group of columns by itself.

    Parameters
    ----------
    name : {"identity", "logistic", "softmax", "exp"}
    raw : ndarray of shape (batch, outputs)
    groups : tuple of int
        Numbers of columns of the groups; empty means one group of all columns.
    """
    if name != "softmax" or len(groups) < 2:
        return LINKS[name](raw)
    return np.concatenate([softmax(raw[:, span]) for span in spans(groups)], axis=1)
