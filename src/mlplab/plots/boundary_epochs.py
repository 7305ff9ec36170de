"""How a decision boundary forms: the plane after chosen epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mlplab.errors import DataError
from mlplab.plots.asking import check_fitted, check_kind
from mlplab.plots.boundary import DecisionBoundaryDisplay, predicted_points
from mlplab.plots.planes import Limits, limits_around, plane_of, with_parameters
from mlplab.plots.points import MOST_POINTS, classes_of, legend_of, two_columns
from mlplab.plots.style import Panels, label_outer, legend_under, take_axes
from mlplab.results import Snapshots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["BoundaryEpochsDisplay"]

_MOST_PANELS = 24


class BoundaryEpochsDisplay:
    """The decision boundary after chosen epochs, a panel an epoch.

    Make it with `from_estimator` and the `Snapshots` that a `WeightKeeper` left. `to_gif` and
    `to_html` make a film of it.

    Parameters
    ----------
    epochs : sequence of int
    boundaries : sequence of DecisionBoundaryDisplay
        One an epoch, all of the same plane; at least one.

    Attributes
    ----------
    ax_ : Axes, or list of Axes if there are several epochs
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from mlplab import MLPClassifier
    >>> from mlplab.train import WeightKeeper
    >>> X, y = make_moons(100, noise=0.1, random_state=0)
    >>> keeper = WeightKeeper([0, 20])
    >>> network = MLPClassifier((8,), solver="lbfgs", max_iter=500, random_state=0)
    >>> network = network.set_callbacks(keeper).fit(X, y)
    >>> display = BoundaryEpochsDisplay.from_estimator(network, keeper.snapshots, X, y)
    >>> display.epochs[:2], display.panels.count
    ((0, 20), 3)
    """

    ax_: Axes | list[Axes]
    figure_: Figure

    def __init__(
        self, epochs: Sequence[int], boundaries: Sequence[DecisionBoundaryDisplay]
    ) -> None:
        self.epochs = tuple(epochs)
        self.boundaries = tuple(boundaries)
        if len(self.epochs) != len(self.boundaries) or not self.epochs:
            message = (
                "`boundaries` must hold one for each of at least one epoch; got "
                f"{len(self.boundaries)} for {len(self.epochs)} epochs. Use "
                "BoundaryEpochsDisplay.from_estimator(network, keeper.snapshots, X, y)."
            )
            raise DataError(message)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        snapshots: Snapshots,
        X: Any,
        y: ArrayLike,
        *,
        X_test: Any = None,
        y_test: ArrayLike | None = None,
        zoom: float = 1.0,
        resolution: int = 120,
        feature_names: Sequence[str] | None = None,
        max_points: int = MOST_POINTS,
    ) -> BoundaryEpochsDisplay:
        """Ask the network as it was after each of the kept epochs.

        Parameters
        ----------
        estimator : MLPClassifier, or a pipeline that ends in one
            Fitted, of two features.
        snapshots : Snapshots
            Of its training; `Snapshots.of` chooses some of them.
        X, y, X_test, y_test, zoom, feature_names, max_points
            As for `DecisionBoundaryDisplay.from_estimator`.
        resolution : int, default=120
            Points of the mesh each way.

        Raises
        ------
        DataError
            No epoch was kept, more than 24 were, or the points do not fit.
        """
        check_fitted(estimator, "predict", "classes_")
        check_kind(snapshots, Snapshots, "snapshots", "A WeightKeeper keeps them.")
        if not 0 < len(snapshots) <= _MOST_PANELS:
            message = (
                f"`snapshots` must hold 1 to {_MOST_PANELS} epochs, a panel each; got "
                f"{len(snapshots)}. Choose some with snapshots.of(0, 10, 100)."
            )
            raise DataError(message)
        x, names = two_columns(X, feature_names)
        x_test = None if X_test is None else two_columns(X_test, feature_names)[0]
        limits = limits_around(x, x_test, zoom=zoom)
        boundaries = [
            _boundary(
                with_parameters(estimator, snapshot.parameters),
                (X, x, y),
                None if x_test is None or y_test is None else (X_test, x_test, y_test),
                limits,
                resolution,
                feature_names=names,
                zoom=zoom,
                max_points=max_points,
                title=f"epoch {snapshot.epoch:,}",
            )
            for snapshot in snapshots
        ]
        return cls(snapshots.epochs, boundaries)

    @property
    def panels(self) -> Panels:
        """A panel an epoch."""
        grid = Panels.grid(len(self.epochs), 2.9, 2.9)
        width, height = grid.size
        return Panels((max(width, 4.6), height + 0.5), grid.rows, grid.columns, used=grid.used)

    @property
    def frames(self) -> tuple[DecisionBoundaryDisplay, ...]:
        """The pictures of a film, in order."""
        return self.boundaries

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **point_options: Any
    ) -> BoundaryEpochsDisplay:
        """Draw the panels.

        Parameters
        ----------
        ax : Axes, sequence of Axes, or None
            Where to draw; None makes a figure. In a single Axes the last epoch alone is drawn.
        **point_options
            Passed to `Axes.scatter`.
        """
        axes = take_axes(ax, self.panels)
        if len(axes) == 1:
            self.boundaries[-1].plot(axes[0], **point_options)
        else:
            style: dict[str, Any] = {"size": 12.0, **point_options}
            for panel, boundary in zip(axes, self.boundaries, strict=True):
                boundary.plot(panel, legend=False, **style)
                panel.title.set_fontsize("small")
            self._tidy(axes)
        self.ax_ = axes if len(axes) > 1 else axes[0]
        self.figure_ = axes[0].figure  # type: ignore[assignment]  # panels live in whole figures
        return self

    def _tidy(self, axes: Sequence[Axes]) -> None:
        """Say once what holds for all panels."""
        first = self.boundaries[0]
        wrong = any(
            part is not None and part.wrong.any()
            for boundary in self.boundaries
            for part in (boundary.train, boundary.test)
        )
        handles = legend_of(first.classes, held_out=first.test is not None, wrong=wrong)
        legend_under(axes, handles)
        label_outer(axes, self.panels.columns)


def _boundary(
    model: Any,
    train: tuple[Any, Any, ArrayLike],
    test: tuple[Any, Any, ArrayLike] | None,
    limits: Limits,
    resolution: int,
    **options: Any,
) -> DecisionBoundaryDisplay:
    """Return the boundary of one epoch; train and test are rows, their points, and labels."""
    classes = classes_of(np.asarray(model.classes_))
    points = [
        None
        if part is None
        else predicted_points(model, _fitting(model, part[0]), part[1], part[2], classes)
        for part in (train, test)
    ]
    columns = getattr(train[0], "columns", None)
    plane = plane_of(model, limits, resolution, classes, columns)
    return DecisionBoundaryDisplay(plane, classes, train=points[0], test=points[1], **options)


def _fitting(model: Any, X: Any) -> Any:
    """Return rows as the model wants them: a frame only where it was fitted to one."""
    if X is None or hasattr(model, "feature_names_in_"):
        return X
    return np.asarray(X)
