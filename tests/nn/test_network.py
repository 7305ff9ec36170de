"""Networks: one flat vector, views of it, descriptions, and layers against autograd."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import networks, seeds
from tests.torch_peer import needs_torch, torch

from mlplab import nn


@given(network=networks(3, 2), seed=seeds)
def test_packing_and_views_are_inverse(network: nn.NetworkSpec, seed: int) -> None:
    """Views cover the vector without gap or overlap, in the order of the slots."""
    parameters = np.random.default_rng(seed).normal(size=network.n_parameters)
    views = network.views(parameters)
    np.testing.assert_array_equal(network.pack(views), parameters)
    assert [view.shape for view in views] == [slot.spec.shape for slot in network.slots]
    assert sum(view.size for view in views) == network.n_parameters == network.slots[-1].stop
    assert all(np.shares_memory(view, parameters) for view in views if view.size)
    flat = [view for layer in network.views_by_layer(parameters) for view in layer]
    assert all(a is not b and np.array_equal(a, b) for a, b in zip(flat, views, strict=True))


@given(network=networks(4, 3))
def test_description_makes_the_same_network(network: nn.NetworkSpec) -> None:
    """Through JSON and back."""
    described = json.loads(json.dumps(network.to_dicts()))
    assert nn.NetworkSpec.from_dicts(described) == network


@needs_torch
@given(network=networks(3, 2), seed=seeds)
def test_network_is_what_pytorch_computes(network: nn.NetworkSpec, seed: int) -> None:
    """Raw predictions and gradient of a linear function of them, by autograd."""
    rng = np.random.default_rng(seed)
    parameters, x_BI = rng.normal(size=network.n_parameters), rng.normal(size=(4, 3))
    d_raw = rng.normal(size=(4, 2))
    raw, backward = nn.forward_pass(network, parameters, x_BI)
    tensors = [torch.tensor(view, requires_grad=True) for view in network.views(parameters)]
    value, left = torch.tensor(x_BI), iter(tensors)
    for layer in network.layers:
        if isinstance(layer, nn.Dense):
            value = value @ next(left) + next(left)
        elif isinstance(layer, nn.Activation):
            value = _peer(layer.function)(value)
    (value * torch.tensor(d_raw)).sum().backward()
    expected = network.pack([np.asarray(tensor.grad) for tensor in tensors])
    np.testing.assert_allclose(raw, value.detach(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(backward(d_raw), expected, rtol=1e-9, atol=1e-9)


def _peer(name: str) -> Any:
    from tests.nn.test_activations import PEERS

    return PEERS[name]


def test_shapes_and_counts_of_a_small_network() -> None:
    """2-2-1 has nine parameters; units, hidden ends and slots are those of the picture."""
    network = nn.multilayer(2, [2], 1, "logistic")
    assert network.n_parameters == 9
    assert network.units == (2, 2, 1)
    assert network.hidden_ends == (2,)
    assert [slot.layer for slot in network.slots] == [0, 0, 2, 2]


def test_linear_network_has_no_hidden_layers() -> None:
    """No hidden layers make a linear model."""
    network = nn.multilayer(3, [], 2)
    assert network.units == (3, 2)
    assert network.hidden_ends == ()
    x_BI, parameters = np.eye(3), np.arange(8.0)
    raw, _ = nn.forward_pass(network, parameters, x_BI)
    np.testing.assert_array_equal(raw, parameters[:6].reshape(3, 2) + parameters[6:])


def test_hidden_ends_stop_before_dropout(seed: int) -> None:
    """The value of a hidden layer is its activation; every layer has its own function."""
    network = nn.multilayer(3, [4, 5], 2, ["tanh", "relu"], [0.5, 0.0])
    assert network.hidden_ends == (2, 5)
    rng = np.random.default_rng(seed)
    parameters, x_BI = rng.normal(size=network.n_parameters), rng.normal(size=(6, 3))
    first = nn.forward_pass(network, parameters, x_BI, stop=2)[0]
    second = nn.forward_pass(network, parameters, x_BI, stop=5)[0]
    weight_1, bias_1, weight_2, bias_2, *_ = network.views(parameters)
    np.testing.assert_array_equal(first, np.tanh(x_BI @ weight_1 + bias_1))
    np.testing.assert_array_equal(second, np.maximum(first @ weight_2 + bias_2, 0))


@pytest.mark.parametrize("field", ["activation", "dropout"])
def test_lists_have_one_entry_for_each_hidden_layer(field: str) -> None:
    """Neither more nor fewer entries are taken silently."""
    entries: dict[str, Any] = {"activation": ["relu"], "dropout": [0.1]}
    with pytest.raises(ValueError, match="zip"):
        nn.multilayer(2, [3, 3], 1, **{field: entries[field]})


def test_penalties_act_on_weights_only() -> None:
    """The mask is one for weights and zero for biases, in the dtype asked for."""
    network = nn.multilayer(2, [3], 1)
    mask = network.penalty_mask(np.float32)
    assert mask.dtype == np.float32
    assert mask.tolist() == [1.0] * 6 + [0.0] * 3 + [1.0] * 3 + [0.0]
    assert network.rate_factors() is None


def test_gradient_with_respect_to_the_input_of_an_inner_layer(seed: int) -> None:
    """D Wᵀ inside a network; nothing for the first layer, whose input is data."""
    rng = np.random.default_rng(seed)
    weight_IO, x_BI, d_z = rng.normal(size=(3, 2)), rng.normal(size=(5, 3)), np.ones((5, 2))
    layer = nn.Dense(3, 2)
    parameters = [weight_IO, np.zeros(2)]
    d_x, (d_weight, d_bias) = layer.forward(parameters, x_BI, nn.ForwardContext())[1](d_z)
    np.testing.assert_array_equal(d_x, d_z @ weight_IO.T)
    np.testing.assert_array_equal(d_weight, x_BI.T @ d_z)
    np.testing.assert_array_equal(d_bias, [5.0, 5.0])
    first = nn.ForwardContext(is_first=True)
    assert layer.forward(parameters, x_BI, first)[1](d_z)[0].shape == (5, 0)


@pytest.mark.skipif(
    os.environ.get("MLPLAB_CHECK_SHAPES") != "1", reason="shapes are checked by `scripts/test`"
)
@given(size=st.integers(1, 4))
def test_wrong_shapes_are_noticed_in_the_tests(size: int) -> None:
    """The rooms of mathematics check shapes here: the hook of `conftest.py` is at work."""
    from jaxtyping import TypeCheckError

    loss = nn.SquaredError()
    with pytest.raises(TypeCheckError):
        loss.values(np.zeros((2, size)), np.zeros((2, size + 1)))
