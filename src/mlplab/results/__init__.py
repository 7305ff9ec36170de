"""Frozen nouns: what the rooms hand to each other."""

from mlplab.results.artifact import ModelArtifact
from mlplab.results.comparison import Comparison, Peer
from mlplab.results.explained import (
    GradientReport,
    GradientRow,
    LayerDescription,
    NetworkDescription,
)
from mlplab.results.fit import FitOutcome, FitResult, StopReason
from mlplab.results.health import (
    EpochHealth,
    HealthFinding,
    HealthLimits,
    HealthReport,
    LayerHealth,
)
from mlplab.results.history import EpochRecord, History
from mlplab.results.margin import Margin, SupportVector
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
from mlplab.results.sections import Section
from mlplab.results.snapshots import Snapshot, Snapshots
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
    TrialCurve,
)
from mlplab.results.sweep_analysis import (
    NOT_SET,
    Certainty,
    Effect,
    Importance,
    Interaction,
    Interval,
    SweepAnalysis,
    ValueEffect,
)
from mlplab.results.tables import Choice, ColumnSummary, Dataset, TableDescription, Task
from mlplab.results.traced import Phase, Trace, TraceLine
from mlplab.results.variants import Variant, Variants

__all__ = [
    "NOT_SET",
    "Cell",
    "CellResult",
    "CellStatus",
    "Certainty",
    "Choice",
    "ClassAverage",
    "ClassRow",
    "ClassificationMetrics",
    "ColumnSummary",
    "Comparison",
    "Configuration",
    "Curve",
    "Dataset",
    "Effect",
    "EpochHealth",
    "EpochRecord",
    "FitOutcome",
    "FitResult",
    "GradientReport",
    "GradientRow",
    "HealthFinding",
    "HealthLimits",
    "HealthReport",
    "History",
    "Importance",
    "Interaction",
    "Interval",
    "Label",
    "LabelRow",
    "LayerDescription",
    "LayerHealth",
    "Margin",
    "Metrics",
    "ModelArtifact",
    "ModelDescription",
    "MultilabelMetrics",
    "NetworkDescription",
    "OutputRow",
    "Peer",
    "Phase",
    "RegressionMetrics",
    "RunMetrics",
    "RunResult",
    "Section",
    "Snapshot",
    "Snapshots",
    "SplitSizes",
    "StopReason",
    "SupportVector",
    "SweepAnalysis",
    "SweepProgress",
    "SweepResult",
    "SweepStop",
    "TableDescription",
    "Task",
    "Trace",
    "TraceLine",
    "Trial",
    "TrialCurve",
    "ValueEffect",
    "Variant",
    "Variants",
]
