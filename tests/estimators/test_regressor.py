"""What the regressor promises: outputs, losses, validation rows, what may be asked of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_pinball_loss, r2_score
from sklearn.model_selection import train_test_split
from tests.estimators.problems import load_problem

from mlplab import MLPRegressor
from mlplab.errors import DataError, DivergedError, ParameterError
from mlplab.nn import Huber
from mlplab.results import StopReason

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ONE, THREE, COUNTS = (load_problem(kind) for kind in ("regression", "multioutput", "poisson"))


def small(**parameters: Any) -> MLPRegressor:
    """Return a quick regressor; parameters override."""
    return MLPRegressor(
        **{
            "hidden_layer_sizes": (8,),
            "solver": "lbfgs",
            "max_iter": 60,
            "random_state": 0,
            **parameters,
        }
    )


def raw_predictions(reg: MLPRegressor, X: Any) -> Any:
    """Return what the last layer gives, from the public weights alone."""
    hidden = np.maximum(X @ reg.coefs_[0] + reg.intercepts_[0], 0)
    return hidden @ reg.coefs_[1] + reg.intercepts_[1]


def test_one_output_is_a_vector() -> None:
    """A single target gives a vector of predictions, straight from the last layer."""
    reg = small().fit(ONE.X, ONE.y)
    assert reg.out_activation_ == "identity"
    np.testing.assert_allclose(reg.predict(ONE.X), raw_predictions(reg, ONE.X)[:, 0], atol=1e-12)
    assert reg.score(ONE.X, ONE.y) == pytest.approx(r2_score(ONE.y, reg.predict(ONE.X)))
    assert reg.score(ONE.X, ONE.y) > 0.5


def test_several_outputs_are_columns() -> None:
    """Several targets give a column each."""
    reg = small().fit(THREE.X, THREE.y)
    assert reg.n_outputs_ == 3
    np.testing.assert_allclose(reg.predict(THREE.X), raw_predictions(reg, THREE.X), atol=1e-12)
    assert reg.score(THREE.X, THREE.y) > 0.35


def test_the_loss_of_several_outputs_is_reported_as_their_mean() -> None:
    """The curve holds half the mean squared error over rows and outputs."""
    start = small().initialize(THREE.X, THREE.y)
    expected = 0.5 * ((start.predict(THREE.X) - THREE.y) ** 2).mean()
    reg = small(solver="sgd", max_iter=1, batch_size=300, alpha=0.0).fit(THREE.X, THREE.y)
    assert reg.loss_curve_[0] == pytest.approx(expected, rel=1e-12)


def test_a_column_is_taken_with_a_warning() -> None:
    """A target of one column is a vector, and scikit-learn's warning says so."""
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        reg = small().fit(ONE.X, ONE.y[:, None])
    assert reg.predict(ONE.X).shape == (300,)


def test_poisson_predicts_means_of_counts() -> None:
    """The link is the exponential, so predictions are positive, and their mean is the target's."""
    reg = small(loss="poisson", alpha=0.0).fit(COUNTS.X, COUNTS.y)
    assert reg.out_activation_ == "exp"
    predicted = reg.predict(COUNTS.X)
    np.testing.assert_allclose(predicted, np.exp(raw_predictions(reg, COUNTS.X)[:, 0]), rtol=1e-12)
    assert predicted.min() > 0
    assert predicted.mean() == pytest.approx(COUNTS.y.mean(), rel=1e-2)


def test_poisson_refuses_negative_targets() -> None:
    """The message must say which value was met and what to do."""
    with pytest.raises(DataError, match=r"`y` must not be negative with loss='poisson'; got -0\.5"):
        small(loss="poisson").fit(ONE.X, np.where(np.arange(300) == 7, -0.5, 1.0))


def test_the_absolute_error_learns_the_median() -> None:
    """Half of the residuals of a linear model must lie on either side."""
    y = ONE.y + np.where(np.arange(300) % 5 == 0, 40.0, 0.0)
    parameters: dict[str, Any] = {
        "hidden_layer_sizes": (),
        "solver": "adam",
        "max_iter": 300,
        "learning_rate": "linear",
        "learning_rate_init": 0.05,
        "n_iter_no_change": 300,
    }
    robust = small(loss="absolute_error", **parameters).fit(ONE.X, y)
    assert (robust.predict(ONE.X) > y).mean() == pytest.approx(0.5, abs=0.03)
    squared = small(**parameters).fit(ONE.X, y)
    ours, theirs = (mean_pinball_loss(y, reg.predict(ONE.X)) for reg in (robust, squared))
    assert ours < theirs


def test_huber_lies_between_the_squared_and_the_absolute_error() -> None:
    """With a huge delta it is the squared error; its width can be chosen with an object."""
    squared = small().fit(ONE.X, ONE.y)
    wide = small(loss=Huber(delta=1e6)).fit(ONE.X, ONE.y)
    np.testing.assert_allclose(wide.coefs_[0], squared.coefs_[0], atol=1e-6)
    narrow = small(loss="huber").fit(ONE.X, ONE.y)
    assert not np.allclose(narrow.coefs_[0], squared.coefs_[0], atol=1e-3)
    assert narrow.score(ONE.X, ONE.y) > 0.5


def test_sample_weights_are_repetitions() -> None:
    """A row of weight two must count like two rows, and one of weight zero like none."""
    weight = np.arange(300) % 3
    repeated = np.repeat(np.arange(300), weight)
    parameters: dict[str, Any] = {"max_iter": 20, "alpha": 0.5}
    weighted = small(**parameters).fit(ONE.X, ONE.y, sample_weight=weight)
    again = small(**parameters).fit(ONE.X[repeated], ONE.y[repeated])
    np.testing.assert_allclose(weighted.coefs_[0], again.coefs_[0], atol=1e-6)
    assert weighted.score(ONE.X, ONE.y, weight) == pytest.approx(
        again.score(ONE.X[repeated], ONE.y[repeated]), abs=1e-6
    )


# ---------------------------------------------------------------------- validation rows


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_own_validation_rows_are_looked_at_and_never_learned_from(solver: str) -> None:
    """Scores of each epoch are kept, the best weights are put back, all of X is learned from."""
    X, X_val, y, y_val = train_test_split(ONE.X, ONE.y, random_state=0)
    reg = small(solver=solver, early_stopping=True, hidden_layer_sizes=(50,), max_iter=200)
    reg.set_params(n_iter_no_change=5, learning_rate_init=0.02)
    reg.fit(X, y, X_val=X_val, y_val=y_val)
    assert reg.n_iter_ < 200
    assert reg.result_.status is StopReason.VALIDATION_PLATEAU
    assert reg.best_validation_score_ == max(reg.validation_scores_)
    assert reg.score(X_val, y_val) == pytest.approx(reg.best_validation_score_, abs=1e-9)
    # As in scikit-learn, L-BFGS makes no steps on parts of the rows.
    assert reg.t_ == (0 if solver == "lbfgs" else len(X) * reg.n_iter_)
    assert len(reg.validation_loss_curve_) == reg.n_iter_


def test_validation_rows_without_early_stopping_are_only_looked_at() -> None:
    """Their curve is kept and nothing else is changed by them."""
    X, X_val, y, y_val = train_test_split(ONE.X, ONE.y, random_state=0)
    parameters: dict[str, Any] = {"solver": "adam", "max_iter": 5}
    watched = small(**parameters).fit(X, y, X_val=X_val, y_val=y_val)
    plain = small(**parameters).fit(X, y)
    np.testing.assert_array_equal(watched.coefs_[0], plain.coefs_[0])
    assert watched.loss_curve_ == plain.loss_curve_
    expected = 0.5 * ((watched.predict(X_val) - y_val) ** 2).mean()
    assert watched.validation_loss_curve_[-1] == pytest.approx(expected)
    assert watched.validation_scores_[-1] == pytest.approx(watched.score(X_val, y_val))
    assert plain.validation_loss_curve_ is None


def test_weights_of_validation_rows_count() -> None:
    """A validation row of weight zero must not be seen in score or loss."""
    X, X_val, y, y_val = train_test_split(ONE.X, ONE.y, random_state=0)
    weight = (np.arange(len(y_val)) % 2).astype(float)
    parameters: dict[str, Any] = {"solver": "adam", "max_iter": 3}
    weighted = small(**parameters).fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    fewer = small(**parameters).fit(X, y, X_val=X_val[1::2], y_val=y_val[1::2])
    np.testing.assert_allclose(weighted.validation_scores_, fewer.validation_scores_)
    np.testing.assert_allclose(weighted.validation_loss_curve_, fewer.validation_loss_curve_)


@pytest.mark.parametrize("stopping", ["loss", "neg_mean_absolute_error", "r2"])
def test_any_scorer_may_end_training(stopping: str) -> None:
    """The weights left must be the best by the figure that was named."""
    X, X_val, y, y_val = train_test_split(ONE.X, ONE.y, random_state=0)
    reg = small(solver="adam", early_stopping=True, stopping=stopping, max_iter=100)
    reg.set_params(n_iter_no_change=3, learning_rate_init=0.05).fit(X, y, X_val=X_val, y_val=y_val)
    predicted = reg.predict(X_val)
    found, curve = {
        "loss": (0.5 * ((predicted - y_val) ** 2).mean(), reg.validation_loss_curve_),
        "neg_mean_absolute_error": (-np.abs(predicted - y_val).mean(), reg.validation_scores_),
        "r2": (r2_score(y_val, predicted), reg.validation_scores_),
    }[stopping]
    assert found == pytest.approx(min(curve) if stopping == "loss" else max(curve))
    assert reg.result_.best_epoch is not None
    assert reg.n_iter_ > reg.result_.best_epoch


def test_a_scorer_of_ones_own_may_end_training() -> None:
    """A callable is asked with the estimator as it stands, and the rows as they were given."""
    asked = []

    def scorer(estimator: Any, X: Any, y: Any) -> float:
        asked.append(estimator.predict(X).shape == y.shape)
        return -float(len(asked))

    frame = pd.DataFrame(ONE.X, columns=[f"c{i}" for i in range(ONE.X.shape[1])])
    reg = small(solver="adam", early_stopping=True, stopping=scorer, n_iter_no_change=2)
    reg.fit(frame, ONE.y)
    assert all(asked)
    assert reg.validation_scores_ == [-1.0, -2.0, -3.0, -4.0]
    assert reg.result_.best_epoch == 1


def test_half_of_the_validation_rows_is_a_mistake() -> None:
    """X without y, or y without X, must be answered with both names."""
    with pytest.raises(ParameterError, match="`X_val` and `y_val` go together"):
        small().fit(ONE.X, ONE.y, X_val=ONE.X)
    with pytest.raises(ParameterError, match="`X_val` and `y_val` go together"):
        small().fit(ONE.X, ONE.y, y_val=ONE.y)


def test_validation_rows_of_another_width_are_a_mistake() -> None:
    """The numbers of columns must be told."""
    with pytest.raises(ValueError, match="X has 3 features, but MLPRegressor is expecting 10"):
        small().fit(ONE.X, ONE.y, X_val=ONE.X[:, :3], y_val=ONE.y)
    with pytest.raises(ValueError, match=r"`y_val` must have as many columns as `y`, 1; got 3"):
        small().fit(ONE.X, ONE.y, X_val=ONE.X, y_val=THREE.y)


# ---------------------------------------------------------------------- the rest


def test_values_of_all_layers_can_be_seen() -> None:
    """Input, hidden values and prediction, each from the one before."""
    reg = small(hidden_layer_sizes=(5, 4), activation="tanh").fit(ONE.X, ONE.y)
    x, first, second, prediction = reg.activations(ONE.X)
    np.testing.assert_array_equal(x, ONE.X)
    np.testing.assert_allclose(second, np.tanh(first @ reg.coefs_[1] + reg.intercepts_[1]))
    np.testing.assert_allclose(prediction[:, 0], reg.predict(ONE.X))
    np.testing.assert_allclose(reg.transform(ONE.X, layer=0), first)
    np.testing.assert_allclose(reg.transform(ONE.X, layer=-2), first)
    with pytest.raises(ParameterError, match="`layer` must name one of the 2 hidden layers"):
        reg.transform(ONE.X, layer=2)


def test_a_network_without_hidden_layers_is_least_squares() -> None:
    """A linear model trained to the end must be the solution of the normal equations."""
    reg = small(hidden_layer_sizes=(), alpha=0.0, max_iter=500, tol=1e-10).fit(ONE.X, ONE.y)
    design = np.column_stack([ONE.X, np.ones(300)])
    solution, *_ = np.linalg.lstsq(design, ONE.y, rcond=None)
    np.testing.assert_allclose(reg.coefs_[0][:, 0], solution[:-1], atol=1e-4)
    np.testing.assert_allclose(reg.intercepts_[0], solution[-1:], atol=1e-4)


def test_partial_fits_are_epochs() -> None:
    """As many partial fits as epochs give the fit, where rows keep their order."""
    parameters: dict[str, Any] = {"solver": "adam", "shuffle": False, "max_iter": 6}
    fitted = small(**parameters).fit(ONE.X, ONE.y)
    parts = small(**parameters)
    for _ in range(6):
        parts.partial_fit(ONE.X, ONE.y)
    np.testing.assert_array_equal(fitted.coefs_[0], parts.coefs_[0])
    assert fitted.loss_curve_ == parts.loss_curve_


def test_early_stopping_by_partial_fits_leaves_the_best_weights() -> None:
    """Once patience has run out further calls change nothing."""
    X, X_val, y, y_val = train_test_split(ONE.X, ONE.y, random_state=0)
    reg = small(solver="adam", early_stopping=True, n_iter_no_change=3, learning_rate_init=0.05)
    for _ in range(60):
        reg.partial_fit(X, y, X_val=X_val, y_val=y_val)
    assert reg.result_.status is StopReason.VALIDATION_PLATEAU
    assert len(reg.validation_scores_) < 60
    assert reg.score(X_val, y_val) == pytest.approx(max(reg.validation_scores_))


def test_divergence_names_epoch_and_remedies() -> None:
    """A target far from scale with a large rate must end in words, with finite weights."""
    reg = small(solver="sgd", learning_rate_init=10.0, activation="identity", max_iter=200)
    with pytest.raises(
        DivergedError, match=r"^Solver produced non-finite parameter weights"
    ) as told:
        reg.fit(ONE.X, 1e6 * ONE.y)
    assert f"in epoch {reg.n_iter_};" in str(told.value)
    assert "(and a regression target)" in str(told.value)
    assert reg.n_iter_ < 200
    assert all(np.isfinite(array).all() for array in reg.coefs_ + reg.intercepts_)
    assert np.isfinite(reg.predict(ONE.X)).all()


def test_clipping_is_a_remedy_for_divergence() -> None:
    """What the message advises must help."""
    reg = small(solver="sgd", learning_rate_init=10.0, activation="identity", clip_norm=1e-3)
    assert np.isfinite(reg.fit(ONE.X, ONE.y).loss_)
