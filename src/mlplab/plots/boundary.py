"""Where a classifier draws the line between classes, and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mlplab.plots.asking import check_fitted
from mlplab.plots.planes import Plane, draw_plane, frame_of_points, limits_around, plane_of
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
from mlplab.plots.style import Panels, as_written, dress, legend_below, take_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["DecisionBoundaryDisplay"]


class DecisionBoundaryDisplay:
    """The plane shaded by class and probability, with the points of both parts.

    Make it with `from_estimator`. The colour is that of the class that is answered, the paler the
    less sure. The black line is where the answer changes; of two classes the dotted lines are
    where the second has a probability of 10 % and of 90 %, and of a network with hinge loss the
    dashed ones are the margin. Points that are predicted wrongly have a ring.

    Parameters
    ----------
    plane : Plane
    classes : sequence
    train, test : ClassPoints, optional
        Points to draw, with what was predicted for them.
    feature_names : tuple of two str
    zoom : float, default=1.0
        By how much the plane was enlarged beyond the points; a dashed frame shows where they lie.
    max_points : int, default=2000
        Points of a part that are drawn.
    title : str, optional

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from mlplab import MLPClassifier
    >>> X, y = make_moons(100, noise=0.1, random_state=0)
    >>> network = MLPClassifier((8,), solver="lbfgs", random_state=0).fit(X, y)
    >>> display = DecisionBoundaryDisplay.from_estimator(network, X, y, resolution=50)
    >>> display.plane.surface.shape, display.accuracies["train"] == network.score(X, y)
    ((50, 50, 2), True)
    """

    ax_: Axes
    figure_: Figure

    def __init__(
        self,
        plane: Plane,
        classes: Sequence[object],
        *,
        train: ClassPoints | None = None,
        test: ClassPoints | None = None,
        feature_names: tuple[str, str] = ("x₁", "x₂"),
        zoom: float = 1.0,
        max_points: int = MOST_POINTS,
        title: str | None = None,
    ) -> None:
        self.plane = plane
        self.classes = tuple(classes)
        self.train, self.test = train, test
        self.feature_names = feature_names
        self.zoom = zoom
        self.max_points = max_points
        self.title = title

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        X_test: Any = None,
        y_test: ArrayLike | None = None,
        zoom: float = 1.0,
        resolution: int = 200,
        feature_names: Sequence[str] | None = None,
        max_points: int = MOST_POINTS,
        title: str | None = None,
    ) -> DecisionBoundaryDisplay:
        """Ask a fitted classifier of two features on a mesh, and for the points.

        Parameters
        ----------
        estimator : classifier or pipeline
            Of this package or of another; shaded by its probabilities where it has them.
        X : array-like or data frame of shape (n_rows, 2)
        y : array-like of shape (n_rows,)
            Labels.
        X_test, y_test : optional
            Points to test with, drawn with a black edge.
        zoom : float, default=1.0
            How much of the plane to show: 1 is the points with a margin, 3 three times as much
            each way, to see what is answered far from them.
        resolution : int, default=200
            Points of the mesh each way.
        feature_names : two str, optional
            Labels of the axes.
        max_points : int, default=2000
            Points of a part that are drawn; shares in the title are of all.
        title : str, optional

        Raises
        ------
        DataError
            Not two columns of finite numbers, or labels that the classifier does not know.
        """
        check_fitted(estimator, "predict", "classes_")
        x, names = two_columns(X, feature_names)
        classes = classes_of(np.asarray(estimator.classes_))
        train = predicted_points(estimator, X, x, y, classes)
        test = None
        if X_test is not None and y_test is not None:
            x_test, _ = two_columns(X_test, feature_names)
            test = predicted_points(estimator, X_test, x_test, y_test, classes)
        limits = limits_around(x, None if test is None else test.x, zoom=zoom)
        plane = plane_of(estimator, limits, resolution, classes, getattr(X, "columns", None))
        return cls(
            plane,
            classes,
            train=train,
            test=test,
            feature_names=names,
            zoom=zoom,
            max_points=max_points,
            title=title,
        )

    @property
    def accuracies(self) -> dict[str, float]:
        """Share of the points of each part that are predicted rightly."""
        parts = {"train": self.train, "test": self.test}
        return {
            name: float(1.0 - points.wrong.mean())
            for name, points in parts.items()
            if points is not None and points.predicted is not None
        }

    @property
    def panels(self) -> Panels:
        """One panel."""
        return Panels(size=(5.4, 5.2))

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, *, legend: bool = True, **point_options: Any
    ) -> DecisionBoundaryDisplay:
        """Draw plane and points.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        legend : bool, default=True
            Whether to name the classes under the figure.
        **point_options
            Passed to `Axes.scatter`.
        """
        (axes,) = take_axes(ax, self.panels)
        draw_plane(axes, self.plane, len(self.classes))
        for points, held_out in ((self.train, False), (self.test, True)):
            if points is not None:
                shown = points.sampled(self.max_points)
                draw_points(axes, shown, self.classes, held_out=held_out, **point_options)
        if self.zoom > 1:
            frame_of_points(axes, self.plane.limits, self.zoom)
        left, right, bottom, top = self.plane.limits
        axes.set_xlim(left, right)
        axes.set_ylim(bottom, top)
        x, y = map(as_written, self.feature_names)
        dress(axes, x=x, y=y, title=self._title())
        if legend:
            wrong = any(p is not None and p.wrong.any() for p in (self.train, self.test))
            handles = legend_of(self.classes, held_out=self.test is not None, wrong=wrong)
            legend_below(axes, handles, columns=5)
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        return self

    def _title(self) -> str:
        head = as_written("Decision boundary" if self.title is None else self.title)
        shares = ", ".join(f"{part} {share:.1%}" for part, share in self.accuracies.items())
        note = note_of_sample((self.train, self.test), self.max_points)
        return "\n".join(
            line for line in (head, f"right: {shares}" if shares else "", note) if line
        )


def predicted_points(
    estimator: Any, X: Any, x: Any, y: ArrayLike, classes: Sequence[object]
) -> ClassPoints:
    """Return points with their classes and those that a classifier predicts."""
    predicted = coded(estimator.predict(X), classes, len(x))
    return ClassPoints(x, coded(y, classes, len(x)), predicted)
