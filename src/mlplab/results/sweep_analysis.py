"""What a sweep has taught: effects, importance, interactions, and how sure the best is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "NOT_SET",
    "Certainty",
    "Effect",
    "Importance",
    "Interaction",
    "Interval",
    "SweepAnalysis",
    "ValueEffect",
]

NOT_SET = "(not set)"
"""Stands for the value of a parameter where its condition does not hold."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers that are told of together, `low` and `high` included."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.4g} – {self.high:.4g}"


@dataclass(frozen=True, slots=True)
class ValueEffect:
    """How the trials with one value of a parameter did.

    Attributes
    ----------
    value : object
        A value, an `Interval` of numbers, or `NOT_SET`.
    n : int
        Trials with a score.
    mean, best : float
        Of their scores.
    spread : float or None
        Sample standard deviation of their scores; None of one.
    contests, wins : int
        How often trials met that differ in this parameter only (and in what depends on it), and
        how often this value was the best of them.
    in_top : int
        How many of these trials are among the best tenth of all.
    """

    value: Any
    n: int
    mean: float
    best: float
    spread: float | None
    contests: int
    wins: int
    in_top: int

    @property
    def never_won(self) -> bool:
        """Whether it lost every contest; where there were none, whether it is not in the top."""
        return self.wins == 0 if self.contests else self.in_top == 0


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of each value of a parameter, in the order of the values."""

    parameter: str
    by_value: tuple[ValueEffect, ...]

    @property
    def never_won(self) -> tuple[Any, ...]:
        """The values that never won."""
        return tuple(one.value for one in self.by_value if one.never_won)


@dataclass(frozen=True, slots=True)
class Importance:
    """How much of the variance of the score is due to a parameter alone.

    Attributes
    ----------
    parameter : str
    share : float
        In [0, 1]; those of all parameters add up to at most 1, the rest is due to interactions.
    spread : float
        Standard deviation of the share over the trees from which it was estimated.
    """

    parameter: str
    share: float
    spread: float


@dataclass(frozen=True, slots=True)
class Interaction:
    """Two parameters together.

    Attributes
    ----------
    parameters : tuple of two str
    share : float
        Of the variance of the score, what is due to both together and to neither alone.
    rows, columns : tuple
        Values of the first and of the second parameter, as in `ValueEffect`.
    means : tuple of tuple of float or None
        Mean scores, a row for each value of the first; None where no trial was.
    counts : tuple of tuple of int
        Trials.
    """

    parameters: tuple[str, str]
    share: float
    rows: tuple[Any, ...]
    columns: tuple[Any, ...]
    means: tuple[tuple[float | None, ...], ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Certainty:
    """How sure it is that the best trial is the best.

    Attributes
    ----------
    best : int
        Its number.
    mean : float
    spread : float or None
        Over its cells.
    n_cells : int
    gap : float or None
        Its lead over the next, mean over the cells; None if there is no next.
    standard_error : float or None
        Of that lead, from the differences cell by cell; None of a single cell.
    rivals : tuple of int
        Numbers of the trials whose distance from the best is less than two standard errors.
    """

    best: int
    mean: float
    spread: float | None
    n_cells: int
    gap: float | None
    standard_error: float | None
    rivals: tuple[int, ...]

    @property
    def sentence(self) -> str:
        """The finding in words."""
        if self.gap is None:
            return f"Trial {self.best} is the only one with a score: {self.mean:.4g}."
        start = f"Trial {self.best} is the best, {self.mean:.4g}"
        if self.spread is None or self.standard_error is None:
            return (
                f"{start}, {self.gap:.2g} ahead of the next; each was trained once, so that "
                "nobody can say whether that is more than chance. Set `seeds` to 3 or more."
            )
        start += f" ± {self.spread:.2g} over {self.n_cells} trainings"
        if not self.rivals:
            return f"{start}, and ahead of all others by more than chance explains."
        them = "another one is" if len(self.rivals) == 1 else f"{len(self.rivals)} others are"
        return f"{start}; {them} as good within the uncertainty of the trainings."


@dataclass(frozen=True, slots=True)
class SweepAnalysis:
    """Everything that a sweep has taught about one score.

    Attributes
    ----------
    score : str
    n_trials : int
        With a score.
    certainty : Certainty or None
        None if no trial has a score.
    effects : mapping of str to Effect
    importances : tuple of Importance
        The greatest first.
    interactions : tuple of Interaction
        Of every two parameters, the greatest first.
    floor : float or None
        Scores below it are so far away from the others that they count as this much in effects,
        importances and interactions; None if there are none.
    """

    score: str
    n_trials: int
    certainty: Certainty | None
    effects: Mapping[str, Effect]
    importances: tuple[Importance, ...]
    interactions: tuple[Interaction, ...]
    floor: float | None = None
