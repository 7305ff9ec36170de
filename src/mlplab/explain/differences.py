"""Derivatives along a line by differences, which notice that they cannot be trusted.

Where a function has a kink within reach of the step, a difference mixes the slopes of both sides
and tells nothing about the derivative. Two observations that no derivative by formula enters
give such places away:

- the fourth-order difference D(h) of a smooth function hardly changes when the step is halved;
- its second difference over the step, S(h) = (f(h) − 2f(0) + f(−h))/h ≈ h f″, halves with the
  step, so ``2 S(h/2) − S(h)`` vanishes. At a kink in the point itself, where D does not change at
  all, it equals the difference of the two slopes.

A place that gives itself away is measured again with a tenth of the step. When the step becomes
so small that rounding would drown the derivative, the place is left out.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mlplab.nn import directional_difference

__all__ = ["LARGEST_STEP", "Measured", "Scales", "measure"]

LARGEST_STEP = 1e-3
_STEPS = tuple(LARGEST_STEP * 10.0**-i for i in range(6))
_EPSILON = float(np.finfo(np.float64).eps)
# A sum over many rows and layers loses a few digits more than a single operation.
_ROUNDING = 100 * _EPSILON
# A difference that rounding blurs by more than this share of the gradient tells too little.
_BLUR = 1e-3


class Scales(NamedTuple):
    """What is large and what is small.

    Attributes
    ----------
    value : float
        Size of the numbers that the function's value is computed from.
    derivative : float
        Usual size of the derivatives that are compared.
    tolerance : float
        Difference that counts as agreement, as a share of `derivative`.
    """

    value: float
    derivative: float
    tolerance: float


class Measured(NamedTuple):
    """A derivative by differences.

    Attributes
    ----------
    derivative : float
    step : float
    rounding : float
        By how much rounding may have changed it.
    trusted : bool
        False where a kink lies within every step.
    """

    derivative: float
    step: float
    rounding: float
    trusted: bool


def measure(along: Callable[[float], float], expected: float, scales: Scales) -> Measured:
    """Return the derivative of a function at 0, from the largest step that can be trusted.

    Parameters
    ----------
    along : callable
        Takes a number, returns a number.
    expected : float
        The derivative by formula. Where the first difference equals it, no other is needed;
        beyond that it decides nothing.
    scales : Scales

    Examples
    --------
    >>> found = measure(lambda t: math.exp(t), 1.0, Scales(1.0, 1.0, 1e-9))
    >>> abs(found.derivative - 1) < 1e-9, found.trusted
    (True, True)
    >>> measure(abs, 0.5, Scales(1.0, 1.0, 1e-9)).trusted
    False
    """
    values = functools.cache(along)
    found = Measured(math.nan, math.inf, math.inf, trusted=False)
    for step in _STEPS:
        derivative = _difference(values, step)
        slope = abs(derivative) if math.isfinite(derivative) else 0.0
        rounding = (_ROUNDING * scales.value + 4 * _EPSILON * slope) / step
        found = Measured(derivative, step, rounding, trusted=True)
        limit = max(scales.tolerance * scales.derivative, rounding)
        if abs(derivative - expected) <= limit or _is_smooth(values, step, limit):
            return found
        if 10 * rounding > _BLUR * max(scales.derivative, slope):
            break
    return found._replace(trusted=False)


def _difference(values: Callable[[float], float], step: float) -> float:
    return directional_difference(
        lambda point: values(float(point[0])), np.zeros(1), np.ones(1), step
    )


def _bend(values: Callable[[float], float], step: float) -> float:
    return (values(step) - 2 * values(0.0) + values(-step)) / step


def _is_smooth(values: Callable[[float], float], step: float, limit: float) -> bool:
    """Whether no kink shows within reach of the step; see the head of the module."""
    half = step / 2
    signs = (
        _difference(values, half) - _difference(values, step),
        2 * _bend(values, half) - _bend(values, step),
        2 * _bend(values, step) - _bend(values, 2 * step),
    )
    return all(abs(sign) <= limit for sign in signs)
