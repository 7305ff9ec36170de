"""Many trainings together: each ends as it does alone, whoever fails, stops or is interrupted."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import signal
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contracts.trainings import assert_equal_states, small_case, timeless
from tests.shapes import unchecked_shapes
from tests.strategies import Case, cases

from mlplab import optim
from mlplab.engines import (
    Engine,
    Finished,
    Hear,
    Job,
    StoppingRule,
    ValidationData,
    select_engine,
)
from mlplab.results import FitResult, StopReason
from mlplab.train import RowOrders, Training, lines, train, train_many
from mlplab.train import many as module

NAMES = ("native", "reference")
FOREVER = StoppingRule(max_epochs=10**9, patience=math.inf)


@pytest.fixture(params=NAMES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Return an engine of this installation."""
    return select_engine(request.param, small_case().plan)[0]


def _training(case: Case, engine: Engine, *, seed: int = 0, **fields: Any) -> Training:
    """Return a training of a case from its start; equal arguments give equal trainings."""
    n_rows, batch_size = case.data.n_rows, case.plan.batch_size
    orders = RowOrders(n_rows, np.random.RandomState(seed), shuffle=True, batch_size=batch_size)
    return Training(
        **{
            "plan": case.plan,
            "data": case.data,
            "engine": engine,
            "engine_reason": "asked for by name",
            "state": case.state(),
            "orders": orders,
            "n_epochs": case.n_epochs,
            **fields,
        }
    )


def _assert_as_alone(
    together: Training, result: FitResult | None, alone: Training, expected: FitResult
) -> None:
    """Compare states, results and where the generators stand, bit for bit."""
    assert result is not None
    assert_equal_states(together.state, alone.state)
    assert timeless(result.history) == timeless(expected.history)
    ours, theirs = (
        dataclasses.replace(r, history=expected.history, seconds=0.0) for r in (result, expected)
    )
    assert ours == theirs
    np.testing.assert_array_equal(together.orders.draw(1), alone.orders.draw(1))


def _check(make: Callable[[], list[Training]]) -> list[FitResult | None]:
    """Train twice, together and one by one, and compare."""
    together, alone = make(), make()
    results = train_many(together)
    for ours, result, theirs in zip(together, results, alone, strict=True):
        _assert_as_alone(ours, result, theirs, train(theirs))
    return results


class Observer:
    """Writes down what it is told, and may act at an epoch."""

    def __init__(self, at: int = 0, act: Callable[[], Any] | None = None) -> None:
        self.at, self.act = at, act
        self.told: list[Any] = []

    def on_start(self, plan: Any, state: Any) -> None:
        """Note the start."""
        self.told.append(("start", plan.batch_size, state.epoch))

    def on_epoch(self, record: Any, state: Any) -> Any:
        """Note the epoch and the parameters that go with it."""
        self.told.append((timeless([record]), state.parameters.tobytes()))
        return self.act() if self.act is not None and record.epoch == self.at else None

    def on_end(self, result: FitResult) -> None:
        """Note the end."""
        self.told.append((result.status, len(result.history)))


def _interrupt() -> None:
    raise KeyboardInterrupt


def _fail() -> None:
    message = "a mistake of the user's own"
    raise RuntimeError(message)


# Equality


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.lists(cases(), min_size=1, max_size=5))
def test_together_is_alone(drawn: list[Case]) -> None:
    """Whatever the plans, the data and the engines: bit for bit, generators included."""

    def make() -> list[Training]:
        made: dict[str, Engine] = {}
        trainings = []
        for seed, case in enumerate(drawn):
            chosen = select_engine("auto" if seed % 3 else "reference", case.plan)
            engine = made.setdefault(chosen[0].name, chosen[0])
            trainings.append(_training(case, engine, seed=seed))
        return trainings

    with unchecked_shapes():
        _check(make)


@pytest.mark.parametrize("share_seconds", [0.0, 1e-3, 1e9])
def test_shares_do_not_change_the_outcome(
    engine: Engine, share_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One epoch a job, some epochs, all of them; trainings of different lengths."""
    monkeypatch.setattr(module, "SHARE_SECONDS", share_seconds)

    def make() -> list[Training]:
        lengths = [3, 40, 17, 25, 1, 33, 8]
        return [
            _training(small_case(seed=n, n_epochs=n, dropout=0.25), engine, seed=n) for n in lengths
        ]

    results = _check(make)
    assert [len(result.history) for result in results if result] == [3, 40, 17, 25, 1, 33, 8]


class Spy:
    """A queue that writes down the jobs of each training, and how many are under way."""

    def __init__(self, engine: Engine) -> None:
        self.epochs: dict[int, list[int]] = {}
        self.under_way = self.most = 0
        self._queue = engine.queue()

    def put(self, job: Job) -> None:
        """Note the job."""
        self.epochs.setdefault(id(job.state), []).append(job.n_epochs)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self._queue.put(job)

    def wait(self, *, block: bool = True, hear: Hear = contextlib.nullcontext) -> list[Finished]:
        """Note what is over."""
        finished = self._queue.wait(block=block, hear=hear)
        self.under_way -= len(finished)
        return finished

    def stop(self) -> list[Finished]:
        """Pass it on."""
        return self._queue.stop()

    def close(self) -> None:
        """Pass it on."""
        self._queue.close()


def _spy_on(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Spy:
    spy = Spy(engine)
    monkeypatch.setattr(engine, "queue", lambda: spy)
    return spy


def test_jobs_last_as_long_as_they_are_meant_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock decides how many epochs make a job, up to the room for their orders."""
    engine = select_engine("reference", small_case().plan)[0]
    spy = _spy_on(engine, monkeypatch)
    ticks = iter(np.arange(0, 1e3, 0.05))  # each look at the clock finds it a twentieth later
    clock = SimpleNamespace(perf_counter=lambda: float(next(ticks)))
    monkeypatch.setattr(lines, "time", clock)
    trainings = [_training(small_case(n_epochs=60), engine, seed=n) for n in range(2)]
    monkeypatch.setattr(module, "ORDER_BYTES", 20 * 8 * 2 * 40)
    train_many(trainings)
    # One epoch took 0.05 s, so 0.75 s are 15; then 15 take as long, and the room ends at 40.
    assert list(spy.epochs.values()) == [[1, 15, 40, 4]] * 2


def test_room_for_orders_is_never_exceeded(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """However fast it goes, a job has no more epochs than there is memory for their orders."""
    spy = _spy_on(engine, monkeypatch)
    monkeypatch.setattr(module, "ORDER_BYTES", 20 * 8 * 3 * 7)
    train_many([_training(small_case(n_epochs=60), engine, seed=n) for n in range(3)])
    assert len(spy.epochs) == 3
    # One that is left alone has the room of all three.
    assert 1 < max(max(epochs) for epochs in spy.epochs.values()) <= 21


def test_early_stopping_and_other_ends(engine: Engine) -> None:
    """Patience, divergence, best weights and lengths that are no rule's: each as alone."""
    patient = StoppingRule(60, "validation_loss", patience=3, restore_best=True)
    bad: dict[str, Any] = {"optimiser": "plain", "schedule": "constant", "rate": 1e300}

    def make() -> list[Training]:
        made = [
            _training(small_case(stopping=patient, seed=seed), engine, seed=seed)
            for seed in range(3)
        ]
        made.append(_training(small_case("squared", n_epochs=30, **bad), engine))
        made.append(_training(small_case(n_epochs=30), engine, n_epochs=12))
        made.append(_training(small_case(n_epochs=30), engine, n_epochs=0))
        made.append(_training(small_case(n_epochs=30), engine, is_piece=True, n_epochs=1))
        return made

    statuses = [result.status for result in _check(make) if result]
    assert statuses[:3] == [StopReason.VALIDATION_PLATEAU] * 3
    assert statuses[3] is StopReason.DIVERGED
    # One epoch of `partial_fit` is all that was asked for.
    assert statuses[4:] == [StopReason.PAUSED, StopReason.PAUSED, StopReason.MAX_EPOCHS]


@pytest.mark.parametrize("resumable", [False, True])
def test_lbfgs_among_others(engine: Engine, resumable: bool) -> None:
    """Second-order trainings take their own way, and their turn."""

    def make() -> list[Training]:
        first = small_case(n_epochs=9)
        second = first.replan(optimiser=optim.LBFGS(200, 1e-4, resumable=resumable))
        return [_training(case, engine) for case in (first, second, first, second)]

    results = _check(make)
    assert all(result and len(result.history) > 1 for result in results)


def test_engines_of_several_kinds() -> None:
    """Each training is advanced by the engine that it names."""

    def make() -> list[Training]:
        case = small_case(n_epochs=12)
        made = [select_engine(name, case.plan)[0] for name in NAMES]
        return [_training(case, made[n % 2], seed=n) for n in range(5)]

    results = _check(make)
    assert [result.engine for result in results if result] == [NAMES[n % 2] for n in range(5)]


# Coming and going


def test_finished_ones_are_told_at_once_and_leave(engine: Engine) -> None:
    """Before the others are done, each once, with its place and its result."""
    told: list[tuple[int, FitResult]] = []
    lengths = [200 if engine.name == "reference" else 20_000, 2, 100, 1]
    trainings = [_training(small_case(n_epochs=n), engine, seed=n) for n in lengths]
    epochs_elsewhere: list[int] = []

    def on_done(index: int, result: FitResult) -> None:
        told.append((index, result))
        epochs_elsewhere.append(trainings[0].state.epoch)

    results = train_many(trainings, on_done=on_done)
    assert sorted(index for index, _ in told) == [0, 1, 2, 3]
    assert all(results[index] is result for index, result in told)
    assert told[0][0] != 0
    assert epochs_elsewhere[0] < lengths[0]


def test_an_iterator_is_asked_for_more_only_when_there_is_room(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trainings that are made when asked for need not be in memory at once.

    Where all would take longer than the horizon, no more are begun than keep the threads busy.
    """
    monkeypatch.setattr(module, "HORIZON_SECONDS", 0.0)
    monkeypatch.setattr(module, "_n_cores", lambda: 2)
    spy = _spy_on(engine, monkeypatch)
    made = done = most = 0

    def trainings() -> Iterator[Training]:
        nonlocal made, most
        for n in range(20):
            made += 1
            most = max(most, made - done)
            yield _training(small_case(n_epochs=5), engine, seed=n)

    def on_done(index: int, result: FitResult) -> None:  # noqa: ARG001  (the call's signature)
        nonlocal done
        done += 1

    assert len(train_many(trainings(), on_done=on_done)) == 20
    assert (made, done) == (20, 20)
    # The native engine may have done the first ones before there are four.
    assert (2 if engine.name == "native" else 4) <= spy.most <= 4
    assert spy.most <= most <= 4


def test_nothing_to_train() -> None:
    """No trainings, no results."""
    assert train_many([]) == []


# Observers and functions of one's own


def test_observers_are_told_as_in_a_training_alone(engine: Engine) -> None:
    """Start, every epoch with its own parameters, end; and one may ask to stop."""
    stops = {0: 0, 2: 7}

    def watched(many: bool) -> tuple[list[Observer], list[Training], list[FitResult | None]]:
        trainings = [_training(small_case(n_epochs=12, seed=n), engine, seed=n) for n in range(4)]
        observers = {n: Observer(at, lambda: True) for n, at in stops.items()}
        if many:
            results = train_many(trainings, {n: [o] for n, o in observers.items()})
        else:
            results = [
                train(training, [observers[n]] if n in observers else [])
                for n, training in enumerate(trainings)
            ]
        return list(observers.values()), trainings, results

    ours, theirs = watched(True), watched(False)
    assert [o.told for o in ours[0]] == [o.told for o in theirs[0]]
    for training, result, alone, expected in zip(*ours[1:], *theirs[1:], strict=True):
        assert expected is not None
        _assert_as_alone(training, result, alone, expected)
    assert ours[2][2] is not None
    assert ours[2][2].status is StopReason.OBSERVER


@pytest.mark.parametrize("where", ["observer", "score", "rate"])
def test_a_mistake_of_one_leaves_the_others_alone(engine: Engine, where: str) -> None:
    """The one whose function raises leaves with its error; the others end as they do alone."""

    def make() -> list[Training]:
        made = [_training(small_case(n_epochs=9, seed=n), engine, seed=n) for n in range(4)]
        case = small_case(n_epochs=9)
        if where == "score":
            look = case.data.validation
            assert look is not None
            own = ValidationData(look.x, look.target, score=lambda _: _fail())  # type: ignore[arg-type, return-value]  # it raises
            case = case.replace(data=dataclasses.replace(case.data, validation=own))
        elif where == "rate":
            case = case.replan(
                schedule=optim.FunctionOfStep(lambda step: 0.1 if step < 9 else _fail())  # type: ignore[arg-type, return-value]  # same
            )
        made.insert(2, _training(case, engine, seed=9))
        return made

    observers = {2: [Observer(3, _fail)]} if where == "observer" else {}
    trainings, alone = make(), make()
    errors: list[tuple[int, Exception]] = []
    told: list[int] = []
    results = train_many(
        trainings,
        observers,
        on_done=lambda index, _: told.append(index),
        on_error=lambda index, error: errors.append((index, error)),
    )
    assert [(index, type(error), str(error)) for index, error in errors] == [
        (2, RuntimeError, "a mistake of the user's own")
    ]
    assert results[2] is None
    assert sorted(told) == [0, 1, 3, 4]
    for n in told:
        _assert_as_alone(trainings[n], results[n], alone[n], train(alone[n]))
    with pytest.raises(RuntimeError, match="a mistake of the user's own"):
        train_many(make(), {2: [Observer(3, _fail)]} if observers else {})


def test_a_mistake_in_on_done_is_its_callers_to_see(engine: Engine) -> None:
    """It is no mistake of a training."""
    errors: list[int] = []
    with pytest.raises(RuntimeError, match="a mistake of the user's own"):
        train_many(
            [_training(small_case(), engine)],
            on_done=lambda *_: _fail(),
            on_error=lambda index, _: errors.append(index),
        )
    assert errors == []


# Interrupts


@pytest.fixture
def press() -> Iterator[Callable[[float], None]]:
    """Press Ctrl-C after so many seconds, and again where that was not heard."""
    timers: list[threading.Timer] = []

    def later(seconds: float) -> None:
        for moment in (seconds, 20):
            timers.append(threading.Timer(moment, signal.raise_signal, [signal.SIGINT]))
            timers[-1].start()

    yield later
    for timer in timers:
        timer.cancel()
        timer.join()


def _assert_coherent(training: Training, result: FitResult | None) -> None:
    """Check that a state stands where its history ends."""
    assert result is not None
    assert len(result.history) == training.state.epoch
    assert list(result.history.epoch) == list(range(1, training.state.epoch + 1))


# Where Hypothesis listens to the garbage collector, an interrupt may fall into its listener and be
# lost there; the fixture presses again.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.5])
def test_ctrl_c_ends_all(seconds: float, press: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was learned is kept with its history, finished ones stay finished, nothing is lost."""
    monkeypatch.setattr(module, "SHARE_SECONDS", 0.1)
    engine = select_engine("native", small_case().plan)[0]
    cases = [small_case(seed=n, batch_size=20) for n in range(6)]
    # The second is short; the others end in hours.
    cases = [c if n == 1 else c.replan(stopping=FOREVER) for n, c in enumerate(cases)]
    trainings = [_training(case, engine, seed=n) for n, case in enumerate(cases)]
    told: list[int] = []
    press(seconds)
    results = train_many(trainings, on_done=lambda index, _: told.append(index))
    assert sorted(told) == list(range(6))
    for n, (training, result) in enumerate(zip(trainings, results, strict=True)):
        _assert_coherent(training, result)
        assert result is not None
        finished = n == 1 and training.state.epoch == 4
        assert result.status is (StopReason.MAX_EPOCHS if finished else StopReason.INTERRUPTED)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    # In the middle of an epoch all the same: the parameters are those of a completed step.
    first = trainings[0]
    again = _training(cases[0], engine, n_epochs=first.state.epoch)
    train(again)
    if first.state.step == again.state.step:
        np.testing.assert_array_equal(again.state.parameters, first.state.parameters)


@pytest.mark.parametrize("who", ["observer", "on_done", "lbfgs"])
def test_an_interrupt_from_a_function(
    engine: Engine, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those under way end where they stand, and what they did is kept."""
    monkeypatch.setattr(module, "_n_cores", lambda: 4)
    n_epochs = 30 if engine.name == "reference" else 3000  # longer than the first is on its way
    made = [_training(small_case(n_epochs=n_epochs, seed=n), engine, seed=n) for n in range(5)]
    made[1] = _training(small_case(n_epochs=1), engine)
    observers: dict[int, list[Observer]] = {}
    if who == "observer":
        observers = {n: [Observer(3, _interrupt if n == 2 else None)] for n in range(5)}
    if who == "lbfgs":
        case = small_case(n_epochs=30).replan(optimiser=optim.LBFGS(200, 0.0))
        made[2] = _training(case, engine)
        observers = {2: [Observer(3, _interrupt)]}
    told: list[int] = []

    def on_done(index: int, _: FitResult) -> None:
        told.append(index)
        if who == "on_done" and len(told) == 1:
            raise KeyboardInterrupt

    results = train_many(made, observers, on_done=on_done)
    assert sorted(told) == list(range(5))
    for n, (training, result) in enumerate(zip(made, results, strict=True)):
        _assert_coherent(training, result)
        assert result is not None
        if n == 1 and who != "lbfgs":
            assert result.status is StopReason.MAX_EPOCHS
        elif n != 1:
            assert result.status is StopReason.INTERRUPTED
    for n, (observer,) in observers.items():
        result = results[n]
        assert result is not None
        assert observer.told[-1] == (result.status, len(result.history))
    if who == "observer":
        lengths = [len(result.history) for result in results if result]
        # In the reference engine all had done their third epoch before one was told of its own.
        assert lengths == [3, 1, 3, 3, 3] if engine.name == "reference" else lengths[2] == 3


def test_an_interrupt_that_finds_nothing_to_end_is_raised(engine: Engine) -> None:
    """Nobody's result could tell of it."""
    told: list[FitResult] = []

    def on_done(_: int, result: FitResult) -> None:
        told.append(result)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_many([_training(small_case(), engine)], on_done=on_done)
    assert [result.status for result in told] == [StopReason.MAX_EPOCHS]


def test_those_that_wait_are_told_too(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have no epochs, their start is what is left, and an iterator may end the list."""
    monkeypatch.setattr(module, "HORIZON_SECONDS", 0.0)
    monkeypatch.setattr(module, "_n_cores", lambda: 1)
    trainings = [_training(small_case(n_epochs=3, seed=n), engine, seed=n) for n in range(6)]
    stopped = False

    def on_done(index: int, result: FitResult) -> None:  # noqa: ARG001  (the call's signature)
        nonlocal stopped
        if not stopped:
            stopped = True
            raise KeyboardInterrupt

    results = train_many(trainings, on_done=on_done)
    assert [result.status for result in results[2:] if result] == [StopReason.INTERRUPTED] * 4
    for training, n in zip(trainings[2:], range(2, 6), strict=True):
        np.testing.assert_array_equal(
            training.state.parameters, small_case(n_epochs=3, seed=n).start
        )
    stopped, begun = False, []

    def ending() -> Iterator[Training]:
        for n in range(6):
            if stopped:
                return
            begun.append(n)
            yield _training(small_case(n_epochs=3, seed=n), engine, seed=n)

    # Where both were over at once, nobody is left to be interrupted.
    results = []
    with contextlib.suppress(KeyboardInterrupt):
        results = train_many(ending(), on_done=on_done)
    statuses = {result.status for result in results if result}
    assert statuses == ({StopReason.MAX_EPOCHS, StopReason.INTERRUPTED} if results else set())
    assert begun == [0, 1]
