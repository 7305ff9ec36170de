"""Row orders are scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils import shuffle

from mlplab.train import RowOrders


def _sklearn_orders(n_rows: int, n_epochs: int, rng: np.random.RandomState) -> Any:
    """Return what `MLPClassifier` does with its sample indices, epoch by epoch."""
    current, orders = np.arange(n_rows), []
    for _ in range(n_epochs):
        current = shuffle(current, random_state=rng)
        orders.append(current)
    return np.array(orders)


@pytest.mark.parametrize("chunks", [[6], [1, 1, 1, 1, 1, 1], [1, 2, 3]])
def test_orders_are_those_of_sklearn(chunks: list[int], seed: int) -> None:
    """However they are drawn in chunks, and the generator ends at the same place."""
    ours, theirs = np.random.RandomState(seed), np.random.RandomState(seed)
    orders = RowOrders(11, ours, shuffle=True, batch_size=4)
    drawn = [orders.draw(n) for n in chunks]
    np.testing.assert_array_equal(np.concatenate(drawn), _sklearn_orders(11, 6, theirs))
    assert ours.randint(2**31) == theirs.randint(2**31)


def test_without_shuffling_nothing_is_drawn(seed: int) -> None:
    """The generator stays where it is."""
    rng = np.random.RandomState(seed)
    orders = RowOrders(5, rng, shuffle=False, batch_size=2)
    assert orders.draw(3) is None
    orders.take_back(1)
    assert rng.randint(2**31) == np.random.RandomState(seed).randint(2**31)


@pytest.mark.parametrize("batch_size", [5, 200])
def test_single_batch_needs_no_order_but_advances_the_generator(batch_size: int, seed: int) -> None:
    """Others may draw from it afterwards."""
    ours, theirs = np.random.RandomState(seed), np.random.RandomState(seed)
    assert RowOrders(5, ours, shuffle=True, batch_size=batch_size).draw(3) is None
    _sklearn_orders(5, 3, theirs)
    assert ours.randint(2**31) == theirs.randint(2**31)


@pytest.mark.parametrize("used", [0, 1, 3])
def test_what_was_drawn_too_much_is_taken_back(used: int, seed: int) -> None:
    """The next orders are those that follow the last one used."""
    ours, theirs = np.random.RandomState(seed), np.random.RandomState(seed)
    orders = RowOrders(7, ours, shuffle=True, batch_size=2)
    orders.draw(2)
    orders.draw(4)
    orders.take_back(used)
    expected = _sklearn_orders(7, 2 + used + 1, theirs)
    following = orders.draw(1)
    assert following is not None
    np.testing.assert_array_equal(following[0], expected[-1])
    assert ours.randint(2**31) == theirs.randint(2**31)
