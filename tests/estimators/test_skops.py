"""Estimators go through skops, through pickle and through copies, alone and in pipelines."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.estimators.problems import PROBLEMS, load_problem

from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def through_pickle(model: Any, _: Path) -> Any:
    """Return what pickle brings back."""
    return pickle.loads(pickle.dumps(model))  # noqa: S301  (our own bytes)


def through_joblib(model: Any, folder: Path) -> Any:
    """Return what a compressed file of joblib brings back."""
    joblib.dump(model, folder / "model.joblib", compress=3)
    return joblib.load(folder / "model.joblib")


def through_skops(model: Any, _: Path) -> Any:
    """Return what skops brings back; nothing but classes of mlplab has to be trusted."""
    skops = pytest.importorskip("skops.io", reason="skops is not installed")
    stored = skops.dumps(model)
    types = skops.get_untrusted_types(data=stored)
    assert all(name.startswith("mlplab.") for name in types)
    with pytest.raises(skops.exceptions.UntrustedTypesFoundException):
        skops.loads(stored)
    return skops.loads(stored, trusted=types)


WAYS: dict[str, Callable[[Any, Path], Any]] = {
    "pickle": through_pickle,
    "joblib": through_joblib,
    "skops": through_skops,
    "copy": lambda model, _: copy.deepcopy(model),
}


def same(one: Any, other: Any, X: Any) -> None:
    """Compare all that is predicted, and what was fitted."""
    np.testing.assert_array_equal(one.transform(X), other.transform(X))
    for name in ("predict", "predict_proba", "reconstruct"):
        if hasattr(one, name):
            np.testing.assert_array_equal(getattr(one, name)(X), getattr(other, name)(X))
    assert one.result_ == other.result_
    assert one.result_.status is other.result_.status
    assert one.get_params() == other.get_params()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", PROBLEMS)
def test_what_comes_back_predicts_and_trains_on(kind: str, way: str, tmp_path: Path) -> None:
    """Bit for bit, with the optimiser's memory."""
    problem = load_problem(kind)
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (5,),
        "max_iter": 4,
        "random_state": 0,
        "warm_start": "state",
        "dropout": 0.1,
        "early_stopping": True,
    }
    if problem.classifies:
        before: Any = MLPClassifier(**settings).fit(problem.X, problem.y)
    else:
        before = MLPRegressor(loss=problem.loss, **settings).fit(problem.X, problem.y)
    after = WAYS[way](before, tmp_path)
    same(after, before, problem.X)
    before.fit(problem.X, problem.y)
    after.fit(problem.X, problem.y)
    for one, other in zip(before.coefs_, after.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("way", WAYS)
def test_an_autoencoder_and_a_pipeline_come_back(way: str, tmp_path: Path) -> None:
    """Also within scikit-learn's pipelines, and with lbfgs."""
    problem = load_problem("multiclass")
    coder = MLPAutoencoder((3, 2, 3), solver="lbfgs", max_iter=9, random_state=0).fit(problem.X)
    same(WAYS[way](coder, tmp_path), coder, problem.X)
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((3,), max_iter=3, random_state=0))
    pipeline.fit(problem.X, problem.y)
    again = WAYS[way](pipeline, tmp_path)
    np.testing.assert_array_equal(again.predict_proba(problem.X), pipeline.predict_proba(problem.X))


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_fitted_comes_back_so(way: str, tmp_path: Path) -> None:
    """Parameters alone."""
    if way == "skops":
        skops = pytest.importorskip("skops.io")
        types = skops.get_untrusted_types(data=skops.dumps(MLPClassifier((5,), alpha=0.5)))
        assert types == ["mlplab.estimators.classifier.MLPClassifier"]
    after = WAYS[way](MLPClassifier((5,), alpha=0.5), tmp_path)
    assert after.get_params() == MLPClassifier((5,), alpha=0.5).get_params()
    assert not hasattr(after, "coefs_")
