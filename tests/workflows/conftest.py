"""Runs that several tests look at, trained once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlplab import workflows
from mlplab.results import RunResult


@pytest.fixture(scope="session")
def mixed_frame() -> pd.DataFrame:
    """Return a table with every kind of column, and names that a page must escape."""
    rng = np.random.default_rng(0)
    n = 160
    size = rng.normal(size=n)
    colour = rng.choice(["red", "blue", "green"], n)
    return pd.DataFrame(
        {
            "customer_id": np.arange(1000, 1000 + n),
            "<script>alert(1)</script>": size,
            "colour": colour,
            "gaps": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "empty": np.full(n, np.nan),
            "same": np.ones(n),
            "answer": np.where(size + (colour == "red") > 0.3, "yes & <b>sure</b>", "no"),
        }
    )


@pytest.fixture(scope="session")
def mixed_run(mixed_frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Return a run on the mixed table, read from a file."""
    folder = tmp_path_factory.mktemp("mixed")
    mixed_frame.to_csv(folder / "answers.csv", index=False)
    return workflows.fit(
        folder / "answers.csv", target="answer", settings={"max_iter": 40}, out=folder / "runs"
    )


@pytest.fixture(scope="session")
def iris_run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Return a run on iris."""
    return workflows.fit("iris", hidden=(16,), out=tmp_path_factory.mktemp("iris"))


@pytest.fixture(scope="session")
def diabetes_run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Return a run of a regression."""
    settings = {"max_iter": 30}
    return workflows.fit("diabetes", settings=settings, out=tmp_path_factory.mktemp("diabetes"))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a folder for runs."""
    return tmp_path / "runs"
