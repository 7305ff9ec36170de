"""The command that writes models for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlplab.cli.door import door

__all__ = ["export"]

_WORDS = {
    "onnx": "ONNX (opset 17)",
    "safetensors": "mlplab's own file",
    "python": "Python, which needs NumPy alone",
    "c": "C99",
}


@door
def export(
    model: Annotated[Path, typer.Argument(help="A model file, or the folder of a run.")],
    out: Annotated[Path, typer.Option(help="Where to: .onnx, .safetensors, .py or .h.")],
    to: Annotated[
        str | None,
        typer.Option(help="onnx, safetensors, python or c; left out, the suffix tells."),
    ] = None,
    network_only: Annotated[  # noqa: FBT002  # an option
        bool, typer.Option("--network-only", help="Leave the preparation of columns out.")
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(help="What names in a C header begin with (mlp), or name of an ONNX graph."),
    ] = None,
) -> None:
    """Write a model for other programs: ONNX, one file of Python, a header of C."""
    from mlplab import workflows  # noqa: PLC0415  # heavy
    from mlplab.workflows.exporting import format_of  # noqa: PLC0415  # same

    written = workflows.export(model, out, to, network_only=network_only, name=name)
    alone = ", the network alone" if network_only else ""
    size = written.stat().st_size
    typer.echo(f"{written}: {_WORDS[format_of(written, to)]}{alone}, {size:,} bytes")
