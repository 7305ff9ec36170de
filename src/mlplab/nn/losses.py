"""Losses of raw predictions.

Conventions, written once:

- ``raw`` and ``target`` have shape ``(batch, outputs)``. ``values`` returns one number a row, the
  sum over the outputs; ``gradient`` returns its derivative with respect to ``raw``.
- The objective over rows with weights ``s`` is ``Σ s·ℓ / Σ s``. Weighting and averaging are done
  in one place, `mlplab.nn.objective`, never here.
- Squared error is ½Σ over the outputs. scikit-learn *reports* the mean over the outputs of a
  squared error while using the gradient of the sum; ``reported_scale`` is that factor, so that
  the figures shown are the ones known from there and the gradient is the true one.
- ``link`` names the inverse link that turns raw predictions into predictions.

A loss is frozen data, so a plan that holds one can be compared, stored and sent to any engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from mlplab._typing import Matrix

__all__ = ["Loss", "LossDefaults", "PerRow"]


PerRow = Float[np.ndarray, "batch"]


@runtime_checkable
class Loss(Protocol):
    """What a loss offers; see the conventions at the head of the module."""

    @property
    def name(self) -> str:
        """Name for files and messages."""
        ...

    @property
    def link(self) -> str:
        """Inverse link: identity, logistic, softmax or exp."""
        ...

    @property
    def groups(self) -> tuple[int, ...]:
        """Numbers of columns that belong together (one class variable each), or ()."""
        ...

    @property
    def reported_scale(self) -> float:
        """Reported figure divided by the figure that is differentiated."""
        ...

    def values(self, raw: Matrix, target: Matrix) -> PerRow:
        """Return the loss of each row."""
        ...

    def gradient(self, raw: Matrix, target: Matrix) -> Matrix:
        """Return the derivative of each row's loss with respect to its raw predictions."""
        ...


@dataclass(frozen=True, slots=True)
class LossDefaults:
    """What most losses share: no link, no groups, reported as it is."""

    link: ClassVar[str] = "identity"
    groups: ClassVar[tuple[int, ...]] = ()
    reported_scale: ClassVar[float] = 1.0
