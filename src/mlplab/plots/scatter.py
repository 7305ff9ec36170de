"""Two features of every row, coloured by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from mlplab.plots.points import (
    MOST_POINTS,
    ClassPoints,
    classes_of,
    coded,
    draw_points,
    legend_of,
    two_columns,
)
from mlplab.plots.style import Panels, as_written, dress, legend_below, take_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ClassScatterDisplay"]


class ClassScatterDisplay:
    """Points of two features by class, to learn from and to test with.

    Make it with `from_data`. Of more than 2,000 points a part a random sample is drawn, and the
    title says so.

    Parameters
    ----------
    train : ClassPoints
    test : ClassPoints, optional
    classes : sequence
        The classes, in the order of the points' codes.
    feature_names : tuple of two str, default=("x₁", "x₂")
        Labels of the axes; write units into them.
    max_points : int, default=2000
        Points of a part that are drawn.

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> display = ClassScatterDisplay.from_data([[0, 1], [2, 3], [4, 5]], ["no", "yes", "no"])
    >>> display.classes, display.train.codes.tolist()
    (('no', 'yes'), [0, 1, 0])
    """

    ax_: Axes
    figure_: Figure

    def __init__(
        self,
        train: ClassPoints,
        test: ClassPoints | None = None,
        *,
        classes: Sequence[object],
        feature_names: tuple[str, str] = ("x₁", "x₂"),
        max_points: int = MOST_POINTS,
    ) -> None:
        self.train, self.test = train, test
        self.classes = tuple(classes)
        self.feature_names = feature_names
        self.max_points = max_points

    @classmethod
    def from_data(
        cls,
        X: Any,
        y: ArrayLike,
        *,
        X_test: Any = None,
        y_test: ArrayLike | None = None,
        features: Sequence[Any] | None = None,
        feature_names: Sequence[str] | None = None,
        max_points: int = MOST_POINTS,
    ) -> ClassScatterDisplay:
        """Take two columns and the labels.

        Parameters
        ----------
        X : array-like or data frame of shape (n_rows, n_features)
        y : array-like of shape (n_rows,)
            One label a row.
        X_test, y_test : optional
            Points to test with, drawn with a black edge.
        features : two ints or names, optional
            Which columns, where there are more than two.
        feature_names : two str, optional
            Labels of the axes; names of a frame's columns, or x₁ and x₂, if None.
        max_points : int, default=2000
            Points of a part that are drawn.

        Raises
        ------
        DataError
            Not two columns of finite numbers, or not one label a row.
        """
        x, names = two_columns(X, feature_names, features=features)
        classes = classes_of(y, y_test)
        train = ClassPoints(x, coded(y, classes, len(x)))
        test = None
        if X_test is not None and y_test is not None:
            x, _ = two_columns(X_test, feature_names, features=features)
            test = ClassPoints(x, coded(y_test, classes, len(x)))
        return cls(train, test, classes=classes, feature_names=names, max_points=max_points)

    @property
    def panels(self) -> Panels:
        """One panel."""
        return Panels(size=(5.4, 5.0))

    @property
    def note(self) -> str:
        """What the title says of points that are not drawn; empty if all are."""
        return note_of_sample((self.train, self.test), self.max_points)

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **point_options: Any
    ) -> ClassScatterDisplay:
        """Draw the points.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        **point_options
            Passed to `Axes.scatter`.
        """
        (axes,) = take_axes(ax, self.panels)
        parts = [(self.train, False), (self.test, True)]
        for points, held_out in parts:
            if points is not None:
                shown = points.sampled(self.max_points)
                draw_points(axes, shown, self.classes, held_out=held_out, **point_options)
        x, y = map(as_written, self.feature_names)
        title = "Points by class"
        dress(axes, x=x, y=y, title=f"{title}\n{self.note}" if self.note else title)
        legend_below(axes, legend_of(self.classes, held_out=self.test is not None))
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        return self


def note_of_sample(parts: Sequence[ClassPoints | None], limit: int) -> str:
    """Return how many of the points are drawn, where not all are."""
    total = sum(len(points.codes) for points in parts if points is not None)
    shown = sum(min(limit, len(points.codes)) for points in parts if points is not None)
    return "" if shown == total else f"{shown:,} of {total:,} points, drawn at random"
