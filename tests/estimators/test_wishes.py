"""What users of scikit-learn's MLP asked for and did not get: one test for each wish.

The numbers are scikit-learn's issues and pull requests.
"""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.metrics import f1_score
from sklearn.preprocessing import scale

import mlplab
from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor
from mlplab.engines import EpochFigures, StoppingRule, TrainingPlan, TrainingState, close_epoch
from mlplab.errors import NON_FINITE_WEIGHTS, DivergedError, GradientError
from mlplab.nn import ActivationFunction, SquaredError, multilayer, register, unregister
from mlplab.optim import SGD, Adaptive
from mlplab.results import EpochRecord, StopReason
from mlplab.train import FitObserver

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def iris() -> tuple[Any, Any]:
    """Return standardised iris rows and their classes."""
    X, y = load_iris(return_X_y=True)
    return scale(X), y


@pytest.fixture
def line(seed: int) -> tuple[Any, Any]:
    """Return rows with a smooth target."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(120, 3))
    return X, X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=120)


def _learn_and_look(X: Any, y: Any) -> tuple[Any, Any, Any, Any]:
    return X[::2], y[::2], X[1::2], y[1::2]


def test_01_own_validation_set(iris: tuple[Any, Any]) -> None:
    """18748: early stopping watches the rows that are handed in, and learns from all of X."""
    X, y, X_val, y_val = _learn_and_look(*iris)
    clf = MLPClassifier((8,), early_stopping=True, random_state=0, max_iter=30)
    clf.fit(X, y, X_val=X_val, y_val=y_val)

    assert clf.t_ == clf.n_iter_ * len(X)
    assert clf.score(X_val, y_val) == clf.best_validation_score_ == max(clf.validation_scores_)


@pytest.mark.parametrize("stopping", ["f1_macro", "neg_log_loss", "loss"])
def test_02_stop_on_a_chosen_figure(iris: tuple[Any, Any], stopping: str) -> None:
    """24411: the weights left are the best by the figure that was named."""
    X, y, X_val, y_val = _learn_and_look(*iris)
    clf = MLPClassifier(
        (8,),
        early_stopping=True,
        stopping=stopping,
        random_state=0,
        max_iter=60,
        learning_rate_init=0.05,
    )
    clf.fit(X, y, X_val=X_val, y_val=y_val)

    if stopping == "f1_macro":
        found = f1_score(y_val, clf.predict(X_val), average="macro")
        assert found == pytest.approx(max(clf.validation_scores_))
    if stopping == "loss":
        best = int(np.argmin(clf.validation_loss_curve_))
        assert clf.result_.best_epoch == best + 1
        p = clf.predict_proba(X_val)[np.arange(len(y_val)), y_val]
        assert -np.log(p).mean() == pytest.approx(clf.validation_loss_curve_[best])
    if stopping == "neg_log_loss":
        assert max(clf.validation_scores_) == pytest.approx(-min(clf.validation_loss_curve_))


def test_03_validation_loss_curve(line: tuple[Any, Any]) -> None:
    """18507: the loss on the validation rows is kept for every epoch."""
    X, y, X_val, y_val = _learn_and_look(*line)
    reg = MLPRegressor(hidden_layer_sizes=(8,), random_state=0, max_iter=7)
    reg.fit(X, y, X_val=X_val, y_val=y_val)

    assert len(reg.validation_loss_curve_) == 7
    last = 0.5 * np.mean((reg.predict(X_val) - y_val) ** 2)
    assert reg.validation_loss_curve_[-1] == pytest.approx(last)


@pytest.mark.parametrize("solver", ["lbfgs", "sgd", "adam", "nadam"])
def test_04_warm_start_keeps_the_optimiser(line: tuple[Any, Any], solver: str) -> None:
    """13656: twelve fits of one iteration are one fit of twelve, also with lbfgs."""
    X, y = line
    common = {
        "hidden_layer_sizes": (6,),
        "solver": solver,
        "random_state": 0,
        "warm_start": "state",
        "tol": 1e-12,
    }
    once = MLPRegressor(max_iter=12, **common).fit(X, y)
    often = MLPRegressor(max_iter=1, **common)
    for _ in range(12):
        often.fit(X, y)

    for one, other in zip(once.coefs_, often.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(once.loss_curve_, often.loss_curve_)


@pytest.mark.parametrize("learning_rate", ["linear", "cosine", "one_cycle", "step"])
def test_04_a_schedule_with_an_end_is_whole_in_each_fit(
    line: tuple[Any, Any], learning_rate: str
) -> None:
    """13656: the second fit goes through the schedule again instead of standing at its end."""
    X, y = line
    reg = MLPRegressor(
        hidden_layer_sizes=(4,),
        learning_rate=learning_rate,
        warm_start="state",
        max_iter=9,
        random_state=0,
    )
    first = reg.fit(X, y).result_.history.column("learning_rate")
    second = reg.fit(X, y).result_.history.column("learning_rate")

    assert first == second
    assert len(set(first)) > 2


def test_05_partial_fit_with_early_stopping(iris: tuple[Any, Any]) -> None:
    """25693: with validation rows partial_fit stops early and leaves the best weights."""
    X, y, X_val, y_val = _learn_and_look(*iris)
    clf = MLPClassifier(
        (8,), early_stopping=True, n_iter_no_change=3, random_state=0, learning_rate_init=0.05
    )
    for _ in range(200):
        clf.partial_fit(X, y, classes=[0, 1, 2], X_val=X_val, y_val=y_val)
        if clf.result_.status is StopReason.VALIDATION_PLATEAU:
            break
    stopped_at = len(clf.validation_scores_)
    assert stopped_at < 200
    assert clf.score(X_val, y_val) == max(clf.validation_scores_)

    clf.partial_fit(X, y, X_val=X_val, y_val=y_val)
    assert len(clf.validation_scores_) == stopped_at
    assert clf.score(X_val, y_val) == max(clf.validation_scores_)


def test_05_partial_fit_stops_where_fit_stops(iris: tuple[Any, Any]) -> None:
    """25693: epoch by epoch the same scores as `fit`, through epochs without improvement too."""
    X, y, X_val, y_val = _learn_and_look(*iris)
    settings = {
        "hidden_layer_sizes": (5,),
        "early_stopping": True,
        "n_iter_no_change": 4,
        "learning_rate_init": 0.03,
        "shuffle": False,
        "random_state": 1,
    }
    whole = MLPClassifier(max_iter=100, **settings).fit(X, y, X_val=X_val, y_val=y_val)
    parts = MLPClassifier(**settings)
    for _ in range(100):
        parts.partial_fit(X, y, classes=[0, 1, 2], X_val=X_val, y_val=y_val)

    scores = whole.validation_scores_
    assert any(later < earlier for earlier, later in itertools.pairwise(scores))
    assert parts.validation_scores_ == scores
    np.testing.assert_array_equal(parts.coefs_[0], whole.coefs_[0])


def test_06_partial_fit_of_several_labels() -> None:
    """12505: n calls of partial_fit learn several labels as well as n epochs of fit."""
    X, y = make_multilabel_classification(300, 10, n_classes=5, n_labels=2, random_state=1)
    settings = {"hidden_layer_sizes": (30,), "shuffle": False, "random_state": 1}
    whole = MLPClassifier(max_iter=50, n_iter_no_change=50, **settings).fit(X, y)
    parts = MLPClassifier(**settings)
    for _ in range(50):
        parts.partial_fit(X, y, classes=range(5))

    np.testing.assert_array_equal(whole.predict_proba(X), parts.predict_proba(X))


def test_07_autoencoder(iris: tuple[Any, Any]) -> None:
    """25216: an autoencoder gives codes, takes them back, and reproduces rows."""
    X, _ = iris
    coder = MLPAutoencoder((8, 2, 8), activation="tanh", solver="lbfgs", random_state=0).fit(X)

    assert coder.transform(X).shape == (150, 2)
    np.testing.assert_allclose(coder.inverse_transform(coder.transform(X)), coder.reconstruct(X))
    assert coder.score(X) > 0.9


def test_08_transform_gives_the_last_hidden_layer(iris: tuple[Any, Any]) -> None:
    """8291: `transform` is the value of the last hidden layer, or of any other."""
    X, y = iris
    clf = MLPClassifier((6, 4), activation="tanh", random_state=0, max_iter=5).fit(X, y)
    first = np.tanh(X @ clf.coefs_[0] + clf.intercepts_[0])

    np.testing.assert_allclose(clf.transform(X, layer=0), first)
    np.testing.assert_allclose(
        clf.transform(X), np.tanh(first @ clf.coefs_[1] + clf.intercepts_[1])
    )


def test_09_activations_of_all_layers(iris: tuple[Any, Any]) -> None:
    """9468: the values of every layer, from the input to the prediction."""
    X, y = iris
    clf = MLPClassifier((6, 4), random_state=0, max_iter=5).fit(X, y)
    layers = clf.activations(X)

    assert [layer.shape[1] for layer in layers] == [4, 6, 4, 3]
    np.testing.assert_array_equal(layers[0], X)
    np.testing.assert_array_equal(layers[2], clf.transform(X))
    np.testing.assert_array_equal(layers[-1], clf.predict_proba(X))


def test_10_dropout(iris: tuple[Any, Any]) -> None:
    """6175: dropout acts in training only, and is repeatable."""
    X, y = iris
    a, b, plain = (
        MLPClassifier((20,), dropout=rate, random_state=0, max_iter=5).fit(X, y)
        for rate in (0.5, 0.5, 0.0)
    )
    np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])
    assert not np.array_equal(a.coefs_[0], plain.coefs_[0])
    np.testing.assert_array_equal(a.predict_proba(X), a.predict_proba(X))


def test_11_activation_of_each_layer(iris: tuple[Any, Any]) -> None:
    """10097: every hidden layer may have an activation of its own."""
    X, y = iris
    clf = MLPClassifier((5, 4), activation=["tanh", "relu"], random_state=0, max_iter=3).fit(X, y)
    first = np.tanh(X @ clf.coefs_[0] + clf.intercepts_[0])
    second = np.maximum(0, first @ clf.coefs_[1] + clf.intercepts_[1])

    np.testing.assert_allclose(clf.transform(X), second)


def test_12_leaky_relu(line: tuple[Any, Any]) -> None:
    """26912: leaky ReLU passes a hundredth of what is negative."""
    X, y = line
    reg = MLPRegressor(hidden_layer_sizes=(5,), activation="leaky_relu", random_state=0)
    z = X @ reg.initialize(X, y).coefs_[0] + reg.intercepts_[0]

    np.testing.assert_allclose(reg.transform(X), np.where(z > 0, z, 0.01 * z))


def test_13_mish(line: tuple[Any, Any]) -> None:
    """30199: mish is z·tanh(log(1 + exp(z)))."""
    X, y = line
    reg = MLPRegressor(hidden_layer_sizes=(5,), activation="mish", random_state=0)
    z = X @ reg.initialize(X, y).coefs_[0] + reg.intercepts_[0]

    np.testing.assert_allclose(reg.transform(X), z * np.tanh(np.log1p(np.exp(z))))


def test_14_an_activation_of_ones_own_is_checked(line: tuple[Any, Any]) -> None:
    """14807: a function of one's own works after its derivative has been checked."""
    X, y = line
    wrong = ActivationFunction("bump", "exp(-z²)", lambda z: np.exp(-z * z), lambda _, a: a)
    with pytest.raises(GradientError, match="bump"):
        register(wrong)

    register(
        ActivationFunction("bump", "exp(-z²)", lambda z: np.exp(-z * z), lambda z, a: -2 * z * a)
    )
    try:
        reg = MLPRegressor(
            hidden_layer_sizes=(10,), activation="bump", solver="lbfgs", random_state=0
        )
        assert reg.fit(X, y).score(X, y) > 0.9
    finally:
        unregister("bump")


def test_15_other_losses(line: tuple[Any, Any]) -> None:
    """14571: the absolute error is not led astray by a few wild targets, the squared one is."""
    X, y = line
    wild = y.copy()
    wild[::20] += 100
    settings = {
        "hidden_layer_sizes": (),
        "max_iter": 2000,
        "learning_rate_init": 0.01,
        "random_state": 0,
    }
    errors = {
        loss: np.abs(MLPRegressor(loss, **settings).fit(X, wild).predict(X) - y).mean()
        for loss in ("absolute_error", "huber", "squared_error")
    }
    assert errors["absolute_error"] < 0.2
    assert errors["huber"] < 0.4
    assert errors["squared_error"] > 2


def test_16_cross_entropy_or_squared_error(iris: tuple[Any, Any]) -> None:
    """6094: both are to be had, and the first curve holds what each formula gives."""
    X, y = iris
    one_hot = np.eye(3)[y]
    formulas = {
        "log_loss": lambda p: -(one_hot * np.log(p)).sum(axis=1).mean(),
        "squared_error": lambda p: 0.5 * ((p - one_hot) ** 2).sum(axis=1).mean(),
    }
    for loss, formula in formulas.items():
        clf = MLPClassifier((5,), loss=loss, alpha=0, batch_size=150, max_iter=1, random_state=0)
        before = clf.initialize(X, y).predict_proba(X)
        assert clf.fit(X, y).loss_curve_[0] == pytest.approx(formula(before))


def test_17_class_weight(iris: tuple[Any, Any]) -> None:
    """9113: class weights are sample weights by class, and "balanced" evens rare classes out."""
    X, y = iris
    by_class = MLPClassifier((5,), class_weight={0: 1, 1: 5, 2: 1}, random_state=0, max_iter=5)
    by_row = MLPClassifier((5,), random_state=0, max_iter=5)
    weight = np.where(y == 1, 5.0, 1.0)
    np.testing.assert_array_equal(
        by_class.fit(X, y).coefs_[0], by_row.fit(X, y, sample_weight=weight).coefs_[0]
    )

    rare = np.r_[0:50, 50:55]
    balanced = MLPClassifier((), class_weight="balanced", random_state=0, max_iter=1)
    even = MLPClassifier((), random_state=0, max_iter=1)
    weight = np.where(y[rare] == 1, 55 / 10, 55 / 100)
    np.testing.assert_allclose(
        balanced.fit(X[rare], y[rare]).coefs_[0],
        even.fit(X[rare], y[rare], sample_weight=weight).coefs_[0],
    )


def test_18_initialise_without_fitting(iris: tuple[Any, Any]) -> None:
    """19701: a network can be built, looked at and used before it is trained."""
    X, y = iris
    built = MLPClassifier((5,), random_state=0).initialize(X, y)
    assert built.predict_proba(X).shape == (150, 3)
    assert built.n_iter_ == 0

    trained = MLPClassifier((5,), random_state=0, max_iter=1, warm_start=True).initialize(X, y)
    start = [coef.copy() for coef in trained.coefs_]
    trained.fit(X, y)
    np.testing.assert_array_equal(start[0], built.coefs_[0])
    assert not np.array_equal(trained.coefs_[0], start[0])


def test_19_several_class_variables_at_once(iris: tuple[Any, Any]) -> None:
    """26762: columns of y may each be a class variable of its own, of text even."""
    X, y = iris
    names = np.array(["setosa", "versicolor", "virginica"], dtype=object)[y]
    wide = np.where(X[:, 3] > 0, "wide", "narrow").astype(object)
    both = np.column_stack([names, wide])
    clf = MLPClassifier((10,), solver="lbfgs", random_state=0).fit(X, both)

    assert [list(values) for values in clf.classes_] == [
        ["setosa", "versicolor", "virginica"],
        ["narrow", "wide"],
    ]
    assert [p.shape for p in clf.predict_proba(X)] == [(150, 3), (150, 2)]
    assert clf.predict(X).shape == both.shape
    assert clf.score(X, both) > 0.95


def test_20_decay_independent_of_the_number_of_rows(line: tuple[Any, Any]) -> None:
    """10477: repeating every row changes what alpha does, but not what weight decay does."""
    X, y = line
    X2, y2 = np.tile(X, (2, 1)), np.tile(y, 2)

    def weights(X: Any, y: Any, **penalty: float) -> Any:
        reg = MLPRegressor(
            hidden_layer_sizes=(),
            solver="sgd",
            momentum=0.0,
            learning_rate_init=0.1,
            batch_size=len(X),
            max_iter=300,
            tol=0.0,
            init="zeros",
            random_state=0,
            n_iter_no_change=np.inf,
            **{"alpha": 0.0, **penalty},
        )
        return reg.fit(X, y).coefs_[0].ravel()

    np.testing.assert_allclose(weights(X, y, weight_decay=0.3), weights(X2, y2, weight_decay=0.3))
    assert not np.allclose(weights(X, y, alpha=36.0), weights(X2, y2, alpha=36.0), rtol=1e-2)
    # For plain gradient descent decay is ridge regression with 0.3 a row.
    ridge = Ridge(alpha=0.3 * len(X)).fit(X, y).coef_
    np.testing.assert_allclose(weights(X, y, weight_decay=0.3), ridge, rtol=1e-5)


def _divisions(schedule: Adaptive, losses: list[float]) -> int:
    """Feed a made-up loss curve to the stopping rule; return how often the rate was divided."""
    network = multilayer(1, [], 1)
    rule = StoppingRule(max_epochs=1000, patience=3.0, tolerance=0.0)
    plan = TrainingPlan(network, SquaredError(), SGD(), schedule, rule)
    state = TrainingState(np.zeros(2))
    for loss in losses:
        close_epoch(
            plan, state, EpochFigures(loss, 0.1, 1.0, 0.0), None, lambda _: np.zeros((0, 1))
        )
    return state.divisions


def test_21_one_lucky_epoch_costs_one_division() -> None:
    """15596: after a lucky epoch adaptive divides again and again; plateau does so once."""
    falling = [0.36 - 0.005 * i for i in range(40)]
    curve = [0.5, 0.13, *falling]

    assert _divisions(Adaptive(0.1), curve) > 5
    assert _divisions(Adaptive(0.1, forgets_best=True), curve) == 1


def test_21_plateau_is_a_learning_rate(iris: tuple[Any, Any]) -> None:
    """15596: the remedy is to be had by name, for every stochastic solver."""
    X, y = iris
    clf = MLPClassifier((5,), learning_rate="plateau", tol=10.0, n_iter_no_change=1, max_iter=10)
    clf.fit(X, y)
    rates = clf.result_.history.column("learning_rate")

    assert rates[0] == 0.001
    assert rates[-1] < rates[0] / 5


def test_22_threads_can_be_limited(iris: tuple[Any, Any]) -> None:
    """7280: a limit on threads is a parameter, holds while fitting, and changes no result."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    X, y = iris
    seen: list[int] = []

    def watch(estimator: Any, X: Any, y: Any) -> float:
        pools = threadpoolctl.threadpool_info()
        seen.append(max(pool["num_threads"] for pool in pools if pool["user_api"] == "blas"))
        return float(estimator.score(X, y))

    limited = MLPClassifier(
        (5,), n_threads=1, early_stopping=True, stopping=watch, max_iter=3, random_state=0
    ).fit(X, y)
    free = MLPClassifier((5,), early_stopping=True, max_iter=3, random_state=0).fit(X, y)

    assert set(seen) == {1}
    assert limited.result_.n_threads == 1
    np.testing.assert_array_equal(limited.coefs_[0], free.coefs_[0])


def test_23_same_seed_same_result(iris: tuple[Any, Any]) -> None:
    """15266: equal seeds give equal bits, dropout, splits and orders included."""
    X, y = iris
    a, b = (
        MLPClassifier(
            (9, 5), dropout=0.2, early_stopping=True, batch_size=16, max_iter=8, random_state=7
        ).fit(X, y)
        for _ in range(2)
    )
    for one, other in zip(a.coefs_, b.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
    assert a.loss_curve_ == b.loss_curve_


def test_24_a_clear_word_when_training_explodes(line: tuple[Any, Any]) -> None:
    """29504: an explosion is named, with its epoch and what to change; finite weights stay."""
    X, y = line
    reg = MLPRegressor(
        hidden_layer_sizes=(5,),
        activation="identity",
        solver="sgd",
        learning_rate_init=1e6,
        random_state=0,
    )
    with pytest.raises(DivergedError, match=r"epoch \d+.*learning_rate_init") as caught:
        reg.fit(X, y)

    assert isinstance(caught.value, ValueError)
    assert str(caught.value).startswith(NON_FINITE_WEIGHTS)
    assert all(np.isfinite(coef).all() for coef in reg.coefs_)
    assert np.isfinite(reg.predict(X)).all()


def test_24_with_early_stopping_the_best_weights_stay(line: tuple[Any, Any]) -> None:
    """29504: with early stopping the bad score is recorded, and it is a warning."""
    X, y = line
    reg = MLPRegressor(
        hidden_layer_sizes=(5,),
        activation="identity",
        solver="sgd",
        learning_rate_init=1e6,
        early_stopping=True,
        random_state=0,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        reg.fit(X, y)

    assert any(
        w.category is ConvergenceWarning and NON_FINITE_WEIGHTS in str(w.message) for w in caught
    )
    assert np.isnan(reg.validation_scores_[-1])
    assert np.isfinite(reg.predict(X)).all()


class _Recorder:
    """An observer that keeps what it is told and asks to stop after five epochs."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_start(self, plan: Any, state: Any) -> None:
        """Do nothing."""

    def on_epoch(self, record: EpochRecord, state: Any) -> bool:  # noqa: ARG002  (the protocol)
        """Keep the loss."""
        self.losses.append(record.loss)
        return record.epoch == 5

    def on_end(self, result: Any) -> None:
        """Keep the result."""
        self.result = result


def test_25_progress_and_callbacks(iris: tuple[Any, Any]) -> None:
    """18773: whoever wants to watch is told every epoch and may ask to stop."""
    X, y = iris
    recorder = _Recorder()
    assert isinstance(recorder, FitObserver)
    clf = mlplab.MLPClassifier((5,), random_state=0).set_callbacks(recorder).fit(X, y)

    assert recorder.losses == clf.loss_curve_
    assert len(recorder.losses) == 5
    assert clf.result_.status is StopReason.OBSERVER
