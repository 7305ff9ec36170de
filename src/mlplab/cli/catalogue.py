"""The commands about data sets and large files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlplab.cli import show
from mlplab.cli.door import door, note
from mlplab.cli.reading import Decimal, Encoding, NoHeader, Separator, reading_of

__all__ = ["data_app"]

data_app = typer.Typer(
    help="Named data sets: list them, get one. Large files: make them quick to read.",
    no_args_is_help=True,
)


@data_app.command("list", epilog="Example: mlplab data list")
@door
def list_sets() -> None:
    """List the named data sets, and where each comes from."""
    from mlplab import workflows  # noqa: PLC0415  # heavy

    rows = [
        [info.name, f"{info.n_rows:,}", info.task, info.where, info.title]
        for info in workflows.data_list()
    ]
    show.table(["name", "rows", "task", "from", "what"], rows, range(1, 2))


@data_app.command("get", epilog="Example: mlplab data get wine_quality --out wine.csv")
@door
def get_set(
    name: Annotated[str, typer.Argument(help="One of `mlplab data list`.")],
    out: Annotated[Path | None, typer.Option(help="Where to: .csv, .tsv or .parquet.")] = None,
) -> None:
    """Fetch a data set (with its checksum tested), and write it to a file if asked."""
    from mlplab import workflows  # noqa: PLC0415  # heavy

    found = workflows.data_get(name, out)
    rows = len(found.frame)
    target = f" Target: {', '.join(found.target)}." if found.target else ""
    typer.echo(f"{found.title}: {rows:,} rows, {found.frame.shape[1]:,} columns.{target}")
    typer.echo(f"Source: {found.source} Licence: {found.licence.rstrip('.')}.")
    if out is not None:
        typer.echo(f"Written to {out}")


@data_app.command("convert", epilog="Example: mlplab data convert big.csv --out big.parquet")
@door
def convert(
    source: Annotated[
        Path, typer.Argument(help="A CSV, TSV or Parquet file, or a folder of them.")
    ],
    out: Annotated[Path, typer.Option(help="Where to: .parquet.")],
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    no_header: NoHeader = False,  # noqa: FBT002  # an option
) -> None:
    """Write a table of any size as Parquet, which is many times as quick to read in blocks."""
    from mlplab import workflows  # noqa: PLC0415  # heavy

    reading = reading_of(separator, decimal, encoding, no_header=no_header)
    n_rows = workflows.data_convert(source, out, reading=reading, announce=note)
    typer.echo(f"{out}: {n_rows:,} rows, {out.stat().st_size:,} bytes")
