"""What kind of values a column holds, inferred and explained.

==============  ===========================================================================
numeric         numbers, or text of which every value is a number
boolean         true and false, or two words that mean it
categorical     words that repeat
date            points in time
identifier      names or counters of rows: nothing that another row could share
text            so many different words that they cannot be categories
constant        one value only
missing         no value at all
==============  ===========================================================================

The last four are no features, and `Preparation` drops them with the reason given here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab._typing import AnyArray
from mlplab.data.frames import as_numbers, as_words, count_distinct, is_missing, pandas, to_frame
from mlplab.errors import DataError, ParameterError, did_you_mean
from mlplab.results.tables import Choice

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DATE_FORMATS",
    "DROPPED",
    "KINDS",
    "NEARLY_ALL",
    "TRUTH",
    "date_format",
    "grouped_digits",
    "infer_kind",
    "infer_kinds",
    "nothing_to_learn",
]

KINDS = (
    "numeric",
    "boolean",
    "categorical",
    "date",
    "identifier",
    "text",
    "constant",
    "missing",
)
DROPPED = frozenset({"identifier", "text", "constant", "missing"})
"""Kinds that make no feature."""

TRUTH = {
    "true": True,
    "false": False,
    "yes": True,
    "no": False,
    "t": True,
    "f": False,
    "y": True,
    "n": False,
}
"""Words that mean true or false, in lower case."""

MANY_WORDS = 500
"""More different words than this are text, however many rows there are."""

FEW_WORDS = 20
"""So few different words are categories, however few rows there are."""

NEARLY_NUMERIC = 0.9
"""From this share of numbers or dates on, what is none is taken for a mistake and shown."""

NEARLY_ALL = "if the column is meant to"
"""Stands in the reason where a column of words looks like numbers or dates."""

_NOTHING = "It holds no value at all."
_COUNTER_NAME = re.compile(r"(?i:unnamed: \d+|(.*[_ ])?(id|index|row|rownames?))|.*[a-z]I[dD]")
_PLAIN = re.compile(r"[-+]?\d{1,3}|[-+]?\d+[.,]\d{1,2}")
_GROUPED = re.compile(r"[-+]?[1-9]\d{0,2}(?:(?:,\d{3})+(?:\.\d+)?|(?:\.\d{3})+(?:,\d+)?)")
_DATE_LIKE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
DATE_FORMATS = ("ISO8601", "%d.%m.%Y", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y")
"""Ways in which dates are written, in the order in which they are tried."""


def infer_kinds(
    frame: Any,
    forced: Mapping[str, str] | None = None,
    columns: Iterable[str] | None = None,
) -> dict[str, Choice]:
    """Tell the kind of every column, and why.

    Parameters
    ----------
    frame : table
        Whatever `to_frame` takes. Where a frame of pandas has whole numbers as index, rows are
        named by them, counted from 0.
    forced : mapping of str to str, optional
        Kinds that are not to be inferred, by column.
    columns : iterable of str, optional
        Look at these columns only.

    Returns
    -------
    dict of str to Choice
        For every column its kind (`Choice.value`) and the reason.

    Raises
    ------
    ParameterError
        `forced` names a kind that does not exist.
    DataError
        `forced` names a column that is not there, or a column holds lists or mappings.

    Examples
    --------
    >>> kinds = infer_kinds({"size": [1.5, 2.0, 2.5], "colour": ["red", "red", "blue"]})
    >>> [choice.value for choice in kinds.values()]
    ['numeric', 'categorical']
    """
    frame = to_frame(frame, keep_rows=True)
    forced = dict(forced or {})
    for name, kind in forced.items():
        if kind not in KINDS:
            raise ParameterError(
                f"`kinds` must be one of {', '.join(KINDS)}; got {kind!r} for column {name!r}."
                + (did_you_mean(str(kind), KINDS) or " Choose one of them.")
            )
        if name not in frame.columns:
            hint = did_you_mean(name, frame.columns) or " Check the name."
            raise DataError(f"`kinds` must name columns of the table; got {name!r}.{hint}")
    chosen = {}
    for name in frame.columns if columns is None else columns:
        if name in forced:
            chosen[name] = Choice(name, forced[name], "It was asked for.")
        else:
            kind, reason = infer_kind(frame[name])
            chosen[name] = Choice(name, kind, reason)
    return chosen


def infer_kind(column: pd.Series[Any]) -> tuple[str, str]:
    """Tell the kind of one column and the reason, as a sentence.

    Raises
    ------
    DataError
        The column holds lists, mappings or complex numbers.
    """
    missing = is_missing(column)
    present = column[~missing]
    if not len(present):
        return "missing", _NOTHING
    n_distinct = count_distinct(present)
    if n_distinct == 1 and not missing.any():
        return "constant", f"Every row holds the same value, {present.iloc[0]!s:.40}."
    if n_distinct == 1:
        return "categorical", f"A value is either {present.iloc[0]!s:.40} or missing."
    return _by_type(present, n_distinct)


def nothing_to_learn(column: pd.Series[Any]) -> tuple[str, str] | None:
    """Return kind and reason of a column that has one value in all training rows, or none."""
    missing = is_missing(column)
    present = column[~missing]
    if not len(present):
        return "missing", _NOTHING
    numbers = pandas().api.types.is_numeric_dtype(present.dtype)
    varies = present.ne(present.iloc[0]).any() if numbers else count_distinct(present) > 1
    if varies or missing.any():
        return None
    return "constant", f"Every training row holds the same value, {present.iloc[0]!s:.40}."


def _by_type(present: pd.Series[Any], n_distinct: int) -> tuple[str, str]:
    types = pandas().api.types
    dtype = present.dtype
    if types.is_bool_dtype(dtype):
        return "boolean", "It holds true and false."
    if types.is_complex_dtype(dtype):
        raise DataError(
            f"A column must hold real numbers; {present.name!r} holds complex ones. Split it into "
            "real and imaginary part."
        )
    if types.is_numeric_dtype(dtype):
        return _numbers(present, n_distinct)
    if types.is_datetime64_any_dtype(dtype):
        return "date", "It holds dates."
    if types.is_timedelta64_dtype(dtype):
        return "numeric", "It holds durations, taken in seconds."
    if isinstance(dtype, pandas().CategoricalDtype):
        return "categorical", f"The table declares its {n_distinct} values to be categories."
    return _words(present)


def _numbers(present: pd.Series[Any], n_distinct: int) -> tuple[str, str]:
    values, _ = as_numbers(present)
    whole = bool(np.isfinite(values).all() and (values == np.round(values)).all())
    if whole and n_distinct == len(present) and _COUNTER_NAME.fullmatch(str(present.name).strip()):
        return "identifier", "By its name, and because no value repeats, it only numbers the rows."
    if n_distinct == 2:
        return "numeric", "It holds two different numbers."
    return "numeric", f"It holds {n_distinct} different numbers."


def _words(present: pd.Series[Any]) -> tuple[str, str]:
    words = [word or "" for word in as_words(present)]
    distinct = set(words)
    if len(distinct) == 2 and {word.lower() for word in distinct} <= set(TRUTH):
        return "boolean", f"It holds only {' and '.join(sorted(distinct))}."
    values, stray = as_numbers(present)
    if not stray.any():
        kind, reason = _numbers(pandas().Series(values, name=present.name), len(distinct))
        return kind, f"Every text in it is a number. {reason}"
    if date_format(present) is not None:
        return "date", "Every value reads as a date."
    remark = (
        _grouped_remark(words)
        or _stray_remark(present, words, stray)
        or _date_remark(present, words)
    )
    n_rows, n_distinct = len(words), len(distinct)
    if n_distinct == n_rows > FEW_WORDS:
        kind = "text" if remark or _has_sentences(distinct) else "identifier"
        return kind, f"No two of its {n_rows} values are equal.{remark}"
    if n_distinct > max(FEW_WORDS, min(MANY_WORDS, n_rows / 2)):
        return "text", (
            f"It holds {n_distinct} different words in {n_rows} rows, too many for categories."
            f"{remark}"
        )
    return "categorical", f"It holds {n_distinct} different words in {n_rows} rows.{remark}"


def _has_sentences(distinct: set[str]) -> bool:
    return sum(" " in word for word in distinct) > len(distinct) / 2


def grouped_digits(words: Iterable[str]) -> str | None:
    """Return a number with thousands apart, if words are nearly all numbers and hold one.

    Examples
    --------
    >>> grouped_digits(["950", "1,234"]), grouped_digits(["1.234,5"]), grouped_digits(["a", "b"])
    ('1,234', '1.234,5', None)

    What is a number as it stands is none with thousands apart:

    >>> grouped_digits([*["0.126", "0.381"] * 20, "unknown"])
    """
    words = list(words)
    others = [word for word in words if not (_PLAIN.fullmatch(word) or _is_number(word))]
    grouped = [word for word in others if _GROUPED.fullmatch(word)]
    known = len(words) - len(others) + len(grouped)
    return grouped[0] if grouped and known >= NEARLY_NUMERIC * len(words) else None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _grouped_remark(words: Iterable[str]) -> str:
    example = grouped_digits(words)
    if example is None:
        return ""
    return (
        f" Its values look like numbers with thousands set apart ({example!r}): write them "
        f"without {NEARLY_ALL} be numeric."
    )


def _stray_remark(present: pd.Series[Any], words: list[str], stray: Any) -> str:
    if np.mean(~stray) < NEARLY_NUMERIC:
        return ""
    first = int(np.flatnonzero(stray)[0])
    row = int(present.index[first]) + 1
    return (
        f" Most values are numbers, but row {row} holds {words[first]!r}: correct the value "
        f"{NEARLY_ALL} be numeric."
    )


def _date_remark(present: pd.Series[Any], words: list[str]) -> str:
    column = pandas().Series(words, dtype=object)
    likely = column.str.match(_DATE_LIKE).to_numpy()
    if np.mean(likely) < NEARLY_NUMERIC:
        return ""
    forms = [_is_date(column, form) for form in DATE_FORMATS]
    best = max(forms, key=np.mean)
    if np.mean(best) < NEARLY_NUMERIC:
        return ""
    first = int(np.flatnonzero(~best)[0])
    row = int(present.index[first]) + 1
    return (
        f" Most values are dates, but row {row} holds {words[first]!r}: correct the value "
        f"{NEARLY_ALL} hold dates."
    )


def date_format(present: pd.Series[Any]) -> str | None:
    """Return the format in which every value of a text column is a date, or None."""
    words = pandas().Series([word or "" for word in as_words(present)], dtype=object)
    if not words.str.match(_DATE_LIKE).all():
        return None
    for form in DATE_FORMATS:
        if _is_date(words, form).all():
            return form
    return None


def _is_date(words: pd.Series[Any], form: str) -> AnyArray:
    # Dates with different offsets from UTC are all dates; they are compared in UTC.
    dates = pandas().to_datetime(words, format=form, errors="coerce", utc=True)
    found: AnyArray = dates.notna().to_numpy()
    return found
