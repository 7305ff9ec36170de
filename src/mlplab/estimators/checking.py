"""scikit-learn's checks of rows, with sentences where its own would be a library's inside."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array, validate_data

from mlplab._typing import AnyArray
from mlplab.errors import DataError, DataTypeError, MLPLabError

__all__ = [
    "check_codes",
    "check_rows",
    "comparing_labels",
    "in_dtype",
    "reading_rows",
    "share_right",
]

# How NumPy's refusals of values that are no numbers begin.
_NO_NUMBERS = ("could not convert string to float", "setting an array element with a sequence")


def check_rows(estimator: Any, *rows: Any, **options: Any) -> Any:
    """Return what `validate_data` does, for X alone or for X and y.

    Beyond it, dates and hidden values are refused: both would be taken for other numbers.

    Raises
    ------
    DataError
        A value is no number, or too large for one.
    ValueError
        scikit-learn's sentences, on everything else.
    """
    numeric = rows if options.get("y_numeric", True) else rows[:1]
    for name, values in zip(("X", "y"), numeric, strict=False):
        _refuse_dates(name, values)
    for name, values in zip(("X", "y"), rows, strict=False):
        _refuse_hidden(name, values)
        _refuse_complex(name, values)
    with reading_rows():
        checked = validate_data(estimator, *rows, **options)
    x, *targets = checked if len(rows) > 1 else (checked,)
    x = x.tocsr() if sparse.issparse(x) else x
    if not targets:
        return x
    words = options.get("y_numeric", True) and targets[0].dtype.kind in "SU"
    return x, (in_dtype(targets[0], np.float64) if words else targets[0])


def in_dtype(x: Any, dtype: Any) -> Any:
    """Return checked rows in the dtype of a network.

    Raises
    ------
    DataError
        A number is too large for it.
    """
    with reading_rows(), np.errstate(over="raise"):
        return x.astype(dtype, copy=False)


def check_codes(codes: Any, dtype: Any) -> AnyArray:
    """Return a dense array, checked as `check_rows` does."""
    _refuse_dates("X", codes)
    _refuse_hidden("X", codes)
    _refuse_complex("X", codes)
    with reading_rows():
        checked: AnyArray = check_array(codes, dtype=dtype)
    return checked


@contextlib.contextmanager
def comparing_labels() -> Iterator[None]:
    """Say what is wrong with labels where Python cannot order them, or compare them."""
    try:
        yield
    except MLPLabError:
        raise
    except TypeError as cause:
        raise DataTypeError(
            f"`y` must hold labels of one kind, texts or numbers, the same in fit and score; got "
            f"others: {cause}. Convert them, by astype(str) for example."
        ) from cause


def share_right(predicted: AnyArray, y: Any, sample_weight: Any) -> float:
    """Return the share of rows that are right in every class variable.

    Raises
    ------
    DataError
        `y` has another shape, which NumPy would stretch.
    """
    y = np.asarray(y)
    if y.shape != predicted.shape:
        raise DataError(
            f"`y` must have one column for each class variable; got shape {y.shape} where "
            f"predictions have {predicted.shape}. Pass the targets of these rows."
        )
    return float(np.average((predicted == y).all(axis=1), weights=sample_weight))


@contextlib.contextmanager
def reading_rows() -> Iterator[None]:
    """Say what is wrong with rows where NumPy or Python cannot make numbers of them."""
    try:
        yield
    except MLPLabError:
        raise
    except (OverflowError, FloatingPointError) as cause:
        raise DataError(
            "`X` and numeric targets must hold numbers that the network's dtype can hold; got a "
            f"larger one: {cause}. Scale the column, take its logarithm, or leave it out."
        ) from cause
    except TypeError as cause:
        raise DataTypeError(
            f"`X` and numeric targets must be tables of numbers; got something else: {cause}. "
            "Pass an array, a frame or lists of numbers."
        ) from cause
    except ValueError as cause:
        if not str(cause).startswith(_NO_NUMBERS):
            raise
        raise DataError(
            f"`X` and numeric targets must hold numbers alone, as many in each row; got others: "
            f"{cause}. Encode words first, by mlplab.data.Preparation for example."
        ) from cause


def _refuse_dates(name: str, values: Any) -> None:
    dtypes = getattr(values, "dtypes", None)  # of a frame
    dtypes = [getattr(values, "dtype", None)] if dtypes is None else np.atleast_1d(dtypes)
    found = next((kind for kind in dtypes if getattr(kind, "kind", "") in {"m", "M"}), None)
    if found is not None:
        raise DataError(
            f"`{name}` must hold numbers; got dates or durations ({found}), which would be counted "
            "in units of their storage. Turn them into numbers, by mlplab.data.Preparation for "
            "example."
        )


def _refuse_complex(name: str, values: Any) -> None:
    if getattr(getattr(values, "dtype", None), "kind", "") == "c":
        # scikit-learn's first words, without the numbers that it lists.
        raise DataError(
            f"Complex data not supported: `{name}` must hold real numbers; got {values.dtype}. "
            "Pass real and imaginary parts as columns."
        )


def _refuse_hidden(name: str, values: Any) -> None:
    if np.ma.isMaskedArray(values) and np.ma.is_masked(values):
        n_masked = int(np.ma.getmaskarray(values).sum())
        raise DataError(
            f"`{name}` must have no masked values; got {n_masked}, and what lies "
            "under the mask would be used. Fill them, or leave their rows out."
        )
