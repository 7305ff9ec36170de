"""A whole run: data, network, training, figures, and where it is kept."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from mlplab.results.comparison import Comparison, comparison_section
from mlplab.results.explained import NetworkDescription
from mlplab.results.fit import FitResult, StopReason
from mlplab.results.layout import html_table, text_table
from mlplab.results.margin import Margin
from mlplab.results.metrics import ClassificationMetrics, MultilabelMetrics, RegressionMetrics
from mlplab.results.sections import Section
from mlplab.results.tables import Choice, TableDescription, Task
from mlplab.results.variants import Variants

__all__ = [
    "Metrics",
    "ModelDescription",
    "RunMetrics",
    "RunResult",
    "SplitSizes",
    "figures",
    "readable",
]

Metrics: TypeAlias = ClassificationMetrics | MultilabelMetrics | RegressionMetrics
"""Figures on some rows, whatever the task."""


@dataclass(frozen=True, slots=True)
class SplitSizes:
    """How many rows train, validate and test.

    Attributes
    ----------
    how : str
        ``"random"``, ``"stratified"``, ``"grouped"``, ``"by time"``; with ``", own test part"``
        where the data come with one.
    train, validation, test : int
    remarks : tuple of str
        What did not go as asked.
    """

    how: str
    train: int
    validation: int
    test: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """Figures of a run on its parts, beside what knowing nothing would score.

    Attributes
    ----------
    task : Task
    train : Metrics
    validation, test : Metrics or None
        None for a part without rows.
    baseline : Metrics or None
        On the rows of `judged`: always answering the most frequent class, the labels with the
        best F1, or the mean, of the training rows.
    baseline_answer : str
        What the baseline answers, in words.
    standardised : RegressionMetrics or None
        Of a regression whose target was standardised: `judged` on that scale.
    standardised_baseline : RegressionMetrics or None
        The baseline on that scale.
    validation_chose : bool
        Whether the validation rows chose the epoch whose weights were kept.
    """

    task: Task
    train: Metrics
    validation: Metrics | None = None
    test: Metrics | None = None
    baseline: Metrics | None = None
    baseline_answer: str = ""
    standardised: RegressionMetrics | None = None
    standardised_baseline: RegressionMetrics | None = None
    validation_chose: bool = True

    @property
    def judged(self) -> Metrics:
        """The figures that count: of the test rows, else validation rows, else training rows."""
        return self.test or self.validation or self.train

    @property
    def judged_name(self) -> str:
        """Which rows `judged` is about."""
        if self.test:
            return "test"
        return "validation" if self.validation else "training"

    @property
    def headline(self) -> str:
        """The honest figure in one sentence, beside the baseline."""
        sentence = _headline(self.judged, self.baseline, self.baseline_answer, self.judged_name)
        sentence += f" That is {self.shortfall}." if self.shortfall else ""
        if self.test:
            return sentence
        if not self.validation:
            why = "the network has learned them"
        elif self.validation_chose:
            why = "they chose the epoch whose weights were kept"
        else:
            return (
                f"{sentence} These rows took no part in the training; they are an honest test "
                "unless settings were chosen by looking at them."
            )
        return f"{sentence} These rows are no honest test: {why}."

    @property
    def shortfall(self) -> str:
        """How the network fails to beat the baseline, in words; empty if it beats it."""
        judged, baseline = self.judged, self.baseline
        constant = f"always answering {self.baseline_answer.rstrip(',')}"
        if isinstance(judged, RegressionMetrics) and isinstance(baseline, RegressionMetrics):
            # A figure that is no number beats nothing.
            return "" if judged.rmse <= baseline.rmse else f"worse than {constant}"
        if baseline is None or _right(judged) > _right(baseline):
            return ""
        if _right(judged) < _right(baseline):
            return f"worse than {constant}"
        # Nobody can do better than answering every row rightly.
        return "" if _right(baseline)[0] == 1.0 else f"no better than {constant}"

    def parts(self) -> tuple[tuple[str, Metrics], ...]:
        """Return the parts that have rows, by name."""
        named = (("training", self.train), ("validation", self.validation), ("test", self.test))
        return tuple((name, metrics) for name, metrics in named if metrics is not None)

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Return headers and cells of the figures of all parts, with the baseline last."""
        rows = [(name, metrics) for name, metrics in self.parts()]
        if self.baseline is not None:
            rows.append((f"baseline ({self.judged_name})", self.baseline))
        cells = [[name, *figures(metrics).values()] for name, metrics in rows]
        return ["rows", *figures(self.judged)], cells


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What a saved model is, and how it came about.

    Attributes
    ----------
    kind, task : str
        Name of the class, and what it was trained for.
    target : str
        What is predicted, in words; empty where the model does not know.
    network : NetworkDescription
    choices : tuple of Choice
        What was chosen automatically, and why.
    features : tuple of str
        Names of what the network gets, after the preparation.
    training : tuple of str
        How it was trained, by which engine and why, in sentences.
    """

    kind: str
    task: str
    target: str
    network: NetworkDescription
    choices: tuple[Choice, ...] = ()
    features: tuple[str, ...] = ()
    training: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Return everything for a terminal."""
        head = f"{self.kind} for {self.task}"
        parts = [f"{head}: {self.target}" if self.target else head, self.network.to_text()]
        if self.training and not self.network.training:
            parts.append("\n".join(self.training))
        if self.features:
            parts.append(f"Features ({len(self.features)}): {_listed(self.features)}")
        if self.choices:
            cells = [[choice.subject, choice.value, choice.reason] for choice in self.choices]
            parts.append(text_table(["chosen", "value", "why"], cells))
        return "\n\n".join(parts)

    def __str__(self) -> str:
        return self.to_text()


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """A run from its data to its figures.

    Attributes
    ----------
    name : str
    folder : Path or None
        Where it is kept.
    source : str
        Where the data came from, in words.
    target : tuple of str
    seed : int
    table : TableDescription
        Of all rows, test rows included.
    split : SplitSizes
    network : NetworkDescription
    fit : FitResult
    metrics : RunMetrics
    choices : tuple of Choice
        What was chosen automatically about target, task and network, and why.
    column_choices : tuple of Choice
        The same about the columns: kinds, what was filled, merged and dropped.
    remarks : tuple of str
        What deserves a look, in sentences.
    settings : mapping
        Parameters of the network and of the preparation that differ from their defaults.
    model : object
        The trained model; None when the run was read from its folder.
    notes : str
        What the study wants to show, in its own words.
    comparisons : tuple of Comparison
        The network beside other programs, then its variants; empty if nobody asked.
    variants : Variants or None
    margin : Margin or None
        Of a linear classifier with hinge loss.
    seconds : float
        All that was done, from the rows to the figures.
    pictures : mapping of str to Display
        Figures that were drawn from rows and networks; empty when the run was read.
    """

    name: str
    folder: Path | None
    source: str
    target: tuple[str, ...]
    seed: int
    table: TableDescription
    split: SplitSizes
    network: NetworkDescription
    fit: FitResult
    metrics: RunMetrics
    choices: tuple[Choice, ...] = ()
    column_choices: tuple[Choice, ...] = ()
    remarks: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    model: Any = None
    notes: str = ""
    comparisons: tuple[Comparison, ...] = ()
    variants: Variants | None = None
    margin: Margin | None = None
    seconds: float = 0.0
    pictures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sections(self) -> tuple[Section, ...]:
        """What margin, comparisons and variants have to say."""
        nouns = (self.margin, self.variants)
        told = [noun.section() for noun in nouns if noun is not None]
        return (*told, *([comparison_section(self.comparisons)] if self.comparisons else []))

    @property
    def task(self) -> Task:
        """What was learned."""
        return self.metrics.task

    @property
    def interrupted(self) -> bool:
        """Whether someone stopped the training."""
        return self.fit.status is StopReason.INTERRUPTED

    @property
    def diverged(self) -> bool:
        """Whether training left the finite numbers."""
        return self.fit.status is StopReason.DIVERGED

    def __str__(self) -> str:
        headers, cells = self.metrics.table()
        table = text_table(headers, cells, frozenset(range(1, len(headers))))
        kept = f"\n\nKept in {self.folder}" if self.folder else ""
        return f"{self.name}: {self.metrics.headline}\n\n{table}\n\n{self.fit}{kept}"

    def _repr_html_(self) -> str:
        headers, cells = self.metrics.table()
        table = html_table(headers, cells, frozenset(range(1, len(headers))))
        kept = f"<p>Kept in <code>{html.escape(str(self.folder))}</code></p>" if self.folder else ""
        head = f"<p><b>{html.escape(self.name)}</b>: {html.escape(self.metrics.headline)}</p>"
        return f"{head}{table}<p>{html.escape(str(self.fit))}</p>{kept}"


_COLUMNS: dict[type, tuple[tuple[str, str], ...]] = {
    ClassificationMetrics: (
        ("accuracy", "accuracy"),
        ("balanced accuracy", "balanced_accuracy"),
        ("log loss", "log_loss"),
    ),
    MultilabelMetrics: (
        ("all labels right", "subset_accuracy"),
        ("single entries", "elementwise_accuracy"),
        ("F1 micro", "f1_micro"),
        ("F1 macro", "f1_macro"),
    ),
    RegressionMetrics: (("R²", "r2"), ("RMSE", "rmse"), ("MAE", "mae")),
}


def figures(metrics: Metrics) -> dict[str, str]:
    """Return the number of rows and the main figures in words, by what they are called."""
    columns = _COLUMNS[type(metrics)]
    return {
        "number": f"{metrics.n_rows:,}",
        **{title: _figure(metrics, name) for title, name in columns},
    }


def _figure(metrics: Metrics, name: str) -> str:
    value = getattr(metrics, name)
    if value is None:
        return "–"
    return readable(value) if name in {"rmse", "mae"} else f"{value:.4f}"


def readable(value: float) -> str:
    """Return four digits, without an exponent where the number has a common size.

    Examples
    --------
    >>> readable(0.12345), readable(60170.3)
    ('0.1235', '60,170')
    """
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e12 else f"{value:.4g}"


def _headline(metrics: Metrics, baseline: Metrics | None, answer: str, rows: str) -> str:
    one = metrics.n_rows == 1
    counted = f"{metrics.n_rows:,} {rows} row{'' if one else 's'}"
    if isinstance(metrics, ClassificationMetrics):
        right = round(metrics.accuracy * metrics.n_rows)
        verb = "is" if one else "are"
        words = f"{right:,} of {counted} {verb} classified rightly ({metrics.accuracy:.1%})"
        if isinstance(baseline, ClassificationMetrics):
            words += f"; always answering {answer} scores {baseline.accuracy:.1%}"
        return words + "."
    if isinstance(metrics, MultilabelMetrics):
        words = (
            f"All labels are right for {metrics.subset_accuracy:.1%} of {counted}, and F1 over all "
            f"entries is {metrics.f1_micro:.3f}"
        )
        if isinstance(baseline, MultilabelMetrics):
            share, f1 = baseline.subset_accuracy, baseline.f1_micro
            words += f"; always answering {answer} scores {share:.1%} and {f1:.3f}"
        return f"{words}."
    words = f"On {counted} the typical error is {readable(metrics.rmse)} (RMSE)"
    if isinstance(baseline, RegressionMetrics):
        words += f"; always answering {answer} has {readable(baseline.rmse)}"
    r2 = "" if metrics.r2 is None else f" R² is {metrics.r2:.3f}."
    return f"{words}.{r2}"


def _right(metrics: Metrics) -> tuple[float, ...]:
    """Return the figures by which classifiers are compared; larger is better."""
    if isinstance(metrics, ClassificationMetrics):
        return (metrics.accuracy,)
    if isinstance(metrics, MultilabelMetrics):
        return (metrics.f1_micro, metrics.subset_accuracy)
    return (-metrics.rmse,)


def _listed(names: tuple[str, ...], most: int = 12) -> str:
    more = f", … and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
