"""What this room asks of a model; estimators offer it without knowing this room."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from mlplab._typing import Vector
from mlplab.engines import TrainingData, TrainingPlan
from mlplab.results import Snapshot

__all__ = ["PosesProblem", "RemembersTraining"]


@runtime_checkable
class PosesProblem(Protocol):
    """A model that can say what it trains, on what, from where."""

    def training_problem(
        self, X: Any, y: Any, sample_weight: Any = None
    ) -> tuple[TrainingPlan, TrainingData, Vector]:
        """Return plan, data and the present parameters for these rows.

        Parameters
        ----------
        X : array-like of shape (rows, n_features)
        y : array-like of shape (rows,) or (rows, n_outputs)
        sample_weight : array-like of shape (rows,), optional
        """
        ...


@runtime_checkable
class RemembersTraining(PosesProblem, Protocol):
    """A model that can also say where its training stands."""

    def snapshot(self) -> Snapshot:
        """Return its weights, and what its optimiser remembers."""
        ...
