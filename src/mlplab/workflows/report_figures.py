"""The figures of a report, as SVG that stands in the page."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from mlplab.plots import (
    ConfusionMatrixDisplay,
    Display,
    LabelHistogramDisplay,
    LossCurvesDisplay,
    PredictionErrorDisplay,
    to_svg,
)
from mlplab.results import ClassificationMetrics
from mlplab.workflows.keeping import KeptRun

__all__ = ["MOST_CLASSES", "data_figures", "outcome_figures", "training_figures"]

MOST_CLASSES = 30
_MOST_OUTPUTS = 4


def training_figures(kept: KeptRun) -> list[Markup]:
    """Return the loss curves, if an epoch has a finite loss."""
    history = kept.result.fit.history
    finite = [loss for loss in history.column("loss") if loss is not None and np.isfinite(loss)]
    if not finite or not _wanted(kept, "loss_curves"):
        return []
    return [_svg(LossCurvesDisplay.from_result(kept.result.fit), "Losses over the epochs")]


def outcome_figures(kept: KeptRun) -> list[Markup]:
    """Return the confusion matrix, or predictions against true values."""
    judged = kept.result.metrics.judged
    if isinstance(judged, ClassificationMetrics):
        if len(judged.labels) > MOST_CLASSES or not _wanted(kept, "confusion"):
            return []
        display = ConfusionMatrixDisplay.from_metrics(judged)
        return [_svg(display, f"Confusion matrix of the {kept.result.metrics.judged_name} rows")]
    if kept.result.task != "regression" or not _wanted(kept, "prediction_error"):
        return []
    figures = []
    for name in kept.result.target[:_MOST_OUTPUTS]:
        true = kept.predictions[f"true {name}"].to_numpy()
        predicted = kept.predictions[f"predicted {name}"].to_numpy()
        finite = np.isfinite(predicted)
        if finite.any():
            points = PredictionErrorDisplay(
                true[finite], predicted[finite], name=name, residuals=True
            )
            figures.append(_svg(points, f"Predicted against true {name}, and residuals"))
    return figures


def data_figures(kept: KeptRun) -> list[Markup]:
    """Return the histogram of the labels, where there are any."""
    table = kept.result.table
    if not table.labels or not _wanted(kept, "label_histogram"):
        return []
    labels, counts = zip(*table.labels, strict=True)
    display = LabelHistogramDisplay(
        labels, counts, name=table.target[0] if len(table.target) == 1 else "label"
    )
    return [_svg(display, "How many rows have each label")]


def _wanted(kept: KeptRun, figure: str) -> bool:
    return not kept.figures or figure in kept.figures


def _svg(display: Display, title: str) -> Markup:
    # The SVG is ours; Matplotlib escapes the words in it.
    return Markup(to_svg(display, title=title))  # noqa: S704  (see above)
