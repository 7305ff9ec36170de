"""Sizes of batches by name."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.datasets import make_classification

from mlplab import MLPClassifier


def test_full_is_all_rows_whatever_their_number() -> None:
    """``batch_size="full"`` trains as the number of rows does, without a warning."""
    X, y = make_classification(n_samples=90, random_state=0)
    settings = {"hidden_layer_sizes": (5,), "max_iter": 20, "tol": 0.0, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Stochastic Optimizer")
        named = MLPClassifier(batch_size="full", **settings).fit(X, y)
        counted = MLPClassifier(batch_size=90, **settings).fit(X, y)
        part = MLPClassifier(batch_size="full", early_stopping=True, **settings).fit(X, y)

    assert all(np.array_equal(a, b) for a, b in zip(named.coefs_, counted.coefs_, strict=True))
    assert named.t_ == 20 * 90
    assert part.n_iter_ * 81 == part.t_
