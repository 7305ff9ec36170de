"""How many rows carry each label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlplab.errors import DataError
from mlplab.plots.asking import check_fitted
from mlplab.plots.style import (
    BLUE,
    ORANGE,
    Panels,
    as_written,
    dress,
    legend_below,
    shortened,
    take_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["LabelHistogramDisplay"]

_MOST = 40  # labels that are drawn


class LabelHistogramDisplay:
    """Counts of rows per label, and beside them the counts of predictions.

    Make it with `from_labels`, `from_predictions` or `from_estimator`. With predictions, a
    network that answers with one class shows at a glance. Of more than 40 labels the most
    frequent are drawn, and the axis says how many rows the others have.

    Parameters
    ----------
    labels : sequence of length n_labels
        Names of the labels, at least one.
    counts : array-like of int, shape (n_labels,)
        Rows per label.
    predicted_counts : array-like of int, shape (n_labels,), optional
        Predictions per label.
    name : str, default="label"
        What the labels say, ``"quality"`` for example.

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> display = LabelHistogramDisplay.from_labels(["b", "a", "b"])
    >>> display.labels, display.counts.tolist()
    (('a', 'b'), [1, 2])
    """

    ax_: Axes
    figure_: Figure

    def __init__(
        self,
        labels: Sequence[object],
        counts: ArrayLike,
        *,
        predicted_counts: ArrayLike | None = None,
        name: str = "label",
    ) -> None:
        self.labels = tuple(labels)
        self.counts = np.asarray(counts)
        self.predicted_counts = None if predicted_counts is None else np.asarray(predicted_counts)
        self.name = name
        shapes = {self.counts.shape, (len(self.labels),)}
        if self.predicted_counts is not None:
            shapes.add(self.predicted_counts.shape)
        if len(shapes) > 1 or not self.labels:
            message = (
                f"`counts` must have one number a label, at least one; got {len(self.labels)} "
                f"labels and shapes {sorted(shapes)}. Use "
                "LabelHistogramDisplay.from_labels(y) to have them counted."
            )
            raise DataError(message)

    @classmethod
    def from_labels(
        cls, y: ArrayLike, *, label_names: Sequence[object] | None = None, name: str = "label"
    ) -> LabelHistogramDisplay:
        """Count labels.

        Parameters
        ----------
        y : array-like of shape (n_rows,) or (n_rows, n_labels)
            One label a row, or an indicator of several labels (zeros and ones).
        label_names : sequence, optional
            Names of the columns of an indicator.
        name : str, default="label"
            What the labels say.
        """
        counts = _counted(y, label_names)
        labels = _in_order(counts)
        return cls(labels, [counts[label] for label in labels], name=name)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        label_names: Sequence[object] | None = None,
        name: str = "label",
    ) -> LabelHistogramDisplay:
        """Count true and predicted labels; parameters as in `from_labels`."""
        rows = [len(np.asarray(labels)) for labels in (y_true, y_pred)]
        if rows[0] != rows[1]:
            message = (
                f"`y_true` and `y_pred` must have as many rows; got {rows[0]} and {rows[1]}. "
                "Pass the labels and predictions of the same rows."
            )
            raise DataError(message)
        true, predicted = _counted(y_true, label_names), _counted(y_pred, label_names)
        labels = _in_order({**true, **predicted})
        return cls(
            labels,
            [true.get(label, 0) for label in labels],
            predicted_counts=[predicted.get(label, 0) for label in labels],
            name=name,
        )

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: ArrayLike, **options: Any
    ) -> LabelHistogramDisplay:
        """Let a fitted classifier predict and count; options as in `from_predictions`."""
        check_fitted(estimator, "predict")
        return cls.from_predictions(y, estimator.predict(X), **options)

    @property
    def panels(self) -> Panels:
        """One panel; it grows with the number of labels."""
        n = min(len(self.labels), _MOST)
        if self._lying:
            return Panels(size=(6.4, max(2.4, 1.2 + 0.26 * n)))
        return Panels(size=(max(4.8, 1.2 + 0.5 * n), 3.6))

    @property
    def bars(self) -> tuple[list[str], list[float], list[float] | None]:
        """What is drawn: names, counts and counts of predictions of the frequent labels."""
        kept = self._kept
        predicted = None if self.predicted_counts is None else self.predicted_counts[kept].tolist()
        names = [shortened(self.labels[i], 24) for i in kept]
        return names, self.counts[kept].tolist(), predicted

    @property
    def note(self) -> str:
        """What the axis says: the name, and what was left out."""
        kept = self._kept
        left_out = len(self.labels) - len(kept)
        if not left_out:
            return self.name
        rows = self.counts.sum() - self.counts[kept].sum()
        return f"{self.name} (the {len(kept)} most frequent; {left_out} others have {rows:,} rows)"

    @property
    def _kept(self) -> NDArray[np.intp]:
        frequent = np.argsort(-self.counts, kind="stable")[:_MOST]
        return np.sort(frequent)

    @property
    def _lying(self) -> bool:
        """Whether the bars lie, so that many or long names stay readable."""
        longest = max(len(shortened(label, 24)) for label in self.labels)
        return len(self.labels) > 15 or longest * len(self.labels) > 60

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **bar_options: Any
    ) -> LabelHistogramDisplay:
        """Draw the bars.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        **bar_options
            Passed to `Axes.bar` or `Axes.barh`.
        """
        (axes,) = take_axes(ax, self.panels)
        names, counts, predicted = self.bars
        places = np.arange(len(names))
        thick = 0.8 if predicted is None else 0.4
        shift = 0.0 if predicted is None else -0.2
        self._draw(axes, places + shift, counts, thick, {"color": BLUE, **bar_options}, "true")
        if predicted is not None:
            style = {"color": ORANGE, "hatch": "///", "edgecolor": "white", "linewidth": 0}
            style |= bar_options
            self._draw(axes, places - shift, predicted, thick, style, "predicted")
            legend_below(axes, axes.get_legend_handles_labels()[0])
        self._name_bars(axes, places, names)
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        return self

    def _draw(
        self,
        ax: Axes,
        places: Any,
        counts: list[float],
        thick: float,
        style: Mapping[str, Any],
        label: str,
    ) -> None:
        draw = ax.barh if self._lying else ax.bar
        bars = draw(places, counts, thick, label=label, **style)
        if len(counts) * (2 if thick < 0.5 else 1) <= 24:
            ax.bar_label(bars, [f"{count:.6g}" for count in counts], padding=2, fontsize=8)

    def _name_bars(self, ax: Axes, places: Any, names: list[str]) -> None:
        if self._lying:
            ax.set_yticks(places, names)
            ax.margins(y=0.02)
            dress(ax, x="rows", y=as_written(self.note), title=as_written(f"Rows per {self.name}"))
            ax.margins(x=0.1)
            ax.invert_yaxis()
        else:
            ax.set_xticks(places, names)
            dress(ax, x=as_written(self.note), y="rows", title=as_written(f"Rows per {self.name}"))
            ax.margins(y=0.1)


def _counted(y: ArrayLike, names: Sequence[object] | None) -> Counter[object]:
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] > 1:
        columns = range(values.shape[1]) if names is None else names
        return Counter(dict(zip(columns, np.count_nonzero(values, axis=0).tolist(), strict=True)))
    return Counter(values.ravel().tolist())


def _in_order(counts: Mapping[object, int]) -> list[object]:
    try:
        return sorted(counts)  # type: ignore[type-var]  # labels of one kind can be compared
    except TypeError:
        return sorted(counts, key=str)
