"""Networks as they were at chosen moments of their training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mlplab._typing import AnyArray, Vector
from mlplab.errors import DataError

__all__ = ["Snapshot", "Snapshots"]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Where a training stood after an epoch.

    Attributes
    ----------
    epoch : int
        Counts over the life of the network; 0 is the start.
    parameters : ndarray of shape (n_parameters,)
        All weights and biases, laid out as in the estimator's `network_`.
    step : int
        Steps that the optimiser had made.
    learning_rate : float or None
        Rate of its last step; None before the first.
    memory : mapping of str to ndarray
        What the optimiser remembered: velocities, moments; empty before the first step, and
        where nobody asked for it.
    """

    epoch: int
    parameters: Vector
    step: int = 0
    learning_rate: float | None = None
    memory: Mapping[str, AnyArray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Snapshots:
    """One training at chosen epochs, in their order.

    Attributes
    ----------
    snapshots : tuple of Snapshot
    final : int or None
        The epoch whose weights training left: the last, or the best where that was put back.
        None while it has not ended, and where it diverged.

    Examples
    --------
    >>> import numpy as np
    >>> kept = Snapshots((Snapshot(0, np.zeros(3)), Snapshot(5, np.ones(3))), final=5)
    >>> kept.epochs, kept.at(5).parameters.tolist()
    ((0, 5), [1.0, 1.0, 1.0])
    """

    snapshots: tuple[Snapshot, ...] = ()
    final: int | None = None

    @property
    def epochs(self) -> tuple[int, ...]:
        """The epochs that were kept."""
        return tuple(snapshot.epoch for snapshot in self.snapshots)

    def at(self, epoch: int) -> Snapshot:
        """Return the snapshot of an epoch.

        Raises
        ------
        DataError
            It was not kept.
        """
        for snapshot in self.snapshots:
            if snapshot.epoch == epoch:
                return snapshot
        message = (
            f"`epoch` must be one that was kept; got {epoch}, and kept were "
            f"{', '.join(map(str, self.epochs)) or 'none'}. Name it in WeightKeeper(epochs=...)."
        )
        raise DataError(message)

    def of(self, *epochs: int) -> Snapshots:
        """Return those of some epochs alone."""
        return Snapshots(tuple(self.at(epoch) for epoch in sorted(set(epochs))), self.final)

    def __len__(self) -> int:
        return len(self.snapshots)

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(self.snapshots)

    def __getitem__(self, index: int) -> Snapshot:
        return self.snapshots[index]
