"""The figures agree with scikit-learn's, and say what they are compared with."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn import metrics as sk

from mlplab.errors import DataError
from mlplab.workflows.metrics import (
    classification_metrics,
    multilabel_metrics,
    regression_metrics,
)


@pytest.fixture(params=range(5))
def rng(request: pytest.FixtureRequest, seed: int) -> np.random.Generator:
    """Return five generators."""
    return np.random.default_rng((seed, request.param))


@pytest.mark.parametrize("names", [[0, 1], [3, 1, 2], ["yes", "no"], ["c", "a", "b", "z"]])
def test_classification_agrees_with_scikit_learn(rng: np.random.Generator, names: list) -> None:
    """Every figure is scikit-learn's."""
    labels = np.unique(names)
    true = np.concatenate([labels, rng.choice(labels, 40)])
    proba = rng.dirichlet(np.ones(len(labels)), len(true))
    pred = labels[proba.argmax(axis=1)]
    ours = classification_metrics(true, pred, proba, labels.tolist())
    report = sk.classification_report(true, pred, output_dict=True, zero_division=0.0)
    assert ours.accuracy == pytest.approx(sk.accuracy_score(true, pred))
    assert ours.balanced_accuracy == pytest.approx(sk.balanced_accuracy_score(true, pred))
    assert ours.log_loss == pytest.approx(sk.log_loss(true, proba, labels=labels))
    assert np.array_equal(ours.confusion, sk.confusion_matrix(true, pred))
    for row in ours.rows:
        theirs = report[str(row.label)]
        assert row.precision == pytest.approx(theirs["precision"])
        assert row.recall == pytest.approx(theirs["recall"])
        assert row.f1 == pytest.approx(theirs["f1-score"])
        assert row.support == theirs["support"]
    for average, name in ((ours.macro, "macro avg"), (ours.weighted, "weighted avg")):
        assert average.precision == pytest.approx(report[name]["precision"])
        assert average.recall == pytest.approx(report[name]["recall"])
        assert average.f1 == pytest.approx(report[name]["f1-score"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_loss_of_a_certain_wrong_answer_is_finite(dtype: type) -> None:
    """A probability of zero is floored as scikit-learn does, by the dtype."""
    proba = np.array([[1.0, 0.0], [1.0, 0.0]], dtype=dtype)
    ours = classification_metrics([0, 1], [0, 0], proba, [0, 1]).log_loss
    assert ours == pytest.approx(sk.log_loss([0, 1], proba), rel=1e-6)


def test_majority_share_is_the_accuracy_of_always_answering_the_commonest_class() -> None:
    """A collapsed network has exactly this accuracy."""
    result = classification_metrics([1, 1, 1, 0], [1, 1, 1, 1])
    assert result.accuracy == result.majority_share == 0.75
    assert result.majority_label == 1
    assert result.balanced_accuracy == 0.5
    assert "always answering 1: 0.7500" in result.summary


def test_class_that_the_model_never_saw_is_counted_and_has_no_log_loss() -> None:
    """A row of an unknown class is an error of the model, not left out."""
    result = classification_metrics(["a", "x"], ["a", "b"], [[0.9, 0.1], [0.4, 0.6]], ["a", "b"])
    assert result.labels == ("a", "b", "x")
    assert result.accuracy == 0.5
    assert result.log_loss is None
    assert result.confusion == ((1, 0, 0), (0, 0, 0), (0, 1, 0))


def test_known_class_without_rows_keeps_its_row() -> None:
    """The matrix has one row for every class of the model, and the averages are finite."""
    result = classification_metrics([0, 1], [0, 1], labels=[0, 1, 2])
    assert [row.support for row in result.rows] == [1, 1, 0]
    assert result.balanced_accuracy == 1.0
    assert result.macro.recall == pytest.approx(2 / 3)


def test_column_vectors_are_taken_as_one_label_a_row() -> None:
    """Shape (n, 1) is shape (n,)."""
    assert classification_metrics([["a"], ["b"]], ["a", "b"]).accuracy == 1.0


@pytest.mark.parametrize("n_labels", [1, 2, 6])
def test_multilabel_agrees_with_scikit_learn(rng: np.random.Generator, n_labels: int) -> None:
    """Every figure is scikit-learn's, rows without labels included."""
    true = rng.integers(0, 2, (30, n_labels))
    pred = rng.integers(0, 2, (30, n_labels))
    true[:3], pred[1:4] = 0, 0
    ours = multilabel_metrics(true, pred, [f"l{k}" for k in range(n_labels)])
    assert ours.subset_accuracy == pytest.approx(np.mean((true == pred).all(axis=1)))
    assert ours.hamming_loss == pytest.approx(np.mean(true != pred))
    assert ours.nothing_share == pytest.approx(sk.accuracy_score(true.ravel(), 0 * true.ravel()))
    if n_labels > 1:  # scikit-learn takes one column for a binary target
        assert ours.subset_accuracy == pytest.approx(sk.accuracy_score(true, pred))
        assert ours.hamming_loss == pytest.approx(sk.hamming_loss(true, pred))
        for average in ("micro", "macro", "samples"):
            theirs = sk.f1_score(true, pred, average=average, zero_division=0.0)
            assert getattr(ours, f"f1_{average}") == pytest.approx(theirs)
    for k, row in enumerate(ours.rows):
        scores = sk.precision_recall_fscore_support(
            true[:, k], pred[:, k], average="binary", zero_division=0.0
        )
        assert (row.precision, row.recall, row.f1) == pytest.approx(scores[:3])
        assert (row.label, row.support) == (f"l{k}", true[:, k].sum())
        assert row.accuracy == pytest.approx(sk.accuracy_score(true[:, k], pred[:, k]))


def test_predicting_no_label_is_exposed() -> None:
    """The share of entries right is no better than saying nothing."""
    true = np.array([[1, 0, 0], [0, 0, 1]])
    result = multilabel_metrics(true, np.zeros_like(true))
    assert (
        result.elementwise_accuracy == pytest.approx(result.nothing_share) == pytest.approx(2 / 3)
    )
    assert result.f1_micro == result.f1_macro == result.f1_samples == 0.0


@pytest.mark.parametrize("shape", [(50,), (50, 1), (50, 3)])
def test_regression_agrees_with_scikit_learn(rng: np.random.Generator, shape: tuple) -> None:
    """Every figure is scikit-learn's, averaged over the outputs as it does."""
    true = rng.normal(size=shape)
    pred = true + rng.normal(size=shape)
    ours = regression_metrics(true, pred, scale="the standardised target")
    assert ours.mse == pytest.approx(sk.mean_squared_error(true, pred))
    assert ours.rmse == pytest.approx(sk.root_mean_squared_error(true, pred))
    assert ours.mae == pytest.approx(sk.mean_absolute_error(true, pred))
    assert ours.r2 == pytest.approx(sk.r2_score(true, pred))
    assert ours.scale in ours.summary
    several = len(shape) == 2 and shape[1] > 1
    assert len(ours.outputs) == (shape[1] if several else 0)
    if several:
        raw = sk.r2_score(true, pred, multioutput="raw_values")
        assert [output.r2 for output in ours.outputs] == pytest.approx(raw.tolist())


@pytest.mark.parametrize("pred", [[2.0, 2.0], [2.0, 3.0]])
def test_r2_of_a_constant_target_is_scikit_learns(pred: list[float]) -> None:
    """A constant target gives 1 for a perfect prediction and 0 otherwise."""
    assert regression_metrics([2.0, 2.0], pred).r2 == sk.r2_score([2.0, 2.0], pred)


def test_r2_of_one_row_is_undefined() -> None:
    """One row has no spread; the figure is None and the sentence says so."""
    result = regression_metrics([1.0], [2.0])
    assert result.r2 is None
    assert "undefined" in result.summary


def test_dictionaries_are_strict_json() -> None:
    """Everything can be written as JSON, and what is not finite is null."""
    for result in (
        classification_metrics(np.array([0, 1]), np.array([0, 0]), np.eye(2), [0, 1]),
        multilabel_metrics([[0, 1]], [[1, 1]]),
        regression_metrics([1.0, 2.0], [math.inf, math.nan]),
    ):
        again = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        assert again == result.to_dict()
    assert again["mse"] is None


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: classification_metrics([], []), "at least one row"),
        (lambda: classification_metrics([1, 2], [1]), "same shape"),
        (lambda: classification_metrics([0, 1], [0, 1], [[1.0], [1.0]], [0, 1]), "`classes_`"),
        (lambda: multilabel_metrics([[0, 2]], [[0, 1]]), "zeros and ones"),
        (lambda: multilabel_metrics([[0, 1]], [[0, 1]], ["a"]), "2 columns"),
        (lambda: regression_metrics([], []), "at least one row"),
        (lambda: regression_metrics([[1.0, 2.0]], [1.0]), "same shape"),
        (lambda: regression_metrics([1.0], [1.0], output_names=["a", "b"]), "2 names"),
    ],
)
def test_unusable_predictions_are_refused_in_a_sentence(call: object, words: str) -> None:
    """Empty and unfitting arrays raise DataError."""
    with pytest.raises(DataError, match=words):
        call()


def test_interval_of_the_accuracy_is_wilsons() -> None:
    """The bounds solve Wilson's equation, and stay in range for a perfect score."""
    true, pred = ["a", "b"] * 10, ["a", "b"] * 8 + ["b", "a"] * 2
    found = classification_metrics(true, pred)
    for bound in found.interval:
        spread = math.sqrt(bound * (1 - bound) / 20)
        assert abs(found.accuracy - bound) == pytest.approx(1.959964 * spread)
    low, high = classification_metrics(true, true).interval
    assert low == pytest.approx(0.8389, abs=1e-4)
    assert high == pytest.approx(1.0)
