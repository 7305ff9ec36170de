"""Initial weights, drawn layer by layer: the weight first, then the bias.

References
----------
Glorot and Bengio, 2010 (glorot); He et al., 2015 (he); LeCun et al., 1998 (lecun).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mlplab._typing import AnyArray, Vector
from mlplab.errors import ParameterError, did_you_mean
from mlplab.nn.layers import Activation, ParameterSpec
from mlplab.nn.network import NetworkSpec

__all__ = ["INITIALISERS", "RandomDraws", "draw_parameters"]


@runtime_checkable
class RandomDraws(Protocol):
    """What an initialiser asks of a generator; NumPy's old and new ones both have it."""

    def uniform(self, low: Any, high: Any, size: Any) -> Any:
        """Draw from the uniform distribution."""
        ...

    def normal(self, loc: Any, scale: Any, size: Any) -> Any:
        """Draw from the normal distribution."""
        ...


Draw = Callable[[RandomDraws, int, int, tuple[int, ...]], AnyArray]


def _uniform(bound: Callable[[int, int], float]) -> Draw:
    def draw(rng: RandomDraws, fan_in: int, fan_out: int, shape: tuple[int, ...]) -> AnyArray:
        limit = bound(fan_in, fan_out)
        return np.asarray(rng.uniform(-limit, limit, shape))

    return draw


def _normal(deviation: Callable[[int, int], float]) -> Draw:
    def draw(rng: RandomDraws, fan_in: int, fan_out: int, shape: tuple[int, ...]) -> AnyArray:
        return np.asarray(rng.normal(0.0, deviation(fan_in, fan_out), shape))

    return draw


def _zeros(rng: RandomDraws, fan_in: int, fan_out: int, shape: tuple[int, ...]) -> AnyArray:  # noqa: ARG001  (the signature of all)
    return np.zeros(shape)


# A uniform distribution on ±√3·d has standard deviation d.
INITIALISERS: dict[str, Draw] = {
    "glorot_uniform": _uniform(lambda fan_in, fan_out: np.sqrt(6 / (fan_in + fan_out))),
    "glorot_normal": _normal(lambda fan_in, fan_out: np.sqrt(2 / (fan_in + fan_out))),
    "he_uniform": _uniform(lambda fan_in, _: np.sqrt(6 / fan_in)),
    "he_normal": _normal(lambda fan_in, _: np.sqrt(2 / fan_in)),
    "lecun_normal": _normal(lambda fan_in, _: np.sqrt(1 / fan_in)),
    "uniform": _uniform(lambda *_: 0.05),
    "normal": _normal(lambda *_: 0.05),
    "zeros": _zeros,
}
"""Initialisers of weights by name; their biases start at zero. ``auto`` is scikit-learn's."""


def _sklearn_bound(network: NetworkSpec, fan_in: int, fan_out: int) -> float:
    """scikit-learn's bound: Glorot's, with 2 in place of 6 where the activation is logistic."""
    functions = {layer.function for layer in network.layers if isinstance(layer, Activation)}
    factor = 2.0 if functions == {"logistic"} else 6.0
    return float(np.sqrt(factor / (fan_in + fan_out)))


def draw_parameters(
    network: NetworkSpec, init: str, rng: RandomDraws, dtype: Any = np.float64
) -> Vector:
    """Return initial parameters as a flat vector.

    Parameters
    ----------
    network : NetworkSpec
    init : str
        ``"auto"`` draws weights and biases as scikit-learn does, from the same generator in the
        same order. A name of `INITIALISERS` draws the weights and sets the biases to zero.
    rng : numpy.random.RandomState or numpy.random.Generator
    dtype : data type
        Drawn in float64, then rounded.

    Raises
    ------
    ParameterError
        There is no initialiser of this name.
    """
    if init != "auto" and init not in INITIALISERS:
        valid = ["auto", *INITIALISERS]
        message = (
            f"`init` must be one of {', '.join(valid)} or arrays (coefs, intercepts); "
            f"got {init!r}.{did_you_mean(init, valid)}"
        )
        raise ParameterError(message)

    def draw(spec: ParameterSpec, fan_in: int, fan_out: int) -> AnyArray:
        if init == "auto":
            bound = _sklearn_bound(network, fan_in, fan_out)
            return np.asarray(rng.uniform(-bound, bound, spec.shape))
        if spec.name == "bias":
            return np.zeros(spec.shape)
        return INITIALISERS[init](rng, fan_in, fan_out, spec.shape)

    arrays = [
        draw(spec, layer.fan_in, layer.fan_out)
        for layer in network.dense_layers
        for spec in layer.parameters
    ]
    return network.pack(arrays, dtype)
