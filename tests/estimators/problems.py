"""Small real problems, standardised: one for each kind of target; small networks for them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.preprocessing import StandardScaler

from mlplab import MLPClassifier

__all__ = [
    "CLASSIFICATION",
    "PROBLEMS",
    "REGRESSION",
    "Problem",
    "load_problem",
    "raw_predictions",
    "small_classifier",
]

CLASSIFICATION = ("binary", "multiclass", "digits", "multilabel")
REGRESSION = ("regression", "multioutput", "poisson")
PROBLEMS = CLASSIFICATION + REGRESSION


@dataclass(frozen=True)
class Problem:
    """Rows and targets; `loss` is what a regressor needs for them."""

    kind: str
    X: Any
    y: Any
    loss: str = "squared_error"

    @property
    def classifies(self) -> bool:
        """Whether the targets are classes."""
        return self.kind in CLASSIFICATION


def _standardised(values: Any) -> Any:
    return StandardScaler().fit_transform(np.asarray(values, dtype=np.float64))


@functools.cache
def load_problem(kind: str) -> Problem:
    """Return a problem by its kind; its arrays are shared, so nobody may write to them."""
    problem = _make(kind)
    problem.X.setflags(write=False)
    problem.y.setflags(write=False)
    return problem


def _make(kind: str) -> Problem:
    return _make_classes(kind) if kind in CLASSIFICATION else _make_numbers(kind)


def _make_classes(kind: str) -> Problem:
    if kind in {"digits", "multilabel"}:
        X, y = load_digits(return_X_y=True)
        X, y = _standardised(X[:300]), y[:300]
        labels = np.column_stack([y % 2, y < 5, np.isin(y, [2, 3, 5, 7])]).astype(int)
        return Problem(kind, X, y if kind == "digits" else labels)
    X, y = (load_breast_cancer if kind == "binary" else load_iris)(return_X_y=True)
    return Problem(kind, _standardised(X[:300]), y[:300])


def _make_numbers(kind: str) -> Problem:
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:300], y[:300]
    if kind == "poisson":
        return Problem(kind, _standardised(X), y / 100, loss="poisson")
    if kind == "regression":
        return Problem(kind, _standardised(X), _standardised(y[:, None]).ravel())
    # Body mass index and blood pressure join what is predicted.
    targets = np.column_stack([y, X[:, 2], X[:, 3]])
    return Problem(kind, _standardised(np.delete(X, [2, 3], axis=1)), _standardised(targets))


def small_classifier(**parameters: Any) -> MLPClassifier:
    """Return a quick classifier; parameters override."""
    return MLPClassifier(
        **{
            "hidden_layer_sizes": (8,),
            "solver": "lbfgs",
            "max_iter": 60,
            "random_state": 0,
            **parameters,
        }
    )


def raw_predictions(clf: MLPClassifier, X: Any) -> Any:
    """Return what the last of two layers gives, from the public weights alone."""
    hidden = np.maximum(X @ clf.coefs_[0] + clf.intercepts_[0], 0)
    return hidden @ clf.coefs_[1] + clf.intercepts_[1]
