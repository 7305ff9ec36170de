"""Predicted against true numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlplab.errors import DataError
from mlplab.plots.asking import check_fitted
from mlplab.plots.style import (
    BLUE,
    GREY,
    SEQUENTIAL,
    VERMILION,
    Panels,
    dress,
    label_with_unit,
    take_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PredictionErrorDisplay"]

_MANY = 2000  # from here on points would hide each other: hexagons show how many there are


class PredictionErrorDisplay:
    """Predictions against true values, with the line on which they would agree.

    Make it with `from_predictions` or `from_estimator`. More than 2,000 rows are shown as
    hexagons shaded by the number of rows in them.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_rows,)
        Finite numbers of one output, at least one row.
    name : str, default="value"
        What is predicted.
    unit : str, optional
        Its unit.
    residuals : bool, default=False
        Whether to add a panel with predicted minus true against predicted.

    Attributes
    ----------
    ax_ : Axes, or list of Axes if there are two panels
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> display = PredictionErrorDisplay([1.0, 2.0], [1.5, 2.0])
    >>> display.residual.tolist()
    [0.5, 0.0]
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
        residuals: bool = False,
    ) -> None:
        self.y_true = _one_output(y_true, "y_true")
        self.y_pred = _one_output(y_pred, "y_pred")
        if self.y_true.shape != self.y_pred.shape:
            message = (
                "`y_true` and `y_pred` must have as many rows; got "
                f"{len(self.y_true)} and {len(self.y_pred)}. Predict for the same rows."
            )
            raise DataError(message)
        self.name = name
        self.unit = unit
        self.residuals = residuals

    @classmethod
    def from_predictions(
        cls, y_true: ArrayLike, y_pred: ArrayLike, **options: Any
    ) -> PredictionErrorDisplay:
        """Take true and predicted values; options are `name`, `unit` and `residuals`."""
        return cls(y_true, y_pred, **options)

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: ArrayLike, **options: Any
    ) -> PredictionErrorDisplay:
        """Let a fitted regressor predict; options are `name`, `unit` and `residuals`."""
        check_fitted(estimator, "predict")
        return cls(y, estimator.predict(X), **options)

    @property
    def residual(self) -> NDArray[np.float64]:
        """Predicted minus true value of every row."""
        return self.y_pred - self.y_true

    @property
    def limits(self) -> tuple[float, float]:
        """Range of true and predicted values together, with a margin."""
        low = float(min(self.y_true.min(), self.y_pred.min()))
        high = float(max(self.y_true.max(), self.y_pred.max()))
        margin = 0.04 * (high - low) or 0.5 * max(abs(high), 1.0)
        return low - margin, high + margin

    @property
    def panels(self) -> Panels:
        """One panel, or two side by side."""
        wide = 1.0 if len(self.y_true) > _MANY else 0.0
        if self.residuals:
            return Panels(size=(9.6 + 2 * wide, 4.6), columns=2)
        return Panels(size=(5.2 + wide, 5.0))

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **point_options: Any
    ) -> PredictionErrorDisplay:
        """Draw the points.

        Parameters
        ----------
        ax : Axes, sequence of two Axes, or None
            Where to draw; None makes a figure. In a single Axes the residuals are left out.
        **point_options
            Passed to `Axes.scatter`, or to `Axes.hexbin` for many rows.
        """
        axes = take_axes(ax, self.panels)
        self._draw_agreement(axes[0], point_options)
        if self.residuals and len(axes) > 1:
            self._draw_residuals(axes[1], point_options)
        self.ax_ = axes if len(axes) > 1 else axes[0]
        self.figure_ = axes[0].figure  # type: ignore[assignment]  # panels live in whole figures
        return self

    def _draw_agreement(self, ax: Axes, options: dict[str, Any]) -> None:
        low, high = self.limits
        self._draw_points(ax, self.y_true, self.y_pred, (low, high, low, high), options)
        ax.plot([low, high], [low, high], color=VERMILION, linestyle="--", label="predicted = true")
        ax.set_xlim(low, high)
        ax.set_ylim(low, high)
        ax.set_aspect("equal")
        ax.legend(frameon=True, framealpha=0.8, edgecolor="none", loc="upper left")
        dress(
            ax,
            x=label_with_unit(f"true {self.name}", self.unit),
            y=label_with_unit(f"predicted {self.name}", self.unit),
            title="Predicted against true",
        )

    def _draw_residuals(self, ax: Axes, options: dict[str, Any]) -> None:
        low, high = self.limits
        reach = 1.08 * float(np.abs(self.residual).max()) or 1.0
        self._draw_points(ax, self.y_pred, self.residual, (low, high, -reach, reach), options)
        ax.axhline(0, color=VERMILION, linestyle="--")
        ax.set_xlim(low, high)
        ax.set_ylim(-reach, reach)
        dress(
            ax,
            x=label_with_unit(f"predicted {self.name}", self.unit),
            y=label_with_unit("predicted − true", self.unit),
            title="Residuals",
        )

    def _draw_points(
        self,
        ax: Axes,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        extent: tuple[float, float, float, float],
        options: dict[str, Any],
    ) -> None:
        if len(x) <= _MANY:
            style = {"s": 18, "alpha": 0.6, "color": BLUE, "linewidths": 0}
            ax.scatter(x, y, **{**style, **options})
            return
        style = {"gridsize": 40, "cmap": SEQUENTIAL, "mincnt": 1, "bins": "log", "linewidths": 0.1}
        # A single row is drawn in a blue that shows on white, not in the map's lightest.
        hexagons = ax.hexbin(x, y, extent=extent, **{**style, **options})
        hexagons.set_clim(0.4, None)
        bar = ax.figure.colorbar(hexagons, ax=ax, shrink=0.8, aspect=25)
        bar.set_label("rows in a hexagon", color=GREY)


def _one_output(values: ArrayLike, name: str) -> NDArray[np.float64]:
    numbers = np.asarray(values, dtype=float)
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    if numbers.ndim != 1 or not numbers.size or not np.isfinite(numbers).all():
        what = f"shape {numbers.shape}"
        if numbers.size and not np.isfinite(numbers).all():
            what += " with NaN or infinity"
        message = (
            f"`{name}` must be finite numbers of one output, at least one row; got {what}. "
            "Pass one column, y[:, k], of several outputs."
        )
        raise DataError(message)
    return numbers
