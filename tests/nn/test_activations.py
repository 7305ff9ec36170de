"""Activations: values and derivatives against PyTorch and against differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.strategies import ACTIVATION_NAMES, DTYPES
from tests.torch_peer import functional, needs_torch, torch

from mlplab import nn
from mlplab.errors import ParameterError
from mlplab.nn.activations import ActivationFunction, find_activation, get_activation

PEERS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "identity": lambda z: z * 1,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": lambda z: functional.leaky_relu(z, 0.01),
    "elu": functional.elu,
    "selu": functional.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "mish": functional.mish,
    # PyTorch's softplus turns into a line at its threshold.
    "softplus": lambda z: functional.softplus(z, threshold=600.0),
}
# Extreme inputs: beyond the range of exp in float64 and in float32.
EXTREMES = np.array([[-1e4, -745.0, -104.0, -1e-30, 0.0, 1e-30, 104.0, 745.0, 1e4]])


def test_every_activation_has_a_peer() -> None:
    """An activation that is missing here would not be compared with anything."""
    assert set(PEERS) == set(nn.ACTIVATIONS)


@needs_torch
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_value_and_derivative_are_those_of_pytorch(name: str, dtype: str) -> None:
    """On a grid with the kinks on it, in both precisions."""
    z_BI = np.linspace(-8, 8, 321, dtype=dtype).reshape(3, -1)
    function = get_activation(name)
    z = torch.tensor(z_BI, requires_grad=True)
    a = PEERS[name](z)
    a.sum().backward()
    tolerance = 1e-13 if dtype == "float64" else 2e-6
    value = function.value(z_BI)
    np.testing.assert_allclose(value, a.detach().numpy(), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(
        function.derivative(z_BI, value), z.grad, rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_derivative_agrees_with_differences(name: str) -> None:
    """Fourth-order differences, away from points where a derivative jumps."""
    function = get_activation(name)
    z = np.linspace(-6.03, 6.03, 101)
    z = z[np.abs(z) > 0.05].reshape(1, -1)
    numeric = nn.central_difference(
        lambda point: float(function.value(point.reshape(z.shape)).sum()), z.ravel()
    )
    found = nn.agreement(function.derivative(z, function.value(z)).ravel(), numeric)
    assert found.relative < 1e-10


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_extreme_inputs_stay_finite(name: str, dtype: str) -> None:
    """No overflow, no warning, no change of dtype or shape."""
    z_BI = EXTREMES.astype(dtype)
    function = get_activation(name)
    a_BI = function.value(z_BI)
    for array in (a_BI, function.derivative(z_BI, a_BI)):
        assert array.dtype == dtype
        assert array.shape == z_BI.shape
        assert np.isfinite(array).all()


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_input_is_not_written_to(name: str) -> None:
    """Values and derivatives are new arrays or the input itself, never changed in place."""
    z_BI = np.linspace(-2, 2, 6).reshape(2, 3)
    z_BI.setflags(write=False)
    function = get_activation(name)
    a_BI = function.value(z_BI)
    a_BI.setflags(write=False)
    function.derivative(z_BI, a_BI)


@pytest.mark.parametrize("alias", sorted(nn.ALIASES))
def test_aliases_name_the_same_function(alias: str) -> None:
    """`sigmoid` is `logistic`, and so on."""
    assert get_activation(alias) is nn.ACTIVATIONS[nn.ALIASES[alias]]


def test_unknown_name_is_answered_with_the_nearest() -> None:
    """The message has the rule, what was received and the way out."""
    assert find_activation("rleu") is None
    with pytest.raises(ParameterError, match=r"`activation` must be one of .*Did you mean 'relu'"):
        get_activation("rleu")


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_formula_is_told(name: str) -> None:
    """Every activation has a formula for people, and its table key is its name."""
    function: Any = nn.ACTIVATIONS[name]
    assert isinstance(function, ActivationFunction)
    assert function.name == name
    assert function.formula
