"""A run that trackers keep: buffers what they are told, and goes on without those that fail."""

from __future__ import annotations

import contextlib
import logging
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mlplab.engines import TrainingPlan, TrainingState
from mlplab.results import CellResult, EpochRecord, FitResult, SweepProgress, SweepResult
from mlplab.tracking.trackers import Point, Tracker

__all__ = ["TrackedRun", "TrackedSweep"]

# Points travel together, so that a training of microseconds an epoch does not wait for each.
_SECONDS_BETWEEN = 2.0
_OF_EPOCHS = ("loss", "validation_loss", "validation_score", "learning_rate")
# They tell what they set up, and how often they tried, in the middle of our own lines.
_TALKATIVE = ("mlflow", "alembic", "urllib3")


class TrackedRun:
    """A run in one or several trackers, and an observer of a training.

    A context that ends the run. A tracker that fails is left, with one warning; nothing that it
    does ends or changes the training.

    Parameters
    ----------
    trackers : sequence of Tracker
    label : str
        What the run is called.
    parameters : mapping
        What it was made of, by dotted name.
    axis : str
        What the steps of its points count.

    Examples
    --------
    >>> from mlplab import MLPRegressor
    >>> network = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs")
    >>> with TrackedRun([], "a line", network.get_params()) as run:
    ...     _ = network.set_callbacks(run).fit([[0.0], [1.0]], [0.0, 2.0])
    ...     run.keep({"R²": network.score([[0.0], [1.0]], [0.0, 2.0])})
    """

    def __init__(
        self,
        trackers: Sequence[Tracker],
        label: str,
        parameters: Mapping[str, Any],
        axis: str = "epoch",
    ) -> None:
        self._trackers = list(trackers)
        self._points: list[Point] = []
        self._last_step = 0
        self._written = time.monotonic()
        self._problems: list[str] = []
        self._each("begin", lambda one: one.begin(label, parameters, axis))
        self._warn()

    @property
    def where(self) -> tuple[str, ...]:
        """Where the run is kept, a phrase for each tracker that still works."""
        return tuple(f"{tracker.name}, {tracker.where}" for tracker in self._trackers)

    @property
    def observers(self) -> tuple[TrackedRun, ...]:
        """The run itself, if there is anybody to tell: a training without observers is faster."""
        return (self,) if self._trackers else ()

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Keep figures of a moment; written together with others now and then."""
        self._last_step = step
        self._points.append(Point(step, figures))
        if time.monotonic() - self._written >= _SECONDS_BETWEEN:
            self.write()

    def write(self) -> None:
        """Hand what has gathered to the trackers."""
        points, self._points = self._points, []
        if points:
            self._each("write", lambda one: one.log(points))
        self._written = time.monotonic()

    def keep_trials(self, result: SweepResult) -> None:
        """Keep every trial of a sweep."""
        self.write()
        self._each("write", lambda one: one.keep_trials(result))

    def keep(self, figures: Mapping[str, float], files: Sequence[Path] = ()) -> None:
        """Keep the figures of the whole run, and files; those that are not there are left out."""
        self.write()
        last, there = Point(self._last_step, figures), [path for path in files if path.is_file()]
        self._each("keep the outcome", lambda one: one.keep(last, there))

    # ------------------------------------------------------------------ observing a training

    def on_start(self, plan: TrainingPlan, state: TrainingState) -> None:
        """Do nothing: the run has begun."""

    def on_epoch(self, record: EpochRecord, state: TrainingState) -> None:  # noqa: ARG002  (protocol)
        """Keep the losses, the score and the learning rate of an epoch."""
        values = ((name, getattr(record, name)) for name in _OF_EPOCHS)
        self.log(record.epoch, {name: value for name, value in values if value is not None})

    def on_end(self, result: FitResult) -> None:  # noqa: ARG002  (protocol)
        """Hand the last epochs over."""
        self.write()

    # ------------------------------------------------------------------ a context

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.write()
        finally:
            self._each("end", lambda one: one.end(complete=kind is None))
            self._warn()

    def _each(self, what: str, do: Callable[[Tracker], None]) -> None:
        """Let each tracker do something; leave those that cannot."""
        for tracker in list(self._trackers):
            try:
                with _quiet():
                    do(tracker)
            except Exception as error:  # noqa: BLE001  # whatever it is, the training goes on
                self._trackers.remove(tracker)
                self._problems.append(_sentence(tracker, what, error))
                with contextlib.suppress(Exception), _quiet():
                    tracker.end(complete=False)  # as far as it can

    def _warn(self) -> None:
        """Tell what failed, where no training is in the way that holds warnings back."""
        problems, self._problems = self._problems, []
        for sentence in problems:
            warnings.warn(sentence, stacklevel=3)


class TrackedSweep:
    """Tells a tracked run of a sweep: where it stands now and then, every trial at the end.

    Parameters
    ----------
    run : TrackedRun
    """

    def __init__(self, run: TrackedRun) -> None:
        self._run = run

    def on_results(self, results: Sequence[CellResult], progress: SweepProgress) -> None:  # noqa: ARG002  (protocol)
        """Keep how many are done, and the best so far."""
        figures = {"trained": float(progress.n_trained), "failed": float(progress.n_failed)}
        if progress.best is not None:
            score = next(iter(progress.best.cells[0].scores))
            mean = progress.best.mean(score)
            figures |= {} if mean is None else {"best": mean}
        self._run.log(progress.n_done, figures)

    def on_end(self, result: SweepResult) -> None:
        """Keep the trials: all at once, so that the sweep did not wait for them."""
        self._run.keep_trials(result)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what trackers say about themselves: warnings, and how they set up tables."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _sentence(tracker: Tracker, what: str, error: Exception) -> str:
    first = (str(error).strip() or "no reason given").splitlines()[0]
    # A reason may quote an address whole.
    first = re.sub(r"://[^/@\s]+@", "://", first)
    return (
        f"A tracker must be reachable and writable; {tracker.name} ({tracker.where}) could not "
        f"{what}: {type(error).__name__}: {first}. The run goes on without it."
    )
