"""Runs in Weights & Biases: kept on this machine, or sent to the server at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from mlplab._optional import require
from mlplab.results import SweepResult
from mlplab.tracking.trackers import Point, plain, trial_rows

__all__ = ["WandbTracker"]

# Seconds that a server may take to begin a run, and to take the rest at its end.
_BEGIN, _END = 20, 120


class WandbTracker:
    """Keeps a run in Weights & Biases; the trials of a sweep as a table.

    Parameters
    ----------
    project : str
    mode : {"offline", "online"}
        Offline nothing leaves this machine; ``wandb sync`` sends it later.
    folder : Path
        Gets the folder ``wandb``.

    Raises
    ------
    MissingExtraError
        wandb is not installed.
    """

    name = "Weights & Biases"

    def __init__(
        self,
        *,
        project: str = "mlplab",
        mode: Literal["offline", "online"] = "offline",
        folder: Path = Path("runs"),
    ) -> None:
        self._wandb = require("wandb", "wandb", "Tracking with Weights & Biases")
        self._project, self._mode, self._folder = project, mode, folder
        self._run: Any = None
        self._axis = "epoch"

    @property
    def where(self) -> str:
        """Folder and project."""
        if self._mode == "online":
            url = getattr(self._run, "url", None)
            return f"project {self._project!r}" + (f", {url}" if url else "")
        return f"{self._folder / 'wandb'}, project {self._project!r}"

    def begin(self, label: str, parameters: Mapping[str, Any], axis: str) -> None:
        """Create a run beside those that the user may have, without touching their output."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._axis = axis
        self._run = self._wandb.init(
            project=self._project,
            name=label,
            mode=self._mode,
            dir=str(self._folder),
            config={name: plain(value) for name, value in parameters.items()},
            reinit="create_new",
            settings=self._wandb.Settings(
                silent=True,
                console="off",
                init_timeout=_BEGIN,
                finish_timeout=_END,
                finish_timeout_raises=True,
            ),
        )
        self._run.define_metric("*", step_metric=axis)

    def log(self, points: Sequence[Point]) -> None:
        """Hand the points to the service, which writes them."""
        for point in points:
            # Its own counter of steps may not go back, as epochs do when somebody trains again.
            self._run.log({self._axis: point.step, **point.figures})

    def keep_trials(self, result: SweepResult) -> None:
        """Keep all trials as the table ``trials``."""
        headers, rows = trial_rows(result)
        # A parameter may be a number here and a word there.
        table = self._wandb.Table(columns=headers, data=rows, allow_mixed_types=True)
        self._run.log({"trials": table})

    def keep(self, last: Point, files: Sequence[Path]) -> None:
        """Write the last figures into the summary, and store the files as one artifact."""
        self._run.summary.update(dict(last.figures))
        if files:
            artifact = self._wandb.Artifact(f"run-{self._run.id}", type="run")
            for path in files:
                artifact.add_file(str(path))
            self._run.log_artifact(artifact)

    def end(self, *, complete: bool) -> None:
        """Say how it ended, and wait until all is written or sent."""
        self._run.finish(exit_code=0 if complete else 1)
