"""One network inside the native library, from its state and back into it."""

from __future__ import annotations

import copy
import ctypes
from types import TracebackType
from typing import Any

import numpy as np

from mlplab._typing import AnyArray, Vector
from mlplab.engines.contract import Job
from mlplab.engines.native_abi import AGAIN, RowsView, State, Task, address, require
from mlplab.engines.native_plan import NativePlan, r2_totals, rows_view
from mlplab.engines.native_rates import RateTable
from mlplab.engines.stopping import EpochFigures
from mlplab.results import History, StopReason

__all__ = ["BUDGET_SECONDS", "Training"]

# Short enough to interrupt, long enough that returning costs nothing.
BUDGET_SECONDS = 0.05
RECORD_FIELDS = 6
COUNTERS = (
    "step", "epoch", "samples_seen", "origin_step", "origin_epoch", "first_epoch", "divisions",
    "no_improvement", "best_figure", "figure_to_beat",
)  # fmt: skip
CHANGING = (
    "step", "epoch", "samples_seen", "divisions", "no_improvement", "best_figure",
    "figure_to_beat",
)  # fmt: skip


class Training:
    """A context that makes a network from a job and writes its state back at the end.

    Parameters
    ----------
    library : ctypes library
    job : Job
    n_threads : int
    manual_close : bool
        Epochs are closed in Python: the library only goes through the rows.
    objective_only : bool
        No steps will be made.
    """

    def __init__(
        self,
        library: Any,
        job: Job,
        n_threads: int,
        *,
        manual_close: bool = False,
        objective_only: bool = False,
    ) -> None:
        self._library, self._job = library, job
        rule, state = job.plan.stopping, job.state
        left = rule.max_epochs - (state.epoch - state.first_epoch)
        # The rule ends training then; at least one epoch runs, as in the reference engine.
        self._n_epochs = min(job.n_epochs, max(1, left))
        self._dtype = np.dtype(job.plan.dtype)
        self._changes = not objective_only
        self._looks = job.data.validation is not None and not (manual_close or objective_only)
        if not (manual_close or objective_only):
            self._require_rows_to_watch()
        self._plan = NativePlan.for_training(
            job.plan,
            job.data,
            n_threads,
            manual_close=manual_close,
            objective_only=objective_only,
        )
        self._records = np.zeros((self._n_epochs, RECORD_FIELDS))
        self._orders = self._orders_of(job)
        self._rates: RateTable | None = None
        if not objective_only:
            self._rates = RateTable(job.plan, job.state, job.data.n_rows, self._n_epochs)
            self._n_epochs = self._rates.n_epochs
        self._done = ctypes.c_int64(0)
        self._finished = 0
        self._handle = ctypes.c_void_p()
        self._create()

    def _require_rows_to_watch(self) -> None:
        rule = self._job.plan.stopping
        if rule.monitor == "training_loss":
            return
        if not self._looks or (rule.monitor == "validation_score" and rule.score is None):
            message = f"the plan monitors {rule.monitor}, but there are no validation rows"
            raise ValueError(message)

    def _orders_of(self, job: Job) -> AnyArray | None:
        """Return the orders as the library reads them, or None where rows stand in theirs."""
        given, n_rows = job.orders, job.data.n_rows
        if given is None and job.data.places is not None:
            given = np.broadcast_to(job.data.places, (self._n_epochs, n_rows))
        if given is None:
            return None
        orders: AnyArray = np.ascontiguousarray(given, dtype=np.int64)
        if orders.ndim != 2 or orders.shape[1] != n_rows or len(orders) < self._n_epochs:
            message = (
                f"orders must hold {self._n_epochs} epochs of {n_rows} rows; "
                f"got the shape {orders.shape}"
            )
            raise ValueError(message)
        return orders

    def _create(self) -> None:
        data, state = self._job.data, self._job.state
        rows, self._kept_rows = rows_view(
            data.x, self._dtype, data.target, data.weight, data.n_rows
        )
        look = self._validation_rows()
        flat = np.ascontiguousarray(state.parameters, dtype=self._dtype)
        slots = [self._slot(name) for name in self._plan.slot_names]
        slots += [None] * (2 - len(slots))
        counters = State(**{name: getattr(state, name) for name in COUNTERS})
        counters.best_epoch = -1 if state.best_epoch is None else state.best_epoch
        counters.mu_product = float(state.slots["mu_product"][0]) if self._has_product() else 1.0
        require(
            self._library.mlp_create(
                self._plan.pointer,
                ctypes.byref(rows),
                None if look is None else ctypes.byref(look),
                ctypes.byref(counters),
                address(flat),
                address(slots[0]),
                address(slots[1]),
                flat.size,
                ctypes.byref(self._handle),
            )
        )
        self._n_parameters = flat.size

    def _has_product(self) -> bool:
        return self._plan.has_product and "mu_product" in self._job.state.slots

    def _validation_rows(self) -> RowsView | None:
        look = self._job.data.validation
        if look is None or not self._looks:
            return None
        view, self._kept_look = rows_view(look.x, self._dtype, look.target, look.weight)
        if self._job.plan.stopping.score == "r2":
            self._totals = r2_totals(look.target, look.weight)
            view.r2_total = address(self._totals)
        return view

    def _slot(self, name: str) -> AnyArray | None:
        slot = self._job.state.slots.get(name)
        return None if slot is None else np.ascontiguousarray(slot, dtype=self._dtype)

    def __enter__(self) -> Training:  # noqa: PYI034  (shape checks cannot resolve Self here)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def task(self) -> Task:
        """Return what remains to be done, for a crew."""
        rates = None if self._rates is None else self._rates.rates
        return Task(
            network=self._handle,
            orders=address(self._orders),
            rates=address(rates),
            n_epochs=self._n_epochs,
            records=address(self._records),
            done=self._done.value,
            rates_a_step=self._rates is not None and self._rates.a_step,
        )

    def run(self) -> None:
        """Run until all epochs are done or the rule stops; interrupts come in between."""
        code, task = AGAIN, self.task()
        while code == AGAIN:
            code = require(
                self._library.mlp_run(
                    task.network,
                    task.orders,
                    task.rates,
                    task.rates_a_step,
                    task.n_epochs,
                    BUDGET_SECONDS,
                    task.records,
                    ctypes.byref(self._done),
                )
            )
        if self._rates is not None and self._rates.interrupted:
            raise KeyboardInterrupt

    def take(self, task: Task) -> bool:
        """Note how far a task has come; return whether it has to go on."""
        self._done.value = task.done
        again = require(task.code) == AGAIN
        if not again and self._rates is not None and self._rates.interrupted:
            raise KeyboardInterrupt
        return again

    def objective(self) -> tuple[float, float, Vector]:
        """Return value, reported value and gradient."""
        value, reported = ctypes.c_double(), ctypes.c_double()
        gradient = np.empty(self._n_parameters, dtype=self._dtype)
        require(
            self._library.mlp_objective(
                self._handle,
                ctypes.byref(value),
                ctypes.byref(reported),
                address(gradient),
                gradient.size,
            )
        )
        return value.value, reported.value, gradient

    def history(self) -> History:
        """Return the history of the completed epochs, once the network is closed."""
        n, last = self._finished, self._job.state.epoch
        scored = self._looks and self._job.plan.stopping.score is not None
        loss, look, score, *rest = map(tuple, self._records[:n].T.tolist())
        nothing = (None,) * n
        return History(
            tuple(range(last - n + 1, last + 1)),
            loss,
            look if self._looks else nothing,
            score if scored else nothing,
            *rest,
        )

    def figures(self) -> EpochFigures:
        """Return the figures of the one epoch that was run."""
        loss, _, _, rate, norm, seconds = self._records[0].tolist()
        return EpochFigures(loss, rate, norm, seconds)

    def close(self) -> None:
        """Write the state back, which is that of a completed step, and free the network."""
        if not self._handle:
            return
        try:
            if self._changes:
                self._write_back()
        finally:
            self.forget()

    def forget(self) -> None:
        """Free the network, and leave the state as it was."""
        # In this order an interrupt in between loses memory, and never frees it twice.
        handle, self._handle = self._handle, ctypes.c_void_p()
        self._library.mlp_destroy(handle)

    def _write_back(self) -> None:
        state = self._job.state
        vectors = [np.empty(self._n_parameters, dtype=self._dtype) for _ in range(4)]
        parameters, best, first, second = vectors
        counters = State()
        require(
            self._library.mlp_export(
                self._handle,
                ctypes.byref(counters),
                address(parameters),
                address(first),
                address(second),
                address(best),
                parameters.size,
            )
        )
        slots: dict[str, AnyArray] = dict(zip(self._plan.slot_names, (first, second), strict=False))
        if self._plan.has_product:
            slots["mu_product"] = np.array([counters.mu_product])
        before = copy.copy(state)
        try:
            state.parameters, state.slots = parameters, slots
            for name in CHANGING:
                setattr(state, name, getattr(counters, name))
            if counters.improved:
                state.best_parameters, state.best_epoch = best, counters.best_epoch
            state.stop = self._reason(counters.stop)
            # An interrupt may have come before the count of the last call was noted.
            self._finished = counters.epoch - before.epoch
        except BaseException:
            state.go_back_to(before)  # all of it or nothing
            raise

    def _reason(self, code: int) -> StopReason | None:
        training = self._job.plan.stopping.monitor == "training_loss"
        plateau = StopReason.LOSS_PLATEAU if training else StopReason.VALIDATION_PLATEAU
        reasons = (
            None,
            StopReason.MAX_EPOCHS,
            plateau,
            StopReason.RATE_TOO_SMALL,
            StopReason.DIVERGED,
        )
        return reasons[code]
