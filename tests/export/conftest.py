"""A small model with everything that a model file can hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlplab.results import ModelArtifact


@pytest.fixture
def artifact() -> ModelArtifact:
    """Return an artifact with numbers, text and a header with all kinds of values."""
    return ModelArtifact(
        "MLPClassifier",
        {
            "sizes": [2, 3],
            "tol": -math.inf,
            "alpha": 0.1,
            "nested": {"a": None, "b": [True, "σ \ud800 \0"]},
        },
        {
            "coefs.0": np.array([[0.1, -0.0, np.inf], [1e-300, 5e-324, np.nan]]),
            "intercepts.0": np.array([1, 2, 3], dtype=np.float32),
            "classes": np.array(["no", "yes, σ", ""]),
        },
    )
