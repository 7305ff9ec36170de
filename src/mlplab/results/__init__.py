"""Frozen nouns: what the rooms hand to each other."""

from mlplab.results.artifact import ModelArtifact
from mlplab.results.explained import (
    GradientReport,
    GradientRow,
    LayerDescription,
    NetworkDescription,
)
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
from mlplab.results.run import Metrics, ModelDescription, RunMetrics, RunResult, SplitSizes
from mlplab.results.sweep import (
    Cell,
    CellResult,
    CellStatus,
    Configuration,
    Curve,
    SweepProgress,
    SweepResult,
    SweepStop,
    Trial,
)
from mlplab.results.tables import Choice, ColumnSummary, Dataset, TableDescription, Task
from mlplab.results.traced import Phase, Trace, TraceLine

__all__ = [
    "Cell",
    "CellResult",
    "CellStatus",
    "Choice",
    "ClassAverage",
    "ClassRow",
    "ClassificationMetrics",
    "ColumnSummary",
    "Configuration",
    "Curve",
    "Dataset",
    "EpochRecord",
    "FitResult",
    "GradientReport",
    "GradientRow",
    "History",
    "Label",
    "LabelRow",
    "LayerDescription",
    "Metrics",
    "ModelArtifact",
    "ModelDescription",
    "MultilabelMetrics",
    "NetworkDescription",
    "OutputRow",
    "Phase",
    "RegressionMetrics",
    "RunMetrics",
    "RunResult",
    "SplitSizes",
    "StopReason",
    "SweepProgress",
    "SweepResult",
    "SweepStop",
    "TableDescription",
    "Task",
    "Trace",
    "TraceLine",
    "Trial",
]
