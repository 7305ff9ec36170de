"""Many networks of one shape as tensors: layout, forward pass, objective, gradient by autograd.

The population is the first axis of everything: parameters are a matrix with a row for each
network, and a dense layer is one ``baddbmm``. A single network is a population of one.

Widths are padded with zeros to whole cache lines. A library of linear algebra treats the edges of
a matrix by where they lie in memory; padded, every matrix of a batch begins on a cache line, and
its product has the same bits on one thread whatever stands beside it. Padded inputs meet rows of
weights that are zero, and what autograd finds for these is thrown away.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from mlplab._typing import AnyArray
from mlplab.engines.torch_functions import Tensor, find_activation, loss_of_rows
from mlplab.nn import Dense, Dropout, Loss, NetworkSpec

__all__ = ["Batch", "Found", "Place", "PopulationNetwork", "Strengths", "Thinning"]

LINE_BYTES = 64
# Numbers of the widest layer of a block of rows: larger batches go through in blocks.
BLOCK_NUMBERS = 2**24
_WORD = 2**64
_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


class Place(NamedTuple):
    """Where tensors live and of what kind they are.

    Attributes
    ----------
    torch : module
        PyTorch, handed on by who has loaded it.
    device : torch.device
    dtype : {"float32", "float64"}
    """

    torch: Any
    device: Any
    dtype: str

    @property
    def kind(self) -> Any:
        """The dtype as PyTorch has it."""
        return getattr(self.torch, self.dtype)

    def tensor(self, array: Any, dtype: Any = None) -> Tensor:
        """Return a copy of an array; NumPy's memory need not begin on a cache line."""
        return self.torch.tensor(np.asarray(array), dtype=dtype or self.kind, device=self.device)

    def column(self, numbers: Iterable[float], dtype: Any = None) -> Tensor:
        """Return one number a network, of shape (networks, 1)."""
        column = np.array(list(numbers), dtype=np.float64)[:, None]
        return self.tensor(column, self.torch.float64).to(dtype or self.torch.float64)


class Strengths(NamedTuple):
    """Strengths of the penalties, each a tensor of shape (networks,), or None where all are 0."""

    l2: Tensor | None
    l1: Tensor | None


class Batch(NamedTuple):
    """The rows of a step; networks may have rows of their own.

    Attributes
    ----------
    n_rows : int
        Rows for each network.
    total : Tensor of shape (networks,), or int
        Total weight of the rows.
    block : callable
        ``block(start, stop)`` gives x of shape (networks, rows, padded features), target of shape
        (networks, rows, outputs), and weight of shape (networks, rows) or None.
    """

    n_rows: int
    total: Tensor | int
    block: Callable[[int, int], tuple[Tensor, Tensor, Tensor | None]]


class Found(NamedTuple):
    """What a step wants to know: for each network data loss, penalty and gradient."""

    data_loss: Tensor
    penalty: Tensor | float
    gradient: Tensor


class Thinning(NamedTuple):
    """Coordinates of dropout masks: int64 tensors of shape (networks, 1, 1)."""

    seeds: Tensor
    steps: Tensor

    @classmethod
    def of(cls, place: Place, seeds: Iterable[int], steps: Iterable[int]) -> Thinning:
        """Return the coordinates of a step of each network."""
        kind = place.torch.int64
        bits = [[[_signed(seed)]] for seed in seeds]
        return cls(place.tensor(bits, kind), place.tensor([[[step]] for step in steps], kind))


def _signed(value: int) -> int:
    value %= _WORD
    return value - _WORD if value >= _WORD // 2 else value


def _shift(value: Tensor, bits: int) -> Tensor:
    """Shift to the right as if unsigned."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


def _mix(value: Tensor) -> Tensor:
    """SplitMix64's finaliser on int64, whose products wrap as unsigned ones do."""
    value = value + _signed(_GOLDEN)
    value = (value ^ _shift(value, 30)) * _signed(_FIRST)
    value = (value ^ _shift(value, 27)) * _signed(_SECOND)
    return value ^ _shift(value, 31)


class PopulationNetwork:
    """The layout of a network in padded tensors, and what is computed with it.

    Parameters
    ----------
    network : NetworkSpec
        Of layers and functions that `mlplab.engines.torch_functions` knows.
    place : Place
    """

    def __init__(self, network: NetworkSpec, place: Place) -> None:
        self.spec, self.place = network, place
        self._step = LINE_BYTES // np.dtype(place.dtype).itemsize
        self.n_features, self.n_outputs = network.units[0], network.units[-1]
        self.n_padded_features = self._padded(self.n_features)
        self._widths = list(self._widths_before())
        self.block_rows = max(1, BLOCK_NUMBERS // max(map(self._padded, network.units)))
        shapes, places, start = [], [], 0
        for slot in network.slots:
            # A bias is a matrix of one row, which is never padded.
            inner, outer = (1, *slot.spec.shape)[-2:]
            rows = self._padded(inner) if len(slot.spec.shape) == 2 else 1
            columns = self._padded(outer)
            grid = np.arange(start, start + rows * columns).reshape(rows, columns)
            places.append(grid[:inner, :outer].ravel())
            shapes.append((rows, columns, slot.spec.penalised))
            start += rows * columns
        self._shapes, self.n_padded, self._places = shapes, start, np.concatenate(places)
        self._real = place.tensor(self._spread(np.ones(network.n_parameters)))
        self.penalised = place.tensor(self._spread(network.penalty_mask(place.dtype)))

    def _padded(self, width: int) -> int:
        return -(-width // self._step) * self._step

    def _widths_before(self) -> Iterator[int]:
        width = self.n_features
        for layer in self.spec.layers:
            yield width
            width = layer.fan_out if isinstance(layer, Dense) else width

    def _spread(self, flat: AnyArray) -> AnyArray:
        """Return the flat vectors of the last axis with zeros at the padding."""
        padded = np.zeros((*flat.shape[:-1], self.n_padded), dtype=flat.dtype)
        padded[..., self._places] = flat
        return padded

    def to_tensor(self, vectors: list[AnyArray]) -> Tensor:
        """Return flat vectors of parameters, one a network, as the rows of a padded matrix."""
        return self.place.tensor(self._spread(np.stack(vectors)))

    def to_arrays(self, matrix: Tensor) -> AnyArray:
        """Return the rows of a padded matrix as flat vectors, of shape (networks, parameters)."""
        array: AnyArray = matrix.detach().cpu().numpy()[:, self._places]
        return array

    def _arrays(self, parameters: Tensor) -> list[Tensor]:
        """Return views of the arrays of parameters, each of shape (networks, rows, columns)."""
        parts = parameters.split([rows * columns for rows, columns, _ in self._shapes], 1)
        return [
            part.view(-1, rows, columns)
            for part, (rows, columns, _) in zip(parts, self._shapes, strict=True)
        ]

    def raw(
        self, arrays: list[Tensor], x: Tensor, thinning: Thinning | None = None, first_row: int = 0
    ) -> Tensor:
        """Return raw predictions of shape (networks, rows, outputs).

        Parameters
        ----------
        arrays : list of Tensor
            Those of the parameters, each of shape (networks, rows, columns).
        x : Tensor of shape (networks, rows, padded features)
        thinning : Thinning or None
            Dropout acts where it is given.
        first_row : int
            Place of the first row in its batch.
        """
        rest, value = iter(arrays), x
        for index, (layer, width) in enumerate(zip(self.spec.layers, self._widths, strict=True)):
            if isinstance(layer, Dense):
                weight, bias = next(rest), next(rest)
                value = bias.baddbmm(value, weight)
            elif isinstance(layer, Dropout):
                if thinning is not None and layer.rate:
                    value = value * self._scale(layer, index, width, value, thinning, first_row)
            else:
                value = self._function(layer)(value)
        return value[..., : self.n_outputs].contiguous()

    @staticmethod
    def _function(layer: Any) -> Any:
        function = find_activation(layer.function)
        if function is None:
            raise LookupError(layer.function)
        return function

    def _scale(
        self,
        layer: Dropout,
        index: int,
        width: int,
        value: Tensor,
        thinning: Thinning,
        first_row: int,
    ) -> Tensor:
        """Return 1/(1−rate) where a unit stays and 0 elsewhere; see `mlplab.nn.dropout`."""
        count = functools.partial(
            self.place.torch.arange, dtype=self.place.torch.int64, device=self.place.device
        )
        rows, columns = value.shape[1:]
        # What is drawn for padded units has no effect.
        counters = (count(rows) + first_row)[:, None] * width + count(columns)
        key = _mix(_mix(_mix(thinning.seeds) ^ thinning.steps) ^ index)
        stays = _shift(_mix(counters ^ key), 11) >= round(layer.rate * 2**53)
        return stays.to(value.dtype) * (1 / (1 - layer.rate))

    def differentiate(
        self,
        parameters: Tensor,
        batch: Batch,
        loss: Loss,
        strengths: Strengths,
        thinning: Thinning | None,
    ) -> Found:
        """Return loss, penalty and gradient of each network.

        Parameters
        ----------
        parameters : Tensor of shape (networks, padded parameters)
        batch : Batch
        loss : Loss
        strengths : Strengths
        thinning : Thinning or None
        """
        leaves = [array.requires_grad_() for array in self._arrays(parameters)]
        penalty = self._penalty(leaves, strengths, batch.total)
        data_loss: Any = None
        for start in range(0, batch.n_rows, self.block_rows):
            x, target, weight = batch.block(start, min(start + self.block_rows, batch.n_rows))
            values = loss_of_rows(loss, self.raw(leaves, x, thinning, start), target)
            part = (values if weight is None else values * weight).sum(1) / batch.total
            # The networks share no parameter, so the gradient of the sum is that of each.
            (part if start else part + penalty).sum().backward()
            data_loss = data_loss + part.detach() if start else part.detach()
        gradient = self.place.torch.cat([leaf.grad.flatten(1) for leaf in leaves], 1)
        if strengths != (None, None):
            penalty = penalty.detach()
        return Found(data_loss, penalty, gradient * self._real)

    def _penalty(self, leaves: list[Tensor], strengths: Strengths, total: Tensor | int) -> Any:
        """Return ½·l2·Σw²/Σs + l1·Σ|w| of each network."""
        weights = [leaf for leaf, (*_, acts) in zip(leaves, self._shapes, strict=True) if acts]
        penalty: Any = 0.0
        if strengths.l2 is not None:
            squares = functools.reduce(operator.add, [(w * w).sum((1, 2)) for w in weights])
            penalty = penalty + 0.5 * strengths.l2 * squares / total
        if strengths.l1 is not None:
            sizes = functools.reduce(operator.add, [w.abs().sum((1, 2)) for w in weights])
            penalty = penalty + strengths.l1 * sizes
        return penalty

    def predict(self, parameters: Tensor, x: Any) -> AnyArray:
        """Return the raw predictions of one network as an array, block by block of rows.

        Parameters
        ----------
        parameters : Tensor of shape (1, padded parameters)
        x : ndarray or CSR matrix of shape (rows, n_features)
        """
        arrays, n_rows = self._arrays(parameters), x.shape[0]
        out = np.empty((n_rows, self.n_outputs), dtype=self.place.dtype)
        with self.place.torch.no_grad():
            for start in range(0, n_rows, self.block_rows):
                rows = slice(start, min(start + self.block_rows, n_rows))
                out[rows] = self.raw(arrays, self.rows(x[rows])[None])[0].cpu().numpy()
        return out

    def rows(self, x: Any) -> Tensor:
        """Return rows, dense or CSR, as a tensor of shape (rows, padded features)."""
        dense = x.toarray() if hasattr(x, "indptr") else np.asarray(x)
        padded = np.zeros((x.shape[0], self.n_padded_features), dtype=self.place.dtype)
        padded[:, : self.n_features] = dense
        return self.place.tensor(padded)
