"""scikit-learn's own checks of estimators, with no expected failures."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import check_estimator

from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor


def run_checks(estimator: BaseEstimator) -> list[dict[str, Any]]:
    """Run every check; return what did not pass."""
    with warnings.catch_warnings():
        # The checks train on tiny data, far too briefly to converge.
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, on_skip=None, on_fail=None)
    assert len(results) > 40
    return [found for found in results if found["status"] not in {"passed", "skipped"}]


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor, MLPAutoencoder])
def test_an_estimator_as_users_make_it_passes_the_checks(cls: type[BaseEstimator]) -> None:
    """No check of scikit-learn may fail, and none is expected to."""
    assert run_checks(cls()) == []


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier(loss="hinge", max_iter=50),
        MLPClassifier(loss="focal", activation=["gelu"], solver="nadam", max_iter=50),
        MLPRegressor(loss="huber", learning_rate="one_cycle", max_iter=50),
        MLPAutoencoder((3, 2), activation="tanh", loss="absolute_error", max_iter=50),
    ],
    ids=lambda estimator: f"{type(estimator).__name__}-{estimator.loss}",
)
def test_what_goes_beyond_scikit_learn_passes_the_checks(estimator: BaseEstimator) -> None:
    """Parameters that scikit-learn lacks must not cost the rules of its estimators."""
    assert run_checks(estimator) == []
