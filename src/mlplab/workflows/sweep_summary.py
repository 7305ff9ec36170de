"""What a sweep of a study gave, in tables, sentences and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlplab.results import NOT_SET, Interval, SweepAnalysis, SweepResult, SweepStop, Trial
from mlplab.workflows.model import TabularModel
from mlplab.workflows.study_text import toml_value
from mlplab.workflows.sweep_finalists import Finalist

__all__ = ["StudySweep", "configuration_words"]

_SHOWN = 10


@dataclass(frozen=True, slots=True, eq=False)
class StudySweep:
    """What `mlplab.workflows.sweep` returns.

    Attributes
    ----------
    name : str
    folder : Path or None
        Where model, tables and summary lie.
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

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Return headers and rows of the ten best trials."""
        best = self.result.best(_SHOWN)
        names = list(dict.fromkeys(name for trial in best for name in trial.configuration))
        headers = ["trial", *names, *self.result.scores, "epochs", "seconds"]
        return headers, [self._row(trial, names) for trial in best]

    def _row(self, trial: Trial, names: list[str]) -> list[str]:
        values = [_said(trial.configuration[n]) if n in trial.configuration else "" for n in names]
        scores = [_with_spread(trial.mean(s), trial.spread(s)) for s in self.result.scores]
        epochs = f"{trial.n_epochs / len(trial.cells):.0f}"
        return [str(trial.number), *values, *scores, epochs, f"{trial.seconds:.2g}"]

    def sentences(self) -> list[str]:
        """Return what the sweep has taught, in words: the best, how sure, what never won."""
        result = self.result
        there = result.n_cells - result.n_trained
        known = f"; {there} were kept already" if there > 0 and not self.interrupted else ""
        counts = (
            f"{len(result.trials)} configurations, {result.n_trained} networks trained in "
            f"{result.seconds:.1f} s{known}. {result.stop.sentence}"
        )
        lines = [counts]
        if result.failed:
            worst = result.failed[0]
            lines.append(
                f"{len(result.failed)} configurations have no score. Trial {worst.number} "
                f"{worst.status}: {worst.reason}"
            )
        if self.analysis is not None and self.analysis.certainty is not None:
            best = result.best()[0]
            lines.append(
                f"The best by {result.score}: {configuration_words(best.configuration)}. "
                f"{self.analysis.certainty.sentence}"
            )
            lines += _never_won(self.analysis)
        return [*lines, *self._tested(), *self.remarks]

    def _tested(self) -> list[str]:
        """Return how the best did after they had been trained again."""
        lines = []
        for finalist in self.finalists:
            mean = finalist.mean(self.result.score)
            if mean is not None:
                lines.append(
                    f"Trial {finalist.trial.number}, trained again on all training rows from "
                    f"{len(finalist.seeds)} seeds: {self.result.score} "
                    f"{_with_spread(mean, finalist.spread(self.result.score))} on the test rows."
                )
        if self.finalists:
            lines.append(f"The saved model: {self.finalists[0].metrics.headline}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return the summary that ``sweep.json`` holds; every trial is in ``trials.parquet``."""
        result, analysis = self.result, self.analysis
        return {
            "name": self.name,
            "scores": result.scores,
            "stop": result.stop,
            "n_trials": len(result.trials),
            "n_combinations": result.n_combinations,
            "n_cells": result.n_cells,
            "n_failed": len(result.failed),
            "best": [_trial(trial, result) for trial in result.best(_SHOWN)],
            "certainty": None if analysis is None else analysis.certainty,
            "importances": () if analysis is None else analysis.importances,
            "never_won": {} if analysis is None else _losers(analysis),
            "finalists": [
                {
                    "trial": one.trial.number,
                    "seeds": one.seeds,
                    "test": one.scores,
                    "headline": one.metrics.headline,
                }
                for one in self.finalists
            ],
            "sentences": self.sentences(),
        }


def configuration_words(configuration: Mapping[str, Any]) -> str:
    """Return a configuration as people write it.

    Examples
    --------
    >>> configuration_words({"hidden_layer_sizes": [64, 32], "solver": "sgd"})
    'hidden_layer_sizes = [64, 32], solver = sgd'
    """
    return ", ".join(f"{name} = {_said(value)}" for name, value in configuration.items())


def _said(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Interval):
        return str(value)
    return value if isinstance(value, str) else toml_value(value)


def _with_spread(mean: float | None, spread: float | None) -> str:
    if mean is None:
        return ""
    return f"{mean:.4g}" if spread is None else f"{mean:.4g} ± {spread:.2g}"


def _losers(analysis: SweepAnalysis) -> dict[str, list[str]]:
    """Return for each parameter the values that never won, in words."""
    found = {}
    for name, effect in analysis.effects.items():
        values = [value for value in effect.never_won if value != NOT_SET]
        if 0 < len(values) < len(effect.by_value):
            found[name] = [_said(value) for value in values]
    return found


def _never_won(analysis: SweepAnalysis) -> list[str]:
    losers = [f"{name} = {', '.join(values)}" for name, values in _losers(analysis).items()]
    return [f"Never the best where all else was equal: {'; '.join(losers)}."] if losers else []


def _trial(trial: Trial, result: SweepResult) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "configuration": trial.configuration,
        "mean": {name: trial.mean(name) for name in result.scores},
        "spread": {name: trial.spread(name) for name in result.scores},
        "n_epochs": trial.n_epochs,
        "seconds": trial.seconds,
    }
