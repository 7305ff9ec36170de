"""From a study's table ``[track]`` to runs that trackers keep."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlplab.errors import ParameterError, did_you_mean
from mlplab.results import RunMetrics, RunResult
from mlplab.tracking import (
    MLflowTracker,
    RunFolder,
    TensorBoardTracker,
    TrackedRun,
    Tracker,
    WandbTracker,
)
from mlplab.workflows.keeping import METRICS, MODEL, REPORT
from mlplab.workflows.study import Study, TrackTable
from mlplab.workflows.sweep_summary import StudySweep

__all__ = ["keep_outcome", "keep_sweep", "open_tracked", "track_table"]

_TRACKERS = tuple(TrackTable.model_fields)
# What a run was made of does not hold where it is kept, nor what others may not see.
_NOT_PARAMETERS = {"name", "chosen", "figures", "trace", "track"}
# What metrics say about the rows and not about the network.
_NO_FIGURES = frozenset({"n_rows", "majority_share", "nothing_share"})
_FILES = (REPORT, MODEL, METRICS)
_FILES_OF_SWEEP = (REPORT, MODEL, "sweep.json", "trials.parquet", "curves.parquet")
# Where to keep a run whose folder nobody wants.
_BASE = Path("runs")


def track_table(track: Collection[str] | Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the table ``[track]`` that names of trackers stand for, or tables by name.

    Raises
    ------
    ParameterError
        There is no such tracker.

    Examples
    --------
    >>> track_table(["mlflow"])
    {'mlflow': True}
    """
    if track is None:
        return None
    names = [track] if isinstance(track, str) else list(track)
    for name in names:
        if name not in _TRACKERS:
            hint = did_you_mean(name, _TRACKERS) or " Choose from them."
            raise ParameterError(
                f"`track` must name trackers among {', '.join(_TRACKERS)}; got {name!r}.{hint}"
            )
    return dict(track) if isinstance(track, Mapping) else dict.fromkeys(names, True)


def open_tracked(
    study: Study,
    folder: RunFolder | None,
    out: str | Path | None,
    announce: Callable[[str], Any] | None,
    axis: str = "epoch",
) -> TrackedRun:
    """Begin a run in each tracker that a study names.

    Parameters
    ----------
    study : Study
        As resolved.
    folder : RunFolder or None
        Of this run, which is called as it.
    out : str, Path or None
        Of all runs; trackers that keep files keep them there, unless the study says where.
    announce : callable or None
        Gets a line about where the run is tracked.
    axis : str
        What the steps of its points count.

    Raises
    ------
    MissingExtraError
        A tracker is not installed.
    """
    name = str(study.name)
    table = study.track or TrackTable()
    trackers = list(_trackers(table, name, _BASE if out is None else Path(out).expanduser()))
    label = name if folder is None else folder.path.name
    run = TrackedRun(trackers, label, dict(_parameters(study)), axis)
    if announce is not None and run.where:
        announce("\n".join(f"Tracked: {where}" for where in run.where))
    return run


def _trackers(table: TrackTable, name: str, base: Path) -> Iterator[Tracker]:
    """Yield the trackers that a table names; where it is silent, the study's name and folder."""
    if (mlflow := table.mlflow) is not None:
        yield MLflowTracker(
            uri=mlflow.uri,
            experiment=mlflow.experiment or name,
            folder=base,
            trials=mlflow.trials,
        )
    if (wandb := table.wandb) is not None:
        yield WandbTracker(
            project=wandb.project or name, mode=wandb.mode, folder=_folder(wandb.folder, base)
        )
    if (board := table.tensorboard) is not None:
        yield TensorBoardTracker(folder=_folder(board.folder, base / "tensorboard"))


def _folder(said: str | None, usual: Path) -> Path:
    return usual if said is None else Path(said).expanduser()


def _parameters(study: Study) -> Iterator[tuple[str, Any]]:
    """Yield what a study says, by dotted name."""
    content = study.model_dump(exclude_none=True, exclude=_NOT_PARAMETERS)
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{name}", v) for name, v in value.items() if v not in ([], {}))
        else:
            yield key, value


def keep_outcome(tracked: TrackedRun, result: RunResult) -> None:
    """Keep figures, report and model of a finished run."""
    figures = _figures(result.metrics)
    figures |= {"epochs": float(result.fit.n_epochs), "seconds": result.fit.seconds}
    tracked.keep(figures, _below(result.folder, _FILES))


def keep_sweep(tracked: TrackedRun, swept: StudySweep) -> None:
    """Keep what a sweep came to: its best, how that did on the test rows, and the tables."""
    result = swept.result
    figures = {"trials": float(len(result.trials)), "seconds": result.seconds}
    for trial in result.best():
        means = {f"best/{name}": trial.mean(name) for name in result.scores}
        figures |= {name: mean for name, mean in means.items() if mean is not None}
    for finalist in swept.finalists[:1]:
        figures |= _figures(finalist.metrics)
    tracked.keep(figures, _below(swept.folder, _FILES_OF_SWEEP))


def _below(folder: Path | None, names: Sequence[str]) -> list[Path]:
    return [] if folder is None else [folder / name for name in names]


def _figures(metrics: RunMetrics) -> dict[str, float]:
    """Return the figures of each part as ``"test/accuracy"``; those that are no numbers not."""
    return {
        f"{part}/{field.name}": float(value)
        for part, figures in metrics.parts()
        for field in dataclasses.fields(figures)
        if field.name not in _NO_FIGURES
        and isinstance(value := getattr(figures, field.name), (int, float))
    }
