"""What can be measured of every layer at one moment of a training."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlplab._typing import AnyArray, Matrix, Vector
from mlplab.engines import TrainingData, TrainingPlan
from mlplab.explain.naming import layer_names
from mlplab.explain.updates import take_step
from mlplab.nn import (
    Activation,
    ForwardContext,
    Layer,
    get_activation,
    objective_and_gradient,
)
from mlplab.optim import LBFGS, Moment
from mlplab.results import EpochHealth, LayerHealth, Snapshot

__all__ = ["Flatness", "flatness_of", "measure"]

# Of the steepest slope of a function; below it a unit hardly passes a gradient on.
FLAT = 0.05
# Share of the rows at which a saturated unit is flat.
NEARLY_ALL = 0.95
# Twins differ by rounding alone, and so do predictions that are the same.
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Flatness:
    """Where an activation hardly passes a gradient on.

    Attributes
    ----------
    limit : float
        A twentieth of its steepest slope.
    has_two_ends : bool
        Whether it is flat at both ends (logistic, tanh): its units saturate; those of others that
        are flat on one side (relu, elu, gelu …) die.
    """

    limit: float
    has_two_ends: bool


@functools.cache
def flatness_of(function: str) -> Flatness:
    """Return where a function is flat, found by looking at it from −30 to 30."""
    z = np.linspace(-30.0, 30.0, 2401)
    activation = get_activation(function)
    slope = np.abs(activation.derivative(z, activation.value(z)))
    limit = FLAT * float(slope.max())
    return Flatness(limit, bool(slope[0] < limit and slope[-1] < limit))


def measure(
    plan: TrainingPlan, data: TrainingData, batch: TrainingData, snapshot: Snapshot
) -> EpochHealth:
    """Return the figures of every layer with the weights of a snapshot.

    Parameters
    ----------
    plan : TrainingPlan
    data : TrainingData
        Rows that values, gradients and losses are taken over, in float64.
    batch : TrainingData
        Rows of the step whose size is compared with the weights.
    snapshot : Snapshot
    """
    parameters = snapshot.parameters.astype(np.float64)
    with np.errstate(all="ignore"):
        found = objective_and_gradient(
            plan.network, plan.loss, plan.penalties, parameters, data.x, data.target, data.weight
        )
        change = _next_change(plan, batch, parameters, snapshot)
        passed = list(_pass(plan, data, parameters))
        layers = [_layer(plan, one, parameters, found.gradient, change) for one in passed]
        same = _is_same(passed[-1].z)
    return EpochHealth(snapshot.epoch, found.reported, tuple(layers), same)


@dataclass(frozen=True, slots=True)
class _Passed:
    """A dense layer after a forward and a backward pass.

    Attributes
    ----------
    index : int
        Place of the layer in the network.
    name : str
    function : str or None
        Activation of a hidden layer.
    z, values, slope : ndarray of shape (rows, units)
        Sums, what the units give, and the slope there.
    signal : ndarray of shape (rows, units)
        Derivative of each row's loss with respect to z.
    """

    index: int
    name: str
    function: str | None
    z: Matrix
    values: Matrix
    slope: Matrix
    signal: Matrix


def _pass(plan: TrainingPlan, data: TrainingData, parameters: Vector) -> Iterator[_Passed]:
    """Yield the dense layers from the first to the last."""
    network = plan.network
    own = network.views_by_layer(parameters)
    values: list[Matrix] = []
    pullbacks = []
    value = data.x
    for index, layer in enumerate(network.layers):
        context = ForwardContext(layer=index, is_first=index == 0)
        value, pullback = layer.forward(own[index], value, context)
        values.append(value)
        pullbacks.append(pullback)
    gradient = plan.loss.gradient(value, data.target)
    if data.weight is not None:
        # Rows without weight teach nothing; the others are counted as if they had one.
        gradient = gradient * (data.weight / data.weight.mean())[:, None]
    signals: dict[int, Matrix] = {}
    for index in reversed(range(len(network.layers))):
        signals[index] = gradient
        gradient, _ = pullbacks[index](gradient)
    for index, name in layer_names(network).items():
        function = _function_after(network.layers, index)
        z, ones = values[index], np.ones_like(values[index])
        a = z if function is None else values[index + 1]
        slope = ones if function is None else get_activation(function).derivative(z, a)
        yield _Passed(index, name, function, z, a, slope, signals[index])


def _function_after(layers: tuple[Layer, ...], index: int) -> str | None:
    follower = layers[index + 1] if index + 1 < len(layers) else None
    return follower.function if isinstance(follower, Activation) else None


def _layer(
    plan: TrainingPlan, passed: _Passed, parameters: Vector, gradient: Vector, change: Vector | None
) -> LayerHealth:
    slot = next(
        slot
        for slot in plan.network.slots
        if slot.layer == passed.index and slot.spec.name == "weight"
    )
    part = slice(slot.start, slot.stop)
    weights = _norm(parameters[part])
    dead, saturated = _flat_units(passed)
    ratio = None
    if change is not None:
        ratio = _norm(change[part]) / weights if weights > 0 else math.nan
    return LayerHealth(
        layer=passed.name,
        activation=passed.function,
        n_units=passed.z.shape[1],
        mean=float(passed.values.mean()),
        deviation=float(np.sqrt(passed.values.var(axis=0).mean())),
        dead=dead,
        saturated=saturated,
        identical=_identical_units(plan, passed.index, parameters) if passed.function else 0,
        weight_norm=weights,
        gradient_norm=_norm(gradient[part]),
        signal=float(np.sqrt((passed.signal**2).sum(axis=1).mean())),
        update_ratio=ratio,
    )


def _norm(values: AnyArray) -> float:
    return float(np.linalg.norm(values))


def _flat_units(passed: _Passed) -> tuple[int, int]:
    """Return how many units are dead, and how many are saturated."""
    if passed.function is None:
        return 0, 0
    flatness = flatness_of(passed.function)
    flat = np.abs(passed.slope) < flatness.limit
    if flatness.has_two_ends:
        return 0, int((flat.mean(axis=0) >= NEARLY_ALL).sum())
    return int(flat.all(axis=0).sum()), 0


def _identical_units(plan: TrainingPlan, index: int, parameters: Vector) -> int:
    """Return how many units of a hidden layer have a twin: the same weights in and out."""
    slots = plan.network.slots
    views = plan.network.views(parameters)
    own = [view for slot, view in zip(slots, views, strict=True) if slot.layer == index]
    following = min(slot.layer for slot in slots if slot.layer > index)
    out = next(view for slot, view in zip(slots, views, strict=True) if slot.layer == following)
    units = np.concatenate([own[0], own[1][None, :], out.T]).T
    scale = float(np.abs(units).max()) or 1.0
    rounded = np.round(units / (scale * _TOLERANCE))
    _, counts = np.unique(rounded, axis=0, return_counts=True)
    return int(counts[counts > 1].sum())


def _is_same(raw: Matrix) -> bool:
    """Tell whether the network gives every row the same answer."""
    spread = float(np.ptp(raw, axis=0).max()) if len(raw) else 0.0
    return len(raw) > 1 and spread <= _TOLERANCE * max(1.0, float(np.abs(raw).max()))


def _next_change(
    plan: TrainingPlan, batch: TrainingData, parameters: Vector, snapshot: Snapshot
) -> Vector | None:
    """Return what the next step would add to the parameters; None with L-BFGS."""
    if isinstance(plan.optimiser, LBFGS):
        return None
    context = ForwardContext(training=True, seed=plan.dropout_seed, step=snapshot.step + 1)
    rows = (batch.x, batch.target, batch.weight)
    found = objective_and_gradient(
        plan.network, plan.loss, plan.penalties, parameters, *rows, context
    )
    rate = snapshot.learning_rate
    if rate is None:
        rate = plan.schedule.rate(_beginning(plan))
    memory: dict[str, NDArray[np.float64]] = {
        name: slot.astype(np.float64) for name, slot in snapshot.memory.items()
    }
    # Without its memory an optimiser begins anew: the moments of step 1, not of step 10,000.
    number = snapshot.step + 1 if memory else 1
    return take_step(plan, parameters, found.gradient, memory, (number, rate)).change


def _beginning(plan: TrainingPlan) -> Moment:
    return Moment(
        step=0,
        epoch=0,
        steps_per_epoch=1,
        max_epochs=plan.stopping.max_epochs,
        samples_before_epoch=0,
        divisions=0,
    )
