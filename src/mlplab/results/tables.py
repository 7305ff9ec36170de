"""Tables, what they hold, and what was chosen automatically about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

__all__ = ["Choice", "ColumnSummary", "Dataset", "TableDescription", "Task"]

Task: TypeAlias = Literal["classification", "multilabel", "regression", "autoencoder"]
"""What is to be learned from a table."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that was chosen automatically, and why.

    Attributes
    ----------
    subject : str
        What was chosen: a column, the task, a parameter.
    value : str
        The choice.
    reason : str
        Why, as a sentence for people.

    Examples
    --------
    >>> print(Choice("task", "regression", "The target holds 214 different numbers."))
    task: regression. The target holds 214 different numbers.
    """

    subject: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.value}. {self.reason}"


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """One column of a table in figures.

    Attributes
    ----------
    name, kind : str
        Name of the column and its kind, ``"numeric"`` for example.
    count, missing, n_distinct : int
        Number of present values, of missing ones, and of different present ones.
    mean, std, min, q25, median, q75, max : float or None
        As in `pandas.DataFrame.describe`, over the present finite values (`std` divides by
        one less than their number); None for columns without numbers.
    top : tuple of (str, int)
        The most frequent values with their counts; empty for columns of numbers.
    """

    name: str
    kind: str
    count: int
    missing: int
    n_distinct: int
    mean: float | None = None
    std: float | None = None
    min: float | None = None
    q25: float | None = None
    median: float | None = None
    q75: float | None = None
    max: float | None = None
    top: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class TableDescription:
    """A whole table in figures.

    Attributes
    ----------
    n_rows : int
        Number of rows.
    columns : tuple of ColumnSummary
        One summary a column, in the order of the table.
    target : tuple of str
        Names of the target columns; empty if none was named.
    labels : tuple of (str, int)
        Histogram of the labels: rows of each class or with each label. Empty for numbers.
    n_duplicate_rows : int
        Rows that repeat an earlier row in every column.
    remarks : tuple of str
        What deserves a look, in sentences.
    """

    n_rows: int
    columns: tuple[ColumnSummary, ...]
    target: tuple[str, ...] = ()
    labels: tuple[tuple[str, int], ...] = ()
    n_duplicate_rows: int = 0
    remarks: tuple[str, ...] = ()

    def column(self, name: str) -> ColumnSummary:
        """Return the summary of one column, or raise KeyError."""
        for summary in self.columns:
            if summary.name == name:
                return summary
        raise KeyError(name)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A named table together with what is known about it.

    Attributes
    ----------
    name, title : str
        Name for `load`, and name for people.
    frame : pandas.DataFrame
        All rows, or the training part where the data come with a test part. Holds the target.
    target : tuple of str
        The target columns; empty if there is none.
    task : Task
        What is usually learned from it.
    source, licence : str
        Where the data come from, and what is known about their licence.
    test_frame : pandas.DataFrame or None
        The test part, if the data come with one.
    drop : tuple of str
        Columns that must not be features, such as row numbers.
    image_shape : tuple of (int, int) or None
        Height and width, if the feature columns are the pixels of an image, row by row.
    """

    name: str
    title: str
    frame: Any
    target: tuple[str, ...]
    task: Task
    source: str
    licence: str
    test_frame: Any | None = None
    drop: tuple[str, ...] = ()
    image_shape: tuple[int, int] | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns that are neither targets nor to be dropped."""
        other = {*self.target, *self.drop}
        return tuple(name for name in self.frame.columns if name not in other)
