"""Many trainings at once: an engine does their epochs while others are begun and ended.

Each training that has begun has one job in its engine's queue, its share of about a second's work
for all, so that what is finished is handed on soon. How many epochs make a share is told by the
jobs before: the clock decides how the epochs are dealt out, and never what comes of them.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from mlplab.engines import Engine, Job, Outcome
from mlplab.results import FitResult, StopReason
from mlplab.train.interrupts import InterruptGate
from mlplab.train.lines import Line, Member
from mlplab.train.loop import Progress, Training
from mlplab.train.observers import FitObserver

__all__ = ["train_many"]

# What one job of each that is under way takes in all, on all threads together.
SHARE_SECONDS = 0.75
# Before this much was seen of an engine, its calls may have cost more than what they were for.
TRIAL_SECONDS = 0.03
# Enough for the lanes and threads of an engine; more are begun only where these are done in a
# share, as what Python does for each of them would begin to show.
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
    stand. Those with the same engine object share its queue; L-BFGS trainings run one after
    another.

    Parameters
    ----------
    trainings : iterable of Training
        Their states are changed in place. No two may share a state or a generator. An iterator is
        asked for more when there is room, so that not all need be in memory at once.
    observers : mapping of int to sequence of FitObserver, optional
        Who watches which training, by its place. Where somebody is told of every epoch, a job is
        one epoch.
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
    statuses = {result.status for result in results if result is not None}
    if interrupted and StopReason.INTERRUPTED not in statuses:
        raise KeyboardInterrupt
    return results


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
        self._waiting: Iterator[tuple[int, Training]] | None = enumerate(trainings)
        self._observers, self._on_done, self._on_error = observers, on_done, on_error
        self._members: dict[int, Member] = {}
        self._ready: list[Member] = []
        self._lines: dict[Engine, Line] = {}
        self._interrupted, self._gate = False, InterruptGate()

    def run(self) -> bool:
        """Train all, or end all where someone interrupts; return whether someone did."""
        with self._gate:
            try:
                self._train_all()
                if not self._goes_on():
                    self._end_all()
            finally:
                for line in self._lines.values():
                    line.close()
            return not self._goes_on()

    def _train_all(self) -> None:
        try:
            while self._goes_on() and self._step():
                pass
        except KeyboardInterrupt:
            self._interrupted = True

    def _goes_on(self) -> bool:
        return not (self._interrupted or self._gate.waiting)

    def _step(self) -> bool:
        """Begin one more where there is room, and take what is over; return whether any is left."""
        begun = self._has_room() and self._begin_next()
        if begun and len(self._members) < 2:
            return True  # whether it is alone is known when another was asked for
        if not begun and len(self._members) == len(self._ready) == 1:
            self._advance_alone(self._ready.pop())
        else:
            self._send_ready()
            self._take_finished(block=not begun)
        return bool(self._members) or self._waiting is not None

    # ------------------------------------------------------------------ coming and going

    def _has_room(self) -> bool:
        if self._waiting is None:
            return False
        n = len(self._members)
        if n < 2 * _n_cores():
            return True
        backlog = sum(self._seconds_left(member) for member in self._members.values())
        return backlog < (HORIZON_SECONDS if n < ENOUGH_TOGETHER else SHARE_SECONDS)

    def _seconds_left(self, member: Member) -> float:
        line = self._lines.get(member.engine)
        if line is None or line.speed is None or line.seconds < TRIAL_SECONDS:
            return HORIZON_SECONDS
        return member.work * member.progress.left / line.speed

    def _begin_next(self) -> bool:
        """Begin the next that waits; return whether there was one."""
        pair = None if self._waiting is None else next(self._waiting, None)
        if pair is None:
            self._waiting = None
            return False
        member = self._begin(*pair)
        if member is not None:
            if member.runs_alone:
                self._run_alone(member)
            elif member.progress.left:
                self._ready.append(member)
            else:
                self._end(member)
        return True

    def _begin(self, index: int, training: Training) -> Member | None:
        self.results[index] = None
        try:
            progress = Progress(training, self._observers.get(index, ()))
        except Exception as error:  # noqa: BLE001  (an observer's own; told below)
            self._tell_error(index, error)
            return None
        member = self._members[index] = Member.of(index, progress)
        return member

    def _end(self, member: Member) -> None:
        del self._members[member.index]
        try:
            result = self.results[member.index] = member.progress.end(member.seconds)
        except Exception as error:  # noqa: BLE001  (same)
            self._tell_error(member.index, error)
            return
        if self._on_done is not None:
            self._on_done(member.index, result)

    def _fail(self, member: Member, error: Exception) -> None:
        del self._members[member.index]
        self._tell_error(member.index, error)

    def _tell_error(self, index: int, error: Exception) -> None:
        if self._on_error is None:
            raise error
        self._on_error(index, error)

    def _end_all(self) -> None:
        """End those under way where they stand, those that wait before they begin."""
        for line in self._lines.values():
            with contextlib.suppress(KeyboardInterrupt):
                self._take_all(line.stop())
            line.close()
        begun = list(self._members.values())
        for member in begun:
            member.give_back()
        # Those that wait are taken one by one: an iterator may stop once it hears of the others.
        waiting = (self._begin(*pair) for pair in self._waiting or ())
        for each in itertools.chain(begun, waiting):
            if each is not None:
                each.progress.interrupt()
                with contextlib.suppress(KeyboardInterrupt):
                    self._end(each)

    # ------------------------------------------------------------------ training

    def _send_ready(self) -> None:
        """Put the next job of each that is ready into its engine's queue."""
        ready, self._ready = self._ready, []
        for member in ready:
            line = self._line(member.engine)
            try:
                line.put(member, self._n_epochs(member, line))
            except Exception as error:  # noqa: BLE001  (a rate of the user's own; told below)
                self._fail(member, error)

    def _advance_alone(self, member: Member) -> None:
        line = self._line(member.engine)
        self._take_all([line.advance(member, self._n_epochs(member, line), self._gate.open)])

    def _take_finished(self, *, block: bool) -> None:
        for line in self._lines.values():
            self._take_all(line.wait(block=block, hear=self._gate.open))

    def _line(self, engine: Engine) -> Line:
        if engine not in self._lines:
            self._lines[engine] = Line(engine)
        return self._lines[engine]

    def _n_epochs(self, member: Member, line: Line) -> int:
        """Return how many epochs are a member's share."""
        progress = member.progress
        if line.speed is None or progress.is_watched:
            return 1
        epochs = SHARE_SECONDS * line.speed / len(self._members) / member.work
        # A little rest is done along, and costs no job of its own.
        epochs = progress.left if progress.left < 1.5 * epochs else round(epochs)
        room = ORDER_BYTES // (8 * len(self._members) * progress.training.data.n_rows)
        return max(1, min(epochs, room))

    def _take_all(self, finished: Iterable[tuple[Member, Job, Outcome]]) -> None:
        for member, job, outcome in finished:
            try:
                self._take(member, job, outcome)
            except KeyboardInterrupt:
                # An observer or `on_done` raised it; what the others did is still to be kept.
                self._interrupted = True

    def _take(self, member: Member, job: Job, outcome: Outcome) -> None:
        if isinstance(outcome, Exception):
            self._fail(member, outcome)
            return
        self._note_interrupt(member)
        try:
            member.progress.take(job, outcome)
        except Exception as error:  # noqa: BLE001  (an observer's own; told below)
            self._fail(member, error)
            return
        if member.progress.left:
            self._ready.append(member)
        else:
            self._end(member)

    def _run_alone(self, member: Member) -> None:
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

    def _note_interrupt(self, member: Member) -> None:
        self._interrupted |= member.progress.training.state.stop is StopReason.INTERRUPTED


def _n_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
