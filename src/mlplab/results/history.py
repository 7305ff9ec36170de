"""What happened, epoch by epoch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["EpochRecord", "History"]


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """The figures of one epoch (of one iteration, with L-BFGS).

    Attributes
    ----------
    epoch : int
        Counts from 1 over the life of the network, across warm starts.
    loss : float
        Objective over the epoch: mean data loss plus penalties, as reported (scikit-learn
        averages a squared error over the outputs, and so do we here).
    validation_loss : float or None
        Data loss on the validation rows after the epoch, without penalties.
    validation_score : float or None
        Score on the validation rows after the epoch; higher is better.
    learning_rate : float
        Rate of the last step of the epoch.
    gradient_norm : float
        Euclidean norm of the gradient of the objective before clipping, mean over the steps.
    seconds : float
        Wall time of the epoch. The only figure that differs from run to run.
    """

    epoch: int
    loss: float
    validation_loss: float | None
    validation_score: float | None
    learning_rate: float
    gradient_norm: float
    seconds: float


@dataclass(frozen=True, slots=True)
class History:
    """Records of all epochs, in order.

    Examples
    --------
    >>> history = History((EpochRecord(1, 0.7, None, None, 0.1, 1.0, 0.0),))
    >>> len(history), history.column("loss")
    (1, [0.7])
    """

    records: tuple[EpochRecord, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[EpochRecord]:
        return iter(self.records)

    def __getitem__(self, index: int) -> EpochRecord:
        return self.records[index]

    def column(self, name: str) -> list[float | None]:
        """Return one figure for every epoch."""
        return [getattr(record, name) for record in self.records]

    def to_columns(self) -> dict[str, list[float | None]]:
        """Return every figure for every epoch, ready for a data frame."""
        names = [field.name for field in dataclasses.fields(EpochRecord)]
        return {name: self.column(name) for name in names}
