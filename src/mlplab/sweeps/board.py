"""The board of a sweep: which trials the search asked for, and what is known of their cells."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

from mlplab.results import (
    Cell,
    CellResult,
    Configuration,
    SweepProgress,
    SweepResult,
    SweepStop,
    Trial,
)
from mlplab.sweeps.contract import Outcome, Proposal
from mlplab.sweeps.identity import cell_key
from mlplab.sweeps.learned import Learned
from mlplab.sweeps.sweep import Sweep

__all__ = ["Board"]


@dataclasses.dataclass(slots=True)
class _Asked:
    """A trial that was asked for: its place, and its cells by where they pause."""

    number: int
    configuration: Configuration
    cells: dict[int | None, list[str]]


class Board:
    """Trials and cells of one run.

    Parameters
    ----------
    sweep : Sweep
    folds : sequence of str
        A fingerprint for each fold.

    Attributes
    ----------
    cells : dict of str to Cell
        Everything that was asked for, by key.
    n_trained : int
        Cells that this run trained.
    """

    def __init__(self, sweep: Sweep, folds: Sequence[str]) -> None:
        self._sweep, self._folds = sweep, folds
        # By what a configuration is, so that one that is asked for again, for more epochs for
        # example, goes on as the same trial.
        self._trials: dict[str, _Asked] = {}
        self._results: dict[str, CellResult] = {}
        self._training: dict[str, tuple[str, int, int]] = {}
        self._best: tuple[float, float, Trial] | None = None
        self.cells: dict[str, Cell] = {}
        self.n_trained = 0

    def add(self, batch: Sequence[Proposal]) -> list[list[str]]:
        """Note what a search asks for, and return the cells of each proposal, in order."""
        return [self._add(proposal) for proposal in batch]

    def _add(self, proposal: Proposal) -> list[str]:
        name = self._sweep.space.identity(proposal.configuration)
        keys = []
        for seed in range(self._sweep.seed, self._sweep.seed + self._sweep.seeds):
            for fold, rows in enumerate(self._folds):
                key = cell_key(name, rows, seed, proposal.epochs)
                cell = Cell(key, proposal.configuration, seed, fold, proposal.epochs)
                self.cells.setdefault(key, cell)
                self._training[key] = (name, seed, fold)
                keys.append(key)
        first = _Asked(len(self._trials), proposal.configuration, {})
        self._trials.setdefault(name, first).cells[proposal.epochs] = keys
        return keys

    def training(self, key: str) -> tuple[str, int, int]:
        """Return what cells share that pause the same training at different epochs."""
        return self._training[key]

    def judge(self, key: str, outcome: Outcome, attempt: int) -> CellResult:
        """Return the result of a cell; one without the deciding score is not done."""
        status, reason = outcome.status, outcome.reason
        scores = {name: float(value) for name, value in outcome.scores.items()}
        lacking = [name for name in self._sweep.scores if name not in scores]
        if status == "done" and lacking:
            status, reason = "failed", f"The trainer gave no score {lacking[0]!r}."
        elif status == "done" and not math.isfinite(scores[self._sweep.scores[0]]):
            name = self._sweep.scores[0]
            status, reason = "diverged", f"The score {name!r} is {scores[name]}."
        return CellResult(
            self.cells[key],
            status,
            scores,
            outcome.n_epochs,
            seconds=outcome.seconds,
            reason=reason,
            attempt=attempt,
            curve=outcome.curve,
        )

    def record(self, results: Iterable[CellResult]) -> None:
        """Note results, of this run or from the ledger."""
        for result in results:
            key = result.cell.key
            # The ledger knows configurations as JSON says them; the search knows them as they are.
            self._results[key] = dataclasses.replace(result, cell=self.cells[key], curve=None)
            self._compare(self._trial(self._trials[self._training[key][0]]))

    def _compare(self, trial: Trial | None) -> None:
        mean = None if trial is None else trial.mean(self._sweep.scores[0])
        if trial is None or mean is None:
            return
        rank = (trial.reach, mean)
        if self._best is None or rank > self._best[:2]:
            self._best = (*rank, trial)

    def score(self, keys: Sequence[str]) -> float | None:
        """Return the mean deciding score of these cells; None if one has none."""
        cells = tuple(self._results[key] for key in keys)
        return Trial(0, {}, cells).mean(self._sweep.scores[0])

    def _trial(self, asked: _Asked) -> Trial | None:
        """Return a trial as it was last there with all its cells."""
        trial: Trial | None = None
        for epochs, keys in asked.cells.items():
            if all(key in self._results for key in keys):
                earlier = () if trial is None else (*trial.earlier, *trial.cells)
                cells = tuple(self._results[key] for key in keys)
                trial = Trial(asked.number, asked.configuration, cells, epochs, earlier)
        return trial

    def progress(self, seconds: float) -> SweepProgress:
        """Return where the sweep stands."""
        return SweepProgress(
            n_done=len(self._results),
            n_cells=self._n_cells(),
            n_trained=self.n_trained,
            n_failed=sum(r.status != "done" for r in self._results.values()),
            best=None if self._best is None else self._best[2],
            seconds=seconds,
            score=self._sweep.scores[0],
            limit=self._sweep.seconds,
        )

    def _n_cells(self) -> int:
        """Return how many cells there will be: a search that learns asks for them bit by bit."""
        asked, sweep = len(self.cells), self._sweep
        if not isinstance(sweep.search, Learned) or sweep.trials is None:
            return asked
        return max(asked, sweep.trials * sweep.seeds * sweep.n_folds)

    def result(self, stop: SweepStop, seconds: float) -> SweepResult:
        """Return everything that is known."""
        trials = (self._trial(asked) for asked in self._trials.values())
        return SweepResult(
            scores=self._sweep.scores,
            trials=tuple(trial for trial in trials if trial is not None),
            stop=stop,
            seconds=seconds,
            n_combinations=self._sweep.space.n_combinations,
            n_cells=len(self.cells),
            n_trained=self.n_trained,
        )
