"""Progress of a training in words, for a notebook or a file of lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from mlplab.engines import TrainingPlan, TrainingState
from mlplab.results import EpochRecord, FitResult

__all__ = ["EpochClock", "ProgressObserver", "RowClock", "clock", "figures"]


class EpochClock:
    """Tells how far a training is, and how long it may still take.

    Parameters
    ----------
    n_epochs : int
        Epochs at the most.
    """

    def __init__(self, n_epochs: int) -> None:
        self.n_epochs = n_epochs
        self._began = time.perf_counter()
        self._first: int | None = None

    def seconds_left(self, epoch: int) -> float:
        """Return the seconds that the remaining epochs will take at the pace so far."""
        self._first = epoch if self._first is None else self._first
        done = epoch - self._first + 1
        pace = (time.perf_counter() - self._began) / done
        return max(0.0, pace * (self.n_epochs - done))


def figures(record: EpochRecord) -> str:
    """Return the losses of an epoch in words.

    Examples
    --------
    >>> figures(EpochRecord(3, 0.51234, 0.6, None, 0.001, 1.0, 0.1))
    'loss 0.5123, validation loss 0.6000'
    """
    words = f"loss {record.loss:.4f}"
    if record.validation_loss is not None:
        words += f", validation loss {record.validation_loss:.4f}"
    return words


class RowClock:
    """Tells how far an epoch is that reads its rows while it learns from them."""

    def __init__(self) -> None:
        self._epoch, self._began, self._first = 0, 0.0, 0

    def words(self, epoch: int, done: int, n_rows: int) -> str:
        """Return rows, pace and the time left of the epoch, in words."""
        now = time.perf_counter()
        if epoch != self._epoch:
            self._epoch, self._began, self._first = epoch, now, done
            return f"{done:,} of {n_rows:,} rows"
        pace = max(1e-9, (done - self._first) / max(now - self._began, 1e-9))
        left = clock((n_rows - done) / pace)
        return f"{done:,} of {n_rows:,} rows, {pace:,.0f} rows/s, {left} left of the epoch"


def clock(seconds: float) -> str:
    """Return a duration as minutes and seconds.

    Examples
    --------
    >>> clock(61.5), clock(3700)
    ('1:02', '1:01:40')
    """
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class ProgressObserver:
    """Shows a training as a line that changes in a notebook, or as plain lines elsewhere.

    Parameters
    ----------
    write : callable, optional
        Gets each line; standard error if not given. In a notebook the last line replaces the
        one before.
    every : float, default=1.0
        Seconds between plain lines, at the least; the last epoch is always shown.
    """

    def __init__(self, write: Callable[[str], Any] | None = None, *, every: float = 1.0) -> None:
        self._write = write or _notebook_line() or _plain_line
        self._every = every
        self._shown = -float("inf")
        self._last: str | None = None
        self._clock, self._rows = EpochClock(1), RowClock()

    def on_start(self, plan: TrainingPlan, state: TrainingState) -> None:  # noqa: ARG002  (protocol)
        """Start the clock."""
        self._clock = EpochClock(plan.stopping.max_epochs)
        self._shown = -float("inf")
        self._last = None

    def on_epoch(self, record: EpochRecord, state: TrainingState) -> None:  # noqa: ARG002  (same)
        """Write a line if the last one is old enough."""
        left = clock(self._clock.seconds_left(record.epoch))
        line = (
            f"epoch {record.epoch} of at most {self._clock.n_epochs}: {figures(record)}, "
            f"at most {left} left"
        )
        now = time.perf_counter()
        if now - self._shown >= self._every:
            self._write(line)
            self._shown, self._last = now, None
        else:
            self._last = line

    def on_rows(self, epoch: int, done: int, n_rows: int) -> None:
        """Write a line in the middle of an epoch, if the last one is old enough."""
        words = self._rows.words(epoch, done, n_rows)
        now = time.perf_counter()
        if now - self._shown >= self._every:
            self._write(f"epoch {epoch} of at most {self._clock.n_epochs}: {words}")
            self._shown = now

    def on_end(self, result: FitResult) -> None:
        """Write the last epoch and why training stopped."""
        if self._last is not None:
            self._write(self._last.rpartition(",")[0])
        self._write(str(result))


def _plain_line(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  (this is what it is for)


def _notebook_line() -> Callable[[str], Any] | None:
    """Return what shows a line in place of the one before, where a notebook is running."""
    if "ipykernel" not in sys.modules:
        return None
    from IPython.display import display  # noqa: PLC0415  # there only in notebooks

    handle = display({"text/plain": ""}, raw=True, display_id=True)
    return lambda line: handle.update({"text/plain": line}, raw=True)
