"""What happened, epoch by epoch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

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
    """The figures of all epochs, in order, a column for each field of `EpochRecord`.

    A record is made when somebody looks at it: a small network finishes a million epochs a
    second, and an object for each would take longer than they did.

    Examples
    --------
    >>> history = History.of([EpochRecord(1, 0.7, None, None, 0.1, 1.0, 0.0)])
    >>> len(history), history.loss, history[-1].epoch
    (1, (0.7,), 1)
    """

    epoch: tuple[int, ...] = ()
    loss: tuple[float, ...] = ()
    validation_loss: tuple[float | None, ...] = ()
    validation_score: tuple[float | None, ...] = ()
    learning_rate: tuple[float, ...] = ()
    gradient_norm: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()

    @classmethod
    def of(cls, records: Iterable[EpochRecord]) -> History:
        """Return the history that consists of these records."""
        rows = [tuple(getattr(record, name) for name in FIGURES) for record in records]
        return cls(*zip(*rows, strict=True)) if rows else cls()

    @classmethod
    def joined(cls, parts: Iterable[History]) -> History:
        """Return the history that these make one after another."""
        parts = list(parts)
        if len(parts) == 1:
            return parts[0]
        columns: Any = {
            name: tuple(chain.from_iterable(getattr(part, name) for part in parts))
            for name in FIGURES
        }
        return cls(**columns)

    def __len__(self) -> int:
        return len(self.epoch)

    def __iter__(self) -> Iterator[EpochRecord]:
        return map(EpochRecord, *(getattr(self, name) for name in FIGURES))

    def __getitem__(self, index: int) -> EpochRecord:
        return EpochRecord(*(getattr(self, name)[index] for name in FIGURES))

    @property
    def records(self) -> tuple[EpochRecord, ...]:
        """A record an epoch."""
        return tuple(self)

    def column(self, name: str) -> list[float | None]:
        """Return one figure for every epoch."""
        return list(getattr(self, name))

    def to_columns(self) -> dict[str, list[float | None]]:
        """Return every figure for every epoch, ready for a data frame."""
        return {name: self.column(name) for name in FIGURES}


FIGURES = tuple(field.name for field in dataclasses.fields(EpochRecord))
"""Names of the figures of an epoch: the fields of a record, the columns of a history."""
