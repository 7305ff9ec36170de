"""The command `mlplab` and its options."""

from __future__ import annotations

from typing import Annotated

import typer

from mlplab import __version__
from mlplab.cli.bench import bench
from mlplab.cli.catalogue import data_app
from mlplab.cli.door import settings
from mlplab.cli.exporting import export
from mlplab.cli.models import check, describe, evaluate, predict, report, trace
from mlplab.cli.serving import serve
from mlplab.cli.training import fit, run_study

__all__ = ["app", "run"]

app = typer.Typer(
    name="mlplab",
    help="Multi-layer perceptrons from end to end: train, judge, explain, predict.",
    epilog="Example: mlplab fit breast_cancer",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _examples(*lines: str) -> str:
    return "\n\n".join(["Examples:", *lines])


def _show_version(value: bool) -> None:  # noqa: FBT001  # typer calls it so
    if value:
        typer.echo(f"mlplab {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: ARG001, FBT002  # its callback does the work
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Annotated[  # noqa: FBT002
        bool, typer.Option("--debug", help="Show tracebacks of errors.")
    ] = False,
) -> None:
    settings.debug = debug


app.command(
    epilog=_examples(
        "mlplab fit breast_cancer",
        "mlplab fit houses.csv --target price --hidden 64,32",
        "mlplab fit survey.parquet --target answer --set solver=sgd --set learning_rate_init=0.01",
        "mlplab fit larger-than-memory.parquet --target y --blocks",
    )
)(fit)
app.command(
    "run",
    epilog=_examples(
        "mlplab run studies/wine-quality-quick.toml",
        "mlplab run studies/wine-sweep.toml --resume",
        "mlplab run runs/20260101-120000-iris/study.toml    (repeats that run)",
    ),
)(run_study)
app.command(
    epilog=_examples(
        "mlplab predict runs/…/model.safetensors new.csv --out predictions.csv",
        "mlplab predict runs/… new.parquet --out predictions.parquet --keep customer",
        "mlplab predict runs/… larger-than-memory.csv --out predictions.parquet --blocks",
    )
)(predict)
app.command(epilog=_examples("mlplab evaluate runs/…/model.safetensors labelled.csv"))(evaluate)
app.command(epilog=_examples("mlplab describe runs/…/model.safetensors"))(describe)
app.command(
    epilog=_examples(
        "mlplab check runs/…/model.safetensors",
        "mlplab check runs/…/model.safetensors labelled.csv",
    )
)(check)
app.command(
    epilog=_examples(
        "mlplab trace studies/by-hand-relu.toml",
        "mlplab trace studies/by-hand-2-2-1.toml --format latex",
    )
)(trace)
app.command(
    epilog=_examples(
        "mlplab export runs/… --to onnx --out model.onnx",
        "mlplab export runs/…/model.safetensors --out predictor.py",
        "mlplab export runs/… --to c --network-only --out network.h",
    )
)(export)
app.command(
    epilog=_examples(
        "mlplab serve runs/…/model.safetensors",
        "mlplab serve runs/… --port 8080 --workers 2",
    )
)(serve)
app.command(epilog=_examples("mlplab report runs/20260101-120000-iris"))(report)
app.command(
    epilog=_examples(
        "mlplab bench",
        "mlplab bench --cases tiny,predict --peers sklearn,jax --rounds 5",
        "mlplab bench --full --json speed.json --picture speed.png",
    )
)(bench)
app.add_typer(
    data_app,
    name="data",
    epilog=_examples("mlplab data list", "mlplab data get wine_quality --out wine.csv"),
)


def run(arguments: list[str]) -> int:
    """Run the command line and return the exit status.

    Parameters
    ----------
    arguments : list of str
        Without the name of the program. ``--debug`` may stand anywhere.
    """
    ours = arguments.index("--") if "--" in arguments else len(arguments)
    if "--debug" in arguments[:ours]:
        arguments.remove("--debug")
        arguments.insert(0, "--debug")
    try:
        app(args=arguments, prog_name="mlplab")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0
