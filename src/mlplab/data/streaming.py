"""Learning a preparation from more rows than memory holds: a sample first, then all rows once.

The sample decides what has no streaming form: kinds of columns, formats of dates, medians, most
frequent numbers and the quantiles of robust scaling. Missing values are counted, means, deviations
and extremes measured, and categories counted, in one pass over every row. Where the sample holds
all rows this gives what `Preparation.fit` gives, but for the rounding of sums.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab._typing import AnyArray
from mlplab.data.blocks import Block
from mlplab.data.columns import DATE_PARTS, ColumnPlan, raw_numbers
from mlplab.data.frames import as_words
from mlplab.data.learning import Recipe, category_plan, refuse_huge, with_indicator
from mlplab.data.preparation import Preparation
from mlplab.errors import DataError
from mlplab.results.tables import Choice

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Moments", "learn_in_blocks", "rare_words"]

_CHUNK = 8192  # rows whose intermediate values stay in the cache
MOST_WORDS = 100_000
"""A column with more different words than this has no categories that could be counted."""


class Moments:
    """Number, mean, deviation and extremes of numbers that come in parts.

    Parameters
    ----------
    n_columns : int

    Attributes
    ----------
    count : ndarray of shape (columns,), int64
    mean, squares, low, high : ndarray of shape (columns,), float64
        `squares` sums the squared distances from the mean.

    References
    ----------
    Chan, Golub and LeVeque (1983): Algorithms for computing the sample variance.
    https://doi.org/10.1080/00031305.1983.10483115
    """

    def __init__(self, n_columns: int) -> None:
        self.count = np.zeros(n_columns, dtype=np.int64)
        self.mean, self.squares = np.zeros(n_columns), np.zeros(n_columns)
        self.low, self.high = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)

    def add(self, at: int, values: AnyArray) -> None:
        """Take up finite numbers of one column, shape (n,)."""
        if not len(values):
            return
        with np.errstate(over="ignore", invalid="ignore"):  # who asks for finite ones looks
            mean = float(values.mean())
            # Not by a product of vectors, for which linear algebra would wake its threads.
            parts = np.array_split(values, -(-len(values) // _CHUNK))
            squares = sum(float(np.square(part - mean).sum()) for part in parts)
            self.merge(at, len(values), mean, squares)
        self.low[at] = min(self.low[at], values.min())
        self.high[at] = max(self.high[at], values.max())

    def merge(self, at: int, count: int, mean: float, squares: float) -> None:
        """Take up numbers of which these are known."""
        total = self.count[at] + count
        if not count:
            return
        apart = mean - self.mean[at]
        self.squares[at] += squares + apart * apart * self.count[at] * count / total
        self.mean[at] += apart * count / total
        self.count[at] = total

    @property
    def scale(self) -> AnyArray:
        """Standard deviations; 1 for a column that is constant, as scikit-learn's scaler has it."""
        count = np.maximum(self.count, 1)
        variance = self.squares / count
        tiny = np.finfo(np.float64).eps
        noise = count * tiny * variance + (count * self.mean * tiny) ** 2
        return np.where(variance <= noise, 1.0, np.sqrt(variance))


class _Numbers:
    """What is learned about a column of numbers, truth values or dates."""

    def __init__(self, plan: ColumnPlan) -> None:
        self._plan, self._moments = plan, Moments(len(plan.parts))
        self._n_rows = 0

    def add(self, column: pd.Series[Any]) -> None:
        """Take up a block; what is no number is an error that names the row."""
        raw = raw_numbers(column, self._plan.kind, self._plan.form)
        if self._plan.kind == "date":
            raw = raw[[DATE_PARTS.index(part) for part in self._plan.parts]]
        missing = np.isnan(raw[0])
        has_gaps = missing.any()
        for at, values in enumerate(raw):
            self._moments.add(at, values[~missing] if has_gaps else values)
        self._n_rows += len(missing)

    def learned(self, recipe: Recipe) -> tuple[ColumnPlan, list[Choice]]:
        """Return the plan with what all rows say."""
        plan, moments = self._plan, self._moments
        n_missing = self._n_rows - int(moments.count[0])
        fill = np.array(plan.fill)
        if plan.kind == "boolean":
            fill = np.where(moments.mean > 0.5, 1.0, 0.0)  # a tie is false, as for scikit-learn
        elif recipe.numeric_imputation == "mean":
            fill = moments.mean.copy()
        for at, value in enumerate(fill):
            moments.merge(at, n_missing, float(value), 0.0)
        center, scale = self._scaling("none" if plan.kind == "boolean" else recipe.scaling)
        largest = float(max(abs(moments.low.min()), abs(moments.high.max())))
        refuse_huge(plan.name, largest, center, scale)
        plan = dataclasses.replace(
            plan, fill=tuple(fill.tolist()), center=tuple(center.tolist()),
            scale=tuple(scale.tolist()),
        )  # fmt: skip
        return with_indicator(plan, n_missing, self._n_rows, recipe)

    def _scaling(self, scaling: str) -> tuple[AnyArray, AnyArray]:
        moments = self._moments
        if scaling == "standard":
            return moments.mean, moments.scale
        if scaling == "minmax":
            reach = moments.high - moments.low
            return moments.low, np.where(reach < 10 * np.finfo(np.float64).eps, 1.0, reach)
        return np.array(self._plan.center), np.array(self._plan.scale)


class _Words:
    """How often each word of a column occurs."""

    def __init__(self, plan: ColumnPlan) -> None:
        self._name = plan.name
        self._counts: Counter[str | None] = Counter()

    def add(self, column: pd.Series[Any]) -> None:
        """Take up a block."""
        self._counts.update(as_words(column))
        if len(self._counts) > MOST_WORDS:
            raise DataError(
                f"A column of categories must repeat its words; {self._name!r} holds more than "
                f"{MOST_WORDS:,} different ones. Leave it out with `drop`, or give it the kind "
                "'text'."
            )

    def learned(self, recipe: Recipe) -> tuple[ColumnPlan | None, list[Choice]]:
        """Return the plan by the counts of all rows."""
        seen: list[str | None] = [*sorted(word for word in self._counts if word is not None)]
        seen += [None] if None in self._counts else []
        rare = rare_words([self._counts[word] for word in seen], recipe)
        return category_plan(self._name, seen, [seen[at] for at in rare], recipe)


def rare_words(counts: list[int], recipe: Recipe) -> list[int]:
    """Return which categories are merged, as scikit-learn's `OneHotEncoder` chooses them.

    Parameters
    ----------
    counts : list of int
        How often each category occurs, in their order.
    recipe : Recipe
    """
    occurs = np.array(counts)
    share = isinstance(recipe.rare, float)
    least = recipe.rare * occurs.sum() if share else max(int(recipe.rare), 1)
    rare = occurs < least
    most = recipe.max_categories
    if most is not None and most < len(occurs) - rare.sum() + 1:
        # One feature is that of all rare ones together.
        by_count = np.argsort(occurs, kind="stable")
        rare[by_count[: len(occurs) - (most - 1)]] = True
    return np.flatnonzero(rare).tolist()


def learn_in_blocks(preparation: Preparation, blocks: Iterable[Block]) -> Preparation:
    """Return a preparation that has seen all rows, from one that was fitted on a sample.

    Parameters
    ----------
    preparation : Preparation
        Fitted on the sample.
    blocks : iterable of Block
        All rows that are to be learned from, the sample's too.

    Raises
    ------
    DataError
        A value is not of the kind that the sample showed, with its row; or a column of categories
        never repeats.
    """
    learned: dict[str, _Numbers | _Words] = {
        plan.name: _Words(plan) if plan.kind == "categorical" else _Numbers(plan)
        for plan in preparation.plans_
    }
    for block in blocks:
        with block.telling():
            for name, column in learned.items():
                column.add(block.frame[name])
    recipe, columns = preparation.recipe(), preparation.feature_names_in_.tolist()
    plans: list[ColumnPlan] = []
    choices: list[Choice] = []
    for choice in preparation.choices_:
        if choice.subject not in columns:
            continue  # said again, from all rows
        choices.append(choice)
        if choice.subject in learned and choice.value != "dropped":
            plan, more = learned[choice.subject].learned(recipe)
            choices += more
            plans += [] if plan is None else [plan]
    return preparation.with_plans(plans, choices)
