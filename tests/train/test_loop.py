"""The loop: observers, chunks, interrupts, the best weights, and why training stopped."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.strategies import LOSS_CASES, draw_data

from mlplab import nn, optim
from mlplab.engines import StoppingRule, TrainingData, TrainingPlan, TrainingState, ValidationData
from mlplab.engines.reference import ReferenceEngine
from mlplab.results import EpochRecord, FitResult, StopReason
from mlplab.train import FitObserver, RowOrders, Training, loop, train

N_ROWS = 24
FOREVER = StoppingRule(max_epochs=9, patience=math.inf)


def _training(stopping: StoppingRule = FOREVER, loss: str = "squared", **fields: Any) -> Training:
    """Return a training of a small network from a fixed start."""
    rng = np.random.default_rng(5)
    case = LOSS_CASES[loss]
    network = nn.multilayer(3, [6], case.n_outputs, "tanh", fields.pop("dropout", 0.0))
    rate = fields.pop("rate", 0.02)
    data = fields.pop("data", None) or draw_data(case, rng, N_ROWS, 3)
    plan = TrainingPlan(
        **{
            "network": network,
            "loss": case.loss,
            "optimiser": optim.Adam(),
            "schedule": optim.Constant(rate),
            "stopping": stopping,
            "batch_size": 7,
            **fields,
        }
    )
    return Training(
        plan=plan,
        data=data,
        engine=ReferenceEngine(),
        engine_reason="asked for by name",
        state=TrainingState(nn.draw_parameters(network, "auto", np.random.RandomState(0))),
        orders=RowOrders(N_ROWS, np.random.RandomState(1), shuffle=True, batch_size=7),
        n_epochs=stopping.max_epochs,
    )


class Observer:
    """Writes down what it is told; asks to stop after an epoch, or does something else."""

    def __init__(
        self, stop_after: float = math.inf, act: Callable[[EpochRecord], None] | None = None
    ) -> None:
        self.stop_after, self.act = stop_after, act
        self.told: list[Any] = []
        self.parameters: list[Any] = []

    def on_start(self, plan: TrainingPlan, state: TrainingState) -> None:
        """Note the start."""
        self.told.append(("start", plan.batch_size, state.epoch))

    def on_epoch(self, record: EpochRecord, state: TrainingState) -> bool:
        """Note the epoch."""
        self.told.append(record)
        self.parameters.append(state.parameters.copy())
        if self.act is not None:
            self.act(record)
        return record.epoch >= self.stop_after

    def on_end(self, result: FitResult) -> None:
        """Note the end."""
        self.told.append(result)


def _same_history(a: FitResult, b: FitResult) -> bool:
    """Compare everything but wall times."""
    return [dataclasses.replace(r, seconds=0.0) for r in a.history] == [
        dataclasses.replace(r, seconds=0.0) for r in b.history
    ]


def test_observers_are_told_everything() -> None:
    """The start, every epoch as it ends, and the result."""
    observer = Observer()
    assert isinstance(observer, FitObserver)
    result = train(_training(), [observer])
    assert observer.told == [("start", 7, 0), *result.history, result]
    assert [record.epoch for record in result.history] == list(range(1, 10))
    # Each epoch was shown with its own parameters, not with those of the end of a chunk.
    assert len({p.tobytes() for p in observer.parameters}) == 9


def test_result_tells_what_happened() -> None:
    """Status, engine, best epoch and size."""
    training = _training()
    result = train(training)
    assert result.status is StopReason.MAX_EPOCHS is training.state.stop
    assert (result.engine, result.engine_reason) == ("reference", "asked for by name")
    assert result.n_parameters == training.plan.network.n_parameters
    assert result.best_epoch == training.state.best_epoch
    assert not result.restored_best
    assert result.seconds >= sum(record.seconds for record in result.history)


def test_any_observer_may_ask_to_stop() -> None:
    """Everyone is told of that epoch before the end, whoever asked."""
    first, second = Observer(stop_after=4), Observer()
    result = train(_training(), [first, second])
    assert result.status is StopReason.OBSERVER
    assert result.n_epochs == 4
    assert first.told == second.told


def test_chunks_do_not_change_the_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """One epoch a call while somebody watches, short chunks, long chunks: bit for bit the same."""
    outcomes = []
    for seconds, observers in ((0.0, []), (1e9, []), (0.1, []), (0.1, [Observer()])):
        monkeypatch.setattr(loop, "CHUNK_SECONDS", seconds)
        training = _training(dropout=0.25)
        result = train(training, observers)
        outcomes.append((training.state.parameters, result))
    for parameters, result in outcomes[1:]:
        np.testing.assert_array_equal(parameters, outcomes[0][0])
        assert _same_history(result, outcomes[0][1])


def test_generator_ends_where_training_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders that were drawn for a long chunk are taken back when training stops within it."""
    afterwards = []
    for seconds in (0.0, 1e9):
        monkeypatch.setattr(loop, "CHUNK_SECONDS", seconds)
        rng = np.random.RandomState(3)
        rule = StoppingRule(max_epochs=60, tolerance=10.0, patience=4)
        training = dataclasses.replace(
            _training(rule), orders=RowOrders(N_ROWS, rng, shuffle=True, batch_size=7)
        )
        result = train(training)
        assert result.status is StopReason.LOSS_PLATEAU
        afterwards.append((result.n_epochs, rng.randint(2**31)))
    assert afterwards[0] == afterwards[1] == (6, afterwards[0][1])


def test_interrupt_in_an_observer_keeps_what_was_learned() -> None:
    """Epochs up to it stay, the status says so, and everyone is told of the end."""

    def interrupt(record: EpochRecord) -> None:
        if record.epoch == 3:
            raise KeyboardInterrupt

    training = _training()
    observer = Observer(act=interrupt)
    result = train(training, [observer])
    assert result.status is StopReason.INTERRUPTED
    assert result.n_epochs == 3
    assert observer.told[-1] is result
    np.testing.assert_array_equal(training.state.parameters, observer.parameters[-1])


@pytest.mark.parametrize("watched", [False, True])
def test_interrupt_in_a_score_keeps_what_was_learned(watched: bool) -> None:
    """In the middle of an engine's work, the steps made so far are kept."""
    calls = []

    def score(raw: Any) -> float:
        calls.append(raw)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return 0.0

    plain = _training()
    look = ValidationData(plain.data.x, plain.data.target, score=score)
    training = _training(data=dataclasses.replace(plain.data, validation=look))
    result = train(training, [Observer()] if watched else [])
    assert result.status is StopReason.INTERRUPTED
    three = _training(StoppingRule(max_epochs=3, patience=math.inf))
    train(three)
    np.testing.assert_array_equal(training.state.parameters, three.state.parameters)


def test_other_exceptions_are_not_swallowed() -> None:
    """A mistake in a callback is its author's to see."""

    def fail(record: EpochRecord) -> None:
        message = f"epoch {record.epoch}"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="epoch 1"):
        train(_training(), [Observer(act=fail)])


def test_stopped_training_can_go_on() -> None:
    """Three epochs and six are nine, with the memory of the optimiser and the orders kept."""
    whole = _training()
    train(whole)
    parts = _training()
    train(dataclasses.replace(parts, n_epochs=3))
    assert parts.state.stop is None
    train(dataclasses.replace(parts, n_epochs=6))
    np.testing.assert_array_equal(parts.state.parameters, whole.state.parameters)


def test_divergence_leaves_the_best_finite_parameters() -> None:
    """It is returned, not raised, and the bad epoch is on record."""
    training = _training(
        optimiser=optim.SGD(0.0), schedule=optim.StepDecay(1e-3, factor=1e150, every=3)
    )
    observer = Observer()
    result = train(training, [observer])
    assert result.status is StopReason.DIVERGED
    assert result.restored_best
    assert result.best_epoch == 3
    assert result.n_epochs > 3
    np.testing.assert_array_equal(training.state.parameters, observer.parameters[2])


@pytest.mark.parametrize("restore", [False, True])
def test_best_parameters_come_back_on_request(restore: bool) -> None:
    """Validation loss rises again; the rule decides which parameters are left."""
    rule = StoppingRule(80, "validation_loss", patience=5, restore_best=restore)
    training = _training(rule, rate=0.05)
    observer = Observer()
    result = train(training, [observer])
    assert result.status is StopReason.VALIDATION_PLATEAU
    assert result.restored_best is restore
    assert result.best_epoch is not None
    assert result.best_epoch < result.n_epochs
    kept = observer.parameters[result.best_epoch - 1 if restore else -1]
    np.testing.assert_array_equal(training.state.parameters, kept)


def test_no_epochs_leave_everything_as_it_was() -> None:
    """The status is still a reason, and observers hear of start and end."""
    training = dataclasses.replace(_training(), n_epochs=0)
    start = training.state.parameters.copy()
    observer = Observer()
    result = train(training, [observer])
    assert result.n_epochs == 0
    assert observer.told == [("start", 7, 0), result]
    np.testing.assert_array_equal(training.state.parameters, start)


def test_training_learns() -> None:
    """A network that fits what it is shown: the loss falls by a factor of ten."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N_ROWS, 3))
    data = TrainingData(x, x.sum(axis=1, keepdims=True))
    result = train(_training(StoppingRule(200, patience=math.inf), data=data))
    losses = [record.loss for record in result.history]
    assert losses[-1] < losses[0] / 10


def test_an_exploding_first_epoch_leaves_the_start() -> None:
    """Where the best epoch ended in weights worse than the start's, the start is put back."""
    training = _training(optimiser=optim.SGD(0.0), schedule=optim.Constant(1e9))
    start = training.state.parameters.copy()
    result = train(training)

    assert result.status is StopReason.DIVERGED
    np.testing.assert_array_equal(training.state.parameters, start)
