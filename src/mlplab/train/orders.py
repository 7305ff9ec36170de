"""Row orders of the coming epochs, drawn as scikit-learn draws them."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlplab._typing import AnyArray, Order
from mlplab.engines.native_orders import MersenneTwister
from mlplab.errors import EngineError

__all__ = ["RowOrders"]


class RowOrders:
    """Draws the order of the rows for each epoch: every epoch permutes the one before.

    Parameters
    ----------
    rows : int or int array of shape (n_rows,)
        The rows in the order before the first epoch, or how many there are.
    rng : numpy.random.RandomState
        Advanced by one shuffle an epoch.
    shuffle : bool
        Without it rows keep their order and nothing is drawn.
    batch_size : int
        With a single batch an epoch the order changes nothing but rounding, so nothing is
        gathered; a generator that others see advances all the same.
    shared : bool
        Whether others see the generator. Where it was made from a seed for this training alone,
        it may be left behind, and with a single batch an epoch nothing is drawn at all.
    """

    def __init__(
        self,
        rows: int | AnyArray,
        rng: np.random.RandomState,
        *,
        shuffle: bool,
        batch_size: int,
        shared: bool = True,
    ) -> None:
        self._current: AnyArray = np.arange(rows) if isinstance(rows, int) else rows
        self._rng = rng
        self._single_batch = batch_size >= self._current.size
        draws = shuffle and (shared or not self._single_batch)
        self._shuffles = _shuffles_of(rng, shared=shared) if draws else None
        # Other threads may draw from it at the same time; NumPy takes this lock for each draw.
        self._lock = rng._bit_generator.lock  # noqa: SLF001  (there is no other way to it)

    def draw(self, n_epochs: int) -> Order | None:
        """Return the orders of the next epochs, or None where rows keep their order.

        Returns
        -------
        int array of shape (n_epochs, n_rows), or None
        """
        if self._shuffles is None:
            return None
        with self._lock:
            self._before = self._shuffles.mark(), self._current
            if self._single_batch:
                self._shuffles.skip(self._current.size, n_epochs)
                return None
            orders = self._shuffles.draw(self._current, n_epochs)
        self._current = orders[-1] if n_epochs else self._current
        return orders

    @property
    def permutes(self) -> bool:
        """Whether rows change their order from epoch to epoch."""
        return self._shuffles is not None and not self._single_batch

    def standing(self) -> tuple[dict[str, Any], AnyArray]:
        """Return where the generator stands, and the order of the rows in the last epoch."""
        with self._lock:
            shuffles = self._shuffles
            mark = shuffles.mark() if shuffles else self._rng.get_state(legacy=False)
        return mark, self._current

    def take_back(self, n_used: int) -> None:
        """Undo the last draw but for its first epochs, because training ended within it.

        How many epochs are drawn at once depends on the clock; what a generator that the user
        passed gives afterwards must not.
        """
        if self._shuffles is not None:
            mark, self._current = self._before
            with self._lock:
                self._shuffles.go_back(mark)
                self.draw(n_used)


def _shuffles_of(rng: np.random.RandomState, *, shared: bool) -> _PlainShuffles | _NativeShuffles:
    # Another bit generator inside, or a class of one's own, is asked itself.
    is_twister = type(rng._bit_generator) is np.random.MT19937  # noqa: SLF001  (as above)
    if type(rng) is np.random.RandomState and is_twister:
        try:
            return _NativeShuffles(rng, shared=shared)
        except EngineError:
            pass  # the library was not built
    return _PlainShuffles(rng)


class _PlainShuffles:
    """Shuffles by the generator itself: the definition of what the native ones do."""

    def __init__(self, rng: np.random.RandomState) -> None:
        self._rng = rng

    def mark(self) -> Any:
        """Return where the generator stands."""
        return self._rng.get_state(legacy=False)

    def go_back(self, mark: Any) -> None:
        """Put the generator back to where it stood."""
        self._rng.set_state(mark)

    def draw(self, before: AnyArray, n_epochs: int) -> Order:
        """Return orders of shape (n_epochs, n_rows), each a shuffle of the one before."""
        orders = np.empty((n_epochs, before.size), dtype=np.int64)
        for order in orders:
            order[:] = before
            self._rng.shuffle(order)
            before = order
        return orders

    def skip(self, n_rows: int, n_epochs: int) -> None:
        """Move the generator on as if orders had been drawn."""
        for _ in range(n_epochs):
            self._rng.shuffle(np.empty(n_rows, dtype=np.int64))


class _NativeShuffles:
    """The same, all epochs in one native call.

    Reading and writing a `RandomState` takes as long as shuffling thousands of rows, so one that
    nobody else sees is read once and never written.
    """

    def __init__(self, rng: np.random.RandomState, *, shared: bool) -> None:
        self._rng, self._shared = rng, shared
        self._twin = MersenneTwister(rng.get_state(legacy=False))

    def mark(self) -> Any:
        """Return where the generator stands."""
        if self._shared:
            self._twin = MersenneTwister(self._rng.get_state(legacy=False))
        return self._twin.state

    def go_back(self, mark: Any) -> None:
        """Put the generator back to where it stood."""
        self._twin = MersenneTwister(mark)
        self._write()

    def draw(self, before: AnyArray, n_epochs: int) -> Order:
        """Return orders of shape (n_epochs, n_rows), each a shuffle of the one before."""
        orders = self._twin.orders(before, n_epochs)
        self._write()
        return orders

    def skip(self, n_rows: int, n_epochs: int) -> None:
        """Move the generator on as if orders had been drawn."""
        self._twin.skip(n_rows, n_epochs)
        self._write()

    def _write(self) -> None:
        if self._shared:
            self._rng.set_state(self._twin.state)
