"""Targets as numbers, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab._typing import AnyArray
from mlplab.data.frames import (
    ROW,
    RowError,
    as_numbers,
    as_words,
    first_infinite,
    is_missing,
    pandas,
    to_frame,
)
from mlplab.data.targets import cut_labels, label_separator
from mlplab.errors import DataError, ModelFileError
from mlplab.results.stored import built

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TargetEncoding"]

_KINDS = ("classes", "labels", "label columns", "numbers")


@dataclass(frozen=True, slots=True)
class TargetEncoding:
    """How a target becomes numbers.

    Attributes
    ----------
    kind : str
        ``"classes"`` (one class a row), ``"labels"`` (one column with labels in each cell),
        ``"label columns"`` (columns of 0 and 1) or ``"numbers"``.
    names : tuple of str
        The target columns.
    classes : tuple of str, int, float or bool
        Classes or labels in sorted order; a class is encoded as its place here.
    mean, scale : tuple of float
        For standardised numbers, one of each a column; empty otherwise.
    separator : str
        What stands between the labels of a cell.

    Examples
    --------
    >>> encoding = TargetEncoding.learn({"y": ["no", "yes", "no"]}, ["y"], "classification")
    >>> encoding.classes, encoding.encode({"y": ["yes", "no"]}).tolist()
    (('no', 'yes'), [1, 0])
    >>> encoding.decode([0, 1]).tolist()
    ['no', 'yes']
    """

    kind: str
    names: tuple[str, ...]
    classes: tuple[Any, ...] = ()
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    separator: str = " "

    @classmethod
    def learn(
        cls, frame: Any, names: Sequence[str], task: str, *, standardise: bool = False
    ) -> TargetEncoding:
        """Learn the encoding from the target columns of a table without missing targets.

        Parameters
        ----------
        frame : table
            Whatever `to_frame` takes.
        names : sequence of str
            The target columns.
        task : {"classification", "multilabel", "regression"}
            What is to be learned.
        standardise : bool, default=False
            Whether the numbers of a regression get mean 0 and variance 1.

        Raises
        ------
        DataError
            A value is missing or no finite number, or there is only one class.
        """
        frame = to_frame(frame)
        if task == "regression":
            encoding = cls("numbers", tuple(names))
            columns = encoding.encode(frame).reshape(len(frame), -1)
            return encoding._standardised(columns) if standardise else encoding
        if task == "multilabel" and len(names) > 1:
            encoding = cls("label columns", tuple(names), tuple(names))
            encoding.encode(frame)
            return encoding
        column = frame[names[0]]
        if task == "multilabel":
            return cls._of_labels(column)
        _refuse_missing(column)
        classes = tuple(sorted(set(_plain(column)), key=_order))
        if len(classes) < 2:
            raise DataError(
                f"A classification needs at least two classes; {names[0]!r} holds only "
                f"{classes[0]!r} in {len(column)} row{'s' * (len(column) != 1)}. Add rows of "
                "another class, or name another target."
            )
        return cls("classes", tuple(names), classes)

    @classmethod
    def _of_labels(cls, column: pd.Series[Any]) -> TargetEncoding:
        separator = label_separator(column)
        labels = {label for word in as_words(column) for label in cut_labels(word, separator)}
        if not labels:
            raise DataError(
                f"A target of labels must hold some; {column.name!r} is empty in every row. "
                "Name another target."
            )
        return cls("labels", (str(column.name),), tuple(sorted(labels)), separator=separator)

    def encode(self, frame: Any) -> AnyArray:
        """Return the target of a table as numbers.

        Returns
        -------
        ndarray
            int64 places in `classes`, shape (rows,), for classes; int64 zeros and ones, shape
            (rows, labels), for labels; float64, shape (rows,) or (rows, columns), for numbers.

        Raises
        ------
        DataError
            A column is not there, or a value is missing, unknown or no number.
        """
        frame = to_frame(frame)
        for name in self.names:
            if name not in frame.columns:
                raise DataError(f"The table must have the target {name!r}; it has not. Add it.")
            if self.kind != "labels":
                _refuse_missing(frame[name])
        if self.kind == "classes":
            return self._class_codes(frame[self.names[0]])
        if self.kind == "labels":
            return self._label_matrix(frame[self.names[0]])
        columns: AnyArray = np.stack([_finite(frame[name]) for name in self.names], axis=1)
        if self.kind == "label columns":
            return self._zeros_and_ones(columns)
        if self.mean:
            columns = (columns - np.array(self.mean)) / np.array(self.scale)
        return columns[:, 0] if len(self.names) == 1 else columns

    def decode(self, y: Any) -> AnyArray:
        """Return predictions in the words or units of the table.

        Parameters
        ----------
        y : array-like
            What `encode` returns.

        Returns
        -------
        ndarray
            Classes, or labels joined by their separator, shape (rows,); else numbers in the
            shape of `y`.
        """
        values: AnyArray = np.asarray(y)
        if self.kind == "classes":
            words: AnyArray = np.array(self.classes)[values.astype(np.int64)]
            return words
        if self.kind == "labels":
            rows = [self.separator.join(np.array(self.classes)[row > 0].tolist()) for row in values]
            return np.array(rows, dtype=object)
        if not self.mean:
            return values
        mean, scale = np.array(self.mean), np.array(self.scale)
        if values.ndim == 1:
            mean, scale = mean[0], scale[0]
        numbers: AnyArray = values * scale + mean
        return numbers

    def to_dict(self) -> dict[str, Any]:
        """Return the encoding as JSON knows it."""
        return {
            "kind": self.kind,
            "names": list(self.names),
            "classes": list(self.classes),
            "mean": list(self.mean),
            "scale": list(self.scale),
            "separator": self.separator,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TargetEncoding:
        """Build an encoding from `to_dict`, or raise `ModelFileError`."""
        try:
            encoding: TargetEncoding = built(cls, values)
            encoding._check()
        except (TypeError, ValueError) as error:
            raise ModelFileError(
                f"A saved target must be complete; reading it failed with {error!r}. Save the "
                "model again."
            ) from error
        return encoding

    def _check(self) -> None:
        """Raise ValueError if the fields do not agree."""
        if self.kind not in _KINDS:
            raise ValueError(f"it must be one of {', '.join(_KINDS)}; got {self.kind!r}")
        for values in (self.mean, self.scale):
            if len(values) not in {0, len(self.names)} or len(self.mean) != len(self.scale):
                raise ValueError("it has other numbers of means and scales than targets")
        single = self.kind in {"classes", "labels"}
        if not self.names or (single and len(self.names) > 1):
            raise ValueError(f"{len(self.names)} targets cannot be {self.kind}")
        if not self.classes and self.kind != "numbers":
            raise ValueError("it has no classes")
        if any(type(value) not in {str, int, float, bool} for value in self.classes):
            raise ValueError("its classes are no plain values")

    def _standardised(self, columns: AnyArray) -> TargetEncoding:
        with np.errstate(over="ignore", invalid="ignore"):
            scale = columns.std(axis=0)
        for name, spread, values in zip(self.names, scale, columns.T, strict=True):
            if not np.isfinite(spread):
                raise DataError(
                    f"A target must hold numbers that can be standardised; {name!r} reaches "
                    f"{np.abs(values).max():.1e}, whose square is no finite number. Divide the "
                    "column by a large number."
                )
        return TargetEncoding(
            self.kind,
            self.names,
            mean=tuple(columns.mean(axis=0).tolist()),
            scale=tuple(np.where(scale > 0, scale, 1.0).tolist()),
        )

    def _class_codes(self, column: pd.Series[Any]) -> AnyArray:
        dtype = column.dtype
        if (isinstance(dtype, np.dtype) and dtype.kind in "iufb") or dtype.name in {
            "str",
            "string",
        }:
            return self._repeated_codes(column)
        code = {value: at for at, value in enumerate(self.classes)}
        codes = np.empty(len(column), dtype=np.int64)
        for row, value in enumerate(_plain(column, as_text=isinstance(self.classes[0], str))):
            if value not in code:
                raise RowError(
                    f"Column {column.name!r} must hold a class that training saw; {ROW} "
                    f"holds {value!r}. Leave the row out, or train with it.",
                    row,
                )
            codes[row] = code[value]
        return codes

    def _repeated_codes(self, column: pd.Series[Any]) -> AnyArray:
        """Return the codes of a column of one type, in which each value is looked up once."""
        places, values = column.factorize()
        distinct = pandas().Series(values, name=column.name).astype(object)
        try:
            known: AnyArray = self._class_codes(distinct)
        except RowError as error:
            first = int(np.flatnonzero(places == error.row)[0])
            raise RowError(error.message, first) from error
        codes: AnyArray = known[places]
        return codes

    def _label_matrix(self, column: pd.Series[Any]) -> AnyArray:
        place = {label: at for at, label in enumerate(self.classes)}
        matrix = np.zeros((len(column), len(place)), dtype=np.int64)
        for row, words in enumerate(as_words(column)):
            for label in cut_labels(words, self.separator):
                if label not in place:
                    raise RowError(
                        f"Column {column.name!r} must hold labels that training saw; {ROW} "
                        f"holds {label!r}. Leave the row out, or train with it.",
                        row,
                    )
                matrix[row, place[label]] = 1
        return matrix

    def _zeros_and_ones(self, columns: AnyArray) -> AnyArray:
        wrong = np.argwhere((columns != 0) & (columns != 1))
        if len(wrong):
            row, at = wrong[0]
            raise RowError(
                f"A column of labels must hold only 0 and 1; {self.names[at]!r} holds "
                f"{columns[row, at]:g} in {ROW}. Correct it, or use the task 'regression'.",
                int(row),
            )
        return columns.astype(np.int64)


def _refuse_missing(column: pd.Series[Any]) -> None:
    missing = is_missing(column)
    if missing.any():
        raise RowError(
            f"A target must have no missing values; {column.name!r} misses "
            f"{int(missing.sum())}, the first in {ROW}. Leave these rows out.",
            int(np.flatnonzero(missing)[0]),
        )


def _finite(column: pd.Series[Any]) -> AnyArray:
    values, stray = as_numbers(column)
    if stray.any():
        row = int(np.flatnonzero(stray)[0])
        raise RowError(
            f"The target of a regression must hold numbers; {column.name!r} holds "
            f"{column.iloc[row]!r} in {ROW}. Correct the value, or use the task "
            "'classification'.",
            row,
        )
    infinite = first_infinite(values)
    if infinite is not None:
        raise RowError(
            f"A target must hold finite numbers; {column.name!r} holds {values[infinite]} in "
            f"{ROW}. Correct the value or leave the row out.",
            infinite,
        )
    return values


def _plain(column: pd.Series[Any], *, as_text: bool = False) -> list[Any]:
    """Return the values as bool, int, float or str, so that they can be written as JSON."""
    values, stray = as_numbers(column)
    objects = column.astype(object).tolist()
    if not as_text and all(isinstance(value, bool | np.bool_) for value in objects):
        return [bool(value) for value in objects]
    if as_text or stray.any() or any(isinstance(value, str) for value in objects):
        return [word or "" for word in as_words(column)]
    _finite(column)
    if (values == np.round(values)).all():
        return [int(value) for value in values]
    return [float(value) for value in values]


def _order(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value
