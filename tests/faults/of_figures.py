"""Figures: numbers that cannot be drawn, models that are none, files of pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.faults.kit import Kit
from tests.faults.row import Row

from mlplab import plots
from mlplab.results import History

NAN = np.nan


def _history(k: Kit) -> Any:
    return k.fitted.result_.history


def _metrics(k: Kit) -> Any:
    return k.run.metrics.test


def _row(door: str, damage: str, words: str, *given: Any, **options: Any) -> Row:
    """Return a row whose arguments are values, or made of the kit where they are functions."""

    def call(k: Kit) -> Any:
        cls, _, method = door.removeprefix("plots.").partition(".")
        made = [one(k) if callable(one) else one for one in given]
        target = getattr(plots, cls)
        return (getattr(target, method) if method else target)(*made, **options)

    return Row(door, damage, call, words)


def fitted(k: Kit) -> Any:
    """Return a classifier of three columns."""
    return k.fitted


def planar(k: Kit) -> Any:
    """Return a classifier of two columns."""
    return k.classifier().fit(k.X[:, :2], k.y)


def plane(k: Kit) -> Any:
    """Return rows of two columns."""
    return k.X[:, :2]


def holed(k: Kit) -> Any:
    """Return rows of two columns, one of them NaN."""
    return k.spoiled(NAN)[:, 1:]


def X(k: Kit) -> Any:  # noqa: N802  (its name everywhere)
    """Return rows of three columns."""
    return k.X


def y(k: Kit) -> Any:
    """Return classes."""
    return k.y


def short(k: Kit) -> Any:
    """Return classes of fewer rows."""
    return k.y[:-1]


# Estimators in the first place that are none; every display that takes one is asked.
OF_ESTIMATORS: dict[str, tuple[Any, ...]] = {
    "BoundaryEpochsDisplay": (5, plane, y),
    "CalibrationDisplay": (X, y),
    "ClassReportDisplay": (X, y),
    "ConfusionMatrixDisplay": (X, y),
    "DecisionBoundaryDisplay": (plane, y),
    "FunctionEstimateDisplay": (X, y),
    "HiddenSpaceDisplay": (plane, y),
    "ImagesDisplay": (X,),
    "LabelHistogramDisplay": (X, y),
    "LossCurvesDisplay": (),
    "NetworkDisplay": (),
    "PredictionErrorDisplay": (X, y),
    "ResidualsDisplay": (X, y),
    "WeightImagesDisplay": (),
}

ROWS = [
    *(
        _row(f"plots.{name}.from_estimator", "no estimator", "must", 5, *rest)
        for name, rest in OF_ESTIMATORS.items()
    ),
    *(
        _row(f"plots.{name}.from_estimator", "not fitted", "fit", Kit.classifier, *rest)
        for name, rest in OF_ESTIMATORS.items()
        if name not in {"BoundaryEpochsDisplay", "FunctionEstimateDisplay", "ImagesDisplay"}
    ),
    _row("plots.DecisionBoundaryDisplay.from_estimator", "three columns", "two", fitted, X, y),
    _row("plots.DecisionBoundaryDisplay.from_estimator", "NaN", "NaN|finite", planar, holed, y),
    _row("plots.DecisionBoundaryDisplay.from_estimator", "fewer classes", "rows", planar, plane,
         short),
    _row("plots.DecisionBoundaryDisplay.from_estimator", "no resolution", "resolution", planar,
         plane, y, resolution=0),
    _row("plots.DisagreementDisplay.from_estimators", "one network", "at least|two|several",
         lambda k: [planar(k)], plane, y),
    _row("plots.DisagreementDisplay.from_estimators", "no networks", "must", 5, plane, y),
    _row("plots.FunctionEstimateDisplay.from_estimators", "no networks", "must", [], X, y),
    _row("plots.HiddenSpaceDisplay.from_estimator", "no such layer", "layer", planar, plane, y,
         layer=9),
    _row("plots.NetworkDisplay.from_estimator", "a row of another width", "feature|column|width",
         fitted, [1.0]),
    _row("plots.NetworkDisplay.from_estimator", "no units", "max_units", fitted, max_units=0),
    _row("plots.ClassScatterDisplay.from_data", "NaN", "NaN|finite", holed, y),
    _row("plots.ClassScatterDisplay.from_data", "fewer classes", "rows", plane, short),
    _row("plots.ClassScatterDisplay.from_data", "a column that is not there", "feature|column",
         plane, y, features=[0, 9]),
    _row("plots.ConfusionMatrixDisplay.from_predictions", "fewer predictions", "inconsist|rows|len",
         y, short),
    _row("plots.ConfusionMatrixDisplay.from_predictions", "nothing", "at least|empty|no|0", [], []),
    _row("plots.ConfusionMatrixDisplay.from_metrics", "no figures", "must", 5),
    _row("plots.ClassReportDisplay.from_predictions", "fewer predictions", "inconsist|rows|len", y,
         short),
    _row("plots.ClassReportDisplay.from_metrics", "no figures", "must", test=5),
    _row("plots.CalibrationDisplay.from_predictions", "beyond one", "0|1|probab", y,
         lambda k: k.X[:, 0] * 9),
    _row("plots.CalibrationDisplay.from_predictions", "no bins", "n_bins", y,
         lambda k: np.full(len(k.y), 0.5), n_bins=0),
    _row("plots.LabelHistogramDisplay.from_labels", "nothing", "at least|must|empty", []),
    _row("plots.LabelHistogramDisplay.from_predictions", "fewer predictions", "rows|len|inconsist",
         y, short),
    _row("plots.PredictionErrorDisplay.from_predictions", "NaN", "NaN|finite", y,
         lambda k: np.full(len(k.y), NAN)),
    _row("plots.PredictionErrorDisplay.from_predictions", "fewer", "rows|len|inconsist|shape", y,
         short),
    _row("plots.ResidualsDisplay.from_predictions", "NaN", "NaN|finite", y,
         lambda k: np.full(len(k.y), NAN)),
    _row("plots.ImagesDisplay.from_samples", "no squares", "shape|square|pixel", X, y),
    _row("plots.ImagesDisplay.from_samples", "fewer classes", "rows|len|inconsist",
         lambda _: np.zeros((4, 9)), [0]),
    _row("plots.WeightImagesDisplay.from_estimator", "no squares", "shape|square|pixel", fitted),
    _row("plots.LossCurvesDisplay.from_history", "no history", "must", 5),
    _row("plots.LossCurvesDisplay.from_history", "no epochs", "epoch|at least", History()),
    _row("plots.LossCurvesDisplay.from_result", "no result", "must", 5),
    _row("plots.LossComparisonDisplay.from_histories", "none", "at least|must", {}),
    _row("plots.LossComparisonDisplay.from_histories", "no histories", "must", {"a": 5}),
    _row("plots.LossComparisonDisplay.from_estimators", "none", "at least|must", []),
    _row("plots.LossComparisonDisplay.from_estimators", "no estimators", "must", {"a": 5}),
    _row("plots.LayerHealthDisplay.from_report", "no report", "must", 5),
    _row("plots.EffectDisplay.from_analysis", "no analysis", "must", 5),
    _row("plots.ImportanceDisplay.from_analysis", "no analysis", "must", 5),
    _row("plots.InteractionDisplay.from_analysis", "no analysis", "must", 5),
    _row("plots.ParallelCoordinatesDisplay.from_result", "no result", "must", 5),
    _row("plots.ParallelCoordinatesDisplay.from_result", "an unknown score", "score|accuracy",
         lambda k: k.swept, score="acc"),
    _row("plots.SweepCurvesDisplay.from_result", "no result", "must", 5),
    _row("plots.to_svg", "no figure", "must", 5),
    _row("plots.to_png", "no figure", "must", 5),
    _row("plots.to_figure", "no figure", "must", 5),
    _row("plots.to_gif", "no film", "must", 5),
    _row("plots.to_html", "no film", "must", 5),
]  # fmt: skip
