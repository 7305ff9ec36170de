"""Named optimisers: frozen data that build short chains of transforms.

Because a recipe is data, a plan that holds one can be compared, stored and carried out by any
engine. `transform()` gives the definition that the reference engine runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from mlplab.optim.transforms import (
    Transform,
    accumulate_squares,
    accumulate_velocity,
    adam_direction,
    chain,
    nadam_direction,
    rms_direction,
    scale_by_rate,
)

__all__ = [
    "LBFGS",
    "OPTIMISERS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "NAdam",
    "Optimiser",
    "RMSprop",
]


@runtime_checkable
class Optimiser(Protocol):
    """What a recipe offers."""

    @property
    def name(self) -> str:
        """Name for files and messages."""
        ...

    def transform(self) -> Transform:
        """Return the chain that turns a gradient into the vector added to the parameters."""
        ...


@dataclass(frozen=True, slots=True)
class SGD:
    """``v ← μ v − η g``; the step is ``v``, or ``μ v − η g`` with Nesterov's variant.

    Parameters
    ----------
    momentum : float in [0, 1]
    nesterov : bool

    References
    ----------
    Sutskever, Martens, Dahl and Hinton, 2013.
    """

    momentum: float = 0.9
    nesterov: bool = True
    name: ClassVar[str] = "sgd"

    def transform(self) -> Transform:
        """Return the chain."""
        if self.momentum == 0:
            return scale_by_rate()
        velocity = accumulate_velocity(self.momentum, nesterov=self.nesterov)
        return chain(scale_by_rate(), velocity)


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam in scikit-learn's form; see `adam_direction` for the place of ε.

    References
    ----------
    Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    name: ClassVar[str] = "adam"

    def transform(self) -> Transform:
        """Return the chain."""
        direction = adam_direction(self.beta_1, self.beta_2, self.epsilon, epsilon_inside=False)
        return chain(direction, scale_by_rate())


@dataclass(frozen=True, slots=True)
class AdamW:
    """Adam in PyTorch's form, meant to go with decoupled weight decay (`weight_decay`).

    References
    ----------
    Loshchilov and Hutter, 2019, https://arxiv.org/abs/1711.05101
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    name: ClassVar[str] = "adamw"

    def transform(self) -> Transform:
        """Return the chain."""
        direction = adam_direction(self.beta_1, self.beta_2, self.epsilon, epsilon_inside=True)
        return chain(direction, scale_by_rate())


@dataclass(frozen=True, slots=True)
class NAdam:
    """Adam with Nesterov's momentum, as in PyTorch.

    Parameters
    ----------
    momentum_decay : float
        How fast the momentum rises to ``beta_1``.

    References
    ----------
    Dozat, 2016, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    momentum_decay: float = 0.004
    name: ClassVar[str] = "nadam"

    def transform(self) -> Transform:
        """Return the chain."""
        direction = nadam_direction(self.beta_1, self.beta_2, self.epsilon, self.momentum_decay)
        return chain(direction, scale_by_rate())


@dataclass(frozen=True, slots=True)
class RMSprop:
    """Steps scaled by a running root mean square, as in PyTorch.

    Parameters
    ----------
    decay : float
        PyTorch's ``alpha``.

    References
    ----------
    Tieleman and Hinton, Lecture 6.5 of Neural Networks for Machine Learning, 2012.
    """

    decay: float = 0.99
    epsilon: float = 1e-8
    name: ClassVar[str] = "rmsprop"

    def transform(self) -> Transform:
        """Return the chain."""
        return chain(rms_direction(self.decay, self.epsilon), scale_by_rate())


@dataclass(frozen=True, slots=True)
class Adagrad:
    """Steps scaled by the root of all squares so far, as in PyTorch.

    References
    ----------
    Duchi, Hazan and Singer, 2011.
    """

    epsilon: float = 1e-10
    name: ClassVar[str] = "adagrad"

    def transform(self) -> Transform:
        """Return the chain."""
        return chain(accumulate_squares(self.epsilon), scale_by_rate())


@dataclass(frozen=True, slots=True)
class LBFGS:
    """Limited-memory BFGS on the objective over all rows; see `mlplab.optim.lbfgs`.

    Parameters
    ----------
    max_evaluations : int
        Largest number of evaluations of the objective (``max_fun``).
    gradient_tolerance : float
        Stop when no entry of the gradient is larger (``tol``).
    memory : int
        Number of pairs of steps and gradient changes kept.
    resumable : bool
        Keep the curvature pairs in the state, so that n calls of one iteration are one call of n
        iterations. SciPy's routine cannot be resumed, so our own two-loop recursion with SciPy's
        line search is used.
    """

    max_evaluations: int = 15000
    gradient_tolerance: float = 1e-4
    memory: int = 10
    resumable: bool = False
    name: ClassVar[str] = "lbfgs"

    def transform(self) -> Transform:
        """Refuse: L-BFGS has a line search and no update from a gradient alone."""
        raise NotImplementedError(type(self).__name__)


OPTIMISERS: dict[str, type[Any]] = {
    recipe.name: recipe for recipe in (SGD, Adam, AdamW, NAdam, RMSprop, Adagrad, LBFGS)
}
"""Every recipe by its name."""
