"""What commands show: tables and sentences on standard output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from mlplab.results import RunResult

__all__ = ["run_summary", "table"]


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], numbers: range | None = None
) -> None:
    """Print a table; columns of `numbers` end flush."""
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for k, header in enumerate(headers):
        drawn.add_column(header, justify="right" if numbers and k in numbers else "left")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    console = Console()
    # Into a file or a pipe goes the whole line, however wide.
    if not console.is_terminal:
        console = Console(width=max(80, _width(headers, rows)))
    console.print(drawn)


def _width(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    columns = zip(headers, *rows, strict=True)
    return sum(max(map(len, column)) + 3 for column in columns)


def run_summary(result: RunResult) -> None:
    """Print what a run gave: the figures, the test figure in words, where the report lies."""
    headers, rows = result.metrics.table()
    table(headers, rows, range(1, len(headers)))
    typer.echo("")
    typer.echo(result.metrics.headline)
    for section in result.sections:
        typer.echo(f"\n{section.title}\n")
        for sentence in section.sentences:
            typer.echo(sentence)
        if section.rows:
            typer.echo("")
            table(section.headers, section.rows, range(1, len(section.headers)))
    if result.sections:
        typer.echo(f"\nThe whole study took {result.seconds:.1f} seconds.")
    for remark in result.remarks:
        typer.echo(f"Note: {remark}")
    if result.folder is not None:
        typer.echo(f"Report: {result.folder / 'report.html'}")
        typer.echo(f"Model:  {result.folder / 'model.safetensors'}")
