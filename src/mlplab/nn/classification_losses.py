"""Losses for classes and labels; the conventions stand in `mlplab.nn.losses`.

References
----------
Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3 (canonical links);
Lin et al., 2017 (focal loss); Crammer and Singer, 2001 (multi-class hinge);
Szegedy et al., 2016 (label smoothing).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mlplab._typing import Matrix
from mlplab.errors import ParameterError
from mlplab.nn.activations import sigmoid, softplus
from mlplab.nn.links import log_softmax, softmax, spans
from mlplab.nn.losses import LossDefaults, PerRow

__all__ = [
    "BinaryCrossEntropy",
    "BinaryFocal",
    "BinaryHinge",
    "CategoricalCrossEntropy",
    "CategoricalFocal",
    "CategoricalHinge",
    "ProbabilitySquaredError",
]


def _element_weights(
    pairs: tuple[tuple[float, float], ...] | None, target: Matrix
) -> Matrix | float:
    """Weights of the elements: of a pair, the first holds for target 0, the second for 1."""
    if pairs is None:
        return 1.0
    negative, positive = np.asarray(pairs, dtype=target.dtype).T
    return negative + (positive - negative) * target


@dataclass(frozen=True, slots=True)
class BinaryCrossEntropy(LossDefaults):
    """−Σ w [y log p + (1−y) log(1−p)] with p = sigmoid(raw); one or several labels.

    With ``softplus(raw) = log(1+e^raw)`` this is ``softplus(raw) − y·raw``, which never takes
    the logarithm of zero, and its derivative is ``p − y``.

    Parameters
    ----------
    label_smoothing : float in [0, 1)
        Targets become ``(1−ε)·y + ε/2``.
    label_weights : tuple of (float, float), optional
        For each output the weight of its zeros and of its ones.
    """

    label_smoothing: float = 0.0
    label_weights: tuple[tuple[float, float], ...] | None = None
    name: ClassVar[str] = "binary_log_loss"
    link: ClassVar[str] = "logistic"

    def _smooth(self, target: Matrix) -> Matrix:
        return (1 - self.label_smoothing) * target + self.label_smoothing / 2

    def values(self, raw: Matrix, target: Matrix) -> PerRow:
        """Return the loss of each row."""
        element = softplus(raw) - self._smooth(target) * raw
        return (_element_weights(self.label_weights, target) * element).sum(axis=1)

    def gradient(self, raw: Matrix, target: Matrix) -> Matrix:
        """Return p − y, weighted."""
        difference = sigmoid(raw) - self._smooth(target)
        return np.asarray(_element_weights(self.label_weights, target) * difference)


@dataclass(frozen=True, slots=True)
class CategoricalCrossEntropy(LossDefaults):
    """−Σ y log p with p = softmax(raw); one class variable, or several side by side.

    As ``log p = raw − logsumexp(raw)``, the derivative is ``p − y`` for targets that sum to one.

    Parameters
    ----------
    groups : tuple of int
        Number of classes of each class variable; the columns of ``raw`` in this order.
    label_smoothing : float in [0, 1)
        Targets become ``(1−ε)·y + ε/K``.
    """

    groups: tuple[int, ...] = ()  # type: ignore[misc]  # data here, a constant elsewhere
    label_smoothing: float = 0.0
    name: ClassVar[str] = "log_loss"
    link: ClassVar[str] = "softmax"

    def _smooth(self, target: Matrix) -> Matrix:
        return (1 - self.label_smoothing) * target + self.label_smoothing / target.shape[1]

    def values(self, raw: Matrix, target: Matrix) -> PerRow:
        """Return the loss of each row, summed over the class variables."""
        total = np.zeros(len(raw), dtype=raw.dtype)
        for span in spans(self.groups or (raw.shape[1],)):
            total -= (self._smooth(target[:, span]) * log_softmax(raw[:, span])).sum(axis=1)
        return total

    def gradient(self, raw: Matrix, target: Matrix) -> Matrix:
        """Return p − y for each class variable."""
        gradient = np.empty_like(raw)
        for span in spans(self.groups or (raw.shape[1],)):
            gradient[:, span] = softmax(raw[:, span]) - self._smooth(target[:, span])
        return gradient


def _check_gamma(gamma: float) -> None:
    if gamma < 1:
        message = (
            f"`gamma` of a focal loss must be at least 1; got {gamma}. Below 1 its gradient is "
            "not bounded; for 0 use loss='log_loss'."
        )
        raise ParameterError(message)


@dataclass(frozen=True, slots=True)
class BinaryFocal(LossDefaults):
    """−Σ (1−p_t)^γ log p_t, p_t the probability of the true side; one or several labels.

    Write the margin ``m = ±raw`` with the sign of the true side; then ``p_t = sigmoid(m)``,
    ``−log p_t = softplus(−m)``, and the derivative with respect to ``m`` is
    ``−(1−p_t)^γ [γ p_t softplus(−m) + (1 − p_t)]``.

    Parameters
    ----------
    gamma : float, at least 1
        How strongly rows that are already right are played down.
    label_weights : tuple of (float, float), optional
        For each output the weight of its zeros and of its ones.
    """

    gamma: float = 2.0
    label_weights: tuple[tuple[float, float], ...] | None = None
    name: ClassVar[str] = "binary_focal"
    link: ClassVar[str] = "logistic"

    def __post_init__(self) -> None:
        _check_gamma(self.gamma)

    def values(self, raw: Matrix, target: Matrix) -> PerRow:
        """Return the loss of each row."""
        margin = (2 * target - 1) * raw
        element = sigmoid(-margin) ** self.gamma * softplus(-margin)
        return (_element_weights(self.label_weights, target) * element).sum(axis=1)

    def gradient(self, raw: Matrix, target: Matrix) -> Matrix:
        """Return the derivative of each row's loss."""
        sign = 2 * target - 1
        margin = sign * raw
        wrong = sigmoid(-margin)
        inner = self.gamma * sigmoid(margin) * softplus(-margin) + wrong
        slope = -(wrong**self.gamma) * inner * sign
        return np.asarray(_element_weights(self.label_weights, target) * slope)


@dataclass(frozen=True, slots=True)
class CategoricalFocal(LossDefaults):
    """−Σ y (1−p)^γ log p with p = softmax(raw).

    With ``g = p ∂ℓ/∂p = y [γ p (1−p)^(γ−1) log p − (1−p)^γ]`` the chain rule through softmax
    gives ``g − p Σ g``.

    Parameters
    ----------
    gamma : float, at least 1
        How strongly rows that are already right are played down.
    """

    gamma: float = 2.0
    name: ClassVar[str] = "focal"
    link: ClassVar[str] = "softmax"

    def __post_init__(self) -> None:
        _check_gamma(self.gamma)

    def values(self, raw: Matrix, target: Matrix) -> PerRow:
        """Return the loss of each row."""
        log_p = log_softmax(raw)
        return -(target * (1 - np.exp(log_p)) ** self.gamma * log_p).sum(axis=1)

    def gradient(self, raw: Matrix, target: Matrix) -> Matrix:
        """Return the derivative of each row's loss."""
        log_p = log_softmax(raw)
        p = np.exp(log_p)
        wrong = 1 - p
        g = target * (self.gamma * p * wrong ** (self.gamma - 1) * log_p - wrong**self.gamma)
        return np.asarray(g - p * g.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True)
class BinaryHinge(LossDefaults):
    """Σ w max(0, 1 − m) with the margin m = ±raw; one or several labels.

    Parameters
    ----------
    label_weights : tuple of (float, float), optional
        For each output the weight of its zeros and of its ones.
    """

    label_weights: tuple[tuple[float, float], ...] | None = None
    name: ClassVar[str] = "binary_hinge"

    def values(self, raw: Matrix, target: Matrix) -> PerRow:
        """Return the loss of each row."""
        element = np.maximum(0, 1 - (2 * target - 1) * raw)
        return (_element_weights(self.label_weights, target) * element).sum(axis=1)

    def gradient(self, raw: Matrix, target: Matrix) -> Matrix:
        """Return −(±1) inside the margin, 0 outside; at the kink 0."""
        sign = 2 * target - 1
        slope = np.where(sign * raw < 1, -sign, raw.dtype.type(0))
        return np.asarray(_element_weights(self.label_weights, target) * slope)


@dataclass(frozen=True, slots=True)
class CategoricalHinge(LossDefaults):
    """max over the wrong classes j of max(0, 1 + raw_j − raw_t) (Crammer and Singer)."""

    name: ClassVar[str] = "hinge"

    @staticmethod
    def _violations(raw: Matrix, target: Matrix) -> Matrix:
        """1 + raw_j − raw_t, and 0 for the true class itself."""
        true = (raw * target).sum(axis=1, keepdims=True)
        return (1 + raw - true) * (1 - target)

    def values(self, raw: Matrix, target: Matrix) -> PerRow:
        """Return the loss of each row."""
        return np.maximum(0, self._violations(raw, target).max(axis=1))

    def gradient(self, raw: Matrix, target: Matrix) -> Matrix:
        """Return +1 at the worst wrong class and −1 at the true one, inside the margin."""
        violations = self._violations(raw, target)
        worst = violations.argmax(axis=1)
        rows = np.arange(len(raw))
        active = violations[rows, worst] > 0
        gradient = np.zeros_like(raw)
        gradient[rows, worst] = 1
        return (gradient - target) * active[:, None].astype(raw.dtype)


@dataclass(frozen=True, slots=True)
class ProbabilitySquaredError(LossDefaults):
    """½Σ (p − y)² with p = sigmoid(raw), or softmax(raw) for one of several classes.

    This is the squared error of the old textbooks (the Brier score). With d = p − y the
    derivative is ``d p (1−p)`` for the sigmoid and ``p (d − Σ d p)`` for softmax. It is flat where
    the network is confidently wrong, which cross-entropy is not.

    Parameters
    ----------
    link : {"logistic", "softmax"}
    """

    link: str = "logistic"  # type: ignore[misc]  # data here, a constant elsewhere
    name: ClassVar[str] = "probability_squared_error"

    def values(self, raw: Matrix, target: Matrix) -> PerRow:
        """Return the loss of each row."""
        p = sigmoid(raw) if self.link == "logistic" else softmax(raw)
        return 0.5 * ((p - target) ** 2).sum(axis=1)

    def gradient(self, raw: Matrix, target: Matrix) -> Matrix:
        """Return the derivative of each row's loss."""
        if self.link == "logistic":
            p = sigmoid(raw)
            return (p - target) * p * (1 - p)
        p = softmax(raw)
        d = p - target
        return p * (d - (d * p).sum(axis=1, keepdims=True))
