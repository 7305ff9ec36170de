"""What `mlplab run` shows of a sweep: one live line while it trains, tables and words after."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from mlplab.cli import show
from mlplab.cli.door import INTERRUPTED, note
from mlplab.errors import ParameterError

if TYPE_CHECKING:
    from mlplab.results import SweepProgress
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
            announce=None if quiet else note,
        )
    finally:
        watcher.stop()
    _show(swept)
    if swept.interrupted:
        note(_way_on(path, swept, out, options))
        raise typer.Exit(INTERRUPTED)


def _show(swept: StudySweep) -> None:
    headers, rows = swept.table()
    if rows:
        show.table(headers, rows, range(len(headers) - 2 - len(swept.result.scores), len(headers)))
        typer.echo("")
    for sentence in swept.sentences():
        typer.echo(sentence)
    if swept.folder is not None:
        typer.echo(f"Sweep:  {swept.folder}")
    if swept.folder is not None and swept.model is not None:
        typer.echo(f"Model:  {swept.folder / 'model.safetensors'}")


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
    """Shows where a sweep stands: a line that changes, or a line now and then."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._said = -_LINE_SECONDS

    def on_results(self, results: Any, progress: SweepProgress) -> None:  # noqa: ARG002  # the protocol
        """Show the line."""
        words = progress_words(progress)
        if sys.stderr.isatty():
            if self._live is None:
                # Drawn when something is new, not by a thread that takes time from the training.
                self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
                self._live.start()
            self._live.update(Text(words, no_wrap=True, overflow="ellipsis"), refresh=True)
        elif time.monotonic() - self._said >= _LINE_SECONDS:
            self._said = time.monotonic()
            note(words)

    def on_end(self, result: Any) -> None:  # same
        """Take the line away, and say that there is more to do."""
        self.stop()
        if result.stop.name == "INTERRUPTED":
            note("finishing: keeping what was trained")

    def stop(self) -> None:
        """Give the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def progress_words(progress: SweepProgress) -> str:
    """Return where a sweep stands, in a line."""
    parts = [f"{progress.n_done}/{progress.n_cells} trained"]
    if progress.n_failed:
        parts.append(f"{progress.n_failed} failed")
    if progress.n_trained:
        parts.append(f"{progress.rate:.1f} a second")
    if progress.seconds_left:
        parts.append(f"{progress.seconds_left:.0f} s left")
    if progress.best is not None:  # at the end, where a narrow terminal cuts
        parts.append(_best(progress.best))
    return ", ".join(parts)


def _best(trial: Any) -> str:
    from mlplab.workflows.sweep_summary import configuration_words  # noqa: PLC0415  # heavy

    name = next(iter(trial.cells[0].scores))
    return f"best {name} {trial.mean(name):.4g} ({configuration_words(trial.configuration)})"
