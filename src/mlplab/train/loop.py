"""One loop for all engines, on one screen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlplab._typing import Vector
from mlplab.engines import Engine, Job, TrainingData, TrainingPlan, TrainingState
from mlplab.optim import LBFGS
from mlplab.results import FitResult, History, StopReason
from mlplab.train.observers import FitObserver, Watch
from mlplab.train.orders import RowOrders
from mlplab.train.second_order import run_iterations

__all__ = ["ENDED_BY_RULE", "Progress", "Training", "train"]

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
        How many epochs at the most; where these are fewer than the plan has left, training pauses.
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


class Progress:
    """How far a training has come: what `train` and `train_many` share.

    Parameters
    ----------
    training : Training
        Its state is changed in place.
    observers : sequence of FitObserver
        Told that it begins.
    """

    def __init__(self, training: Training, observers: Sequence[FitObserver] = ()) -> None:
        self.training, self.observers = training, observers
        self._watch = Watch(training.state, observers)
        self._start = training.state.parameters.copy()
        self._done = 0
        for observer in observers:
            observer.on_start(training.plan, training.state)

    @property
    def left(self) -> int:
        """How many epochs are left; none where training has stopped."""
        return 0 if self.training.state.stop is not None else self.training.n_epochs - self._done

    @property
    def is_watched(self) -> bool:
        """Whether somebody is told of every epoch, so that a job has no more than one."""
        return self._watch.sees_every_epoch

    def job(self, n_epochs: int) -> Job:
        """Return up to so many of the epochs that are left, with their orders, for an engine.

        It ends where an observer wants to see the state.
        """
        n_epochs = int(min(n_epochs, self.left, self._watch.undisturbed))
        training = self.training
        orders = training.orders.draw(n_epochs)
        return Job(training.plan, training.state, training.data, orders, n_epochs)

    def take(self, job: Job, part: History) -> None:
        """Keep what came of a job, and tell the observers."""
        if len(part) < job.n_epochs:
            self.training.orders.take_back(len(part))
        self._done += len(part)
        self._watch.tell(part)

    def give_back(self) -> None:
        """Undo the drawing for a job that nobody did."""
        self.training.orders.take_back(0)

    def interrupt(self) -> None:
        """Let a training that has epochs left end here."""
        if self.left:
            self.training.state.stop = StopReason.INTERRUPTED

    def run_alone(self) -> None:
        """Train to the end, and keep what was learned where someone interrupts."""
        training = self.training
        try:
            if isinstance(training.plan.optimiser, LBFGS):
                run_iterations(
                    training.plan,
                    training.data,
                    training.engine,
                    training.state,
                    training.n_epochs,
                    self._watch,
                )
            else:
                self._run_epochs()
        except KeyboardInterrupt:
            training.state.stop = StopReason.INTERRUPTED

    def _run_epochs(self) -> None:
        """Advance in chunks of epochs, which end where somebody wants to see the state."""
        chunk = 1
        while self.left:
            began = time.perf_counter()
            job = self.job(chunk)
            self.take(job, self.training.engine.advance(*job))
            seconds = max(time.perf_counter() - began, 1e-6)
            chunk = max(1, min(2 * chunk, round(job.n_epochs * CHUNK_SECONDS / seconds)))

    def end(self, seconds: float) -> FitResult:
        """Leave the best weights where they are wanted; tell what happened, and that it is over.

        Parameters
        ----------
        seconds : float
            What it took.
        """
        training = self.training
        restored = _leave_best(training, self._start)
        result = FitResult(
            history=self._watch.history,
            status=training.state.stop or _why_no_more(training),
            engine=training.engine.name,
            engine_reason=training.engine_reason,
            seconds=seconds,
            best_epoch=training.state.best_epoch,
            restored_best=restored,
            n_parameters=training.plan.network.n_parameters,
            dtype=training.plan.dtype,
            n_threads=training.n_threads,
        )
        for observer in self.observers:
            observer.on_end(result)
        return result


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
    progress = Progress(training, observers)
    progress.run_alone()
    return progress.end(time.perf_counter() - began)


def _why_no_more(training: Training) -> StopReason:
    """Return why there are no epochs left, although nothing has stopped the training."""
    done = training.state.epoch - training.state.first_epoch
    paused = not training.is_piece and done < training.plan.stopping.max_epochs
    return StopReason.PAUSED if paused else StopReason.MAX_EPOCHS


def _leave_best(training: Training, start: Vector) -> bool:
    """Put the best weights back where the rule wants it, or where training diverged."""
    state = training.state
    over = not training.is_piece or state.stop in ENDED_BY_RULE
    wanted = training.plan.stopping.restore_best and state.best_epoch is not None and over
    unusable = state.stop is StopReason.DIVERGED or not np.isfinite(state.parameters).all()
    state.last_parameters = state.parameters if wanted and not unusable else None
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
