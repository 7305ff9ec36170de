"""Importance of parameters: functional analysis of variance over a forest of regression trees.

A tree predicts a score that is constant in each of its leaves, which are boxes. So the mean of its
prediction over all other parameters, as a function of one or two, and the variance of that mean,
are sums over the leaves and exact. The forest tells them for configurations that nobody trained,
which matters where trials are few or were not dealt out evenly.

Reference: Hutter, Hoos and Leyton-Brown, An efficient approach for assessing hyperparameter
importance, ICML 2014.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from mlplab._typing import AnyArray
from mlplab.sweeps.levels import Levels

__all__ = ["Shares", "variance_shares"]

_TREES = 64


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the variance of the score.

    Attributes
    ----------
    alone : ndarray of shape (trees, parameters)
    together : dict of (int, int) to ndarray of shape (trees,)
        What two parameters do together beyond what each does alone.
    """

    alone: AnyArray
    together: dict[tuple[int, int], AnyArray]


def variance_shares(levels: Sequence[Levels], scores: AnyArray, *, seed: int = 0) -> Shares:
    """Return which share of the variance is due to each parameter, and to each two.

    The space is that of all combinations of the values that occurred, each value being as likely
    as any other.

    Parameters
    ----------
    levels : sequence of Levels
    scores : ndarray of shape (trials,)
    seed : int
        Of the forest.
    """
    sizes = [len(one.values) for one in levels]
    pairs = list(itertools.combinations(range(len(levels)), 2))
    rows = np.stack([_by_score(one, scores) for one in levels], axis=1)
    forest = RandomForestRegressor(_TREES, random_state=seed).fit(rows, scores)
    alone, together = [], []
    for estimator in forest.estimators_:
        boxes = _Boxes.of(estimator.tree_, sizes)
        total = boxes.variance()
        if total > 0:
            single = [boxes.variance_of(j) for j in range(len(sizes))]
            double = [boxes.variance_of(j, k) - single[j] - single[k] for j, k in pairs]
            alone.append(np.array(single) / total)
            together.append(np.array(double) / total)
    if not alone:  # all scores are equal
        alone, together = [np.zeros(len(sizes))], [np.zeros(len(pairs))]
    return Shares(np.stack(alone), dict(zip(pairs, np.stack(together, axis=1), strict=True)))


def _by_score(levels: Levels, scores: AnyArray) -> AnyArray:
    """Return codes in which values without an order stand in that of their mean scores.

    A tree splits in two along an order; with this one it can part the good from the bad.
    """
    if levels.numeric:
        return levels.codes
    counts = np.bincount(levels.codes)
    means = np.bincount(levels.codes, weights=scores) / counts
    return np.argsort(np.argsort(means, kind="stable"))[levels.codes]


@dataclass(frozen=True, slots=True)
class _Boxes:
    """The leaves of a tree.

    Attributes
    ----------
    value : ndarray of shape (leaves,)
    inside : list of ndarray of bool of shape (leaves, values)
        For each parameter which of its values a leaf holds.
    share : ndarray of shape (leaves, parameters)
        Which share of its values.
    """

    value: AnyArray
    inside: list[AnyArray]
    share: AnyArray

    @classmethod
    def of(cls, tree: object, sizes: Sequence[int]) -> _Boxes:
        """Walk down from the root, and cut the box at every node."""
        left, right, feature, threshold, value = (
            getattr(tree, name)
            for name in ("children_left", "children_right", "feature", "threshold", "value")
        )
        values, boxes = [], []
        waiting = [(0, [(0, size) for size in sizes])]
        while waiting:
            node, box = waiting.pop()
            if left[node] < 0:
                values.append(float(value[node].item()))
                boxes.append(box)
                continue
            j, cut = feature[node], int(np.floor(threshold[node])) + 1
            low, high = box[j]
            waiting.append((left[node], [*box[:j], (low, min(cut, high)), *box[j + 1 :]]))
            waiting.append((right[node], [*box[:j], (max(cut, low), high), *box[j + 1 :]]))
        limits = np.array(boxes)
        inside = [
            (np.arange(size) >= limits[:, j, :1]) & (np.arange(size) < limits[:, j, 1:])
            for j, size in enumerate(sizes)
        ]
        return cls(np.array(values), inside, np.stack([one.mean(axis=1) for one in inside], axis=1))

    def variance(self) -> float:
        """Return the variance of the prediction over the whole space."""
        weight = self.share.prod(axis=1)
        return float(weight @ (self.value - weight @ self.value) ** 2)

    def variance_of(self, *parameters: int) -> float:
        """Return the variance of the mean prediction as a function of one parameter or of two."""
        others = np.delete(self.share, parameters, axis=1).prod(axis=1) * self.value
        first = self.inside[parameters[0]]
        if len(parameters) == 1:
            return float(np.var(others @ first))
        return float(np.var((first * others[:, None]).T @ self.inside[parameters[1]]))
