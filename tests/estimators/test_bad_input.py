"""Rows, targets and weights that cannot be used, each answered in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from tests.estimators.problems import load_problem

from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor
from mlplab.errors import DataError, ParameterError
from mlplab.nn import Poisson

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
    with pytest.raises(DataError, match="`y_val` must have 3 columns of 0 and 1"):
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


# ---------------------------------------------------------------------- targets of another kind

BINARY, LABELS = load_problem("binary"), load_problem("multilabel")
PAIRS = np.column_stack([IRIS.y, IRIS.y[::-1]])
KINDS: dict[str, tuple[Any, Any, list[Any]]] = {
    "binary": (BINARY.X, BINARY.y, [np.column_stack([BINARY.y] * 2)]),
    "multiclass": (IRIS.X, IRIS.y, [PAIRS]),
    "multilabel": (LABELS.X, LABELS.y, [LABELS.y[:, 0], LABELS.y[:, :2], LABELS.y + 1]),
    "multioutput": (IRIS.X, PAIRS, [IRIS.y, np.column_stack([PAIRS, IRIS.y])]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_targets_of_another_kind_are_refused(kind: str) -> None:
    """Wherever targets follow the first ones, other columns must be refused in one sentence."""
    X, y, others = KINDS[kind]
    for other in others:
        fitted = quick(MLPClassifier, warm_start=True).fit(X, y)
        sentence = r"`y` and `y_val` must have .* as in the first fit; got shape \("
        with pytest.raises(DataError, match=sentence):
            fitted.partial_fit(X, other)
        with pytest.raises(DataError, match=sentence):
            fitted.fit(X, other)
        with pytest.raises(DataError, match=sentence):
            quick(MLPClassifier).fit(X, y, X_val=X, y_val=other)


def test_columns_of_other_values_than_zero_and_one_are_class_variables() -> None:
    """scikit-learn calls columns of 1 and 2 labels; each is a class variable of two classes."""
    y = np.column_stack([IRIS.y > 0, IRIS.y > 1]) + 1
    fitted = quick(MLPClassifier, hidden_layer_sizes=(8,), solver="lbfgs", max_iter=200)
    assert fitted.fit(IRIS.X, y).score(IRIS.X, y) > 0.9
    assert [list(values) for values in fitted.classes_] == [[1, 2], [1, 2]]


def test_classes_of_a_stream_are_one_list_or_several() -> None:
    """A matrix of classes is no list; lists of classes mean class variables, whatever y holds."""
    clf = quick(MLPClassifier)
    with pytest.raises(DataError, match=r"`classes` must hold .* got an array of shape \(2, 2\)"):
        clf.partial_fit(IRIS.X, PAIRS, classes=np.array([[0, 1], [1, 2]]))
    zero_one = np.column_stack([IRIS.y > 0, IRIS.y > 1]).astype(int)
    clf = quick(MLPClassifier).partial_fit(IRIS.X, zero_one, classes=[[0, 1, 2], [0, 1]])
    assert clf.partial_fit(IRIS.X, zero_one * [2, 1]).n_outputs_ == 5


# ---------------------------------------------------------------------- weights of classes


@pytest.mark.parametrize("problem", [IRIS, LABELS], ids=["multiclass", "multilabel"])
def test_class_weights_of_zero_are_refused(problem: Any) -> None:
    """Where no class counts there is nothing to learn from."""
    clf = quick(MLPClassifier, class_weight=dict.fromkeys(range(2 + (problem is IRIS)), 0))
    with pytest.raises(ValueError, match=r"`class_weight` .* got (zeros only|\{0: 0, 1: 0\})"):
        clf.fit(problem.X, problem.y)


def test_class_weights_are_weights_of_rows() -> None:
    """Zero for the only class with rows that count leaves nothing."""
    weight = (IRIS.y == 1).astype(float)
    with pytest.raises(DataError, match="`class_weight` times `sample_weight` must be positive"):
        quick(MLPClassifier, class_weight={1: 0.0}).fit(IRIS.X, IRIS.y, sample_weight=weight)


def test_class_weights_of_labels_name_zero_and_one() -> None:
    """Any other key would be passed over."""
    with pytest.raises(ParameterError, match="`class_weight` must weigh 0 and 1"):
        quick(MLPClassifier, class_weight={"rose": 2.0}).fit(LABELS.X, LABELS.y)


@pytest.mark.parametrize(("weight", "word"), [(1e-60, "positive for some rows"), (1e60, "finite")])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_weights_must_outlive_single_precision(cls: type[Any], weight: float, word: str) -> None:
    """What is a weight in double precision may be zero or infinite in single precision."""
    weights = np.full(150, weight)
    with pytest.raises(DataError, match=f"`sample_weight` must be {word} in float32"):
        quick(cls, dtype="float32").fit(IRIS.X, IRIS.y, sample_weight=weights)
    quick(cls).fit(IRIS.X, IRIS.y, sample_weight=weights)


def test_validation_weights_need_validation_rows() -> None:
    """Weights alone would be passed over."""
    for cls in ESTIMATORS:
        with pytest.raises(ParameterError, match="`sample_weight_val` belongs to validation rows"):
            quick(cls).fit(IRIS.X, IRIS.y, sample_weight_val=np.ones(150))


def test_a_poisson_object_refuses_negative_targets_like_its_name() -> None:
    """For an autoencoder the targets are the rows themselves."""
    with pytest.raises(DataError, match="`y` must not be negative with loss='poisson'; got -3"):
        quick(MLPRegressor, loss=Poisson()).fit(IRIS.X, IRIS.y - 3.0)
    for loss in ("poisson", Poisson()):
        with pytest.raises(DataError, match="`X` must not be negative with loss='poisson'"):
            quick(MLPAutoencoder, loss=loss).fit(IRIS.X)
