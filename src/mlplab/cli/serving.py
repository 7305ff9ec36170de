"""The command that serves a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlplab.cli.door import door, note

__all__ = ["serve"]


@door
def serve(
    model: Annotated[Path, typer.Argument(help="A model file, or the folder of a run.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes any that is free.")] = 8000,
    workers: Annotated[int, typer.Option(help="Processes; each holds the model.")] = 1,
    max_body: Annotated[int, typer.Option(help="Bytes of a request.")] = 4_000_000,
    max_rows: Annotated[int, typer.Option(help="Rows of a request.")] = 10_000,
    timeout: Annotated[float, typer.Option(help="Seconds a request may take.")] = 30.0,
) -> None:
    """Answer prediction requests over HTTP until Ctrl-C.

    POST /predict with rows as JSON; /model, /health, /metrics and /openapi.json describe it.
    """
    from mlplab.serving.limits import Limits  # noqa: PLC0415  # only here
    from mlplab.serving.running import serve as run  # noqa: PLC0415  # same

    limits = Limits(body=max_body, rows=max_rows, seconds=timeout)
    run(model, host=host, port=port, workers=workers, limits=limits, announce=note)
    note("Stopped.")
