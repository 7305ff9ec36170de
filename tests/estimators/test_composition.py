"""The estimators among scikit-learn's other tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from scipy.stats import loguniform
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  (lets the next import work)
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_score,
    cross_validate,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from tests.estimators.problems import load_problem

from mlplab import MLPClassifier, MLPRegressor
from mlplab.errors import ParameterError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IRIS, ONE, LABELS = (load_problem(kind) for kind in ("multiclass", "regression", "multilabel"))


def classifier(**parameters: Any) -> MLPClassifier:
    """Return a quick classifier; parameters override."""
    return MLPClassifier(
        (6,), **{"solver": "lbfgs", "max_iter": 40, "random_state": 0, **parameters}
    )


def regressor(**parameters: Any) -> MLPRegressor:
    """Return a quick regressor; parameters override."""
    return MLPRegressor(
        hidden_layer_sizes=(6,),
        **{"solver": "lbfgs", "max_iter": 40, "random_state": 0, **parameters},
    )


@pytest.fixture
def _routing() -> Iterator[None]:
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_cross_validation() -> None:
    """Scores on rows that were not learned from must be good."""
    assert cross_val_score(classifier(), IRIS.X, IRIS.y, cv=5).mean() > 0.9
    assert cross_val_score(regressor(alpha=30.0), ONE.X, ONE.y, cv=5).mean() > 0.3
    found = cross_validate(classifier(), IRIS.X, IRIS.y, scoring=["accuracy", "neg_log_loss"])
    assert set(found) >= {"test_accuracy", "test_neg_log_loss"}


def test_a_grid_search_in_two_processes() -> None:
    """Estimators must travel to other processes and back."""
    grid = {"alpha": [1e-4, 1.0], "hidden_layer_sizes": [(3,), (6, 4)]}
    search = GridSearchCV(classifier(), grid, cv=3, n_jobs=2).fit(IRIS.X, IRIS.y)
    assert search.best_score_ > 0.9
    assert search.score(IRIS.X, IRIS.y) > 0.95


def test_a_random_search_over_a_pipeline() -> None:
    """Parameters must be found under the names of their steps."""
    pipeline = make_pipeline(StandardScaler(), classifier())
    space = {
        "mlpclassifier__alpha": loguniform(1e-5, 1),
        "mlpclassifier__init": ["he_normal", "auto"],
    }
    search = RandomizedSearchCV(pipeline, space, n_iter=4, cv=3, random_state=0)
    assert search.fit(IRIS.X, IRIS.y).best_score_ > 0.9


def test_a_halving_search_over_epochs() -> None:
    """The number of epochs may be the resource that is halved."""
    search = HalvingGridSearchCV(
        classifier(solver="adam", learning_rate_init=0.02),
        {"alpha": [1e-4, 1e-2, 10.0]},
        resource="max_iter",
        min_resources=5,
        max_resources=45,
        cv=3,
        random_state=0,
    ).fit(IRIS.X, IRIS.y)
    assert search.best_score_ > 0.85


def test_a_wrong_parameter_in_a_search_comes_out() -> None:
    """The message of the parameter must reach whoever searches."""
    search = GridSearchCV(classifier(), {"solver": ["lbfg"]}, cv=2, error_score="raise")
    with pytest.raises(ParameterError, match="Did you mean 'lbfgs'"):
        search.fit(IRIS.X, IRIS.y)


@pytest.mark.parametrize("loss", ["log_loss", "hinge"])
def test_calibration(loss: str) -> None:
    """Probabilities are calibrated from probabilities, or from decisions with hinge."""
    calibrated = CalibratedClassifierCV(classifier(loss=loss, alpha=0.1), cv=3).fit(IRIS.X, IRIS.y)
    p = calibrated.predict_proba(IRIS.X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert calibrated.score(IRIS.X, IRIS.y) > 0.9


def test_ensembles() -> None:
    """Bagging, stacking and voting must clone, fit and combine."""
    bagged = BaggingClassifier(classifier(max_iter=15), n_estimators=3, random_state=0)
    assert bagged.fit(IRIS.X, IRIS.y).score(IRIS.X, IRIS.y) > 0.9
    stacked = StackingClassifier([("net", classifier(max_iter=15))], LogisticRegression(), cv=3)
    assert stacked.fit(IRIS.X, IRIS.y).score(IRIS.X, IRIS.y) > 0.9
    voting = VotingRegressor([("relu", regressor()), ("tanh", regressor(activation="tanh"))])
    assert voting.fit(ONE.X, ONE.y).score(ONE.X, ONE.y) > 0.5


def test_wrappers_of_outputs_and_targets() -> None:
    """One network an output, a transformed target, rows without label."""
    wrapped = MultiOutputClassifier(classifier()).fit(LABELS.X, LABELS.y)
    assert wrapped.predict(LABELS.X).shape == LABELS.y.shape
    counts = load_problem("poisson")
    logarithm = TransformedTargetRegressor(regressor(), func=np.log, inverse_func=np.exp)
    assert logarithm.fit(counts.X, counts.y).predict(counts.X).min() > 0
    partly = np.where(np.arange(150) % 3 == 0, -1, IRIS.y)
    trained = SelfTrainingClassifier(classifier()).fit(IRIS.X, partly)
    assert trained.score(IRIS.X, IRIS.y) > 0.9


def test_importance_by_permutation() -> None:
    """The petals must matter more than the sepals."""
    clf = classifier().fit(IRIS.X, IRIS.y)
    importance = permutation_importance(clf, IRIS.X, IRIS.y, random_state=0).importances_mean
    assert importance[2:].min() > importance[:2].max()


def test_a_table_with_words_in_a_pipeline() -> None:
    """Encoded columns of a frame, sparse after one-hot encoding, must be learned from."""
    colours = np.array(["red", "green", "blue"])[IRIS.y]
    frame = pd.DataFrame({"width": IRIS.X[:, 3], "colour": colours})
    encode = ColumnTransformer(
        [("number", StandardScaler(), ["width"]), ("word", OneHotEncoder(), ["colour"])],
        sparse_threshold=1.0,
    )
    pipeline = make_pipeline(encode, classifier()).fit(frame, IRIS.y)
    assert pipeline.score(frame, IRIS.y) == 1.0


def test_frames_of_polars() -> None:
    """Names of columns must be taken from polars as from pandas."""
    frame = pl.DataFrame(IRIS.X, schema=list("abcd"))
    clf = classifier().fit(frame, pl.Series(IRIS.y))
    assert list(clf.feature_names_in_) == list("abcd")
    np.testing.assert_array_equal(
        clf.predict(frame), clf.predict(pd.DataFrame(IRIS.X, columns=list("abcd")))
    )


# ---------------------------------------------------------------------- routing of weights


@pytest.mark.usefixtures("_routing")
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_sample_weights_are_routed_through_search_and_pipeline(kind: str) -> None:
    """Weights that the estimator asked for must reach fit and score of every step and fold."""
    problem, make = (IRIS, classifier) if kind == "classifier" else (ONE, regressor)
    weight = np.where(np.arange(len(problem.y)) % 2, 1.0, 0.0)
    asks = make().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    pipeline = make_pipeline(scaler, asks)
    search = GridSearchCV(pipeline, {f"mlp{kind}__alpha": [0.1, 1.0]}, cv=3)
    search.fit(problem.X, problem.y, sample_weight=weight)
    scaled = StandardScaler().fit_transform(problem.X)
    best = search.best_params_[f"mlp{kind}__alpha"]
    by_hand = make(alpha=best).fit(scaled, problem.y, sample_weight=weight)
    np.testing.assert_allclose(search.best_estimator_[-1].coefs_[0], by_hand.coefs_[0], atol=1e-10)
    expected = by_hand.score(scaled, problem.y, weight)
    assert search.score(problem.X, problem.y, sample_weight=weight) == pytest.approx(expected)


@pytest.mark.usefixtures("_routing")
def test_weights_that_nobody_asked_for_are_an_error() -> None:
    """Routing must say that the request is missing, as for scikit-learn's own estimators."""
    pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), classifier())
    with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
        pipeline.fit(IRIS.X, IRIS.y, sample_weight=np.ones(150))


@pytest.mark.usefixtures("_routing")
def test_validation_rows_can_be_routed() -> None:
    """Rows of one's own for validation must reach a network in a pipeline."""
    asks = classifier(solver="adam", early_stopping=True, learning_rate_init=0.05)
    asks.set_fit_request(X_val=True, y_val=True)
    pipeline = make_pipeline(StandardScaler(), asks)
    pipeline.fit(IRIS.X[::2], IRIS.y[::2], X_val=IRIS.X[1::2], y_val=IRIS.y[1::2])
    assert len(pipeline[-1].validation_scores_) == pipeline[-1].n_iter_
    assert pipeline[-1].t_ == 75 * pipeline[-1].n_iter_
