"""What estimators share, shown on the classifier: starts, layers, dtype, schedules, penalties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import softmax
from tests.estimators.problems import load_problem, raw_predictions
from tests.estimators.problems import small_classifier as small

from mlplab.optim import SGD, Adam

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IRIS = load_problem("multiclass")


# ---------------------------------------------------------------------- starts


def test_given_arrays_are_the_start() -> None:
    """A network that starts from given weights must predict with them before it learns."""
    rng = np.random.default_rng(0)
    coefs = [rng.normal(size=(4, 8)), rng.normal(size=(8, 3))]
    intercepts = [rng.normal(size=8), rng.normal(size=3)]
    clf = small(init=(coefs, intercepts)).initialize(IRIS.X, IRIS.y)
    for given, coef in zip([*coefs, *intercepts], [*clf.coefs_, *clf.intercepts_], strict=True):
        np.testing.assert_array_equal(given, coef)
    clf.fit(IRIS.X, IRIS.y)
    assert clf.score(IRIS.X, IRIS.y) > 0.97
    assert not np.array_equal(coefs[0], clf.coefs_[0])


@pytest.mark.parametrize(
    ("init", "deviation"),
    [
        ("glorot_uniform", np.sqrt(2 / 164)),
        ("glorot_normal", np.sqrt(2 / 164)),
        ("he_uniform", np.sqrt(2 / 64)),
        ("he_normal", np.sqrt(2 / 64)),
        ("lecun_normal", np.sqrt(1 / 64)),
        ("uniform", 0.05 / np.sqrt(3)),
        ("normal", 0.05),
        ("zeros", 0.0),
    ],
)
def test_an_initialisation_by_name_has_its_deviation(init: str, deviation: float) -> None:
    """The first layer's weights have the deviation of the formula, and biases are zero."""
    problem = load_problem("digits")
    clf = small(init=init, hidden_layer_sizes=(100,)).initialize(problem.X, problem.y)
    assert clf.coefs_[0].std() == pytest.approx(deviation, rel=0.03)
    assert all((intercept == 0).all() for intercept in clf.intercepts_)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_network_of_zeros_stays_at_the_majority_class(activation: str) -> None:
    """Zero weights pass no gradient through tanh or ReLU: only the last bias may learn."""
    y = np.where(np.arange(150) % 3 == 0, 1, 0)
    parameters: dict[str, Any] = {"solver": "adam", "learning_rate_init": 0.1, "batch_size": 150}
    clf = small(init="zeros", activation=activation, **parameters).fit(IRIS.X, y)
    assert (clf.predict(IRIS.X) == 0).all()
    assert all((coef == 0).all() for coef in clf.coefs_)
    assert (clf.intercepts_[0] == 0).all()
    assert clf.intercepts_[1] != 0
    assert np.ptp(clf.predict_proba(IRIS.X), axis=0).max() == 0


# ---------------------------------------------------------------------- options


def test_each_hidden_layer_may_have_its_activation() -> None:
    """A list must give the network that its names describe."""
    clf = small(hidden_layer_sizes=(5, 4), activation=["tanh", "softplus"]).fit(IRIS.X, IRIS.y)
    first = np.tanh(IRIS.X @ clf.coefs_[0] + clf.intercepts_[0])
    second = np.logaddexp(0, first @ clf.coefs_[1] + clf.intercepts_[1])
    np.testing.assert_allclose(clf.transform(IRIS.X, layer=0), first, atol=1e-12)
    np.testing.assert_allclose(clf.transform(IRIS.X), second, atol=1e-12)


def test_sigmoid_is_another_name_for_logistic() -> None:
    """Both names must give the same network."""
    one = small(activation="sigmoid").fit(IRIS.X, IRIS.y)
    other = small(activation="logistic").fit(IRIS.X, IRIS.y)
    np.testing.assert_array_equal(one.coefs_[0], other.coefs_[0])


def test_a_network_without_hidden_layers_is_logistic_regression() -> None:
    """Sizes () must give a linear model."""
    clf = small(hidden_layer_sizes=(), max_iter=200).fit(IRIS.X, IRIS.y)
    assert [coef.shape for coef in clf.coefs_] == [(4, 3)]
    expected = softmax(IRIS.X @ clf.coefs_[0] + clf.intercepts_[0], axis=1)
    np.testing.assert_allclose(clf.predict_proba(IRIS.X), expected, atol=1e-12)
    assert clf.score(IRIS.X, IRIS.y) > 0.96


def test_dropout_is_repeatable_and_acts_in_training_only() -> None:
    """Equal seeds give equal weights, another seed others; prediction has no chance in it."""
    parameters: dict[str, Any] = {"solver": "adam", "max_iter": 5, "dropout": [0.5]}
    one, two = (small(**parameters).fit(IRIS.X, IRIS.y) for _ in range(2))
    other = small(**{**parameters, "random_state": 1}).fit(IRIS.X, IRIS.y)
    without = small(**{**parameters, "dropout": 0.0}).fit(IRIS.X, IRIS.y)
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])
    assert not np.array_equal(one.coefs_[0], other.coefs_[0])
    assert not np.array_equal(one.coefs_[0], without.coefs_[0])
    np.testing.assert_array_equal(one.predict_proba(IRIS.X), one.predict_proba(IRIS.X))
    np.testing.assert_allclose(
        one.predict_proba(IRIS.X), softmax(raw_predictions(one, IRIS.X), axis=1), atol=1e-12
    )


@pytest.mark.parametrize(
    ("given", "dtype", "expected"),
    [
        (np.float32, "auto", np.float32),
        (np.float64, "auto", np.float64),
        (np.float64, "float32", np.float32),
        (np.float32, "float64", np.float64),
        (np.int64, "auto", np.float64),
    ],
)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_dtype_follows_the_rows_or_the_parameter(
    solver: str, given: Any, dtype: str, expected: Any
) -> None:
    """Weights, probabilities and hidden values have the dtype that was asked for."""
    X = (IRIS.X * 10).astype(given)
    clf = small(solver=solver, max_iter=3, dtype=dtype).fit(X, IRIS.y)
    assert {array.dtype for array in clf.coefs_ + clf.intercepts_} == {np.dtype(expected)}
    assert clf.predict_proba(X).dtype == expected
    assert clf.transform(X).dtype == expected
    assert clf.result_.dtype == np.dtype(expected).name


def test_float32_learns_like_float64() -> None:
    """Rounding to single precision must change the result but little."""
    parameters: dict[str, Any] = {"solver": "adam", "max_iter": 30}
    single = small(**parameters, dtype="float32").fit(IRIS.X, IRIS.y)
    double = small(**parameters).fit(IRIS.X, IRIS.y)
    np.testing.assert_allclose(single.loss_curve_, double.loss_curve_, rtol=1e-4)


def test_the_number_of_threads_changes_nothing() -> None:
    """One thread or two: the same bits, and the result tells how many were asked for."""
    one = small(n_threads=1).fit(IRIS.X, IRIS.y)
    two = small(n_threads=2).fit(IRIS.X, IRIS.y)
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])
    assert (one.result_.n_threads, two.result_.n_threads) == (1, 2)


def test_the_engine_is_told() -> None:
    """The result must name the engine and the reason for it."""
    clf = small(engine="reference").fit(IRIS.X, IRIS.y)
    assert clf.result_.engine == "reference"
    assert clf.result_.engine_reason == "asked for by name"
    assert small().fit(IRIS.X, IRIS.y).result_.engine_reason


def test_an_optimiser_object_is_its_name_with_arguments() -> None:
    """An object of `mlplab.optim` must train as the name with the same settings."""
    parameters: dict[str, Any] = {"max_iter": 5, "learning_rate_init": 0.01}
    by_name = small(solver="sgd", momentum=0.5, nesterovs_momentum=False, **parameters)
    by_object = small(solver=SGD(0.5, nesterov=False), **parameters)
    np.testing.assert_array_equal(
        by_name.fit(IRIS.X, IRIS.y).coefs_[0], by_object.fit(IRIS.X, IRIS.y).coefs_[0]
    )
    small(solver=Adam(0.8, 0.99, 1e-6), **parameters).fit(IRIS.X, IRIS.y)


def test_a_schedule_may_be_a_function_of_the_step() -> None:
    """The function is asked for the rate of every step, and the history keeps the last."""
    clf = small(
        solver="adam", max_iter=3, batch_size=50, learning_rate=lambda step: 0.1 / (step + 1)
    )
    clf.fit(IRIS.X, IRIS.y)
    rates = clf.result_.history.column("learning_rate")
    np.testing.assert_allclose(rates, [0.1 / 3, 0.1 / 6, 0.1 / 9])


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("linear", 0.1, 0.01),
        ("exponential", 0.1, 0.01),
        ("step", 0.1, 0.01),
        ("cosine", 0.1, 0.01),
        ("one_cycle", 0.004, 0.01),
    ],
)
def test_a_schedule_by_name_ends_where_it_was_asked_to(
    name: str, first: float, last: float
) -> None:
    """The first and the last of the rates must be those of the formula."""
    clf = small(
        solver="adam",
        max_iter=10,
        batch_size=150,
        learning_rate=name,
        learning_rate_init=0.1,
        learning_rate_final=last,
    )
    rates = clf.fit(IRIS.X, IRIS.y).result_.history.column("learning_rate")
    assert rates[0] == pytest.approx(first)
    assert rates[-1] == pytest.approx(last)


def test_clipping_limits_the_step() -> None:
    """With plain gradient descent no step may be longer than rate times limit."""
    parameters: dict[str, Any] = {
        "solver": "sgd",
        "momentum": 0.0,
        "max_iter": 1,
        "batch_size": 150,
        "learning_rate_init": 1.0,
    }
    start = small(**parameters).initialize(IRIS.X, IRIS.y)
    steps = {}
    for name, limit in [("clip_norm", 1e-3), ("clip_value", 1e-4), ("l1", 0.0)]:
        clf = small(**parameters, **{name: limit}).fit(IRIS.X, IRIS.y)
        pairs = zip(
            [*clf.coefs_, *clf.intercepts_], [*start.coefs_, *start.intercepts_], strict=True
        )
        steps[name] = np.concatenate([(one - other).ravel() for one, other in pairs])
    assert np.linalg.norm(steps["clip_norm"]) == pytest.approx(1e-3)
    assert np.abs(steps["clip_value"]).max() == pytest.approx(1e-4)
    assert np.linalg.norm(steps["l1"]) > 1e-2


def test_penalties_shrink_the_weights() -> None:
    """L1 makes weights vanish, decay makes them small; the loss tells of the former alone."""
    parameters: dict[str, Any] = {"solver": "adam", "max_iter": 100, "learning_rate_init": 0.01}
    plain = small(**parameters, alpha=0).fit(IRIS.X, IRIS.y)
    sparse = small(**parameters, alpha=0, l1=0.02).fit(IRIS.X, IRIS.y)
    decayed = small(**parameters, alpha=0, weight_decay=1.0).fit(IRIS.X, IRIS.y)
    assert (np.abs(sparse.coefs_[0]) < 0.01).mean() > (np.abs(plain.coefs_[0]) < 0.01).mean() + 0.2
    assert np.linalg.norm(decayed.coefs_[0]) < 0.7 * np.linalg.norm(plain.coefs_[0])
