"""A trained model as the steps of its prediction, for formats that know nothing of mlplab.

A prediction goes from the columns of a row to features (blocks side by side, then operations on
all of them), through dense layers, through the link, to an answer. Writers of other formats are
given this and nothing else; whatever cannot be said in it has no form outside mlplab.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from mlplab._typing import AnyArray

__all__ = [
    "Answer",
    "AnswerKind",
    "Block",
    "DateParts",
    "DenseLayer",
    "Elementwise",
    "Gaps",
    "InputColumn",
    "Lookup",
    "Numbers",
    "OperationKind",
    "PortableModel",
    "PortablePreparation",
]

AnswerKind: TypeAlias = Literal["class", "variables", "labels", "numbers", "rows"]
OperationKind: TypeAlias = Literal[
    "fill", "subtract", "divide", "multiply", "add", "at_least", "at_most"
]


@dataclass(frozen=True, slots=True)
class InputColumn:
    """A column of what is predicted for.

    Attributes
    ----------
    name : str
    holds : {"number", "word", "date"}
    """

    name: str
    holds: Literal["number", "word", "date"] = "number"


@dataclass(frozen=True, slots=True)
class Numbers:
    """Features that are the numbers of columns, NaN where they are missing.

    Attributes
    ----------
    columns : tuple of int
        Places of the columns.
    """

    columns: tuple[int, ...]

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.columns)


@dataclass(frozen=True, slots=True)
class Gaps:
    """Features that are 1 where a number or a date is missing, and 0 elsewhere.

    Attributes
    ----------
    columns : tuple of int
    """

    columns: tuple[int, ...]

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.columns)


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """Features that are looked up in a table by the value of a column.

    Attributes
    ----------
    column : int
    keys : tuple of str or tuple of float
        The values that are known, each once.
    rows : ndarray of shape (keys, features)
        The features of each.
    unknown, missing : ndarray of shape (features,) or None
        The features of other values, and of missing ones; None where these are refused.
    any_case : bool
        Whether upper and lower case mean the same; the keys are in lower case then.
    """

    column: int
    keys: tuple[str, ...] | tuple[float, ...]
    rows: AnyArray
    unknown: AnyArray | None
    missing: AnyArray | None
    any_case: bool = False

    @property
    def width(self) -> int:
        """Number of features."""
        return int(self.rows.shape[1])


@dataclass(frozen=True, slots=True)
class DateParts:
    """Features that are parts of a date, NaN where it is missing.

    Attributes
    ----------
    column : int
    parts : tuple of str
        Of year, month, day_of_week, second_of_day, days (since 1970-01-01, UTC).
    form : str
        Format of dates given as text, in the letters of `strptime`, or ``"ISO8601"``; empty for
        dates that are no text.
    """

    column: int
    parts: tuple[str, ...]
    form: str

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.parts)


Block: TypeAlias = Numbers | Gaps | Lookup | DateParts


@dataclass(frozen=True, slots=True, eq=False)
class Elementwise:
    """An operation with one number for each feature.

    Attributes
    ----------
    kind : {"fill", "subtract", "divide", "multiply", "add", "at_least", "at_most"}
        ``"fill"`` replaces NaN; ``"at_least"`` and ``"at_most"`` limit.
    values : ndarray of shape (features,)
    """

    kind: OperationKind
    values: AnyArray


@dataclass(frozen=True, slots=True)
class PortablePreparation:
    """From columns to features.

    Attributes
    ----------
    columns : tuple of InputColumn
        The columns that are used, in order.
    blocks : tuple of Block
        Features side by side.
    operations : tuple of Elementwise
        What is done to all of them, in order.
    feature_names : tuple of str
    """

    columns: tuple[InputColumn, ...]
    blocks: tuple[Block, ...]
    operations: tuple[Elementwise, ...]
    feature_names: tuple[str, ...]

    @property
    def only_numbers(self) -> bool:
        """Whether every column holds numbers, so that rows are one array."""
        return all(column.holds == "number" for column in self.columns)

    @property
    def does_nothing(self) -> bool:
        """Whether the features are the columns as they are."""
        return not self.operations and self.blocks == (Numbers(tuple(range(len(self.columns)))),)


@dataclass(frozen=True, slots=True, eq=False)
class DenseLayer:
    """``f(x W + b)``.

    Attributes
    ----------
    weight : ndarray of shape (fan_in, fan_out)
    bias : ndarray of shape (fan_out,)
    activation : str
        The name of f; ``"identity"`` for the last layer, which the link follows.
    """

    weight: AnyArray
    bias: AnyArray
    activation: str


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """From what the link gives to what is said.

    Attributes
    ----------
    kind : {"class", "variables", "labels", "numbers", "rows"}
        One class; one class of each of several variables; any number of labels; numbers; or the
        features again, as an autoencoder gives them.
    classes : tuple of ndarray
        The classes of each variable; for labels one array with their names.
    exclusive : bool
        Whether the largest raw prediction decides, or each by its sign.
    has_probabilities : bool
        Whether what the link gives are probabilities.
    names : tuple of str
        Names of the targets, where they are known.
    mean, scale : ndarray of shape (targets,), or None
        Numbers are multiplied by `scale`, then `mean` is added.
    separator : str or None
        What labels are joined by; None where they stay ones and zeros.
    code_layer : int or None
        Which hidden layer is the code of an autoencoder.
    """

    kind: AnswerKind
    classes: tuple[AnyArray, ...] = ()
    exclusive: bool = False
    has_probabilities: bool = False
    names: tuple[str, ...] = ()
    mean: AnyArray | None = None
    scale: AnyArray | None = None
    separator: str | None = None
    code_layer: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PortableModel:
    """A trained model as the steps of its prediction.

    Attributes
    ----------
    kind : str
        The class of the network, ``"MLPClassifier"`` for example.
    preparation : PortablePreparation
    layers : tuple of DenseLayer
    link : {"identity", "logistic", "softmax", "exp"}
    groups : tuple of int
        Numbers of columns that softmax acts on together; empty for all.
    answer : Answer
    dtype : str
        Of the network as it was trained: ``"float32"`` or ``"float64"``.
    """

    kind: str
    preparation: PortablePreparation
    layers: tuple[DenseLayer, ...]
    link: str
    groups: tuple[int, ...]
    answer: Answer
    dtype: str

    @property
    def n_features(self) -> int:
        """Number of features that the network takes."""
        return int(self.layers[0].weight.shape[0])

    @property
    def n_raw(self) -> int:
        """Number of raw predictions."""
        return int(self.layers[-1].weight.shape[1])
