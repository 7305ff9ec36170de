"""What `mlplab run` shows of a sweep: a live table while it trains, tables and words after."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mlplab.cli import show
from mlplab.cli.door import INTERRUPTED, note
from mlplab.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlplab.results import CellResult, SweepProgress, SweepResult
    from mlplab.workflows.sweep_summary import StudySweep

__all__ = ["refuse_options", "run_sweep"]

# Where there is no terminal, a line so often.
_LINE_SECONDS = 5.0


def refuse_options(study: Path, options: dict[str, Any]) -> None:
    """Say that an option is about sweeps, if one was given.

    Raises
    ------
    ParameterError
        Names the option.
    """
    for name, value in options.items():
        if value:
            option = f"--{name.replace('_', '-')}"
            raise ParameterError(
                f"`{option}` must be left out where there is no sweep; {study.name} has no table "
                "[sweep]. Leave the option out, or add the table."
            )


def run_sweep(path: Path, out: Path, options: dict[str, Any], *, quiet: bool) -> None:
    """Sweep, and show what came out."""
    from mlplab import workflows  # noqa: PLC0415  # heavy

    jobs = options["jobs"]
    if jobs is not None and jobs < 1:
        raise ParameterError(f"`--jobs` must be at least 1; got {jobs}. Leave it out.")
    watcher = _Watcher()
    try:
        swept = workflows.sweep(
            path,
            out=out,
            **{**options, "backend": options["backend"] or "threads"},
            observers=() if quiet else [watcher],
            announce=None if quiet else watcher.announce,
        )
    finally:
        watcher.stop()
    _show(swept)
    if swept.interrupted:
        note(_way_on(path, swept, out, options))
        raise typer.Exit(INTERRUPTED)


def _show(swept: StudySweep) -> None:
    headers, rows = swept.table()
    console = Console()
    if rows and console.is_terminal and _width(headers, rows) > console.width:
        headers, rows = swept.table(narrow=True)
        show.table(headers, rows, range(1, len(headers) - 1))
    elif rows:
        show.table(headers, rows, range(len(headers) - 2 - len(swept.result.scores), len(headers)))
    if rows:
        typer.echo("")
    for sentence in swept.sentences():
        typer.echo(sentence)
    if swept.folder is not None:
        typer.echo(f"Sweep:  {swept.folder}")
        typer.echo(f"Report: {swept.folder / 'report.html'}")
    if swept.folder is not None and swept.model is not None:
        typer.echo(f"Model:  {swept.folder / 'model.safetensors'}")


def _width(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return how many characters a table needs for its longest cells and what is between them."""
    return sum(max(map(len, column)) + 3 for column in zip(headers, *rows, strict=True))


def _way_on(path: Path, swept: StudySweep, out: Path, options: dict[str, Any]) -> str:
    """Return how to go on, as a command."""
    words = ["mlplab", "run", str(path)]
    storage = options["storage"]
    remote = storage is not None and "://" in storage
    words += ["--resume"] if storage is None or remote else ["--storage", storage]
    words += [] if str(out) == "runs" else ["--out", str(out)]
    # A URL may hold a password, which no log should.
    end = " and the same --storage" if remote else ""
    n = sum(len(trial.cells) for trial in swept.result.trials)
    return (
        f"Interrupted: everything that was trained is kept, {n} networks of finished "
        f"configurations among it. To go on: {shlex.join(words)}{end}"
    )


class _Watcher:
    """Shows where a sweep stands: a table that changes, or a line now and then."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._said_at, self._said, self._words = -_LINE_SECONDS, "", ""
        self._failure: str | None = None
        self._is_over = False

    def announce(self, sentence: str) -> None:
        """Say what is about to be trained, and wait for the first results."""
        self.stop()
        note(sentence)
        if sys.stderr.isatty() and not self._is_over:
            # Drawn when something is new, not by a thread that takes time from the training.
            self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
            self._live.start()
            self._live.update(Text("waiting for the first results", style="dim"), refresh=True)

    def on_results(self, results: Sequence[CellResult], progress: SweepProgress) -> None:
        """Show where it stands."""
        failed = [result.reason for result in results if result.status != "done"]
        self._failure = failed[-1] if failed else self._failure
        if self._live is not None:
            self._live.update(progress_table(progress, self._failure), refresh=True)
            return
        self._words = progress_words(progress)
        if time.monotonic() - self._said_at >= _LINE_SECONDS:
            self._say()

    def on_end(self, result: SweepResult) -> None:
        """Take the table away, and say that there is more to do."""
        self.stop()
        self._is_over = True
        if self._words != self._said:
            self._say()
        if result.stop.name == "INTERRUPTED":
            note("finishing: keeping what was trained")
        elif result.n_trained:
            note("training the best again on all training rows")

    def _say(self) -> None:
        self._said_at, self._said = time.monotonic(), self._words
        note(self._words)

    def stop(self) -> None:
        """Give the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def progress_table(progress: SweepProgress, failure: str | None = None) -> Table:
    """Return where a sweep stands, as a table.

    Parameters
    ----------
    progress : SweepProgress
    failure : str, optional
        Why the last training failed that did.
    """
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="ellipsis")
    bar = Table.grid(padding=(0, 2))
    bar.add_row(
        ProgressBar(total=max(1, progress.n_cells), completed=progress.n_done, width=30),
        f"{progress.n_done:,} of {progress.n_cells:,}",
    )
    table.add_row("trained", bar)
    table.add_row("best", Text(_best(progress), overflow="fold"))
    table.add_row("time", ", ".join(_times(progress)))
    if progress.n_failed:
        last = f"; the last: {failure.splitlines()[0]}" if failure else ""
        words = Text(f"{progress.n_failed:,}{last}", no_wrap=True, overflow="ellipsis")
        table.add_row(Text("failed", style="yellow"), words)
    return table


def progress_words(progress: SweepProgress) -> str:
    """Return where a sweep stands, in a line."""
    parts = [f"{progress.n_done:,}/{progress.n_cells:,} trained"]
    if progress.n_failed:
        parts.append(f"{progress.n_failed:,} failed")
    parts += _times(progress)
    if progress.best is not None:  # at the end, where it may be long
        parts.append(f"best {_best(progress)}")
    return ", ".join(parts)


def _times(progress: SweepProgress) -> list[str]:
    from mlplab.workflows.progress import clock  # noqa: PLC0415  # loads the engines

    told = [f"{progress.rate:.3g} a second"] if progress.n_trained else []
    told.append(f"{clock(progress.seconds)} so far")
    if progress.seconds_left:
        told.append(f"{clock(progress.seconds_left)} left")
    return told


def _best(progress: SweepProgress) -> str:
    from mlplab.workflows.sweep_words import (  # noqa: PLC0415  # heavy
        configuration_words,
        told_score,
        with_spread,
    )

    trial, score = progress.best, progress.score
    if trial is None:
        return "none has a score yet"
    words, mean = told_score(score, trial.mean(score) or 0.0)
    told = with_spread(mean, trial.spread(score))
    return f"{words} {told} ({configuration_words(trial.configuration)})"
