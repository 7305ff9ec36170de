"""Row orders of many epochs in one native call: the twin of `RandomState.shuffle`."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from mlplab._typing import AnyArray, Order
from mlplab.engines.native_abi import address, load_library, require

__all__ = ["MersenneTwister"]


class MersenneTwister:
    """MT19937, standing where a `RandomState` stands and drawing what that would draw.

    Parameters
    ----------
    state : mapping
        As ``RandomState.get_state(legacy=False)`` gives it.
    """

    def __init__(self, state: dict[str, Any]) -> None:
        self._library = load_library()
        self._state = state
        self._key = np.array(state["state"]["key"], dtype=np.uint32)
        self._position = ctypes.c_int64(state["state"]["pos"])

    @property
    def state(self) -> dict[str, Any]:
        """Where the generator stands, for ``RandomState.set_state``."""
        return {**self._state, "state": {"key": self._key.copy(), "pos": self._position.value}}

    def orders(self, before: AnyArray, n_epochs: int) -> Order:
        """Return the orders of the next epochs, each a shuffle of the one before.

        Parameters
        ----------
        before : int array of shape (n_rows,)
            The order before the first of them.
        n_epochs : int
        """
        before = np.ascontiguousarray(before, dtype=np.int64)
        orders = np.empty((n_epochs, before.size), dtype=np.int64)
        self._call(before, before.size, n_epochs, orders)
        return orders

    def skip(self, n_rows: int, n_epochs: int) -> None:
        """Move on as if orders had been drawn."""
        self._call(None, n_rows, n_epochs, None)

    def _call(
        self, before: AnyArray | None, n_rows: int, n_epochs: int, orders: AnyArray | None
    ) -> None:
        require(
            self._library.mlp_row_orders(
                address(self._key),
                self._key.size,
                ctypes.byref(self._position),
                address(before),
                n_rows,
                n_epochs,
                address(orders),
            )
        )
