"""What the classifier promises: kinds of targets, losses, weights of classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax
from tests.estimators.problems import load_problem, raw_predictions
from tests.estimators.problems import small_classifier as small

from mlplab.errors import ParameterError
from mlplab.nn import BinaryFocal

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

BINARY, IRIS = load_problem("binary"), load_problem("multiclass")
LABELS = load_problem("multilabel")


# ---------------------------------------------------------------------- kinds of targets


def test_two_classes_share_one_logistic_unit() -> None:
    """One column of probabilities and its complement, in the order of `classes_`."""
    clf = small().fit(BINARY.X, BINARY.y)
    assert clf.out_activation_ == "logistic"
    assert clf.n_outputs_ == 1
    np.testing.assert_array_equal(clf.classes_, [0, 1])
    p = clf.predict_proba(BINARY.X)
    np.testing.assert_allclose(p[:, 1], expit(raw_predictions(clf, BINARY.X)[:, 0]), atol=1e-12)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(clf.predict(BINARY.X), (p[:, 1] > 0.5).astype(int))
    assert clf.score(BINARY.X, BINARY.y) > 0.98


def test_several_classes_share_a_softmax() -> None:
    """One unit a class; probabilities sum to one and the largest decides."""
    clf = small().fit(IRIS.X, IRIS.y)
    assert clf.out_activation_ == "softmax"
    assert clf.n_outputs_ == 3
    p = clf.predict_proba(IRIS.X)
    np.testing.assert_allclose(p, softmax(raw_predictions(clf, IRIS.X), axis=1), atol=1e-12)
    np.testing.assert_array_equal(clf.predict(IRIS.X), p.argmax(axis=1))
    assert clf.score(IRIS.X, IRIS.y) > 0.97


@pytest.mark.parametrize("names", [np.array(["rose", "lily", "iris"]), [9, -4, 5], [2.0, 7.0, 1.0]])
def test_classes_keep_their_names(names: Any) -> None:
    """Strings and numbers come back as they were given, with sorted `classes_`."""
    names = np.asarray(names)
    clf = small().fit(IRIS.X, names[IRIS.y])
    np.testing.assert_array_equal(clf.classes_, np.sort(names))
    assert clf.predict(IRIS.X).dtype == names.dtype
    assert (clf.predict(IRIS.X) == names[IRIS.y]).mean() > 0.97


def test_two_classes_of_text() -> None:
    """The second class in the order of the alphabet is the one whose probability is learned."""
    y = np.array(["no", "yes"], dtype=object)[BINARY.y]
    clf = small().fit(BINARY.X, y)
    assert list(clf.classes_) == ["no", "yes"]
    assert clf.score(BINARY.X, y) > 0.98


@pytest.mark.parametrize("only", [1, "always"])
def test_one_class_is_always_predicted(only: Any) -> None:
    """A constant target is allowed: everything is of that class."""
    clf = small().fit(IRIS.X, np.full(len(IRIS.X), only))
    assert list(clf.classes_) == [only]
    assert (clf.predict(IRIS.X) == only).all()


def test_several_labels_have_a_logistic_unit_each() -> None:
    """Rows may have any number of labels; predictions are zeros and ones."""
    clf = small(max_iter=200).fit(LABELS.X, LABELS.y)
    assert clf.out_activation_ == "logistic"
    p = clf.predict_proba(LABELS.X)
    assert p.shape == LABELS.y.shape
    np.testing.assert_allclose(p, expit(raw_predictions(clf, LABELS.X)), atol=1e-12)
    np.testing.assert_array_equal(clf.predict(LABELS.X), (p > 0.5).astype(int))
    assert clf.score(LABELS.X, LABELS.y) > 0.95
    assert set(clf.predict(LABELS.X).sum(axis=1)) > {0, 1}


def test_several_class_variables_at_once() -> None:
    """Each column of text is predicted from a softmax of its own."""
    y = np.column_stack(
        [np.array(["a", "b", "c"])[IRIS.y], np.array(["x", "y", "z"])[IRIS.y[::-1]]]
    )
    clf = small(max_iter=200).fit(IRIS.X, y)
    assert [list(values) for values in clf.classes_] == [["a", "b", "c"], ["x", "y", "z"]]
    p = clf.predict_proba(IRIS.X)
    assert [part.shape for part in p] == [(150, 3), (150, 3)]
    for part, log in zip(p, clf.predict_log_proba(IRIS.X), strict=True):
        np.testing.assert_allclose(part.sum(axis=1), 1)
        np.testing.assert_allclose(np.exp(log), part)
    predicted = clf.predict(IRIS.X)
    assert predicted.shape == y.shape
    assert clf.score(IRIS.X, y) == (predicted == y).all(axis=1).mean() > 0.6
    weight = np.arange(150.0)
    assert clf.score(IRIS.X, y, weight) == np.average((predicted == y).all(axis=1), weights=weight)


def test_continuous_targets_are_refused() -> None:
    """A classifier must say that numbers with fractions are no classes."""
    with pytest.raises(ValueError, match="Unknown label type"):
        small().fit(IRIS.X, np.linspace(0, 1, 150))


def test_a_column_is_taken_with_a_warning() -> None:
    """A target of one column is one class variable, and scikit-learn's warning says so."""
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        clf = small().fit(IRIS.X, IRIS.y[:, None])
    assert clf.predict(IRIS.X).shape == (150,)


def test_log_probabilities_are_logarithms() -> None:
    """Also where a probability is zero, without a warning."""
    clf = small(alpha=0).fit(1e3 * IRIS.X, IRIS.y)
    with np.errstate(divide="ignore"):
        expected = np.log(clf.predict_proba(1e3 * IRIS.X))
    np.testing.assert_array_equal(clf.predict_log_proba(1e3 * IRIS.X), expected)


# ---------------------------------------------------------------------- losses


@pytest.mark.parametrize("problem", [BINARY, IRIS], ids=["binary", "multiclass"])
def test_hinge_gives_decisions_and_no_probabilities(problem: Any) -> None:
    """Raw predictions decide: their sign, or the largest of them."""
    clf = small(loss="hinge", alpha=1.0).fit(problem.X, problem.y)
    decisions = clf.decision_function(problem.X)
    raw = raw_predictions(clf, problem.X)
    if problem is BINARY:
        np.testing.assert_allclose(decisions, raw[:, 0], atol=1e-12)
        np.testing.assert_array_equal(clf.predict(problem.X), (decisions > 0).astype(int))
    else:
        np.testing.assert_allclose(decisions, raw, atol=1e-12)
        np.testing.assert_array_equal(clf.predict(problem.X), decisions.argmax(axis=1))
    assert clf.score(problem.X, problem.y) > 0.95
    assert not hasattr(clf, "predict_proba")
    assert not hasattr(clf, "predict_log_proba")


def test_hinge_has_a_decision_function_and_others_do_not() -> None:
    """Probabilities and decisions exclude each other, so that scorers find the right one."""
    assert not hasattr(small(), "decision_function")
    assert hasattr(small(), "predict_proba")
    assert hasattr(small(loss="hinge"), "decision_function")


@pytest.mark.parametrize("loss", ["focal", "squared_error", BinaryFocal(gamma=1.0)])
def test_other_losses_learn_two_classes(loss: Any) -> None:
    """Each must get nearly all rows right and keep probabilities."""
    clf = small(loss=loss).fit(BINARY.X, BINARY.y)
    assert clf.score(BINARY.X, BINARY.y) > 0.97
    assert clf.predict_proba(BINARY.X).shape == (300, 2)


@pytest.mark.parametrize("loss", ["focal", "squared_error", "hinge"])
def test_other_losses_learn_several_classes(loss: str) -> None:
    """Each must get nearly all rows right."""
    assert small(loss=loss, max_iter=200).fit(IRIS.X, IRIS.y).score(IRIS.X, IRIS.y) > 0.96


@pytest.mark.parametrize("loss", ["focal", "squared_error", "hinge"])
def test_other_losses_learn_several_labels(loss: str) -> None:
    """Each must get most rows right in every label."""
    clf = small(loss=loss, max_iter=200).fit(LABELS.X, LABELS.y)
    assert clf.score(LABELS.X, LABELS.y) > 0.9


@pytest.mark.parametrize("loss", ["focal", "hinge", "squared_error"])
def test_several_class_variables_have_cross_entropy_only(loss: str) -> None:
    """The message must say what to do instead."""
    y = np.column_stack([IRIS.y, IRIS.y[::-1]])
    with pytest.raises(ParameterError, match="`loss` must be 'log_loss' where each column"):
        small(loss=loss).fit(IRIS.X, y)


def test_the_first_loss_is_the_formula() -> None:
    """The reported loss of the start must be cross-entropy plus ½·alpha·Σw² a row."""
    clf = small(solver="sgd", max_iter=1, batch_size=150, alpha=0.3, loss="log_loss")
    start = small(alpha=0.3).initialize(IRIS.X, IRIS.y)
    p = start.predict_proba(IRIS.X)[np.arange(150), IRIS.y]
    penalty = 0.5 * 0.3 * sum((coef**2).sum() for coef in start.coefs_) / 150
    expected = -np.log(p).mean() + penalty
    assert clf.fit(IRIS.X, IRIS.y).loss_curve_[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("problem", [BINARY, IRIS], ids=["binary", "multiclass"])
def test_label_smoothing_keeps_probabilities_from_the_ends(problem: Any) -> None:
    """With smoothed targets the network must not become certain."""
    plain = small(alpha=0, max_iter=300).fit(problem.X, problem.y)
    smoothed = small(alpha=0, max_iter=300, label_smoothing=0.2).fit(problem.X, problem.y)
    assert plain.predict_proba(problem.X).max(axis=1).mean() > 0.98
    assert smoothed.predict_proba(problem.X).max(axis=1).mean() < 0.95
    assert smoothed.score(problem.X, problem.y) > 0.95


# ---------------------------------------------------------------------- weights of classes


@pytest.mark.parametrize("class_weight", [{0: 0.2, 1: 5.0}, [{0: 0.2, 1: 5.0}] * 3])
def test_class_weights_of_several_labels(class_weight: Any) -> None:
    """Heavier ones must make every label more frequent in the predictions."""
    parameters: dict[str, Any] = {"alpha": 30.0, "max_iter": 100}
    plain = small(**parameters).fit(LABELS.X, LABELS.y).predict_proba(LABELS.X)
    heavy = small(**parameters, class_weight=class_weight).fit(LABELS.X, LABELS.y)
    assert (heavy.predict_proba(LABELS.X).mean(axis=0) > plain.mean(axis=0)).all()


def test_balanced_class_weights_of_several_labels() -> None:
    """Balanced is the list of each label's own balanced weights."""
    by_hand = [
        {value: 300 / (2 * (column == value).sum()) for value in (0, 1)} for column in LABELS.y.T
    ]
    balanced = small(class_weight="balanced").fit(LABELS.X, LABELS.y)
    listed = small(class_weight=by_hand).fit(LABELS.X, LABELS.y)
    for one, other in zip(balanced.coefs_, listed.coefs_, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10)


def test_class_weights_of_several_labels_need_one_for_each() -> None:
    """The message must say how many were expected and received."""
    with pytest.raises(ParameterError, match="one dict for each of the 3 labels; got 2"):
        small(class_weight=[{0: 1, 1: 2}] * 2).fit(LABELS.X, LABELS.y)


def test_class_weights_may_be_named_by_text() -> None:
    """Keys are the classes as the user knows them."""
    y = np.array(["benign", "bad"])[BINARY.y]
    named = small(class_weight={"benign": 0.1, "bad": 3.0}).fit(BINARY.X, y)
    numbered = small(class_weight={0: 3.0, 1: 0.1}).fit(BINARY.X, 1 - BINARY.y)
    for one, other in zip(named.coefs_, numbered.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


def test_balanced_needs_all_rows() -> None:
    """A stream of partial fits never sees all rows, so it must be told the weights."""
    clf = small(solver="adam", class_weight="balanced")
    sentence = "`class_weight` must be a dict with partial_fit"
    with pytest.raises(ParameterError, match=sentence):
        clf.partial_fit(IRIS.X, IRIS.y, classes=[0, 1, 2])
    with pytest.raises(ParameterError, match=sentence):
        clf.initialize(IRIS.X, IRIS.y).partial_fit(IRIS.X, IRIS.y)
    with pytest.raises(ParameterError, match=sentence):
        clf.fit(IRIS.X, IRIS.y).partial_fit(IRIS.X, IRIS.y)


def test_looking_at_other_rows_does_not_change_the_weights_of_labels() -> None:
    """The balance is that of the rows of the fit, whatever the gradient is checked on."""
    parameters: dict[str, Any] = {"solver": "adam", "max_iter": 3, "class_weight": "balanced"}
    clf = small(**parameters).fit(LABELS.X, LABELS.y)
    plan, _, _ = clf.training_problem(LABELS.X[:10], LABELS.y[:10])
    assert plan.loss == clf.plan_.loss
    again = small(**parameters, warm_start=True).fit(LABELS.X, LABELS.y)
    again.training_problem(LABELS.X[:10], LABELS.y[:10])
    assert again.fit(LABELS.X, LABELS.y).plan_.loss == clf.plan_.loss


@pytest.mark.parametrize("problem", [IRIS, LABELS], ids=["multiclass", "multilabel"])
def test_weights_of_classes_come_from_the_rows_learned_from(problem: Any) -> None:
    """Validation rows must not change what "balanced" means."""
    parameters: dict[str, Any] = {"solver": "adam", "max_iter": 3, "class_weight": "balanced"}
    plain = small(**parameters).fit(problem.X, problem.y)
    watched = small(**parameters).fit(
        problem.X, problem.y, X_val=problem.X[:40], y_val=problem.y[:40]
    )
    np.testing.assert_array_equal(plain.coefs_[0], watched.coefs_[0])
