"""A network: its layers, its flat vector of parameters, and the chain rule on one screen."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlplab._typing import AnyArray, Matrix, Rows, Vector
from mlplab.nn.layers import (
    LAYER_KINDS,
    Activation,
    Dense,
    Dropout,
    ForwardContext,
    Layer,
    ParameterSpec,
)
from mlplab.results.stored import built

__all__ = ["NetworkSpec", "ParameterSlot", "backward_pass", "forward_pass", "multilayer"]


@dataclass(frozen=True, slots=True)
class ParameterSlot:
    """Where one array of parameters lies in the flat vector.

    Attributes
    ----------
    layer : int
        Index of the layer in the network.
    spec : ParameterSpec
    start, stop : int
        The part of the flat vector.
    """

    layer: int
    spec: ParameterSpec
    start: int
    stop: int


@dataclass(frozen=True)
class NetworkSpec:
    """Layers one after another; all parameters lie in one flat vector, layer by layer.

    One vector means that optimisers are element-wise functions of vectors, that L-BFGS, gradient
    checks and native engines see the same memory, and that many networks of one shape are the
    rows of a matrix.

    Examples
    --------
    >>> network = multilayer(2, [2], 1, "logistic")
    >>> network.n_parameters
    9
    >>> [(slot.spec.name, slot.spec.shape) for slot in network.slots]
    [('weight', (2, 2)), ('bias', (2,)), ('weight', (2, 1)), ('bias', (1,))]
    """

    layers: tuple[Layer, ...]

    @functools.cached_property
    def slots(self) -> tuple[ParameterSlot, ...]:
        """Where each array of parameters lies in the flat vector."""
        slots, start = [], 0
        for index, layer in enumerate(self.layers):
            for spec in layer.parameters:
                slots.append(ParameterSlot(index, spec, start, start + spec.size))
                start += spec.size
        return tuple(slots)

    @property
    def n_parameters(self) -> int:
        """Number of all parameters."""
        return self.slots[-1].stop

    @functools.cached_property
    def dense_layers(self) -> tuple[Dense, ...]:
        """The layers with weights, in order."""
        return tuple(layer for layer in self.layers if isinstance(layer, Dense))

    @property
    def units(self) -> tuple[int, ...]:
        """Numbers of units from the input to the output."""
        return (self.dense_layers[0].fan_in, *(layer.fan_out for layer in self.dense_layers))

    @functools.cached_property
    def hidden_ends(self) -> tuple[int, ...]:
        """For each hidden layer, the number of network layers up to its value (no dropout)."""
        dense = [i for i, layer in enumerate(self.layers) if isinstance(layer, Dense)]
        return tuple(index + 2 for index in dense[:-1])

    def views(self, parameters: Vector) -> list[AnyArray]:
        """Return the arrays of parameters as views of the flat vector, one for each slot."""
        return [parameters[slot.start : slot.stop].reshape(slot.spec.shape) for slot in self.slots]

    def views_by_layer(self, parameters: Vector) -> list[list[AnyArray]]:
        """Return the views of each layer, an empty list where a layer has none."""
        by_layer: list[list[AnyArray]] = [[] for _ in self.layers]
        for slot, view in zip(self.slots, self.views(parameters), strict=True):
            by_layer[slot.layer].append(view)
        return by_layer

    def pack(self, arrays: Sequence[AnyArray], dtype: Any = None) -> Vector:
        """Return the flat vector that holds copies of these arrays, one for each slot."""
        return np.concatenate([np.asarray(array, dtype=dtype).ravel() for array in arrays])

    def _per_parameter(self, value: Callable[[ParameterSpec], float], dtype: Any) -> Vector:
        return np.concatenate(
            [np.full(slot.spec.size, value(slot.spec), dtype=dtype) for slot in self.slots]
        )

    def penalty_mask(self, dtype: Any = np.float64) -> Vector:
        """Return 1 where penalties act (weights) and 0 where they do not (biases)."""
        return self._per_parameter(lambda spec: float(spec.penalised), dtype)

    def rate_factors(self, dtype: Any = np.float64) -> Vector | None:
        """Return the factors on the learning rate, or None where all are 1."""
        if all(slot.spec.rate_factor == 1 for slot in self.slots):
            return None
        return self._per_parameter(lambda spec: spec.rate_factor, dtype)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the layers as plain mappings, ready for JSON."""
        return [{"kind": layer.kind, **dataclasses.asdict(layer)} for layer in self.layers]  # type: ignore[call-overload]  # layers are dataclasses

    @classmethod
    def from_dicts(cls, layers: Sequence[Mapping[str, Any]]) -> NetworkSpec:
        """Return the network that `to_dicts` described.

        Raises
        ------
        KeyError, TypeError
            A layer is of an unknown kind, or a field of it of another type.
        """
        layers_of_file: list[Layer] = []
        for layer in layers:
            fields = {key: value for key, value in layer.items() if key != "kind"}
            layers_of_file.append(built(LAYER_KINDS[layer["kind"]], fields))
        return cls(tuple(layers_of_file))


def multilayer(
    n_features: int,
    hidden: Sequence[int],
    n_outputs: int,
    activation: str | Sequence[str] = "relu",
    dropout: float | Sequence[float] = 0.0,
) -> NetworkSpec:
    """Return a multi-layer perceptron: dense, activation, dropout for each hidden layer.

    Parameters
    ----------
    n_features, n_outputs : int
        Numbers of inputs and raw predictions.
    hidden : sequence of int
        Units of the hidden layers; empty gives a linear model.
    activation : str or one str a hidden layer
    dropout : float or one float a hidden layer
        Share of the hidden units dropped while training.
    """
    functions = [activation] * len(hidden) if isinstance(activation, str) else list(activation)
    rates = [dropout] * len(hidden) if isinstance(dropout, (int, float)) else list(dropout)
    layers: list[Layer] = []
    width = n_features
    for units, function, rate in zip(hidden, functions, rates, strict=True):
        layers += [Dense(width, units), Activation(function)]
        if rate:
            layers.append(Dropout(rate))
        width = units
    return NetworkSpec((*layers, Dense(width, n_outputs)))


def forward_pass(
    network: NetworkSpec,
    parameters: Vector,
    x: Rows,
    context: ForwardContext | None = None,
    *,
    stop: int | None = None,
) -> tuple[Matrix, Callable[[Matrix], Vector]]:
    """Return the raw predictions and the function that pulls a gradient back through the network.

    The chain rule: every layer hands on its value and remembers its own pullback; the gradient
    then runs through the pullbacks in reverse order.

    Parameters
    ----------
    network : NetworkSpec
    parameters : ndarray of shape (n_parameters,)
    x : ndarray or CSR matrix of shape (batch, n_features)
    context : ForwardContext, optional
        Prediction without dropout if not given.
    stop : int, optional
        Stop after this many layers (the value of a hidden layer).

    Returns
    -------
    value : ndarray of shape (batch, n_outputs)
    backward : callable
        ``backward(d_value) -> gradient``, of shape (n_parameters,).
    """
    context = context or ForwardContext()
    pullbacks = []
    own_parameters = network.views_by_layer(parameters)
    value = x
    for index, layer in enumerate(network.layers[:stop]):
        here = dataclasses.replace(context, layer=index, is_first=index == 0)
        value, pullback = layer.forward(own_parameters[index], value, here)
        pullbacks.append(pullback)

    def backward(d_value: Matrix) -> Vector:
        return network.pack(list(backward_pass(pullbacks, d_value)))

    return value, backward


def backward_pass(pullbacks: Sequence[Any], d_value: Matrix) -> Iterator[AnyArray]:
    """Yield the gradients of all parameters in the order of the slots."""
    gradients: list[list[AnyArray]] = []
    for pullback in reversed(pullbacks):
        d_value, own = pullback(d_value)
        gradients.append(own)
    for own in reversed(gradients):
        yield from own
