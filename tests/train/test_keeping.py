"""Chosen epochs are kept as they were, by every engine, and training does not notice."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_moons
from tests.train.test_loop import Observer, _same_history, _training

from mlplab import MLPClassifier, MLPRegressor, fit_many
from mlplab.engines import StoppingRule
from mlplab.errors import DataError, ParameterError
from mlplab.results import EpochRecord, Snapshot, Snapshots, StopReason
from mlplab.train import ChoosyObserver, FitObserver, WeightKeeper, loop, train

X, Y = make_moons(60, noise=0.2, random_state=0)
LONG = StoppingRule(max_epochs=40, patience=math.inf)


def _fitted(keeper: Any = None, **parameters: Any) -> MLPClassifier:
    given = {"hidden_layer_sizes": (5,), "max_iter": 30, "tol": 0.0, "random_state": 1}
    network = MLPClassifier(**{**given, **parameters})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return network.set_callbacks(*([] if keeper is None else [keeper])).fit(X, Y)


@pytest.mark.parametrize("engine", ["reference", "native", "torch"])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_kept_weights_are_those_of_shorter_trainings(engine: str, solver: str) -> None:
    """After epoch n stand the weights that a training of n epochs would have left."""
    if engine == "torch":
        pytest.importorskip("torch")
    keeper = WeightKeeper([0, 3, 7])
    network = _fitted(keeper, engine=engine, solver=solver)
    assert keeper.snapshots.epochs == (0, 3, 7, 30)
    for epoch in (3, 7, 30):
        short = _fitted(engine=engine, solver=solver, max_iter=epoch)
        kept = network.with_parameters(keeper.snapshots.at(epoch).parameters)
        for ours, theirs in zip(kept.coefs_, short.coefs_, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    start = MLPClassifier((5,), random_state=1, solver=solver).initialize(X, Y)
    first = network.with_parameters(keeper.snapshots[0].parameters)
    np.testing.assert_array_equal(first.coefs_[0], start.coefs_[0])


def test_chosen_epochs_do_not_disturb_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Same weights and history as unwatched; engines are given long chunks up to the epochs."""
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 1e9)
    alone, watched = _training(LONG, dropout=0.2), _training(LONG, dropout=0.2)
    lengths = []
    advance = watched.engine.advance
    monkeypatch.setattr(
        watched.engine, "advance", lambda *job: [lengths.append(job[4]), advance(*job)][1]
    )
    expected, found = train(alone), train(watched, [WeightKeeper([5, 20])])
    np.testing.assert_array_equal(watched.state.parameters, alone.state.parameters)
    assert _same_history(found, expected)
    assert lengths == [1, 2, 2, 8, 7, 20]


def test_a_choosy_observer_hears_of_its_epochs_only_beside_one_that_hears_all() -> None:
    """Who names epochs is told of those; who does not is told of each."""

    class Choosy(Observer):
        def next_epoch(self, epoch: int) -> int | None:
            return 4 if epoch < 4 else None

    choosy, plain = Choosy(), Observer()
    assert isinstance(choosy, ChoosyObserver)
    assert not isinstance(plain, ChoosyObserver)
    training = _training()
    train(training, [choosy, plain])
    assert [told.epoch for told in choosy.told if isinstance(told, EpochRecord)] == [4]
    assert len(plain.parameters) == 9
    np.testing.assert_array_equal(choosy.parameters[0], plain.parameters[3])


def test_a_choosy_observer_may_stop() -> None:
    """At the epoch that it named, and the weights are those of that epoch."""

    class Choosy(Observer):
        def next_epoch(self, epoch: int) -> int | None:
            return 4 if epoch < 4 else None

    result = train(_training(LONG), [Choosy(stop_after=4)])
    assert (result.status, result.n_epochs) == (StopReason.OBSERVER, 4)


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_many_trainings_are_kept_as_alone(engine: str) -> None:
    """In company each keeper holds what it holds alone, and nobody goes epoch by epoch for it."""
    keepers = [WeightKeeper([0, 4, 11]) for _ in range(6)]
    networks = [
        MLPClassifier((5,), max_iter=30, tol=0.0, random_state=seed, engine=engine)
        for seed in range(6)
    ]
    for network, keeper in zip(networks, keepers, strict=True):
        network.set_callbacks(keeper)
    fit_many(networks, X, Y)
    for seed, keeper in enumerate(keepers):
        alone = WeightKeeper([0, 4, 11])
        _fitted(alone, random_state=seed, engine=engine)
        assert keeper.snapshots.epochs == alone.snapshots.epochs == (0, 4, 11, 30)
        for ours, theirs in zip(keeper.snapshots, alone.snapshots, strict=True):
            np.testing.assert_array_equal(ours.parameters, theirs.parameters)
            assert (ours.step, ours.learning_rate) == (theirs.step, theirs.learning_rate)
            assert ours.memory.keys() == theirs.memory.keys()


def test_round_epochs_are_kept_where_none_are_named() -> None:
    """0, 1, 2, 5, 10, 20 and the end."""
    keeper = WeightKeeper()
    _fitted(keeper)
    assert keeper.snapshots.epochs == (0, 1, 2, 5, 10, 20, 30)
    assert keeper.snapshots.final == 30
    assert keeper.snapshots.of(10, 2).epochs == (2, 10)


def test_memory_is_kept_on_request() -> None:
    """Adam's moments, as many numbers as parameters; without them the steps alone."""
    with_memory, without = WeightKeeper([2]), WeightKeeper([2], memory=False)
    _fitted(with_memory)
    _fitted(without)
    kept = with_memory.snapshots[0]
    assert {slot.shape for slot in kept.memory.values()} == {kept.parameters.shape}
    assert (kept.step, kept.learning_rate) == (2, 0.001)
    assert not without.snapshots[0].memory
    start = WeightKeeper([0])
    _fitted(start)
    assert start.snapshots[0].learning_rate is None


def test_best_weights_that_come_back_are_the_final_ones() -> None:
    """The last snapshot is what predicts, under the number of the best epoch."""
    keeper = WeightKeeper([0])
    network = _fitted(
        keeper, early_stopping=True, stopping="loss", max_iter=400, learning_rate_init=0.05
    )
    assert network.result_.restored_best
    assert network.result_.best_epoch < network.n_iter_
    assert keeper.snapshots.epochs == (0, network.result_.best_epoch)
    last = network.with_parameters(keeper.snapshots[-1].parameters)
    np.testing.assert_array_equal(last.predict_proba(X), network.predict_proba(X))


def test_divergence_leaves_no_final_weights() -> None:
    """Nobody knows of which epoch they are."""
    keeper = WeightKeeper([0, 1])
    network = MLPRegressor(
        hidden_layer_sizes=(5,), solver="sgd", learning_rate_init=1e12, random_state=0
    )
    with pytest.raises(ValueError, match="finite"):
        network.set_callbacks(keeper).fit(1e3 * X, Y)
    assert keeper.snapshots.final is None


def test_pieces_and_warm_starts_go_on_and_new_fits_begin_anew() -> None:
    """Epochs are counted over the life of the network."""
    keeper = WeightKeeper([0, 2, 5])
    network = MLPClassifier((5,), random_state=0).set_callbacks(keeper)
    for _ in range(6):
        network.partial_fit(X, Y, classes=[0, 1])
    assert keeper.snapshots.epochs == (0, 2, 5, 6)
    _fitted(keeper, max_iter=3)
    assert keeper.snapshots.epochs == (0, 2, 3)


def test_a_network_tells_where_it_stands() -> None:
    """After a fit the last snapshot; of one that was only initialised the start."""
    keeper = WeightKeeper([0])
    network = _fitted(keeper)
    kept, now = keeper.snapshots[-1], network.snapshot()
    np.testing.assert_array_equal(now.parameters, kept.parameters)
    assert (now.epoch, now.step, now.learning_rate) == (30, kept.step, kept.learning_rate)
    assert now.memory.keys() == kept.memory.keys()
    start = MLPClassifier((5,), random_state=1).initialize(X, Y).snapshot()
    np.testing.assert_array_equal(start.parameters, keeper.snapshots[0].parameters)
    assert (start.epoch, start.step, start.learning_rate, dict(start.memory)) == (0, 0, None, {})


def test_a_clone_is_watched_by_the_same_keeper() -> None:
    """It then holds the training of the clone."""
    keeper = WeightKeeper([0])
    copy = clone(_fitted(keeper)).set_params(max_iter=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy.fit(X, Y)
    assert keeper.snapshots.epochs == (0, 4)


def test_one_keeper_for_two_trainings_at_once_is_refused() -> None:
    """Their weights would be mixed."""
    keeper = WeightKeeper()
    networks = [MLPClassifier((5,), random_state=s).set_callbacks(keeper) for s in (0, 1)]
    outcomes = fit_many(networks, X, Y)
    assert any("one training at a time" in str(outcome.error) for outcome in outcomes)


def test_an_interrupted_training_leaves_its_weights() -> None:
    """What had been learned is final."""

    class Impatient(Observer):
        def next_epoch(self, epoch: int) -> int | None:
            return 3 if epoch < 3 else None

        def on_epoch(self, record: EpochRecord, state: Any) -> bool:  # noqa: ARG002
            raise KeyboardInterrupt

    training, keeper = _training(LONG), WeightKeeper([1])
    assert train(training, [keeper, Impatient()]).status is StopReason.INTERRUPTED
    assert keeper.snapshots.epochs == (1, 3)
    np.testing.assert_array_equal(keeper.snapshots[-1].parameters, training.state.parameters)


@pytest.mark.parametrize("epochs", [[], [-1], [1.5]])
def test_epochs_that_do_not_exist_are_refused(epochs: list[Any]) -> None:
    """In a sentence that says what to pass."""
    with pytest.raises(ParameterError, match=r"`epochs` must be whole numbers.*range"):
        WeightKeeper(epochs)


def test_an_epoch_that_was_not_kept_is_refused() -> None:
    """The sentence lists those that were."""
    kept = Snapshots((Snapshot(0, np.zeros(2)), Snapshot(5, np.ones(2))))
    with pytest.raises(DataError, match="got 3, and kept were 0, 5"):
        kept.at(3)


def test_a_keeper_is_an_observer() -> None:
    """`set_callbacks` tells it from scikit-learn's callbacks."""
    assert isinstance(WeightKeeper(), FitObserver)
