"""Activations: formula, value and derivative, one beside the other.

Each is a pair of functions of the pre-activation ``z``: ``value(z)`` gives ``a = f(z)`` and
``derivative(z, a)`` gives ``f'(z)``, where ``a`` is handed in because for several functions the
derivative is cheapest in terms of the value. At a kink the derivative is the one from the side
of zero, as in scikit-learn and PyTorch.

References
----------
Goodfellow, Bengio and Courville, Deep Learning, 2016, section 6.3; the papers named below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlplab._typing import Matrix
from mlplab.errors import ParameterError, did_you_mean

__all__ = ["ACTIVATIONS", "ALIASES", "ActivationFunction", "find_activation", "get_activation"]

LEAKY_SLOPE = 0.01
ELU_ALPHA = 1.0
# Klambauer et al., 2017, equation 14: the fixed point of mean 0 and variance 1.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


@dataclass(frozen=True, slots=True)
class ActivationFunction:
    """A function applied to every pre-activation, with its derivative.

    Parameters
    ----------
    name : str
        The name by which estimators and files refer to it.
    formula : str
        For people.
    value : callable
        ``value(z) -> a``; arrays of equal shape and dtype.
    derivative : callable
        ``derivative(z, a) -> f'(z)``; arrays of equal shape and dtype.
    kinks : tuple of float
        Points without a derivative, left out by gradient checks.
    """

    name: str
    formula: str
    value: Callable[[Matrix], Matrix]
    derivative: Callable[[Matrix, Matrix], Matrix]
    kinks: tuple[float, ...] = ()


def sigmoid(z: Matrix) -> Matrix:
    """Return 1/(1+e^(-z)) without overflow, for every z."""
    # e^(-|z|) never overflows; the two branches are the same function written for each sign.
    decay = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, decay) / (1 + decay)


def softplus(z: Matrix) -> Matrix:
    """Return log(1+e^z) without overflow, for every z."""
    return np.logaddexp(z.dtype.type(0), z)


def _normal_cdf(z: Matrix) -> Matrix:
    from scipy.special import ndtr  # noqa: PLC0415  (SciPy is loaded only where GELU is used)

    return np.asarray(ndtr(z), dtype=z.dtype)


def _normal_pdf(z: Matrix) -> Matrix:
    return np.exp(-0.5 * z * z) * z.dtype.type(1 / np.sqrt(2 * np.pi))


def _mish_derivative(z: Matrix, _: Matrix) -> Matrix:
    # d/dz [z tanh(s)] with s = softplus(z) and ds/dz = sigmoid(z).
    tanh = np.tanh(softplus(z))
    return tanh + z * (1 - tanh * tanh) * sigmoid(z)


def _silu_derivative(z: Matrix, _: Matrix) -> Matrix:
    s = sigmoid(z)
    return s * (1 + z * (1 - s))


def _negative_exp(z: Matrix) -> Matrix:
    # expm1 would overflow on the positive branch that np.where throws away.
    return np.expm1(np.minimum(z, 0))


ACTIVATIONS: dict[str, ActivationFunction] = {
    activation.name: activation
    for activation in (
        ActivationFunction("identity", "z", lambda z: z, lambda z, _: np.ones_like(z)),
        ActivationFunction("logistic", "1/(1+exp(-z))", sigmoid, lambda _, a: a * (1 - a)),
        ActivationFunction("tanh", "tanh(z)", np.tanh, lambda _, a: 1 - a * a),
        ActivationFunction(
            "relu",
            "max(0, z)",
            lambda z: np.maximum(z, 0),
            lambda z, _: (z > 0).astype(z.dtype),
            kinks=(0.0,),
        ),
        # Maas, Hannun and Ng, 2013.
        ActivationFunction(
            "leaky_relu",
            "z if z > 0 else 0.01 z",
            lambda z: np.where(z > 0, z, z * z.dtype.type(LEAKY_SLOPE)),
            lambda z, _: np.where(z > 0, z.dtype.type(1), z.dtype.type(LEAKY_SLOPE)),
            kinks=(0.0,),
        ),
        # Clevert, Unterthiner and Hochreiter, 2016.
        ActivationFunction(
            "elu",
            "z if z > 0 else exp(z) - 1",
            lambda z: np.where(z > 0, z, z.dtype.type(ELU_ALPHA) * _negative_exp(z)),
            lambda z, a: np.where(z > 0, z.dtype.type(1), a + z.dtype.type(ELU_ALPHA)),
        ),
        # Klambauer et al., 2017.
        ActivationFunction(
            "selu",
            "1.0507 (z if z > 0 else 1.6733 (exp(z) - 1))",
            lambda z: (
                z.dtype.type(SELU_SCALE)
                * np.where(z > 0, z, z.dtype.type(SELU_ALPHA) * _negative_exp(z))
            ),
            lambda z, a: np.where(
                z > 0, z.dtype.type(SELU_SCALE), a + z.dtype.type(SELU_SCALE * SELU_ALPHA)
            ),
            kinks=(0.0,),
        ),
        # Hendrycks and Gimpel, 2016; the exact form, not the tanh approximation.
        ActivationFunction(
            "gelu",
            "z Φ(z), Φ the standard normal distribution function",
            lambda z: z * _normal_cdf(z),
            lambda z, _: _normal_cdf(z) + z * _normal_pdf(z),
        ),
        # Elfwing, Uchibe and Doya, 2018; also called swish.
        ActivationFunction("silu", "z/(1+exp(-z))", lambda z: z * sigmoid(z), _silu_derivative),
        # Misra, 2019.
        ActivationFunction(
            "mish", "z tanh(log(1+exp(z)))", lambda z: z * np.tanh(softplus(z)), _mish_derivative
        ),
        ActivationFunction("softplus", "log(1+exp(z))", softplus, lambda z, _: sigmoid(z)),
    )
}
"""Every activation by its name; `register` adds functions of one's own."""

ALIASES = {"sigmoid": "logistic", "linear": "identity", "swish": "silu"}
"""Other names that people use."""


def find_activation(name: str) -> ActivationFunction | None:
    """Return the activation of this name or alias, or None."""
    return ACTIVATIONS.get(ALIASES.get(name, name))


def get_activation(name: str) -> ActivationFunction:
    """Return the activation of this name or alias.

    Raises
    ------
    ParameterError
        There is no activation of this name.

    Examples
    --------
    >>> get_activation("sigmoid").formula
    '1/(1+exp(-z))'
    """
    found = find_activation(name)
    if found is None:
        valid = sorted({*ACTIVATIONS, *ALIASES})
        message = (
            f"`activation` must be one of {', '.join(valid)}; got {name!r}."
            f"{did_you_mean(str(name), valid)} Functions of your own are added with "
            "mlplab.nn.register."
        )
        raise ParameterError(message)
    return found
