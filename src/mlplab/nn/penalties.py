"""Penalties on the weights; biases are exempt.

- ``l2``: ``½·l2·Σw² / Σs``, divided by the total weight ``Σs`` of the rows of the batch, which is
  scikit-learn's ``alpha``.
- ``l1``: ``l1·Σ|w|``, not divided.
- Decoupled weight decay is not a penalty but part of the update; see `mlplab.optim`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlplab._typing import Vector

__all__ = ["Penalties"]


@dataclass(frozen=True, slots=True)
class Penalties:
    """Strengths of the penalties.

    Parameters
    ----------
    l2 : float
        Strength of ½Σw², divided by the total weight of the rows.
    l1 : float
        Strength of Σ|w|.

    Examples
    --------
    >>> weights, mask = np.array([3.0, -4.0, 7.0]), np.array([1.0, 1.0, 0.0])
    >>> Penalties(l2=2.0, l1=1.0).value(weights, mask, total_weight=5.0)
    12.0
    """

    l2: float = 0.0
    l1: float = 0.0

    def value(self, parameters: Vector, mask: Vector, total_weight: float) -> float:
        """Return what the penalties add to the objective."""
        penalised = parameters * mask
        value = 0.0
        if self.l2:
            value += 0.5 * self.l2 * float(penalised @ penalised) / total_weight
        if self.l1:
            value += self.l1 * float(np.abs(penalised).sum())
        return value

    def gradient(self, parameters: Vector, mask: Vector, total_weight: float) -> Vector | float:
        """Return its gradient; at a weight of zero the L1 part is zero."""
        gradient: Vector | float = 0.0
        if self.l2:
            gradient = gradient + (self.l2 / total_weight) * (parameters * mask)
        if self.l1:
            gradient = gradient + self.l1 * (np.sign(parameters) * mask)
        return gradient
