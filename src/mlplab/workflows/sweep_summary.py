"""What a sweep of a study gave, in tables, sentences and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlplab.results import SweepAnalysis, SweepResult, SweepStop, Task, Trial
from mlplab.results.layout import value_words
from mlplab.workflows.model import TabularModel
from mlplab.workflows.sweep_finalists import Finalist
from mlplab.workflows.sweep_words import (
    configuration_words,
    counts,
    failures,
    how_sure,
    never_won,
    never_won_words,
    told_score,
    with_spread,
)

__all__ = ["StudySweep", "SweepAbout"]

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class SweepAbout:
    """What a sweep was about.

    Attributes
    ----------
    task : Task
    target : tuple of str
        Empty for an autoencoder.
    source : str
        The data, in words.
    n_rows, n_test : int
        Rows that were dealt to folds, and rows that were kept for the test.
    search : str
    n_folds, n_seeds : int
        Trainings of each configuration: so many folds from so many seeds.
    validation_share : float
        Of the rows of a fold those that judge.
    is_whole : bool
        Whether the search ends only when it has seen the whole space.
    """

    task: Task
    target: tuple[str, ...]
    source: str
    n_rows: int
    n_test: int
    search: str
    n_folds: int
    n_seeds: int
    validation_share: float
    is_whole: bool


@dataclass(frozen=True, slots=True, eq=False)
class StudySweep:
    """What `mlplab.workflows.sweep` returns.

    Attributes
    ----------
    name : str
    about : SweepAbout
    folder : Path or None
        Where model, tables, summary and report lie.
    result : SweepResult
        Every trial.
    analysis : SweepAnalysis or None
        What the sweep has taught; None if no trial has a score.
    finalists : tuple of Finalist
        The best, trained again on all training rows; empty after an interrupt.
    remarks : tuple of str
        What deserves a look, in sentences.
    """

    name: str
    about: SweepAbout
    folder: Path | None
    result: SweepResult
    analysis: SweepAnalysis | None
    finalists: tuple[Finalist, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def model(self) -> TabularModel | None:
        """The best configuration trained on all training rows; None after an interrupt."""
        return self.finalists[0].model if self.finalists else None

    @property
    def interrupted(self) -> bool:
        """Whether somebody stopped it before its end."""
        return self.result.stop is SweepStop.INTERRUPTED

    def table(self, *, narrow: bool = False) -> tuple[list[str], list[list[str]]]:
        """Return headers and rows of the ten best trials.

        Parameters
        ----------
        narrow : bool, default=False
            Put the whole configuration into the last column, instead of each value into its own.
        """
        best = self.result.best(_SHOWN)
        names = list(dict.fromkeys(name for trial in best for name in trial.configuration))
        values = [[_value(trial, name) for name in names] for trial in best]
        told = [self._told(trial) for trial in best]
        scores = [*self.result.scores, "epochs", "seconds"]
        if narrow:
            words = [[configuration_words(trial.configuration)] for trial in best]
            return ["trial", *scores, "configuration"], [
                [*row, *word] for row, word in zip(told, words, strict=True)
            ]
        rows = [[row[0], *own, *row[1:]] for row, own in zip(told, values, strict=True)]
        return ["trial", *names, *scores], rows

    def _told(self, trial: Trial) -> list[str]:
        """Return number, scores, epochs and seconds of a trial."""
        scores = [with_spread(trial.mean(s), trial.spread(s)) for s in self.result.scores]
        epochs = f"{trial.n_epochs / len(trial.cells):.0f}"
        return [str(trial.number), *scores, epochs, f"{trial.seconds:.2g}"]

    def sentences(self) -> list[str]:
        """Return what the sweep has taught, in words: the best, how sure, what never won."""
        result = self.result
        lines = [counts(result, interrupted=self.interrupted), *failures(result)]
        if self.analysis is not None and self.analysis.certainty is not None:
            best = result.best()[0]
            lines.append(
                f"The best by {result.score}: {configuration_words(best.configuration)}. "
                f"{' '.join(how_sure(self.analysis))}"
            )
            lines += never_won_words(self.analysis, so_far=self.interrupted)
        return [*lines, *self._tested(), *self.remarks]

    def _tested(self) -> list[str]:
        """Return how the best did after they had been trained again."""
        lines = []
        for finalist in self.finalists:
            mean = finalist.mean(self.result.score)
            if mean is not None:
                words, mean = told_score(self.result.score, mean)
                lines.append(
                    f"Trial {finalist.trial.number}, trained again on all training rows"
                    f"{_from_seeds(len(finalist.seeds))}: {words} "
                    f"{with_spread(mean, finalist.spread(self.result.score))} on the test rows."
                )
        if self.finalists:
            lines.append(f"The saved model: {self.finalists[0].metrics.headline}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return the summary that ``sweep.json`` holds; every trial is in ``trials.parquet``."""
        result, analysis = self.result, self.analysis
        return {
            "name": self.name,
            "about": self.about,
            "scores": result.scores,
            "stop": result.stop,
            "n_trials": len(result.trials),
            "n_combinations": result.n_combinations,
            "n_cells": result.n_cells,
            "n_failed": len(result.failed),
            "best": [_trial(trial, result) for trial in result.best(_SHOWN)],
            "certainty": None if analysis is None else analysis.certainty,
            "importances": () if analysis is None else analysis.importances,
            "never_won": {} if analysis is None else never_won(analysis),
            "finalists": [
                {
                    "trial": one.trial.number,
                    "seeds": one.seeds,
                    "test": one.scores,
                    "headline": one.metrics.headline,
                }
                for one in self.finalists
            ],
            "remarks": self.remarks,
            "sentences": self.sentences(),
        }


def _value(trial: Trial, name: str) -> str:
    given = trial.configuration
    return value_words(given[name]) if name in given else ""


def _trial(trial: Trial, result: SweepResult) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "configuration": trial.configuration,
        "mean": {name: trial.mean(name) for name in result.scores},
        "spread": {name: trial.spread(name) for name in result.scores},
        "n_epochs": trial.n_epochs,
        "seconds": trial.seconds,
    }


def _from_seeds(n: int) -> str:
    return "" if n == 1 else f" from {n} seeds"
