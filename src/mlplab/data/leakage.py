"""What would make the figures of a model too good: signs of leakage, told before training.

Four signs are looked for, and each is a sentence with a way out: test rows that stand among the
training rows, columns that tell the target one-to-one, columns that only count the rows, and rows
in the order of time that are dealt at random. A sign is no proof; what is common in honest tables
(a repeated row here and there, tables of a few categories) is not told.

References
----------
Kaufman, Rosset, Perlich: Leakage in Data Mining, 2012, https://doi.org/10.1145/2382577.2382579
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab._typing import AnyArray
from mlplab.data.columns import ColumnPlan, raw_numbers
from mlplab.data.frames import as_numbers, pandas

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["find_leaks"]

REPEATED_SHARE = 0.01
"""From this share of the test rows on, rows that training has as well are told."""

FEW_KINDS_OF_ROWS = 0.5
"""Where fewer of the training rows differ, rows repeat by nature."""

ENOUGH_ROWS = 20
PER_CLASS = 5
ENOUGH_COUNTED = 50
COUNTER_DENSITY = 0.5
"""From this share of the whole numbers of its range on, a column without repeats is a counter."""

_FIRST = 1_000
_TIME_NAME = re.compile(r"(?i)(.*[_ ])?(date|time|timestamp|year|month|day|datetime)")


def find_leaks(
    train: pd.DataFrame,
    test: pd.DataFrame,
    *,
    plans: Sequence[ColumnPlan],
    target: Sequence[str] = (),
    numeric_target: bool = False,
    dealt_at_random: bool = True,
) -> list[str]:
    """Return what looks like leakage, in sentences that end with what to do.

    Parameters
    ----------
    train, test : pandas.DataFrame
        Rows to learn from (those to validate may be among them) and rows to test; their index
        tells the order of the table. `test` may be empty.
    plans : sequence of ColumnPlan
        The columns that become features.
    target : sequence of str
    numeric_target : bool
        Whether the target is a number, not a class.
    dealt_at_random : bool
        Whether rows were dealt by chance, not by time or groups.

    Examples
    --------
    >>> import pandas as pd
    >>> n = range(40)
    >>> table = pd.DataFrame({"size": [k * k % 41 for k in n], "code": [k % 2 + 7 for k in n],
    ...                       "answer": [("no", "yes")[k % 2] for k in n]})
    >>> plans = [ColumnPlan("size", "numeric"), ColumnPlan("code", "numeric")]
    >>> for sentence in find_leaks(table, table[:0], plans=plans, target=["answer"]):
    ...     print(sentence[:60])
    The column 'code' tells the target 'answer' one-to-one. If i
    """
    names = [plan.name for plan in plans]
    sentences = _repeated(train, test, [*names, *target])
    together = pandas().concat([train, test])
    for name in target:
        for feature in names:
            if _tells(together[feature], together[name], numeric=numeric_target):
                sentences.append(_one_to_one(feature, name))
    counters = [plan.name for plan in plans if _counts(plan, together[plan.name])]
    sentences += [_counter(name) for name in counters]
    # Rows with a test part of their own were not dealt, and their index begins anew.
    if dealt_at_random and together.index.is_unique:
        in_order = together.sort_index()
        for plan in plans:
            if plan.name not in counters and _in_order(plan, in_order[plan.name]):
                sentences.append(_time_order(plan.name))
    return sentences


def _repeated(train: pd.DataFrame, test: pd.DataFrame, names: Sequence[str]) -> list[str]:
    if not len(test) or not len(train):
        return []
    learned, judged = _hashes(train, names), _hashes(test, names)
    distinct = np.unique(learned)
    again = int(np.isin(judged, distinct).sum())
    if again < REPEATED_SHARE * len(test) or len(distinct) < FEW_KINDS_OF_ROWS * len(train):
        return []
    if again == 1:  # in a small test part that is common
        return []
    sentence = (
        f"{again:,} of {len(test):,} test rows ({again / len(test):.1%}) are equal in every column "
        "that is used to a row outside of the test part, so they test what was learned by heart. "
        "Remove the copies, or keep them on one side by a column that names the groups: "
        "split.groups."
    )
    return [sentence]


def _hashes(frame: pd.DataFrame, names: Sequence[str]) -> AnyArray:
    """Return a number for each row; equal rows have equal ones."""
    is_number = pandas().api.types.is_numeric_dtype
    same = {
        name: frame[name].astype(np.float64 if is_number(frame[name].dtype) else str)
        for name in names
        if frame[name].dtype.kind != "c"
    }
    plain = pandas().DataFrame(same, index=frame.index)
    return np.asarray(pandas().util.hash_pandas_object(plain, index=False))


def _tells(column: pd.Series[Any], target: pd.Series[Any], *, numeric: bool) -> bool:
    # Most columns are done with after a few rows.
    for rows in (slice(_FIRST), slice(None)):
        same = _same_order if numeric else _same_classes
        if not same(column.iloc[rows], target.iloc[rows]):
            return False
    return True


def _same_classes(column: pd.Series[Any], target: pd.Series[Any]) -> bool:
    """Whether each value of a column belongs to one class, and each class to one value."""
    codes, values = pandas().factorize(column, use_na_sentinel=False)
    classes, known = pandas().factorize(target, use_na_sentinel=False)
    k = len(known)
    if len(values) != k or k < 2 or len(column) < max(ENOUGH_ROWS, PER_CLASS * k):
        return False
    if np.bincount(classes).min() < PER_CLASS and k == 2:
        return False
    return len(np.unique(codes.astype(np.int64) * k + classes)) == k


def _same_order(column: pd.Series[Any], target: pd.Series[Any]) -> bool:
    """Whether a column and a target of numbers go up together, or against each other."""
    x, y = as_numbers(column)[0], as_numbers(target)[0]
    present = np.isfinite(x) & np.isfinite(y)
    x, y = x[present], y[present]
    if present.mean() < 1 - REPEATED_SHARE or len(np.unique(y)) < ENOUGH_ROWS:
        return False
    order = np.lexsort((y, x))
    up_x, up_y = np.diff(x[order]) > 0, np.diff(y[order])
    return bool((np.where(up_x, up_y > 0, up_y == 0)).all()) or bool(
        (np.where(up_x, up_y < 0, up_y == 0)).all()
    )


def _counts(plan: ColumnPlan, column: pd.Series[Any]) -> bool:
    """Whether a column holds whole numbers without repeats that fill their range."""
    if plan.kind != "numeric" or len(column) < ENOUGH_COUNTED:
        return False
    first = as_numbers(column.iloc[:_FIRST])[0]
    if not (first == np.round(first)).all() or len(np.unique(first)) < len(first):
        return False
    values = as_numbers(column)[0]
    if not (values == np.round(values)).all() or len(np.unique(values)) < len(values):
        return False
    return bool(len(values) >= COUNTER_DENSITY * (values.max() - values.min() + 1))


def _in_order(plan: ColumnPlan, column: pd.Series[Any]) -> bool:
    """Whether a column of times goes only up, or only down, with the rows."""
    if plan.kind == "date":
        values = raw_numbers(column, "date", plan.form)[-1]
    elif plan.kind == "numeric" and _TIME_NAME.fullmatch(plan.name.strip()):
        values = as_numbers(column)[0]
    else:
        return False
    steps = np.diff(values[~np.isnan(values)])
    if np.count_nonzero(steps) < ENOUGH_ROWS:
        return False
    return bool((steps >= 0).all() or (steps <= 0).all())


def _one_to_one(feature: str, target: str) -> str:
    return (
        f"The column {feature!r} tells the target {target!r} one-to-one. If it is made from the "
        f"target or known only after it, leave it out: drop = [{feature!r}]."
    )


def _counter(name: str) -> str:
    return (
        f"The column {name!r} holds another whole number in every row and seems to count the "
        f"rows. If it says nothing about new rows, leave it out: drop = [{name!r}]."
    )


def _time_order(name: str) -> str:
    return (
        f"The rows are in the order of {name!r} but were dealt to training and test by chance, so "
        "the network learns from what came after its test rows. If it shall predict the future, "
        f"split by time: split = {{ time = {name!r} }}."
    )
