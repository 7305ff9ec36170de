"""Schedules of the learning rate: frozen data, and functions of where training stands.

``rate(moment)`` is asked once before every step. constant, invscaling and adaptive are
scikit-learn's; ``adaptive`` reads the divisions that the stopping rule has counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

__all__ = [
    "Adaptive",
    "Constant",
    "Cosine",
    "Exponential",
    "FunctionOfStep",
    "InverseScaling",
    "Linear",
    "Moment",
    "OneCycle",
    "Schedule",
    "StepDecay",
]


@dataclass(frozen=True, slots=True)
class Moment:
    """Where training stands just before a step.

    Attributes
    ----------
    step : int
        Steps made so far in this training.
    epoch : int
        Epochs finished so far in this training.
    steps_per_epoch, max_epochs : int
        Length of the training that was asked for.
    samples_before_epoch : int
        Rows seen in earlier epochs, over the life of the network.
    divisions : int
        How often the stopping rule has asked for a smaller rate.
    steps_before, epochs_before : int
        Steps and epochs made in earlier fits with the same optimiser (`warm_start="state"`).
        Schedules with an end count from after them, so that each fit has its whole length.
    """

    step: int
    epoch: int
    steps_per_epoch: int
    max_epochs: int
    samples_before_epoch: int
    divisions: int
    steps_before: int = 0
    epochs_before: int = 0

    @property
    def epochs_of_fit(self) -> int:
        """Epochs finished in the present fit."""
        return self.epoch - self.epochs_before

    @property
    def epoch_share(self) -> float:
        """Share of the epochs that lie behind, 0 in the first and 1 in the last."""
        return min(1.0, self.epochs_of_fit / max(1, self.max_epochs - 1))

    @property
    def step_share(self) -> float:
        """Share of the steps that lie behind, 0 at the first and 1 at the last."""
        steps = self.step - self.steps_before
        return min(1.0, steps / max(1, self.steps_per_epoch * self.max_epochs - 1))


@runtime_checkable
class Schedule(Protocol):
    """What a schedule offers."""

    @property
    def name(self) -> str:
        """Name for files and messages."""
        ...

    def rate(self, moment: Moment) -> float:
        """Return the learning rate of the next step."""
        ...


def _blend(start: float, end: float, share: float) -> float:
    """Half a cosine wave from start (share 0) to end (share 1)."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))


@dataclass(frozen=True, slots=True)
class Constant:
    """The same rate always."""

    initial: float
    name: ClassVar[str] = "constant"

    def rate(self, moment: Moment) -> float:  # noqa: ARG002  (the protocol's signature)
        """Return the rate."""
        return self.initial


@dataclass(frozen=True, slots=True)
class InverseScaling:
    """``initial / (samples + 1)^power`` after each epoch; the first epoch uses ``initial``."""

    initial: float
    power: float = 0.5
    name: ClassVar[str] = "invscaling"

    def rate(self, moment: Moment) -> float:
        """Return the rate."""
        if moment.epoch == 0:
            return self.initial
        return float(self.initial / (moment.samples_before_epoch + 1) ** self.power)


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Divided by five each time the stopping rule runs out of patience; ends at 1e-6.

    Parameters
    ----------
    initial : float
    forgets_best : bool
        After a division compare the next epochs with the one at hand, not with the best of all:
        one lucky epoch then costs one division instead of all of them.
    """

    initial: float
    forgets_best: bool = False
    name: ClassVar[str] = "adaptive"

    def rate(self, moment: Moment) -> float:
        """Return the rate."""
        rate = self.initial
        # Repeated division, not a power: the same rounding as in scikit-learn.
        for _ in range(moment.divisions):
            rate /= 5.0
        return rate


@dataclass(frozen=True, slots=True)
class Linear:
    """From ``initial`` in the first epoch in equal steps to ``final`` in the last."""

    initial: float
    final: float
    name: ClassVar[str] = "linear"

    def rate(self, moment: Moment) -> float:
        """Return the rate."""
        return self.initial + (self.final - self.initial) * moment.epoch_share


@dataclass(frozen=True, slots=True)
class Cosine:
    """Half a cosine wave over the steps, from ``initial`` to ``final``.

    References
    ----------
    Loshchilov and Hutter, 2017, https://arxiv.org/abs/1608.03983
    """

    initial: float
    final: float = 0.0
    name: ClassVar[str] = "cosine"

    def rate(self, moment: Moment) -> float:
        """Return the rate."""
        return self.rate_at(moment.step_share)

    def rate_at(self, share: float) -> float:
        """Return the rate after this share of the steps."""
        return _blend(self.initial, self.final, share)


@dataclass(frozen=True, slots=True)
class StepDecay:
    """Multiplied by ``factor`` after every ``every`` epochs."""

    initial: float
    factor: float = 0.1
    every: int = 30
    name: ClassVar[str] = "step"

    def rate(self, moment: Moment) -> float:
        """Return the rate."""
        return float(self.initial * self.factor ** (moment.epochs_of_fit // self.every))


@dataclass(frozen=True, slots=True)
class Exponential:
    """Geometric decay over the epochs, from ``initial`` in the first to ``final`` in the last."""

    initial: float
    final: float
    name: ClassVar[str] = "exponential"

    def rate(self, moment: Moment) -> float:
        """Return the rate."""
        return float(self.initial * (self.final / self.initial) ** moment.epoch_share)


@dataclass(frozen=True, slots=True)
class OneCycle:
    """Up from ``initial/25`` to ``initial`` over the first 30 % of the steps, then down to zero.

    ``initial`` is the peak, so that the parameter means the largest rate everywhere. Both parts
    are half cosine waves; the end is ``initial/25·1e-4``, or ``final``.

    References
    ----------
    Smith and Topin, 2019, https://arxiv.org/abs/1708.07120
    """

    initial: float
    final: float | None = None
    warm_share: float = 0.3
    name: ClassVar[str] = "one_cycle"

    def rate(self, moment: Moment) -> float:
        """Return the rate."""
        return self.rate_at(moment.step_share)

    def rate_at(self, share: float) -> float:
        """Return the rate after this share of the steps."""
        low = self.initial / 25
        end = low * 1e-4 if self.final is None else self.final
        if share < self.warm_share:
            return _blend(low, self.initial, share / self.warm_share)
        return _blend(self.initial, end, (share - self.warm_share) / (1 - self.warm_share))


@dataclass(frozen=True, slots=True)
class FunctionOfStep:
    """A function of one's own: ``function(step) -> rate``, step counting from 0.

    It is code, not data: engines that cannot call Python ask it for a table beforehand.
    """

    function: Callable[[int], float]
    name: ClassVar[str] = "function"

    def rate(self, moment: Moment) -> float:
        """Return the rate."""
        return float(self.function(moment.step))
