"""What a model says on a rectangle of the plane, computed and shaded in one way."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlplab.errors import DataError, ParameterError
from mlplab.plots.points import CLASS_COLOURS
from mlplab.plots.style import GREY, mixed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Limits",
    "Plane",
    "draw_plane",
    "frame_of_points",
    "limits_around",
    "plane_of",
    "with_parameters",
]

Limits: TypeAlias = tuple[float, float, float, float]
"""Lowest and highest value of the first feature, then of the second."""
Meaning: TypeAlias = Literal["probability", "score", "class"]

_MARGIN = 0.12  # of the range of the points, on each side
_DEPTH = 0.5  # share of the class's colour where the model is sure


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A model's answers on a mesh of points.

    Attributes
    ----------
    limits : tuple of four floats
        Lowest and highest value of the first feature, then of the second.
    surface : ndarray of shape (n_rows, n_columns, n_classes)
        For each point (rows: the second feature, upwards) and class its probability; 1 for the
        class that is answered where the model has no probabilities. With ``"score"`` one number,
        positive for the second of two classes.
    meaning : {"probability", "score", "class"}
        What the numbers are.
    """

    limits: Limits
    surface: NDArray[np.float64]
    meaning: Meaning = "probability"

    @property
    def answers(self) -> NDArray[np.intp]:
        """Place of the class that is answered at each point."""
        if self.meaning == "score":
            return (self.surface[..., 0] > 0).astype(np.intp)
        return np.asarray(self.surface.argmax(axis=-1))

    @property
    def leads(self) -> NDArray[np.float64]:
        """By how much each class is ahead of the best other one; boundaries lie where it is 0."""
        if self.meaning == "score":
            return self.surface
        if self.surface.shape[-1] == 2:
            return self.surface[..., 1:] - self.surface[..., :1]
        order = np.sort(self.surface, axis=-1)
        best, second = order[..., -1:], order[..., -2:-1]
        return np.where(self.surface == best, self.surface - second, self.surface - best)

    def axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the values of the first and of the second feature on the mesh."""
        left, right, bottom, top = self.limits
        n_rows, n_columns = self.surface.shape[:2]
        return np.linspace(left, right, n_columns), np.linspace(bottom, top, n_rows)

    def colours(self, n_classes: int) -> NDArray[np.float64]:
        """Return the shading: the colour of the answer, the paler the less sure it is."""
        if self.meaning == "score":
            sure = np.clip(np.abs(self.surface[..., 0]), 0.0, 1.0)
        elif self.meaning == "class":
            sure = np.full(self.surface.shape[:2], 0.6)
        else:
            chance = 1.0 / n_classes
            sure = np.clip((self.surface.max(axis=-1) - chance) / (1.0 - chance), 0.0, 1.0)
        palette = [CLASS_COLOURS[k % len(CLASS_COLOURS)] for k in range(n_classes)]
        full = np.array([mixed(colour, 1.0) for colour in palette])[self.answers]
        share = (_DEPTH * sure)[..., None]
        return np.asarray(1.0 - share * (1.0 - full))


def limits_around(*parts: NDArray[np.float64] | None, zoom: float = 1.0) -> Limits:
    """Return the rectangle around points with a margin, enlarged by a factor around its middle.

    Examples
    --------
    >>> limits_around(np.array([[0.0, 1.0], [1.0, 1.0]]), zoom=2.0)
    (-0.74, 1.74, -0.24, 2.24)
    """
    if not zoom > 0:
        message = f"`zoom` must be positive; got {zoom}. 3 shows three times as much each way."
        raise ParameterError(message)
    points = np.concatenate([part for part in parts if part is not None])
    low, high = points.min(axis=0), points.max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    half = np.where(half > 0, half, 0.5) * (1 + 2 * _MARGIN) * zoom
    (left, bottom), (right, top) = middle - half, middle + half
    return tuple(round(float(end), 12) for end in (left, right, bottom, top))  # type: ignore[return-value]  # four


def plane_of(
    model: Any, limits: Limits, resolution: int, classes: Sequence[object], columns: Any = None
) -> Plane:
    """Ask a model on a mesh.

    Parameters
    ----------
    model : estimator
        With `predict_proba`, a `decision_function` of two classes, or `predict`.
    limits : tuple of four floats
    resolution : int
        Points each way.
    classes : sequence
        The order of the classes in the answer.
    columns : sequence of str, optional
        Names of the columns, for a model that was fitted to a frame.

    Raises
    ------
    DataError
        The model does not take two features.
    """
    if resolution < 2:
        message = f"`resolution` must be at least 2; got {resolution}. The default is 200."
        raise ParameterError(message)
    left, right, bottom, top = limits
    mesh = np.meshgrid(np.linspace(left, right, resolution), np.linspace(bottom, top, resolution))
    rows: Any = np.column_stack([part.ravel() for part in mesh])
    expected = getattr(model, "n_features_in_", 2)
    if expected != 2:
        message = f"`model` must take two features; this one takes {expected}. Fit it to two."
        raise DataError(message)
    if columns is not None and hasattr(model, "feature_names_in_"):
        import pandas as pd  # noqa: PLC0415  # whoever fitted to a frame has it

        rows = pd.DataFrame(rows, columns=list(columns))
    values, meaning = _answers(model, rows, classes)
    return Plane(limits, values.reshape(resolution, resolution, -1), meaning)


def _answers(
    model: Any, rows: Any, classes: Sequence[object]
) -> tuple[NDArray[np.float64], Meaning]:
    own = [label.item() if isinstance(label, np.generic) else label for label in model.classes_]
    order = [own.index(label) for label in classes if label in own]
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(rows), dtype=float)[:, order], "probability"
    if len(own) == 2 and hasattr(model, "decision_function"):
        return np.asarray(model.decision_function(rows), dtype=float)[:, None], "score"
    predicted = np.asarray(model.predict(rows))
    return np.stack([predicted == own[k] for k in order], axis=-1).astype(float), "class"


def draw_plane(ax: Axes, plane: Plane, n_classes: int) -> None:
    """Shade the plane by what is answered and how surely; draw the boundaries.

    The black line is where the answer changes. Of two classes with probabilities the dotted lines
    are where the second has 10 % and 90 %; of a score, dashed ones where it is −1 and 1: the
    margin.
    """
    ax.imshow(
        plane.colours(n_classes),
        extent=plane.limits,
        origin="lower",
        aspect="auto",
        interpolation="bilinear",
        zorder=0,
    )
    x, y = plane.axes()
    for lead in np.moveaxis(plane.leads, -1, 0):
        _contour(ax, (x, y, lead), [0.0], colors="black", linewidths=1.4, zorder=2)
    if plane.meaning == "probability" and n_classes == 2:
        style: dict[str, Any] = {
            "colors": GREY,
            "linewidths": 0.9,
            "linestyles": "dotted",
            "zorder": 2,
        }
        _contour(ax, (x, y, plane.surface[..., 1]), [0.1, 0.9], **style)
    if plane.meaning == "score":
        style = {"colors": "black", "linewidths": 0.9, "linestyles": "dashed", "zorder": 2}
        _contour(ax, (x, y, plane.surface[..., 0]), [-1.0, 1.0], **style)


def frame_of_points(ax: Axes, limits: Limits, zoom: float) -> None:
    """Show the rectangle in which the points lie with a dashed frame."""
    from matplotlib.patches import Rectangle  # noqa: PLC0415  # drawing alone needs it

    left, right, bottom, top = limits
    width, height = (right - left) / zoom, (top - bottom) / zoom
    corner = ((left + right - width) / 2, (bottom + top - height) / 2)
    style: dict[str, Any] = {
        "facecolor": "none",
        "edgecolor": "black",
        "linestyle": (0, (4, 3)),
        "zorder": 3,
    }
    ax.add_patch(Rectangle(corner, width, height, linewidth=1.0, **style))


def _contour(ax: Axes, surface: tuple[Any, Any, Any], levels: list[float], **style: Any) -> None:
    """Draw those levels that the surface crosses; Matplotlib would warn of the others."""
    crossed = [level for level in levels if surface[2].min() < level < surface[2].max()]
    if crossed:
        ax.contour(*surface, levels=crossed, **style)


def with_parameters(model: Any, parameters: NDArray[Any]) -> Any:
    """Return a model that predicts with other weights of its network.

    Parameters
    ----------
    model : estimator of mlplab, or a pipeline that ends in one
    parameters : ndarray of shape (n_parameters,)
        Of a `Snapshot`.

    Raises
    ------
    ParameterError
        The model has no network of mlplab.
    """
    if hasattr(model, "with_parameters"):
        return model.with_parameters(parameters)
    steps = getattr(model, "steps", None)
    if steps and hasattr(steps[-1][1], "with_parameters"):
        changed = copy.copy(model)
        name, network = steps[-1]
        changed.steps = [*steps[:-1], (name, network.with_parameters(parameters))]
        return changed
    message = (
        "`model` must be a fitted network of mlplab, or a pipeline that ends in one; got "
        f"{type(model).__name__}. Snapshots hold the weights of such networks."
    )
    raise ParameterError(message)
