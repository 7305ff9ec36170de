"""Precision, recall and F1 of every class, as a table to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlplab.errors import DataError
from mlplab.plots.asking import check_fitted, check_kind
from mlplab.plots.style import SEQUENTIAL, Panels, shortened, take_axes
from mlplab.results import ClassificationMetrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ClassReportDisplay"]

_MOST = 40  # classes that are drawn


class ClassReportDisplay:
    """Precision, recall and F1 of each class on one or more parts of the data, with its rows.

    Make it with `from_predictions`, `from_estimator` or `from_metrics`. Dark is good. Of more
    than 40 classes those with the most rows are drawn, and the title says so.

    Parameters
    ----------
    labels : sequence of length n_classes
    scores : mapping of str to array-like of shape (n_classes, 3)
        For each part, ``"train"`` and ``"test"`` for example, precision, recall and F1.
    supports : mapping of str to array-like of int, shape (n_classes,)
        For each part the rows of each class.

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> display = ClassReportDisplay.from_predictions(["a", "b", "b"], ["a", "b", "a"])
    >>> display.labels, display.scores["rows"].round(2).tolist()
    (('a', 'b'), [[0.5, 1.0, 0.67], [1.0, 0.5, 0.67]])
    """

    ax_: Axes
    figure_: Figure

    def __init__(
        self,
        labels: Sequence[object],
        scores: Mapping[str, ArrayLike],
        supports: Mapping[str, ArrayLike],
    ) -> None:
        self.labels = tuple(labels)
        self.scores = {part: np.asarray(table, dtype=float) for part, table in scores.items()}
        self.supports = {part: np.asarray(counts) for part, counts in supports.items()}
        fits = all(
            table.shape == (len(self.labels), 3)
            and self.supports.get(part, np.empty(0)).shape == (len(self.labels),)
            for part, table in self.scores.items()
        )
        if not fits or not self.scores or not self.labels:
            message = (
                "`scores` must hold precision, recall and F1, and `supports` the rows, of each of "
                f"{len(self.labels)} classes for at least one part; got "
                f"{ {part: table.shape for part, table in self.scores.items()} }. Use "
                "ClassReportDisplay.from_predictions(y_true, y_pred) to have them counted."
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
        part: str = "rows",
    ) -> ClassReportDisplay:
        """Count by true and predicted labels.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_rows,)
            Labels.
        labels : sequence, optional
            Which classes, in which order; all that occur, sorted, if None.
        sample_weight : array-like of shape (n_rows,), optional
        part : str, default="rows"
            What stands over the columns.
        """
        from sklearn.metrics import precision_recall_fscore_support  # noqa: PLC0415  # heavy
        from sklearn.utils.multiclass import unique_labels  # noqa: PLC0415  # heavy

        if labels is None:
            labels = tuple(unique_labels(y_true, y_pred).tolist())
        precision, recall, f1, support = precision_recall_fscore_support(
            y_true, y_pred, labels=labels, sample_weight=sample_weight, zero_division=0
        )
        return cls(labels, {part: np.column_stack([precision, recall, f1])}, {part: support})

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        X_test: Any = None,
        y_test: ArrayLike | None = None,
    ) -> ClassReportDisplay:
        """Let a fitted classifier predict the rows it learned from, and rows to test with.

        Parameters
        ----------
        estimator : classifier or pipeline
        X, y
        X_test, y_test : optional
            With them train and test stand side by side.
        """
        check_fitted(estimator, "predict", "classes_")
        labels = np.asarray(estimator.classes_).tolist()
        predicted = estimator.predict(X)
        if X_test is None or y_test is None:
            return cls.from_predictions(y, predicted, labels=labels)
        train = cls.from_predictions(y, predicted, labels=labels, part="train")
        test = cls.from_predictions(y_test, estimator.predict(X_test), labels=labels, part="test")
        return cls(labels, train.scores | test.scores, train.supports | test.supports)

    @classmethod
    def from_metrics(cls, **parts: ClassificationMetrics) -> ClassReportDisplay:
        """Take figures that were computed before, ``train=metrics.train`` for example."""
        for name, found in parts.items():
            check_kind(found, ClassificationMetrics, name, "A run of a classification has them.")
        if not parts:
            message = "`parts` must name at least one; got none. Pass test=metrics.test."
            raise DataError(message)
        labels = tuple(dict.fromkeys(row.label for found in parts.values() for row in found.rows))
        scores, supports = {}, {}
        for part, found in parts.items():
            rows = {row.label: row for row in found.rows}
            empty = (np.nan, np.nan, np.nan)
            scores[part] = np.array(
                [
                    (rows[name].precision, rows[name].recall, rows[name].f1)
                    if name in rows
                    else empty
                    for name in labels
                ]
            )
            supports[part] = np.array(
                [rows[name].support if name in rows else 0 for name in labels]
            )
        return cls(labels, scores, supports)

    @property
    def kept(self) -> NDArray[np.intp]:
        """Places of the classes that are drawn: those with the most rows, in their order."""
        rows = np.sum(list(self.supports.values()), axis=0)
        return np.sort(np.argsort(-rows, kind="stable")[:_MOST])

    @property
    def panels(self) -> Panels:
        """One panel that grows with classes and parts."""
        names = 0.09 * max(len(shortened(label, 24)) for label in self.labels)
        return Panels(
            size=(max(4.0, 1.0 + names + 2.7 * len(self.scores)), 1.5 + 0.3 * len(self.kept))
        )

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **mesh_options: Any
    ) -> ClassReportDisplay:
        """Draw the table.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        **mesh_options
            Passed to `Axes.pcolormesh`.
        """
        (axes,) = take_axes(ax, self.panels)
        kept = self.kept
        shares = np.full((len(kept), 4 * len(self.scores)), np.nan)
        for k, table in enumerate(self.scores.values()):
            shares[:, 4 * k : 4 * k + 3] = table[kept]
        style: dict[str, Any] = {
            "cmap": SEQUENTIAL,
            "vmin": 0,
            "vmax": 1,
            "edgecolors": "white",
            "linewidth": 1.0,
        }
        mesh = axes.pcolormesh(np.ma.masked_invalid(shares), **{**style, **mesh_options})
        self._write(axes, shares)
        self._name(axes)
        axes.invert_yaxis()
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        bar = self.figure_.colorbar(mesh, ax=axes, shrink=0.8, aspect=20, pad=0.02)
        bar.set_label("share")
        bar.outline.set_visible(False)
        return self

    def _write(self, ax: Axes, shares: NDArray[np.float64]) -> None:
        for i, row in enumerate(shares):
            for j, share in enumerate(row):
                if np.isfinite(share):
                    ink = "white" if share > 0.6 else "black"
                    style: dict[str, Any] = {
                        "ha": "center",
                        "va": "center",
                        "fontsize": 8.5,
                        "color": ink,
                    }
                    ax.text(j + 0.5, i + 0.5, f"{share:.2f}", **style)
        for k, counts in enumerate(self.supports.values()):
            for i, count in enumerate(counts[self.kept]):
                style = {"ha": "right", "va": "center", "fontsize": 8.5, "color": "black"}
                ax.text(4 * k + 3.8, i + 0.5, f"{count:,.6g}", **style)

    def _name(self, ax: Axes) -> None:
        measures = [
            name
            for part in self.scores
            # The name of the part stands over the middle of its three columns.
            for name in (
                "precision",
                "recall" if part == "rows" else f"{shortened(part)} rows:\nrecall",
                "F1",
                "rows",
            )
        ]
        ax.set_xticks(np.arange(len(measures)) + 0.5, measures, fontsize="small")
        names = [shortened(self.labels[place], 24) for place in self.kept]
        ax.set_yticks(np.arange(len(names)) + 0.5, names)
        ax.tick_params(length=0)
        ax.xaxis.tick_top()
        ax.spines[:].set_visible(False)
        ax.set_ylabel("class")
        totals = [(part, f"{counts.sum():,.6g}") for part, counts in self.supports.items()]
        ax.set_xlabel(
            ", ".join(f"{n} rows" if part == "rows" else f"{n} {part} rows" for part, n in totals)
        )
        left_out = len(self.labels) - len(self.kept)
        note = f"\nthe {_MOST} with the most rows; {left_out} others" if left_out else ""
        ax.set_title(f"Precision, recall and F1 by class{note}", pad=8)
