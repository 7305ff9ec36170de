"""Compute the figures by which predictions are judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics as sk
from sklearn.utils.multiclass import unique_labels

from mlplab._typing import AnyArray
from mlplab.errors import DataError
from mlplab.nn import settle_constant_columns
from mlplab.results import (
    ClassAverage,
    ClassificationMetrics,
    ClassRow,
    Label,
    LabelRow,
    MultilabelMetrics,
    OutputRow,
    RegressionMetrics,
)

__all__ = ["classification_metrics", "multilabel_metrics", "regression_metrics"]


def classification_metrics(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    proba: ArrayLike | None = None,
    labels: Sequence[Label] | None = None,
) -> ClassificationMetrics:
    """Judge predictions of one class a row.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_rows,)
        True and predicted classes, at least one row.
    proba : array-like of shape (n_rows, n_labels), optional
        Probability of each class of `labels`.
    labels : sequence of n_labels classes, optional
        Classes that the model knows, `classes_` of a classifier. Classes that occur besides
        these are added behind them. None takes those that occur, sorted.

    Returns
    -------
    ClassificationMetrics

    Raises
    ------
    DataError
        No rows, different numbers of rows, or `proba` does not fit `labels`.

    Examples
    --------
    >>> classification_metrics(["a", "b", "b"], ["a", "b", "a"]).accuracy
    0.6666666666666666
    """
    true, pred = _pair(y_true, y_pred, 1)
    occurring = unique_labels(true, pred).tolist()
    known = occurring if labels is None else np.asarray(labels).tolist()
    classes = known + [label for label in occurring if label not in set(known)]
    confusion = sk.confusion_matrix(true, pred, labels=classes)
    support = confusion.sum(axis=1)
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        true, pred, labels=classes, zero_division=0.0
    )
    return ClassificationMetrics(
        n_rows=len(true),
        accuracy=float(np.trace(confusion) / len(true)),
        balanced_accuracy=float(recall[support > 0].mean()),
        log_loss=None if proba is None else _log_loss(true, proba, known),
        majority_share=float(support.max() / len(true)),
        labels=tuple(classes),
        rows=tuple(
            ClassRow(label, float(p), float(r), float(f), int(s))
            for label, p, r, f, s in zip(classes, precision, recall, f1, support, strict=True)
        ),
        macro=_average(precision, recall, f1, np.ones(len(classes))),
        weighted=_average(precision, recall, f1, support),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def multilabel_metrics(
    y_true: ArrayLike, y_pred: ArrayLike, labels: Sequence[Label] | None = None
) -> MultilabelMetrics:
    """Judge predictions of several labels a row.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_rows, n_labels)
        Indicators, zeros and ones; at least one row.
    labels : sequence of n_labels names, optional
        Names of the columns; 0, 1, … if None.

    Returns
    -------
    MultilabelMetrics

    Raises
    ------
    DataError
        No rows, different shapes, or something else than zeros and ones.

    Examples
    --------
    >>> multilabel_metrics([[1, 0], [0, 0]], [[0, 0], [0, 0]]).nothing_share
    0.75
    """
    true, pred = (_as_indicator(y, name) for y, name in ((y_true, "y_true"), (y_pred, "y_pred")))
    true, pred = _pair(true, pred, 2)
    names = _names(labels, true.shape[1], "labels")
    hits, said, there = _counts_of_columns(true, pred)
    row_hits, row_said, row_there = _counts_of_columns(true.T, pred.T)
    return MultilabelMetrics(
        n_rows=len(true),
        subset_accuracy=float((true == pred).all(axis=1).mean()),
        hamming_loss=float((true != pred).mean()),
        f1_micro=float(_ratio(2 * hits.sum(), said.sum() + there.sum())),
        f1_macro=float(_ratio(2 * hits, said + there).mean()),
        f1_samples=float(_ratio(2 * row_hits, row_said + row_there).mean()),
        nothing_share=float((true == 0).mean()),
        rows=_label_rows(names, true, pred),
    )


def regression_metrics(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    scale: str = "the target's own scale",
    output_names: Sequence[str] | None = None,
) -> RegressionMetrics:
    """Judge predictions of numbers.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_rows,) or (n_rows, n_outputs)
        True and predicted values, at least one row. Predictions that are not finite give errors
        that are not finite; `to_dict` writes them as None.
    scale : str, default="the target's own scale"
        On which scale the values are, in words.
    output_names : sequence of n_outputs names, optional
        Names of several outputs; ``"0"``, ``"1"`` … if None.

    Returns
    -------
    RegressionMetrics

    Raises
    ------
    DataError
        No rows, or different shapes.

    Examples
    --------
    >>> regression_metrics([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]).r2
    0.5
    """
    true, pred = (_as_columns(y) for y in (y_true, y_pred))
    true, pred = _pair(true, pred, 2)
    true = settle_constant_columns(true.astype(np.float64))
    names = [str(name) for name in _names(output_names, true.shape[1], "output_names")]
    outputs = [_one_output(name, true[:, k], pred[:, k]) for k, name in enumerate(names)]
    r2 = [output.r2 for output in outputs if output.r2 is not None]
    return RegressionMetrics(
        n_rows=len(true),
        mse=float(np.mean([output.mse for output in outputs])),
        rmse=float(np.mean([output.rmse for output in outputs])),
        mae=float(np.mean([output.mae for output in outputs])),
        r2=float(np.mean(r2)) if len(r2) == len(outputs) else None,
        scale=scale,
        outputs=tuple(outputs) if len(outputs) > 1 else (),
    )


def _pair(y_true: ArrayLike, y_pred: ArrayLike, ndim: int) -> tuple[AnyArray, AnyArray]:
    true, pred = np.asarray(y_true), np.asarray(y_pred)
    if ndim == 1:
        true, pred = (y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y for y in (true, pred))
    if true.shape != pred.shape or true.ndim != ndim or not true.size:
        wanted = "(n_rows,)" if ndim == 1 else "(n_rows, n_columns)"
        message = (
            f"`y_true` and `y_pred` must have the same shape {wanted} with at least one row; "
            f"got {true.shape} and {pred.shape}. Predict for the same rows."
        )
        raise DataError(message)
    return true, pred


def _as_columns(y: ArrayLike) -> NDArray[np.float64]:
    numbers = np.asarray(y, dtype=float)
    return numbers[:, None] if numbers.ndim == 1 else numbers


def _log_loss(true: AnyArray, proba: ArrayLike, labels: list[Label]) -> float | None:
    probabilities = np.asarray(proba, dtype=float)
    if probabilities.shape != (len(true), len(labels)):
        message = (
            f"`proba` must have one row a prediction and one column a class, "
            f"{(len(true), len(labels))}; got {probabilities.shape}. "
            "Pass the model's `classes_` as `labels`."
        )
        raise DataError(message)
    column = {label: k for k, label in enumerate(labels)}
    places = [column.get(label) for label in true.tolist()]
    if any(place is None for place in places):
        return None  # a class that the model never saw has probability zero
    chosen = probabilities[np.arange(len(true)), np.asarray(places, dtype=int)]
    # The floor is scikit-learn's: a certain and wrong answer costs much, not infinitely much.
    tiny = np.finfo(np.result_type(np.asarray(proba), np.float32)).eps
    return float(-np.log(np.clip(chosen, tiny, 1 - tiny)).mean())


def _average(precision: Any, recall: Any, f1: Any, weights: Any) -> ClassAverage:
    return ClassAverage(*(float(np.average(x, weights=weights)) for x in (precision, recall, f1)))


def _names(names: Sequence[Label] | None, n_columns: int, parameter: str) -> list[Label]:
    given = list(range(n_columns)) if names is None else np.asarray(names).tolist()
    if len(given) != n_columns:
        message = (
            f"`{parameter}` must name every column; got {len(given)} names for {n_columns} "
            "columns. Leave it out to have them numbered."
        )
        raise DataError(message)
    return given


def _as_indicator(y: ArrayLike, name: str) -> NDArray[np.int_]:
    values = np.asarray(y)
    if not np.isin(values, (0, 1)).all():
        message = (
            f"`{name}` must be zeros and ones; got others. Use "
            "sklearn.preprocessing.MultiLabelBinarizer to make an indicator."
        )
        raise DataError(message)
    return values.astype(int)


def _counts_of_columns(true: AnyArray, pred: AnyArray) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Return hits, predictions and occurrences of every column."""
    return (true & pred).sum(axis=0), pred.sum(axis=0), true.sum(axis=0)


def _label_rows(names: list[Label], true: AnyArray, pred: AnyArray) -> tuple[LabelRow, ...]:
    hits, said, there = _counts_of_columns(true, pred)
    columns = (
        (true == pred).mean(axis=0).tolist(),
        _ratio(hits, said).tolist(),
        _ratio(hits, there).tolist(),
        _ratio(2 * hits, said + there).tolist(),
        there.tolist(),
    )
    return tuple(LabelRow(*row) for row in zip(names, *columns, strict=True))


def _ratio(part: Any, whole: Any) -> Any:
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) > 0)


def _one_output(name: str, true: NDArray[np.float64], pred: NDArray[np.float64]) -> OutputRow:
    error = pred - true
    mse = float(np.mean(error**2))
    spread = float(np.sum((true - true.mean()) ** 2))
    squares = float(np.sum(error**2))
    if len(true) < 2:
        r2 = None
    elif spread > 0:
        r2 = 1.0 - squares / spread
    else:  # scikit-learn's convention for a constant target
        r2 = 1.0 if squares == 0 else 0.0
    return OutputRow(name, mse, float(np.sqrt(mse)), float(np.mean(np.abs(error))), r2)
