"""Keeping runs: a folder with everything that a run was made of and gave, and trackers."""

from mlplab.tracking.environment import environment
from mlplab.tracking.json_ready import json_text, to_json_ready
from mlplab.tracking.mlflow_tracker import MLflowTracker
from mlplab.tracking.run_folder import RunFolder
from mlplab.tracking.tensorboard_tracker import TensorBoardTracker
from mlplab.tracking.tracked_run import TrackedRun, TrackedSweep
from mlplab.tracking.trackers import Point, Tracker
from mlplab.tracking.wandb_tracker import WandbTracker

__all__ = [
    "MLflowTracker",
    "Point",
    "RunFolder",
    "TensorBoardTracker",
    "TrackedRun",
    "TrackedSweep",
    "Tracker",
    "WandbTracker",
    "environment",
    "json_text",
    "to_json_ready",
]
