"""Rows, targets and weights that cannot be used, each answered in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from tests.estimators.problems import load_problem

from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor
from mlplab.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = (MLPClassifier, MLPRegressor, MLPAutoencoder)
IRIS = load_problem("multiclass")


def quick(cls: type[Any], **parameters: Any) -> Any:
    """Return an estimator of this class that trains briefly."""
    return cls(**{"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0, **parameters})


def spoiled(value: float) -> Any:
    """Return rows with one bad number."""
    X = IRIS.X.copy()
    X[7, 2] = value
    return X


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_numbers_that_are_none_are_refused(cls: type[Any], value: float) -> None:
    """NaN and infinity must be refused in fit and in prediction, dense and sparse."""
    word = "NaN" if np.isnan(value) else "infinity"
    for X in (spoiled(value), sp.csr_array(spoiled(value))):
        with pytest.raises(ValueError, match=f"Input X contains {word}"):
            quick(cls).fit(X, IRIS.y)
    fitted = quick(cls).fit(IRIS.X, IRIS.y)
    with pytest.raises(ValueError, match=f"Input X contains {word}"):
        fitted.transform(spoiled(value))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_targets_that_are_no_numbers_are_refused(value: float) -> None:
    """A regressor must refuse NaN and infinity in y."""
    y = np.where(np.arange(150) == 3, value, 1.0)
    with pytest.raises(ValueError, match="Input y contains"):
        quick(MLPRegressor).fit(IRIS.X, y)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_text_in_numbers_is_refused(cls: type[Any]) -> None:
    """A column of words must be answered by naming a word that was met."""
    frame = pd.DataFrame(IRIS.X).assign(colour="red")
    frame.columns = [str(name) for name in frame.columns]
    with pytest.raises(ValueError, match="could not convert string to float: 'red'"):
        quick(cls).fit(frame, IRIS.y)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_empty_tables_are_refused(cls: type[Any]) -> None:
    """No rows, or no columns."""
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        quick(cls).fit(IRIS.X[:0], IRIS.y[:0])
    with pytest.raises(ValueError, match=r"Found array with 0 feature\(s\)"):
        quick(cls).fit(IRIS.X[:, :0], IRIS.y)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_one_row_is_enough_to_train(cls: type[Any]) -> None:
    """A single row is little, but no mistake."""
    fitted = quick(cls).fit(IRIS.X[:1], IRIS.y[:1])
    assert np.isfinite(fitted.transform(IRIS.X)).all()


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_rows_and_targets_of_different_length_are_refused(cls: type[Any]) -> None:
    """Both lengths must be told."""
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[150, 149\]"):
        quick(cls).fit(IRIS.X, IRIS.y[:-1])


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_other_shapes_of_rows_are_refused(cls: type[Any]) -> None:
    """One row must be given as a table, and prediction needs the columns of training."""
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array instead"):
        quick(cls).fit(IRIS.X[0], IRIS.y[:1])
    fitted = quick(cls).fit(IRIS.X, IRIS.y)
    with pytest.raises(ValueError, match=f"X has 3 features, but {cls.__name__} is expecting 4"):
        fitted.transform(IRIS.X[:, :3])


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_a_target_is_needed(cls: type[Any]) -> None:
    """Without y the message must say that it is missing."""
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        quick(cls).fit(IRIS.X, None)


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize("given", ["fit", "partial_fit"])
def test_weights_of_zero_are_refused(cls: type[Any], given: str) -> None:
    """Where no row counts there is nothing to learn from."""
    more = {"classes": [0, 1, 2]} if cls is MLPClassifier and given == "partial_fit" else {}
    with pytest.raises(
        DataError, match="`sample_weight` must be positive for some rows; got zeros only"
    ):
        getattr(quick(cls), given)(IRIS.X, IRIS.y, sample_weight=np.zeros(150), **more)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_weights_that_are_none_are_refused(cls: type[Any]) -> None:
    """There must be one weight for each row, and it must be a number of at least zero."""
    with pytest.raises(ValueError, match="sample_weight"):
        quick(cls).fit(IRIS.X, IRIS.y, sample_weight=np.ones(149))
    with pytest.raises(ValueError, match="Input sample_weight contains NaN"):
        quick(cls).fit(IRIS.X, IRIS.y, sample_weight=np.full(150, np.nan))
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        quick(cls).fit(IRIS.X, IRIS.y, sample_weight=np.arange(150) - 3.0)


@pytest.mark.parametrize("batch_size", [1, 10])
def test_batches_without_weight_teach_nothing(batch_size: int) -> None:
    """Where a whole batch has no weight, nothing must be divided by zero."""
    weight = np.where(np.arange(150) < 100, 0.0, 1.0)
    parameters: dict[str, Any] = {"batch_size": batch_size, "shuffle": False}
    weighted = quick(MLPClassifier, **parameters).fit(IRIS.X, IRIS.y, sample_weight=weight)
    # The classes of the rows without weight are known all the same.
    fewer = quick(MLPClassifier, **parameters)
    for _ in range(3):
        fewer.partial_fit(IRIS.X[100:], IRIS.y[100:], classes=[0, 1, 2])
    np.testing.assert_allclose(weighted.coefs_[0], fewer.coefs_[0], atol=1e-12)


def test_constant_columns_do_no_harm() -> None:
    """Columns that never vary, of zeros or of large numbers, leave finite weights."""
    X = np.column_stack([IRIS.X, np.zeros(150), np.full(150, 1e3)])
    fitted = quick(MLPClassifier).fit(X, IRIS.y)
    assert all(np.isfinite(coef).all() for coef in fitted.coefs_)


def test_validation_rows_with_unknown_classes_are_refused() -> None:
    """Labels that training has not met must be named."""
    clf = quick(MLPClassifier)
    with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`.*\[5\]"):
        clf.fit(IRIS.X, IRIS.y, X_val=IRIS.X, y_val=np.full(150, 5))


def test_validation_rows_are_checked_like_all_rows() -> None:
    """NaN in them, or another number of columns of y, must be refused."""
    with pytest.raises(ValueError, match="Input X contains NaN"):
        quick(MLPClassifier).fit(IRIS.X, IRIS.y, X_val=spoiled(np.nan), y_val=IRIS.y)
    labels = load_problem("multilabel")
    with pytest.raises(DataError, match="`y_val` must have as many columns as `y`, 3; got 2"):
        quick(MLPClassifier).fit(labels.X, labels.y, X_val=labels.X, y_val=labels.y[:, :2])
    with pytest.raises(DataError, match="`sample_weight` must be positive for some rows"):
        quick(MLPRegressor).fit(
            IRIS.X, IRIS.y, X_val=IRIS.X, y_val=IRIS.y, sample_weight_val=np.zeros(150)
        )


def test_too_few_rows_for_validation_are_refused() -> None:
    """A part of a single row cannot be scored."""
    with pytest.raises(ValueError, match="The validation set is too small"):
        quick(MLPRegressor, early_stopping=True).fit(IRIS.X[:8], IRIS.y[:8])


def test_a_batch_larger_than_the_table_is_clipped_with_a_warning() -> None:
    """scikit-learn's warning, and one batch of all rows."""
    with pytest.warns(UserWarning, match="It is going to be clipped"):
        large = quick(MLPClassifier, batch_size=500).fit(IRIS.X, IRIS.y)
    whole = quick(MLPClassifier, batch_size=150).fit(IRIS.X, IRIS.y)
    np.testing.assert_array_equal(large.coefs_[0], whole.coefs_[0])
