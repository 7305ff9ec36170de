"""Tables as pandas frames, and their columns as plain arrays."""

from __future__ import annotations

import contextlib
import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab._optional import require
from mlplab._typing import AnyArray
from mlplab.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ROW",
    "RowError",
    "as_numbers",
    "as_words",
    "check_names",
    "check_rows",
    "count_distinct",
    "first_infinite",
    "is_boolean",
    "is_missing",
    "pandas",
    "telling_rows",
    "to_frame",
]

ROW = "row \0"
"""Stands in the message of a `RowError` for the row; no text that comes from data holds it."""


class RowError(DataError):
    """A value in one row is wrong; whoever passed a part of a table can name the row anew.

    Parameters
    ----------
    message : str
        With `ROW` where the row is told.
    row : int
        From 0; told from 1.
    """

    def __init__(self, message: str, row: int = 0) -> None:
        super().__init__(message.replace(ROW, f"row {row + 1}"))
        self.message, self.row = message, row


@contextlib.contextmanager
def telling_rows(part: pd.DataFrame) -> Iterator[None]:
    """Let errors about a row of a part tell the row of the table, which the part's index holds."""
    try:
        yield
    except RowError as error:
        raise RowError(error.message, int(part.index[error.row])) from error


def pandas() -> Any:
    """Return the module pandas, or say which extra to install."""
    return require("pandas", "lab", "Working with tables")


def to_frame(table: Any, *, keep_rows: bool = False) -> pd.DataFrame:
    """Return any table as a pandas frame with names of type str and rows counted from 0.

    Parameters
    ----------
    table : table
        A frame of pandas or polars, a table of pyarrow (anything eager that narwhals knows), a
        mapping of names to arrays, or an ndarray of shape (rows, columns), whose columns are
        called x0, x1, ….
    keep_rows : bool
        Keep the index of a frame of pandas, if it holds whole numbers.

    Raises
    ------
    DataError
        It is none of these, its columns differ in length, or two have the same name.

    Examples
    --------
    >>> to_frame({"a": [1, 2]}).columns.tolist()
    ['a']
    """
    pd = pandas()
    if isinstance(table, pd.DataFrame):
        frame = table
    elif isinstance(table, np.ndarray):
        frame = _from_array(table)
    elif isinstance(table, Mapping):
        try:
            frame = pd.DataFrame(dict(table))
        except ValueError as error:
            raise DataError(
                f"The columns of a table must be equally long; got {_lengths(table)}. "
                "Pass one array a column, all of the same length."
            ) from error
    else:
        frame = _from_foreign(table)
    # A shallow copy: renaming must not reach the caller's table.
    kept = keep_rows and pd.api.types.is_integer_dtype(frame.index.dtype)
    frame = frame.copy(deep=False) if kept else frame.reset_index(drop=True)
    frame.columns = [str(name) for name in frame.columns]
    check_names(list(frame.columns))
    return frame  # type: ignore[no-any-return]  # pandas is imported late, as Any


def _from_array(array: AnyArray) -> Any:
    if array.ndim != 2:
        raise DataError(
            f"A table must have two axes, rows and columns; got an array of shape {array.shape}. "
            "Use array.reshape(-1, 1) for a single column."
        )
    return pandas().DataFrame(array, columns=[f"x{index}" for index in range(array.shape[1])])


def _lengths(table: Mapping[Any, Any]) -> str:
    return ", ".join(
        f"{name!r}: {len(column) if hasattr(column, '__len__') else 'a single value'}"
        for name, column in table.items()
    )


def _from_foreign(table: Any) -> Any:
    nw = require("narwhals", "lab", "Reading tables of other libraries")
    try:
        known = nw.from_native(table)
    except TypeError as error:
        raise DataError(
            "A table must be a frame of pandas or polars, a table of pyarrow, a mapping of names "
            f"to arrays, or a two-dimensional array; got {type(table).__name__}. Convert it first."
        ) from error
    if isinstance(known, nw.LazyFrame):
        known = known.collect()
    return known.to_pandas()


def check_names(names: list[str]) -> None:
    """Raise `DataError` if two columns have the same name."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            f"Every column must have a name of its own; got {twice[0]!r} "
            f"{names.count(twice[0])} times. Rename the columns."
        )


def check_rows(frame: pd.DataFrame, minimum: int = 2, purpose: str = "Training") -> None:
    """Raise `DataError` if a table has too few rows.

    Examples
    --------
    >>> check_rows(to_frame({"a": [1]}))
    Traceback (most recent call last):
    mlplab.errors.DataError: Training needs at least 2 rows; got 1. Add rows to the table.
    """
    if len(frame) < minimum:
        raise DataError(
            f"{purpose} needs at least {minimum} row{'s' * (minimum != 1)}; got {len(frame)}. "
            "Add rows to the table."
        )


def is_missing(column: pd.Series[Any]) -> AnyArray:
    """Return where a column holds no value, as bool array of shape (rows,)."""
    return np.asarray(column.isna(), dtype=bool)


def is_boolean(column: pd.Series[Any]) -> bool:
    """Return whether every present value is true or false, whatever the dtype.

    A column of truth values that misses some has the dtype object (from CSV), boolean, or that of
    pyarrow.
    """
    if pandas().api.types.is_bool_dtype(column.dtype):
        return True
    present = column[~is_missing(column)]
    return bool(len(present)) and all(isinstance(value, bool | np.bool_) for value in present)


def as_numbers(column: pd.Series[Any]) -> tuple[AnyArray, AnyArray]:
    """Return a column as float64, and where it holds something that is no number.

    Returns
    -------
    values : ndarray of shape (rows,)
        NaN where a value is missing or no number. Durations become seconds.
    stray : ndarray of shape (rows,)
        True where a value is present but is no number.
    """
    pd = pandas()
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf":
        # What pandas would do, without looking for words among numbers.
        return column.to_numpy(dtype=np.float64), np.zeros(len(column), dtype=bool)
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        column = column.dt.total_seconds()
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or column.dtype.kind == "c":
        return np.full(len(column), np.nan), ~is_missing(column)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if isinstance(column.dtype, (pd.PeriodDtype, pd.IntervalDtype)):
        return np.full(len(column), np.nan), ~is_missing(column)
    try:
        numbers = pd.to_numeric(column, errors="coerce")
        values = np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan))
    except OverflowError:
        return as_numbers(column.map(_within_floats))
    return values, np.isnan(values) & ~is_missing(column)


def _within_floats(value: Any) -> Any:
    """Return infinity, which has its sentence, for a whole number that is beyond any float."""
    too_large = isinstance(value, int) and abs(value) > sys.float_info.max
    return value if not too_large else math.inf if value > 0 else -math.inf


def first_infinite(values: AnyArray) -> int | None:
    """Return the first row that holds an infinity, or None."""
    infinite = np.flatnonzero(np.isinf(values))
    return int(infinite[0]) if infinite.size else None


def as_words(column: pd.Series[Any]) -> list[str | None]:
    """Return every value of a column as text, None where it is missing.

    Whole numbers lose their ``.0``, because pandas turns integers into floats as soon as one
    value is missing.
    """
    if isinstance(column.dtype, pandas().StringDtype):
        codes, words_of = column.factorize()
        found = np.array([*map(_word, words_of), None], dtype=object)
        repeated: list[str | None] = found[codes].tolist()
        return repeated
    missing = is_missing(column)
    values = column.astype(object).to_numpy()
    # A column repeats its values; each is turned into text once.
    known: dict[Any, str] = {}
    words: list[str | None] = []
    for value, absent in zip(values, missing, strict=True):
        if absent:
            words.append(None)
            continue
        key = (type(value), value)
        try:
            if key not in known:
                known[key] = _word(value)
        except TypeError as cause:
            raise _not_single(column) from cause
        words.append(known[key])
    return words


def count_distinct(column: pd.Series[Any]) -> int:
    """Return how many different values a column holds.

    Raises
    ------
    DataError
        It holds lists or mappings.
    """
    try:
        return int(column.nunique())
    except TypeError as cause:
        raise _not_single(column) from cause


def _not_single(column: pd.Series[Any]) -> DataError:
    """Return the sentence about values that have no hash."""
    found = next((v for v in column if isinstance(v, (list, dict, set, np.ndarray))), column)
    return DataError(
        f"A column must hold single values; {column.name!r} holds {type(found).__name__}s. "
        "Spread them over several columns."
    )


def _word(value: Any) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()
