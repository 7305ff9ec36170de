"""What a fit needs beside the rows it was given: no second copy of them."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor

N_ROWS, N_FEATURES = 20_000, 100
GIVEN: dict[str, Any] = {
    "hidden_layer_sizes": (4,), "batch_size": 500, "max_iter": 2, "random_state": 0,
}  # fmt: skip


def _rows(dtype: str) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.random((N_ROWS, N_FEATURES), dtype=np.float32).astype(dtype)
    return X, (X[:, 0] > X[:, 1]).astype(int)


def _peak_of_fit(estimator: Any, *rows: Any) -> int:
    """Return the most bytes that were taken at once while it was fitted."""
    tracemalloc.start()
    try:
        with pytest.warns(ConvergenceWarning):
            estimator.fit(*rows)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("engine", ["auto", "reference"])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_rows_are_not_copied(kind: Any, dtype: str, early_stopping: bool, engine: str) -> None:
    """Only those that are set aside for validation are; and some numbers for each row."""
    X, y = _rows(dtype)
    estimator = kind(**GIVEN, early_stopping=early_stopping, engine=engine)
    aside = 0.1 * X.nbytes if early_stopping else 0
    assert _peak_of_fit(estimator, X, y) < aside + 0.3 * X.nbytes


def test_autoencoder_reproduces_the_same_memory() -> None:
    """Rows that are their own targets are there once."""
    X, _ = _rows("float32")
    assert _peak_of_fit(MLPAutoencoder(**GIVEN), X) < 0.3 * X.nbytes


def test_sparse_rows_are_not_copied() -> None:
    """Nor spread out: beside them there are their places in 64 bits, and those set aside."""
    X, y = _rows("float32")
    X[X < 0.8] = 0
    rows = sp.csr_matrix(X)
    n_bytes = rows.data.nbytes + rows.indices.nbytes + rows.indptr.nbytes
    peak = _peak_of_fit(MLPClassifier(**GIVEN, early_stopping=True), rows, y)
    assert peak < 2 * n_bytes < 0.9 * X.nbytes
