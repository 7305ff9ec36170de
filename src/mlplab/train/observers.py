"""Observers look at a training, and may ask it to stop; they change nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from mlplab.engines import TrainingPlan, TrainingState
from mlplab.results import EpochRecord, FitResult, History, StopReason

__all__ = ["ChoosyObserver", "FitObserver", "Watch"]


@runtime_checkable
class FitObserver(Protocol):
    """What is told while a network trains. The state is for reading only."""

    def on_start(self, plan: TrainingPlan, state: TrainingState) -> None:
        """Before the first epoch."""
        ...

    def on_epoch(self, record: EpochRecord, state: TrainingState) -> bool | None:
        """After each epoch; returning True asks to stop."""
        ...

    def on_end(self, result: FitResult) -> None:
        """After the last epoch, also of an interrupted or diverged training."""
        ...


@runtime_checkable
class ChoosyObserver(FitObserver, Protocol):
    """An observer of some epochs only; in between, engines train on undisturbed.

    It is told of the epochs that it names and of no others.
    """

    def next_epoch(self, epoch: int) -> int | None:
        """Return the first epoch after this one that it wants to be told of; None for no more.

        Epochs are counted over the life of the network, as in `EpochRecord`.
        """
        ...


class Watch:
    """Collects what happens in a training and tells the observers of each epoch.

    Parameters
    ----------
    state : TrainingState
    observers : sequence of FitObserver
    """

    def __init__(self, state: TrainingState, observers: Sequence[FitObserver]) -> None:
        self._parts: list[History] = []
        self.observers = observers
        self._state = state
        # Asked once: to look for the methods of a protocol takes longer than a small epoch.
        self._next = [
            o.next_epoch if isinstance(o, ChoosyObserver) else _every_epoch for o in observers
        ]

    @property
    def history(self) -> History:
        """All that was told."""
        return History.joined(self._parts)

    @property
    def sees_every_epoch(self) -> bool:
        """Whether there is an observer that is told of every epoch."""
        return _every_epoch in self._next

    @property
    def undisturbed(self) -> float:
        """How many epochs may pass until somebody wants to see the state; infinity for ever."""
        now = self._state.epoch
        wanted = [epoch for ask in self._next if (epoch := ask(now)) is not None]
        return max(1, min(wanted) - now) if wanted else math.inf

    def tell(self, part: History) -> None:
        """Keep what happened, tell those who want to know, and note a wish to stop.

        Of several epochs only the last can be wanted: nobody wanted to see the state before.
        """
        self._parts.append(part)
        if self.observers and len(part):
            self._tell_of(part[-1])

    def _tell_of(self, record: EpochRecord) -> None:
        # Everyone concerned is told, even where an earlier one has asked to stop.
        asked = [
            observer.on_epoch(record, self._state)
            for observer, ask in zip(self.observers, self._next, strict=True)
            if ask(record.epoch - 1) == record.epoch
        ]
        if any(asked) and self._state.stop is None:
            self._state.stop = StopReason.OBSERVER


def _every_epoch(epoch: int) -> int | None:
    """Name the next epoch, whichever it is: what an observer wants that names none."""
    return epoch + 1
