"""Dropout: masks from a hash, written a second time here, slowly, in Python's integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import DTYPES, seeds

from mlplab import nn

WORD = 2**64


def _mix(value: int) -> int:
    """SplitMix64, as Steele, Lea and Flood print it."""
    value = (value + 0x9E3779B97F4A7C15) % WORD
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB % WORD
    return value ^ (value >> 31)


def _stays(rate: float, index: int, seed: int, step: int, layer: int) -> bool:
    """One element of the mask: a fraction of 53 bits is compared with the rate."""
    key = _mix(_mix(_mix(seed % WORD) ^ step) ^ layer)
    return (_mix(index ^ key) >> 11) / 2**53 >= rate


@given(
    rate=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9]),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    seed=seeds | st.integers(-(2**63), 2**64),
    step=st.integers(0, 2**40),
    layer=st.integers(0, 50),
)
def test_mask_is_the_hash_element_by_element(
    rate: float, shape: tuple[int, int], seed: int, step: int, layer: int
) -> None:
    """The vectorised hash equals the scalar one for all coordinates."""
    mask = nn.keep_mask(rate, shape, seed=seed, step=step, layer=layer)
    expected = [_stays(rate, i, seed, step, layer) for i in range(shape[0] * shape[1])]
    assert mask.tolist() == np.reshape(expected, shape).tolist()


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.3, 0.5, 0.95])
def test_share_of_dropped_elements_is_the_rate(rate: float, seed: int) -> None:
    """Within five standard errors over a hundred thousand elements."""
    mask = nn.keep_mask(rate, (1000, 100), seed=seed, step=1, layer=1)
    error = np.sqrt(rate * (1 - rate) / mask.size)
    assert abs(float(mask.mean()) - (1 - rate)) <= 5 * error


def test_masks_do_not_depend_on_order_or_on_other_rows(seed: int) -> None:
    """A mask is the same whenever it is asked for, and its first rows are a smaller mask."""
    coordinates = {"seed": seed, "step": 4, "layer": 2}
    first = nn.keep_mask(0.4, (5, 7), **coordinates)
    nn.keep_mask(0.4, (9, 9), seed=1, step=1, layer=1)
    large = nn.keep_mask(0.4, (50, 7), **coordinates)
    np.testing.assert_array_equal(first, nn.keep_mask(0.4, (5, 7), **coordinates))
    np.testing.assert_array_equal(first, large[:5])


@pytest.mark.parametrize("changed", ["seed", "step", "layer"])
def test_every_coordinate_gives_another_mask(changed: str, seed: int) -> None:
    """Masks of neighbouring coordinates agree by chance only."""
    coordinates = {"seed": seed, "step": 3, "layer": 1}
    other = {**coordinates, changed: coordinates[changed] + 1}
    same = nn.keep_mask(0.5, (200, 200), **coordinates) == nn.keep_mask(0.5, (200, 200), **other)
    assert abs(float(same.mean()) - 0.5) < 5 * 0.5 / 200


@pytest.mark.parametrize("dtype", DTYPES)
def test_pullback_uses_the_mask_of_the_forward_pass(dtype: str, seed: int) -> None:
    """What was dropped has no gradient, what stayed has that of its scale; the mean is kept."""
    x_BI: Any = np.ones((400, 50), dtype=dtype)
    context = nn.ForwardContext(training=True, seed=seed, step=9, layer=3)
    value, pullback = nn.Dropout(0.2).forward((), x_BI, context)
    d_x, own = pullback(np.ones_like(value))
    np.testing.assert_array_equal(value, d_x)
    assert own == []
    assert value.dtype == d_x.dtype == dtype
    assert sorted(set(value.ravel().tolist())) == [0.0, float(np.dtype(dtype).type(1 / 0.8))]
    mask = nn.keep_mask(0.2, (400, 50), seed=seed, step=9, layer=3)
    np.testing.assert_array_equal(value != 0, mask)
    assert float(value.mean()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("rate", "training"), [(0.5, False), (0.0, True)])
def test_dropout_leaves_predictions_alone(rate: float, training: bool) -> None:
    """Outside training, or with a rate of zero, the value is the input itself."""
    x_BI = np.arange(6.0).reshape(2, 3)
    value, pullback = nn.Dropout(rate).forward((), x_BI, nn.ForwardContext(training=training))
    assert value is x_BI
    assert pullback(x_BI)[0] is x_BI


def test_each_dropout_layer_has_its_own_mask(seed: int) -> None:
    """The layer's index in the network is a coordinate of its mask."""
    network = nn.multilayer(50, [50, 50], 50, "identity", 0.5)
    identity = [np.eye(50), np.zeros(50)] * 3
    parameters = network.pack(identity)
    context = nn.ForwardContext(training=True, seed=seed, step=1)
    raw, _ = nn.forward_pass(network, parameters, np.ones((40, 50)), context)
    masks = [nn.keep_mask(0.5, (40, 50), seed=seed, step=1, layer=layer) for layer in (2, 5)]
    np.testing.assert_array_equal(raw, 4.0 * (masks[0] & masks[1]))
