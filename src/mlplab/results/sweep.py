"""What a sweep hands around: cells, their results, trials, and the whole."""

from __future__ import annotations

import enum
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from mlplab._typing import AnyArray

__all__ = [
    "Cell",
    "CellResult",
    "CellStatus",
    "Configuration",
    "Curve",
    "SweepProgress",
    "SweepResult",
    "SweepStop",
    "Trial",
    "TrialCurve",
]

Configuration: TypeAlias = Mapping[str, Any]
"""Values by dotted name: what a sweep varies, ``{"solver": "sgd", "data.scaling": "robust"}``."""

Curve: TypeAlias = Mapping[str, AnyArray]
"""Columns of equal length, one entry an epoch; the last entry is of the last epoch."""

CellStatus: TypeAlias = Literal["done", "diverged", "failed"]


class SweepStop(enum.Enum):
    """Why a sweep stopped; the value of each member is the sentence for people."""

    COMPLETE = "Everything that the search asked for is there."
    SECONDS = "The time limit was reached; what is missing can be trained later."
    INTERRUPTED = "The sweep was interrupted; what is missing can be trained later."
    OBSERVER = "An observer asked to stop; what is missing can be trained later."

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Cell:
    """One training: a configuration, started from a seed, on a fold.

    Attributes
    ----------
    key : str
        Hash of everything that decides the outcome; equal keys, equal results.
    configuration : mapping
        The values that the sweep varies.
    seed : int
        Of the training.
    fold : int
        Which rows train and which validate, from 0.
    epochs : int or None
        Where the training pauses, counted from its start; None lets it run to its end.
    """

    key: str
    configuration: Configuration
    seed: int
    fold: int
    epochs: int | None = None


@dataclass(frozen=True, slots=True)
class CellResult:
    """What came out of a cell. Seconds, attempts and curves are left out of comparisons.

    Attributes
    ----------
    cell : Cell
    status : {"done", "diverged", "failed"}
        Diverged: the same training would diverge again. Failed: another attempt may help.
    scores : mapping of str to float
        By scorer; higher is better. NaN where a score could not be taken.
    n_epochs : int
        Epochs from the start of the training, those before a pause included.
    seconds : float
        Wall time of the training, its share where many trained at once.
    reason : str or None
        Why it diverged or failed.
    attempt : int
        From 1.
    curve : mapping of str to ndarray of shape (epochs,), or None
        One entry for each of the last epochs.
    """

    cell: Cell
    status: CellStatus
    scores: Mapping[str, float]
    n_epochs: int
    seconds: float = field(compare=False)
    reason: str | None = None
    attempt: int = field(default=1, compare=False)
    curve: Curve | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class TrialCurve:
    """How a figure went, epoch by epoch, in all cells of a trial together.

    A cell that ended early keeps its last value: its network stays as it is.

    Attributes
    ----------
    trial : int
        Its number.
    epochs : ndarray of int of shape (epochs,)
    mean, low, high : ndarray of shape (epochs,)
        Mean, least and greatest over the cells.
    """

    trial: int
    epochs: AnyArray
    mean: AnyArray
    low: AnyArray
    high: AnyArray


@dataclass(frozen=True, slots=True)
class Trial:
    """A configuration with all its cells.

    Attributes
    ----------
    number : int
        In the order in which the search asked, from 0.
    configuration : mapping
    cells : tuple of CellResult
        One for each seed and fold.
    epochs : int or None
        Where it was paused by successive halving; None if it was trained to its end.
    earlier : tuple of CellResult
        Where it had been paused before.
    """

    number: int
    configuration: Configuration
    cells: tuple[CellResult, ...]
    epochs: int | None = None
    earlier: tuple[CellResult, ...] = ()

    @property
    def status(self) -> CellStatus:
        """The worst of its cells."""
        found = {result.status for result in self.cells}
        return next((s for s in ("failed", "diverged") if s in found), "done")

    @property
    def reason(self) -> str | None:
        """Why the first cell that is not done is not."""
        return next((result.reason for result in self.cells if result.reason), None)

    @property
    def reach(self) -> float:
        """How far it was trained, for comparisons: infinity if to its end."""
        return math.inf if self.epochs is None else self.epochs

    @property
    def seconds(self) -> float:
        """Wall time of all its cells, before pauses too."""
        return sum(result.seconds for result in (*self.earlier, *self.cells))

    @property
    def n_epochs(self) -> int:
        """Epochs of all its cells."""
        return sum(result.n_epochs for result in self.cells)

    def stages(self) -> tuple[Trial, ...]:
        """Return the trial as it was at each of its pauses, and as it is."""
        pauses = dict.fromkeys(result.cell.epochs for result in self.earlier)
        found: list[Trial] = []
        for pause in pauses:
            cells = tuple(result for result in self.earlier if result.cell.epochs == pause)
            before = (*found[-1].earlier, *found[-1].cells) if found else ()
            found.append(Trial(self.number, self.configuration, cells, pause, before))
        return (*found, self)

    def values(self, score: str) -> tuple[float, ...]:
        """Return a score in every cell, seeds outside and folds inside."""
        return tuple(result.scores.get(score, math.nan) for result in self.cells)

    def mean(self, score: str) -> float | None:
        """Return the mean of a score over seeds and folds; None if a cell has none."""
        values = self.values(score)
        if self.status != "done" or not values or not all(map(math.isfinite, values)):
            return None
        return statistics.fmean(values)

    def spread(self, score: str) -> float | None:
        """Return the sample standard deviation over seeds and folds; None of fewer than two."""
        values = self.values(score)
        if len(values) < 2 or self.mean(score) is None:
            return None
        return statistics.stdev(values)

    def curve(self, name: str) -> TrialCurve | None:
        """Return how a figure of the epochs went; None if a cell has no such curve.

        Results that are read from a folder, or were kept nowhere, have curves; see `CellResult`.
        """
        columns = self._columns(name)
        if not columns:
            return None
        ends = [result.n_epochs for result in self.cells]
        first = min(end - len(one) for end, one in zip(ends, columns, strict=True))
        wide = np.full((len(columns), max(ends) - first), np.nan)
        for row, end, one in zip(wide, ends, columns, strict=True):
            row[end - len(one) - first : end - first] = one
            row[end - first :] = one[-1]
        epochs = np.arange(first, max(ends)) + 1
        return TrialCurve(self.number, epochs, wide.mean(0), wide.min(0), wide.max(0))

    def has_curve(self, name: str) -> bool:
        """Tell whether every cell has this curve."""
        return bool(self._columns(name))

    def peak(self, name: str) -> float | None:
        """Return the highest value of a curve, mean over the cells; None without the curve."""
        finite = [one[np.isfinite(one)] for one in self._columns(name)]
        if not finite or not all(map(len, finite)):
            return None
        return statistics.fmean(float(one.max()) for one in finite)

    def _columns(self, name: str) -> list[AnyArray]:
        """Return a curve of every cell; none if one lacks it."""
        found = [(result.curve or {}).get(name, ()) for result in self.cells]
        return [np.asarray(one) for one in found] if all(map(len, found)) else []


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """Where a sweep stands.

    Attributes
    ----------
    n_done, n_cells : int
        Cells that are there, and cells that there will be, as far as the search has asked for
        them or is known to ask.
    n_trained, n_failed : int
        Cells that this call has trained; cells that failed or diverged.
    best : Trial or None
        The best so far.
    seconds : float
        Since the call began.
    score : str
        The score that decides.
    limit : float or None
        Seconds after which the call ends.
    """

    n_done: int
    n_cells: int
    n_trained: int
    n_failed: int
    best: Trial | None
    seconds: float
    score: str = ""
    limit: float | None = None

    @property
    def rate(self) -> float:
        """Cells a second that this call trains."""
        return self.n_trained / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the cells that are left will take, at most until the limit; None if unknown."""
        left = [] if self.limit is None else [max(0.0, self.limit - self.seconds)]
        if self.n_trained:
            left.append((self.n_cells - self.n_done) / self.rate)
        return min(left, default=None)


@dataclass(frozen=True, slots=True)
class SweepResult:
    """The outcome of a sweep.

    Attributes
    ----------
    scores : tuple of str
        The scorers; the first decides.
    trials : tuple of Trial
        Those whose cells are all there, in the order of the search.
    stop : SweepStop
    seconds : float
        Wall time of this call.
    n_combinations : int or None
        Size of the grid before conditions and duplicates; None where it has no end.
    n_cells, n_trained : int
        Cells that the search asked for, and cells that this call trained; the others were there.
    """

    scores: tuple[str, ...]
    trials: tuple[Trial, ...]
    stop: SweepStop
    seconds: float = field(compare=False)
    n_combinations: int | None
    n_cells: int
    n_trained: int = field(compare=False)

    @property
    def score(self) -> str:
        """The score that decides."""
        return self.scores[0]

    @property
    def failed(self) -> tuple[Trial, ...]:
        """Trials that failed or diverged."""
        return tuple(trial for trial in self.trials if trial.status != "done")

    @property
    def n_epochs(self) -> int:
        """Epochs that the trainings of all trials took, each counted once."""
        return sum(trial.n_epochs for trial in self.trials)

    def ranking(self, score: str | None = None) -> tuple[Trial, ...]:
        """Return the trials with a score, best first; paused ones behind those that went on.

        Equal scores keep the order of the search.
        """
        name = score or self.score
        scored = [(trial, mean) for trial in self.trials if (mean := trial.mean(name)) is not None]
        scored.sort(key=lambda pair: (pair[0].reach, pair[1]), reverse=True)
        return tuple(trial for trial, _ in scored)

    def best(self, k: int = 1) -> tuple[Trial, ...]:
        """Return the k best trials, or fewer if there are no more."""
        return self.ranking()[:k]

    def best_anywhere(self, score: str | None = None) -> Trial | None:
        """Return the trial with the highest score at a pause or at its end, as it was there.

        It is what the authors of Hyperband take for its outcome: as much training as was best, not
        as much as there was. A network with so many epochs is had by `pause_after`. None without
        a score; results that were read from a folder know the last pause of each trial only.

        References
        ----------
        Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, Hyperband, JMLR 18, 2018, algorithm 1.
        """
        name = score or self.score
        stages = (stage for trial in self.trials for stage in trial.stages())
        scored = [(mean, stage) for stage in stages if (mean := stage.mean(name)) is not None]
        return max(scored, key=lambda pair: (pair[0], pair[1].reach), default=(0, None))[1]
