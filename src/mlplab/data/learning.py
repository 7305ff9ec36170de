"""Learning the plan of one column, with the imputer, scalers and encoder of scikit-learn."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

from mlplab._typing import AnyArray
from mlplab.data.columns import DATE_PARTS, ColumnPlan, raw_numbers
from mlplab.data.frames import as_words, pandas
from mlplab.data.kinds import date_format
from mlplab.errors import DataError
from mlplab.results.tables import Choice

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Recipe", "category_plan", "learn_column", "refuse_huge", "with_indicator"]

INDICATOR_SHARE = 0.05
"""From this share of missing values on, ``indicator="auto"`` adds a feature for them."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parameters of `Preparation`, checked."""

    numeric_imputation: str
    indicator: bool | str
    scaling: str
    rare: float
    max_categories: int | None


def learn_column(
    column: pd.Series[Any], kind: str, recipe: Recipe, *, like: pd.Series[Any]
) -> tuple[ColumnPlan | None, list[Choice]]:
    """Learn how a column becomes features.

    Parameters
    ----------
    column : pandas.Series
    kind : str
    recipe : Recipe
    like : pandas.Series
        The same column in more rows, which tell how dates are written.

    Returns
    -------
    plan : ColumnPlan or None
        None if no feature can be made of it.
    choices : list of Choice
        What was chosen beyond the kind.
    """
    if kind == "categorical":
        return _learn_categories(column, recipe)
    name = str(column.name)
    form = ""
    if kind == "date" and not pandas().api.types.is_datetime64_any_dtype(column.dtype):
        form = date_format(like.dropna()) or "ISO8601"
    raw = raw_numbers(column, kind, form)
    missing = np.isnan(raw[0])
    if missing.all():
        return None, [Choice(name, "dropped", "It holds no value at all.")]
    parts: tuple[str, ...] = ("",)
    if kind == "date":
        raw, parts = _varying_parts(raw)
    strategy = "most_frequent" if kind == "boolean" else recipe.numeric_imputation
    fill = SimpleImputer(strategy=strategy).fit(raw.T).statistics_
    filled = np.where(np.isnan(raw), fill[:, np.newaxis], raw)
    center, scale = _scaling(filled, "none" if kind == "boolean" else recipe.scaling)
    refuse_huge(name, float(np.abs(filled).max()), center, scale)
    plan = ColumnPlan(
        name=name,
        kind=kind,
        parts=parts,
        fill=tuple(fill.tolist()),
        center=tuple(center.tolist()),
        scale=tuple(scale.tolist()),
        form=form,
    )
    return with_indicator(plan, int(missing.sum()), len(column), recipe)


def with_indicator(
    plan: ColumnPlan, n_missing: int, n_rows: int, recipe: Recipe
) -> tuple[ColumnPlan, list[Choice]]:
    """Return a plan of numbers with an indicator where it is wanted, and what was chosen."""
    if not n_missing:
        return dataclasses.replace(plan, indicator=False), []
    strategy = "most_frequent" if plan.kind == "boolean" else recipe.numeric_imputation
    filled = _imputation(plan.name, strategy, n_missing, plan.fill, plan.parts)
    wanted, choices = _indicator(plan.name, n_missing / n_rows, recipe)
    return dataclasses.replace(plan, indicator=wanted), [filled, *choices]


def _varying_parts(raw: AnyArray) -> tuple[AnyArray, tuple[str, ...]]:
    """Return the parts of a date that tell rows apart, at least the days."""
    varies = np.nanmax(raw, axis=1) > np.nanmin(raw, axis=1)
    varies[-1] = True
    return raw[varies], tuple(part for part, kept in zip(DATE_PARTS, varies, strict=True) if kept)


def _imputation(
    name: str, strategy: str, count: int, fill: Sequence[float], parts: Sequence[str]
) -> Choice:
    what = strategy.replace("_", " ")
    value = f"{what} {fill[0]:.4g}" if tuple(parts) == ("",) else f"{what} of each part"
    return Choice(
        f"missing values of {name}", value, f"{count} values are missing and were filled with it."
    )


def _indicator(name: str, share: float, recipe: Recipe) -> tuple[bool, list[Choice]]:
    if recipe.indicator != "auto":
        return bool(recipe.indicator), []
    wanted = share >= INDICATOR_SHARE
    reason = (
        f"{share:.1%} of the values are missing; from {INDICATOR_SHARE:.0%} on, where they are "
        "missing may tell something."
    )
    return wanted, [Choice(f"indicator of {name}", "yes" if wanted else "no", reason)]


def _scaling(values: AnyArray, scaling: str) -> tuple[AnyArray, AnyArray]:
    """Return center and scale of each row of `values`, shape (parts, rows)."""
    with np.errstate(all="ignore"):  # what is not finite is refused with its name
        return _learned_scaling(values, scaling)


def _learned_scaling(values: AnyArray, scaling: str) -> tuple[AnyArray, AnyArray]:
    n_parts = len(values)
    if scaling == "pixels":
        return np.zeros(n_parts), np.full(n_parts, 255.0)
    if scaling == "standard":
        standard = StandardScaler().fit(values.T)
        return standard.mean_, standard.scale_
    if scaling == "robust":
        robust = RobustScaler().fit(values.T)
        return robust.center_, robust.scale_
    if scaling == "minmax":
        minmax = MinMaxScaler().fit(values.T)
        return minmax.data_min_, 1.0 / minmax.scale_
    return np.zeros(n_parts), np.ones(n_parts)


def refuse_huge(name: str, largest: float, center: AnyArray, scale: AnyArray) -> None:
    """Raise `DataError` if a column cannot be scaled in finite numbers."""
    if not (np.isfinite(center).all() and np.isfinite(scale).all()):
        raise DataError(
            f"A column must hold numbers that can be scaled; {name!r} reaches "
            f"{largest:.1e}, whose square is no finite number. Divide the column by a "
            "large number, take its logarithm, or leave it out."
        )


def _learn_categories(
    column: pd.Series[Any], recipe: Recipe
) -> tuple[ColumnPlan | None, list[Choice]]:
    words = np.array(as_words(column), dtype=object)[:, np.newaxis]
    share = isinstance(recipe.rare, float)
    encoder = OneHotEncoder(
        min_frequency=recipe.rare if share else max(int(recipe.rare), 1),
        max_categories=recipe.max_categories,
        handle_unknown="infrequent_if_exist",
    ).fit(words)
    merged = encoder.infrequent_categories_[0]
    rare = [] if merged is None else merged.tolist()
    return category_plan(str(column.name), encoder.categories_[0].tolist(), rare, recipe)


def category_plan(
    name: str, seen: Sequence[str | None], rare: Sequence[str | None], recipe: Recipe
) -> tuple[ColumnPlan | None, list[Choice]]:
    """Return the plan of a column of words, and what was chosen.

    Parameters
    ----------
    name : str
    seen : sequence of str or None
        Every word that occurs, sorted; None, for a missing value, is the last one.
    rare : sequence of str or None
        Those that are merged.
    recipe : Recipe
    """
    kept = [word for word in seen if word not in rare]
    if not kept:
        reason = f"Each of its {len(seen)} categories is rare, so nothing is left to tell apart."
        return None, [Choice(name, "dropped", reason)]
    choices = [_merged(name, seen, rare, recipe)] if rare else []
    plan = ColumnPlan(
        name=name,
        kind="categorical",
        categories=tuple(word for word in kept if word is not None),
        missing_category=None in kept,
        rare=bool(rare),
        known_rare=tuple(word for word in rare if word is not None),
        known_missing=None in seen,
    )
    return plan, choices


def _merged(
    name: str, seen: Sequence[str | None], rare: Sequence[str | None], recipe: Recipe
) -> Choice:
    shown = ", ".join(str(word) for word in rare[:3]) + (", …" if len(rare) > 3 else "")
    share = isinstance(recipe.rare, float)
    limit = f"in less than {recipe.rare:.1%} of the rows" if share else f"rarer than {recipe.rare}"
    if recipe.max_categories is not None and len(seen) > recipe.max_categories:
        limit += f" or beyond the {recipe.max_categories} most frequent"
    reason = f"Categories that are {limit}: {len(rare)} ({shown})."
    return Choice(f"rare categories of {name}", "merged", reason)
