"""Whether probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlplab.errors import DataError, ParameterError
from mlplab.plots.asking import check_fitted
from mlplab.plots.style import BLUE, GREY, SKY, Panels, as_written, dress, take_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CalibrationDisplay"]


class CalibrationDisplay:
    """The reliability curve: how often things happen that were said to have a probability.

    Make it with `from_predictions` or `from_estimator`. Predicted probabilities are put into
    bins; a point stands at the mean probability of a bin and the share of its rows that are
    positive, with a 95 % interval (Wilson, 1927). Below, how many rows each bin holds. The title
    gives the expected calibration error: the mean distance of the two, weighted by rows.

    Parameters
    ----------
    predicted, observed : array-like of shape (n_bins,)
        Mean predicted probability and share of positive rows of each bin that has rows.
    counts : array-like of int, shape (n_bins,)
        Rows of each bin.
    name : str, default="positive"
        What is predicted.

    Attributes
    ----------
    ax_ : Axes, or list of two Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    References
    ----------
    Niculescu-Mizil, A. and Caruana, R. (2005). Predicting good probabilities with supervised
    learning. ICML. Naeini, M. P., Cooper, G. and Hauskrecht, M. (2015). Obtaining well calibrated
    probabilities using Bayesian binning. AAAI.

    Examples
    --------
    >>> display = CalibrationDisplay.from_predictions([0, 1, 1, 1], [0.1, 0.3, 0.8, 0.9], n_bins=2)
    >>> display.predicted.round(2).tolist(), display.observed.tolist(), round(display.error, 3)
    ([0.2, 0.85], [0.5, 1.0], 0.225)
    """

    ax_: Axes | list[Axes]
    figure_: Figure

    def __init__(
        self,
        predicted: ArrayLike,
        observed: ArrayLike,
        counts: ArrayLike,
        *,
        name: str = "positive",
    ) -> None:
        self.predicted = np.asarray(predicted, dtype=float)
        self.observed = np.asarray(observed, dtype=float)
        self.counts = np.asarray(counts)
        self.name = name
        shapes = {self.predicted.shape, self.observed.shape, self.counts.shape}
        if len(shapes) > 1 or not self.predicted.size:
            message = (
                "`predicted`, `observed` and `counts` must have one number a bin, at least one; "
                f"got shapes {sorted(shapes)}. Use CalibrationDisplay.from_predictions."
            )
            raise DataError(message)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_prob: ArrayLike,
        *,
        n_bins: int = 10,
        strategy: Literal["uniform", "quantile"] = "uniform",
        name: str = "positive",
    ) -> CalibrationDisplay:
        """Put predicted probabilities into bins.

        Parameters
        ----------
        y_true : array-like of shape (n_rows,)
            1 or True for rows that are positive, else 0.
        y_prob : array-like of shape (n_rows,)
            Predicted probabilities of being positive.
        n_bins : int, default=10
        strategy : {"uniform", "quantile"}
            Bins of one width, or of about as many rows.
        name : str, default="positive"
            What is predicted.

        Raises
        ------
        DataError
            Labels other than 0 and 1, or probabilities outside of [0, 1].
        """
        true, prob = np.asarray(y_true).ravel(), np.asarray(y_prob, dtype=float).ravel()
        if true.shape != prob.shape or not true.size or not np.isin(true, (0, 1)).all():
            message = (
                "`y_true` must hold a 0 or 1 for each probability; got "
                f"{len(true)} labels for {len(prob)}. Pass y == label."
            )
            raise DataError(message)
        if n_bins < 1:
            message = f"`n_bins` must be at least 1; got {n_bins}. The default is 10."
            raise ParameterError(message)
        if not ((prob >= 0) & (prob <= 1)).all():
            message = "`y_prob` must lie in [0, 1]; got others. Pass one column of predict_proba."
            raise DataError(message)
        # As scikit-learn's calibration_curve; written out because that gives no counts.
        edges = (
            np.quantile(prob, np.linspace(0, 1, n_bins + 1))
            if strategy == "quantile"
            else np.linspace(0.0, 1.0, n_bins + 1)
        )
        places = np.searchsorted(edges[1:-1], prob)
        counts = np.bincount(places, minlength=n_bins)
        filled = counts > 0
        sums = [np.bincount(places, v, minlength=n_bins)[filled] for v in (prob, true)]
        predicted, observed = (total / counts[filled] for total in sums)
        return cls(predicted, observed, counts[filled], name=name)

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: ArrayLike, *, label: object = None, **options: Any
    ) -> CalibrationDisplay:
        """Let a fitted classifier predict.

        Parameters
        ----------
        estimator : classifier or pipeline with `predict_proba`
        X, y
        label : optional
            The class to look at. None takes the second of two; of more classes the class that is
            predicted for each row, so that the curve tells how often the network is right when it
            is so sure.
        **options
            `n_bins`, `strategy`, `name`.
        """
        check_fitted(estimator, "predict_proba", "classes_")
        prob = np.asarray(estimator.predict_proba(X), dtype=float)
        classes = np.asarray(estimator.classes_).tolist()
        true = np.asarray(y)
        if label is None and len(classes) > 2:
            right = true == np.asarray(estimator.classes_)[prob.argmax(axis=1)]
            options = {"name": "right", **options}
            return cls.from_predictions(right, prob.max(axis=1), **options)
        chosen = classes[-1] if label is None else label
        if chosen not in classes:
            message = (
                f"`label` must be one of {', '.join(map(str, classes))}; got {label!r}. Leave it "
                "out for the class that is predicted."
            )
            raise ParameterError(message)
        options = {"name": f"class {chosen}", **options}
        return cls.from_predictions(true == chosen, prob[:, classes.index(chosen)], **options)

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of the curve, weighted by rows."""
        distance = np.abs(self.predicted - self.observed)
        return float((distance * self.counts).sum() / self.counts.sum())

    @property
    def intervals(self) -> NDArray[np.float64]:
        """Lower and upper end of the 95 % interval of each share, of shape (2, n_bins)."""
        n, share, z = self.counts, self.observed, 1.959964
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return np.array([middle - half, middle + half])

    @property
    def panels(self) -> Panels:
        """The curve, and below it the rows of the bins."""
        return Panels(size=(5.2, 6.0), rows=2, height_ratios=(3.5, 1.0), share_x=True)

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **line_options: Any
    ) -> CalibrationDisplay:
        """Draw curve and counts.

        Parameters
        ----------
        ax : Axes, sequence of two Axes, or None
            Where to draw; None makes a figure. In a single Axes the counts are left out.
        **line_options
            Passed to the line of the curve.
        """
        axes = take_axes(ax, self.panels)
        self._draw_curve(axes[0], line_options)
        if len(axes) > 1:
            # As wide as a tenth of the axis, less where bins lie closer.
            gaps = np.diff(np.sort(self.predicted))
            width = 0.8 * float(min(0.1, gaps.min(initial=0.1)))
            axes[1].bar(self.predicted, self.counts, max(width, 0.01), color=SKY)
            axes[0].set_xlabel("")
            dress(axes[1], x=self._axis_name("predicted probability"), y="rows")
        self.ax_ = axes if len(axes) > 1 else axes[0]
        self.figure_ = axes[0].figure  # type: ignore[assignment]  # panels live in whole figures
        self.figure_.align_ylabels(axes)
        return self

    def _draw_curve(self, ax: Axes, options: dict[str, Any]) -> None:
        ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="as it should be")
        low, high = self.intervals
        bars = np.clip([self.observed - low, high - self.observed], 0.0, None)
        style: dict[str, Any] = {
            "color": BLUE,
            "marker": "o",
            "markersize": 5,
            "capsize": 2,
            "elinewidth": 1.0,
        }
        ax.errorbar(
            self.predicted, self.observed, yerr=bars, **{**style, "label": "observed", **options}
        )
        ax.set_xlim(-0.02, 1.02)
        ax.set_ylim(-0.02, 1.02)
        ax.legend(frameon=False, loc="upper left")
        error = f"expected calibration error {self.error:.3f}, {self.counts.sum():,} rows"
        dress(
            ax,
            x=self._axis_name("predicted probability"),
            y=self._axis_name("observed share"),
            title=f"Calibration\n{error}",
        )

    def _axis_name(self, what: str) -> str:
        return as_written(f"{what} ({self.name})")
