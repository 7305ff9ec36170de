"""Searches that pause: networks go on where they are, and no epoch is trained twice."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.sweeps.synthetic import FULL, Walk, comparable

from mlplab import MLPClassifier, MLPRegressor, sweeps
from mlplab.sweeps import Asking, EstimatorTrainer, Job, Outcome, Paused, Proposal, Space, Sweep

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _trainer(model: Any, resource: str = "max_iter", **table: Any) -> EstimatorTrainer:
    X, y = load_iris(return_X_y=True)
    sweep = sweeps.sweep_from_table({"space": {"alpha": [0.1]}, "score": "accuracy", **table})
    return EstimatorTrainer(model, X, y, sweep, resource=resource)


def _train(trainer: EstimatorTrainer, *jobs: Job) -> list[Outcome]:
    found: dict[int, Outcome] = {}
    trainer.train(jobs, found.__setitem__)
    return [found[place] for place in range(len(jobs))]


@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 16},
        {"batch_size": 16, "learning_rate": "one_cycle", "dropout": 0.2},
        {"batch_size": 16, "early_stopping": True, "n_iter_no_change": 30, "tol": 0.0},
        {"solver": "sgd", "tol": 10.0, "n_iter_no_change": 2},
    ],
    ids=str,
)
def test_a_network_goes_on_where_it_paused(
    settings: dict[str, Any], in_pipeline: bool, epochs: list[int]
) -> None:
    """With the bits of a training at once; one that ended before the pause is not trained on."""
    network: Any = MLPClassifier((6,), max_iter=20, **settings)
    name = "max_iter"
    if in_pipeline:
        network, name = make_pipeline(StandardScaler(), network), "mlpclassifier__max_iter"
    trainer = _trainer(network, name)
    (whole,) = _train(trainer, Job({}, 3, 0))
    n_whole = sum(epochs)
    assert n_whole == whole.n_epochs
    (first,) = _train(trainer, Job({}, 3, 0, 5, None, pauses=True))
    (lost,) = _train(trainer, Job({}, 3, 0, 11, None, pauses=True))
    epochs.clear()
    (second,) = _train(trainer, Job({}, 3, 0, 11, first.state, pauses=True))
    (last,) = _train(trainer, Job({}, 3, 0, None, second.state))
    assert sum(epochs) == n_whole - first.n_epochs
    for one, other in ((lost, second), (whole, last)):
        assert one.status == "done", one.reason
        assert (one.scores, one.n_epochs) == (other.scores, other.n_epochs)
        np.testing.assert_array_equal(one.curve["loss"], other.curve["loss"])  # type: ignore[index]
    assert (first.n_epochs, last.state) == (min(5, n_whole), None)


@pytest.mark.parametrize(
    ("model", "resource"),
    [
        (sklearn.neural_network.MLPRegressor(hidden_layer_sizes=(4,), max_iter=9), "max_iter"),
        (MLPRegressor(hidden_layer_sizes=(4,), max_iter=9, solver="lbfgs"), "max_iter"),
        (
            TransformedTargetRegressor(MLPRegressor(hidden_layer_sizes=(4,), max_iter=9)),
            "regressor__max_iter",
        ),
        (
            Pipeline(
                [
                    ("first", MLPRegressor(hidden_layer_sizes=(4,), max_iter=9)),
                    ("last", LinearRegression()),
                ]
            ),
            "first__max_iter",
        ),
    ],
    ids=["scikit-learn", "lbfgs", "clones", "within"],
)
def test_others_are_trained_for_as_long(model: Any, resource: str) -> None:
    """What cannot pause, or is cloned before it is fitted, is fitted with fewer epochs."""
    X, y = load_diabetes(return_X_y=True)
    sweep = sweeps.sweep_from_table({"space": {"x": [1]}, "score": "r2"})
    trainer = EstimatorTrainer(model, X, y, sweep, resource=resource)
    job = Job({}, 0, 0, 2, None, pauses=True)
    (outcome,) = _train(trainer, job)
    assert outcome.status == "done", outcome.reason
    assert outcome.state is None
    assert trainer._new(job).get_params()[resource] == 9


def test_hyperband_trains_no_epoch_twice(epochs: list[int]) -> None:
    """It trains as many as its trials took, however often they paused."""
    space = {"learning_rate_init": {"low": 1e-3, "high": 0.3, "log": True}}
    table = {"space": space, "search": "hyperband", "score": "accuracy"}
    fixed = {"max_iter": 27, "batch_size": 32, "tol": 0.0, "n_iter_no_change": 99}
    X, y = load_iris(return_X_y=True)
    sweep = sweeps.sweep_from_table(table, fixed=fixed)
    trainer = EstimatorTrainer(MLPClassifier((4,), **fixed), X, y, sweep)
    result = sweeps.run(sweep, trainer)
    assert not result.failed
    assert any(len(trial.earlier) > 1 for trial in result.trials)
    assert sum(epochs) == result.n_epochs


def test_processes_hand_paused_networks_on() -> None:
    """And come to the same bits."""
    table = {"space": {"alpha": [0.01, 0.1, 1.0]}, "search": "halving", "score": "accuracy"}
    X, y = load_iris(return_X_y=True)
    results = []
    for options in ({}, {"backend": "processes", "jobs": 2}):
        sweep = sweeps.sweep_from_table(table, fixed={"max_iter": 9})
        trainer = EstimatorTrainer(MLPClassifier((4,), max_iter=9, batch_size=16), X, y, sweep)
        results.append(comparable(sweeps.run(sweep, trainer, **options)))  # type: ignore[arg-type]
    assert results[0] == results[1]


def test_a_paused_network_can_be_taken_once() -> None:
    """Who takes it changes it; a job that is done again begins at the start."""
    paused: Paused = pickle.loads(pickle.dumps(Paused("network")))  # noqa: S301  (our own bytes)
    assert (paused.take(), paused.take()) == ("network", None)
    trainer = _trainer(MLPClassifier((4,), max_iter=9, batch_size=16))
    (first,) = _train(trainer, Job({}, 0, 0, 3, None, pauses=True))
    job = Job({}, 0, 0, 6, first.state, pauses=True)
    once, again = _train(trainer, job)[0], _train(trainer, job)[0]
    assert once.scores == again.scores
    assert once.n_epochs == again.n_epochs == 6


class Returning:
    """A search that comes back to a configuration after it has left it out once."""

    def ends(self, space: Space) -> bool:  # noqa: ARG002
        """Tell that it ends."""
        return True

    def ask(self, space: Space, limit: int | None, seed: int) -> Asking:  # noqa: ARG002
        """Ask for two, for one of them, and for the other again."""
        one, other = {"x": 0.1}, {"x": 0.2}
        yield [Proposal(one, 3), Proposal(other, 3)]
        yield [Proposal(other, 6)]
        yield [Proposal(one, 6), Proposal(other, 9)]


def test_what_a_search_gives_up_is_forgotten() -> None:
    """Only the networks of the last batch are kept; others cost time once more."""
    trainer = Walk()
    space = sweeps.space_from_table({"x": [0.1, 0.2]}, fixed={"max_iter": FULL})
    sweeps.run(Sweep(space, Returning(), ("accuracy",)), trainer)
    known = [(job.configuration["x"], job.epochs, job.state is not None) for job in trainer.seen]
    assert known[:2] == [(0.1, 3, False), (0.2, 3, False)]
    assert sorted(known[2:]) == [(0.1, 6, False), (0.2, 6, True), (0.2, 9, True)]
    assert trainer.epochs_trained == 3 + 3 + 3 + 6 + 3


def test_the_best_anywhere_may_be_at_a_pause() -> None:
    """As much training as was best; the ranking prefers those that were trained longer."""
    space = sweeps.space_from_table({"x": [0.1, 0.2, 0.3]}, fixed={"max_iter": FULL})
    result = sweeps.run(Sweep(space, sweeps.Halving(), ("accuracy",)), Walk())
    stages = [stage for trial in result.trials for stage in trial.stages()]
    # Two pauses of all three, and one of them to its end; a walk falls with every epoch.
    assert sorted(stage.reach for stage in stages) == [2, 2, 2, 7, math.inf]
    assert sum(len(stage.cells) for stage in stages) == 5
    best = result.best_anywhere()
    assert best is not None
    assert best.epochs == 2
    assert best.mean("accuracy") == max(stage.mean("accuracy") or 0 for stage in stages)
    assert result.best()[0].epochs is None
    longest = next(trial for trial in result.trials if trial.epochs is None)
    assert [len(stage.earlier) for stage in longest.stages()] == [0, 1, 2]
    assert longest.stages()[-1] == longest
