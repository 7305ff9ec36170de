"""Where networks that were trained alike answer differently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlplab.errors import DataError
from mlplab.plots.asking import check_list
from mlplab.plots.planes import Limits, frame_of_points, limits_around, plane_of
from mlplab.plots.points import (
    MOST_POINTS,
    ClassPoints,
    classes_of,
    coded,
    draw_points,
    legend_of,
    two_columns,
)
from mlplab.plots.scatter import note_of_sample
from mlplab.plots.style import SEQUENTIAL, Panels, as_written, dress, legend_below, take_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["DisagreementDisplay"]

_FEW = 30  # up to here each model's boundary is drawn


class DisagreementDisplay:
    """A map of the share of restarts that answer otherwise than most of them.

    Make it with `from_estimators`. Where restarts of one network on the same rows differ, none of
    them can be relied on: away from the points they usually do. Each boundary is a thin line; the
    dashed frame is the area of the points.

    Parameters
    ----------
    votes : int ndarray of shape (n_models, n_rows, n_columns)
        Place of the class that each model answers on the mesh (rows: the second feature, upwards).
    limits : tuple of four floats
        Lowest and highest value of the first feature, then of the second.
    points : ClassPoints
    classes : sequence
    feature_names : tuple of two str
    zoom : float, default=1.0
    max_points : int, default=2000

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> points = ClassPoints(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0, 1]))
    >>> votes = np.array([[[0, 1]], [[0, 0]], [[0, 0]], [[0, 0]]])
    >>> DisagreementDisplay(votes, (0, 1, 0, 1), points, ["no", "yes"]).disagreement.tolist()
    [[0.0, 0.25]]
    """

    ax_: Axes
    figure_: Figure

    def __init__(
        self,
        votes: NDArray[np.intp],
        limits: Limits,
        points: ClassPoints,
        classes: Sequence[object],
        *,
        feature_names: tuple[str, str] = ("x₁", "x₂"),
        zoom: float = 1.0,
        max_points: int = MOST_POINTS,
    ) -> None:
        self.votes = np.asarray(votes)
        if self.votes.ndim != 3 or len(self.votes) < 2:
            message = (
                "`votes` must hold the answers of at least two models; got shape "
                f"{self.votes.shape}. Use DisagreementDisplay.from_estimators(restarts, X, y)."
            )
            raise DataError(message)
        self.limits, self.points = limits, points
        self.classes = tuple(classes)
        self.feature_names = feature_names
        self.zoom, self.max_points = zoom, max_points

    @classmethod
    def from_estimators(
        cls,
        estimators: Sequence[Any],
        X: Any,
        y: ArrayLike,
        *,
        zoom: float = 3.0,
        resolution: int = 150,
        feature_names: Sequence[str] | None = None,
        max_points: int = MOST_POINTS,
    ) -> DisagreementDisplay:
        """Ask fitted classifiers of two features on a mesh.

        Parameters
        ----------
        estimators : sequence of classifiers or pipelines
            At least two, of the same classes: restarts from other seeds, for example.
        X : array-like or data frame of shape (n_rows, 2)
        y : array-like of shape (n_rows,)
        zoom : float, default=3.0
            How much of the plane to show; 1 is the points with a margin.
        resolution : int, default=150
            Points of the mesh each way.
        feature_names : two str, optional
        max_points : int, default=2000
            Points that are drawn.

        Raises
        ------
        DataError
            Fewer than two estimators, or points that do not fit.
        """
        estimators = check_list(estimators, "predict", "classes_")
        x, names = two_columns(X, feature_names)
        classes = classes_of(*(estimator.classes_ for estimator in estimators))
        limits = limits_around(x, zoom=zoom)
        columns = getattr(X, "columns", None)
        votes = [
            plane_of(estimator, limits, resolution, classes, columns).answers
            for estimator in estimators
        ]
        return cls(
            np.array(votes),
            limits,
            ClassPoints(x, coded(y, classes, len(x))),
            classes,
            feature_names=names,
            zoom=zoom,
            max_points=max_points,
        )

    @property
    def disagreement(self) -> NDArray[np.float64]:
        """Share of the models that do not give the most frequent answer, at each point."""
        counts = np.stack([(self.votes == place).sum(axis=0) for place in range(len(self.classes))])
        return np.asarray(1.0 - counts.max(axis=0) / len(self.votes))

    @property
    def contested(self) -> dict[str, float]:
        """Share of the mesh on which the models are not of one mind: near the points and in all."""
        differs = self.disagreement > 0
        rows, columns = differs.shape
        inside = np.ix_(_middle(rows, self.zoom), _middle(columns, self.zoom))
        return {"near": float(differs[inside].mean()), "all": float(differs.mean())}

    @property
    def panels(self) -> Panels:
        """One panel with a scale."""
        return Panels(size=(6.4, 5.2))

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **image_options: Any
    ) -> DisagreementDisplay:
        """Draw the map.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        **image_options
            Passed to `Axes.imshow`.
        """
        (axes,) = take_axes(ax, self.panels)
        most = 1.0 - 1.0 / len(self.classes)
        style: dict[str, Any] = {"cmap": SEQUENTIAL, "vmin": 0.0, "vmax": most, "aspect": "auto"}
        style |= {"extent": self.limits, "origin": "lower", "interpolation": "nearest", "zorder": 0}
        image = axes.imshow(self.disagreement, **{**style, **image_options})
        self._draw_boundaries(axes)
        draw_points(axes, self.points.sampled(self.max_points), self.classes, size=14.0)
        if self.zoom > 1:
            frame_of_points(axes, self.limits, self.zoom)
        axes.set_xlim(*self.limits[:2])
        axes.set_ylim(*self.limits[2:])
        x, y = map(as_written, self.feature_names)
        dress(axes, x=x, y=y, title=self._title())
        legend_below(axes, legend_of(self.classes))
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        bar = self.figure_.colorbar(image, ax=axes, shrink=0.85, aspect=25)
        bar.set_label("share that answers otherwise than most")
        bar.outline.set_visible(False)
        return self

    def _draw_boundaries(self, ax: Axes) -> None:
        if len(self.votes) > _FEW:
            return
        left, right, bottom, top = self.limits
        n_rows, n_columns = self.votes.shape[1:]
        x, y = np.linspace(left, right, n_columns), np.linspace(bottom, top, n_rows)
        for answers in self.votes:
            for place in np.unique(answers)[1:]:
                style: dict[str, Any] = {
                    "colors": "black",
                    "linewidths": 0.4,
                    "alpha": 0.6,
                    "zorder": 1,
                }
                ax.contour(x, y, (answers == place).astype(float), levels=[0.5], **style)

    def _title(self) -> str:
        shares = self.contested
        near = f"They differ on {shares['near']:.0%} of the area of the points"
        zoomed = f", {shares['all']:.0%} of what is shown" if self.zoom > 1 else ""
        note = note_of_sample((self.points,), self.max_points)
        lines = [f"Where {len(self.votes)} models disagree", near + zoomed, note]
        return "\n".join(line for line in lines if line)


def _middle(count: int, zoom: float) -> NDArray[np.intp]:
    """Return the places on the mesh that lie in the area of the points."""
    places = np.linspace(-1.0, 1.0, count)
    return np.flatnonzero(np.abs(places) <= max(1.0 / zoom, np.abs(places).min()) + 1e-12)
