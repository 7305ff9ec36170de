"""Every number explained: descriptions, traces of a pass, gradient checks."""

from mlplab.explain.contract import PosesProblem
from mlplab.explain.description import describe
from mlplab.explain.gradients import gradient_check
from mlplab.explain.tracing import trace
from mlplab.results import (
    GradientReport,
    GradientRow,
    LayerDescription,
    NetworkDescription,
    Trace,
    TraceLine,
)

__all__ = [
    "GradientReport",
    "GradientRow",
    "LayerDescription",
    "NetworkDescription",
    "PosesProblem",
    "Trace",
    "TraceLine",
    "describe",
    "gradient_check",
    "trace",
]
