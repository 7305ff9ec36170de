"""Which column is to be predicted, and what kind of prediction that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab.data.frames import (
    as_numbers,
    as_words,
    count_distinct,
    is_boolean,
    is_missing,
    pandas,
    to_frame,
)
from mlplab.data.kinds import NEARLY_NUMERIC, date_format, grouped_digits
from mlplab.errors import DataError, ParameterError, did_you_mean
from mlplab.results.tables import Choice, Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FoundTarget",
    "cut_labels",
    "drop_unlabelled",
    "find_target",
    "label_separator",
    "split_labels",
]

TASKS: tuple[Task, ...] = ("classification", "multilabel", "regression", "autoencoder")
USUAL_NAMES = ("target", "label", "labels", "class", "y", "outcome", "response")
FEW_NUMBERS = 20
"""So few different whole numbers are taken for classes."""
_SEPARATORS = ("|", ";", ",")


@dataclass(frozen=True, slots=True)
class FoundTarget:
    """The target of a table.

    Attributes
    ----------
    names : tuple of str
        The target columns; empty for an autoencoder.
    task : Task
        What is to be learned.
    choices : tuple of Choice
        What was chosen automatically, and why.
    """

    names: tuple[str, ...]
    task: Task
    choices: tuple[Choice, ...]

    @property
    def needed(self) -> tuple[str, ...]:
        """The target columns without which a row is left out; an empty cell may mean no label."""
        return () if self.task == "multilabel" and len(self.names) == 1 else self.names


def find_target(
    frame: Any, target: str | Sequence[str] | None = None, task: str = "auto"
) -> FoundTarget:
    """Find the target columns and the task.

    Parameters
    ----------
    frame : table
        Whatever `to_frame` takes.
    target : str or sequence of str, optional
        The target columns. Else a column called target, label, class, y, outcome or response,
        else the last one.
    task : str, default="auto"
        auto, classification, multilabel, regression or autoencoder.

    Raises
    ------
    DataError
        The column is not there, no column is left as a feature, or the values of the target do
        not allow the task.
    ParameterError
        There is no such task.

    Examples
    --------
    >>> found = find_target({"size": [1, 2, 3], "price": [1.5, 2.5, 4.5]})
    >>> found.names, found.task
    (('price',), 'regression')
    """
    if task != "auto" and task not in TASKS:
        hint = did_you_mean(task, TASKS) or " Use 'auto'."
        raise ParameterError(
            f"`task` must be auto or one of {', '.join(TASKS)}; got {task!r}.{hint}"
        )
    frame = to_frame(frame)
    if task == "autoencoder":
        return FoundTarget((), "autoencoder", ())
    names, choices = _names(frame, target)
    found, reason = _task(frame, names)
    if task == "auto":
        if found == "classification" and len(names) == 1:
            _refuse_no_classes(frame[names[0]])
        choices.append(Choice("task", found, reason))
    asked: Task = next((known for known in TASKS if known == task), found)
    if task != "auto":
        _check_task(frame, names, asked, found)
    if asked == "multilabel" and len(names) == 1:
        choices += _label_choices(frame[names[0]])
    return FoundTarget(names, asked, tuple(choices))


def _names(
    frame: pd.DataFrame, target: str | Sequence[str] | None
) -> tuple[tuple[str, ...], list[Choice]]:
    columns = list(frame.columns)
    choices = []
    if target is not None:
        names = (target,) if isinstance(target, str) else tuple(target)
        for name in names:
            if name not in columns:
                shown = ", ".join(columns[:8]) + (", …" if len(columns) > 8 else "")
                hint = did_you_mean(name, columns) or f" The columns are {shown}."
                raise DataError(f"`target` must name columns of the table; got {name!r}.{hint}")
    else:
        name, reason = _likely_target(columns)
        names = (name,)
        choices.append(Choice("target", name, reason))
    if not names or len(set(names)) == len(columns):
        raise DataError(
            "A table must have a target and at least one other column; got the columns "
            f"{', '.join(columns) or 'none'}. Add features, or use the task 'autoencoder'."
        )
    return names, choices


def _likely_target(columns: list[str]) -> tuple[str, str]:
    lower = [name.strip().lower() for name in columns]
    for usual in USUAL_NAMES:
        if usual in lower:
            return columns[lower.index(usual)], "A column of this name usually is the target."
    if not columns:
        raise DataError("A table must have columns; got none. Check how it was read.")
    return columns[-1], "No target was named, and the last column usually is the target."


def _task(frame: pd.DataFrame, names: tuple[str, ...]) -> tuple[Task, str]:
    if len(names) > 1:
        return _task_of_several(frame, names)
    column = frame[names[0]]
    present = column[~is_missing(column)]
    if not len(present):
        raise DataError(
            f"The target must hold values; {names[0]!r} is empty in every row. Name another target."
        )
    if is_boolean(present) or isinstance(present.dtype, pandas().CategoricalDtype):
        return "classification", f"The target holds {present.nunique()} classes."
    values, stray = as_numbers(present)
    n_distinct = count_distinct(present)
    # Numbers with a few mistakes are numbers: reading them then names the row at fault.
    if np.mean(~stray) >= NEARLY_NUMERIC and (not stray.any() or n_distinct > FEW_NUMBERS):
        return _task_of_numbers(values)
    words = split_labels(present)
    if words:
        return "multilabel", f"The target holds up to {len(words)} labels a row."
    return "classification", f"The target holds {n_distinct} different words."


def _task_of_numbers(values: Any) -> tuple[Task, str]:
    finite = values[np.isfinite(values)]
    distinct = np.unique(finite)
    whole = bool((distinct == np.round(distinct)).all())
    if whole and len(distinct) <= min(FEW_NUMBERS, max(2, len(finite) // 2)):
        return "classification", f"The target holds only {len(distinct)} different whole numbers."
    kind = "whole numbers" if whole else "numbers"
    return "regression", f"The target holds {len(distinct)} different {kind}."


def _task_of_several(frame: pd.DataFrame, names: tuple[str, ...]) -> tuple[Task, str]:
    binary = True
    for name in names:
        values, stray = as_numbers(frame[name])
        if stray.any():
            raise DataError(
                f"Several target columns must all hold numbers; {name!r} holds "
                f"{frame[name][stray].iloc[0]!r} in row {int(np.flatnonzero(stray)[0]) + 1}. "
                "Name one column, or encode it as columns of 0 and 1."
            )
        binary &= bool(np.isin(values[~np.isnan(values)], (0, 1)).all())
    if binary:
        return "multilabel", f"The {len(names)} target columns hold only 0 and 1."
    return "regression", f"The {len(names)} target columns hold numbers."


def label_separator(column: pd.Series[Any]) -> str:
    """Return what stands between the labels of a column: ``|``, ``;``, ``,`` or else a blank."""
    words = [word for word in as_words(column) if word is not None]
    counts = [sum(mark in word for word in words) for mark in _SEPARATORS]
    return _SEPARATORS[int(np.argmax(counts))] if any(counts) else " "


def cut_labels(word: str | None, separator: str) -> list[str]:
    """Return the labels of a cell; none of an empty one.

    Examples
    --------
    >>> cut_labels("red; light green;", ";")
    ['red', 'light green']
    """
    parts = (word or "").split(None if separator == " " else separator)
    return [part.strip() for part in parts if part.strip()]


def split_labels(column: pd.Series[Any]) -> tuple[str, ...]:
    """Return the labels of a column that holds several a row; else none.

    A set of words is taken for labels if far more combinations of them occur than words.
    """
    separator = label_separator(column)
    values = {word for word in as_words(column) if word is not None}
    cut = [cut_labels(word, separator) for word in values]
    labels = sorted({label for parts in cut for label in parts})
    several = any(len(parts) > 1 for parts in cut)
    repeats = any(len(set(parts)) < len(parts) for parts in cut)
    if several and not repeats and len(values) >= 2 * len(labels):
        return tuple(labels)
    return ()


def _label_choices(column: pd.Series[Any]) -> list[Choice]:
    """Return how the cells of a column of labels are read."""
    separator = label_separator(column)
    said = "a blank" if separator == " " else repr(separator)
    why = "It stands in most cells of the target." if separator != " " else "No cell holds another."
    choices = [Choice("separator of labels", said, why)]
    n_empty = int(is_missing(column).sum())
    if n_empty:
        reason = "An empty cell of the target means that its row has no label."
        choices.append(Choice("rows without a label", f"{n_empty} of {len(column)}", reason))
    return choices


def _check_task(frame: pd.DataFrame, names: tuple[str, ...], asked: Task, found: Task) -> None:
    if asked == "multilabel" and found != "multilabel" and len(names) > 1:
        raise DataError(
            "The targets of a multilabel task must hold only 0 and 1; got other numbers in "
            f"{', '.join(names[:5])}. Use the task 'regression'."
        )
    if asked == "classification" and len(names) > 1:
        raise DataError(
            f"A classification has one target column; got {len(names)}. Use the task "
            "'multilabel' for several columns of 0 and 1."
        )
    if asked == "classification" and found == "regression":
        values, stray = as_numbers(frame[names[0]])
        finite = values[np.isfinite(values)]
        if not stray.any() and (finite != np.round(finite)).any():
            example = finite[finite != np.round(finite)][0]
            raise DataError(
                f"Classes must be words or whole numbers; {names[0]!r} holds fractions, such as "
                f"{example:g}. Use the task 'regression', or write the classes as words."
            )


def _refuse_no_classes(column: pd.Series[Any]) -> None:
    """Raise `DataError` where words can hardly be classes, so that somebody has to say so."""
    present = column[~is_missing(column)]
    words = [word or "" for word in as_words(present)]
    n_words, way_out = len(set(words)), "Name another target"
    example = grouped_digits(words)
    if _holds_dates(present):
        fact, way_out = "dates", "Turn them into numbers of days, name another target"
    elif n_words <= max(FEW_NUMBERS, len(words) / 2):
        return
    else:
        fact = f"{n_words} different words in {len(words)} rows"
    if example is not None:
        way_out = f"Write numbers like {example!r} without what sets thousands apart"
    raise DataError(
        f"`target` must hold numbers, or classes that repeat; {column.name!r} holds {fact}. "
        f"{way_out}, or ask for the task 'classification'."
    )


def _holds_dates(present: pd.Series[Any]) -> bool:
    if pandas().api.types.is_datetime64_any_dtype(present.dtype):
        return True
    return bool(as_numbers(present)[1].any()) and date_format(present) is not None


def drop_unlabelled(
    frame: pd.DataFrame, names: Sequence[str]
) -> tuple[pd.DataFrame, Choice | None]:
    """Leave out the rows whose target is missing.

    Returns
    -------
    frame : pandas.DataFrame
        The other rows; the index tells the row of each in the table, from 0.
    choice : Choice or None
        How many were left out; None if none was.

    Raises
    ------
    DataError
        The target is missing in every row.
    """
    missing = np.zeros(len(frame), dtype=bool)
    for name in names:
        missing |= is_missing(frame[name])
    if not missing.any():
        return frame, None
    if missing.all():
        raise DataError(
            f"The target must hold values; {', '.join(names)} is empty in every row. "
            "Name another target."
        )
    reason = f"Their target ({', '.join(names)}) is missing, so nothing can be learned from them."
    value = f"{int(missing.sum())} of {len(frame)} left out"
    return frame[~missing], Choice("rows", value, reason)
