"""The rows of a population: each network has its own, in an order of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlplab._typing import AnyArray
from mlplab.engines.contract import TrainingData
from mlplab.engines.torch_functions import Tensor
from mlplab.engines.torch_network import Batch, PopulationNetwork

__all__ = ["PopulationRows"]


class PopulationRows:
    """The rows of each network of a population, in an order of its own.

    Networks with the same arrays share one copy. Sparse rows stay as they are and are spread out
    block by block.

    Parameters
    ----------
    network : PopulationNetwork
    sources : sequence of TrainingData
        Of equal numbers of rows, stored and to learn from, all with weights or all without.
    """

    def __init__(self, network: PopulationNetwork, sources: Sequence[TrainingData]) -> None:
        self._network, self._sources = network, sources
        self._n_rows = sources[0].n_rows
        n_stored = sources[0].x.shape[0]
        keys = [(id(data.x), id(data.target), id(data.weight)) for data in sources]
        different = dict(zip(keys, sources, strict=True))
        places = {key: index for index, key in enumerate(different)}
        self._offsets = np.array([places[key] * n_stored for key in keys])[:, None]
        tensor, of_all = network.place.tensor, list(different.values())
        self._dense: Tensor | None = None
        if not any(hasattr(data.x, "indptr") for data in sources):
            self._dense = network.place.torch.cat([network.rows(data.x) for data in of_all])
        self._target = tensor(np.concatenate([data.target for data in of_all]))
        self._weight: Tensor | None = None
        if sources[0].weight is not None:
            self._weight = tensor(np.concatenate([data.weight for data in of_all]))

    def begin_epoch(self, orders: Sequence[AnyArray]) -> None:
        """Take the order of each network's rows."""
        self._orders = np.stack(orders)
        places = self._orders + self._offsets
        self._places = self._network.place.tensor(places, self._network.place.torch.int64)

    def teaching(self, batch_size: int) -> AnyArray:
        """Return for each network and batch whether some row has weight, as booleans."""
        starts = np.arange(0, self._n_rows, batch_size)
        if self._weight is None:
            return np.ones((len(self._sources), len(starts)), dtype=bool)
        weights = [np.asarray(data.weight) for data in self._sources]
        has = [weight[order] != 0 for weight, order in zip(weights, self._orders, strict=True)]
        return np.logical_or.reduceat(np.stack(has), starts, axis=1)

    def batch(self, start: int, stop: int) -> Batch:
        """Return the rows from one place of the orders to another."""
        total: Tensor | int = stop - start
        if self._weight is not None:
            total = self._of(self._weight, start, stop).sum(1)
            # Without weight there is no step; dividing by zero would only spoil the numbers.
            total = total.masked_fill(total == 0, 1)
        return Batch(stop - start, total, lambda a, b: self._take(start + a, start + b))

    def _take(self, start: int, stop: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return x, target and weight of a block of rows."""
        target = self._of(self._target, start, stop)
        weight = None if self._weight is None else self._of(self._weight, start, stop)
        if self._dense is not None:
            return self._of(self._dense, start, stop), target, weight
        parts = [
            self._network.rows(data.x[order[start:stop]])
            for data, order in zip(self._sources, self._orders, strict=True)
        ]
        return self._network.place.torch.stack(parts), target, weight

    def _of(self, tensor: Tensor, start: int, stop: int) -> Tensor:
        places = self._places[:, start:stop]
        return tensor.index_select(0, places.flatten()).view(*places.shape, *tensor.shape[1:])
