"""What figures are drawn from, and the drawing that several of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlplab.plots import DecisionBoundaryDisplay, FunctionEstimateDisplay
from mlplab.results import Comparison, Snapshots
from mlplab.workflows.model import TabularModel
from mlplab.workflows.parts import Part, Parts
from mlplab.workflows.study import Study
from mlplab.workflows.varying import TrainedVariant

__all__ = ["Scene", "boundary_of", "estimate_of", "feature_names", "points_of_test"]

_SCALED = {"standard": "standardised", "robust": "scaled", "minmax": "from 0 to 1"}


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything that a figure may be drawn from.

    Attributes
    ----------
    study : Study
    parts : Parts
    model : TabularModel
    snapshots : Snapshots
        The epochs that the study names; empty if none.
    comparison : Comparison or None
    compared : mapping of str to TabularModel
        What each program left.
    variants : list of TrainedVariant
    """

    study: Study
    parts: Parts
    model: TabularModel
    snapshots: Snapshots = field(default_factory=Snapshots)
    comparison: Comparison | None = None
    compared: Mapping[str, TabularModel] = field(default_factory=dict)
    variants: Sequence[TrainedVariant] = ()

    @property
    def named(self) -> list[TrainedVariant]:
        """Variants with a name of their own and a network to show."""
        return [one for one in self.variants if not one.variant.parameter and one.models]

    @property
    def zoom(self) -> float:
        """How much of the plane zoomed-out figures show."""
        return self.study.figures.zoom


def feature_names(scene: Scene) -> list[str]:
    """Return the names of the prepared features, with how they were scaled."""
    preparation = scene.parts.preparation
    told = _SCALED.get(str(preparation.scaling))
    names = [str(name) for name in preparation.get_feature_names_out()]
    return [f"{name}, {told}" for name in names] if told else names


def points_of_test(part: Part) -> dict[str, Any]:
    """Return the test rows as Displays take them; nothing where there are none."""
    return {"X_test": part.x, "y_test": part.y} if len(part) else {}


def boundary_of(scene: Scene, model: TabularModel, **options: Any) -> DecisionBoundaryDisplay:
    """Return the boundary of a model over the rows of a scene."""
    parts = scene.parts
    return DecisionBoundaryDisplay.from_estimator(
        model.estimator, parts.train.x, parts.train.y,
        **points_of_test(parts.test), feature_names=feature_names(scene), **options,
    )  # fmt: skip


class _ByColumn:
    """A model of a table as Displays ask one: by the names of the columns that it knows."""

    def __init__(self, model: TabularModel, columns: Sequence[str]) -> None:
        self._model = model
        self.feature_names_in_ = tuple(columns)

    def predict(self, X: Any) -> Any:
        """Predict in the units of the table."""
        return self._model.predict(X)


def estimate_of(scene: Scene, models: Sequence[TabularModel]) -> FunctionEstimateDisplay:
    """Return what models answer over the one feature, in the units of the table."""
    parts = scene.parts
    columns = [name for name in parts.frames[0].columns if name not in parts.found.names]
    test: dict[str, Any] = {}
    if len(parts.test):
        test = {"X_test": parts.frames[2][columns], "y_test": parts.test.truth.ravel()}
    asked = [_ByColumn(model, columns) for model in models]
    return FunctionEstimateDisplay.from_estimators(
        asked, parts.frames[0][columns], parts.train.truth.ravel(), **test,
        target_name=parts.found.names[0],
    )  # fmt: skip
