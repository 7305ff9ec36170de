"""When two trainings are the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.linear_model import Ridge

from mlplab.errors import ParameterError
from mlplab.optim import Adam
from mlplab.sweeps.identity import canonical, cell_key, fingerprint, identity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((64, 32), [64, 32]),
        (np.float64(0.5), 0.5),
        (np.array([1, 2]), [1, 2]),
        (1.0, 1),
        (-0.0, 0),
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
        (Adam(beta_1=0.9), Adam(beta_1=0.9)),
        (Ridge(alpha=1.0), Ridge(alpha=1)),
    ],
)
def test_equal_values_share_one_form(one: object, other: object) -> None:
    """However they are written."""
    assert identity({"v": one}) == identity({"v": other})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (0, None),
        ("1", 1),
        (0.1, 0.1 + 1e-17 + 1e-16),
        (float("inf"), float("-inf")),
        (Adam(beta_1=0.9), Adam(beta_1=0.8)),
        (Ridge(alpha=1), Ridge(alpha=2)),
        (np.exp, np.log),
        ([[64], []], [[64]]),
    ],
)
def test_different_values_differ(one: object, other: object) -> None:
    """In type where that matters, and to the last bit."""
    assert identity({"v": one}) != identity({"v": other})


@pytest.mark.parametrize("value", [object(), lambda: 0, b"bytes"])
def test_values_that_nobody_could_tell_again_are_refused(value: object) -> None:
    """Instead of taking two of them for one."""
    with pytest.raises(ParameterError, match="A value of a sweep must be a number"):
        canonical(value)


def test_defaults_leave_no_trace() -> None:
    """So that a parameter that joins the space later finds the old results."""
    assert identity({"a": 1, "b": 0.9}, {"b": 0.9, "c": 3}) == identity({"a": 1})
    assert identity({"a": 1, "b": 1}, {"b": True}) != identity({"a": 1})


def test_keys_stay_what_they_are() -> None:
    """A key that changed would train everything again."""
    key = cell_key(identity({"hidden": (64, 32), "alpha": 1e-4}), "rows", 0, None)
    assert key == "d2cc231e16d922ac1a68aee715a0e1e1"


def test_everything_that_matters_is_in_the_key() -> None:
    """Configuration, rows, seed and pause."""
    keys = {
        cell_key(who, rows, seed, epochs)
        for who in ("a", "b")
        for rows in ("r", "s")
        for seed in (0, 1)
        for epochs in (None, 5)
    }
    assert len(keys) == 16


def test_fingerprints_tell_data_apart() -> None:
    """Values, shapes, dtypes, names of columns, and the order of rows."""
    X = np.arange(6.0).reshape(2, 3)
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    different = [
        X,
        X.T,
        X.reshape(3, 2),
        X.astype(np.float32),
        X[::-1],
        sp.csr_array(X),
        sp.csr_array(X + 1),
        frame,
        frame.rename(columns={"a": "c"}),
        frame[::-1],
        frame["a"],
        np.array(["x", "y"], dtype=object),
        "text",
        {"seed": 0},
    ]
    assert len({fingerprint(data) for data in different}) == len(different)
    assert fingerprint(X) == fingerprint(np.asfortranarray(X.copy()))
    assert fingerprint(X, "a") != fingerprint(X, "b")
