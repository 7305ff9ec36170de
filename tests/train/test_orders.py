"""Row orders are scikit-learn's."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils import shuffle

from mlplab.errors import EngineError
from mlplab.train import RowOrders
from mlplab.train import orders as orders_module


@pytest.fixture(params=["native", "plain"], autouse=True)
def _drawn_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw by the native twin, and as where it was not built."""

    def missing(_: Any) -> None:
        raise EngineError

    if request.param == "plain":
        monkeypatch.setattr(orders_module, "MersenneTwister", missing)


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


def test_single_batch_draws_nothing_from_a_generator_of_its_own(seed: int) -> None:
    """Nobody sees where it stands."""
    rng = np.random.RandomState(seed)
    orders = RowOrders(5, rng, shuffle=True, batch_size=5, shared=False)
    assert orders.draw(3) is None
    orders.take_back(1)
    assert rng.randint(2**31) == np.random.RandomState(seed).randint(2**31)


@pytest.mark.parametrize("used", [0, 1, 3])
@pytest.mark.parametrize("shared", [False, True])
def test_what_was_drawn_too_much_is_taken_back(used: int, shared: bool, seed: int) -> None:
    """The next orders are those that follow the last one used."""
    ours, theirs = np.random.RandomState(seed), np.random.RandomState(seed)
    orders = RowOrders(7, ours, shuffle=True, batch_size=2, shared=shared)
    orders.draw(2)
    orders.draw(4)
    orders.take_back(used)
    expected = _sklearn_orders(7, 2 + used + 1, theirs)
    following = orders.draw(1)
    assert following is not None
    np.testing.assert_array_equal(following[0], expected[-1])
    assert not shared or ours.randint(2**31) == theirs.randint(2**31)


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_rows=st.one_of(st.integers(1, 70), st.integers(1, 5000)),
    chunks=st.lists(st.integers(0, 5), min_size=1, max_size=4),
    drawn_before=st.integers(0, 1300),
    normal_before=st.booleans(),
    shared=st.booleans(),
)
def test_every_bit_is_that_of_numpy(
    seed: int,
    n_rows: int,
    chunks: list[int],
    drawn_before: int,
    normal_before: bool,
    shared: bool,
) -> None:
    """Wherever the generator stands, also within a pair of normal numbers."""
    ours, theirs = np.random.RandomState(seed), np.random.RandomState(seed)
    for rng in (ours, theirs):
        rng.bytes(4 * drawn_before)
        if normal_before:
            rng.normal()
    orders = RowOrders(n_rows, ours, shuffle=True, batch_size=0, shared=shared)
    drawn = [order for n in chunks for order in orders.draw(n)]  # type: ignore[union-attr]  # it shuffles
    expected = _sklearn_orders(n_rows, sum(chunks), theirs)
    np.testing.assert_array_equal(np.reshape(drawn, expected.shape), expected)
    if shared:
        np.testing.assert_array_equal(ours.normal(size=3), theirs.normal(size=3))


class _OwnState(np.random.RandomState):
    """A generator that shuffles in its own way."""

    def shuffle(self, x: Any) -> None:
        """Turn it round."""
        x[:] = x[::-1].copy()


def test_other_generators_are_asked_themselves(seed: int) -> None:
    """Another bit generator, and a class that shuffles in its own way."""
    ours, theirs = (np.random.RandomState(np.random.PCG64(seed)) for _ in range(2))
    drawn = RowOrders(9, ours, shuffle=True, batch_size=2).draw(4)
    np.testing.assert_array_equal(drawn, _sklearn_orders(9, 4, theirs))
    assert ours.randint(2**31) == theirs.randint(2**31)
    turned = RowOrders(4, _OwnState(seed), shuffle=True, batch_size=2).draw(1)
    np.testing.assert_array_equal(turned, [[3, 2, 1, 0]])


def test_threads_with_one_generator_draw_different_orders(seed: int) -> None:
    """None repeats or loses what another has drawn."""
    ours, theirs = np.random.RandomState(seed), np.random.RandomState(seed)
    drawn: list[Any] = []

    def work() -> None:
        for _ in range(20):
            orders = RowOrders(50, ours, shuffle=True, batch_size=2).draw(2)
            assert orders is not None
            drawn.append(orders[0].tolist())

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    expected = [_sklearn_orders(50, 2, theirs)[0].tolist() for _ in range(80)]
    assert sorted(drawn) == sorted(expected)
    assert ours.randint(2**31) == theirs.randint(2**31)
