"""The native engine: C++ behind a plain C boundary, whole chunks of epochs a call.

What a plan says is laid into structs (`native_plan`), the library runs until its time is spent,
and this module goes on calling until all epochs are done. Between two calls Python sees
interrupts; the library is then always between two steps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mlplab._config import usual_threads
from mlplab._typing import Matrix, Order, Rows, Vector
from mlplab.engines.contract import Job, TrainingData, TrainingPlan, TrainingState, ValidationData
from mlplab.engines.native_abi import load_library
from mlplab.engines.native_crew import Crew, NativeQueue
from mlplab.engines.native_plan import refusal
from mlplab.engines.native_prediction import NativePredictor
from mlplab.engines.native_training import Training
from mlplab.engines.queues import RoundQueue
from mlplab.engines.reference import ReferenceEngine
from mlplab.engines.stopping import close_epoch
from mlplab.nn import Loss, NetworkSpec
from mlplab.results import EpochRecord, History, StopReason

__all__ = ["NativeEngine"]

# Multiply-adds of a step below which a second thread costs more than it brings.
WORTH_A_THREAD = 1_500_000


class NativeEngine:
    """C++; see `mlplab.engines.contract` for what is promised.

    Parameters
    ----------
    n_threads : int or None
        Threads for one large network, or for many networks; None takes as many as there are
        processors for, or ``OMP_NUM_THREADS``.
        Bits do not depend on it.
    """

    name = "native"

    def __init__(self, n_threads: int | None = None) -> None:
        self.n_threads = n_threads
        self._library = load_library()

    def refuses(self, plan: TrainingPlan) -> str | None:
        """Return why this engine cannot carry the plan out, or None where it can."""
        return refusal(plan)

    def advance(
        self,
        plan: TrainingPlan,
        state: TrainingState,
        data: TrainingData,
        orders: Order | None,
        n_epochs: int,
    ) -> History:
        """Move the state on by up to ``n_epochs`` epochs; see the contract."""
        job = Job(plan, state, data, orders, n_epochs)
        if n_epochs <= 0 or state.stop is not None:
            return History()
        if _closes_in_python(job):
            return self._advance_by_hand(job)
        history = History()
        try:
            training = Training(self._library, job, self._threads_for(plan, data.n_rows))
            try:
                training.run()
            finally:
                training.close()
                history = training.history()
        except KeyboardInterrupt:
            _interrupt(state)
        return history

    def advance_many(self, jobs: Sequence[Job]) -> list[History]:
        """Advance many states at once, one thread each; the outcome is that of each alone."""
        results = [History() for _ in jobs]
        native = [index for index, job in enumerate(jobs) if not self._in_python(job)]
        for index in set(range(len(jobs))).difference(native):
            results[index] = self.advance(*jobs[index])
        trainings: list[Training] = []
        try:
            try:
                trainings.extend(Training(self._library, jobs[index], 1) for index in native)
                self._run_many(trainings)
            finally:
                for training in trainings:
                    training.close()
        except KeyboardInterrupt:
            for index in native:
                _interrupt(jobs[index].state)
        for index, training in zip(native, trainings, strict=False):
            results[index] = training.history()
        return results

    def queue(self) -> NativeQueue:
        """Return a queue whose jobs are under way while Python does something else."""
        return NativeQueue(self._library, self._limit(), RoundQueue(self), self._in_python)

    def objective(
        self, plan: TrainingPlan, parameters: Vector, data: TrainingData
    ) -> tuple[float, float, Vector]:
        """Return value, reported value and gradient of the objective over all rows."""
        job = Job(plan, TrainingState(parameters), data.alone(), None, 1)
        n_threads = self._threads_for(plan, data.n_rows, data.n_rows)
        with Training(self._library, job, n_threads, objective_only=True) as training:
            return training.objective()

    def raw_predictions(self, network: NetworkSpec, parameters: Vector, x: Rows) -> Matrix:
        """Return raw predictions, without dropout."""
        dtype = "float32" if parameters.dtype == np.float32 else "float64"
        arrays = network.views(np.ascontiguousarray(parameters, dtype=dtype))
        if not NativePredictor.fits(network, arrays):
            return ReferenceEngine().raw_predictions(network, parameters, x)
        return NativePredictor(network, arrays, self._limit()).predict(x)

    def predictor(
        self, network: NetworkSpec, arrays: Sequence[Any], loss: Loss
    ) -> NativePredictor | None:
        """Return what predicts with these arrays again and again, or None where nothing can.

        Parameters
        ----------
        network : NetworkSpec
        arrays : sequence of ndarray
            One for each slot of the network.
        loss : Loss
            Its link leads from raw predictions to predictions.
        """
        if not NativePredictor.fits(network, arrays, loss.link):
            return None
        return NativePredictor(network, arrays, self._limit(), loss.link, loss.groups)

    def _limit(self) -> int:
        if self.n_threads is not None:
            return max(1, self.n_threads)
        return usual_threads()

    def _threads_for(self, plan: TrainingPlan, n_rows: int, batch: int | None = None) -> int:
        work = plan.network.n_parameters * min(batch or plan.batch_size, n_rows, 256)
        return self._limit() if work >= WORTH_A_THREAD else 1

    def _advance_by_hand(self, job: Job) -> History:
        """Close each epoch in Python, where a score is a Python function."""
        records: list[EpochRecord] = []
        try:
            while len(records) < job.n_epochs and job.state.stop is None:
                records.append(self._one_epoch_by_hand(job, len(records)))
        except KeyboardInterrupt:
            _interrupt(job.state)
        return History.of(records)

    def _one_epoch_by_hand(self, job: Job, index: int) -> EpochRecord:
        plan, state, data, orders, _ = job
        order = None if orders is None else orders[index : index + 1]
        part = Job(plan, state, data, order, 1)
        threads = self._threads_for(plan, data.n_rows)
        with Training(self._library, part, threads, manual_close=True) as training:
            training.run()

        def predict(rows: ValidationData) -> Matrix:
            return self.raw_predictions(plan.network, state.parameters, rows.x)

        with self._limited():
            return close_epoch(plan, state, training.figures(), data.validation, predict)

    @contextlib.contextmanager
    def _limited(self) -> Iterator[None]:
        """Hold functions of one's own to the limit on threads; keep NumPy's warnings back."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(np.errstate(all="ignore"))
            if self.n_threads is not None:
                from threadpoolctl import threadpool_limits  # noqa: PLC0415  (only where asked)

                stack.enter_context(threadpool_limits(self.n_threads))
            yield

    def _run_many(self, trainings: Sequence[Training]) -> None:
        tasks = [training.task() for training in trainings]
        with Crew(self._library, self._limit()) as crew:
            crew.add(tasks)
            left = len(tasks)
            while left:
                left -= len(crew.wait())
        for training, task in zip(trainings, tasks, strict=True):
            training.take(task)

    def _in_python(self, job: Job) -> bool:
        """Whether a job needs more than the library: nothing at all, or Python in every epoch."""
        return job.n_epochs <= 0 or job.state.stop is not None or _closes_in_python(job)


def _interrupt(state: TrainingState) -> None:
    # A rule that stopped in the same moment has the word.
    if state.stop is None:
        state.stop = StopReason.INTERRUPTED


def _closes_in_python(job: Job) -> bool:
    look, rule = job.data.validation, job.plan.stopping
    if look is None:
        return False
    return look.score is not None or rule.score not in {None, "accuracy", "r2"}
