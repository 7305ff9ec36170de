"""The commands that use and explain models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mlplab.cli import show
from mlplab.cli.door import FAILED, door, note
from mlplab.cli.reading import Blocks, Decimal, Encoding, NoHeader, Separator, reading_of
from mlplab.errors import ParameterError, did_you_mean

__all__ = ["check", "describe", "evaluate", "predict", "report", "trace"]

Model = Annotated[Path, typer.Argument(help="A model file, or the folder of a run.")]
_FORMATS = {
    "text": "to_text",
    "table": "to_markdown",
    "markdown": "to_markdown",
    "latex": "to_latex",
}


@door
def predict(
    model: Model,
    data: Annotated[
        str, typer.Argument(help="Rows: a CSV or Parquet file, a folder of them, or a data set.")
    ],
    out: Annotated[Path, typer.Option(help="Where to: .csv, .tsv or .parquet.")],
    keep: Annotated[str | None, typer.Option(help="Column to copy beside the predictions.")] = None,
    blocks: Blocks = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    no_header: NoHeader = False,  # noqa: FBT002  # an option
) -> None:
    """Predict every row of a table and write the predictions to a file.

    A file in blocks may have any size, and the same command goes on after a kill.
    """
    from mlplab import workflows  # noqa: PLC0415  # heavy

    reading = reading_of(separator, decimal, encoding, no_header=no_header)
    found = workflows.predict_file(
        model, data, out, keep=keep, reading=reading, blocks=blocks, announce=note
    )
    typer.echo(
        f"{found.n_rows:,} predictions in {out}: {', '.join(found.columns[:6])}"
        + (", …" if len(found.columns) > 6 else "")
    )


@door
def evaluate(
    model: Model,
    data: Annotated[str, typer.Argument(help="Labelled rows that training never saw.")],
    as_json: Annotated[  # noqa: FBT002  # an option
        bool, typer.Option("--json", help="Print the figures as JSON.")
    ] = False,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    no_header: NoHeader = False,  # noqa: FBT002  # an option
) -> None:
    """Judge a model on labelled rows."""
    from mlplab import workflows  # noqa: PLC0415  # heavy
    from mlplab.results.run import figures  # noqa: PLC0415  # same

    reading = reading_of(separator, decimal, encoding, no_header=no_header)
    metrics = workflows.evaluate(model, data, reading=reading)
    if as_json:
        typer.echo(json.dumps(metrics.to_dict(), indent=2, ensure_ascii=False))
        return
    found = figures(metrics)
    show.table(list(found), [list(found.values())], range(len(found)))
    typer.echo("")
    typer.echo(metrics.summary)


@door
def describe(model: Model) -> None:
    """Tell what a model is: network, preparation, what was chosen and why."""
    from mlplab import workflows  # noqa: PLC0415  # heavy

    typer.echo(workflows.describe(model).to_text())


@door
def check(
    model: Model,
    data: Annotated[
        str | None, typer.Argument(help="Labelled rows; else a small batch is made up.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the rows that are drawn.")] = 0,
) -> None:
    """Compare the gradients of a model with differences, layer by layer."""
    from mlplab import workflows  # noqa: PLC0415  # heavy

    found = workflows.check(model, data, seed=seed)
    typer.echo(found.to_text())
    if not found.passed:
        raise typer.Exit(FAILED)


@door
def trace(
    study: Annotated[Path, typer.Argument(help=r"A study file with a table \[trace].")],
    form: Annotated[str, typer.Option("--format", help="text, table, markdown or latex.")] = "text",
    out: Annotated[Path | None, typer.Option(help="Write to a file instead.")] = None,
) -> None:
    """Show every number of the forward and backward passes and of the updates."""
    if form not in _FORMATS:
        hint = did_you_mean(form, _FORMATS) or " Use 'text'."
        raise ParameterError(
            f"`--format` must be one of {', '.join(_FORMATS)}; got {form!r}.{hint}"
        )
    from mlplab import workflows  # noqa: PLC0415  # heavy

    found = workflows.trace(study)
    text = str(getattr(found, _FORMATS[form])())
    if out is None:
        typer.echo(text)
        return
    from mlplab._files import write_atomically  # noqa: PLC0415  # only here

    write_atomically(out, f"{text}\n".encode())
    typer.echo(f"{len(found):,} numbers in {out}")


@door
def report(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
) -> None:
    """Write the report of a run again, from the files in its folder."""
    from mlplab import workflows  # noqa: PLC0415  # heavy

    typer.echo(f"Report: {workflows.report(run)}")
