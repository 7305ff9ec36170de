"""The figures of a report, as SVG that stands in the page."""

from __future__ import annotations

import base64
import dataclasses
import re
from typing import Any

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
from mlplab.results import ClassificationMetrics, Section
from mlplab.workflows.keeping import KeptRun
from mlplab.workflows.pictures import PICTURES

__all__ = ["MOST_CLASSES", "closer_sections", "data_figures", "outcome_figures", "training_figures"]

MOST_CLASSES = 30
_MOST_OUTPUTS = 4
_WIDTH = re.compile(r"width:([\d.]+)pt")


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


def closer_sections(kept: KeptRun) -> list[dict[str, Any]]:
    """Return what the closer look gave: sentences, tables, and the figures that lie beside them.

    Returns
    -------
    list of dict
        The fields of `mlplab.results.Section`, with pictures in place of their names.
    """
    sections = [dataclasses.asdict(section) for section in kept.result.sections]
    placed = {name for section in sections for name in section["figures"]}
    free = tuple(name for name in kept.pictures if name not in placed)
    if free:
        look = dataclasses.asdict(Section("closer", "A closer look", figures=free))
        sections.insert(0, look)
    for section in sections:
        names = [name for name in section["figures"] if name in kept.pictures]
        section["figures"] = [_picture(name, kept.pictures[name]) for name in names]
    return sections


def _picture(name: str, svg: str) -> dict[str, str]:
    # As an image a file can neither run scripts nor clash with the names in other figures.
    content = base64.b64encode(svg.encode()).decode()
    width = _WIDTH.search(svg[:1000])
    return {
        "source": f"data:image/svg+xml;base64,{content}",
        "title": PICTURES[name].title,
        "width": width[1] if width else "420",
    }


def _wanted(kept: KeptRun, figure: str) -> bool:
    return not kept.figures or figure in kept.figures


def _svg(display: Display, title: str) -> Markup:
    # The SVG is ours; Matplotlib escapes the words in it.
    return Markup(to_svg(display, title=title))  # noqa: S704  (see above)
