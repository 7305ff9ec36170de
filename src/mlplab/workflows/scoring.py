"""One figure a task, by which variants and programs are compared."""

from __future__ import annotations

from mlplab.results import (
    ClassificationMetrics,
    MultilabelMetrics,
    RegressionMetrics,
    Task,
)
from mlplab.workflows.model import TabularModel
from mlplab.workflows.parts import Part, Parts

__all__ = ["judged_part", "score_name", "score_of"]


def score_name(task: Task) -> str:
    """Return what the figure is called."""
    return {"classification": "accuracy", "multilabel": "F1 micro"}.get(task, "R²")


def score_of(model: TabularModel, part: Part) -> float:
    """Return the figure of a model on some rows; NaN where it cannot be told."""
    metrics = model.judge(part.x, part.truth)
    if isinstance(metrics, ClassificationMetrics):
        return metrics.accuracy
    if isinstance(metrics, MultilabelMetrics):
        return metrics.f1_micro
    assert isinstance(metrics, RegressionMetrics)  # noqa: S101  (there are three kinds)
    return float("nan") if metrics.r2 is None else metrics.r2


def judged_part(parts: Parts) -> tuple[str, Part]:
    """Return the rows that judge, and what they are called: as `RunMetrics.judged` does."""
    named = (("test", parts.test), ("validation", parts.validation), ("training", parts.train))
    return next(pair for pair in named if len(pair[1]))
