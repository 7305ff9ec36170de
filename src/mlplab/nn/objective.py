"""The objective of training and its gradient: the one place where rows are weighted and averaged.

``J(θ) = Σ_b s_b ℓ(raw_b, y_b) / Σ_b s_b + penalties(θ)``
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mlplab._typing import Matrix, Rows, Vector
from mlplab.nn.layers import ForwardContext
from mlplab.nn.losses import Loss
from mlplab.nn.network import NetworkSpec, forward_pass
from mlplab.nn.penalties import Penalties

__all__ = ["ObjectiveValue", "mean_loss", "objective", "objective_and_gradient"]

Weights = Float[np.ndarray, "batch"] | None


class ObjectiveValue(NamedTuple):
    """Value and gradient of the objective over some rows.

    Attributes
    ----------
    value : float
        The function that the gradient belongs to.
    reported : float
        The same with the loss's reported scale (see `mlplab.nn.losses`).
    gradient : ndarray of shape (n_parameters,)
    """

    value: float
    reported: float
    gradient: Vector


def mean_loss(loss: Loss, raw: Matrix, target: Matrix, weight: Weights = None) -> float:
    """Return the weighted mean of the rows' losses, without penalties."""
    values = loss.values(raw, target)
    if weight is None:
        return float(values.mean())
    return float((values * weight).sum() / weight.sum())


def objective(
    network: NetworkSpec,
    loss: Loss,
    penalties: Penalties,
    parameters: Vector,
    x: Rows,
    target: Matrix,
    weight: Weights = None,
    context: ForwardContext | None = None,
) -> float:
    """Return the value of the objective; the same function that is differentiated below."""
    raw, _ = forward_pass(network, parameters, x, context)
    total = float(len(raw) if weight is None else weight.sum())
    mask = network.penalty_mask(parameters.dtype)
    return mean_loss(loss, raw, target, weight) + penalties.value(parameters, mask, total)


def objective_and_gradient(
    network: NetworkSpec,
    loss: Loss,
    penalties: Penalties,
    parameters: Vector,
    x: Rows,
    target: Matrix,
    weight: Weights = None,
    context: ForwardContext | None = None,
    mask: Vector | None = None,
) -> ObjectiveValue:
    """Return value and gradient of the objective over these rows.

    Parameters
    ----------
    network, loss, penalties
        What is trained, and for what.
    parameters : ndarray of shape (n_parameters,)
    x : ndarray or CSR matrix of shape (batch, n_features)
    target : ndarray of shape (batch, n_outputs)
    weight : ndarray of shape (batch,), optional
        Weights of the rows; their sum must be positive.
    context : ForwardContext, optional
    mask : ndarray of shape (n_parameters,), optional
        The network's penalty mask, where the caller has it at hand.
    """
    raw, backward = forward_pass(network, parameters, x, context)
    d_raw = loss.gradient(raw, target)
    total = float(len(raw))
    if weight is not None:
        total = float(weight.sum())
        d_raw = d_raw * weight[:, None]
    data_loss = mean_loss(loss, raw, target, weight)
    gradient = backward(d_raw)
    gradient /= parameters.dtype.type(total)
    if mask is None:
        mask = network.penalty_mask(parameters.dtype)
    penalty = penalties.value(parameters, mask, total)
    gradient += penalties.gradient(parameters, mask, total)
    reported = data_loss * loss.reported_scale + penalty
    return ObjectiveValue(data_loss + penalty, reported, gradient)
