"""Validated rows, and small helpers that every estimator uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from mlplab._typing import AnyArray
from mlplab.engines import TrainingData, ValidationData
from mlplab.errors import DataError

__all__ = [
    "FitRows",
    "cast",
    "check_row_weights",
    "keep_parameters",
    "pair_validation",
    "training_data",
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
    """

    x: Any
    target: AnyArray
    weight: AnyArray | None
    y: Any
    score_weight: AnyArray | None

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


def cast(array: AnyArray | None, dtype: str) -> AnyArray | None:
    """Return an array in another dtype, or None for None."""
    return None if array is None else array.astype(dtype)


def training_data(rows: FitRows, dtype: str, validation: ValidationData | None) -> TrainingData:
    """Return rows as the engines take them."""
    return TrainingData(rows.x, rows.target.astype(dtype), cast(rows.weight, dtype), validation)


def keep_parameters(estimator: Any, parameters: dict[str, Any]) -> None:
    """Store constructor arguments as they are, which is all that scikit-learn allows."""
    for name, value in parameters.items():
        if name not in {"self", "__class__"}:
            setattr(estimator, name, value)


def pair_validation(X_val: Any, y_val: Any, weight: Any) -> tuple[Any, Any, Any] | None:
    """Return validation rows as one thing, or None where there are none."""
    return None if X_val is None and y_val is None else (X_val, y_val, weight)
