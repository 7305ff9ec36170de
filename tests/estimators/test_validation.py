"""Validation rows: whose figures are compared, and whose weights count."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, make_scorer, max_error
from tests.estimators.problems import load_problem

from mlplab import MLPClassifier, MLPRegressor
from mlplab.engines import ENGINES
from mlplab.errors import DataError
from mlplab.estimators.validation import takes_weights

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IRIS = load_problem("multiclass")
DIABETES = load_problem("regression")


@pytest.mark.parametrize("first", [{}, {"early_stopping": True}])
def test_a_change_of_judge_forgets_the_best(first: dict[str, Any]) -> None:
    """Figures of one kind are not compared with the best of another kind."""
    clf = MLPClassifier((5,), max_iter=10, warm_start=True, random_state=0, **first)
    clf.fit(IRIS.X, IRIS.y)
    before = clf.coefs_[0].copy()
    clf.set_params(early_stopping=True, stopping="loss", max_iter=25).fit(IRIS.X, IRIS.y)

    assert clf.n_iter_ == 25
    assert clf.result_.best_epoch > 10
    assert not np.array_equal(clf.coefs_[0], before)


def _first_error(estimator: Any, X: Any, y: Any) -> float:
    """Return a score that knows no weights."""
    return -float(np.abs(estimator.predict(X) - y)[0])


@pytest.mark.parametrize("scorer", [_first_error, make_scorer(max_error, greater_is_better=False)])
def test_a_scorer_without_weights_is_asked_without_them(scorer: Any) -> None:
    """Any scorer may be watched, also where rows have weights."""
    assert not takes_weights(scorer)
    assert takes_weights(make_scorer(accuracy_score))
    reg = MLPRegressor(hidden_layer_sizes=(3,), early_stopping=True, stopping=scorer, max_iter=3)
    reg.fit(DIABETES.X, DIABETES.y, sample_weight=np.ones(len(DIABETES.y)))

    assert len(reg.validation_scores_) == 3


def test_a_part_without_weight_is_refused() -> None:
    """The sentence tells what to do instead."""
    weight = np.zeros(len(DIABETES.y))
    weight[0] = 1
    reg = MLPRegressor(early_stopping=True, random_state=0)
    with pytest.raises(DataError, match=r"some weight.*X_val"):
        reg.fit(DIABETES.X, DIABETES.y, sample_weight=weight)


def test_a_model_of_an_engine_that_is_not_here_predicts() -> None:
    """Trained elsewhere by another engine, it predicts with one that is here."""
    clf = MLPClassifier((5,), max_iter=3, random_state=0).fit(IRIS.X, IRIS.y)
    expected = clf.predict_proba(IRIS.X)
    assert "elsewhere" not in ENGINES
    clf.result_ = dataclasses.replace(clf.result_, engine="elsewhere")

    np.testing.assert_allclose(clf.predict_proba(IRIS.X), expected, rtol=1e-12)
