"""Folds, scorers, and sweeps over scikit-learn's own estimators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, RepeatedKFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlplab import sweeps
from mlplab.errors import ParameterError
from mlplab.sweeps import EstimatorTrainer, Sweep, check_scores, deal_rows, scorer_of


def one(**options: object) -> Sweep:
    """Return a sweep of two values."""
    return sweeps.sweep_from_table({"space": {"alpha": [0.1, 1.0]}, **options})


def test_one_split_keeps_the_shares_of_the_classes() -> None:
    """And leaves no row out."""
    y = np.repeat([0, 1], [90, 10])
    (fold,) = deal_rows(one(), y, stratify=True, validation=0.2)
    assert sorted([*fold.train, *fold.validate]) == list(range(100))
    assert y[fold.validate].sum() == 2


def test_folds_are_those_of_scikit_learn() -> None:
    """With and without shuffling, and repeated."""
    y = np.arange(60) % 3
    ours = deal_rows(one(folds=3, shuffle=False), y, stratify=True)
    theirs = StratifiedKFold(3).split(y, y)
    for fold, (_, validate) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(fold.validate, validate)
    ours = deal_rows(one(folds=4, repeats=2), y, stratify=False)
    repeated = RepeatedKFold(n_splits=4, n_repeats=2, random_state=0).split(y)
    for fold, (_, validate) in zip(ours, repeated, strict=True):
        np.testing.assert_array_equal(fold.validate, validate)


def test_repeats_that_join_keep_the_folds_before() -> None:
    """So that only the new ones train."""
    X, y = load_iris(return_X_y=True)
    trainers = [
        EstimatorTrainer(LogisticRegression(), X, y, one(folds=3, repeats=n, score="accuracy"))
        for n in (2, 3)
    ]
    assert trainers[1].folds[:6] == trainers[0].folds


def test_all_scorers_share_the_predictions() -> None:
    """And give what scikit-learn gives."""
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(X, y)
    scores = scorer_of(["accuracy", "f1_macro", "neg_log_loss"])(model, X, y)
    assert scores["accuracy"] == model.score(X, y)
    assert scores["f1_macro"] == f1_score(y, model.predict(X), average="macro")
    assert scores["neg_log_loss"] < 0


def test_classes_without_predictions_are_no_warning() -> None:
    """Precision is zero there; a sweep would say so hundreds of times."""
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression().fit(X[:60], y[:60])
    assert scorer_of(["precision_macro"])(model, X, y)["precision_macro"] < 1


def test_unknown_scorers_are_named() -> None:
    """With the nearest name."""
    with pytest.raises(
        ParameterError, match=r"^`sweep.score` must be.*'accuracyy'. Did you mean 'acc"
    ):
        check_scores(["f1", "accuracyy"])


def test_grid_is_that_of_scikit_learn(tmp_path: Path) -> None:
    """The same scores in every fold, to the last bit."""
    X, y = load_diabetes(return_X_y=True)
    sweep = sweeps.sweep_from_table(
        {
            "space": {"alpha": [0.01, 0.1, 1.0], "fit_intercept": [True, False]},
            "folds": 4,
            "score": ["r2", "neg_mean_absolute_error"],
        }
    )
    trainer = EstimatorTrainer(Ridge(), X, y, sweep)
    result = sweeps.run(sweep, trainer, storage=tmp_path)
    theirs = GridSearchCV(
        Ridge(),
        {"alpha": [0.01, 0.1, 1.0], "fit_intercept": [True, False]},
        scoring=["r2", "neg_mean_absolute_error"],
        refit="r2",
        cv=[(fold.train, fold.validate) for fold in deal_rows(sweep, y, stratify=False)],
    ).fit(X, y)
    for score in result.scores:
        np.testing.assert_array_equal(
            [trial.values(score) for trial in result.trials],
            np.stack([theirs.cv_results_[f"split{k}_test_{score}"] for k in range(4)], axis=1),
        )
    assert result.best()[0].configuration == theirs.best_params_


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_pipelines_on_frames_keep_their_curves(tmp_path: Path) -> None:
    """Names of parameters are the pipeline's; every step gets the seed."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    network = MLPClassifier((4,), max_iter=5)
    sweep = sweeps.sweep_from_table(
        {
            "space": {
                "mlpclassifier__alpha": [0.1, 1.0],
                "standardscaler": [StandardScaler(), "passthrough"],
            },
            "score": "accuracy",
            "seeds": 2,
        }
    )
    trainer = EstimatorTrainer(make_pipeline(StandardScaler(), network), X, y, sweep)
    result = sweeps.run(sweep, trainer, storage=tmp_path)
    assert not result.failed, result.failed[0].reason
    assert len(result.trials) == 4
    assert len({trial.values("accuracy") for trial in result.trials}) > 1
    assert sweeps.run(sweep, trainer, storage=tmp_path).n_trained == 0


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_curves_of_networks_are_kept(tmp_path: Path) -> None:
    """Loss, and the validation score of early stopping."""
    X, y = load_iris(return_X_y=True)
    network = MLPClassifier((4,), max_iter=7, early_stopping=True, n_iter_no_change=99, tol=0.0)
    sweep = sweeps.sweep_from_table({"space": {"alpha": [0.1]}, "score": "accuracy"})
    result = sweeps.run(sweep, EstimatorTrainer(network, X, y, sweep), storage=tmp_path)
    assert not result.failed, result.failed[0].reason
    curves = pd.read_parquet(tmp_path / "curves.parquet")
    assert curves["epoch"].tolist() == list(range(1, 8))
    assert {"loss", "validation_score"} <= set(curves.columns)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_halving_over_any_estimator() -> None:
    """With fewer epochs at first."""
    X, y = load_iris(return_X_y=True)
    space = {"learning_rate_init": {"low": 1e-5, "high": 0.1, "log": True}}
    sweep = sweeps.sweep_from_table(
        {"space": space, "search": "halving", "trials": 9, "score": "accuracy"},
        fixed={"max_iter": 27},
    )
    network = MLPClassifier((8,), max_iter=27)
    result = sweeps.run(sweep, EstimatorTrainer(network, X, y, sweep))
    best = result.best()[0]
    assert best.epochs is None
    assert best.n_epochs == 27
    assert best.configuration["learning_rate_init"] > 1e-3


def test_errors_of_estimators_are_reasons() -> None:
    """A value that the estimator refuses fails that trial."""
    X, y = load_iris(return_X_y=True)
    sweep = sweeps.sweep_from_table({"space": {"C": [1.0, -1.0]}, "score": "accuracy"})
    trainer = EstimatorTrainer(LogisticRegression(max_iter=500), X, y, sweep)
    result = sweeps.run(sweep, trainer)
    assert [trial.status for trial in result.trials] == ["done", "failed"]
    assert "The 'C' parameter" in (result.trials[1].reason or "")


def test_another_estimator_is_another_cell(tmp_path: Path) -> None:
    """Its own settings are part of the fingerprint."""
    X, y = load_iris(return_X_y=True)
    sweep = sweeps.sweep_from_table({"space": {"C": [1.0]}, "score": "accuracy"})
    for n_trained, tol in ((1, 1e-4), (1, 1e-5), (0, 1e-4)):
        trainer = EstimatorTrainer(LogisticRegression(max_iter=500, tol=tol), X, y, sweep)
        assert sweeps.run(sweep, trainer, storage=tmp_path).n_trained == n_trained
