"""What a regression leaves over: size, direction and distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlplab.plots.asking import check_fitted
from mlplab.plots.points import MOST_POINTS, sampled
from mlplab.plots.prediction_error import PredictionErrorDisplay
from mlplab.plots.style import (
    BLUE,
    ORANGE,
    SKY,
    VERMILION,
    Panels,
    dress,
    label_with_unit,
    take_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ResidualsDisplay"]

_GROUPS = 12


class ResidualsDisplay:
    """Predicted minus true: against the prediction, and how often each size occurs.

    Make it with `from_predictions` or `from_estimator`. Left, the medians of groups of equal size
    tell a bend or a drift, and their quartiles where errors are larger. Right, the histogram
    beside the normal distribution of the same mean and standard deviation.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_rows,)
        Finite numbers of one output, at least one row.
    name : str, default="value"
        What is predicted.
    unit : str, optional
    max_points : int, default=2000
        Points that are drawn; figures are of all.

    Attributes
    ----------
    ax_ : list of two Axes, or the Axes that was given
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> display = ResidualsDisplay([1.0, 2.0, 3.0], [1.5, 2.0, 2.5])
    >>> display.residual.tolist(), display.mean, round(display.deviation, 3)
    ([0.5, 0.0, -0.5], 0.0, 0.408)
    """

    ax_: Axes | list[Axes]
    figure_: Figure

    def __init__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        name: str = "value",
        unit: str | None = None,
        max_points: int = MOST_POINTS,
    ) -> None:
        checked = PredictionErrorDisplay(y_true, y_pred)
        self.y_pred, self.residual = checked.y_pred, checked.residual
        self.name, self.unit = name, unit
        self.max_points = max_points

    @classmethod
    def from_predictions(
        cls, y_true: ArrayLike, y_pred: ArrayLike, **options: Any
    ) -> ResidualsDisplay:
        """Take true and predicted values; options are `name`, `unit` and `max_points`."""
        return cls(y_true, y_pred, **options)

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: ArrayLike, **options: Any
    ) -> ResidualsDisplay:
        """Let a fitted regressor predict; options are `name`, `unit` and `max_points`."""
        check_fitted(estimator, "predict")
        return cls(y, estimator.predict(X), **options)

    @property
    def mean(self) -> float:
        """Mean of the residuals; not 0 where predictions are too high or too low on the whole."""
        return float(self.residual.mean())

    @property
    def deviation(self) -> float:
        """Standard deviation of the residuals."""
        return float(self.residual.std())

    @property
    def groups(self) -> NDArray[np.float64]:
        """Of groups of equal size by prediction: mean prediction and quartiles of the residuals.

        Of shape (n_groups, 4); at most 12 groups of at least 5 rows, none where there are fewer.
        """
        n = min(_GROUPS, len(self.y_pred) // 5)
        order = np.argsort(self.y_pred, kind="stable")
        return np.array(
            [
                (self.y_pred[rows].mean(), *np.quantile(self.residual[rows], (0.25, 0.5, 0.75)))
                for rows in np.array_split(order, n)
            ]
            if n
            else np.empty((0, 4))
        )

    @property
    def panels(self) -> Panels:
        """Two panels side by side."""
        return Panels(size=(9.6, 4.2), columns=2)

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **point_options: Any
    ) -> ResidualsDisplay:
        """Draw the panels.

        Parameters
        ----------
        ax : Axes, sequence of two Axes, or None
            Where to draw; None makes a figure. In a single Axes the histogram is left out.
        **point_options
            Passed to `Axes.scatter`.
        """
        axes = take_axes(ax, self.panels)
        self._draw_points(axes[0], point_options)
        if len(axes) > 1:
            self._draw_histogram(axes[1])
        self.ax_ = axes if len(axes) > 1 else axes[0]
        self.figure_ = axes[0].figure  # type: ignore[assignment]  # panels live in whole figures
        return self

    def _draw_points(self, ax: Axes, options: dict[str, Any]) -> None:
        kept = sampled(len(self.residual), self.max_points)
        style: dict[str, Any] = {
            "s": 14,
            "alpha": 0.5,
            "color": SKY,
            "linewidths": 0,
            "rasterized": True,
        }
        ax.scatter(self.y_pred[kept], self.residual[kept], **{**style, **options})
        ax.axhline(0, color=VERMILION, linestyle="--", linewidth=1.2)
        groups = self.groups
        if len(groups):
            middle, low, median, high = groups.T
            bars: dict[str, Any] = {
                "color": BLUE,
                "marker": "s",
                "markersize": 4,
                "capsize": 2,
                "linewidth": 1.2,
            }
            ax.errorbar(middle, median, yerr=[median - low, high - median], **bars, label=_LABEL)
            ax.legend(frameon=True, framealpha=0.85, edgecolor="none", fontsize="small")
        shown = f"\n{len(kept):,} of {len(self.residual):,} points" if self._thinned else ""
        dress(
            ax,
            x=label_with_unit(f"predicted {self.name}", self.unit),
            y=label_with_unit("predicted − true", self.unit),
            title=f"Residuals{shown}",
        )

    @property
    def _thinned(self) -> bool:
        return len(self.residual) > self.max_points

    def _draw_histogram(self, ax: Axes) -> None:
        style: dict[str, Any] = {"color": SKY, "edgecolor": "white", "linewidth": 0.4}
        bins = min(40, max(8, round(len(self.residual) ** 0.5)))
        _, edges, _ = ax.hist(self.residual, bins=bins, label="rows", **style)
        if self.deviation > 0:
            x = np.linspace(edges[0], edges[-1], 200)
            density = np.exp(-(((x - self.mean) / self.deviation) ** 2) / 2)
            scale = (
                len(self.residual) * (edges[1] - edges[0]) / (self.deviation * np.sqrt(2 * np.pi))
            )
            line: dict[str, Any] = {"color": ORANGE, "linewidth": 1.8, "linestyle": "-."}
            ax.plot(x, scale * density, label="normal distribution", **line)
        ax.axvline(0, color=VERMILION, linestyle="--", linewidth=1.2)
        ax.legend(frameon=False, fontsize="small")
        figures = f"mean {self.mean:.3g}, standard deviation {self.deviation:.3g}"
        dress(
            ax,
            x=label_with_unit("predicted − true", self.unit),
            y="rows",
            title=f"Distribution\n{figures}",
        )


_LABEL = "median and quartiles of groups"
