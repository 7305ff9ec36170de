"""How sure a network may be: calibration, ensembles, conformal prediction, inspection."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils.estimator_checks import parametrize_with_checks

import mlplab
from mlplab import MLPClassifier, MLPEnsemble, MLPRegressor, calibrate
from mlplab.errors import DataError, ModelFileError, ParameterError
from mlplab.results import ModelArtifact

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

Rows = tuple[Any, Any]


def digits(seed: int) -> tuple[Rows, Rows, Rows]:
    """Return a third each of the digits to train, to calibrate and to test."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.34, random_state=seed)
    X, X_own, y, y_own = train_test_split(X, y, test_size=0.5, random_state=seed)
    return (X, y), (X_own, y_own), (X_test, y_test)


@pytest.fixture(scope="module")
def sure() -> MLPClassifier:
    """Return a network that has learned its rows by heart."""
    (X, y), _, _ = digits(0)
    return MLPClassifier((64,), solver="lbfgs", alpha=0.0, max_iter=500, random_state=0).fit(X, y)


# ---------------------------------------------------------------------- calibration


def test_temperature_is_scikit_learns_or_better(sure: MLPClassifier) -> None:
    """The same as CalibratedClassifierCV's, but where probabilities are near its 1e-12."""
    (X_train, y_train), own, (X, y) = digits(0)
    modest = MLPClassifier((32,), solver="lbfgs", alpha=0.1, max_iter=40, random_state=0)
    modest.fit(X_train, y_train)
    losses = {}
    for name, network in (("modest", modest), ("sure", sure)):
        theirs = CalibratedClassifierCV(FrozenEstimator(network), method="temperature").fit(*own)
        before = network.predict_proba(X)
        ours = calibrate(network, *own)
        assert np.array_equal(ours.predict(X), network.predict(X))
        assert np.array_equal(network.predict_proba(X), before)
        predictions = (ours.predict_proba(X), theirs.predict_proba(X), before)
        losses[name] = [log_loss(y, p) for p in predictions]
        if name == "modest":
            assert np.allclose(*predictions[:2], atol=1e-3)
    assert losses["modest"][0] == pytest.approx(losses["modest"][1], rel=1e-3)
    assert losses["sure"][0] < 0.95 * losses["sure"][1]
    assert losses["sure"][0] < 0.5 * losses["sure"][2]


def test_temperature_is_the_best_there_is(sure: MLPClassifier) -> None:
    """No other division of the logits makes the rows more likely."""
    _, (X, y), _ = digits(0)
    ours = calibrate(sure, X, y)
    best = log_loss(y, ours.predict_proba(X))
    for factor in (0.8, 0.95, 1.05, 1.25):
        other = calibrate(sure, X, y)
        other.coefs_[-1], other.intercepts_[-1] = (
            ours.coefs_[-1] * factor,
            ours.intercepts_[-1] * factor,
        )
        assert log_loss(y, other.predict_proba(X)) > best


def test_two_classes_and_names_are_calibrated_too() -> None:
    """With one logit; the names of the columns stay, and a stored copy predicts alike."""
    frame, y = load_breast_cancer(return_X_y=True, as_frame=True)
    frame = frame.iloc[:, :4].apply(scale)
    clf = MLPClassifier((16,), solver="lbfgs", alpha=0, max_iter=300, random_state=0)
    names = list(map(str, frame.columns))
    clf.fit(frame[:200], y[:200])
    ours = calibrate(clf, frame[200:400], y[200:400])
    assert list(ours.feature_names_in_) == names
    assert log_loss(y[400:], ours.predict_proba(frame[400:])) < log_loss(
        y[400:], clf.predict_proba(frame[400:])
    )
    again = MLPClassifier.from_artifact(ours.to_artifact())
    assert np.array_equal(again.predict_proba(frame), ours.predict_proba(frame))


def test_what_cannot_be_calibrated_is_refused(sure: MLPClassifier) -> None:
    """No mistake, no best temperature; no probabilities, no calibration."""
    (X, y), _, _ = digits(0)
    with pytest.raises(DataError, match="the best temperature is zero"):
        calibrate(sure, X, y)
    hinge = MLPClassifier((4,), loss="hinge", max_iter=5, solver="lbfgs").fit(X, y)
    with pytest.raises(ParameterError, match="loss with probabilities; got multiclass"):
        calibrate(hinge, X, y)
    with pytest.raises(ParameterError, match="must be an MLPClassifier; got MLPRegressor"):
        calibrate(MLPRegressor(), X, y)  # type: ignore[arg-type]  # that is the test


# ---------------------------------------------------------------------- ensembles


@parametrize_with_checks(
    [
        MLPEnsemble(MLPClassifier((5,), solver="lbfgs", max_iter=150), 2, random_state=0),
        MLPEnsemble(MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs"), 2, random_state=0),
    ]
)
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    """An ensemble is an estimator as any other."""
    check(estimator)


def test_members_are_those_of_their_own_fit_and_the_mean_is_better() -> None:
    """Bit for bit; and on digits the mean has a lower loss than every member."""
    (X, y), _, (X_test, y_test) = digits(1)
    member = MLPClassifier((32,), solver="lbfgs", alpha=0.1, max_iter=200)
    ensemble = MLPEnsemble(member, 4, random_state=3).fit(X, y)
    alone = MLPClassifier(**ensemble.estimators_[2].get_params(deep=False)).fit(X, y)
    assert np.array_equal(alone.coefs_[0], ensemble.estimators_[2].coefs_[0])
    p = np.stack([one.predict_proba(X_test) for one in ensemble.estimators_])
    assert np.array_equal(ensemble.predict_proba(X_test), p.mean(axis=0))
    assert np.array_equal(ensemble.spread(X_test), p.std(axis=0))
    losses = [log_loss(y_test, one) for one in p]
    assert log_loss(y_test, ensemble.predict_proba(X_test)) < min(losses)
    wrong = ensemble.predict(X_test) != y_test
    doubt = ensemble.spread(X_test).max(axis=1)
    assert doubt[wrong].mean() > 2 * doubt[~wrong].mean()


@pytest.mark.parametrize("way", ["file", "pickle"])
def test_an_ensemble_is_stored_whole(way: str, tmp_path: Path) -> None:
    """It predicts and doubts bit for bit alike, labels and several outputs too."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    labels = (X[:, :2] > 0).astype(int)
    clf = MLPEnsemble(MLPClassifier((4,), solver="lbfgs", max_iter=50), 3, random_state=0)
    reg = MLPEnsemble(MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=50), 2)
    for ensemble in (clf.fit(X, labels), reg.set_params(random_state=0).fit(X, X[:, :2])):
        if way == "pickle":
            again = pickle.loads(pickle.dumps(ensemble))  # noqa: S301  (our own)
        else:
            again = mlplab.load(mlplab.save(tmp_path / "ensemble.safetensors", ensemble))
        assert np.array_equal(again.predict(X), ensemble.predict(X))
        assert np.array_equal(again.spread(X), ensemble.spread(X))
        assert again.n_members == ensemble.n_members
    assert clf.score(X, labels) > 0.8


def test_ensembles_refuse_what_has_no_mean() -> None:
    """Losses without probabilities, other estimators, no members, broken files."""
    X, y = [[0.0], [1.0], [2.0]], [0, 1, 1]
    with pytest.raises(ParameterError, match="averages probabilities"):
        MLPEnsemble(MLPClassifier(loss="hinge")).fit(X, y)
    with pytest.raises(ParameterError, match="`n_members` must be a whole number from 1; got 0"):
        MLPEnsemble(MLPClassifier(), 0).fit(X, y)
    with pytest.raises(ParameterError, match="got StandardScaler"):
        MLPEnsemble(StandardScaler()).fit(X, y)
    with pytest.raises(ModelFileError, match="must be complete"):
        MLPEnsemble.from_artifact(ModelArtifact("MLPEnsemble", {"members": [{}]}, {}))


def test_an_ensemble_composes() -> None:
    """In a pipeline, under cross-validation, and by a generator of its own."""
    X, y = load_wine(return_X_y=True)
    member = MLPClassifier((8,), solver="lbfgs", max_iter=100)
    pipeline = make_pipeline(StandardScaler(), MLPEnsemble(member, 3, random_state=0))
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.93


# ---------------------------------------------------------------------- conformal prediction


def test_intervals_hold_the_share_that_was_asked_for() -> None:
    """MAPIE takes our regressor as it is; marginal coverage on real data over many splits."""
    regression = pytest.importorskip("mapie.regression")
    X, y = load_diabetes(return_X_y=True)
    covered, widths = [], []
    for seed in range(20):
        X_own, X_test, y_own, y_test = train_test_split(X, y, test_size=0.3, random_state=seed)
        network = MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", alpha=1.0, random_state=0)
        fitted = network.fit(X_own[:160] * 20, y_own[:160])
        conformal = regression.SplitConformalRegressor(fitted, confidence_level=0.9, prefit=True)
        conformal.conformalize(X_own[160:] * 20, y_own[160:])
        _, bounds = conformal.predict_interval(X_test * 20)
        low, high = bounds[:, 0, 0], bounds[:, 1, 0]
        covered.append(((low <= y_test) & (y_test <= high)).mean())
        widths.append((high - low).mean())
    # 20 splits of 133 test rows and 149 calibration rows: about 1 % standard error.
    assert 0.87 < np.mean(covered) < 0.94
    assert np.mean(widths) < y.max() - y.min()


def test_sets_hold_the_class_as_often_as_asked_for() -> None:
    """The same for classes; sets are small where the network is sure."""
    classification = pytest.importorskip("mapie.classification")
    covered, sizes = [], []
    for seed in range(8):
        (X, y), own, (X_test, y_test) = digits(seed)
        network = MLPClassifier((32,), solver="lbfgs", max_iter=60, random_state=0).fit(X, y)
        conformal = classification.SplitConformalClassifier(
            network, confidence_level=0.95, prefit=True
        )
        conformal.conformalize(*own)
        _, sets = conformal.predict_set(X_test)
        covered.append(sets[np.arange(len(y_test)), y_test, 0].mean())
        sizes.append(sets[:, :, 0].sum(axis=1).mean())
    assert 0.94 < np.mean(covered) < 0.965
    assert np.mean(sizes) < 1.5


# ---------------------------------------------------------------------- inspection


@pytest.mark.parametrize("kind", ["network", "pipeline", "ensemble"])
def test_inspection_needs_no_adaptation(kind: str) -> None:
    """Importance finds the columns that count, partial dependence their effect."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = X[:, 0] ** 2 + 2 * X[:, 1]
    network: Any = MLPRegressor(hidden_layer_sizes=(20,), solver="lbfgs", max_iter=500)
    network.set_params(random_state=0)
    model = {
        "network": network,
        "pipeline": make_pipeline(StandardScaler(), network),
        "ensemble": MLPEnsemble(network, 2, random_state=0),
    }[kind].fit(X, y)
    importance = permutation_importance(model, X, y, n_repeats=5, random_state=0).importances_mean
    assert np.argsort(importance).tolist() == [2, 0, 1]
    assert importance[2] < 0.01
    found = partial_dependence(model, X, [1], grid_resolution=20, kind="average")
    slope = np.polyfit(found["grid_values"][0], found["average"][0], 1)[0]
    assert slope == pytest.approx(2, abs=0.1)
