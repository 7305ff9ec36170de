"""Damage that Hypothesis finds: whatever comes, there is an answer or an error by name."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.faults import strategies
from tests.faults.kit import Kit
from tests.faults.row import check_form, no_hang

import mlplab
from mlplab import data, workflows
from mlplab.errors import MLPLabError
from mlplab.workflows.study_file import parse_study

BRIEFLY = settings(
    max_examples=60, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
X = np.random.default_rng(0).normal(size=(12, 3))
Y = (X[:, 0] > 0).astype(int)
TABLE = "size,age,colour,answer\n" + "".join(f"{n}.5,{-n},r{n % 2},w{n % 3}\n" for n in range(9))
STUDY = """
seed = 1
[data]
source = "iris"
split = { validation = 0.1, test = 0.2 }
[model]
hidden_layer_sizes = [8]
solver = "adam"
max_iter = 5
[preparation]
scaling = "robust"
"""


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """Return good things, made once."""
    return Kit(tmp_path_factory.mktemp("random"))


def answered(call: Any) -> Any:
    """Return what a call gives, or None where it is refused by name."""
    with no_hang(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call()
        except (MLPLabError, ValueError) as error:
            check_form(error)
            return None


def _finite(found: Any) -> bool:
    values = np.asarray(found)
    return values.dtype.kind not in "fc" or bool(np.isfinite(values).all())


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "MLPAutoencoder"])
@given(rows=strategies.arrays(), target=strategies.arrays())
@BRIEFLY
def test_learning(name: str, rows: Any, target: Any) -> None:
    """A fit ends with finite weights, or by name."""
    estimator = getattr(mlplab, name)(hidden_layer_sizes=(3,), max_iter=2, random_state=0)
    fitted = answered(lambda: estimator.fit(rows, target))
    if fitted is not None:
        assert all(_finite(one) for one in (*fitted.coefs_, *fitted.intercepts_))


@pytest.mark.parametrize("method", ["predict", "transform"])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "MLPAutoencoder"])
@given(rows=strategies.arrays())
@BRIEFLY
def test_asking(name: str, method: str, rows: Any) -> None:
    """An answer has as many rows as were asked for."""
    estimator = getattr(mlplab, name)(hidden_layer_sizes=(3,), max_iter=2, random_state=0)
    method = "reconstruct" if (name, method) == ("MLPAutoencoder", "predict") else method
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(X, Y)
    found = answered(lambda: getattr(estimator, method)(rows))
    if found is not None:
        assert len(found) == len(rows)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "MLPAutoencoder"])
@given(choice=st.data())
@BRIEFLY
def test_parameters(name: str, choice: Any) -> None:
    """Whatever a parameter is."""
    cls = getattr(mlplab, name)
    parameter = choice.draw(st.sampled_from(sorted(inspect.signature(cls).parameters)))
    value = choice.draw(st.sampled_from(strategies.PARAMETERS))
    if value == 10**9:  # is no mistake, and would take its time or its memory
        value = 3
    known = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}
    estimator = cls(**{**known, parameter: value})
    fitted = answered(lambda: estimator.fit(X, Y))
    if fitted is not None:
        assert all(_finite(one) for one in fitted.coefs_)


@given(table=strategies.tables())
@BRIEFLY
def test_tables(kit: Kit, table: pd.DataFrame) -> None:
    """Predicting, describing, finding a target, preparing."""
    found = answered(lambda: workflows.predict(kit.model_file, table))
    if found is not None:
        assert len(found) == len(table)
        assert _finite(found.select_dtypes("number").drop(columns="row", errors="ignore"))
    answered(lambda: data.describe(table))
    answered(lambda: data.find_target(table))
    prepared = answered(lambda: data.Preparation().fit(table).transform(table))
    if prepared is not None:
        assert _finite(prepared)


@given(content=strategies.spoiled_texts(TABLE))
@BRIEFLY
def test_files(tmp_path: Path, content: bytes) -> None:
    """A text that was damaged is read as a table with names of their own, or refused."""
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    frame = answered(lambda: data.read(path))
    if frame is not None:
        assert len(frame)
        assert frame.columns.is_unique


@given(content=strategies.spoiled_texts(STUDY))
@settings(BRIEFLY, max_examples=300)
def test_studies(content: bytes) -> None:
    """A study that was damaged is a study, or a sentence with a line."""
    text = content.decode(errors="replace")
    with no_hang():
        try:
            parse_study(text)
        except MLPLabError as error:
            check_form(error)
            told = str(error)
        else:
            told = "it is a study; no line is named"
    assert "line " in told


@given(content=st.binary(max_size=200))
@settings(BRIEFLY, max_examples=300)
def test_bytes_are_no_models(tmp_path: Path, content: bytes) -> None:
    """No bytes at random are a model."""
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with no_hang(), pytest.raises(MLPLabError) as caught:
        mlplab.load(path)
    check_form(caught.value)
