"""Row orders of the coming epochs, drawn as scikit-learn draws them."""

from __future__ import annotations

import numpy as np

from mlplab._typing import Order

__all__ = ["RowOrders"]


class RowOrders:
    """Draws the order of the rows for each epoch: every epoch permutes the one before.

    Parameters
    ----------
    n_rows : int
    rng : numpy.random.RandomState
        Advanced by one shuffle an epoch.
    shuffle : bool
        Without it rows keep their order and nothing is drawn.
    batch_size : int
        With a single batch an epoch the order changes nothing but rounding, so nothing is
        gathered; the generator advances all the same, as others may draw from it afterwards.
    """

    def __init__(
        self, n_rows: int, rng: np.random.RandomState, *, shuffle: bool, batch_size: int
    ) -> None:
        self._current = np.arange(n_rows)
        self._rng = rng
        self._shuffle = shuffle
        self._single_batch = batch_size >= n_rows

    def draw(self, n_epochs: int) -> Order | None:
        """Return the orders of the next epochs, or None where rows keep their order.

        Returns
        -------
        int array of shape (n_epochs, n_rows), or None
        """
        if not self._shuffle:
            return None
        self._before = self._rng.get_state(legacy=False), self._current
        orders = np.empty((n_epochs, self._current.size), dtype=np.intp)
        for epoch in range(n_epochs):
            # scikit-learn's `shuffle` permutes positions and then takes them.
            positions = np.arange(self._current.size)
            self._rng.shuffle(positions)
            self._current = self._current[positions]
            orders[epoch] = self._current
        return None if self._single_batch else orders

    def take_back(self, n_used: int) -> None:
        """Undo the last draw but for its first epochs, because training ended within it.

        How many epochs are drawn at once depends on the clock; what a generator that the user
        passed gives afterwards must not.
        """
        if self._shuffle:
            state, self._current = self._before
            self._rng.set_state(state)
            self.draw(n_used)
