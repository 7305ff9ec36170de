"""How good predictions are, as plain numbers.

The functions that compute these figures stand in `mlplab.workflows.metrics`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

__all__ = [
    "ClassAverage",
    "ClassRow",
    "ClassificationMetrics",
    "Label",
    "LabelRow",
    "MultilabelMetrics",
    "OutputRow",
    "RegressionMetrics",
]

Label: TypeAlias = str | int | float | bool
"""The name of a class, as a plain Python value."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """Figures of one class.

    Attributes
    ----------
    label : str, int, float or bool
        The class.
    precision : float
        Share of the rows predicted as this class that are of it; 0 if none was predicted so.
    recall : float
        Share of the rows of this class that were predicted as it; 0 if there is none.
    f1 : float
        Harmonic mean of the two.
    support : int
        Rows of this class.
    """

    label: Label
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class ClassAverage:
    """Precision, recall and F1 averaged over the classes."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class ClassificationMetrics:
    """Figures of a classifier on some rows.

    Attributes
    ----------
    n_rows : int
        Rows that were predicted.
    accuracy : float
        Share of right predictions.
    balanced_accuracy : float
        Mean of the recalls of the classes that occur.
    log_loss : float or None
        Mean negative logarithm of the probability of the true class, in nats. None without
        probabilities, or if a true class has none.
    majority_share : float
        Share of the most frequent true class: the accuracy of always answering with it.
    labels : tuple
        The classes, in the order of `rows` and `confusion`.
    rows : tuple of ClassRow
        One a class.
    macro, weighted : ClassAverage
        Averages over the classes, each alike or by support.
    confusion : tuple of tuples of int
        Row: true class; column: predicted class.
    """

    n_rows: int
    accuracy: float
    balanced_accuracy: float
    log_loss: float | None
    majority_share: float
    labels: tuple[Label, ...]
    rows: tuple[ClassRow, ...]
    macro: ClassAverage
    weighted: ClassAverage
    confusion: tuple[tuple[int, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready values; numbers that are not finite become None."""
        return _json_ready(asdict(self))

    @property
    def majority_label(self) -> Label:
        """The most frequent true class."""
        return max(self.rows, key=lambda row: row.support).label

    @property
    def interval(self) -> tuple[float, float]:
        """Where the accuracy on all such rows lies, with 95 % confidence (Wilson, 1927)."""
        n, z = self.n_rows, 1.959964
        middle = (self.accuracy + z * z / (2 * n)) / (1 + z * z / n)
        spread = self.accuracy * (1 - self.accuracy) / n + z * z / (4 * n * n)
        half = z * math.sqrt(spread) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    @property
    def summary(self) -> str:
        """The figures in one sentence."""
        loss = "" if self.log_loss is None else f", log loss {self.log_loss:.4f}"
        return (
            f"Accuracy {self.accuracy:.4f} on {_rows(self.n_rows)} "
            f"(always answering {self.majority_label!r}: {self.majority_share:.4f}), "
            f"balanced accuracy {self.balanced_accuracy:.4f}{loss}."
        )


@dataclass(frozen=True, slots=True)
class LabelRow:
    """Figures of one label of a multi-label target.

    Attributes
    ----------
    label : str, int, float or bool
        The label.
    accuracy : float
        Share of the rows for which presence or absence was predicted rightly.
    precision, recall, f1 : float
        Of the label's presence; 0 where undefined.
    support : int
        Rows that carry the label.
    """

    label: Label
    accuracy: float
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class MultilabelMetrics:
    """Figures of a classifier that gives several labels to a row.

    Attributes
    ----------
    n_rows : int
        Rows that were predicted.
    subset_accuracy : float
        Share of the rows for which every label is right.
    hamming_loss : float
        Share of wrong entries over rows and labels.
    f1_micro : float
        F1 over all entries.
    f1_macro : float
        Mean of the labels' F1.
    f1_samples : float
        Mean of the rows' F1; 0 for a row without true and predicted labels.
    nothing_share : float
        Share of entries that would be right if no label were ever predicted. Compare it with
        `elementwise_accuracy`: with rare labels it is high for a model that knows nothing.
    rows : tuple of LabelRow
        One a label.
    """

    n_rows: int
    subset_accuracy: float
    hamming_loss: float
    f1_micro: float
    f1_macro: float
    f1_samples: float
    nothing_share: float
    rows: tuple[LabelRow, ...]

    @property
    def elementwise_accuracy(self) -> float:
        """Share of right entries over rows and labels."""
        return 1.0 - self.hamming_loss

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready values; numbers that are not finite become None."""
        return _json_ready(asdict(self) | {"elementwise_accuracy": self.elementwise_accuracy})

    @property
    def summary(self) -> str:
        """The figures in one sentence."""
        return (
            f"All labels right for {self.subset_accuracy:.4f} of {_rows(self.n_rows)}, single "
            f"entries for {self.elementwise_accuracy:.4f} (predicting no label: "
            f"{self.nothing_share:.4f}), F1 {self.f1_micro:.4f} micro, {self.f1_macro:.4f} macro, "
            f"{self.f1_samples:.4f} by row."
        )


@dataclass(frozen=True, slots=True)
class OutputRow:
    """Figures of one output of a regression; as in `RegressionMetrics`."""

    name: str
    mse: float
    rmse: float
    mae: float
    r2: float | None


@dataclass(frozen=True, slots=True)
class RegressionMetrics:
    """Figures of a regressor on some rows.

    Attributes
    ----------
    n_rows : int
        Rows that were predicted.
    mse, rmse, mae : float
        Mean squared error, its root, and mean absolute error; with several outputs the mean over
        them (of the roots, for `rmse`).
    r2 : float or None
        One minus the squared error over that of always answering the mean; 0 is no better than
        the mean. None with fewer than two rows. With several outputs the mean over them.
    scale : str
        On which scale errors are measured: the target's own, or the standardised one.
    outputs : tuple of OutputRow
        One an output; empty if there is only one.
    """

    n_rows: int
    mse: float
    rmse: float
    mae: float
    r2: float | None
    scale: str
    outputs: tuple[OutputRow, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready values; numbers that are not finite become None."""
        return _json_ready(asdict(self))

    @property
    def summary(self) -> str:
        """The figures in one sentence."""
        r2 = "undefined" if self.r2 is None else f"{self.r2:.4f}"
        return (
            f"R² {r2} on {_rows(self.n_rows)} (always answering the mean: 0), root mean squared "
            f"error {self.rmse:.4g}, mean absolute error {self.mae:.4g}, on {self.scale}."
        )


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _json_ready(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return _json_ready(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
