"""Training with L-BFGS: iterations over all rows in place of epochs of steps.

An iteration is closed like an epoch, so records, observers and validation rows mean the same for
every solver. Without validation rows the routine's own tests of convergence decide.
"""

from __future__ import annotations

import functools
import time

import numpy as np

from mlplab._typing import Matrix, Vector
from mlplab.engines import (
    Engine,
    EpochFigures,
    TrainingData,
    TrainingPlan,
    TrainingState,
    ValidationData,
    close_epoch,
)
from mlplab.optim import LBFGS, minimise, minimise_resumable
from mlplab.results import History, StopReason
from mlplab.train.observers import Watch

__all__ = ["run_iterations"]

REASONS = {
    "converged": StopReason.CONVERGED,
    "max_iterations": StopReason.MAX_EPOCHS,
    "max_evaluations": StopReason.MAX_EVALUATIONS,
    "line_search": StopReason.LINE_SEARCH,
    "stopped": StopReason.OBSERVER,
}


def run_iterations(
    plan: TrainingPlan,
    data: TrainingData,
    engine: Engine,
    state: TrainingState,
    n_iterations: int,
    watch: Watch,
) -> None:
    """Minimise the objective over all rows by up to this many iterations; changes the state."""
    recipe = plan.optimiser
    if not isinstance(recipe, LBFGS):
        message = f"run_iterations carries out L-BFGS only, not {recipe.name}"
        raise TypeError(message)
    routine = (
        functools.partial(minimise_resumable, slots=state.slots) if recipe.resumable else minimise
    )
    monitor = _IterationMonitor(plan, data, engine, state, watch)
    # As in engines: what NumPy would warn of is told by the reason.
    with np.errstate(all="ignore"):
        outcome = routine(
            monitor.objective,
            state.parameters.astype(np.float64),
            recipe,
            n_iterations,
            monitor.after_iteration,
        )
    state.parameters = outcome.parameters.astype(plan.dtype)
    state.slots = outcome.slots
    if not np.isfinite(state.parameters).all() or not np.isfinite(outcome.value):
        state.stop = StopReason.DIVERGED
    if state.stop is None:
        state.stop = REASONS[outcome.status]


class _IterationMonitor:
    """The objective as the routine sees it, and the closing of each iteration."""

    def __init__(
        self,
        plan: TrainingPlan,
        data: TrainingData,
        engine: Engine,
        state: TrainingState,
        watch: Watch,
    ) -> None:
        self._plan, self._data, self._engine = plan, data, engine
        self._state, self._watch = state, watch
        self._last = time.perf_counter()
        self._figures: dict[bytes, tuple[float, float]] = {}

    def objective(self, parameters: Vector) -> tuple[float, Vector]:
        """Value and gradient in float64, whatever the network computes in."""
        value, reported, gradient = self._engine.objective(
            self._plan, parameters.astype(self._plan.dtype), self._data
        )
        norm = float(np.linalg.norm(gradient))
        # A line search tries several points; the iteration reports the one it accepted.
        self._figures[parameters.tobytes()] = (reported, norm)
        return value, gradient.astype(np.float64)

    def after_iteration(self, parameters: Vector, value: float) -> bool:
        """Close an iteration; return whether to stop."""
        state, plan = self._state, self._plan
        state.parameters = parameters.astype(plan.dtype)
        state.step += 1
        reported, norm = self._figures.get(parameters.tobytes(), (value, float("nan")))
        self._figures.clear()
        now = time.perf_counter()
        figures = EpochFigures(reported, 1.0, norm, now - self._last)
        self._last = now
        record = close_epoch(plan, state, figures, self._data.validation, self._validation_raw)
        if self._data.validation is None and state.stop is not StopReason.DIVERGED:
            state.stop = None
        self._watch.tell(History.of([record]))
        return state.stop is not None

    def _validation_raw(self, rows: ValidationData) -> Matrix:
        return self._engine.raw_predictions(self._plan.network, self._state.parameters, rows.x)
