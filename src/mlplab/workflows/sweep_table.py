"""The table of all trials in the report of a sweep: its columns, and by what they are sorted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlplab.results import SweepResult, Task, Trial
from mlplab.results.layout import score_words, value_words
from mlplab.workflows.sweep_scores import USUAL, WATCHED
from mlplab.workflows.sweep_words import told_score

__all__ = ["Column", "columns_of", "in_order", "title_of"]

_CHOICES = 12  # so many different values are chosen from a list; more are looked for
_NONE = "–"
_SHORT = {
    "f1_samples": "F1 by row",
    "neg_mean_squared_error": "MSE",
    "neg_mean_absolute_error": "MAE",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table.

    Attributes
    ----------
    title : str
    cells : tuple of str
        What stands in it, one a trial.
    sort : tuple of float or None
        By what it is sorted; None goes last.
    number : bool
        Whether it holds numbers, flush right.
    choices : tuple of str
        The cells that there are, if they are few; else empty.
    hint : str
        What it means.
    """

    title: str
    cells: tuple[str, ...]
    sort: tuple[float | None, ...]
    number: bool = True
    choices: tuple[str, ...] = ()
    hint: str = ""


def title_of(score: str, task: Task) -> str:
    """Return what a score is called above a column, where errors are told of as errors.

    Examples
    --------
    >>> title_of("f1_macro", "classification"), title_of("f1_macro", "multilabel")
    ('F1', 'F1 macro')
    >>> title_of("neg_mean_squared_error", "regression"), title_of("roc_auc", "classification")
    ('MSE', 'ROC AUC')
    """
    if score in _SHORT:
        return _SHORT[score]
    # All of a classification are means over the classes, which is said once.
    is_usual = task == "classification" and score in USUAL[task]
    return score_words(score.removesuffix("_macro") if is_usual else score.removeprefix("neg_"))


def in_order(result: SweepResult) -> tuple[Trial, ...]:
    """Return all trials: the best first, those without a score last."""
    ranked = result.ranking()
    numbers = {trial.number for trial in ranked}
    return (*ranked, *(trial for trial in result.trials if trial.number not in numbers))


def columns_of(result: SweepResult, trials: Sequence[Trial], task: Task) -> list[Column]:
    """Return the columns of the table, a cell for each of these trials.

    Parameters
    ----------
    result : SweepResult
    trials : sequence of Trial
    task : Task
        Tells which scores are the usual ones.
    """
    ranks = {trial.number: k + 1 for k, trial in enumerate(result.ranking())}
    names = dict.fromkeys(name for trial in result.trials for name in trial.configuration)
    found = {name for trial in trials for cell in trial.cells for name in cell.scores}
    others = [name for name in dict.fromkeys((*result.scores, *USUAL[task])) if name in found]
    return [
        _numbers("rank", trials, lambda trial: ranks.get(trial.number), "{:.0f}"),
        _numbers("trial", trials, lambda trial: trial.number, "{:.0f}"),
        *(column for name in others[:1] for column in _score(name, result, trials, task)),
        *(_parameter(name, trials) for name in names),
        *(column for name in others[1:] for column in _score(name, result, trials, task)),
        _numbers(
            "epochs", trials, _epochs, "{:.4g}", "mean over its trainings, from their first epoch"
        ),
        _numbers("seconds", trials, lambda trial: trial.seconds, "{:.3g}", "of all its trainings"),
        _status(trials),
    ]


def _numbers(
    title: str,
    trials: Sequence[Trial],
    value: Callable[[Trial], float | None],
    form: str = "{:.4g}",
    hint: str = "",
) -> Column:
    values = [value(trial) for trial in trials]
    told = [None if v is None or not math.isfinite(v) else float(v) for v in values]
    cells = tuple(_NONE if v is None else form.format(v) for v in told)
    return Column(title, cells, tuple(told), hint=hint)


def _epochs(trial: Trial) -> float | None:
    return trial.n_epochs / len(trial.cells) if trial.n_epochs else None


def _parameter(name: str, trials: Sequence[Trial]) -> Column:
    given: list[Any] = [trial.configuration.get(name) for trial in trials]
    present = [name in trial.configuration for trial in trials]
    cells = [value_words(v) if there else _NONE for v, there in zip(given, present, strict=True)]
    values = [v for v, there in zip(given, present, strict=True) if there]
    number = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    known: dict[str, Any] = dict(zip(cells, given, strict=True))
    ordered = sorted(
        known, key=lambda cell: (cell == _NONE, known[cell] if number and cell != _NONE else cell)
    )
    place = {cell: float(k) for k, cell in enumerate(ordered)}
    sort = [
        None if not there else float(v) if number else place[cell]
        for v, there, cell in zip(given, present, cells, strict=True)
    ]
    choices = tuple(ordered) if len(ordered) <= _CHOICES else ()
    return Column(name, tuple(cells), tuple(sort), number=number, choices=choices)


def _score(name: str, result: SweepResult, trials: Sequence[Trial], task: Task) -> list[Column]:
    """Return a score, its spread if it was asked for, and what the best epoch would have had."""
    title = title_of(name, task)
    columns = [_mean(title, name, trials)]
    if name in result.scores and any(trial.spread(name) is not None for trial in trials):
        columns.append(
            _numbers(f"± {title}", trials, lambda trial: trial.spread(name), "{:.2g}", _SPREAD)
        )
    peaks = {trial.number: trial.peak("validation_score") for trial in trials}
    if name == WATCHED[task] and any(peak is not None for peak in peaks.values()):
        title = f"{title}, best epoch"
        columns.append(_numbers(title, trials, lambda trial: peaks[trial.number], hint=_PEAK))
    return columns


_SPREAD = "standard deviation over the trainings of the trial"
_PEAK = (
    "what the epoch with the highest value had: chosen by looking, so that it flatters; nothing "
    "was decided by it"
)


def _mean(title: str, name: str, trials: Sequence[Trial]) -> Column:
    def value(trial: Trial) -> float | None:
        mean = trial.mean(name)
        return None if mean is None else told_score(name, mean)[1]

    return _numbers(title, trials, value, hint=f"{name}, after the last epoch")


def _status(trials: Sequence[Trial]) -> Column:
    cells = []
    for trial in trials:
        if trial.status != "done":
            cells.append(f"{trial.status}: {trial.reason or 'no reason is known'}")
        else:
            paused = trial.epochs is not None
            cells.append(f"paused after {trial.epochs} epochs" if paused else "done")
    kinds = sorted({cell.partition(":")[0] for cell in cells})
    order = {kind: float(k) for k, kind in enumerate(kinds)}
    sort = tuple(order[cell.partition(":")[0]] for cell in cells)
    choices = tuple(kinds) if len(kinds) <= _CHOICES else ()
    return Column("status", tuple(cells), sort, number=False, choices=choices)
