"""By what the cells of a study's sweep are judged: the scores asked for, and the usual ones.

scikit-learn's scorers check their input for longer than a small network trains. So the figures
that every table of a sweep shows are computed here, from one prediction, under the names of its
scorers and to rounding with their results; scorers are called for what else was asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from mlplab._typing import AnyArray
from mlplab.results import Task
from mlplab.sweeps import scorer_of
from mlplab.workflows.metrics import multilabel_metrics, regression_metrics
from mlplab.workflows.parts import Part, Parts

__all__ = ["USUAL", "WATCHED", "score_on"]

_NUMBERS = ("r2", "neg_mean_squared_error", "neg_mean_absolute_error")
USUAL: Mapping[Task, tuple[str, ...]] = {
    "classification": ("accuracy", "precision_macro", "recall_macro", "f1_macro"),
    "multilabel": ("accuracy", "f1_micro", "f1_macro", "f1_samples"),
    "regression": _NUMBERS,
    "autoencoder": _NUMBERS,
}
"""The scores that are kept of every training, by scikit-learn's names."""

WATCHED: Mapping[Task, str] = {
    "classification": "accuracy",
    "multilabel": "accuracy",
    "regression": "r2",
    "autoencoder": "r2",
}
"""The score that is taken after every epoch: that of the networks themselves."""


def score_on(names: Sequence[str], estimator: Any, parts: Parts, part: Part) -> dict[str, float]:
    """Return the scores of a network on prepared rows, numbers on their own scale.

    Parameters
    ----------
    names : sequence of str
        Scorers of scikit-learn.
    estimator : estimator
        A fitted network.
    parts : Parts
        To whose task it belongs.
    part : Part
        The rows.

    Returns
    -------
    dict of str to float
        Those asked for, in their order, then the usual ones; higher is better.
    """
    model, truth = estimator, part.y
    if parts.task in {"regression", "autoencoder"}:
        model, truth = _OwnScale(estimator, parts), part.truth
    usual = _usual(parts.task, truth, model.predict(part.x))
    others = [name for name in names if name not in usual]
    asked = scorer_of(others)(model, part.x, truth) if others else {}
    return {**dict.fromkeys(names, math.nan), **usual, **asked}


def _usual(task: Task, truth: AnyArray, predicted: AnyArray) -> dict[str, float]:
    if task == "classification":
        # Of several targets at once there is no precision.
        return _of_classes(truth, predicted) if truth.ndim == 1 else {}
    if task == "multilabel":
        labels = multilabel_metrics(truth, predicted)
        figures = (labels.subset_accuracy, labels.f1_micro, labels.f1_macro, labels.f1_samples)
        return dict(zip(USUAL[task], figures, strict=True))
    numbers = regression_metrics(truth, predicted)
    r2 = math.nan if numbers.r2 is None else numbers.r2
    return dict(zip(USUAL[task], (r2, -numbers.mse, -numbers.mae), strict=True))


def _of_classes(truth: AnyArray, predicted: AnyArray) -> dict[str, float]:
    """Return accuracy, and means over the classes that occur; a ratio of nothing is 0."""
    classes, codes = np.unique(np.concatenate([truth, predicted]), return_inverse=True)
    true, said = codes[: len(truth)], codes[len(truth) :]
    hits = np.bincount(true[true == said], minlength=len(classes))
    n_true, n_said = (np.bincount(one, minlength=len(classes)) for one in (true, said))
    figures = (
        np.mean(true == said),
        np.mean(hits / np.maximum(n_said, 1)),
        np.mean(hits / np.maximum(n_true, 1)),
        np.mean(2 * hits / (n_true + n_said)),
    )
    return {
        name: float(value) for name, value in zip(USUAL["classification"], figures, strict=True)
    }


class _OwnScale(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Answers in the units of the target, for scorers."""

    def __init__(self, estimator: Any, parts: Parts) -> None:
        self.estimator, self.parts = estimator, parts

    def fit(self, X: Any, y: Any = None) -> Any:  # noqa: ARG002  # scorers ask for estimators
        """Do nothing: the network has been trained."""
        return self

    def predict(self, X: AnyArray) -> AnyArray:
        """Predict numbers on their own scale, or the prepared rows of an autoencoder."""
        if self.parts.encoding is None:
            return np.asarray(self.estimator.reconstruct(X))
        return self.parts.encoding.decode(np.asarray(self.estimator.predict(X)))
