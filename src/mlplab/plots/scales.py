"""Scales of sweeps: where values of parameters and scores lie along an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlplab.results import NOT_SET
from mlplab.results.layout import value_words

__all__ = ["Scale", "parameter_scale", "robust_low", "score_scale"]

_FEW = 10  # so many different numbers get a place of their own, whatever lies between them
_MOST_TICKS = 12
_CROWDED = 0.2  # where half of the numbers lie so low, they are compared by their logarithms
_BOTTOM = 0.12  # how far numbers leave the place where nothing was set
_FAR = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """Places of trials along an axis.

    Attributes
    ----------
    name : str
    places : ndarray of shape (trials,)
        In [0, 1].
    ticks : tuple of (float, str)
        Places and what stands there.
    even : bool
        Whether each value has a place of its own, at even distances.
    """

    name: str
    places: NDArray[np.float64]
    ticks: tuple[tuple[float, str], ...]
    even: bool = False


def parameter_scale(name: str, values: Sequence[Any]) -> Scale:
    """Return the scale of a parameter.

    Parameters
    ----------
    name : str
    values : sequence
        One a trial; `NOT_SET` where the parameter had none.
    """
    given = [value for value in values if not _is_missing(value)]
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in given)
    missing = len(given) < len(values)
    if given and numbers and len(set(given)) > _FEW:
        return _numbers(name, values, given, missing=missing)
    told = {value_words(value): value for value in given}
    ordered = sorted(told, key=lambda words: told[words]) if numbers else list(told)
    ordered = ([NOT_SET] if missing else []) + ordered
    place = {words: _even(k, len(ordered)) for k, words in enumerate(ordered)}
    places = np.array([place[NOT_SET if _is_missing(v) else value_words(v)] for v in values])
    return Scale(name, places, _thinned([(p, words) for words, p in place.items()]), even=True)


def _is_missing(value: Any) -> bool:
    return isinstance(value, str) and value == NOT_SET


def _even(k: int, n: int) -> float:
    return k / (n - 1) if n > 1 else 0.5


def _thinned(ticks: list[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    """Return all ticks, or of many some at even distances, the ends among them."""
    if len(ticks) <= _MOST_TICKS:
        return tuple(ticks)
    chosen = np.linspace(0, len(ticks) - 1, _MOST_TICKS).round().astype(int)
    return tuple(ticks[k] for k in chosen)


def _numbers(name: str, values: Sequence[Any], given: Sequence[float], *, missing: bool) -> Scale:
    low, high = min(given), max(given)
    crowded = float(np.median(given)) < low + _CROWDED * (high - low)
    logarithmic = low > 0 and crowded
    start = _BOTTOM if missing else 0.0

    def place(value: float) -> float:
        if logarithmic:
            return start + (1 - start) * math.log(value / low) / math.log(high / low)
        return start + (1 - start) * (value - low) / (high - low)

    places = np.array([0.0 if _is_missing(value) else place(value) for value in values])
    inner = _powers(low, high) if logarithmic else _round_numbers(low, high)
    ticks = [(place(value), value_words(value)) for value in (low, *inner, high)]
    apart = [tick for tick in ticks[1:-1] if ticks[0][0] + 0.06 < tick[0] < ticks[-1][0] - 0.06]
    ends = [ticks[0], *apart, ticks[-1]]
    return Scale(name, places, tuple([(0.0, NOT_SET), *ends] if missing else ends))


def _powers(low: float, high: float) -> list[float]:
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    step = max(1, (last - first) // 4)
    return [10.0**k for k in range(first, last + 1, step)]


def _round_numbers(low: float, high: float) -> list[float]:
    """Return four or so round numbers between two."""
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= rough)
    first = math.ceil(low / step)
    return [round(k * step, 12) for k in range(first, math.floor(high / step) + 1)]


def robust_low(scores: NDArray[np.float64]) -> float:
    """Return from where on scores are worth a place: the least, unless it is far from most.

    Trainings that went wrong may score anything, R² = -1000 for example, and would leave no room
    for the differences between those that did not.
    """
    finite = scores[np.isfinite(scores)]
    high, middle = float(finite.max()), float(np.median(finite))
    if middle == high:  # half of them are the best
        middle = float(finite[finite < high].max(initial=-np.inf))
    return max(float(finite.min()), middle - _FAR * (high - middle))


def score_scale(name: str, scores: NDArray[np.float64]) -> Scale:
    """Return the scale of a score; what lies below `robust_low` stands at its end."""
    low, high = robust_low(scores), float(scores.max())
    if high <= low:
        return Scale(name, np.full(len(scores), 0.5), ((0.5, f"{high:.4g}"),))
    places = np.clip((scores - low) / (high - low), 0, 1)
    least = f"≤ {low:.3g}" if scores.min() < low else f"{low:.3g}"
    inner = [v for v in _round_numbers(low, high) if 0.06 < (v - low) / (high - low) < 0.94]
    told = {f"{v:.4g}": (v - low) / (high - low) for v in inner}
    ends = {f"{low:.3g}", f"{high:.4g}"}
    between = [(place, words) for words, place in told.items() if words not in ends]
    return Scale(name, places, ((0.0, least), *between, (1.0, f"{high:.4g}")))
