"""Losses for numbers and counts; the conventions stand in `mlplab.nn.losses`.

References
----------
Huber, 1964; Nelder and Wedderburn, 1972 (Poisson deviance).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mlplab._typing import Matrix
from mlplab.errors import ParameterError
from mlplab.nn.losses import LossDefaults, PerRow

__all__ = ["AbsoluteError", "Huber", "Poisson", "SquaredError"]


@dataclass(frozen=True, slots=True)
class SquaredError(LossDefaults):
    """½Σ (raw − y)².

    Parameters
    ----------
    reported_scale : float
        1/outputs reports the mean over the outputs, as scikit-learn does.
    """

    reported_scale: float = 1.0  # type: ignore[misc]  # data here, a constant elsewhere
    name: ClassVar[str] = "squared_error"

    def values(self, raw: Matrix, target: Matrix) -> PerRow:
        """Return the loss of each row."""
        return 0.5 * ((raw - target) ** 2).sum(axis=1)

    def gradient(self, raw: Matrix, target: Matrix) -> Matrix:
        """Return raw − y."""
        return raw - target


@dataclass(frozen=True, slots=True)
class AbsoluteError(LossDefaults):
    """``Σ |raw − y|``."""

    name: ClassVar[str] = "absolute_error"

    def values(self, raw: Matrix, target: Matrix) -> PerRow:
        """Return the loss of each row."""
        return np.abs(raw - target).sum(axis=1)

    def gradient(self, raw: Matrix, target: Matrix) -> Matrix:
        """Return the sign of raw − y; 0 where they are equal."""
        return np.sign(raw - target)


@dataclass(frozen=True, slots=True)
class Huber(LossDefaults):
    """``Σ ½r²`` where ``|r| ≤ δ``, else ``δ(|r| − δ/2)``, with r = raw − y.

    Parameters
    ----------
    delta : float, positive
        Where the parabola becomes a line.
    """

    delta: float = 1.0
    name: ClassVar[str] = "huber"

    def __post_init__(self) -> None:
        if not self.delta > 0:
            message = f"`delta` of the Huber loss must be positive; got {self.delta}."
            raise ParameterError(message)

    def values(self, raw: Matrix, target: Matrix) -> PerRow:
        """Return the loss of each row."""
        size = np.abs(raw - target)
        # ½c² + δ(|r| − c) with c = min(|r|, δ) is both branches at once.
        core = np.minimum(size, self.delta)
        return (0.5 * core * core + self.delta * (size - core)).sum(axis=1)

    def gradient(self, raw: Matrix, target: Matrix) -> Matrix:
        """Return r limited to ±δ."""
        return np.clip(raw - target, -self.delta, self.delta)


@dataclass(frozen=True, slots=True)
class Poisson(LossDefaults):
    """Half the Poisson deviance, Σ y log(y/μ) − y + μ, with μ = exp(raw); needs y ≥ 0."""

    name: ClassVar[str] = "poisson"
    link: ClassVar[str] = "exp"

    def values(self, raw: Matrix, target: Matrix) -> PerRow:
        """Return the loss of each row."""
        # y log y is 0 at y = 0; the inner maximum keeps the logarithm from seeing that zero.
        own = target * np.log(np.where(target > 0, target, 1)) - target
        return (own - target * raw + np.exp(raw)).sum(axis=1)

    def gradient(self, raw: Matrix, target: Matrix) -> Matrix:
        """Return μ − y."""
        return np.exp(raw) - target
