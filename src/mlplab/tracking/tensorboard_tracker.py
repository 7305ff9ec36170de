"""Runs for TensorBoard: files of events, one folder a run, and one a trial of a sweep."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlplab._optional import require
from mlplab.results import SweepResult
from mlplab.tracking.run_folder import first_free
from mlplab.tracking.trackers import Point, plain

__all__ = ["TensorBoardTracker"]

_PURPOSE = "Tracking with TensorBoard"


class TensorBoardTracker:
    """Keeps a run as event files; each trial of a sweep as a session for the tab HParams.

    Parameters
    ----------
    folder : Path
        Gets a folder for each run; point TensorBoard at it.

    Raises
    ------
    MissingExtraError
        tensorboardX, which writes the files, is not installed.
    """

    name = "TensorBoard"

    def __init__(self, *, folder: Path = Path("runs/tensorboard")) -> None:
        self._summary = require("tensorboardX.summary", "tensorboard", _PURPOSE)
        self._folder = self._path = folder
        self._events: _Events | None = None
        self._parameters: Mapping[str, Any] = {}

    @property
    def where(self) -> str:
        """Its folder."""
        return str(self._path)

    def begin(self, label: str, parameters: Mapping[str, Any], axis: str) -> None:  # noqa: ARG002  (TensorBoard calls it step)
        """Make the folder, and write what the run is made of."""
        self._folder.mkdir(parents=True, exist_ok=True)
        # Runs that share a folder would be mixed.
        self._path = first_free(self._folder, label)
        self._events, self._parameters = _Events(self._path), parameters
        lines = [f"| {name} | {plain(value)} |" for name, value in parameters.items()]
        table = "\n".join(["| parameter | value |", "|---|---|", *lines])
        self._events.write(self._summary.text("parameters", table))
        self._events.flush()

    def _write_session(self, events: _Events, parameters: Mapping[str, Any], last: Point) -> None:
        """Write what the tab HParams shows as one row."""
        told = {name: plain(value) for name, value in parameters.items()}
        # Without the first summary, a list of all parameters, TensorBoard gathers it from all runs.
        _, begins, ends = self._summary.hparams(told, {})
        events.write(begins)
        self._write_scalars(events, last)
        events.write(ends)

    def _write_scalars(self, events: _Events, point: Point) -> None:
        for name, value in point.figures.items():
            events.write(self._summary.scalar(name, float(value)), point.step)

    def log(self, points: Sequence[Point]) -> None:
        """Append the points."""
        events = self._open()
        for point in points:
            self._write_scalars(events, point)
        events.flush()

    def keep_trials(self, result: SweepResult) -> None:
        """Write a session for each trial that has a score."""
        self._parameters = {}  # which are those of all trials, and of none
        for trial in result.ranking():
            means = {name: trial.mean(name) for name in result.scores}
            figures = {name: mean for name, mean in means.items() if mean is not None}
            events = _Events(self._path / f"trial-{trial.number:04}")
            self._write_session(events, trial.configuration, Point(0, figures))
            events.close()

    def keep(self, last: Point, files: Sequence[Path]) -> None:
        """Write the last figures, and where the files lie."""
        events = self._open()
        if self._parameters:
            self._write_session(events, self._parameters, last)
        else:
            self._write_scalars(events, last)
        if files:
            events.write(self._summary.text("files", "\n\n".join(map(str, files))))

    def end(self, *, complete: bool) -> None:  # noqa: ARG002  (TensorBoard does not ask)
        """Close the file."""
        self._open().close()

    def _open(self) -> _Events:
        if self._events is None:
            message = "the run has not begun"
            raise RuntimeError(message)
        return self._events


class _Events:
    """A file of events, written in the thread that asks: an error comes out where it happens."""

    def __init__(self, folder: Path) -> None:
        self._event = require("tensorboardX.proto.event_pb2", "tensorboard", _PURPOSE).Event
        writer = require("tensorboardX.record_writer", "tensorboard", _PURPOSE).RecordWriter
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}"
        self._writer = writer(str(folder / name))
        self._append(file_version="brain.Event:2")

    def write(self, summary: Any, step: int = 0) -> None:
        """Append a summary."""
        self._append(summary=summary, step=step)

    def _append(self, **fields: Any) -> None:
        event = self._event(wall_time=time.time(), **fields)
        self._writer.write(event.SerializeToString())

    def flush(self) -> None:
        """Let a reader see what was written."""
        self._writer.flush()

    def close(self) -> None:
        """Write the rest, and close the file."""
        self._writer.close()
