"""Runs in MLflow: on a server, or in a SQLite file."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlplab._optional import require
from mlplab.results import SweepResult, Trial
from mlplab.tracking.trackers import Point, plain, trial_rows, without_password

__all__ = ["MLflowTracker"]

_PURPOSE = "Tracking with MLflow"
# What MLflow takes in one call.
_METRICS, _PARAMETERS = 1000, 100
_LONGEST_VALUE = 6000
# A server that is away is noticed in seconds; MLflow's own settings would wait for minutes.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


class MLflowTracker:
    """Keeps a run in MLflow; the best trials of a sweep as its children, all as a table.

    Parameters
    ----------
    uri : str or None
        Of a server, or ``sqlite:///…``; None takes what MLflow is set to, else `folder`.
    experiment : str
        Made if it is not there.
    folder : Path
        For ``mlflow.db`` and files, where nobody says another place.
    trials : int
        How many of the best trials of a sweep become runs below its run.

    Raises
    ------
    MissingExtraError
        MLflow is not installed.
    """

    name = "MLflow"

    def __init__(
        self,
        *,
        uri: str | None = None,
        experiment: str = "mlplab",
        folder: Path = Path("runs"),
        trials: int = 20,
    ) -> None:
        self._mlflow = require("mlflow", "mlflow", _PURPOSE)
        self._files: str | None = None
        if uri is None and not self._mlflow.is_tracking_uri_set():
            uri = f"sqlite:///{folder.resolve() / 'mlflow.db'}"
            self._files = (folder.resolve() / "mlflow-files").as_uri()
        self._uri: str = uri or self._mlflow.get_tracking_uri()
        if self._uri.startswith("sqlite"):
            require("sqlalchemy", "mlflow", _PURPOSE)
        self._experiment, self._trials = experiment, trials
        self._client: Any = None
        self._run = ""

    @property
    def where(self) -> str:
        """Address and experiment."""
        return f"{without_password(self._uri)}, experiment {self._experiment!r}"

    def begin(self, label: str, parameters: Mapping[str, Any], axis: str) -> None:  # noqa: ARG002  (MLflow calls it step)
        """Create the run, with its parameters."""
        with _patient():
            self._client = self._mlflow.MlflowClient(self._uri)
            self._run = self._create(label, {"mlflow.source.name": "mlplab"})
            self._log_parameters(self._run, parameters)

    def _create(self, label: str, tags: Mapping[str, str]) -> str:
        run = self._client.create_run(self._experiment_id(), tags=dict(tags), run_name=label)
        return str(run.info.run_id)

    def _experiment_id(self) -> str:
        found = self._client.get_experiment_by_name(self._experiment)
        if found is None:
            # Somebody else may have made it meanwhile; if not, the reason comes with the run.
            with contextlib.suppress(self._mlflow.MlflowException):
                self._client.create_experiment(self._experiment, artifact_location=self._files)
            found = self._client.get_experiment_by_name(self._experiment)
        return str(found.experiment_id)

    def _log_parameters(self, run: str, parameters: Mapping[str, Any]) -> None:
        param = self._mlflow.entities.Param
        values = {name: plain(value) for name, value in parameters.items() if value is not None}
        told = [param(name, str(value)[:_LONGEST_VALUE]) for name, value in values.items()]
        for start in range(0, len(told), _PARAMETERS):
            self._client.log_batch(run, params=told[start : start + _PARAMETERS])

    def log(self, points: Sequence[Point]) -> None:
        """Write the points in as few calls as there can be."""
        with _patient():
            self._log(self._run, points)

    def _log(self, run: str, points: Sequence[Point]) -> None:
        metric, now = self._mlflow.entities.Metric, time.time_ns() // 1_000_000
        told = [
            metric(name, float(value), now, point.step)
            for point in points
            for name, value in point.figures.items()
        ]
        for start in range(0, len(told), _METRICS):
            self._client.log_batch(run, metrics=told[start : start + _METRICS])

    def keep_trials(self, result: SweepResult) -> None:
        """Keep all trials as the table ``trials.json``, the best also as runs of their own."""
        headers, rows = trial_rows(result)
        table = {name: [row[place] for row in rows] for place, name in enumerate(headers)}
        with _patient():
            if rows:
                self._client.log_table(self._run, table, "trials.json")
            for trial in result.best(self._trials):
                self._keep_trial(trial, result.scores)

    def _keep_trial(self, trial: Trial, scores: Sequence[str]) -> None:
        run = self._create(f"trial {trial.number}", {"mlflow.parentRunId": self._run})
        figures = {name: trial.mean(name) for name in scores}
        figures |= {f"{name} spread": trial.spread(name) for name in scores}
        figures |= {"epochs": trial.n_epochs, "seconds": trial.seconds}
        self._log_parameters(run, trial.configuration)
        self._log(run, [Point(0, {k: v for k, v in figures.items() if v is not None})])
        self._client.set_terminated(run)

    def keep(self, last: Point, files: Sequence[Path]) -> None:
        """Write the last figures, and store the files as artifacts."""
        with _patient():
            self._log(self._run, [last])
            for path in files:
                self._client.log_artifact(self._run, str(path))

    def end(self, *, complete: bool) -> None:
        """Say how it ended."""
        with _patient():
            self._client.set_terminated(self._run, "FINISHED" if complete else "FAILED")


@contextlib.contextmanager
def _patient() -> Iterator[None]:
    """Wait for a server as long as the user says, else not for long.

    MLflow knows these limits as variables of the environment only.
    """
    ours = {name: value for name, value in _PATIENCE.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)
