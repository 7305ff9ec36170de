"""Small transforms of gradients, and how to chain them.

A transform is a pair of pure functions: ``init(parameters) -> slots`` and
``update(direction, slots, step) -> (direction, slots)``. Slots are named vectors. The last
transform of a chain leaves the vector that is added to the parameters.

Readability and closeness to the equations of the papers come before speed here; fast engines
write the same equations as one loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from mlplab._typing import AnyArray, Vector

__all__ = [
    "Slots",
    "Step",
    "Transform",
    "accumulate_squares",
    "accumulate_velocity",
    "adam_direction",
    "chain",
    "clip_by_norm",
    "clip_by_value",
    "decouple_decay",
    "nadam_direction",
    "rms_direction",
    "scale_by_rate",
]

Slots: TypeAlias = Mapping[str, AnyArray]


@dataclass(frozen=True, slots=True)
class Step:
    """What a transform may know about the step.

    Attributes
    ----------
    number : int
        Counts from 1.
    rate : float
        Learning rate of this step.
    parameters : ndarray of shape (n_parameters,)
        Before the step.
    """

    number: int
    rate: float
    parameters: Vector


class Transform(NamedTuple):
    """A pair of pure functions; see the head of the module."""

    init: Callable[[Vector], Slots]
    update: Callable[[Vector, Slots, Step], tuple[Vector, Slots]]


def _stateless(update: Callable[[Vector, Step], Vector]) -> Transform:
    return Transform(lambda _: {}, lambda direction, slots, step: (update(direction, step), slots))


def _zeros(*names: str) -> Callable[[Vector], Slots]:
    return lambda parameters: {name: np.zeros_like(parameters) for name in names}


def chain(*transforms: Transform) -> Transform:
    """Return the transform that applies these one after another; slot names must differ."""

    def init(parameters: Vector) -> Slots:
        return {
            name: slot
            for transform in transforms
            for name, slot in transform.init(parameters).items()
        }

    def update(direction: Vector, slots: Slots, step: Step) -> tuple[Vector, Slots]:
        new = dict(slots)
        for transform in transforms:
            direction, changed = transform.update(direction, new, step)
            new.update(changed)
        return direction, new

    return Transform(init, update)


def clip_by_value(limit: float) -> Transform:
    """Limit every entry to ±limit."""
    return _stateless(lambda direction, _: np.clip(direction, -limit, limit))


def clip_by_norm(limit: float) -> Transform:
    """Scale the whole vector down to this Euclidean norm where it is longer (Pascanu, 2013)."""

    def update(direction: Vector, _: Step) -> Vector:
        norm = float(np.linalg.norm(direction))
        return direction * direction.dtype.type(limit / norm) if norm > limit else direction

    return _stateless(update)


def scale_by_rate() -> Transform:
    """Turn a direction of ascent into a step down: multiply by −rate."""
    return _stateless(lambda direction, step: direction * direction.dtype.type(-step.rate))


def accumulate_velocity(momentum: float, *, nesterov: bool) -> Transform:
    """``v ← μ v + u``; the step is v, or with Nesterov's variant ``μ v + u``.

    It follows `scale_by_rate`, so the velocity holds steps, not gradients: when the rate changes,
    earlier steps keep the rate they were made with. This is scikit-learn's convention (and the
    sources'); PyTorch multiplies the whole velocity by the current rate.
    """

    def update(direction: Vector, slots: Slots, _: Step) -> tuple[Vector, Slots]:
        velocity = momentum * slots["velocity"] + direction
        taken = momentum * velocity + direction if nesterov else velocity
        return taken, {"velocity": velocity}

    return Transform(_zeros("velocity"), update)


def adam_direction(
    beta_1: float, beta_2: float, epsilon: float, *, epsilon_inside: bool
) -> Transform:
    """``m̂ / (√v̂ + ε)`` with bias-corrected moments (Kingma and Ba, 2015).

    The paper gives two forms. Algorithm 1 adds ε to ``√v̂`` (PyTorch; ``epsilon_inside=True``);
    the efficient form at the end of its section 2 adds it to ``√v`` before the correction
    (scikit-learn). They differ by a factor on ε that tends to one.
    """

    def update(direction: Vector, slots: Slots, step: Step) -> tuple[Vector, Slots]:
        m = beta_1 * slots["first_moment"] + (1 - beta_1) * direction
        v = beta_2 * slots["second_moment"] + (1 - beta_2) * direction**2
        root = np.sqrt(1 - beta_2**step.number)
        correction = direction.dtype.type(root / (1 - beta_1**step.number))
        shifted = epsilon * root if epsilon_inside else epsilon
        scaled = correction * m / (np.sqrt(v) + direction.dtype.type(shifted))
        return scaled, {"first_moment": m, "second_moment": v}

    return Transform(_zeros("first_moment", "second_moment"), update)


def nadam_direction(beta_1: float, beta_2: float, epsilon: float, decay: float) -> Transform:
    """Adam with Nesterov's look-ahead (Dozat, 2016), momentum rising as in PyTorch.

    ``μ_t = β₁ (1 − ½·0.96^(tψ))`` with ψ = ``decay``; the bias correction is the product of all
    μ so far.
    """

    def init(parameters: Vector) -> Slots:
        return {**_zeros("first_moment", "second_moment")(parameters), "mu_product": np.ones(1)}

    def mu(number: int) -> float:
        return float(beta_1 * (1 - 0.5 * 0.96 ** (number * decay)))

    def update(direction: Vector, slots: Slots, step: Step) -> tuple[Vector, Slots]:
        now, following = mu(step.number), mu(step.number + 1)
        product = slots["mu_product"] * now
        m = beta_1 * slots["first_moment"] + (1 - beta_1) * direction
        v = beta_2 * slots["second_moment"] + (1 - beta_2) * direction**2
        kind = direction.dtype.type
        denominator = np.sqrt(v / kind(1 - beta_2**step.number)) + kind(epsilon)
        ahead = kind(following / (1 - float(product[0]) * following)) * m
        here = kind((1 - now) / (1 - float(product[0]))) * direction
        slots = {"first_moment": m, "second_moment": v, "mu_product": product}
        return (here + ahead) / denominator, slots

    return Transform(init, update)


def rms_direction(decay: float, epsilon: float) -> Transform:
    """``g / (√v + ε)`` with ``v ← ρ v + (1−ρ) g²`` (Tieleman and Hinton, 2012)."""

    def update(direction: Vector, slots: Slots, _: Step) -> tuple[Vector, Slots]:
        v = decay * slots["mean_square"] + (1 - decay) * direction**2
        return direction / (np.sqrt(v) + direction.dtype.type(epsilon)), {"mean_square": v}

    return Transform(_zeros("mean_square"), update)


def accumulate_squares(epsilon: float) -> Transform:
    """``g / (√Σg² + ε)`` (Adagrad; Duchi, Hazan and Singer, 2011)."""

    def update(direction: Vector, slots: Slots, _: Step) -> tuple[Vector, Slots]:
        total = slots["sum_of_squares"] + direction**2
        return direction / (np.sqrt(total) + direction.dtype.type(epsilon)), {
            "sum_of_squares": total
        }

    return Transform(_zeros("sum_of_squares"), update)


def decouple_decay(strength: float, mask: Vector) -> Transform:
    """Add ``−rate·strength·w`` to the step (Loshchilov and Hutter, 2019).

    It comes last, so that neither moments nor velocity ever see the decay.

    Parameters
    ----------
    strength : float
    mask : ndarray of shape (n_parameters,)
        1 where decay acts, 0 elsewhere.
    """

    def update(direction: Vector, step: Step) -> Vector:
        factor = direction.dtype.type(step.rate * strength)
        return direction - factor * (mask * step.parameters)

    return _stateless(update)
