"""Optimisers as tensor operations on the rows of a matrix, one network a row.

The conventions are those of `mlplab.optim.transforms`: the velocity holds steps, ε stands where it
stands there. ``torch.optim`` agrees with some of them only, and knows one step number and one
learning rate for all networks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from mlplab.engines.torch_functions import Tensor
from mlplab.optim import SGD, Adagrad, Adam, AdamW, NAdam, RMSprop

__all__ = ["Slots", "Steps", "clip_by_norm", "clip_by_value", "slot_names", "update"]

Slots: TypeAlias = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Steps:
    """The step that each network is about to make.

    Attributes
    ----------
    numbers : tuple of int
        Count from 1.
    rate : Tensor of shape (networks, 1)
    column : callable
        Makes a float64 tensor of shape (networks, 1) of one number a network.
    """

    numbers: tuple[int, ...]
    rate: Tensor
    column: Callable[[list[float]], Tensor]

    def each(self, value: Callable[[int], float]) -> Tensor:
        """Return a function of the step's number for each network, of shape (networks, 1)."""
        # Networks that began together have the same number: one evaluation serves them all.
        known = {number: value(number) for number in set(self.numbers)}
        return self.column([known[number] for number in self.numbers])


Update: TypeAlias = Callable[[Any, Tensor, Slots, Steps], tuple[Tensor, Slots]]


def _sgd(recipe: SGD, gradient: Tensor, slots: Slots, steps: Steps) -> tuple[Tensor, Slots]:
    step = gradient * -steps.rate
    if recipe.momentum == 0:
        return step, {}
    velocity = recipe.momentum * slots["velocity"] + step
    taken = recipe.momentum * velocity + step if recipe.nesterov else velocity
    return taken, {"velocity": velocity}


def _moments(recipe: Any, gradient: Tensor, slots: Slots) -> tuple[Tensor, Tensor]:
    # In place, but never in the slots: an interrupt leaves those of the last completed step.
    m = recipe.beta_1 * slots["first_moment"]
    m += (1 - recipe.beta_1) * gradient
    v = recipe.beta_2 * slots["second_moment"]
    v += (1 - recipe.beta_2) * (gradient * gradient)
    return m, v


def _adam(recipe: Adam | AdamW, gradient: Tensor, slots: Slots, steps: Steps) -> tuple[Any, Slots]:
    m, v = _moments(recipe, gradient, slots)

    def root(number: int) -> float:
        return math.sqrt(1 - recipe.beta_2**number)

    correction = steps.each(lambda number: root(number) / (1 - recipe.beta_1**number)).to(v.dtype)
    epsilon: Tensor | float = recipe.epsilon
    if isinstance(recipe, AdamW):
        epsilon = steps.each(lambda number: recipe.epsilon * root(number)).to(v.dtype)
    denominator = v.sqrt()
    denominator += epsilon
    change = correction * m
    change /= denominator
    change *= -steps.rate
    return change, {"first_moment": m, "second_moment": v}


def _nadam(recipe: NAdam, gradient: Tensor, slots: Slots, steps: Steps) -> tuple[Tensor, Slots]:
    m, v = _moments(recipe, gradient, slots)

    def mu(number: int) -> float:
        return float(recipe.beta_1 * (1 - 0.5 * 0.96 ** (number * recipe.momentum_decay)))

    now, following = steps.each(mu), steps.each(lambda number: mu(number + 1))
    product = slots["mu_product"] * now
    here = ((1 - now) / (1 - product)).to(v.dtype)
    ahead = (following / (1 - product * following)).to(v.dtype)
    correction = steps.each(lambda number: 1 - recipe.beta_2**number).to(v.dtype)
    denominator = (v / correction).sqrt() + recipe.epsilon
    change = (here * gradient + ahead * m) / denominator * -steps.rate
    return change, {"first_moment": m, "second_moment": v, "mu_product": product}


def _rmsprop(recipe: RMSprop, gradient: Tensor, slots: Slots, steps: Steps) -> tuple[Any, Slots]:
    v = recipe.decay * slots["mean_square"] + (1 - recipe.decay) * (gradient * gradient)
    return gradient / (v.sqrt() + recipe.epsilon) * -steps.rate, {"mean_square": v}


def _adagrad(recipe: Adagrad, gradient: Tensor, slots: Slots, steps: Steps) -> tuple[Any, Slots]:
    total = slots["sum_of_squares"] + gradient * gradient
    return gradient / (total.sqrt() + recipe.epsilon) * -steps.rate, {"sum_of_squares": total}


UPDATES: dict[type[Any], Update] = {
    SGD: _sgd,
    Adam: _adam,
    AdamW: _adam,
    NAdam: _nadam,
    RMSprop: _rmsprop,
    Adagrad: _adagrad,
}
"""Every built-in optimiser that makes a step of a gradient."""

SLOTS: dict[type[Any], tuple[str, ...]] = {
    Adam: ("first_moment", "second_moment"),
    AdamW: ("first_moment", "second_moment"),
    NAdam: ("first_moment", "second_moment", "mu_product"),
    RMSprop: ("mean_square",),
    Adagrad: ("sum_of_squares",),
}


def update(recipe: Any, gradient: Tensor, slots: Slots, steps: Steps) -> tuple[Tensor, Slots]:
    """Return what is added to the parameters, and the new slots.

    Parameters
    ----------
    recipe : Optimiser
        Of a class in `UPDATES`.
    gradient : Tensor of shape (networks, n_parameters)
    slots : mapping of str to Tensor of shape (networks, n_parameters)
        ``mu_product`` is float64 and of shape (networks, 1).
    steps : Steps
    """
    return UPDATES[type(recipe)](recipe, gradient, slots, steps)


def slot_names(recipe: Any) -> tuple[str, ...]:
    """Return the names of an optimiser's slots."""
    if isinstance(recipe, SGD):
        return ("velocity",) if recipe.momentum else ()
    return SLOTS[type(recipe)]


def clip_by_value(gradient: Tensor, limit: Tensor) -> Tensor:
    """Limit every entry to ±limit, which has the shape (networks, 1)."""
    return gradient.minimum(limit).maximum(-limit)


def clip_by_norm(gradient: Tensor, limit: Tensor) -> Tensor:
    """Scale each row down to its limit, of shape (networks, 1), where it is longer."""
    norm = (gradient * gradient).sum(1, keepdim=True).sqrt()
    return (gradient * (limit / norm)).where(norm > limit, gradient)
