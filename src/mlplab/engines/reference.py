"""The reference engine: NumPy, built from `nn` and `optim`. It is the definition of correct."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mlplab._typing import AnyArray, Matrix, Order, Rows, Vector
from mlplab.engines.contract import (
    Job,
    TrainingData,
    TrainingPlan,
    TrainingState,
    ValidationData,
)
from mlplab.engines.queues import RoundQueue
from mlplab.engines.stopping import EpochFigures, close_epoch
from mlplab.nn import ForwardContext, NetworkSpec, forward_pass, objective_and_gradient
from mlplab.optim import (
    Step,
    Transform,
    chain,
    clip_by_norm,
    clip_by_value,
    decouple_decay,
)
from mlplab.results import EpochRecord, History, StopReason

__all__ = ["ReferenceEngine", "build_update"]

# A part of this many rows keeps the memory of predictions small.
PREDICTION_ROWS = 16384


def build_update(plan: TrainingPlan, mask: Vector) -> Transform:
    """Return the whole way from a gradient to a step: clipping, optimiser, decay."""
    parts = []
    if plan.clip_value is not None:
        parts.append(clip_by_value(plan.clip_value))
    if plan.clip_norm is not None:
        parts.append(clip_by_norm(plan.clip_norm))
    parts.append(plan.optimiser.transform())
    if plan.weight_decay:
        parts.append(decouple_decay(plan.weight_decay, mask))
    return chain(*parts)


class ReferenceEngine:
    """NumPy; see `mlplab.engines.contract` for what is promised.

    Parameters
    ----------
    n_threads : int or None
        Limit on the threads of the linear algebra library; None leaves it alone.
    """

    name = "reference"

    def __init__(self, n_threads: int | None = None) -> None:
        self.n_threads = n_threads

    def refuses(self, plan: TrainingPlan) -> str | None:  # noqa: ARG002  (the contract's signature)
        """Return None: the reference engine carries every plan out."""
        return None

    def advance(
        self,
        plan: TrainingPlan,
        state: TrainingState,
        data: TrainingData,
        orders: Order | None,
        n_epochs: int,
    ) -> History:
        """Move the state on by up to ``n_epochs`` epochs; see the contract."""
        records: list[EpochRecord] = []
        try:
            with self._quiet():
                run_step = _stepper(plan, state, data)
                for index in range(n_epochs):
                    if state.stop is not None:
                        break
                    order = data.places if orders is None else orders[index]
                    figures = _run_epoch(plan, state, data, order, run_step)
                    records.append(self._close(plan, state, data, figures))
        except KeyboardInterrupt:
            state.stop = StopReason.INTERRUPTED
        return History.of(records)

    def _close(
        self,
        plan: TrainingPlan,
        state: TrainingState,
        data: TrainingData,
        figures: EpochFigures,
    ) -> EpochRecord:
        def predict(rows: ValidationData) -> Matrix:
            return self._raw(plan.network, state.parameters, rows.x)

        return close_epoch(plan, state, figures, data.validation, predict)

    def advance_many(self, jobs: Sequence[Job]) -> list[History]:
        """Advance many states, one after another."""
        return [self.advance(*job) for job in jobs]

    def queue(self) -> RoundQueue:
        """Return a queue that does all that wait, one after another."""
        return RoundQueue(self)

    def objective(
        self, plan: TrainingPlan, parameters: Vector, data: TrainingData
    ) -> tuple[float, float, Vector]:
        """Return value, reported value and gradient of the objective over all rows."""
        context, data = ForwardContext(training=True, seed=plan.dropout_seed), data.alone()
        with self._quiet():
            return objective_and_gradient(
                plan.network,
                plan.loss,
                plan.penalties,
                parameters,
                data.x,
                data.target,
                data.weight,
                context,
            )

    def raw_predictions(self, network: NetworkSpec, parameters: Vector, x: Rows) -> Matrix:
        """Return raw predictions, without dropout."""
        with self._quiet():
            return self._raw(network, parameters, x)

    @staticmethod
    def _raw(network: NetworkSpec, parameters: Vector, x: Rows) -> Matrix:
        n_rows = x.shape[0]
        if n_rows <= PREDICTION_ROWS:
            return forward_pass(network, parameters, x)[0]
        parts = [
            forward_pass(network, parameters, x[start : start + PREDICTION_ROWS])[0]
            for start in range(0, n_rows, PREDICTION_ROWS)
        ]
        return np.concatenate(parts)

    @contextlib.contextmanager
    def _quiet(self) -> Iterator[None]:
        """Without NumPy's warnings (divergence is told in words), within the limit of threads."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(np.errstate(all="ignore"))
            if self.n_threads is not None:
                from threadpoolctl import threadpool_limits  # noqa: PLC0415  (only where asked)

                stack.enter_context(threadpool_limits(self.n_threads))
            yield


RunStep = Callable[[AnyArray | slice, float], tuple[float, float]]


def _run_epoch(
    plan: TrainingPlan,
    state: TrainingState,
    data: TrainingData,
    order: AnyArray | None,
    run_step: RunStep,
) -> EpochFigures:
    """Go once through the rows; return loss, last rate and mean gradient norm."""
    began = time.perf_counter()
    n_rows = data.n_rows
    steps = -(-n_rows // plan.batch_size)
    loss, norm, rate = 0.0, 0.0, 0.0
    for start in range(0, n_rows, plan.batch_size):
        stop = min(start + plan.batch_size, n_rows)
        rate = plan.schedule.rate(state.moment(plan, steps))
        rows = slice(start, stop) if order is None else order[start:stop]
        batch_loss, batch_norm = run_step(rows, rate)
        loss += batch_loss * (stop - start)
        norm += batch_norm
    state.samples_seen += n_rows
    return EpochFigures(loss / n_rows, rate, norm / steps, time.perf_counter() - began)


def _stepper(plan: TrainingPlan, state: TrainingState, data: TrainingData) -> RunStep:
    """Return the function that makes one step on some rows: objective, gradient, update."""
    mask = plan.network.penalty_mask(plan.dtype)
    factors = plan.network.rate_factors(plan.dtype)
    update = build_update(plan, mask)
    if not state.slots:
        state.slots = update.init(state.parameters)

    def run_step(rows: AnyArray | slice, rate: float) -> tuple[float, float]:
        weight = None if data.weight is None else data.weight[rows]
        if weight is not None and not weight.any():
            return 0.0, 0.0  # rows without weight teach nothing: no step
        context = ForwardContext(training=True, seed=plan.dropout_seed, step=state.step + 1)
        found = objective_and_gradient(
            plan.network,
            plan.loss,
            plan.penalties,
            state.parameters,
            data.x[rows],
            data.target[rows],
            weight,
            context,
            mask,
        )
        step = Step(state.step + 1, rate, state.parameters)
        change, slots = update.update(found.gradient, state.slots, step)
        if factors is not None:
            change = change * factors
        # One assignment after all arithmetic: an interrupt leaves a completed step.
        state.parameters, state.slots, state.step = state.parameters + change, slots, step.number
        return found.reported, float(np.linalg.norm(found.gradient))

    return run_step
