"""Many trainings at once: rounds in which an engine advances all of them by some epochs.

A round lasts about a second whatever there is to train, so that engines are given much at a time
while finished trainings are handed on soon. How many epochs make a round is told by the rounds
before: the clock decides how the epochs are dealt out, and never what comes of them.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import itertools
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mlplab.engines import Engine, Job, TrainingState
from mlplab.optim import LBFGS
from mlplab.results import FitResult, History, StopReason
from mlplab.train.interrupts import InterruptGate
from mlplab.train.loop import Progress, Training
from mlplab.train.observers import FitObserver

__all__ = ["train_many"]

ROUND_SECONDS = 0.75
# Until rounds have taken this long in all, calls may have cost more than what they were for.
TRIAL_SECONDS = 0.03
# Enough for the lanes and threads of an engine; more are begun only where these are done in a
# round, as what Python does for each of them in every round would begin to show.
ENOUGH_TOGETHER = 64
# No more are begun than can be finished in this time, but for what keeps the threads busy: of
# what is under way nothing is kept where the process is killed.
HORIZON_SECONDS = 30.0
ORDER_BYTES = 64 * 2**20

OnDone = Callable[[int, FitResult], None]
OnError = Callable[[int, Exception], None]


def train_many(
    trainings: Iterable[Training],
    observers: Mapping[int, Sequence[FitObserver]] | None = None,
    *,
    on_done: OnDone | None = None,
    on_error: OnError | None = None,
) -> list[FitResult | None]:
    """Train many networks together; the outcome of each is that of `train` on it alone.

    Bit for bit: weights, history (but for its seconds), why it stopped, and where the generators
    stand. Those with the same engine object go through its `advance_many` together; L-BFGS
    trainings run one after another.

    Parameters
    ----------
    trainings : iterable of Training
        Their states are changed in place. No two may share a state or a generator. An iterator is
        asked for more when there is room, so that not all need be in memory at once.
    observers : mapping of int to sequence of FitObserver, optional
        Who watches which training, by its place. Where somebody is told of every epoch, a round
        is one epoch.
    on_done : callable, optional
        ``on_done(index, result)`` is called as soon as a training is over.
    on_error : callable, optional
        ``on_error(index, error)`` is told where a function of the user's own (a loss, a score,
        an observer) raises; that training leaves, the others go on. Without it the error is
        raised and ends all.

    Returns
    -------
    list of FitResult
        In the order of the trainings; None only where `on_error` was told. The seconds of a result
        are its share of the time that all took together. After an interrupt all that had epochs
        left are ``StopReason.INTERRUPTED``, those that had not begun among them.

    Raises
    ------
    KeyboardInterrupt
        An interrupt found nothing left to end.
    """
    pool = _Pool(trainings, {} if observers is None else observers, on_done, on_error)
    interrupted = pool.run()
    results = [result for _, result in sorted(pool.results.items())]
    if interrupted and not any(result and _is_interrupted(result.status) for result in results):
        raise KeyboardInterrupt
    return results


@dataclass(slots=True, eq=False)
class _Member:
    """A training under way.

    Attributes
    ----------
    index : int
    progress : Progress
    work : float
        What an epoch takes, in multiply-adds or so: only proportions count.
    seconds : float
        Its share of the time so far.
    """

    index: int
    progress: Progress
    work: float
    seconds: float = 0.0

    @classmethod
    def of(cls, index: int, progress: Progress) -> _Member:
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

    def goes_with(self, other: _Member) -> bool:
        """Whether both may be in one round: watched ones go epoch by epoch."""
        watched = self.progress.is_watched
        return self.engine is other.engine and watched == other.progress.is_watched


class _Pool:
    """The trainings under way, those that wait, and what came of those that are over."""

    def __init__(
        self,
        trainings: Iterable[Training],
        observers: Mapping[int, Sequence[FitObserver]],
        on_done: OnDone | None,
        on_error: OnError | None,
    ) -> None:
        self.results: dict[int, FitResult | None] = {}
        self._waiting = enumerate(trainings)
        self._observers, self._on_done, self._on_error = observers, on_done, on_error
        self._members: dict[int, _Member] = {}
        self._speeds: dict[Engine, float] = {}
        self._tried: dict[Engine, float] = {}
        self._interrupted, self._gate = False, InterruptGate()

    def run(self) -> bool:
        """Train all, or end all where someone interrupts; return whether someone did."""
        with self._gate:
            try:
                while self._goes_on() and self._begin_more():
                    self._train_some()
            except KeyboardInterrupt:
                self._interrupted = True
            if not self._goes_on():
                self._end_all()
            return not self._goes_on()

    def _goes_on(self) -> bool:
        return not (self._interrupted or self._gate.waiting)

    # ------------------------------------------------------------------ coming and going

    def _begin_more(self) -> bool:
        """Begin as many as there is room for; return whether any are under way."""
        backlog = sum(self._seconds_left(member) for member in self._members.values())
        while self._has_room(backlog):
            waiting = next(self._waiting, None)
            if waiting is None:
                break
            member = self._begin(*waiting)
            if member is not None:
                backlog += self._seconds_left(member)
                if not (member.progress.left or member.runs_alone):
                    self._end(member)
        return bool(self._members)

    def _has_room(self, backlog: float) -> bool:
        n = len(self._members)
        if n < 2 * _n_cores():
            return True
        return backlog < (HORIZON_SECONDS if n < ENOUGH_TOGETHER else ROUND_SECONDS)

    def _seconds_left(self, member: _Member) -> float:
        if self._tried.get(member.engine, 0.0) < TRIAL_SECONDS:
            return HORIZON_SECONDS
        return member.work * member.progress.left / self._speeds[member.engine]

    def _begin(self, index: int, training: Training) -> _Member | None:
        self.results[index] = None
        try:
            progress = Progress(training, self._observers.get(index, ()))
        except Exception as error:  # noqa: BLE001  (an observer's own; told below)
            self._tell_error(index, error)
            return None
        member = self._members[index] = _Member.of(index, progress)
        return member

    def _end(self, member: _Member) -> None:
        del self._members[member.index]
        try:
            result = self.results[member.index] = member.progress.end(member.seconds)
        except Exception as error:  # noqa: BLE001  (same)
            self._tell_error(member.index, error)
            return
        if self._on_done is not None:
            self._on_done(member.index, result)

    def _fail(self, member: _Member, error: Exception) -> None:
        del self._members[member.index]
        self._tell_error(member.index, error)

    def _tell_error(self, index: int, error: Exception) -> None:
        if self._on_error is None:
            raise error
        self._on_error(index, error)

    def _end_all(self) -> None:
        """End those under way where they stand, those that wait before they begin."""
        begun = list(self._members.values())
        # Those that wait are taken one by one: an iterator may stop once it hears of the others.
        for member in itertools.chain(begun, (self._begin(*pair) for pair in self._waiting)):
            if member is not None:
                member.progress.interrupt()
                with contextlib.suppress(KeyboardInterrupt):
                    self._end(member)

    # ------------------------------------------------------------------ training

    def _train_some(self) -> None:
        """Train one to its end that runs alone, or let those that go together make a round."""
        members = list(self._members.values())
        alone = next((member for member in members if member.runs_alone), None)
        if alone is not None:
            self._run_alone(alone)
        else:
            self._round([member for member in members if member.goes_with(members[0])])

    def _run_alone(self, member: _Member) -> None:
        began = time.perf_counter()
        try:
            with self._gate.open():
                member.progress.run_alone()
        except Exception as error:  # noqa: BLE001  (a function of the user's own; told below)
            self._fail(member, error)
            return
        member.seconds = time.perf_counter() - began
        self._note_interrupt(member)
        self._end(member)

    def _round(self, members: Sequence[_Member]) -> None:
        began, engine = time.perf_counter(), members[0].engine
        jobs = self._jobs(engine, members)
        try:
            outcomes = self._advance(engine, jobs)
        except KeyboardInterrupt:
            for member in members:
                member.progress.give_back()
            raise
        self._share_time(engine, members, outcomes, time.perf_counter() - began)
        for member, job, outcome in zip(members, jobs, outcomes, strict=True):
            try:
                self._take(member, job, outcome)
            except KeyboardInterrupt:
                # An observer or `on_done` raised it; what the others did is still to be kept.
                self._interrupted = True

    def _jobs(self, engine: Engine, members: Sequence[_Member]) -> list[Job]:
        """Deal the epochs of a round out, so that all take about as long."""
        speed = self._speeds.get(engine)
        if speed is None or members[0].progress.is_watched:
            return [member.progress.job(1) for member in members]
        share = ROUND_SECONDS * speed / len(members)
        room = ORDER_BYTES // (8 * len(members))
        jobs = []
        for member in members:
            progress, epochs = member.progress, share / member.work
            # A little rest is done along, and costs no round of its own.
            epochs = progress.left if progress.left < 1.5 * epochs else round(epochs)
            jobs.append(progress.job(max(1, min(epochs, room // progress.training.data.n_rows))))
        return jobs

    def _share_time(
        self,
        engine: Engine,
        members: Sequence[_Member],
        outcomes: Sequence[History | Exception],
        seconds: float,
    ) -> None:
        """Learn from a round how fast it goes, and give each member its share of the time."""
        done = [
            0.0 if isinstance(outcome, Exception) else member.work * len(outcome)
            for member, outcome in zip(members, outcomes, strict=True)
        ]
        if any(done):
            speed = sum(done) / max(seconds, 1e-6)
            for member, work in zip(members, done, strict=True):
                member.seconds += work / speed
            # A round of few epochs is mostly calls; what was seen before counts for more.
            self._speeds[engine] = max(speed, 0.7 * self._speeds.get(engine, 0.0))
            self._tried[engine] = self._tried.get(engine, 0.0) + seconds

    def _take(self, member: _Member, job: Job, outcome: History | Exception) -> None:
        if isinstance(outcome, Exception):
            self._fail(member, outcome)
            return
        self._note_interrupt(member)
        try:
            member.progress.take(job, outcome)
        except Exception as error:  # noqa: BLE001  (an observer's own; told below)
            self._fail(member, error)
            return
        if not member.progress.left:
            self._end(member)

    def _note_interrupt(self, member: _Member) -> None:
        self._interrupted |= _is_interrupted(member.progress.training.state.stop)

    def _advance(self, engine: Engine, jobs: Sequence[Job]) -> list[History | Exception]:
        """Advance all; a history for each, or what a function of the user's own raised."""
        before = [copy.copy(job.state) for job in jobs]
        try:
            with self._gate.open():
                parts = _advanced(engine, jobs, before)
        except KeyboardInterrupt:
            _restore(jobs, before)
            raise
        return [_checked(*each) for each in zip(jobs, before, parts, strict=True)]


def _advanced(
    engine: Engine, jobs: Sequence[Job], before: Sequence[TrainingState]
) -> Sequence[History | Exception]:
    try:
        # Alone a large network may have several threads.
        return [engine.advance(*jobs[0])] if len(jobs) == 1 else engine.advance_many(jobs)
    except Exception:  # noqa: BLE001  (found again below)
        _restore(jobs, before)
        return [_advanced_alone(engine, job) for job in jobs]


def _advanced_alone(engine: Engine, job: Job) -> History | Exception:
    try:
        return engine.advance(*job)
    except Exception as error:  # noqa: BLE001  (returned)
        return error


def _checked(job: Job, before: TrainingState, part: History | Exception) -> History | Exception:
    """Return what came of a job, after seeing that its state stands where the history ends.

    An interrupt may have come while an engine wrote down how far it had come; then what that
    network did in this round is forgotten.
    """
    if isinstance(part, Exception) or job.state.epoch == before.epoch + len(part):
        return part
    _restore([job], [before])
    job.state.stop = StopReason.INTERRUPTED
    return History()


def _restore(jobs: Sequence[Job], before: Sequence[TrainingState]) -> None:
    # Engines put new arrays in the place of old ones, so shallow copies are enough.
    for job, state in zip(jobs, before, strict=True):
        for field in dataclasses.fields(state):
            setattr(job.state, field.name, getattr(state, field.name))


def _is_interrupted(reason: StopReason | None) -> bool:
    return reason is StopReason.INTERRUPTED


def _n_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
