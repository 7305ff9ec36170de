"""Observers look at a training, and may ask it to stop; they change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from mlplab.engines import TrainingPlan, TrainingState
from mlplab.results import EpochRecord, FitResult, History, StopReason

__all__ = ["FitObserver", "Watch"]


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

    @property
    def history(self) -> History:
        """All that was told."""
        return History.joined(self._parts)

    def tell(self, part: History) -> None:
        """Keep what happened, tell everyone, and note a wish to stop."""
        self._parts.append(part)
        if self.observers:
            for record in part:
                self._tell_of(record)

    def _tell_of(self, record: EpochRecord) -> None:
        # Every observer is told, even where an earlier one has asked to stop.
        asked = [observer.on_epoch(record, self._state) for observer in self.observers]
        if any(asked) and self._state.stop is None:
            self._state.stop = StopReason.OBSERVER
