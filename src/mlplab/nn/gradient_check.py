"""Is a derivative the derivative of its function? Central differences say so.

The fourth-order difference ``[8(f(h) − f(−h)) − (f(2h) − f(−2h))] / 12h`` has an error of order
h⁴ where the usual one has h², so that in float64 ten or more digits can be compared.

References
----------
Abramowitz and Stegun, 1964, table 25.2; Goodfellow et al., Deep Learning, 2016, section 11.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlplab._typing import AnyArray, Vector

__all__ = ["Agreement", "agreement", "central_difference", "directional_difference"]

# ε^(1/5) balances the error of the formula against rounding.
STEP = 1e-3


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well two gradients agree.

    Attributes
    ----------
    maximum : float
        Largest absolute difference of two entries.
    relative : float
        ``‖a − n‖ / (‖a‖ + ‖n‖)``, 0 where both are zero.
    """

    maximum: float
    relative: float


def central_difference(
    function: Callable[[Vector], float], point: Vector, step: float = STEP
) -> Vector:
    """Return the gradient of a function by fourth-order central differences.

    Parameters
    ----------
    function : callable
        Takes a vector, returns a number.
    point : ndarray of shape (n,), float64
    step : float
        Scaled by ``max(1, |x|)`` for each entry.

    Examples
    --------
    >>> bool(abs(central_difference(lambda x: float(x[0] ** 3), np.array([2.0]))[0] - 12) < 1e-9)
    True
    """
    gradient = np.empty_like(point)
    for i in range(point.size):
        direction = np.zeros_like(point)
        direction[i] = max(1.0, abs(float(point[i])))
        gradient[i] = directional_difference(function, point, direction, step) / direction[i]
    return gradient


def directional_difference(
    function: Callable[[Vector], float], point: Vector, direction: Vector, step: float = STEP
) -> float:
    """Return the derivative along one direction; a cheap check on networks of any size."""

    def at(t: float) -> float:
        return function(point + t * step * direction)

    return (8 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12 * step)


def agreement(analytic: AnyArray, numeric: AnyArray) -> Agreement:
    """Compare two gradients."""
    difference = np.abs(analytic - numeric)
    scale = float(np.linalg.norm(analytic) + np.linalg.norm(numeric))
    relative = float(np.linalg.norm(difference)) / scale if scale else 0.0
    return Agreement(float(difference.max(initial=0.0)), relative)
