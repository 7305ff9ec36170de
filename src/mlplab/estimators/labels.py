"""Class labels to targets and back.

========================  =================  ===========================================
kind                      columns of target  what ``y`` looks like
========================  =================  ===========================================
``binary``                1                  two values (or one) in one column
``multiclass``            K                  K values in one column
``multilabel``            L                  L columns of 0 and 1, any number of ones a row
``multioutput``           ΣK                 several columns, each a class variable of its own
========================  =================  ===========================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from mlplab._typing import AnyArray
from mlplab.errors import DataError
from mlplab.estimators.checking import comparing_labels

__all__ = ["LabelCoder"]


@dataclass(frozen=True, slots=True)
class LabelCoder:
    """The classes, and how they become columns.

    Attributes
    ----------
    kind : {"binary", "multiclass", "multilabel", "multioutput"}
    classes : tuple of ndarray
        The values of each class variable; for several labels one array of their numbers.
    """

    kind: str
    classes: tuple[AnyArray, ...]

    @classmethod
    def from_targets(cls, y: AnyArray) -> LabelCoder:
        """Learn the classes.

        Raises
        ------
        ValueError
            The targets are continuous ("Unknown label type"), or of mixed kinds.
        """
        with comparing_labels():
            check_classification_targets(y)
            kind = type_of_target(y)
            if kind == "multilabel-indicator" and _is_zero_one(y):
                return cls("multilabel", (np.arange(np.shape(y)[1]),))
            if kind in {"multilabel-indicator", "multiclass-multioutput"}:
                return cls("multioutput", tuple(np.unique(column) for column in np.asarray(y).T))
            return cls.from_classes(unique_labels(y))

    @classmethod
    def from_classes(cls, classes: Any) -> LabelCoder:
        """Take the classes as given: values, or one list of values for each output.

        Raises
        ------
        DataError
            They are an array of two dimensions.
        """
        if _is_nested(classes):
            return cls("multioutput", tuple(np.unique(values) for values in classes))
        if np.ndim(classes) != 1:
            message = (
                "`classes` must hold the values of one column, or be a list with one such list for "
                f"each column of `y`; got an array of shape {np.shape(classes)}. Pass list(classes)"
                " if its rows are such lists."
            )
            raise DataError(message)
        values = np.unique(np.asarray(classes))
        return cls("multiclass" if len(values) > 2 else "binary", (values,))

    @classmethod
    def of_stream(cls, y: AnyArray, classes: Any) -> LabelCoder:
        """Learn the kind from the first rows of a stream, and take the classes as given.

        Raises
        ------
        DataError
            No classes were given.
        """
        if classes is None:
            message = (
                "classes must be passed on the first call to partial_fit. Later rows may hold "
                "classes that the first do not."
            )
            raise DataError(message)
        labels = type_of_target(y) == "multilabel-indicator" and _is_zero_one(y)
        if labels and not _is_nested(classes):
            return cls.from_targets(y)
        return cls.from_classes(classes)

    @property
    def groups(self) -> tuple[int, ...]:
        """Number of classes of each class variable, where one is chosen of each."""
        exclusive = self.kind in {"multiclass", "multioutput"}
        return tuple(len(values) for values in self.classes) if exclusive else ()

    @property
    def n_columns(self) -> int:
        """Number of columns of the target."""
        if self.kind == "binary":
            return 1
        return sum(len(values) for values in self.classes)

    @property
    def exposed_classes(self) -> Any:
        """What `classes_` shows: an array, or a list of arrays for several class variables."""
        return list(self.classes) if self.kind == "multioutput" else self.classes[0]

    def check_kind(self, y: AnyArray) -> None:
        """Check that targets look like those that the classes were learned from.

        Raises
        ------
        DataError
            They have another number of columns, or are no labels of 0 and 1.
        """
        several = self.kind in {"multilabel", "multioutput"}
        n_variables = len(self.classes) if self.kind == "multioutput" else self.n_columns
        expected = (len(y), n_variables) if several else (len(y),)
        labels = self.kind == "multilabel"
        if np.shape(y) == expected and (not labels or _is_zero_one(y)):
            return
        what = "one column of classes"
        if several:
            what = f"{n_variables} columns of {'0 and 1' if labels else 'classes'}"
        values = f" with the values {np.unique(y)[:5]}" if labels else ""
        message = (
            f"`y` and `y_val` must have {what}, as in the first fit; got shape {np.shape(y)}"
            f"{values}. Pass the same kind of targets, or fit anew without warm_start."
        )
        raise DataError(message)

    def check_same_classes(self, y: AnyArray) -> None:
        """Check, before a warm start, that all classes are there and no others.

        Raises
        ------
        ValueError
            They differ; in scikit-learn's words.
        """
        self.check_kind(y)
        if self.kind == "multioutput":
            return
        classes = unique_labels(y)
        if set(classes) != set(self.classes[0]):
            message = (
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes[0]}, `y` has {classes}"
            )
            raise DataError(message)

    def encode(self, y: AnyArray) -> AnyArray:
        """Return the targets as a boolean matrix of shape (rows, n_columns).

        Raises
        ------
        DataError
            They are of another kind.
        ValueError
            A value is none of the classes.
        """
        self.check_kind(y)
        if self.kind == "multilabel":
            return np.asarray(y).astype(bool)
        if self.kind == "binary":
            return np.asarray(self._positions(np.ravel(y), self.classes[0]) == 1)[:, None]
        columns = np.asarray(y).reshape(len(y), -1).T
        parts = [
            np.eye(len(values), dtype=bool)[self._positions(column, values)]
            for column, values in zip(columns, self.classes, strict=True)
        ]
        return np.concatenate(parts, axis=1)

    @staticmethod
    def _positions(y: AnyArray, classes: AnyArray) -> AnyArray:
        positions = np.searchsorted(classes, y)
        inside = np.minimum(positions, len(classes) - 1)
        unknown = classes[inside] != y
        if np.any(unknown):
            message = (
                f"`y` has classes not in `self.classes_`. `self.classes_` has {classes}. "
                f"'y' has {np.unique(y[unknown])} besides."
            )
            raise DataError(message)
        return inside

    def decode(self, decided: AnyArray) -> AnyArray:
        """Return labels for a matrix of decisions of 0 and 1."""
        if self.kind == "multilabel":
            return decided.astype(int)
        if self.kind == "binary":
            positions = decided[:, 0].astype(int)
            decoded: AnyArray = self.classes[0][np.minimum(positions, len(self.classes[0]) - 1)]
            return decoded
        ends = np.cumsum(self.groups)
        columns = [
            values[decided[:, end - len(values) : end].argmax(axis=1)]
            for values, end in zip(self.classes, ends, strict=True)
        ]
        return columns[0] if self.kind == "multiclass" else np.column_stack(columns)


def _is_zero_one(y: Any) -> bool:
    values = y.data if sparse.issparse(y) else np.asarray(y)
    return bool(((values == 0) | (values == 1)).all())


def _is_nested(classes: Any) -> bool:
    """Whether there is a list of classes for each of several columns."""
    return isinstance(classes, (list, tuple)) and bool(classes) and np.ndim(classes[0]) == 1
