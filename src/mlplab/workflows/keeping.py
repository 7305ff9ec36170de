"""A run in its folder: written, and read again."""

from __future__ import annotations

import dataclasses
import io
import tempfile
import time
import typing
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab._files import path_of, write_atomically
from mlplab._typing import AnyArray
from mlplab.data import to_frame
from mlplab.engines import TrainingPlan, TrainingState
from mlplab.errors import DataError, OutputError
from mlplab.export import to_bytes
from mlplab.plots import to_svg
from mlplab.results import EpochRecord, FitResult, History, RunMetrics, RunResult
from mlplab.tracking import RunFolder, to_json_ready
from mlplab.workflows.long_runs import CHECKPOINT
from mlplab.workflows.model import TabularModel
from mlplab.workflows.parts import Parts
from mlplab.workflows.pictures import PICTURES
from mlplab.workflows.reviving import revive

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MODEL", "Checkpoints", "KeptRun", "keep_run", "keep_training", "read_run"]

CHECKPOINT_SECONDS = 10.0

MODEL, METRICS, RECORD = "model.safetensors", "metrics.json", "run.json"
PREDICTIONS, REPORT, STUDY = "predictions.parquet", "report.html", "study.toml"
_NOT_RECORDED = frozenset({"folder", "fit", "metrics", "model", "pictures"})
_PICTURES = "figures"


@dataclass(frozen=True, slots=True, eq=False)
class KeptRun:
    """A run as its folder tells it.

    Attributes
    ----------
    result : RunResult
        Without the model.
    predictions : pandas.DataFrame
        Row number, true and predicted values of the judged rows; empty for an autoencoder.
    environment : dict
    figures : tuple of str
        Which figures were asked for; empty for all.
    pictures : mapping of str to str
        SVG of the figures that lie in the folder, by name.
    """

    result: RunResult
    predictions: pd.DataFrame
    environment: dict[str, Any]
    figures: tuple[str, ...] = ()
    pictures: Mapping[str, str] = field(default_factory=dict)


class Checkpoints:
    """An observer that keeps history and best weights of a long training on the way.

    A kill then loses at most the last few seconds: the folder holds a model that predicts.

    Parameters
    ----------
    folder : RunFolder
    model : TabularModel
        Whose estimator is being trained.
    """

    def __init__(self, folder: RunFolder, model: TabularModel) -> None:
        self._folder, self._model = folder, model
        self._records: list[EpochRecord] = []
        self._last = time.monotonic()

    def on_start(self, plan: TrainingPlan, state: TrainingState) -> None:
        """Do nothing yet."""

    def on_epoch(self, record: EpochRecord, state: TrainingState) -> None:
        """Keep what there is, every few seconds."""
        self._records.append(record)
        if time.monotonic() - self._last >= CHECKPOINT_SECONDS:
            best = self._model.estimator.with_parameters(state.best_parameters)
            model = dataclasses.replace(self._model, estimator=best)
            try:
                self._folder.write_history(History.of(self._records))
                self._folder.write_bytes(MODEL, to_bytes(model.to_artifact()))
            except OutputError as error:  # a full disk costs no training
                warnings.warn(
                    f"{error} Training went on; what was kept before stays.", stacklevel=2
                )
            self._last = time.monotonic()

    def on_end(self, result: FitResult) -> None:
        """Do nothing: the whole run is kept next."""


def keep_training(folder: RunFolder, model: TabularModel) -> None:
    """Write history and model, before anything is computed about them.

    Raises
    ------
    OutputError
        A file cannot be written; the message says where the model is kept instead.
    """
    content = to_bytes(model.to_artifact())
    try:
        folder.write_history(model.estimator.result_.history)
        folder.write_bytes(MODEL, content)
    except OutputError as error:
        raise OutputError(f"{error} {_rescued(folder, content)}") from error


def _rescued(folder: RunFolder, content: bytes) -> str:
    """Write a model where temporary files go, and return where it is, or what else is left."""
    try:
        path = Path(tempfile.mkdtemp(prefix="mlplab-")) / MODEL
        write_atomically(path, content)
    except OSError:
        kept = [name for name in (MODEL, CHECKPOINT) if (folder.path / name).exists()]
        left = f"What was kept before stays in {folder.path}" if kept else "There is nothing yet"
        return f"{left}; `mlplab run --resume` goes on from the last checkpoint."
    return f"The model is kept in {path}."


def keep_run(
    folder: RunFolder, result: RunResult, parts: Parts, figures: tuple[str, ...] = ()
) -> None:
    """Write what `keep_training` has not, so that the report can be written from the folder.

    Raises
    ------
    OutputError
        A file cannot be written; the message says where the model is kept.
    """
    try:
        _write_run(folder, result, parts, figures)
    except OutputError as error:
        raise OutputError(f"{error} The trained model is kept in {folder.path}.") from error


def _write_run(
    folder: RunFolder, result: RunResult, parts: Parts, figures: tuple[str, ...]
) -> None:
    metrics = {"headline": result.metrics.headline, **to_json_ready(_fields(result.metrics))}
    folder.write_json(METRICS, metrics)
    folder.write_bytes(PREDICTIONS, _parquet(_predictions(result, parts)))
    record = {
        field.name: getattr(result, field.name)
        for field in dataclasses.fields(result)
        if field.name not in _NOT_RECORDED
    }
    trained = {name: value for name, value in _fields(result.fit).items() if name != "history"}
    _write_pictures(folder, result)
    folder.write_json(RECORD, {**record, "fit": trained, "figures": list(figures)})


def _write_pictures(folder: RunFolder, result: RunResult) -> None:
    if result.pictures:
        folder.make(_PICTURES)
    for name, display in result.pictures.items():
        title = PICTURES[name].title
        folder.write_text(f"{_PICTURES}/{name}.svg", to_svg(display, title=title))


def _read_pictures(folder: RunFolder) -> dict[str, str]:
    drawn = {name: folder.path / _PICTURES / f"{name}.svg" for name in PICTURES}
    return {
        name: folder.read_bytes(f"{_PICTURES}/{name}.svg").decode()
        for name, path in drawn.items()
        if path.is_file()
    }


def read_run(path: str | Path) -> KeptRun:
    """Read a run from its folder.

    Raises
    ------
    DataError
        The folder is not there, lacks a file, or a file was altered.
    """
    path = path_of(path)
    folder = RunFolder.open(path, needs=(RECORD, METRICS, "history.parquet", PREDICTIONS))
    record = folder.read_json(RECORD)
    history = folder.read_history()
    try:
        trained: FitResult = revive(FitResult, {**record["fit"], "history": {}})
        metrics: RunMetrics = revive(RunMetrics, folder.read_json(METRICS))
        fields = {name: _revived(name, value) for name, value in record.items() if name in _HINTS}
        fields |= {"folder": path, "fit": dataclasses.replace(trained, history=history)}
        result = RunResult(**{**fields, "metrics": metrics, "model": None})
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise DataError(
            f"The files of a run must be as they were written; reading {RECORD} and {METRICS} in "
            f"{str(path)!r} failed with {cause!r}. Run the study again."
        ) from cause
    figures = tuple(record.get("figures", ()))
    environment = folder.read_json("environment.json")
    return KeptRun(result, _read_parquet(folder), environment, figures, _read_pictures(folder))


_HINTS = typing.get_type_hints(RunResult)


def _revived(name: str, value: Any) -> Any:
    return value if name in {"fit", "metrics", "folder"} else revive(_HINTS[name], value)


def _fields(noun: Any) -> dict[str, Any]:
    return {field.name: getattr(noun, field.name) for field in dataclasses.fields(noun)}


def _predictions(result: RunResult, parts: Parts) -> pd.DataFrame:
    """Return the judged rows: true and predicted, one column each a target."""
    if result.task == "autoencoder":
        return to_frame({})
    names = {"test": parts.test, "validation": parts.validation, "training": parts.train}
    judged = names[result.metrics.judged_name]
    predicted = np.asarray(result.model.estimator.predict(judged.x))
    encoding = result.model.encoding
    if encoding.kind == "numbers":
        predicted = encoding.decode(predicted)
    labels = encoding.classes if result.task == "multilabel" else encoding.names
    columns: dict[str, AnyArray] = {}
    if result.metrics.test is not None:
        columns["row"] = parts.test_rows + 1
    pairs = (("true", judged.truth), ("predicted", predicted))
    for what, values in pairs:
        for name, column in zip(labels, values.reshape(len(judged), -1).T, strict=True):
            columns[f"{what} {name}"] = column
    return to_frame(columns)


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, engine="pyarrow", index=False)
    return buffer.getvalue()


def _read_parquet(folder: RunFolder) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  # heavy
    import pyarrow as pa  # noqa: PLC0415  # same

    content = folder.read_bytes(PREDICTIONS)
    try:
        return pd.read_parquet(io.BytesIO(content), engine="pyarrow")
    except (pa.ArrowException, OSError, ValueError) as cause:
        raise DataError(
            f"{PREDICTIONS} must be the Parquet file of a run; got one that cannot be read "
            f"({cause}). Run the study again."
        ) from cause
