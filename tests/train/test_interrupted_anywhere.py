"""Ctrl-C at every line between an engine and the results of many trainings."""

from __future__ import annotations

import dataclasses
import math
import signal
import sys
from types import FrameType
from typing import Any

import numpy as np
import pytest
from tests.contracts.trainings import assert_equal_states, small_case, timeless

from mlplab.engines import Engine, StoppingRule, select_engine
from mlplab.results import StopReason
from mlplab.train import RowOrders, Training, many, train_many

N_TRAININGS, N_EPOCHS = 3, 6


class Press:
    """Presses Ctrl-C at the n-th line of some modules."""

    def __init__(self, modules: tuple[str, ...], at: int) -> None:
        self._modules, self._left = modules, at
        self.where = ""

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        """Count lines; other modules are not traced."""
        if not frame.f_code.co_filename.endswith(self._modules):
            return None
        if event == "line":
            self._left -= 1
            if not self._left:
                self.where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                signal.raise_signal(signal.SIGINT)
        return self


def _trainings(engine: Engine) -> list[Training]:
    case = small_case()
    rule = StoppingRule(max_epochs=N_EPOCHS, patience=math.inf, restore_best=True)
    made = []
    for seed in range(N_TRAININGS):
        orders = RowOrders(
            case.data.n_rows, np.random.RandomState(seed), shuffle=True, batch_size=6
        )
        plan = dataclasses.replace(case.plan, stopping=rule)
        made.append(Training(plan, case.data, engine, "", case.state(), orders, N_EPOCHS))
    return made


def _go_on(training: Training, done: int) -> Training:
    """Return what is left of an interrupted training."""
    training.state.stop = None
    if training.state.last_parameters is not None:
        training.state.parameters = training.state.last_parameters
    return dataclasses.replace(training, n_epochs=N_EPOCHS - done)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "modules",
    [
        ("train/lines.py",),
        ("train/loop.py", "engines/queues.py"),
        ("engines/native_crew.py",),
        ("engines/native_training.py",),
    ],
    ids=lambda modules: modules[0],
)
@pytest.mark.parametrize("name", ["native", "reference"])
def test_nothing_is_lost_wherever_it_comes(
    modules: tuple[str, ...],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Any,
) -> None:
    """Each stands where its history ends, and goes on to the same bits."""
    engine = select_engine(name, small_case().plan)[0]
    monkeypatch.setattr(many._Pool, "_n_epochs", lambda _, member, __: min(2, member.progress.left))
    expected = _trainings(engine)
    whole = train_many(expected)
    at = n_interrupted = 0
    while True:
        at += 1
        trainings, press = _trainings(engine), Press(modules, at)
        before = sys.gettrace()
        sys.settrace(press)
        try:
            results = train_many(trainings)
        except KeyboardInterrupt:  # it came when all were done
            continue
        finally:
            sys.settrace(before)
        if not press.where:
            break
        for training, result, other, full in zip(trainings, results, expected, whole, strict=True):
            assert result is not None, press.where
            assert full is not None
            done = len(result.history)
            assert done == training.state.epoch, press.where
            assert timeless(result.history) == timeless(full.history)[:done], press.where
            if result.status is StopReason.INTERRUPTED:
                n_interrupted += 1
                if training.state.step == 4 * done:  # at the end of an epoch
                    (rest,) = train_many([_go_on(training, done)])
                    assert rest is not None
            assert_equal_states(training.state, other.state)
    assert at > 20 or name == "reference"
    assert n_interrupted or name == "reference"
    record_property("interrupts", at - 1)
    record_property("outcome", "each stands where its history ends, and goes on to the same bits")
