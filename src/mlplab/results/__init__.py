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
from mlplab.results.tables import Choice, ColumnSummary, Dataset, TableDescription, Task

__all__ = [
    "Choice",
    "ClassAverage",
    "ClassRow",
    "ClassificationMetrics",
    "ColumnSummary",
    "Dataset",
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
    "TableDescription",
    "Task",
]
