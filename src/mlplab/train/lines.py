"""Trainings that stand in the queue of an engine, and how fast it serves them."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass

from mlplab.engines import Engine, Hear, Job, Outcome, TrainingState
from mlplab.optim import LBFGS
from mlplab.results import History, StopReason
from mlplab.train.loop import Progress

__all__ = ["Line", "Member"]

# What was seen longer ago counts half, again and again.
LATELY_SECONDS = 0.75


@dataclass(slots=True, eq=False)
class Member:
    """A training under way.

    Attributes
    ----------
    index : int
    progress : Progress
    work : float
        What an epoch takes, in multiply-adds or so: only proportions count.
    seconds : float
        Its share of the time so far.
    job : Job or None
        What its engine was given and has not handed back.
    before : TrainingState or None
        A shallow copy of the state that the job began with.
    """

    index: int
    progress: Progress
    work: float
    seconds: float = 0.0
    job: Job | None = None
    before: TrainingState | None = None

    @classmethod
    def of(cls, index: int, progress: Progress) -> Member:
        """Return the member, with an estimate of its work."""
        plan, n_rows = progress.training.plan, progress.training.data.n_rows
        steps = -(-n_rows // plan.batch_size)
        # An update costs about as much as four more rows in the batch.
        return cls(index, progress, plan.network.n_parameters * (n_rows + 4.0 * steps))

    @property
    def engine(self) -> Engine:
        """Who advances it."""
        return self.progress.training.engine

    @property
    def runs_alone(self) -> bool:
        """Whether it takes the way of second-order training."""
        return isinstance(self.progress.training.plan.optimiser, LBFGS)

    def begin_job(self, n_epochs: int) -> Job:
        """Return a job of up to so many epochs, and remember where it begins."""
        self.before = copy.copy(self.progress.training.state)
        self.job = self.progress.job(n_epochs)
        return self.job

    def end_job(self, outcome: Outcome) -> Outcome:
        """Return what came of the job, after seeing that its state stands where the history ends.

        An interrupt may have come while an engine wrote down how far it had come; then what it
        did in this job is forgotten.
        """
        state, before = self.progress.training.state, self.before
        self.job = self.before = None
        if isinstance(outcome, Exception) or before is None:
            return outcome
        if state.epoch == before.epoch + len(outcome):
            return outcome
        state.go_back_to(before)
        state.stop = StopReason.INTERRUPTED
        return History()

    def give_back(self) -> None:
        """Forget the job, as if it had never been drawn."""
        if self.job is not None and self.before is not None:
            self.progress.training.state.go_back_to(self.before)
            self.progress.give_back()
        self.job = self.before = None


class Line:
    """An engine's queue, who stands in it, and how fast it goes.

    Attributes
    ----------
    speed : float or None
        Work a second, as seen lately.
    seconds : float
        How long somebody has stood in it so far.
    """

    def __init__(self, engine: Engine) -> None:
        self.speed: float | None = None
        self.seconds = 0.0
        self._engine, self._queue = engine, engine.queue()
        self._members: dict[int, Member] = {}
        self._since = 0.0
        self._lately = [0.0, 0.0]

    def put(self, member: Member, n_epochs: int) -> None:
        """Let a member's next epochs be done."""
        if not self._members:
            self._since = time.perf_counter()
        job = member.begin_job(n_epochs)
        self._members[id(job)] = member
        try:
            self._queue.put(job)
        except Exception:
            del self._members[id(job)]
            raise

    def advance(self, member: Member, n_epochs: int, hear: Hear) -> tuple[Member, Job, Outcome]:
        """Do a member's next epochs while nobody stands in line, with all threads there are."""
        self._since = time.perf_counter()
        job = member.begin_job(n_epochs)
        try:
            with hear():
                outcome: Outcome = self._engine.advance(*job)
        except Exception as error:  # noqa: BLE001  (a function of the user's own; returned)
            outcome = error
        self._share_time([(member, outcome)])
        return member, job, member.end_job(outcome)

    def wait(self, *, block: bool, hear: Hear) -> list[tuple[Member, Job, Outcome]]:
        """Return what is over."""
        return self._back(self._queue.wait(block=block, hear=hear)) if self._members else []

    def stop(self) -> list[tuple[Member, Job, Outcome]]:
        """Return what is over or has been ended."""
        return self._back(self._queue.stop())

    def close(self) -> None:
        """Forget all that has not come back."""
        self._queue.close()
        self._members.clear()

    def _back(self, finished: Sequence[tuple[Job, Outcome]]) -> list[tuple[Member, Job, Outcome]]:
        back = [(self._members[id(job)], job, outcome) for job, outcome in finished]
        self._share_time([(member, outcome) for member, _, outcome in back])
        for job, _ in finished:
            del self._members[id(job)]
        return [(member, job, member.end_job(outcome)) for member, job, outcome in back]

    def _share_time(self, back: Sequence[tuple[Member, Outcome]]) -> None:
        """Learn how fast it goes, and give each member its share of the time."""
        works = [
            (member, 0.0 if isinstance(outcome, Exception) else member.work * len(outcome))
            for member, outcome in back
        ]
        done = sum(work for _, work in works)
        if not done:
            return
        now = time.perf_counter()
        seconds, self._since = max(now - self._since, 1e-6), now
        self.seconds += seconds
        work_lately, seconds_lately = self._lately
        fade = 0.5 if seconds_lately > LATELY_SECONDS else 1.0
        self._lately = [fade * work_lately + done, fade * seconds_lately + seconds]
        self.speed = self._lately[0] / self._lately[1]
        for member, work in works:
            member.seconds += work / self.speed
