"""Models to serve, and clients to ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient
from tests.serving.asking import Ask

from mlplab import workflows
from mlplab.serving import Limits, build_app
from mlplab.workflows import TabularModel


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    """Return a table with a column of every kind, and gaps."""
    rng = np.random.default_rng(0)
    n = 200
    size, colour = rng.normal(size=n), rng.choice(["red", "blue", "green"], n)
    return pd.DataFrame(
        {
            "customer_id": np.arange(1000, 1000 + n),
            "size (cm)": np.where(rng.random(n) < 0.1, np.nan, size),
            "colour": colour,
            "member": rng.choice(["yes", "no"], n),
            "since": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "answer": np.where(size + (colour == "red") > 0.3, "sure", "never"),
        }
    ).assign(since=lambda frame: frame["since"].dt.strftime("%Y-%m-%d"))


@pytest.fixture(scope="session")
def model(table: pd.DataFrame) -> TabularModel:
    """Return a classifier of the table."""
    settings = {"max_iter": 30}
    found = workflows.fit(table, target="answer", settings=settings, hidden=(8,), out=None)
    assert isinstance(found.model, TabularModel)
    return found.model


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Return a maker of clients; each asks a model of its own."""
    clients: list[TestClient] = []

    def make(model: Any, limits: Limits | None = None, **options: Any) -> TestClient:
        app = build_app(model, limits, **options)
        clients.append(TestClient(app, "http://127.0.0.1:8000", raise_server_exceptions=False))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
