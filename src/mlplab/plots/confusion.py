"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlplab.errors import DataError
from mlplab.plots.asking import check_fitted, check_kind
from mlplab.plots.style import (
    SEQUENTIAL,
    Panels,
    fitting_font,
    shortened,
    take_axes,
)
from mlplab.results import ClassificationMetrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

__all__ = ["ConfusionMatrixDisplay"]

_MARGIN = 1.8  # inches beside cells and names of classes: labels of axes, bar of colours
_MANY = 12  # from here on names are turned and empty cells stay blank


class ConfusionMatrixDisplay:
    """Counts of (true class, predicted class), shaded by the share of the true class.

    Make it with `from_predictions`, `from_estimator` or `from_metrics`. Readable for 2 to 30
    classes.

    Parameters
    ----------
    confusion_matrix : array-like of shape (n_classes, n_classes)
        Row: true class; column: predicted class. Whole numbers, or sums of sample weights.
    labels : sequence, optional
        Names of the classes; 0, 1, … if None.

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> display = ConfusionMatrixDisplay([[8, 2], [0, 5]], labels=["no", "yes"])
    >>> display.row_shares.tolist()
    [[0.8, 0.2], [0.0, 1.0]]
    """

    ax_: Axes
    figure_: Figure

    def __init__(
        self, confusion_matrix: ArrayLike, *, labels: Sequence[object] | None = None
    ) -> None:
        self.confusion_matrix = np.asarray(confusion_matrix)
        shape = self.confusion_matrix.shape
        self.labels = tuple(range(shape[0]) if labels is None and shape else labels or ())
        if shape != (len(self.labels), len(self.labels)) or not self.labels:
            message = (
                "`confusion_matrix` must be square with one row a label; got shape "
                f"{shape} and {len(self.labels)} labels. Use "
                "ConfusionMatrixDisplay.from_predictions(y_true, y_pred) to have it counted."
            )
            raise DataError(message)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        labels: Sequence[object] | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> ConfusionMatrixDisplay:
        """Count the pairs of true and predicted labels.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_rows,)
            Labels.
        labels : sequence, optional
            Which classes, in which order; all that occur, sorted, if None.
        sample_weight : array-like of shape (n_rows,), optional
            What each row counts.
        """
        from sklearn.metrics import confusion_matrix  # noqa: PLC0415  # heavy
        from sklearn.utils.multiclass import unique_labels  # noqa: PLC0415  # heavy

        if labels is None:
            labels = tuple(unique_labels(y_true, y_pred).tolist())
        counts = confusion_matrix(y_true, y_pred, labels=labels, sample_weight=sample_weight)
        return cls(counts, labels=labels)

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: ArrayLike, **options: Any
    ) -> ConfusionMatrixDisplay:
        """Let a fitted classifier predict and count; options as in `from_predictions`."""
        check_fitted(estimator, "predict")
        return cls.from_predictions(y, estimator.predict(X), **options)

    @classmethod
    def from_metrics(cls, metrics: ClassificationMetrics) -> ConfusionMatrixDisplay:
        """Take the counts from figures that were computed before."""
        check_kind(metrics, ClassificationMetrics, "metrics", "A run of a classification has them.")
        return cls(metrics.confusion, labels=metrics.labels)

    @property
    def row_shares(self) -> NDArray[np.float64]:
        """Counts over the sum of their row; zero for a class without rows."""
        counts: NDArray[np.float64] = self.confusion_matrix.astype(float)
        sums = counts.sum(axis=1, keepdims=True)
        np.divide(counts, sums, out=counts, where=sums > 0)
        return counts

    @property
    def panels(self) -> Panels:
        """One panel that grows with the number of classes."""
        n = len(self.labels)
        cells = max(2.4, n * (0.52 if n <= _MANY else 0.36))
        names = 0.08 * max(map(len, self._names))
        return Panels(
            size=(cells + _MARGIN + names, cells + _MARGIN - 0.5 + names * self._names_turned)
        )

    @property
    def texts(self) -> list[list[str]]:
        """What stands in the cells."""
        blank = len(self.labels) > _MANY
        return [
            ["" if blank and value == 0 else f"{value:.6g}" for value in row]
            for row in self.confusion_matrix.tolist()
        ]

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, *, colorbar: bool = True, **mesh_options: Any
    ) -> ConfusionMatrixDisplay:
        """Draw the matrix.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        colorbar : bool, default=True
            Whether to draw the scale of the shares.
        **mesh_options
            Passed to `Axes.pcolormesh`, ``cmap="Greens"`` for example.
        """
        (axes,) = take_axes(ax, self.panels)
        options = {"cmap": SEQUENTIAL, "vmin": 0, "vmax": 1, "edgecolors": "white"}
        mesh = axes.pcolormesh(self.row_shares, **{**options, "linewidth": 0.8, **mesh_options})
        axes.set_aspect("equal")
        axes.invert_yaxis()
        axes.spines[:].set_visible(False)
        self._name_classes(axes)
        axes.set_title("Confusion matrix")
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        if colorbar:
            bar = self.figure_.colorbar(mesh, ax=axes, shrink=0.8, aspect=25)
            bar.set_label("share of the true class")
            bar.outline.set_visible(False)
        self._write_counts(axes, mesh)
        return self

    @property
    def _names(self) -> list[str]:
        return [shortened(label, 24) for label in self.labels]

    @property
    def _names_turned(self) -> bool:
        return max(map(len, self._names)) > (6 if len(self.labels) <= _MANY else 2)

    def _write_counts(self, ax: Axes, mesh: QuadMesh) -> None:
        texts, shares = self.texts, self.row_shares
        longest = max(len(text) for row in texts for text in row)
        self.figure_.draw_without_rendering()  # the size of a cell is known after the layout
        box = ax.get_window_extent()
        points = min(box.width, box.height) / ax.figure.dpi * 72 / len(self.labels)
        size = fitting_font(longest, points)
        for i, row in enumerate(texts):
            for j, text in enumerate(row):
                red, green, blue, _ = mesh.to_rgba(shares[i, j])
                dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
                ax.text(
                    j + 0.5,
                    i + 0.5,
                    text,
                    ha="center",
                    va="center",
                    fontsize=size,
                    color="white" if dark else "black",
                )

    def _name_classes(self, ax: Axes) -> None:
        names = self._names
        places = np.arange(len(names)) + 0.5
        size = "medium" if len(names) <= _MANY else "small"
        ax.set_xticks(places, names, rotation=90 if self._names_turned else 0, fontsize=size)
        ax.set_yticks(places, names, fontsize=size)
        ax.tick_params(length=0)
        ax.set_xlabel("predicted class")
        ax.set_ylabel("true class")
