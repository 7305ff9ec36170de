"""Frozen nouns: what the rooms hand to each other."""

from mlplab.results.artifact import ModelArtifact
from mlplab.results.fit import FitResult, StopReason
from mlplab.results.history import EpochRecord, History
from mlplab.results.metrics import (
    ClassAverage,
    ClassificationMetrics,
    ClassRow,
    Label,
    LabelRow,
    MultilabelMetrics,
    OutputRow,
    RegressionMetrics,
)

__all__ = [
    "ClassAverage",
    "ClassRow",
    "ClassificationMetrics",
    "EpochRecord",
    "FitResult",
    "History",
    "Label",
    "LabelRow",
    "ModelArtifact",
    "MultilabelMetrics",
    "OutputRow",
    "RegressionMetrics",
    "StopReason",
]
