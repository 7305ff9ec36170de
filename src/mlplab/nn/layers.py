"""Layers: each gives its value and the pullback of exactly that value.

``forward(parameters, x, context)`` returns ``(value, pullback)``. ``pullback(d_value)`` takes the
gradient of some scalar with respect to the value and returns ``(d_x, gradients)``: the gradient
with respect to the input and one array for each parameter. What is returned and what is
differentiated is the same function, always (no layer hides a loss).

A layer is frozen data that says what it is; its parameters live in the flat vector of the
network. A new kind of layer (scaling, embedding, normalisation) is a new class here and a line
in `LAYER_KINDS`; nothing else has to know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Float

from mlplab._typing import AnyArray, Matrix, Rows
from mlplab.nn.activations import get_activation
from mlplab.nn.dropout import keep_mask

__all__ = [
    "LAYER_KINDS",
    "Activation",
    "Dense",
    "Dropout",
    "ForwardContext",
    "Layer",
    "ParameterSpec",
    "Pullback",
]

Pullback: TypeAlias = Callable[[Matrix], tuple[Matrix, list[AnyArray]]]


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """One array of parameters and how it is treated.

    Attributes
    ----------
    name : str
        ``"weight"`` or ``"bias"``, unique within its layer.
    shape : tuple of int
    penalised : bool
        Whether L1, L2 and weight decay act on it (biases are exempt).
    rate_factor : float
        Factor on the learning rate.
    """

    name: str
    shape: tuple[int, ...]
    penalised: bool
    rate_factor: float = 1.0

    @property
    def size(self) -> int:
        """Number of parameters."""
        return int(np.prod(self.shape))


@dataclass(frozen=True, slots=True)
class ForwardContext:
    """What a forward pass needs to know beside its input.

    Attributes
    ----------
    training : bool
        Dropout acts only in training.
    seed, step : int
        Coordinates of the dropout masks.
    layer : int
        Index of the layer in its network, the third coordinate.
    is_first : bool
        The gradient with respect to the network's input is not needed and not computed.
    """

    training: bool = False
    seed: int = 0
    step: int = 0
    layer: int = 0
    is_first: bool = False


@runtime_checkable
class Layer(Protocol):
    """What a layer offers."""

    @property
    def kind(self) -> str:
        """Name for files."""
        ...

    @property
    def parameters(self) -> tuple[ParameterSpec, ...]:
        """Arrays of parameters, in the order of the flat vector."""
        ...

    def forward(
        self, parameters: Sequence[AnyArray], x: Rows, context: ForwardContext
    ) -> tuple[Matrix, Pullback]:
        """Return the value and the pullback of exactly that value."""
        ...


@dataclass(frozen=True, slots=True)
class Dense:
    """``z = x W + b``.

    With D = ∂L/∂z of shape (batch, fan_out) the chain rule gives

    - ``∂L/∂W = xᵀ D``, because ``z_bj`` holds ``W_ij`` with the factor ``x_bi``;
    - ``∂L/∂b = Σ_batch D``;
    - ``∂L/∂x = D Wᵀ``.

    Parameters
    ----------
    fan_in, fan_out : int
        Numbers of inputs and units.
    """

    fan_in: int
    fan_out: int
    kind: ClassVar[str] = "dense"

    @property
    def parameters(self) -> tuple[ParameterSpec, ...]:
        """Weight of shape (fan_in, fan_out) and bias of shape (fan_out,)."""
        return (
            ParameterSpec("weight", (self.fan_in, self.fan_out), penalised=True),
            ParameterSpec("bias", (self.fan_out,), penalised=False),
        )

    def forward(
        self, parameters: Sequence[AnyArray], x: Rows, context: ForwardContext
    ) -> tuple[Matrix, Pullback]:
        """Return z and its pullback; ``x`` may be a SciPy CSR matrix."""
        weight, bias = parameters
        z = np.asarray(x @ weight)
        z += bias

        def pullback(
            d_z: Float[np.ndarray, "batch fan_out"],
        ) -> tuple[Float[np.ndarray, "batch fan_in"], list[AnyArray]]:
            gradients = [np.asarray(x.T @ d_z), d_z.sum(axis=0)]
            # The input of the network is data: its gradient would be a wasted product.
            d_x = d_z[:, :0] if context.is_first else d_z @ weight.T
            return d_x, gradients

        return z, pullback


@dataclass(frozen=True, slots=True)
class Activation:
    """``a = f(z)``, element by element, so ``∂L/∂z = ∂L/∂a · f'(z)``.

    Parameters
    ----------
    function : str
        Name of an activation; see `mlplab.nn.ACTIVATIONS`.
    """

    function: str
    kind: ClassVar[str] = "activation"

    @property
    def parameters(self) -> tuple[ParameterSpec, ...]:
        """None."""
        return ()

    def forward(
        self,
        parameters: Sequence[AnyArray],  # noqa: ARG002  (the protocol's signature)
        x: Rows,
        context: ForwardContext,  # noqa: ARG002  (same)
    ) -> tuple[Matrix, Pullback]:
        """Return a and its pullback."""
        function = get_activation(self.function)
        a = function.value(x)

        def pullback(d_a: Matrix) -> tuple[Matrix, list[AnyArray]]:
            return d_a * function.derivative(x, a), []

        return a, pullback


@dataclass(frozen=True, slots=True)
class Dropout:
    """Inverted dropout (Srivastava et al., 2014): ``x · mask / (1 − rate)`` while training.

    Parameters
    ----------
    rate : float in [0, 1)
        Share of the units that is dropped.
    """

    rate: float
    kind: ClassVar[str] = "dropout"

    @property
    def parameters(self) -> tuple[ParameterSpec, ...]:
        """None."""
        return ()

    def forward(
        self,
        parameters: Sequence[AnyArray],  # noqa: ARG002  (the protocol's signature)
        x: Rows,
        context: ForwardContext,
    ) -> tuple[Matrix, Pullback]:
        """Return the thinned x and its pullback, which uses the same mask."""
        if not context.training or self.rate == 0:
            return x, lambda d_x: (d_x, [])
        mask = keep_mask(
            self.rate, x.shape, seed=context.seed, step=context.step, layer=context.layer
        )
        scale = mask.astype(x.dtype) * x.dtype.type(1 / (1 - self.rate))
        return x * scale, lambda d_value: (d_value * scale, [])


LAYER_KINDS: dict[str, Any] = {layer.kind: layer for layer in (Dense, Activation, Dropout)}
"""Kinds of layers by the name used in files."""
