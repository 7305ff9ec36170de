"""Predictions through estimators: plain rows quickly, all others as before, and never stale."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import validate_data
from tests.estimators.problems import PROBLEMS, load_problem

from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor
from mlplab.engines import select
from mlplab.engines.native_abi import library_path
from mlplab.errors import EngineError, ParameterError
from mlplab.estimators import predicting
from mlplab.estimators.predicting import prepared
from mlplab.nn import apply_link, forward_pass

needs_native = pytest.mark.skipif(library_path() is None, reason="native engine not built")


def _fitted(kind: str = "multiclass", dtype: str = "float64", **parameters: Any) -> Any:
    problem = load_problem(kind)
    given = {"hidden_layer_sizes": (9, 5), "max_iter": 3, "random_state": 0, **parameters}
    if problem.classifies:
        estimator: Any = MLPClassifier(**given)
    else:
        estimator = MLPRegressor(loss=problem.loss, **given)
    with pytest.warns(sklearn.exceptions.ConvergenceWarning):
        return estimator.fit(problem.X.astype(dtype), problem.y)


def _rows(kind: str = "multiclass", dtype: str = "float64") -> Any:
    return load_problem(kind).X.astype(dtype)


def _outcome(estimator: Any, X: Any) -> Any:
    """Return what the estimator says of rows: probabilities, or numbers."""
    found = estimator.predict_proba(X) if hasattr(estimator, "predict_proba") else None
    return estimator.predict(X) if found is None else found


def _expected_raw(estimator: Any, X: Any) -> Any:
    """Return what the arrays that everybody sees come to."""
    pairs = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    flat = estimator.network_.pack([array for pair in pairs for array in pair])
    return forward_pass(estimator.network_, flat, X)[0]


@pytest.mark.parametrize("engine", ["auto", "reference"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", PROBLEMS)
def test_predictions_are_those_of_the_network(kind: str, dtype: str, engine: str) -> None:
    """One row or all, through the link; and the labels are those of the largest probability."""
    estimator, X = _fitted(kind, dtype, engine=engine), _rows(kind, dtype)
    raw = _expected_raw(estimator, X)
    expected = apply_link(estimator.out_activation_, raw, estimator._loss.groups)
    found = _outcome(estimator, X)
    assert found.dtype == X.dtype
    if kind == "binary":
        np.testing.assert_array_equal(found[:, 0], 1 - found[:, 1])
        found = found[:, 1:]
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    found = np.reshape(found, expected.shape)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance / 10)
    if kind in {"multiclass", "digits"}:
        np.testing.assert_array_equal(
            estimator.predict(X), estimator.classes_[expected.argmax(axis=1)]
        )


@needs_native
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", PROBLEMS)
def test_a_row_has_the_same_bits_alone(kind: str, dtype: str) -> None:
    """However many are predicted with it, and whether they are plain arrays or not."""
    estimator, X = _fitted(kind, dtype), _rows(kind, dtype)
    whole, labels = _outcome(estimator, X), estimator.predict(X)
    for row in (0, 17, 149):
        np.testing.assert_array_equal(_outcome(estimator, X[row : row + 1])[0], whole[row])
        np.testing.assert_array_equal(estimator.predict(X[row : row + 1])[0], labels[row])
    np.testing.assert_array_equal(_outcome(estimator, X[:100]), whole[:100])
    np.testing.assert_array_equal(_outcome(estimator, X[:3].tolist()), whole[:3])
    np.testing.assert_array_equal(_outcome(estimator, sp.csr_matrix(X)), whole)


# What users change is what predicts


def _check_seen(estimator: Any, X: Any) -> None:
    np.testing.assert_allclose(estimator._raw(X), _expected_raw(estimator, X), rtol=1e-12)
    np.testing.assert_allclose(estimator._raw(X[:1]), _expected_raw(estimator, X[:1]), rtol=1e-12)


@pytest.mark.parametrize("engine", ["auto", "reference"])
@pytest.mark.parametrize(
    "change",
    ["in place", "element", "bias", "lists", "tuples", "columns first", "deleted and set"],
)
def test_changed_weights_predict(change: str, engine: str) -> None:
    """Written in place, an array replaced, all replaced, of any layout."""
    estimator, X = _fitted("regression", engine=engine), _rows("regression")
    before = estimator.predict(X)
    if change == "in place":
        estimator.coefs_[1][0, 0] += 1
        estimator.intercepts_[0][...] -= 0.5
    elif change == "element":
        estimator.coefs_[1] = estimator.coefs_[1] * 2
    elif change == "bias":
        estimator.intercepts_[2] = np.array([7.0])
    elif change == "lists":
        estimator.coefs_ = [array + 0.1 for array in estimator.coefs_]
    elif change == "tuples":
        estimator.intercepts_ = tuple(array + 0.1 for array in estimator.intercepts_)
    elif change == "columns first":
        estimator.coefs_[0] = np.asfortranarray(2 * estimator.coefs_[0])
    else:
        kept = estimator.coefs_
        del estimator.coefs_
        with pytest.raises(NotFittedError):
            estimator.predict(X)
        estimator.coefs_ = [3 * array for array in kept]
    _check_seen(estimator, X)
    assert (estimator.predict(X) != before).all()
    # And once more, as whatever was prepared anew must not be stale either.
    estimator.coefs_[0][...] *= 0.5
    _check_seen(estimator, X)


def test_replaced_weights_of_another_shape_are_refused() -> None:
    """With the shapes that are expected, at one row and at many."""
    estimator, X = _fitted("regression"), _rows("regression")
    estimator.predict(X)
    estimator.coefs_[0] = estimator.coefs_[0][:, :-1]
    for rows in (X, X[:1]):
        with pytest.raises(ParameterError, match="`coefs_` must hold arrays of the shapes"):
            estimator.predict(rows)
    estimator.coefs_ = estimator.coefs_[1:]
    with pytest.raises(ParameterError, match="`coefs_` must hold arrays of the shapes"):
        estimator.predict(X)


def test_replaced_weights_of_another_dtype_predict() -> None:
    """In the dtype of the first array, as ever."""
    estimator, X = _fitted("regression"), _rows("regression")
    expected = estimator.predict(X)
    estimator.coefs_ = [array.astype(np.float32) for array in estimator.coefs_]
    found = estimator.predict(X)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_further_training_is_seen() -> None:
    """After partial_fit, another fit and a fit of another shape."""
    estimator, X = _fitted("regression"), _rows("regression")
    y, before = load_problem("regression").y, estimator.predict(X)
    estimator.partial_fit(X, y)
    assert (estimator.predict(X) != before).any()
    _check_seen(estimator, X)
    estimator.set_params(hidden_layer_sizes=(4,), max_iter=2)
    with pytest.warns(sklearn.exceptions.ConvergenceWarning):
        estimator.fit(X[:, :5], y)
    _check_seen(estimator, X[:, :5])


def test_other_parameters_predict_in_copies_only() -> None:
    """`with_parameters` leaves the estimator as it is."""
    estimator, X = _fitted("regression"), _rows("regression")
    before = estimator.predict(X[:1])
    other = estimator.with_parameters(np.zeros(estimator.network_.n_parameters))
    assert other.predict(X[:1]) == 0
    np.testing.assert_array_equal(estimator.predict(X[:1]), before)


# What is prepared lies beside the estimator


@pytest.mark.parametrize("way", ["pickle", "deepcopy", "copy"])
def test_copies_predict_the_same(way: str) -> None:
    """And are copies in all they hold: the original does not change with them."""
    estimator, X = _fitted(), _rows()
    expected = estimator.predict_proba(X)
    make = {
        "pickle": lambda e: pickle.loads(pickle.dumps(e)),  # noqa: S301  (our own)
        "deepcopy": copy.deepcopy,
        "copy": copy.copy,
    }[way]
    other = make(estimator)
    np.testing.assert_array_equal(other.predict_proba(X), expected)
    if way != "copy":
        other.coefs_[0][...] += 1
        assert (other.predict_proba(X) != expected).any()
        np.testing.assert_array_equal(estimator.predict_proba(X), expected)


def test_predicting_leaves_the_estimator_as_it_is() -> None:
    """Nothing is stored in it, and its pickle does not change."""
    estimator, X = _fitted(), _rows()
    before, pickled = dict(estimator.__dict__), pickle.dumps(estimator)
    estimator.predict_proba(X[:1])
    assert estimator.__dict__ == before
    assert pickle.dumps(estimator) == pickled


def test_memory_goes_with_the_estimator() -> None:
    """What was prepared holds the weights, and nothing holds what was prepared."""
    estimator, X = _fitted(), _rows()
    estimator.predict_proba(X[:1])
    traces = [weakref.ref(estimator), weakref.ref(estimator.coefs_[0])]
    traces.append(weakref.ref(prepared(estimator)))
    del estimator
    gc.collect()
    assert [trace() for trace in traces] == [None, None, None]


@needs_native
def test_models_predict_where_the_native_engine_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the reference engine, to rounding."""
    estimator, X = _fitted(), _rows()
    expected, stored = estimator.predict_proba(X), pickle.dumps(estimator)

    def missing() -> None:
        message = "not built"
        raise EngineError(message)

    monkeypatch.setattr("mlplab.engines.native.load_library", missing)
    other = pickle.loads(stored)  # noqa: S301  (our own)
    assert other.result_.engine == "native"
    assert prepared(other).engine.name == "reference"
    np.testing.assert_allclose(other.predict_proba(X), expected, rtol=1e-12)
    np.testing.assert_allclose(other.predict_proba(X[:1]), expected[:1], rtol=1e-12)


def test_engine_is_chosen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until another fit, or another limit on threads."""
    estimator, X = _fitted(), _rows()
    estimator.predict_proba(X)
    chosen: list[Any] = []

    def note(*arguments: Any) -> Any:
        chosen.append(arguments[0])
        return select.select_engine(*arguments)

    monkeypatch.setattr(predicting, "select_engine", note)
    estimator.predict_proba(X[:1])
    assert not chosen
    estimator.set_params(n_threads=1).predict_proba(X[:1])
    assert len(chosen) == 1


@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_threads_predict_with_one_estimator(engine: str) -> None:
    """At once, from the first prediction on."""
    estimator, X = _fitted(engine=engine), _rows()
    expected = copy.deepcopy(estimator).predict_proba(X)
    found: dict[int, Any] = {}

    def work(first: int) -> None:
        for row in range(first, 150, 6):
            found[row] = estimator.predict_proba(X[row : row + 1])[0]

    workers = [threading.Thread(target=work, args=(first,)) for first in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 150
    for row, probabilities in found.items():
        np.testing.assert_allclose(probabilities, expected[row], rtol=1e-12)


# Rows that need a closer look go scikit-learn's way


def _message(call: Any) -> str:
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
@pytest.mark.parametrize(
    "wrong", ["nan", "infinite", "narrow", "flat", "cube", "empty", "text", "none"]
)
def test_bad_rows_get_the_sentences_of_sklearn(kind: str, wrong: str) -> None:
    """Word for word, before and after a row was predicted."""
    estimator, X = _fitted(kind), _rows(kind)
    bad = X[:2].copy()
    bad[1, 2] = {"nan": np.nan, "infinite": -np.inf}.get(wrong, 0.0)
    rows: Any = {
        "narrow": X[:, :-1], "flat": X[0], "cube": X[:, :, None], "empty": X[:0],
        "text": np.array([["a"] * X.shape[1]]), "none": None,
    }.get(wrong, bad)  # fmt: skip
    expected = _message(lambda: validate_data(estimator, rows, reset=False))
    assert _message(lambda: estimator.predict(rows)) == expected
    estimator.predict(X[:1])
    assert _message(lambda: estimator.predict(rows)) == expected


def test_unfitted_estimators_say_so() -> None:
    """In scikit-learn's words."""
    calls = (MLPClassifier().predict, MLPRegressor().predict, MLPAutoencoder().reconstruct)
    for call in calls:
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            call(np.ones((1, 2)))


def test_rows_nobody_checks_are_not_checked() -> None:
    """Whoever assumes that all is finite gets what comes out."""
    estimator, X = _fitted("regression"), _rows("regression")[:1].copy()
    X[0, 0] = np.nan
    with sklearn.config_context(assume_finite=True):
        assert np.isnan(estimator.predict(X)).all()


def test_missing_names_of_features_are_told() -> None:
    """At one plain row as at many; frames with the names predict the same."""
    problem = load_problem("regression")
    frame = pd.DataFrame(problem.X, columns=[f"x{i}" for i in range(problem.X.shape[1])])
    estimator = MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, random_state=0)
    with pytest.warns(sklearn.exceptions.ConvergenceWarning):
        estimator.fit(frame, problem.y)
    expected = estimator.predict(frame)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        found = estimator.predict(problem.X[:1])
    np.testing.assert_array_equal(found, expected[:1])
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(frame.iloc[:, ::-1])


def test_rows_of_another_dtype_predict() -> None:
    """In the dtype of the weights."""
    estimator, X = _fitted("multiclass", "float32"), _rows("multiclass")
    expected = estimator.predict_proba(X.astype(np.float32))
    np.testing.assert_array_equal(estimator.predict_proba(X), expected)
    np.testing.assert_array_equal(estimator.predict_proba(pd.DataFrame(X)), expected)
    whole = estimator.predict_proba(np.ones((1, 4), dtype=int))
    np.testing.assert_array_equal(whole, estimator.predict_proba(np.ones((1, 4), np.float32)))


def test_logarithms_of_very_small_probabilities() -> None:
    """Are numbers, where scikit-learn's are."""
    estimator, X = _fitted(), _rows()[:1]
    estimator.coefs_[-1][...] = 0
    estimator.intercepts_[-1][...] = [0, -720, -5]
    np.testing.assert_allclose(
        estimator.predict_log_proba(X)[0], [-0.00671535, -720.0067, -5.00671535], rtol=1e-4
    )


def test_hinge_has_decisions_of_plain_rows() -> None:
    """Raw predictions, and labels by them."""
    estimator, X = _fitted(loss="hinge"), _rows()
    decisions = estimator.decision_function(X)
    np.testing.assert_array_equal(estimator.decision_function(X[:1]), decisions[:1])
    np.testing.assert_array_equal(estimator.predict(X), decisions.argmax(axis=1))
