"""Every number explained: descriptions, traces of a pass, gradient checks, health of layers."""

from mlplab.explain.contract import PosesProblem, RemembersTraining
from mlplab.explain.description import describe
from mlplab.explain.gradients import gradient_check
from mlplab.explain.health import health
from mlplab.explain.tracing import trace
from mlplab.results import (
    GradientReport,
    GradientRow,
    HealthFinding,
    HealthLimits,
    HealthReport,
    LayerDescription,
    NetworkDescription,
    Trace,
    TraceLine,
)

__all__ = [
    "GradientReport",
    "GradientRow",
    "HealthFinding",
    "HealthLimits",
    "HealthReport",
    "LayerDescription",
    "NetworkDescription",
    "PosesProblem",
    "RemembersTraining",
    "Trace",
    "TraceLine",
    "describe",
    "gradient_check",
    "health",
    "trace",
]
