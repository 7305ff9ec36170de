"""Where trainings run: in this process, or on one of joblib's backends, in chunks.

In this process the trainer gets all jobs at once and uses threads as it likes. Elsewhere each
worker gets chunks, long at first and shorter towards the end, so that all of them end together.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeAlias, get_args

import joblib
from threadpoolctl import threadpool_limits

from mlplab._optional import require
from mlplab.errors import ParameterError, did_you_mean
from mlplab.sweeps.contract import Done, Job, Outcome, Trainer

__all__ = ["Backend", "BackendName", "open_backend", "train_all"]

BackendName: TypeAlias = Literal["threads", "processes", "dask", "ray"]

# A chunk travels in a few milliseconds, less than a twentieth of the least work in it; the most
# work in it is what a kill may lose.
_CHUNK_SECONDS = (0.2, 1.0)
_PURPOSE = "Training on a cluster"


class Backend(Protocol):
    """Runs jobs; a context that is entered once for a whole sweep."""

    @property
    def workers(self) -> int:
        """How many chunks are trained at once."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def run(self, jobs: Sequence[Job], rate: float | None, done: Done) -> None:
        """Train all, and tell of each outcome as it comes.

        Parameters
        ----------
        jobs : sequence of Job
        rate : float or None
            Jobs a second of one worker, as far as is known.
        done : callable
        """
        ...


def open_backend(
    name: BackendName, trainer: Trainer, jobs: int | None, address: str | None
) -> Backend:
    """Return a backend by name.

    Parameters
    ----------
    name : {"threads", "processes", "dask", "ray"}
    trainer : Trainer
        Has to be picklable for other processes.
    jobs : int or None
        Workers; by default one for each processor, of this machine or of the scheduler's, and for
        threads one, whose trainer may have threads of its own.
    address : str or None
        Of a running scheduler of Dask or Ray; a local one is started if left out.

    Raises
    ------
    ParameterError
        There is no such backend.
    MissingExtraError
        It is not installed.
    """
    if name not in get_args(BackendName):
        hint = did_you_mean(name, get_args(BackendName))
        raise ParameterError(
            f"`backend` must be one of {', '.join(get_args(BackendName))}; got {name!r}.{hint}"
        )
    if address is not None and name not in {"dask", "ray"}:
        raise ParameterError(
            f"`address` must be left out for {name}, which have no scheduler; got {address!r}. "
            "Choose the backend dask or ray."
        )
    if name == "threads" and jobs in {None, 1}:
        return InProcess(trainer)
    return ByJoblib(name, trainer, jobs, address)


def train_all(trainer: Trainer, jobs: Sequence[Job], done: Done) -> None:
    """Tell of one outcome for each job, also where the trainer raises.

    Nobody knows which of several jobs made it raise, so the remaining ones are trained again, each
    by itself. What `done` raises is no error of a training: a full disk ends the sweep.
    """
    left = dict(enumerate(jobs))
    errors_of_done: list[Exception] = []

    def note(place: int, outcome: Outcome) -> None:
        try:
            if left.pop(place, None) is not None:
                done(place, outcome)
        except Exception as raised:
            errors_of_done.append(raised)
            raise KeyboardInterrupt from raised  # which every trainer lets pass

    try:
        trainer.train(jobs, note)
        error: Exception = _too_few(len(jobs) - len(left), len(jobs))
    except KeyboardInterrupt:
        if errors_of_done:
            raise errors_of_done[0] from None
        raise
    except Exception as raised:  # noqa: BLE001  # recorded as the reason
        error = raised
    if left and len(jobs) == 1:
        done(0, Outcome.of_error(error))
    elif left:
        for place, job in left.items():
            train_all(trainer, [job], _at(place, done))


def _too_few(n_outcomes: int, n_jobs: int) -> ParameterError:
    return ParameterError(
        f"`train` must tell of each job; got {n_outcomes} outcomes for {n_jobs}. Call `done` for "
        "each of them."
    )


def _at(place: int, done: Done) -> Done:
    return lambda _, outcome: done(place, outcome)


@dataclass(frozen=True, slots=True)
class InProcess:
    """Everything in this process and thread."""

    trainer: Trainer

    @property
    def workers(self) -> int:
        """One."""
        return 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, jobs: Sequence[Job], rate: float | None, done: Done) -> None:  # noqa: ARG002
        """Hand all jobs to the trainer at once."""
        train_all(self.trainer, jobs, done)


class ByJoblib:
    """One of joblib's backends, kept open from wave to wave."""

    def __init__(
        self, name: BackendName, trainer: Trainer, workers: int | None, address: str | None
    ) -> None:
        self._name, self._trainer, self._address = name, trainer, address
        self._workers, self._takes_all = workers or _processors(), workers is None
        self._stack = contextlib.ExitStack()
        self._parallel: Any = None

    @property
    def workers(self) -> int:
        """How many chunks are trained at once."""
        return self._workers

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            config, as_they_come = self._configure(stack)
            stack.enter_context(joblib.parallel_config(**config))
            returns = "generator_unordered" if as_they_come else "list"
            parallel = joblib.Parallel(
                n_jobs=self._workers, batch_size=1, pre_dispatch="2*n_jobs", return_as=returns
            )
            self._parallel = stack.enter_context(parallel)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def run(self, jobs: Sequence[Job], rate: float | None, done: Done) -> None:
        """Share the jobs out in chunks; a job that kills its worker fails."""
        left = set(range(len(jobs)))
        for place, outcome in self._outcomes(jobs, rate):
            left.discard(place)
            done(place, outcome)
        for place in sorted(left):
            done(place, self._alone(jobs, place))

    def _outcomes(self, jobs: Sequence[Job], rate: float | None) -> Iterator[tuple[int, Outcome]]:
        """Yield outcomes as they come; no more if a worker dies, and with it all that were busy."""
        least, most = (max(1, round((rate or 0) * seconds)) for seconds in _CHUNK_SECONDS)
        cuts = chunks(len(jobs), self._workers, least, most)
        with contextlib.suppress(Exception):
            for found in self._chunks(self._parallel, jobs, cuts):
                yield from found

    def _chunks(self, parallel: Any, jobs: Sequence[Job], cuts: Iterable[tuple[int, int]]) -> Any:
        return parallel(
            joblib.delayed(_run_chunk)(self._trainer, start, jobs[start:stop])
            for start, stop in cuts
        )

    def _alone(self, jobs: Sequence[Job], place: int) -> Outcome:
        try:
            # With one worker joblib would train in this process, and it would die, too.
            parallel = joblib.Parallel(n_jobs=max(2, self._workers))
            found: list[list[tuple[int, Outcome]]] = self._chunks(
                parallel, jobs, [(place, place + 1)]
            )
        except Exception as error:  # noqa: BLE001  # recorded as the reason
            return Outcome.of_error(error)
        return found[0][0][1]

    def _configure(self, stack: contextlib.ExitStack) -> tuple[dict[str, Any], bool]:
        """Return joblib's configuration, and whether results can be had as they come."""
        if self._name == "dask":
            return self._dask(stack), True
        if self._name == "ray":
            return self._ray(stack), False
        if self._name == "processes":
            return {"backend": "loky"}, True
        # As joblib does for its processes: threads of linear algebra would wait for each other.
        stack.enter_context(threadpool_limits(max(1, _processors() // self._workers)))
        return {"backend": "threading"}, True

    def _dask(self, stack: contextlib.ExitStack) -> dict[str, Any]:
        distributed = require("distributed", "cluster", _PURPOSE)
        local = {"n_workers": self._workers, "threads_per_worker": 1, "dashboard_address": None}
        options = local if self._address is None else {"address": self._address}
        client = stack.enter_context(distributed.Client(**options, set_as_default=False))
        if self._takes_all:
            self._workers = max(1, sum(client.nthreads().values()))
        # Scattered once, the trainer with its data does not travel with every chunk.
        return {"backend": "dask", "client": client, "scatter": [self._trainer]}

    def _ray(self, stack: contextlib.ExitStack) -> dict[str, Any]:
        ray = require("ray", "cluster", _PURPOSE)
        require("ray.util.joblib", "cluster", _PURPOSE).register_ray()
        if not ray.is_initialized():
            local = {"num_cpus": self._workers, "include_dashboard": False}
            options = local if self._address is None else {"address": self._address}
            ray.init(**options, log_to_driver=False)
            stack.callback(ray.shutdown)
        if self._takes_all:
            self._workers = max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._trainer = _Stored(ray.put(self._trainer))
        return {"backend": "ray"}


@dataclass(frozen=True, slots=True)
class _Stored:
    """A trainer in Ray's object store; only the reference travels."""

    reference: Any

    @property
    def folds(self) -> Sequence[str]:
        """As of the trainer itself."""
        return self._trainer.folds

    def group(self, configuration: Any) -> Any:
        """As of the trainer itself."""
        return self._trainer.group(configuration)

    def train(self, jobs: Sequence[Job], done: Done) -> None:
        """As of the trainer itself."""
        self._trainer.train(jobs, done)

    @property
    def _trainer(self) -> Trainer:
        found: Trainer = require("ray", "cluster", _PURPOSE).get(self.reference)
        return found


def _run_chunk(trainer: Trainer, start: int, jobs: Sequence[Job]) -> list[tuple[int, Outcome]]:
    found: list[tuple[int, Outcome]] = []
    train_all(trainer, jobs, lambda place, outcome: found.append((start + place, outcome)))
    return found


def chunks(n: int, workers: int, least: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield where chunks start and stop: half a fair share of what is left, within bounds.

    Reference: Polychronopoulos and Kuck, Guided self-scheduling, IEEE Trans. Computers, 1987.

    Examples
    --------
    >>> list(chunks(10, 2, 1, 9))
    [(0, 3), (3, 5), (5, 7), (7, 8), (8, 9), (9, 10)]
    """
    start = 0
    while start < n:
        share = -(-(n - start) // (2 * workers))
        stop = min(n, start + max(least, min(most, share)))
        yield start, stop
        start = stop


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
