"""Going on from what was learned, when training ends, and what is said about it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from tests.estimators.problems import load_problem
from tests.estimators.problems import small_classifier as small

from mlplab import MLPClassifier
from mlplab.errors import DivergedError, ParameterError
from mlplab.results import StopReason

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IRIS = load_problem("multiclass")


# ---------------------------------------------------------------------- going on


@pytest.mark.parametrize("solver", ["sgd", "adam", "nadam", "lbfgs"])
def test_keeping_the_state_makes_two_fits_one(solver: str) -> None:
    """Two fits of ten epochs must be one of twenty, bit for bit."""
    parameters: dict[str, Any] = {"solver": solver, "tol": 0.0, "batch_size": 40}
    twice = small(**parameters, max_iter=10, warm_start="state")
    twice.fit(IRIS.X, IRIS.y).fit(IRIS.X, IRIS.y)
    once = small(**parameters, max_iter=20, warm_start="state").fit(IRIS.X, IRIS.y)
    np.testing.assert_array_equal(twice.coefs_[0], once.coefs_[0])
    assert twice.loss_curve_ == once.loss_curve_
    assert (twice.n_iter_, once.n_iter_) == (10, 20)


def test_without_warm_start_a_fit_begins_anew() -> None:
    """A second fit must end where the first did, on other classes too."""
    clf = small().fit(IRIS.X, IRIS.y)
    first = clf.coefs_[0].copy()
    np.testing.assert_array_equal(clf.fit(IRIS.X, IRIS.y).coefs_[0], first)
    assert list(clf.fit(IRIS.X, IRIS.y == 2).classes_) == [False, True]


def test_warm_start_needs_the_same_classes_and_sizes() -> None:
    """What was fitted before must fit what is asked for now."""
    clf = small(warm_start=True).fit(IRIS.X, IRIS.y)
    with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same"):
        clf.fit(IRIS.X, IRIS.y % 2)
    clf.set_params(hidden_layer_sizes=(5,))
    with pytest.raises(ParameterError, match="warm_start=False"):
        clf.fit(IRIS.X, IRIS.y)


def test_initialised_weights_are_where_partial_fit_goes_on() -> None:
    """After `initialize`, a partial fit must make one epoch from those weights."""
    clf = small(solver="sgd", batch_size=150).initialize(IRIS.X, IRIS.y)
    start = clf.coefs_[0].copy()
    assert clf.predict(IRIS.X).shape == (150,)
    clf.partial_fit(IRIS.X, IRIS.y)
    assert clf.n_iter_ == 1
    assert 0 < np.abs(clf.coefs_[0] - start).max() < 0.01
    fitted = small(solver="sgd", batch_size=150, max_iter=1).fit(IRIS.X, IRIS.y)
    assert fitted.loss_curve_[0] == clf.loss_curve_[0]


def test_partial_fit_needs_the_classes_once() -> None:
    """The first call must say which classes there are; later ones may not add any."""
    clf = small(solver="adam")
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        clf.partial_fit(IRIS.X, IRIS.y)
    clf.partial_fit(IRIS.X[:50], IRIS.y[:50], classes=[0, 1, 2])
    clf.partial_fit(IRIS.X, IRIS.y)
    assert list(clf.classes_) == [0, 1, 2]
    with pytest.raises(ValueError, match="not the same as on last call"):
        clf.partial_fit(IRIS.X, IRIS.y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`"):
        clf.partial_fit(IRIS.X, IRIS.y + 1)


def test_partial_fit_of_several_class_variables() -> None:
    """Classes are given as one list for each column."""
    y = np.column_stack([np.array(list("abc"))[IRIS.y], np.array(list("xyz"))[IRIS.y]])
    clf = small(solver="adam", learning_rate_init=0.05)
    for _ in range(60):
        clf.partial_fit(IRIS.X, y, classes=[list("abc"), list("xyz")])
    assert clf.score(IRIS.X, y) > 0.9


def test_partial_fit_is_for_stochastic_solvers() -> None:
    """With lbfgs there is no such method, and the reason is told."""
    assert not hasattr(small(), "partial_fit")
    with pytest.raises(AttributeError, match="partial_fit") as missing:
        small().partial_fit(IRIS.X, IRIS.y)
    assert "lbfgs is not stochastic" in str(missing.value.__cause__)


def test_early_stopping_with_partial_fit_needs_validation_rows() -> None:
    """The message must name them."""
    clf = small(solver="adam", early_stopping=True)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        clf.partial_fit(IRIS.X, IRIS.y, classes=[0, 1, 2])


@pytest.mark.parametrize("patience", [1, 3, 8])
def test_patience_is_counted(patience: int) -> None:
    """Training must end after one epoch more than the patience without improvement."""
    clf = small(solver="sgd", learning_rate_init=1e-12, n_iter_no_change=patience, tol=1e-3)
    clf.fit(IRIS.X, IRIS.y)
    assert clf.n_iter_ == patience + 2
    assert clf.result_.status is StopReason.LOSS_PLATEAU


def test_infinite_patience_never_ends() -> None:
    """With infinite patience every epoch is made."""
    clf = small(solver="sgd", learning_rate_init=1e-12, n_iter_no_change=np.inf, max_iter=40)
    assert clf.fit(IRIS.X, IRIS.y).n_iter_ == 40


def test_the_end_of_the_epochs_is_warned_of() -> None:
    """scikit-learn's words for stochastic solvers, ours with a reason for lbfgs."""
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        small(solver="adam", max_iter=2).fit(IRIS.X, IRIS.y)
    with pytest.warns(ConvergenceWarning, match=r"lbfgs failed to converge after 2 iteration"):
        small(max_iter=2, tol=1e-12).fit(IRIS.X, IRIS.y)


# ---------------------------------------------------------------------- words


def test_verbose_prints_a_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    """In scikit-learn's words, with the validation score where there is one."""
    clf = small(solver="adam", max_iter=3, verbose=True, early_stopping=True).fit(IRIS.X, IRIS.y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Iteration 1, loss = {clf.loss_curve_[0]:.8f}"
    assert lines[1] == f"Validation score: {clf.validation_scores_[0]:f}"
    assert len(lines) == 6
    small(solver="adam", max_iter=3).fit(IRIS.X, IRIS.y)
    assert capsys.readouterr().out == ""


def test_verbose_tells_why_training_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    """The last line is the reason."""
    small(solver="sgd", learning_rate_init=1e-12, n_iter_no_change=1, verbose=1).fit(IRIS.X, IRIS.y)
    assert capsys.readouterr().out.splitlines()[-1] == StopReason.LOSS_PLATEAU.sentence


def test_the_page_of_a_notebook_shows_the_outcome() -> None:
    """After a fit the diagram is followed by what came of it."""
    clf = small()
    assert "epochs in" not in clf._repr_html_()
    clf.fit(IRIS.X, IRIS.y)
    assert str(clf.result_) in clf._repr_html_()


def test_names_of_features_are_kept_and_checked() -> None:
    """Frames with other columns must be refused."""
    frame = pd.DataFrame(IRIS.X, columns=list("abcd"))
    clf = small().fit(frame, IRIS.y)
    assert list(clf.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(frame.rename(columns={"a": "z"}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        clf.predict(IRIS.X)


def test_nothing_can_be_asked_of_an_unfitted_classifier() -> None:
    """Every question must be answered with scikit-learn's error."""
    for method in ("predict", "predict_proba", "transform", "activations"):
        with pytest.raises(NotFittedError):
            getattr(small(), method)(IRIS.X)


def test_weights_that_the_user_sets_predict() -> None:
    """What `coefs_` shows is what predicts; other shapes are refused."""
    clf = small().fit(IRIS.X, IRIS.y)
    clf.coefs_ = [np.zeros_like(coef) for coef in clf.coefs_]
    expected = np.tile(softmax(clf.intercepts_[1]), (150, 1))
    np.testing.assert_allclose(clf.predict_proba(IRIS.X), expected, atol=1e-12)
    clf.coefs_ = [np.zeros((4, 9)), np.zeros((9, 3))]
    with pytest.raises(ParameterError, match="`coefs_` must hold arrays of the shapes"):
        clf.predict(IRIS.X)


# ---------------------------------------------------------------------- divergence


def explosive(**parameters: Any) -> MLPClassifier:
    """Return a classifier that leaves the finite numbers."""
    return small(
        **{
            "solver": "sgd",
            "activation": "identity",
            "learning_rate_init": 1e200,
            "hidden_layer_sizes": (5, 5),
            **parameters,
        }
    )


def test_divergence_is_an_error_in_known_words() -> None:
    """It begins as in scikit-learn, names epoch and remedies, and finite weights stay."""
    clf = explosive()
    with pytest.raises(
        DivergedError, match=r"^Solver produced non-finite parameter weights"
    ) as told:
        clf.fit(IRIS.X, IRIS.y)
    message = str(told.value)
    assert isinstance(told.value, ValueError)
    assert f"in epoch {len(clf.loss_curve_)};" in message
    assert "`learning_rate_init` (now 1e+200)" in message
    assert "Standardise the features" in message
    assert "`clip_norm`" in message
    assert all(np.isfinite(array).all() for array in clf.coefs_ + clf.intercepts_)
    assert clf.result_.status is StopReason.DIVERGED


def test_divergence_with_early_stopping_is_a_warning() -> None:
    """The bad score is recorded, and the weights of the best epoch are put back."""
    clf = explosive(early_stopping=True)
    with pytest.warns(ConvergenceWarning, match=r"^Solver produced non-finite parameter weights"):
        clf.fit(IRIS.X, IRIS.y)
    assert np.isnan(clf.validation_scores_[-1])
    assert all(np.isfinite(array).all() for array in clf.coefs_ + clf.intercepts_)
    assert clf.result_.restored_best
