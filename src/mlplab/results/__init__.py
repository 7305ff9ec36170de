"""Frozen nouns: what the rooms hand to each other."""

from mlplab.results.artifact import ModelArtifact
from mlplab.results.fit import FitResult, StopReason
from mlplab.results.history import EpochRecord, History

__all__ = [
    "EpochRecord",
    "FitResult",
    "History",
    "ModelArtifact",
    "StopReason",
]
