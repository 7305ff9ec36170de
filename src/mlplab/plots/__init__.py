"""Figures: Displays in scikit-learn's manner, numbers apart from drawing.

A Display keeps the numbers of a figure; `plot` draws them with Matplotlib, which is imported only
then. `to_svg` and `to_png` turn a Display into text and bytes without a screen, `to_gif` and
`to_html` one that is a film into a picture that moves and a page.
"""

from mlplab.plots.animation import Film, to_gif, to_html
from mlplab.plots.boundary import DecisionBoundaryDisplay
from mlplab.plots.boundary_epochs import BoundaryEpochsDisplay
from mlplab.plots.calibration import CalibrationDisplay
from mlplab.plots.class_report import ClassReportDisplay
from mlplab.plots.confusion import ConfusionMatrixDisplay
from mlplab.plots.disagreement import DisagreementDisplay
from mlplab.plots.effects import EffectDisplay
from mlplab.plots.function_estimate import FunctionEstimateDisplay
from mlplab.plots.grid import GridDisplay
from mlplab.plots.hidden_space import HiddenSpaceDisplay
from mlplab.plots.images import ImagesDisplay
from mlplab.plots.importance import ImportanceDisplay
from mlplab.plots.interaction import InteractionDisplay
from mlplab.plots.label_histogram import LabelHistogramDisplay
from mlplab.plots.layer_health import LayerHealthDisplay
from mlplab.plots.loss_comparison import LossComparisonDisplay
from mlplab.plots.loss_curves import LossCurvesDisplay
from mlplab.plots.network import NetworkDisplay
from mlplab.plots.parallel_coordinates import ParallelCoordinatesDisplay
from mlplab.plots.prediction_error import PredictionErrorDisplay
from mlplab.plots.rendering import Display, to_figure, to_png, to_svg
from mlplab.plots.residuals import ResidualsDisplay
from mlplab.plots.scatter import ClassScatterDisplay
from mlplab.plots.style import PALETTE, Panels
from mlplab.plots.sweep_curves import SweepCurvesDisplay
from mlplab.plots.weight_images import WeightImagesDisplay

__all__ = [
    "PALETTE",
    "BoundaryEpochsDisplay",
    "CalibrationDisplay",
    "ClassReportDisplay",
    "ClassScatterDisplay",
    "ConfusionMatrixDisplay",
    "DecisionBoundaryDisplay",
    "DisagreementDisplay",
    "Display",
    "EffectDisplay",
    "Film",
    "FunctionEstimateDisplay",
    "GridDisplay",
    "HiddenSpaceDisplay",
    "ImagesDisplay",
    "ImportanceDisplay",
    "InteractionDisplay",
    "LabelHistogramDisplay",
    "LayerHealthDisplay",
    "LossComparisonDisplay",
    "LossCurvesDisplay",
    "NetworkDisplay",
    "Panels",
    "ParallelCoordinatesDisplay",
    "PredictionErrorDisplay",
    "ResidualsDisplay",
    "SweepCurvesDisplay",
    "WeightImagesDisplay",
    "to_figure",
    "to_gif",
    "to_html",
    "to_png",
    "to_svg",
]
