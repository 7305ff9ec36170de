"""A function of one variable as networks estimate it, with the data and the spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlplab.errors import DataError
from mlplab.plots.asking import check_list
from mlplab.plots.points import MOST_POINTS, sampled
from mlplab.plots.style import (
    BLACK,
    BLUE,
    ORANGE,
    VERMILION,
    Panels,
    dress,
    label_with_unit,
    take_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FunctionEstimateDisplay"]

_POINTS = 400
_ENOUGH = 10  # models from which on the band leaves the outermost tenths out


class FunctionEstimateDisplay:
    """The estimate of one network, or the median and the spread of several, over one variable.

    Make it with `from_estimators` or `from_estimator`. The band of ten models or more holds the
    middle 80 % of their answers at each place, of fewer all of them; it says how far restarts or
    folds differ, not where new data will lie.

    Parameters
    ----------
    x : array-like of shape (n_points,)
        Where the models were asked, ascending.
    estimates : array-like of shape (n_models, n_points)
    train, test : tuple of two array-likes of shape (n_rows,), optional
        Values of the variable and of the target.
    truth : array-like of shape (n_points,), optional
        The true function, where it is known.
    name, target_name : str
        Labels of the axes.
    unit, target_unit : str, optional
    max_points : int, default=2000
        Data points of a part that are drawn.

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> display = FunctionEstimateDisplay([0.0, 1.0], [[1.0, 2.0], [3.0, 4.0], [2.0, 0.0]])
    >>> display.median.tolist(), [edge.tolist() for edge in display.band]
    ([2.0, 2.0], [[1.0, 0.0], [3.0, 4.0]])
    """

    ax_: Axes
    figure_: Figure

    def __init__(
        self,
        x: ArrayLike,
        estimates: ArrayLike,
        *,
        train: tuple[ArrayLike, ArrayLike] | None = None,
        test: tuple[ArrayLike, ArrayLike] | None = None,
        truth: ArrayLike | None = None,
        name: str = "x",
        target_name: str = "y",
        unit: str | None = None,
        target_unit: str | None = None,
        max_points: int = MOST_POINTS,
    ) -> None:
        self.x = np.asarray(x, dtype=float)
        self.estimates = np.atleast_2d(np.asarray(estimates, dtype=float))
        self.truth = None if truth is None else np.asarray(truth, dtype=float).ravel()
        self.train, self.test = _pair(train, "train"), _pair(test, "test")
        self.name, self.target_name = name, target_name
        self.unit, self.target_unit = unit, target_unit
        self.max_points = max_points
        shapes = {self.estimates.shape[1:], self.x.shape}
        if self.truth is not None:
            shapes.add(self.truth.shape)
        if len(shapes) > 1 or not self.estimates.size:
            message = (
                "`estimates` and `truth` must have one number for each place of `x`; got shapes "
                f"{sorted(shapes)}. Use FunctionEstimateDisplay.from_estimators(models, X, y)."
            )
            raise DataError(message)

    @classmethod
    def from_estimators(
        cls,
        estimators: Sequence[Any],
        X: Any,
        y: ArrayLike,
        *,
        X_test: Any = None,
        y_test: ArrayLike | None = None,
        truth: Callable[[NDArray[np.float64]], ArrayLike] | None = None,
        margin: float = 0.1,
        **options: Any,
    ) -> FunctionEstimateDisplay:
        """Ask fitted regressors of one variable over the range of the data.

        Parameters
        ----------
        estimators : sequence of regressors or pipelines
            Restarts, folds, or the best configurations of a sweep.
        X : array-like or data frame of shape (n_rows, 1) or (n_rows,)
        y : array-like of shape (n_rows,)
        X_test, y_test : optional
        truth : callable, optional
            The true function of an array of shape (n_points,).
        margin : float, default=0.1
            How far beyond the data to ask, as a share of their range.
        **options
            `name`, `target_name`, `unit`, `target_unit`, `max_points`.

        Raises
        ------
        DataError
            More than one variable, or not one target a row.
        """
        train = _column(X), y
        estimators = check_list(estimators, "predict")
        test = None if X_test is None or y_test is None else (_column(X_test), y_test)
        known = np.concatenate([part[0] for part in (train, test) if part is not None])
        reach = margin * (known.max() - known.min())
        x = np.linspace(known.min() - reach, known.max() + reach, _POINTS)
        columns = getattr(X, "columns", None)
        if columns is not None:
            options = {"name": str(columns[0]), **options}
        estimates = [_asked(estimator, x, columns) for estimator in estimators]
        return cls(
            x,
            estimates,
            train=train,
            test=test,
            truth=None if truth is None else truth(x),
            **options,
        )

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: ArrayLike, **options: Any
    ) -> FunctionEstimateDisplay:
        """Ask one fitted regressor; options as in `from_estimators`."""
        return cls.from_estimators([estimator], X, y, **options)

    @property
    def median(self) -> NDArray[np.float64]:
        """The middle of the models' answers at each place."""
        return np.asarray(np.median(self.estimates, axis=0))

    @property
    def band(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper edge of the spread."""
        ends = (0.1, 0.9) if len(self.estimates) >= _ENOUGH else (0.0, 1.0)
        low, high = np.quantile(self.estimates, ends, axis=0)
        return low, high

    @property
    def panels(self) -> Panels:
        """One panel."""
        return Panels(size=(7.0, 4.4))

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **line_options: Any
    ) -> FunctionEstimateDisplay:
        """Draw data, estimate and spread.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        **line_options
            Passed to the line of the estimate.
        """
        (axes,) = take_axes(ax, self.panels)
        self._draw_data(axes)
        n_models = len(self.estimates)
        if n_models > 1:
            share = "middle 80 %" if n_models >= _ENOUGH else "range"
            band: dict[str, Any] = {"color": BLUE, "alpha": 0.22, "linewidth": 0}
            axes.fill_between(self.x, *self.band, **band, label=f"{share} of {n_models} models")
        label = "estimate" if n_models == 1 else "their median"
        style: dict[str, Any] = {"color": BLUE, "linewidth": 2.0, "label": label, "zorder": 4}
        axes.plot(self.x, self.median, **{**style, **line_options})
        if self.truth is not None:
            style = {"color": BLACK, "linestyle": "--", "linewidth": 1.2, "zorder": 3}
            axes.plot(self.x, self.truth, label="true function", **style)
        dress(
            axes,
            x=label_with_unit(self.name, self.unit),
            y=label_with_unit(self.target_name, self.target_unit),
            title=self._title(),
        )
        axes.legend(frameon=True, framealpha=0.85, edgecolor="none", fontsize="small")
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        return self

    def _draw_data(self, ax: Axes) -> None:
        styles: tuple[Any, ...] = (
            ("train", self.train, {"color": ORANGE, "marker": "o", "edgecolor": "white"}),
            ("test", self.test, {"color": VERMILION, "marker": "s", "edgecolor": "black"}),
        )
        for name, data, style in styles:
            if data is not None:
                kept = sampled(len(data[0]), self.max_points)
                dots: dict[str, Any] = {
                    "s": 22,
                    "linewidth": 0.5,
                    "zorder": 2,
                    "rasterized": len(kept) > 500,
                }
                ax.scatter(data[0][kept], data[1][kept], label=f"{name} data", **dots, **style)

    def _title(self) -> str:
        parts = [data for data in (self.train, self.test) if data is not None]
        total = sum(len(x) for x, _ in parts)
        shown = sum(min(self.max_points, len(x)) for x, _ in parts)
        note = f"\n{shown:,} of {total:,} points, drawn at random" if shown < total else ""
        return f"Estimated function{note}"


def _column(X: Any) -> NDArray[np.float64]:
    x = np.asarray(X, dtype=float)
    if x.ndim == 2 and x.shape[1] == 1:
        x = x[:, 0]
    if x.ndim != 1 or not x.size or not np.isfinite(x).all():
        message = (
            "`X` must hold one variable of finite numbers, at least one row; got shape "
            f"{x.shape}. Choose one column, and show others by PredictionErrorDisplay."
        )
        raise DataError(message)
    return x


def _asked(estimator: Any, x: NDArray[np.float64], columns: Any) -> NDArray[np.float64]:
    rows: Any = x[:, None]
    if columns is not None and hasattr(estimator, "feature_names_in_"):
        import pandas as pd  # noqa: PLC0415  # whoever fitted to a frame has it

        rows = pd.DataFrame(rows, columns=list(columns))
    return np.asarray(estimator.predict(rows), dtype=float).ravel()


def _pair(
    data: tuple[ArrayLike, ArrayLike] | None, name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    if data is None:
        return None
    x, y = (np.asarray(part, dtype=float).ravel() for part in data)
    if x.shape != y.shape:
        message = (
            f"`{name}` must have one target for each row; got {len(x)} rows and {len(y)} "
            "targets. Pass one column of targets."
        )
        raise DataError(message)
    return x, y
