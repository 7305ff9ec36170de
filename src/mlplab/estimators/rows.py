"""Validated rows, and small helpers that every estimator uses."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import _check_sample_weight

from mlplab._typing import AnyArray
from mlplab.engines import TrainingData, ValidationData
from mlplab.errors import DataError, ParameterError

__all__ = [
    "FitRows",
    "cast",
    "check_row_weights",
    "keep_parameters",
    "pair_validation",
    "training_data",
    "weigh_classes",
]


@dataclass(frozen=True, slots=True)
class FitRows:
    """Validated rows.

    Attributes
    ----------
    x : ndarray or CSR matrix of shape (rows, n_features)
    target : ndarray of shape (rows, n_columns)
        Boolean for classes, numbers otherwise.
    weight : ndarray of shape (rows,) or None
        What the loss of each row counts, class weights included.
    y : array-like
        The target as it was given, for scorers.
    score_weight : ndarray of shape (rows,) or None
        Weights of the rows without class weights, for scores.
    places : int array of shape (n_rows,) or None
        Where a part was set aside, which rows are learned from; None for all.
    """

    x: Any
    target: AnyArray
    weight: AnyArray | None
    y: Any
    score_weight: AnyArray | None
    places: AnyArray | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows to learn from."""
        return int(self.x.shape[0]) if self.places is None else len(self.places)

    def take(self, rows: AnyArray) -> FitRows:
        """Return some of the rows."""
        chosen = [
            None if array is None else array[rows] for array in (self.weight, self.score_weight)
        ]
        return FitRows(self.x[rows], self.target[rows], chosen[0], self.y[rows], chosen[1])


def check_row_weights(sample_weight: Any, X: Any) -> AnyArray | None:
    """Return the weights of the rows, or None where all count alike.

    Raises
    ------
    DataError
        No row counts.
    ValueError
        There is not one number of at least zero for each row.
    """
    if sample_weight is None:
        return None
    weight = np.asarray(
        _check_sample_weight(
            sample_weight, X, ensure_non_negative=True, allow_all_zero_weights=True
        )
    )
    if not weight.any():
        message = (
            "`sample_weight` must be positive for some rows; got zeros only. Give some rows a "
            "weight, or leave it out."
        )
        raise DataError(message)
    return weight


def weigh_classes(rows: FitRows, class_weight: Any) -> FitRows:
    """Return the rows with the weights of their classes in their own.

    Raises
    ------
    DataError
        No row counts any more.
    """
    if class_weight is None:
        return rows
    factors = np.asarray(compute_sample_weight(class_weight, rows.y))
    weight = factors if rows.weight is None else rows.weight * factors
    if not weight.any():
        message = (
            "`class_weight` times `sample_weight` must be positive for some rows; got zeros only. "
            "Give a class that is there a weight above 0."
        )
        raise DataError(message)
    return dataclasses.replace(rows, weight=weight)


def cast(weight: AnyArray | None, dtype: str, places: AnyArray | None = None) -> AnyArray | None:
    """Return weights in another dtype, or None for None.

    Raises
    ------
    DataError
        In this dtype all of those that count, at `places`, are zero, or one is infinite.
    """
    if weight is None:
        return None
    with np.errstate(over="ignore"):
        converted = weight.astype(dtype)
    part = slice(None) if places is None else places
    vanished = weight[part].any() and not converted[part].any()
    if vanished or not np.isfinite(converted[part]).all():
        message = (
            f"`sample_weight` must be {'positive for some rows' if vanished else 'finite'} in "
            f"{dtype}, class weights included; got weights up to {weight.max():g}. Multiply all by "
            "the same number, which changes nothing, or pass dtype='float64'."
        )
        raise DataError(message)
    return converted


def training_data(rows: FitRows, dtype: str, validation: ValidationData | None) -> TrainingData:
    """Return rows as the engines take them; what fits is not copied."""
    target, weight = rows.target.astype(dtype, copy=False), cast(rows.weight, dtype, rows.places)
    return TrainingData(rows.x, target, weight, validation, rows.places)


def keep_parameters(estimator: Any, parameters: dict[str, Any]) -> None:
    """Store constructor arguments as they are, which is all that scikit-learn allows."""
    for name, value in parameters.items():
        if name not in {"self", "__class__"}:
            setattr(estimator, name, value)


def pair_validation(X_val: Any, y_val: Any, weight: Any) -> tuple[Any, Any, Any] | None:
    """Return validation rows as one thing, or None where there are none.

    Raises
    ------
    ParameterError
        There are weights, but nothing that they belong to.
    """
    if X_val is None and y_val is None:
        if weight is not None:
            message = (
                "`sample_weight_val` belongs to validation rows; got it without X_val. Pass X_val "
                "as well, or leave it out."
            )
            raise ParameterError(message)
        return None
    return X_val, y_val, weight
