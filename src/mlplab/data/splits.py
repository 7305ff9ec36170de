"""Which rows train, which validate, which test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlplab._typing import AnyArray
from mlplab.data.columns import raw_numbers
from mlplab.data.frames import as_numbers, as_words, is_missing, pandas
from mlplab.data.kinds import date_format
from mlplab.errors import DataError, ParameterError

__all__ = ["Split", "group_codes", "split_rows", "time_ranks"]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows of a table, dealt to three parts.

    Attributes
    ----------
    train, validation, test : ndarray of int64
        Row numbers from 0, no row in two parts; in the order of the table, by time in the order
        of time. Validation and test may be empty.
    how : str
        ``"random"``, ``"stratified"``, ``"grouped"`` or ``"by time"``.
    remarks : tuple of str
        What did not go as asked, in sentences.
    """

    train: AnyArray
    validation: AnyArray
    test: AnyArray
    how: str
    remarks: tuple[str, ...] = ()


def split_rows(
    n_rows: int,
    *,
    validation: float = 0.1,
    test: float = 0.2,
    stratify: Any = None,
    groups: Any = None,
    time: Any = None,
    seed: int | np.random.Generator = 0,
) -> Split:
    """Deal rows to training, validation and test.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    validation, test : float or int
        Share of all rows (float), or number of rows (int); 0 leaves the part empty.
    stratify : array-like of shape (rows,), optional
        Labels; each part gets its share of every label. Labels with fewer rows than there are
        parts stay in training, with a remark.
    groups : array-like of shape (rows,), optional
        Rows of one group stay together. A missing group is a group of its own row.
    time : array-like of shape (rows,), optional
        Numbers or dates; the earliest rows train, the latest test. Rows of the same time stay
        together.
    seed : int or numpy.random.Generator, default=0
        Source of randomness; not used with `time`.

    Raises
    ------
    ParameterError
        A part is negative or larger than the table, or two ways of splitting are asked for.
    DataError
        No row would be left for training, or a time is missing.

    Examples
    --------
    >>> split = split_rows(10, validation=2, test=0.3, seed=1)
    >>> len(split.train), len(split.validation), len(split.test)
    (5, 2, 3)
    """
    asked = [name for name, v in (("groups", groups), ("time", time)) if v is not None]
    asked += ["stratify"] if stratify is not None else []
    if len(asked) > 1:
        raise ParameterError(
            f"{' and '.join(f'`{name}`' for name in asked)} exclude each other: rows are split in "
            "one way; got all of them. Keep one."
        )
    sizes = (_size("validation", validation, n_rows), _size("test", test, n_rows))
    if sum(sizes) >= n_rows and validation + test < 1:
        sizes = (int(validation * n_rows), int(test * n_rows))  # both had been rounded up
    if sum(sizes) >= n_rows:
        raise DataError(
            f"`validation` and `test` must leave rows for training; of {n_rows} rows, {sizes[0]} "
            f"would validate and {sizes[1]} test. Ask for smaller parts, or add rows."
        )
    generator = np.random.default_rng(seed)
    if stratify is not None:
        return _stratified(group_codes(stratify, n_rows, "stratify"), sizes, generator)
    if groups is not None:
        return _grouped(group_codes(groups, n_rows), sizes, generator)
    if time is not None:
        return _by_time(time, n_rows, sizes)
    order = generator.permutation(n_rows)
    return _cut(order, sizes, "random", keep_order=False)


def _size(name: str, part: float, n_rows: int) -> int:
    share = isinstance(part, float | np.floating)
    if isinstance(part, bool) or not part >= 0 or (share and part >= 1):
        raise ParameterError(
            f"`{name}` must be a share from 0 to 1 or a number of rows from 0; got {part!r}. "
            "Use 0.1, for example."
        )
    size = round(part * n_rows) if share else int(part)
    # A part that was asked for is not empty, as long as there are rows to give.
    return 1 if share and part > 0 and size == 0 and n_rows > 2 else size


def group_codes(values: Any, n_rows: int, name: str = "groups") -> AnyArray:
    """Return what rows belong together by as numbers from 0; a missing value is one of its own.

    Parameters
    ----------
    values : array-like of shape (rows,)
    n_rows : int
    name : str
        What messages call them.

    Returns
    -------
    ndarray of int64 of shape (rows,)

    Raises
    ------
    ParameterError
        There is not one value a row.

    Examples
    --------
    >>> group_codes(["b", None, "a", "b", None], 5).tolist()
    [0, 1, 2, 0, 3]
    """
    if np.shape(values) != (n_rows,):
        raise ParameterError(
            f"`{name}` must hold one value a row, shape ({n_rows},); got shape "
            f"{np.shape(values)}. Pass one column."
        )
    words = as_words(pandas().Series(np.asarray(values, dtype=object)))
    place: dict[str, int] = {}
    codes = [
        place.setdefault(f"{row}:" if word is None else f":{word}", len(place))
        for row, word in enumerate(words)
    ]
    return np.array(codes, dtype=np.int64)


def _cut(order: AnyArray, sizes: tuple[int, int], how: str, *, keep_order: bool) -> Split:
    n_train = len(order) - sum(sizes)
    parts = np.split(order, [n_train, n_train + sizes[0]])
    train, validation, test = parts if keep_order else [np.sort(part) for part in parts]
    return Split(train, validation, test, how)


def _stratified(codes: AnyArray, sizes: tuple[int, int], generator: np.random.Generator) -> Split:
    n_parts = 1 + sum(size > 0 for size in sizes)
    counts = np.bincount(codes)
    small = np.flatnonzero(counts < n_parts)
    remarks = []
    if len(small):
        rows = int(counts[small].sum())
        remarks.append(
            f"{len(small)} of {len(counts)} classes have fewer than {n_parts} rows, too few to be "
            f"in every part; their {rows} rows train."
        )
    large = np.flatnonzero(counts >= n_parts)
    if not len(large):
        order = generator.permutation(len(codes))
        split = _cut(order, sizes, "random", keep_order=False)
        remark = "Every class is too small to be in every part, so the rows were split at random."
        return Split(split.train, split.validation, split.test, "random", (remark,))
    # Test rows are dealt first; a class always keeps one row for training.
    for_test = _allot(counts[large], sizes[1], counts[large] - 1)
    for_validation = _allot(counts[large], sizes[0], counts[large] - for_test - 1)
    train = [np.flatnonzero(np.isin(codes, small))]
    validation, test = [], []
    for code, n_test, n_validation in zip(large, for_test, for_validation, strict=True):
        members = generator.permutation(np.flatnonzero(codes == code))
        test.append(members[:n_test])
        validation.append(members[n_test : n_test + n_validation])
        train.append(members[n_test + n_validation :])
    return Split(
        np.sort(np.concatenate(train)),
        np.sort(np.concatenate(validation)),
        np.sort(np.concatenate(test)),
        "stratified",
        tuple(remarks),
    )


def _allot(counts: AnyArray, size: int, room: AnyArray) -> AnyArray:
    """Divide `size` rows among classes by their counts: whole parts, then largest remainders."""
    quota = size * counts / counts.sum()
    given: AnyArray = np.minimum(np.floor(quota).astype(np.int64), room)
    order = np.argsort(np.floor(quota) - quota, kind="stable")
    while given.sum() < size and (given < room).any():
        for at in order:
            if given.sum() < size and given[at] < room[at]:
                given[at] += 1
    return given


def _grouped(codes: AnyArray, sizes: tuple[int, int], generator: np.random.Generator) -> Split:
    counts = np.bincount(codes)
    if len(counts) < 1 + sum(size > 0 for size in sizes):
        raise DataError(
            f"`groups` must have at least one group for every part; got {len(counts)}. Leave a "
            "part out, or split without groups."
        )
    waiting = generator.permutation(len(counts)).tolist()
    for_test = _take_groups(waiting, counts, sizes[1], keep=1 + (sizes[0] > 0))
    for_validation = _take_groups(waiting, counts, sizes[0], keep=1)
    validation, test = (np.flatnonzero(np.isin(codes, p)) for p in (for_validation, for_test))
    train = np.flatnonzero(np.isin(codes, waiting))
    remarks = _size_remarks((validation, test), sizes, "Groups stay whole")
    return Split(train, validation, test, "grouped", remarks)


def _take_groups(waiting: list[int], counts: AnyArray, size: int, keep: int) -> list[int]:
    """Move groups that fit into `size` rows out of `waiting`; the smallest if none fits."""
    taken: list[int] = []
    room = size
    for group in list(waiting):
        if counts[group] <= room and len(waiting) > keep:
            taken.append(group)
            waiting.remove(group)
            room -= int(counts[group])
    if size and not taken:
        smallest = min(waiting, key=lambda group: int(counts[group]))
        waiting.remove(smallest)
        taken.append(smallest)
    return taken


def _size_remarks(
    parts: Sequence[AnyArray], sizes: tuple[int, int], because: str
) -> tuple[str, ...]:
    return tuple(
        f"{because}, so {len(part)} rows {verb} instead of {size}."
        for part, size, verb in zip(parts, sizes, ("validate", "test"), strict=True)
        if abs(len(part) - size) > max(1, 0.1 * size)
    )


def time_ranks(time: Any, n_rows: int) -> AnyArray:
    """Return the places of rows in the order of time, from 0; those of the same time share one.

    Parameters
    ----------
    time : array-like of shape (rows,)
        Numbers or dates.
    n_rows : int

    Returns
    -------
    ndarray of int64 of shape (rows,)

    Raises
    ------
    ParameterError
        There is not one value a row.
    DataError
        A time is missing, or is neither a number nor a date.

    Examples
    --------
    >>> time_ranks(["2024-03-01", "2024-01-01", "2024-03-01"], 3).tolist()
    [1, 0, 1]
    """
    column = pandas().Series(time).reset_index(drop=True)
    if len(column) != n_rows:
        raise ParameterError(
            f"`time` must hold one value a row; got {len(column)} for {n_rows} rows. "
            "Pass one column."
        )
    missing = is_missing(column)
    if missing.any():
        raise DataError(
            f"`time` must be known in every row; row {int(np.flatnonzero(missing)[0]) + 1} has "
            "none. Leave such rows out."
        )
    ranks: AnyArray = np.unique(_moments(column), return_inverse=True)[1]
    return ranks


def _by_time(time: Any, n_rows: int, sizes: tuple[int, int]) -> Split:
    # Equal times have equal ranks, so that a boundary can be moved in front of them.
    ranks = time_ranks(time, n_rows)
    order = np.argsort(ranks, kind="stable")
    sorted_ranks = ranks[order]
    last = n_rows - sizes[1]
    first = last - sizes[0]
    if sizes[1]:
        last = int(np.searchsorted(sorted_ranks, sorted_ranks[last]))
    first = min(first, last)
    if sizes[0] and first < n_rows:
        first = int(np.searchsorted(sorted_ranks, sorted_ranks[first]))
    if first == 0:
        raise DataError(
            "`time` must leave earlier rows for training; too many rows have the first time, "
            f"{pandas().Series(time).iloc[int(order[0])]}. Ask for smaller parts, or split at "
            "random."
        )
    train, validation, test = np.split(order, [first, last])
    remarks = _size_remarks((validation, test), sizes, "Rows of the same time stay together")
    return Split(train, validation, test, "by time", remarks)


def _moments(column: Any) -> AnyArray:
    """Return times as numbers: numbers as they are, dates in days."""
    values, stray = as_numbers(column)
    if not stray.any():
        return values
    form = "" if column.dtype.kind == "M" else date_format(column)
    if form is None:
        row = int(np.flatnonzero(stray)[0])
        raise DataError(
            f"`time` must hold numbers or dates; row {row + 1} holds {column.iloc[row]!r}. "
            "Write dates as 2024-12-31."
        )
    days: AnyArray = raw_numbers(column, "date", form)[-1]
    return days
