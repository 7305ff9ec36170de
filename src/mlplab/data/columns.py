"""How one column becomes features: learned once, kept as plain values, applied anywhere.

What scikit-learn's imputer, scalers and one-hot encoder learn is copied into a `ColumnPlan`, so
that a plan can be written as JSON and arrays and gives the same bits in another process.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab._typing import AnyArray
from mlplab.data.frames import (
    ROW,
    RowError,
    as_numbers,
    as_words,
    first_infinite,
    is_missing,
    pandas,
)
from mlplab.data.kinds import DATE_FORMATS, TRUTH
from mlplab.results.stored import built

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DATE_PARTS",
    "ColumnPlan",
    "UnknownWords",
    "apply_plan",
    "plan_from_header",
    "raw_numbers",
]

_CHUNK = 4096  # rows whose intermediate values stay in the cache
DATE_PARTS = ("year", "month", "day_of_week", "second_of_day", "days")
"""Numbers made of a date; `days` counts from 1970-01-01, in UTC."""


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """What was learned about one column.

    Attributes
    ----------
    name, kind : str
        The column and its kind: numeric, boolean, date or categorical.
    parts : tuple of str
        Parts of a date; ``("",)`` for numbers and truth values; empty for categories.
    fill, center, scale : tuple of float
        For each part what replaces a missing value, and the scaling (value - center) / scale.
    indicator : bool
        Whether a further feature tells where the value was missing.
    form : str
        Format of dates given as text.
    categories : tuple of str
        Categories with a feature of their own.
    missing_category, rare : bool
        Whether missing values, and all rare categories together, have a feature.
    known_rare : tuple of str
        The categories that were merged; they are no news at prediction.
    known_missing : bool
        Whether values of a column of categories were missing in training.
    """

    name: str
    kind: str
    parts: tuple[str, ...] = ()
    fill: tuple[float, ...] = ()
    center: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    indicator: bool = False
    form: str = ""
    categories: tuple[str, ...] = ()
    missing_category: bool = False
    rare: bool = False
    known_rare: tuple[str, ...] = ()
    known_missing: bool = False

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        made = [f"{self.name}_{part}" if part else self.name for part in self.parts]
        made += [f"{self.name} (missing)"] if self.indicator else []
        made += [f"{self.name}_{category}" for category in self.categories]
        made += [f"{self.name} (missing)"] if self.missing_category else []
        made += [f"{self.name} (rare)"] if self.rare else []
        return tuple(made)

    def to_header(self) -> dict[str, Any]:
        """Return all but the numbers, ready for JSON."""
        header = dataclasses.asdict(self)
        for field in ("fill", "center", "scale"):
            del header[field]
        return {name: list(v) if isinstance(v, tuple) else v for name, v in header.items()}


def plan_from_header(header: Mapping[str, Any], numbers: AnyArray) -> ColumnPlan:
    """Build a plan from `to_header` and its numbers, shape (3, parts): fill, center, scale.

    Raises
    ------
    TypeError, ValueError
        A field is of another type, or the fields do not agree.
    """
    fill, center, scale = (row.tolist() for row in numbers)
    values = {**header, "fill": fill, "center": center, "scale": scale}
    plan: ColumnPlan = built(ColumnPlan, values)
    if not (np.isfinite(numbers).all() and all(scale)):
        raise ValueError(f"column {plan.name!r} has numbers that nothing can be scaled by")
    if len(fill) != len(plan.parts):
        raise ValueError(f"column {plan.name!r} has {len(fill)} numbers for {len(plan.parts)}")
    own = {"numeric": ("",), "boolean": ("",), "categorical": (), "date": plan.parts}
    if plan.kind not in own or plan.parts != own[plan.kind]:
        raise ValueError(f"column {plan.name!r} of kind {plan.kind!r} has parts {plan.parts}")
    if plan.kind == "date" and not (plan.parts and set(plan.parts) <= set(DATE_PARTS)):
        raise ValueError(f"dates have no parts {plan.parts}")
    if plan.form not in {"", *DATE_FORMATS}:
        raise ValueError(f"dates have no form {plan.form!r}")
    if not plan.feature_names:
        raise ValueError(f"column {plan.name!r} makes no feature")
    return plan


def raw_numbers(column: pd.Series[Any], kind: str, form: str) -> AnyArray:
    """Return the numbers of a column before scaling, shape (parts, rows), NaN where missing.

    Raises
    ------
    DataError
        A value is no number, no date or infinite; the message names column, row and value.
    """
    if kind == "numeric":
        values, stray = as_numbers(column)
        _refuse_stray(column, stray, "a number")
        row = first_infinite(values)
        if row is not None:
            raise RowError(
                f"A column must hold finite numbers; {column.name!r} holds {values[row]} in "
                f"{ROW}. Replace it, or leave the value empty.",
                row,
            )
        return values[np.newaxis]
    if kind == "boolean":
        values, stray = _truth(column)
        _refuse_stray(column, stray, "true or false")
        return values[np.newaxis]
    return _date_parts(column, form)


def _refuse_stray(column: pd.Series[Any], stray: AnyArray, wanted: str) -> None:
    if stray.any():
        row = int(np.flatnonzero(stray)[0])
        more = f" (and {stray.sum() - 1} more)" if stray.sum() > 1 else ""
        raise RowError(
            f"Column {column.name!r} must hold {wanted} in every row; {ROW} holds "
            f"{column.iloc[row]!r}{more}. Correct or empty the value, or give the column "
            "another kind, 'categorical' for example.",
            row,
        )


def _truth(column: pd.Series[Any]) -> tuple[AnyArray, AnyArray]:
    """Return 1 for true, 0 for false and NaN for anything else; and where that is a word."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "b":
        return column.to_numpy(dtype=np.float64), np.zeros(len(column), dtype=bool)
    values = np.full(len(column), np.nan)
    stray = np.zeros(len(column), dtype=bool)
    for row, word in enumerate(as_words(column)):
        if word is None:
            continue
        truth = {"1": True, "0": False}.get(word, TRUTH.get(word.lower()))
        stray[row] = truth is None
        values[row] = np.nan if truth is None else float(truth)
    return values, stray


def _date_parts(column: pd.Series[Any], form: str) -> AnyArray:
    pd = pandas()
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        dates = pd.to_datetime(column, utc=True)
    else:
        words = pd.Series(as_words(column), dtype=object)
        dates = pd.to_datetime(words, format=form or "ISO8601", errors="coerce", utc=True)
    _refuse_stray(column, is_missing(dates) & ~is_missing(column), "a date")
    second = dates.dt.hour * 3600.0 + dates.dt.minute * 60.0 + dates.dt.second
    days = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
    parts = (dates.dt.year, dates.dt.month, dates.dt.day_of_week, second, days)
    return np.stack([part.to_numpy(dtype=np.float64, na_value=np.nan) for part in parts])


def apply_plan(plan: ColumnPlan, column: pd.Series[Any], out: AnyArray) -> None:
    """Write the features of a column into `out`, shape (rows, features of the plan)."""
    if plan.kind == "categorical":
        _write_categories(plan, as_words(column), out)
        return
    if plan.kind == "boolean":
        values, stray = _truth(column)
        raw = values[np.newaxis]
        if stray.any():
            _warn_unknown(plan, Counter(as_words(column[stray])), stacklevel=6)
    else:
        raw = raw_numbers(column, plan.kind, plan.form)
    if plan.kind == "date":
        raw = raw[[DATE_PARTS.index(part) for part in plan.parts]]
    missing = np.isnan(raw[0])
    has_gaps = bool(missing.any())
    for start in range(0, len(out), _CHUNK):
        rows = slice(start, start + _CHUNK)
        for index, values in enumerate(raw):
            filled = values[rows]
            if has_gaps:
                filled = np.where(missing[rows], plan.fill[index], filled)
            out[rows, index] = (filled - plan.center[index]) / plan.scale[index]
    if plan.indicator:
        out[:, len(plan.parts)] = missing


def _write_categories(plan: ColumnPlan, words: list[str | None], out: AnyArray) -> None:
    known: dict[str | None, int] = {word: at for at, word in enumerate(plan.categories)}
    # A word without a feature of its own falls into "rare"; without that, all stay zero.
    other = len(plan.feature_names) - 1 if plan.rare else -1
    known |= dict.fromkeys(plan.known_rare, other)
    if plan.missing_category:
        known[None] = len(plan.categories)
    elif plan.known_missing:
        known[None] = other
    codes = np.array([known.get(word, other) for word in words], dtype=np.int64)
    out[:] = 0.0
    rows = np.flatnonzero(codes >= 0)
    out[rows, codes[rows]] = 1.0
    unknown = Counter(word for word in words if word not in known)
    if unknown:
        _warn_unknown(plan, unknown)


class UnknownWords(UserWarning):
    """A column holds words that training never saw.

    Parameters
    ----------
    column : str
    unknown : Counter
        How often each occurs; None for a missing value.
    fate : str
        What becomes of them.
    """

    def __init__(self, column: str, unknown: Counter[str | None], fate: str) -> None:
        self.column, self.unknown, self.fate = column, unknown, fate
        common = unknown.most_common(3)
        shown = ["missing values" if word is None else repr(word) for word, _ in common]
        more = ", …" if len(unknown) > 3 else ""
        n = unknown.total()
        super().__init__(
            f"Column {column!r} holds {n} value{'s' * (n != 1)} that training never saw "
            f"({', '.join(shown)}{more}); {'it is' if n == 1 else 'they are'} {fate}."
        )

    def with_more(self, other: UnknownWords) -> UnknownWords:
        """Return what two parts of a column hold together."""
        return UnknownWords(self.column, self.unknown + other.unknown, self.fate)


def _warn_unknown(plan: ColumnPlan, unknown: Counter[str | None], *, stacklevel: int = 7) -> None:
    fate = "counted as rare" if plan.rare else "given no category"
    fate = "taken for missing" if plan.kind == "boolean" else fate
    # The caller of `transform`, past the wrapper of scikit-learn's set_output.
    warnings.warn(UnknownWords(plan.name, unknown, fate), stacklevel=stacklevel)
