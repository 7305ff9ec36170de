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

__all__ = ["LARGEST_STEP", "Measured", "Scales", "measure", "noise_level"]

LARGEST_STEP = 1e-3
_STEPS = tuple(LARGEST_STEP * 10.0**-i for i in range(6))
_EPSILON = float(np.finfo(np.float64).eps)
# A difference of four values, the worst of thousands of them, is off by many times the usual
# rounding error of one value.
_WORST = 20
# A difference that rounding blurs by more than this share of the gradient tells too little.
_BLUR = 1e-3


class Scales(NamedTuple):
    """What is large and what is small.

    Attributes
    ----------
    noise : float
        Usual rounding error of the function's value; see `noise_level`.
    derivative : float
        Usual size of the derivatives that are compared.
    tolerance : float
        Difference that counts as agreement, as a share of `derivative`.
    """

    noise: float
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


def noise_level(along: Callable[[float], float]) -> float:
    """Return the usual rounding error of a function's values near 0.

    Over steps this small every function is a line, so what second differences show is rounding
    alone; of independent errors they have √6 times the size.

    References
    ----------
    Moré and Wild, Estimating computational noise, 2011, https://doi.org/10.1137/100786125

    Examples
    --------
    >>> 1e-17 < noise_level(lambda t: math.exp(t)) < 1e-15
    True
    >>> 1e-14 < noise_level(lambda t: 1000 + math.exp(t) - 1000) < 1e-12
    True
    """
    values = np.array([along(i * 1e-10) for i in range(24)])
    measured = float(np.median(np.abs(np.diff(values, 2)))) / math.sqrt(6)
    return max(measured, _EPSILON * abs(float(values[0])) / 4)


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
    >>> found = measure(lambda t: math.exp(t), 1.0, Scales(1e-16, 1.0, 1e-9))
    >>> abs(found.derivative - 1) < 1e-9, found.trusted
    (True, True)
    >>> measure(abs, 0.5, Scales(1e-16, 1.0, 1e-9)).trusted
    False
    """
    values = functools.cache(along)
    found = Measured(math.nan, math.inf, math.inf, trusted=False)
    for step in _STEPS:
        derivative = _difference(values, step)
        if not math.isfinite(derivative):
            continue
        rounding = _WORST * scales.noise / step + 4 * _EPSILON * _largest(values, step) / step
        found = Measured(derivative, step, rounding, trusted=True)
        limit = max(scales.tolerance * scales.derivative, rounding)
        if abs(derivative - expected) <= limit or _is_smooth(values, step, limit):
            return found
        if 10 * rounding > _BLUR * max(scales.derivative, abs(derivative)):
            break
    return found._replace(trusted=False)


def _difference(values: Callable[[float], float], step: float) -> float:
    return directional_difference(
        lambda point: values(float(point[0])), np.zeros(1), np.ones(1), step
    )


def _largest(values: Callable[[float], float], step: float) -> float:
    """Return the largest number that the difference was taken of."""
    return max(abs(values(t)) for t in (-2 * step, -step, step, 2 * step))


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
