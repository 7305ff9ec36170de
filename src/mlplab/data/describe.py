"""A table in figures, and in sentences about what deserves a look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab.data.frames import as_numbers, as_words, is_boolean, is_missing, to_frame
from mlplab.data.kinds import NEARLY_ALL, infer_kinds
from mlplab.data.targets import find_target, split_labels
from mlplab.results.tables import Choice, ColumnSummary, TableDescription

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["describe"]

_TOP = 5
_SHOWN = 3
MUCH_MISSING = 0.4
RARE_LABEL = 0.2


def describe(
    table: Any, target: str | Sequence[str] | None = None, task: str = "auto"
) -> TableDescription:
    """Describe a table: every column, the labels, repeated rows, and what stands out.

    Parameters
    ----------
    table : table
        Whatever `to_frame` takes.
    target : str or sequence of str, optional
        The target columns, for the histogram of labels.
    task : str, default="auto"
        As for `find_target`.

    Raises
    ------
    DataError
        The target is not there.

    Examples
    --------
    >>> described = describe({"x": [1.0, 2.0, 3.0], "y": ["a", "b", "a"]}, target="y")
    >>> described.column("x").mean, described.labels
    (2.0, (('a', 2), ('b', 1)))
    """
    frame = to_frame(table, keep_rows=True)
    kinds = infer_kinds(frame)
    columns = tuple(_summary(frame[name], kinds[name]) for name in frame.columns)
    names: tuple[str, ...] = ()
    labels: tuple[tuple[str, int], ...] = ()
    if target is not None and len(target):
        found = find_target(frame, target, task)
        names = found.names
        labels = _labels(frame, names, found.task)
    duplicates = int(frame.duplicated().sum())
    remarks = _remarks(columns, kinds, len(frame), duplicates, names)
    remarks += _label_remarks(labels)
    return TableDescription(len(frame), columns, names, labels, duplicates, tuple(remarks))


def _summary(column: pd.Series[Any], kind: Choice) -> ColumnSummary:
    name = str(column.name)
    missing = is_missing(column)
    n_missing = int(missing.sum())
    count = len(column) - n_missing
    n_distinct = int(column.nunique())
    values, stray = as_numbers(column)
    values = values[np.isfinite(values)]
    if kind.value in {"boolean", "missing"} or stray.any() or not len(values):
        words = Counter(word for word in as_words(column) if word is not None)
        top = tuple(sorted(words.items(), key=lambda item: (-item[1], item[0]))[:_TOP])
        return ColumnSummary(name, kind.value, count, n_missing, n_distinct, top=top)
    q25, median, q75 = np.percentile(values, (25, 50, 75)).tolist()
    with np.errstate(over="ignore"):  # the spread of huge numbers may be infinite
        mean, std = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else None
    return ColumnSummary(
        name,
        kind.value,
        count,
        n_missing,
        n_distinct,
        mean=mean,
        std=std,
        min=float(values.min()),
        q25=q25,
        median=median,
        q75=q75,
        max=float(values.max()),
    )


def _labels(frame: pd.DataFrame, names: tuple[str, ...], task: str) -> tuple[tuple[str, int], ...]:
    if task == "regression":
        return ()
    if len(names) > 1:
        return tuple((name, int(as_numbers(frame[name])[0].sum())) for name in names)
    words = [word for word in as_words(frame[names[0]]) if word is not None]
    if task == "multilabel":
        known = split_labels(frame[names[0]])
        counted = Counter(label for word in words for label in word.split())
        return tuple((label, counted[label]) for label in known)
    counted = Counter(words)
    _, stray = as_numbers(frame[names[0]])
    key = (lambda word: word) if stray.any() or is_boolean(frame[names[0]]) else float
    return tuple((word, counted[word]) for word in sorted(counted, key=key))


def _remarks(
    columns: Sequence[ColumnSummary],
    kinds: dict[str, Choice],
    n_rows: int,
    duplicates: int,
    target: tuple[str, ...],
) -> list[str]:
    remarks = []
    if duplicates:
        remarks.append(
            f"{duplicates} of {n_rows} rows repeat an earlier one; a random split shares such rows "
            "between training and test."
        )
    for kind, sentence in (
        ("constant", "hold only one value"),
        ("missing", "hold no value at all"),
        ("identifier", "only number or name the rows"),
        ("text", "hold text with too many different words"),
    ):
        found = [c.name for c in columns if c.kind == kind and c.name not in target]
        if found:
            remarks.append(f"Columns that {sentence}: {_listed(found)}.")
    incomplete = [c for c in columns if c.missing and c.count]
    if incomplete:
        shown = [f"{c.name} ({c.missing})" for c in incomplete]
        columns_ = "1 column" if len(incomplete) == 1 else f"{len(incomplete)} columns"
        remarks.append(f"Values are missing in {columns_}: {_listed(shown)}.")
    mostly = [c.name for c in incomplete if c.missing > MUCH_MISSING * n_rows]
    if mostly:
        remarks.append(f"More than {MUCH_MISSING:.0%} is missing in: {_listed(mostly)}.")
    remarks += [
        f"{name}: {choice.reason}" for name, choice in kinds.items() if NEARLY_ALL in choice.reason
    ]
    return remarks


def _label_remarks(labels: tuple[tuple[str, int], ...]) -> list[str]:
    average = sum(count for _, count in labels) / max(len(labels), 1)
    rare = [f"{label} ({count})" for label, count in labels if count < RARE_LABEL * average]
    if not rare:
        return []
    return [f"Labels with less than {RARE_LABEL:.0%} of the average rows: {_listed(rare)}."]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
