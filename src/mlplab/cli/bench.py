"""The command that measures: `bench`."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from mlplab.cli import show
from mlplab.cli.door import FAILED, INTERRUPTED, door, note
from mlplab.errors import ParameterError

if TYPE_CHECKING:
    from mlplab.benchmarks import Case, CaseResult, Report

__all__ = ["bench"]

QUICK_ROUNDS, FULL_ROUNDS = 3, 7


@door
def bench(
    cases: Annotated[
        str | None, typer.Option(help="Cases, separated by commas: tiny-adam, or tiny for both.")
    ] = None,
    peers: Annotated[
        str | None, typer.Option(help="Peers, separated by commas: torch-fused, or torch for all.")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(help="How often the peers take turns; else 3, or 7 if full.")
    ] = None,
    full: Annotated[  # noqa: FBT002  # an option
        bool, typer.Option("--full/--quick", help="Everything, or what takes about half a minute.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Write everything to a JSON file.")] = None,
    markdown: Annotated[  # noqa: FBT002  # same
        bool, typer.Option("--markdown", help="Print Markdown in place of tables.")
    ] = False,
    picture: Annotated[Path | None, typer.Option(help="Draw a picture: .png or .svg.")] = None,
    show_list: Annotated[  # noqa: FBT002  # same
        bool, typer.Option("--list", help="List cases and peers, and measure nothing.")
    ] = False,
) -> None:
    """Measure mlplab beside scikit-learn, PyTorch, JAX and NumPy: equal work, equal threads.

    Who does not end at the same loss is reported as an error. Ctrl-C shows what was measured.
    """
    from mlplab import benchmarks  # noqa: PLC0415  # heavy

    if show_list:
        _list()
        return
    _check_files(json, picture)
    n_rounds = _rounds(rounds, full=full)
    chosen = benchmarks.choose_cases(_words(cases), full=full)
    against = benchmarks.choose_peers(_words(peers), full=full)
    with _Watcher(markdown=markdown) as watcher:
        report = benchmarks.measure(chosen, against, rounds=n_rounds, full=full, watcher=watcher)
    _finish(report, json, picture, markdown=markdown)


def _finish(report: Report, json: Path | None, picture: Path | None, *, markdown: bool) -> None:
    from mlplab.benchmarks import tables  # noqa: PLC0415  # heavy

    if markdown:
        typer.echo(tables.to_markdown(report))
    else:
        for line in ("", *tables.closing_lines(report)):
            typer.echo(line)
    if json is not None:
        from mlplab._files import write_atomically  # noqa: PLC0415  # only here
        from mlplab.tracking import json_text  # noqa: PLC0415  # same

        write_atomically(json, json_text(report.to_dict()).encode())
        note(f"Everything: {json}")
    if picture is not None:
        from mlplab.benchmarks.picture import save_picture  # noqa: PLC0415  # loads Matplotlib

        save_picture(report, picture)
        note(f"Picture: {picture}")
    if report.interrupted:
        note("Interrupted: this is what was measured.")
        raise typer.Exit(INTERRUPTED)
    if not report.sound:
        note("mlplab itself failed, or ended at another loss: see above.")
        raise typer.Exit(FAILED)


class _Watcher:
    """Shows whose turn it is on standard error, and each case when it is complete."""

    def __init__(self, *, markdown: bool) -> None:
        self._markdown = markdown
        self._said: set[str] = set()
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._take_bar_away()

    def on_start(self, report: Report) -> None:
        """Say what figures depend on."""
        from mlplab.benchmarks.tables import opening_lines  # noqa: PLC0415  # heavy

        if not self._markdown:
            for line in opening_lines(report):
                typer.echo(line)

    def on_turn(self, case: Case, peer: str, done: int, total: int) -> None:
        """Move the bar on; without a terminal, name every peer of a case once."""
        words = f"{case.name}: {peer}"
        if sys.stderr.isatty():
            if self._bar is None:
                self._bar = _new_bar()
            self._bar.update(
                self._bar.task_ids[0], completed=done, total=total, description=words, refresh=True
            )
        elif words not in self._said:
            self._said.add(words)
            note(words)

    def on_case(self, report: Report, result: CaseResult) -> None:  # noqa: ARG002  # the protocol
        """Show the table of a case."""
        from mlplab.benchmarks.tables import case_table  # noqa: PLC0415  # heavy

        self._take_bar_away()
        if self._markdown:
            return
        found = case_table(result)
        typer.echo(f"\n{found.title}")
        if found.rows:
            show.table(found.headers, found.rows, range(1, len(found.headers)))
        for remark in found.remarks:
            typer.secho(remark, fg=typer.colors.RED)

    def _take_bar_away(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _new_bar() -> Progress:
    # Drawn when something happens, not by a thread that would take time from the peers.
    bar = Progress(
        BarColumn(bar_width=24),
        TextColumn("{task.description}"),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
    )
    bar.add_task("")
    bar.start()
    return bar


def _list() -> None:
    from mlplab.benchmarks import CASES, PEERS  # noqa: PLC0415  # heavy
    from mlplab.benchmarks.peers import INSTALL, is_here  # noqa: PLC0415  # same

    show.table(
        ["case", "what", "quick run"],
        [[case.name, case.title, "yes" if case.default else ""] for case in CASES.values()],
    )
    typer.echo("")
    rows: list[list[Any]] = [
        [
            peer.name,
            peer.label,
            "yes" if peer.default else "",
            "" if is_here(peer) else f"absent: {INSTALL}",
        ]
        for peer in PEERS.values()
    ]
    show.table(["peer", "what", "quick run", ""], rows)


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _rounds(rounds: int | None, *, full: bool) -> int:
    if rounds is None:
        return FULL_ROUNDS if full else QUICK_ROUNDS
    if rounds < 1:
        raise ParameterError(f"`--rounds` must be at least 1; got {rounds}. Use {QUICK_ROUNDS}.")
    return rounds


def _check_files(json: Path | None, picture: Path | None) -> None:
    """Refuse files that cannot be written before half an hour is spent, not after."""
    from mlplab._files import output_error  # noqa: PLC0415  # only here
    from mlplab.benchmarks.picture import check_suffix  # noqa: PLC0415  # heavy

    if picture is not None:
        check_suffix(picture)
    for path in (json, picture):
        if path is None:
            continue
        number = 0
        if path.is_dir():
            number = errno.EISDIR
        elif not path.parent.is_dir():
            number = errno.ENOENT
        elif not os.access(path.parent, os.W_OK):
            number = errno.EACCES
        if number:
            raise output_error(path, OSError(number, os.strerror(number)))
