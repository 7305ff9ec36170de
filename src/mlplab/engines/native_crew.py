"""Threads of the native library that train while Python does something else."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable, Sequence
from typing import Any

from mlplab.engines.contract import Finished, Hear, Job, Outcome
from mlplab.engines.native_abi import Task, require
from mlplab.engines.native_training import BUDGET_SECONDS, Training
from mlplab.engines.queues import RoundQueue
from mlplab.results import StopReason

__all__ = ["Crew", "NativeQueue"]

# How many tasks one call fetches at the most.
ROOM = 64


class Crew:
    """Some threads, and the tasks that they were brought.

    Parameters
    ----------
    library : ctypes library
    n_threads : int
    """

    def __init__(self, library: Any, n_threads: int) -> None:
        self._library, self._process = library, os.getpid()
        self._handle = ctypes.c_void_p()
        self._over, self._n_over = (ctypes.c_void_p * ROOM)(), ctypes.c_int64(0)
        require(library.mlp_crew_create(n_threads, BUDGET_SECONDS, ctypes.byref(self._handle)))

    def add(self, tasks: Sequence[Task]) -> None:
        """Bring tasks, all at once, so that those of one shape may share registers."""
        addresses = (ctypes.c_void_p * len(tasks))(*map(ctypes.addressof, tasks))
        require(self._library.mlp_crew_add(self._handle, addresses, len(tasks)))

    def wait(self, *, block: bool = True) -> list[int]:
        """Return addresses of tasks that are over; none after a moment, or where none is left."""
        seconds = BUDGET_SECONDS if block else 0.0
        n_over = ctypes.byref(self._n_over)
        require(self._library.mlp_crew_wait(self._handle, seconds, self._over, ROOM, n_over))
        return [place for place in self._over[: self._n_over.value] if place is not None]

    def stop(self) -> None:
        """End all that is under way; tasks are their owner's again."""
        if self._is_here:
            require(self._library.mlp_crew_stop(self._handle))
            while self.wait(block=False):
                pass

    def close(self) -> None:
        """End what is under way, and let the threads go."""
        # In this order an interrupt in between loses memory, and never frees it twice.
        handle, self._handle = self._handle, ctypes.c_void_p()
        if self._is_here:
            self._library.mlp_crew_destroy(handle)

    @property
    def _is_here(self) -> bool:
        """Whether the threads are in this process, not in the one that it was forked from."""
        return self._process == os.getpid()

    def __enter__(self) -> Crew:  # noqa: PYI034  (shape checks cannot resolve Self here)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class NativeQueue:
    """Jobs that begin as they come, on threads that need nothing of Python.

    Parameters
    ----------
    library : ctypes library
    n_threads : int
    others : RoundQueue
        For jobs that need Python in every epoch.
    is_other : callable
        Tells these from the rest.
    """

    def __init__(
        self, library: Any, n_threads: int, others: RoundQueue, is_other: Callable[[Job], bool]
    ) -> None:
        self._library, self._crew = library, Crew(library, n_threads)
        self._others, self._is_other = others, is_other
        self._under_way: dict[int, tuple[Job, Training, Task]] = {}

    def put(self, job: Job) -> None:
        """Add a job."""
        if self._is_other(job):
            self._others.put(job)
            return
        training = Training(self._library, job, 1)
        task = training.task()
        place = ctypes.addressof(task)
        self._under_way[place] = job, training, task
        try:
            self._crew.add([task])
        except BaseException:
            del self._under_way[place]
            training.forget()
            raise

    def wait(self, *, block: bool = True, hear: Hear = contextlib.nullcontext) -> list[Finished]:
        """Return jobs that are over; see `mlplab.engines.contract.JobQueue`."""
        finished = self._others.wait(block=block, hear=hear)
        while True:
            over = self._crew.wait(block=block and not finished)
            finished += [self._finish(place) for place in over]
            if finished or not (block and self._under_way):
                return finished
            with hear():
                pass

    def stop(self) -> list[Finished]:
        """End all where they stand."""
        self._others.stop()
        self._crew.stop()
        finished = []
        for place in list(self._under_way):
            job, _, task = self._under_way[place]
            finished.append(self._finish(place))
            if task.done < job.n_epochs and job.state.stop is None:
                job.state.stop = StopReason.INTERRUPTED
        return finished

    def close(self) -> None:
        """Forget what is under way, and let the threads go."""
        self._crew.close()
        for _, training, _ in self._under_way.values():
            training.forget()
        self._under_way.clear()

    def _finish(self, place: int) -> Finished:
        """Write a state back, and only then forget that it was under way."""
        job, training, task = self._under_way[place]
        outcome: Outcome | None = None
        interrupted = False
        try:
            training.take(task)
        except KeyboardInterrupt:  # it came while Python told the rates
            interrupted = True
        except Exception as error:  # noqa: BLE001  (it is what came of the job)
            outcome = error
        training.close()
        if interrupted and job.state.stop is None:
            job.state.stop = StopReason.INTERRUPTED
        del self._under_way[place]
        return job, training.history() if outcome is None else outcome
