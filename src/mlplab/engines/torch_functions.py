"""Activations and losses as tensor operations; autograd finds their derivatives.

Nothing here shares a line with `mlplab.nn` but its formulas, so that the gradients are an
independent check of those derived by hand.

Only operations whose result for an element does not depend on the element's place are used:
arithmetic, comparisons, ``sqrt``, ``exp``, ``expm1``, ``log``, ``log1p``, ``tanh`` and ``erfc``.
PyTorch's ``sigmoid``, ``softplus``, ``elu`` or ``pow`` compute the last elements of an array, which
fill no vector register, by another routine than the rest. A network's bits would then depend on
how many others are trained beside it.

Where a derivative is needed at a kink of a helper (``|z|`` at 0 inside a smooth function), the
formula is chosen such that autograd's convention gives the derivative of the whole:
``clamp(min=0)`` has derivative 1 at 0, ``relu`` has 0.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any, TypeAlias

from mlplab import nn
from mlplab.nn.activations import ALIASES, ELU_ALPHA, LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE
from mlplab.nn.links import spans

__all__ = ["ACTIVATIONS", "LOSSES", "Tensor", "find_activation", "loss_of_rows"]

Tensor: TypeAlias = Any
"""A ``torch.Tensor``. Its methods are enough here, so that the module loads without PyTorch."""


def _decay(z: Tensor) -> Tensor:
    """e^(−|z|), which never overflows; from the left and from the right of 0 it falls."""
    # |z| = 2 max(z, 0) − z has the derivative 1 at 0, which all who call it rely on.
    return (z - 2 * z.clamp(min=0)).exp()


def sigmoid(z: Tensor) -> Tensor:
    """Return 1/(1+e^(−z)) without overflow."""
    decay = _decay(z)
    # One over one plus the decay on the right, the decay over one plus the decay on the left.
    return decay.masked_fill(z >= 0, 1) / (1 + decay)


def softplus(z: Tensor) -> Tensor:
    """Return log(1+e^z) without overflow."""
    return z.clamp(min=0) + _decay(z).log1p()


def _bent(z: Tensor, alpha: float) -> Tensor:
    """Return z on the right of 0 and α(e^z − 1) on its left."""
    # Limited from above, as what `where` throws away must not overflow: 0·∞ is NaN.
    return z.where(z > 0, alpha * z.clamp(max=0).expm1())


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda z: z,
    "logistic": sigmoid,
    "tanh": lambda z: z.tanh(),
    "relu": lambda z: z.relu(),
    "leaky_relu": lambda z: z.where(z > 0, LEAKY_SLOPE * z),
    "elu": lambda z: _bent(z, ELU_ALPHA),
    "selu": lambda z: SELU_SCALE * _bent(z, SELU_ALPHA),
    "gelu": lambda z: z * (0.5 * (z * -math.sqrt(0.5)).erfc()),
    "silu": lambda z: z * sigmoid(z),
    "mish": lambda z: z * softplus(z).tanh(),
    "softplus": softplus,
}
"""Every built-in activation by its name in `mlplab.nn.ACTIVATIONS`."""


def find_activation(name: str) -> Callable[[Tensor], Tensor] | None:
    """Return the activation of this name or alias, or None where it is a function of one's own."""
    return ACTIVATIONS.get(ALIASES.get(name, name))


def log_softmax(raw: Tensor) -> Tensor:
    """Return log softmax over the last axis."""
    # The shift is a constant: it cancels, and so does its derivative.
    shifted = raw - raw.detach().amax(-1, keepdim=True)
    return shifted - shifted.exp().sum(-1, keepdim=True).log()


def _element_weights(loss: Any, target: Tensor) -> Tensor | float:
    """Of a pair the first weighs the zeros of an output, the second its ones."""
    if loss.label_weights is None:
        return 1.0
    negative, positive = target.new_tensor(loss.label_weights).unbind(-1)
    return negative + (positive - negative) * target


def _smooth(loss: Any, target: Tensor, n_classes: int) -> Tensor:
    if loss.label_smoothing == 0:
        return target
    return (1 - loss.label_smoothing) * target + loss.label_smoothing / n_classes


def _binary_cross_entropy(loss: nn.BinaryCrossEntropy, raw: Tensor, target: Tensor) -> Tensor:
    element = softplus(raw) - _smooth(loss, target, 2) * raw
    return (_element_weights(loss, target) * element).sum(-1)


def _cross_entropy(loss: nn.CategoricalCrossEntropy, raw: Tensor, target: Tensor) -> Tensor:
    groups = loss.groups or (raw.shape[-1],)
    terms = [
        (_smooth(loss, target[..., span], n) * log_softmax(raw[..., span])).sum(-1)
        for span, n in zip(spans(groups), groups, strict=True)
    ]
    return -functools.reduce(operator.add, terms)


def _binary_focal(loss: nn.BinaryFocal, raw: Tensor, target: Tensor) -> Tensor:
    margin = (2 * target - 1) * raw
    # 1 − p = sigmoid(−m) = e^(−softplus(m)), whose power is a product in the exponent.
    element = (-loss.gamma * softplus(margin)).exp() * softplus(-margin)
    return (_element_weights(loss, target) * element).sum(-1)


def _focal(loss: nn.CategoricalFocal, raw: Tensor, target: Tensor) -> Tensor:
    log_p = log_softmax(raw)
    smallest = 2.0**-126  # of float32; the power of zero has a logarithm then, and a slope of 0
    wrong = (1 - log_p.exp()).clamp(min=smallest)
    return -(target * (loss.gamma * wrong.log()).exp() * log_p).sum(-1)


def _binary_hinge(loss: nn.BinaryHinge, raw: Tensor, target: Tensor) -> Tensor:
    element = (1 - (2 * target - 1) * raw).relu()
    return (_element_weights(loss, target) * element).sum(-1)


def _hinge(_: nn.CategoricalHinge, raw: Tensor, target: Tensor) -> Tensor:
    true = (raw * target).sum(-1, keepdim=True)
    violations = (1 + raw - true) * (1 - target)
    # One of several equal classes is the worst, the first one: `amax` would share among them.
    worst = violations.detach().argmax(-1, keepdim=True)
    return violations.gather(-1, worst).squeeze(-1).relu()


def _squared(_: nn.SquaredError, raw: Tensor, target: Tensor) -> Tensor:
    residual = raw - target
    return 0.5 * (residual * residual).sum(-1)


def _absolute(_: nn.AbsoluteError, raw: Tensor, target: Tensor) -> Tensor:
    return (raw - target).abs().sum(-1)


def _huber(loss: nn.Huber, raw: Tensor, target: Tensor) -> Tensor:
    size = (raw - target).abs()
    core = size.clamp(max=loss.delta)
    return (0.5 * core * core + loss.delta * (size - core)).sum(-1)


def _poisson(_: nn.Poisson, raw: Tensor, target: Tensor) -> Tensor:
    own = target * target.masked_fill(target <= 0, 1).log() - target
    return (own - target * raw + raw.exp()).sum(-1)


def _probability(loss: nn.ProbabilitySquaredError, raw: Tensor, target: Tensor) -> Tensor:
    p = sigmoid(raw) if loss.link == "logistic" else log_softmax(raw).exp()
    residual = p - target
    return 0.5 * (residual * residual).sum(-1)


LOSSES: dict[type[Any], Callable[[Any, Tensor, Tensor], Tensor]] = {
    nn.BinaryCrossEntropy: _binary_cross_entropy,
    nn.CategoricalCrossEntropy: _cross_entropy,
    nn.BinaryFocal: _binary_focal,
    nn.CategoricalFocal: _focal,
    nn.BinaryHinge: _binary_hinge,
    nn.CategoricalHinge: _hinge,
    nn.SquaredError: _squared,
    nn.AbsoluteError: _absolute,
    nn.Huber: _huber,
    nn.Poisson: _poisson,
    nn.ProbabilitySquaredError: _probability,
}
"""Every built-in loss; a subclass may have changed what it computes and is not one of them."""


def loss_of_rows(loss: Any, raw: Tensor, target: Tensor) -> Tensor:
    """Return the loss of each row, of the shape of ``raw`` without its last axis.

    Parameters
    ----------
    loss : Loss
        Of a class in `LOSSES`.
    raw, target : Tensor of shape (..., outputs)
    """
    return LOSSES[type(loss)](loss, raw, target)
