"""Figures: Displays in scikit-learn's manner, numbers apart from drawing.

A Display keeps the numbers of a figure; `plot` draws them with Matplotlib, which is imported only
then. `to_svg` and `to_png` turn a Display into text and bytes without a screen.
"""

from mlplab.plots.confusion import ConfusionMatrixDisplay
from mlplab.plots.effects import EffectDisplay
from mlplab.plots.importance import ImportanceDisplay
from mlplab.plots.interaction import InteractionDisplay
from mlplab.plots.label_histogram import LabelHistogramDisplay
from mlplab.plots.loss_curves import LossCurvesDisplay
from mlplab.plots.parallel_coordinates import ParallelCoordinatesDisplay
from mlplab.plots.prediction_error import PredictionErrorDisplay
from mlplab.plots.rendering import Display, to_figure, to_png, to_svg
from mlplab.plots.style import PALETTE, Panels
from mlplab.plots.sweep_curves import SweepCurvesDisplay

__all__ = [
    "PALETTE",
    "ConfusionMatrixDisplay",
    "Display",
    "EffectDisplay",
    "ImportanceDisplay",
    "InteractionDisplay",
    "LabelHistogramDisplay",
    "LossCurvesDisplay",
    "Panels",
    "ParallelCoordinatesDisplay",
    "PredictionErrorDisplay",
    "SweepCurvesDisplay",
    "to_figure",
    "to_png",
    "to_svg",
]
