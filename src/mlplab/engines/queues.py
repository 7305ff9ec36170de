"""Queues for engines that do their jobs in rounds, all that wait at once."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Sequence

from mlplab.engines.contract import Engine, Finished, Hear, Job, Outcome

__all__ = ["RoundQueue"]


class RoundQueue:
    """Jobs gather until somebody waits for them; then `advance_many` does them all.

    Parameters
    ----------
    engine : Engine
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: list[Job] = []

    def put(self, job: Job) -> None:
        """Add a job; it does not begin before somebody waits."""
        self._jobs.append(job)

    def wait(self, *, block: bool = True, hear: Hear = contextlib.nullcontext) -> list[Finished]:
        """Do all that gathered; without `block` nothing is done."""
        if not (block and self._jobs):
            return []
        jobs, self._jobs = self._jobs, []
        with hear():
            outcomes = self._outcomes(jobs)
        return list(zip(jobs, outcomes, strict=True))

    def stop(self) -> list[Finished]:
        """Forget all that gathered; nothing is ever under way between two calls."""
        self._jobs = []
        return []

    def close(self) -> None:
        """Forget all that gathered."""
        self.stop()

    def _outcomes(self, jobs: Sequence[Job]) -> Sequence[Outcome]:
        before = [copy.copy(job.state) for job in jobs]
        try:
            # Alone a large network may have several threads.
            alone = len(jobs) == 1
            return [self._engine.advance(*jobs[0])] if alone else self._engine.advance_many(jobs)
        except Exception:  # noqa: BLE001  (found again below)
            for job, state in zip(jobs, before, strict=True):
                job.state.go_back_to(state)
            return [self._alone(job) for job in jobs]

    def _alone(self, job: Job) -> Outcome:
        try:
            return self._engine.advance(*job)
        except Exception as error:  # noqa: BLE001  (returned)
            return error
