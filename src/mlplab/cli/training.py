"""The commands that train: `fit` and `run`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from mlplab.cli import show
from mlplab.cli.door import INTERRUPTED, door, note
from mlplab.cli.progress import observer
from mlplab.cli.reading import Blocks, Decimal, Encoding, NoHeader, Separator, reading_of
from mlplab.cli.sweeping import refuse_options, run_sweep
from mlplab.errors import ParameterError

__all__ = ["fit", "run_study"]

Out = Annotated[Path, typer.Option(help="Folder of all runs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]


@door
def fit(
    data: Annotated[
        str,
        typer.Argument(help="A CSV or Parquet file, a folder of them, or the name of a data set."),
    ],
    target: Annotated[
        list[str] | None,
        typer.Option(help="Column to predict; give it again for several. Else it is found."),
    ] = None,
    task: Annotated[
        str,
        typer.Option(help="auto, classification, multilabel, regression or autoencoder."),
    ] = "auto",
    hidden: Annotated[
        str | None, typer.Option(help="Units of the hidden layers: 64,32. 'none' is linear.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A parameter of MLPClassifier, MLPRegressor, MLPAutoencoder or of "
            "mlplab.data.Preparation (help() in Python lists them); may be given again.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same run.")] = 0,
    validation: Annotated[
        float, typer.Option(help="Share of rows that choose the epoch; 0 for none.")
    ] = 0.1,
    test: Annotated[
        float | None, typer.Option(help="Share of rows for the test; else their own, or 0.2.")
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(help="Column that must not become a feature; may be given again."),
    ] = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    no_header: NoHeader = False,  # noqa: FBT002  # an option
    blocks: Blocks = None,
    name: Annotated[str | None, typer.Option(help="Name of the run.")] = None,
    out: Out = Path("runs"),
    track: Annotated[
        list[str] | None,
        typer.Option(
            help="Keep the run in mlflow, wandb or tensorboard as well; may be given again."
        ),
    ] = None,
    quiet: Quiet = False,  # noqa: FBT002  # an option
) -> None:
    """Train a network on a table; test it on rows it never saw; write a report.

    Ctrl-C stops the training and keeps what was learned (exit status 130).
    """
    from mlplab import workflows  # noqa: PLC0415  # heavy
    from mlplab.workflows.settings import parse_settings  # noqa: PLC0415  # same

    result = workflows.fit(
        data,
        target=target[0] if target and len(target) == 1 else (target or None),
        task=task,
        hidden=_sizes(hidden),
        settings=parse_settings(set_ or []),
        seed=_seed(seed),
        validation=_part(validation),
        test=None if test is None else _part(test),
        drop=drop or (),
        reading=reading_of(separator, decimal, encoding, no_header=no_header),
        blocks=blocks,
        name=name,
        out=out,
        track=track,
        observers=observer(quiet=quiet),
        announce=None if quiet else note,
    )
    _finish(result)


@door
def run_study(
    study: Annotated[Path, typer.Argument(help="A study file (TOML).")],
    out: Out = Path("runs"),
    resume: Annotated[  # noqa: FBT002  # an option
        bool, typer.Option("--resume", help="Go on with the latest run or sweep of this study.")
    ] = False,
    backend: Annotated[
        str | None, typer.Option(help="Where a sweep trains: threads, processes, dask or ray.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Threads or workers of a sweep; else one a processor.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Of a running scheduler of Dask or Ray, such as tcp://host:8786."),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(help="A folder or a PostgreSQL URL that several sweeps may share."),
    ] = None,
    retry_failed: Annotated[  # noqa: FBT002  # same
        bool, typer.Option("--retry-failed", help="Train again what failed in a sweep.")
    ] = False,
    quiet: Quiet = False,  # noqa: FBT002  # same
) -> None:
    """Do what a study file says, a sweep too; the same file gives the same figures.

    Ctrl-C keeps what was trained (exit status 130), and says how to go on.
    """
    from mlplab import workflows  # noqa: PLC0415  # heavy

    options = {"resume": resume, "backend": backend, "jobs": jobs, "address": address}
    options |= {"storage": storage, "retry_failed": retry_failed}
    if workflows.read_study(study).sweep is not None:
        run_sweep(study, out, options, quiet=quiet)
        return
    refuse_options(study, {name: value for name, value in options.items() if name != "resume"})
    announce = None if quiet else note
    watchers = observer(quiet=quiet)
    result = workflows.run(study, out=out, resume=resume, observers=watchers, announce=announce)
    _finish(result, _way_on(study, out, result.folder))


def _way_on(study: Path, out: Path, folder: Path | None) -> str:
    """Return how to go on with an interrupted run, as a command, if it has a checkpoint."""
    from mlplab.workflows.long_runs import CHECKPOINT  # noqa: PLC0415  # heavy

    if folder is None or not (folder / CHECKPOINT).exists():
        return ""
    words = ["mlplab", "run", str(study), "--resume"]
    words += [] if str(out) == "runs" else ["--out", str(out)]
    return f" To go on from its last checkpoint: {shlex.join(words)}"


def _finish(result: Any, way_on: str = "") -> None:
    show.run_summary(result)
    if result.interrupted:
        note(f"Interrupted: the run keeps what had been learned.{way_on}")
        raise typer.Exit(INTERRUPTED)


def _sizes(text: str | None) -> list[int] | None:
    if text is None:
        return None
    words = [word.strip() for word in text.strip("()[] ").split(",") if word.strip()]
    if words == ["none"]:
        return []
    if not all(word.isdigit() for word in words):
        raise ParameterError(
            f"`--hidden` must be numbers of units, separated by commas; got {text!r}. "
            "For example: --hidden 64,32"
        )
    return [int(word) for word in words]


def _seed(seed: int) -> int:
    if not 0 <= seed < 2**32:
        raise ParameterError(f"`--seed` must be from 0 to 4294967295; got {seed}. Use 0.")
    return seed


def _part(share: float) -> float | int:
    # A whole number of at least 1 is a number of rows.
    return int(share) if share >= 1 and share == int(share) else share
