"""One loop for all engines, on one screen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlplab._typing import Vector
from mlplab.engines import Engine, TrainingData, TrainingPlan, TrainingState
from mlplab.optim import LBFGS
from mlplab.results import FitResult, StopReason
from mlplab.train.observers import FitObserver, Watch
from mlplab.train.orders import RowOrders
from mlplab.train.second_order import run_iterations

__all__ = ["ENDED_BY_RULE", "Training", "train"]

ENDED_BY_RULE = (StopReason.VALIDATION_PLATEAU, StopReason.RATE_TOO_SMALL)
# Long enough to make calls of engines rare, short enough to watch and to interrupt.
CHUNK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Training:
    """One training: what, on what, by whom, from where.

    Attributes
    ----------
    plan : TrainingPlan
    data : TrainingData
    engine : Engine
    engine_reason : str
    state : TrainingState
        Changed in place.
    orders : RowOrders
    n_epochs : int
        How many epochs at the most.
    n_threads : int or None
    is_piece : bool
        One piece of a longer training (`partial_fit`): the best weights are put back only once
        the rule has ended the whole.
    """

    plan: TrainingPlan
    data: TrainingData
    engine: Engine
    engine_reason: str
    state: TrainingState
    orders: RowOrders
    n_epochs: int
    n_threads: int | None = None
    is_piece: bool = False


def train(training: Training, observers: Sequence[FitObserver] = ()) -> FitResult:
    """Train until the plan says stop, an observer asks for it, or someone interrupts.

    Divergence is returned, not raised: ``result.status`` tells, and the state then holds the best
    finite parameters: those of the best epoch, or those of the start where they are better.

    Parameters
    ----------
    training : Training
        Its state is changed in place.
    observers : sequence of FitObserver

    Returns
    -------
    FitResult
    """
    began = time.perf_counter()
    state, plan = training.state, training.plan
    watch, start = Watch(state, observers), state.parameters.copy()
    for observer in observers:
        observer.on_start(plan, state)
    try:
        if isinstance(plan.optimiser, LBFGS):
            run_iterations(plan, training.data, training.engine, state, training.n_epochs, watch)
        else:
            _run_epochs(training, watch)
    except KeyboardInterrupt:
        state.stop = StopReason.INTERRUPTED
    restored = _leave_best(training, start)
    result = FitResult(
        history=watch.history,
        status=state.stop or StopReason.MAX_EPOCHS,
        engine=training.engine.name,
        engine_reason=training.engine_reason,
        seconds=time.perf_counter() - began,
        best_epoch=state.best_epoch,
        restored_best=restored,
        n_parameters=plan.network.n_parameters,
        dtype=plan.dtype,
        n_threads=training.n_threads,
    )
    for observer in observers:
        observer.on_end(result)
    return result


def _run_epochs(training: Training, watch: Watch) -> None:
    """Advance in chunks of epochs; a single epoch at a time while somebody watches."""
    done, chunk = 0, 1
    while done < training.n_epochs and training.state.stop is None:
        began = time.perf_counter()
        orders = training.orders.draw(chunk)
        part = training.engine.advance(training.plan, training.state, training.data, orders, chunk)
        if len(part) < chunk:
            training.orders.take_back(len(part))
        watch.tell(part)
        done += chunk
        if not watch.observers:
            seconds = max(time.perf_counter() - began, 1e-6)
            chunk = max(1, min(2 * chunk, round(chunk * CHUNK_SECONDS / seconds)))
        chunk = min(chunk, training.n_epochs - done)


def _leave_best(training: Training, start: Vector) -> bool:
    """Put the best weights back where the rule wants it, or where training diverged."""
    state = training.state
    over = not training.is_piece or state.stop in ENDED_BY_RULE
    wanted = training.plan.stopping.restore_best and state.best_epoch is not None and over
    unusable = state.stop is StopReason.DIVERGED or not np.isfinite(state.parameters).all()
    if wanted:
        state.parameters = state.best_parameters.copy()
    elif unusable:
        state.parameters = _lower(training, start, state.best_parameters)
    return wanted or unusable


def _lower(training: Training, start: Vector, best: Vector) -> Vector:
    """Return a copy of those weights whose objective is lower; the first where none is finite.

    The loss of an epoch is measured on the way through it. An epoch that looked good may have
    ended in weights that had begun to explode, worse than those that training started from.
    """

    def objective(parameters: Vector) -> float:
        value = training.engine.objective(training.plan, parameters, training.data)[0]
        return value if np.isfinite(value) else np.inf

    return min((start, best), key=objective).copy()
