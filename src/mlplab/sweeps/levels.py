"""Trials as a table of levels: for each parameter which of its values, counted from 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlplab._typing import AnyArray
from mlplab.results import NOT_SET, Interval, Trial
from mlplab.sweeps.checks import is_number
from mlplab.sweeps.identity import identity

__all__ = ["Levels", "levels_of"]

_MISSING = identity({"v": NOT_SET})


@dataclass(frozen=True, slots=True)
class Levels:
    """The values of one parameter that occurred.

    Attributes
    ----------
    parameter : str
    values : tuple
        Numbers in order, others in the order in which they occurred, `NOT_SET` last.
    codes : ndarray of int of shape (trials,)
        The place of each trial's value among them.
    conditional : bool
        Whether some trials have no value, so that the last one is `NOT_SET`.
    """

    parameter: str
    values: tuple[Any, ...]
    codes: AnyArray
    conditional: bool

    @property
    def numeric(self) -> bool:
        """Whether all values are numbers, apart from the last if that is none."""
        given = self.values[:-1] if self.conditional else self.values
        return all(is_number(value) or isinstance(value, Interval) for value in given)

    def binned(self, most: int) -> Levels:
        """Join numbers into at most so many intervals with about as many trials each."""
        numbers = [value for value in self.values if is_number(value)]
        others = [value for value in self.values if not is_number(value)]
        if len(self.values) <= most or len(numbers) < most:
            return self
        counts = np.bincount(self.codes, minlength=len(self.values))[: len(numbers)]
        before = np.cumsum(counts) - counts
        bins = np.unique(before * most // counts.sum(), return_inverse=True)[1]
        joined = [
            Interval(min(inside), max(inside))
            for place in range(bins.max() + 1)
            if (inside := [value for value, one in zip(numbers, bins, strict=True) if one == place])
        ]
        new_codes = np.concatenate([bins, bins.max() + 1 + np.arange(len(others))])
        values = (*joined, *others)
        return Levels(self.parameter, values, new_codes[self.codes], self.conditional)


def levels_of(trials: Sequence[Trial]) -> tuple[Levels, ...]:
    """Return the levels of each parameter that takes more than one value in these trials."""
    names = dict.fromkeys(name for trial in trials for name in trial.configuration)
    found = (_levels(name, trials) for name in names)
    return tuple(levels for levels in found if len(levels.values) > 1)


def _levels(name: str, trials: Sequence[Trial]) -> Levels:
    given = [trial.configuration.get(name, NOT_SET) for trial in trials]
    keys = [identity({"v": value}) for value in given]
    values = dict(zip(keys, given, strict=True))
    first = {key: place for place, key in enumerate(values)}
    ordered = sorted(
        values,
        key=lambda key: (
            key == _MISSING,
            not is_number(values[key]),
            values[key] if is_number(values[key]) else first[key],
        ),
    )
    places = {key: place for place, key in enumerate(ordered)}
    codes = np.array([places[key] for key in keys])
    return Levels(name, tuple(values[key] for key in ordered), codes, _MISSING in places)
