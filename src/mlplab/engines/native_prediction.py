"""Native predictions: what they need is laid out once, so that a call takes microseconds."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlplab._typing import AnyArray, Matrix, Rows
from mlplab.engines.native_abi import NOT_FINITE, Predictor, chosen_isa, load_library, require
from mlplab.engines.native_plan import DTYPES, network_refusal, ops_of, rows_view
from mlplab.nn import NetworkSpec

__all__ = ["NativePredictor"]

LINKS = ("identity", "logistic", "softmax", "exp")
THROUGH_LINK, FINITE_ONLY = 1, 2


class NativePredictor:
    """A network that predicts with the weights and biases in the arrays it was given.

    The arrays are read at each prediction, so what is written into them is seen. Nothing else is
    kept between predictions; any number of threads may predict at once.

    Parameters
    ----------
    network : NetworkSpec
    arrays : sequence of ndarray
        One for each slot of the network; see `fits`.
    n_threads : int
        The most threads for many rows; bits do not depend on it.
    link : {"identity", "logistic", "softmax", "exp"}
        The way from raw predictions to predictions.
    groups : tuple of int
        Numbers of columns that softmax acts on; empty means all columns.
    """

    def __init__(
        self,
        network: NetworkSpec,
        arrays: Sequence[AnyArray],
        n_threads: int,
        link: str = "identity",
        groups: tuple[int, ...] = (),
    ) -> None:
        self.dtype = arrays[0].dtype
        self.n_features = network.units[0]
        self.n_outputs = network.units[-1]
        sizes = groups or (self.n_outputs,)
        ops = ops_of(network)
        pointers = (ctypes.c_void_p * len(arrays))(*[array.ctypes.data for array in arrays])
        columns = (ctypes.c_int64 * len(sizes))(*sizes)
        self._plan = Predictor(
            dtype=DTYPES[self.dtype.name],
            n_ops=len(ops),
            ops=ctypes.addressof(ops),
            arrays=ctypes.addressof(pointers),
            link=LINKS.index(link),
            n_groups=len(sizes),
            groups=ctypes.addressof(columns),
            n_threads=n_threads,
            isa=chosen_isa(),
        )
        self._pointer = ctypes.byref(self._plan)
        # What the plan points to must live as long as it.
        self._kept = ops, pointers, columns, list(arrays)
        library = load_library()
        self._predict, self._predict_dense = library.mlp_predict, library.mlp_predict_dense

    @staticmethod
    def fits(network: NetworkSpec, arrays: Sequence[Any], link: str = "identity") -> bool:
        """Whether these arrays can be read where they lie, and the rest is known natively."""
        shapes = [slot.spec.shape for slot in network.slots]
        return (
            link in LINKS
            and network_refusal(network) is None
            and [np.shape(array) for array in arrays] == shapes
            and all(isinstance(array, np.ndarray) for array in arrays)
            and all(array.flags.c_contiguous and array.flags.aligned for array in arrays)
            and all(array.dtype == arrays[0].dtype for array in arrays)
            and arrays[0].dtype in (np.float32, np.float64)
        )

    def predict(self, x: Rows, *, through_link: bool = False) -> Matrix:
        """Return predictions of checked rows, dense or CSR.

        Parameters
        ----------
        x : ndarray or CSR matrix of shape (rows, n_features)
        through_link : bool
            Raw predictions without.
        """
        rows, _kept = rows_view(x, self.dtype)
        out = np.empty((x.shape[0], self.n_outputs), dtype=self.dtype)
        how = THROUGH_LINK if through_link else 0
        require(self._predict(self._pointer, ctypes.byref(rows), how, out.ctypes.data))
        return out

    def predict_plain(self, x: Any, *, through_link: bool = False) -> Matrix | None:
        """Return predictions of whatever is plainly right, or None where it needs a closer look.

        Plainly right is a finite ndarray of the network's dtype and width with at least one row.
        """
        if type(x) is not np.ndarray or x.ndim != 2 or x.dtype != self.dtype:
            return None
        n_rows, n_columns = x.shape
        if n_columns != self.n_features or n_rows == 0:
            return None
        if not x.flags.c_contiguous:
            x = np.ascontiguousarray(x)
        out = np.empty((n_rows, self.n_outputs), self.dtype)
        how = FINITE_ONLY | THROUGH_LINK if through_link else FINITE_ONLY
        code = self._predict_dense(self._pointer, _start_of(x), n_rows, how, _start_of(out))
        return out if require(code) != NOT_FINITE else None


def _start_of(array: AnyArray) -> Any:
    """Return where the numbers of an array without gaps lie, as an argument of a call."""
    try:
        # Three times as fast as `ctypes.data`, but there is no such thing for read-only arrays.
        return ctypes.byref(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]  # it is one
    except TypeError:
        return array.ctypes.data
