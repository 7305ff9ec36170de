"""Progress of a training in a terminal: a bar; plain lines where there is no terminal."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from mlplab.cli.door import note

__all__ = ["observer"]


def observer(*, quiet: bool) -> list[Any]:
    """Return what shows the progress of a training, and answers Ctrl-C even if quiet."""
    if quiet:
        return [_Finishing()]
    if sys.stderr.isatty():
        return [_Bar(), _Finishing()]
    from mlplab.workflows import ProgressObserver  # noqa: PLC0415  # loads the engines

    return [ProgressObserver(note), _Finishing()]


class _Finishing:
    """Answers Ctrl-C at once: what follows takes a moment, and a second one would cut it off."""

    def on_start(self, plan: Any, state: Any) -> None:
        """Do nothing yet."""

    def on_epoch(self, record: Any, state: Any) -> None:
        """Do nothing yet."""

    def on_end(self, result: Any) -> None:
        """Say that the work goes on without training."""
        if result.status.name == "INTERRUPTED":
            note("finishing: keeping what was learned")


class _Bar:
    """A bar with epoch, losses and the time left."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task: Any = None
        self._clock: Any = None
        self._rows: Any = None

    def on_start(self, plan: Any, state: Any) -> None:  # noqa: ARG002  # the observer's protocol
        """Show the empty bar."""
        from mlplab.workflows.progress import EpochClock, RowClock  # noqa: PLC0415  # loads engines

        self._clock, self._rows = EpochClock(plan.stopping.max_epochs), RowClock()
        self._progress = Progress(
            TextColumn("epoch {task.completed}/{task.total}"),
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("", total=self._clock.n_epochs)
        self._progress.start()

    def on_epoch(self, record: Any, state: Any) -> None:  # noqa: ARG002  # same
        """Move the bar on."""
        from mlplab.workflows.progress import clock, figures  # noqa: PLC0415  # same

        if self._progress is not None:
            left = clock(self._clock.seconds_left(record.epoch))
            words = f"{figures(record)}, at most {left} left"
            self._progress.update(self._task, completed=record.epoch, description=words)

    def on_rows(self, epoch: int, done: int, n_rows: int) -> None:
        """Tell how far an epoch is that reads its rows meanwhile."""
        if self._progress is not None:
            self._progress.update(self._task, description=self._rows.words(epoch, done, n_rows))

    def on_end(self, result: Any) -> None:
        """Take the bar away and say why training stopped."""
        if self._progress is not None:
            self._progress.stop()
            self._progress.console.print(str(result), highlight=False, markup=False)
