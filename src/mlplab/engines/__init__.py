"""Who carries the mathematics out: one contract, several engines."""

from mlplab.engines.contract import (
    Engine,
    Finished,
    Hear,
    Job,
    JobQueue,
    Monitor,
    Outcome,
    StoppingRule,
    TrainingData,
    TrainingPlan,
    TrainingState,
    ValidationData,
)
from mlplab.engines.select import ENGINES, engine_names, select_engine
from mlplab.engines.stopping import EpochFigures, close_epoch

__all__ = [
    "ENGINES",
    "Engine",
    "EpochFigures",
    "Finished",
    "Hear",
    "Job",
    "JobQueue",
    "Monitor",
    "Outcome",
    "StoppingRule",
    "TrainingData",
    "TrainingPlan",
    "TrainingState",
    "ValidationData",
    "close_epoch",
    "engine_names",
    "select_engine",
]
