"""The peer as the oracle: the same parameters and seed give scikit-learn's network."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import neural_network as peer
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_sample_weight
from tests.estimators.problems import PROBLEMS, Problem, load_problem

import mlplab

WEIGHT_TOLERANCE = 1e-8
LBFGS_TOLERANCE = 1e-6
COUNTERS = ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_")

# Rates at which twenty epochs stay in the range where rounding is not amplified.
RATES = {
    "binary": (0.001, 0.01, 0.03),
    "multiclass": (0.001, 0.01, 0.03),
    "digits": (0.001, 0.01),
    "multilabel": (0.001, 0.01),
    "regression": (0.0003, 0.001, 0.003),
    "multioutput": (0.0003, 0.001, 0.003),
    "poisson": (0.0003, 0.001, 0.003),
}


@dataclass(frozen=True)
class Case:
    """A problem, the parameters of both estimators, and how the rows are given."""

    problem: Problem
    parameters: dict[str, Any]
    fit: dict[str, Any] = field(default_factory=dict)
    layout: Callable[[Any], Any] = np.asarray
    seed: int = 0

    def pair(self) -> tuple[Any, Any]:
        """Return our estimator and scikit-learn's, unfitted."""
        name = "MLPClassifier" if self.problem.classifies else "MLPRegressor"
        more = {} if self.problem.classifies else {"loss": self.problem.loss}
        parameters = {"random_state": self.seed, **more, **self.parameters}
        ours, theirs = getattr(mlplab, name), getattr(peer, name)
        return ours(**parameters), theirs(**parameters)

    @property
    def X(self) -> Any:  # noqa: N802  (scikit-learn's name for the rows)
        """The rows, dense or sparse."""
        return self.layout(self.problem.X)


def _pick(rng: np.random.Generator, *options: Any) -> Any:
    return options[rng.integers(len(options))]


def _draw_parameters(rng: np.random.Generator, kind: str) -> dict[str, Any]:
    return {
        "hidden_layer_sizes": _pick(rng, (), (7,), (12, 5), (6, 5, 4)),
        "activation": _pick(rng, "identity", "logistic", "tanh", "relu"),
        "alpha": _pick(rng, 0.0, 1e-4, 0.1, 2.0),
        "max_iter": int(rng.integers(1, 21)),
        "solver": _pick(rng, "sgd", "adam"),
        "batch_size": _pick(rng, "auto", 1, 7, 32, 64, 5000),
        "learning_rate": _pick(rng, "constant", "invscaling", "adaptive"),
        "learning_rate_init": _pick(rng, *RATES[kind]),
        "power_t": _pick(rng, 0.25, 0.5, 1.0),
        "momentum": _pick(rng, 0.0, 0.5, 0.9),
        "nesterovs_momentum": _pick(rng, True, False),
        "early_stopping": _pick(rng, True, False),
        "validation_fraction": _pick(rng, 0.1, 0.3),
        "shuffle": _pick(rng, True, True, False),
        "tol": _pick(rng, 0.0, 1e-4, 1e-2, 0.1),
        "n_iter_no_change": _pick(rng, 1, 2, 5, np.inf),
        "beta_1": _pick(rng, 0.9, 0.5),
        "beta_2": _pick(rng, 0.999, 0.9),
        "epsilon": _pick(rng, 1e-8, 1e-4),
    }


def draw_case(number: int, **fixed: Any) -> Case:
    """Return the configuration of this number; the same on every machine."""
    rng = np.random.default_rng(number)
    problem = load_problem(_pick(rng, *PROBLEMS))
    parameters = {**_draw_parameters(rng, problem.kind), **fixed}
    if not parameters["hidden_layer_sizes"]:
        # A linear model has no activation; scikit-learn lets its name change the start even so.
        parameters["activation"] = "relu"
    if parameters["batch_size"] == 1:
        # Hundreds of steps an epoch: small ones, lest rounding be amplified.
        parameters["max_iter"] = min(parameters["max_iter"], 4)
        parameters["learning_rate_init"] /= 10
        parameters["alpha"], parameters["beta_2"] = min(parameters["alpha"], 0.1), 0.999
    weight = rng.uniform(0.2, 3.0, len(problem.y))
    if parameters["batch_size"] in {"auto", 64, 5000}:
        weight[::5] = 0  # never a whole batch, which scikit-learn divides by its sum
    fit = {"sample_weight": weight} if rng.random() < 0.35 else {}
    layout = _pick(rng, np.asarray, np.asarray, np.asarray, sp.csr_matrix, sp.csc_array)
    return Case(problem, parameters, fit, layout, seed=number)


# In these a trial of the line search is wrong about a row with certainty: there scikit-learn clips
# the log loss at eps, and ours goes on to tell how wrong.
CLIPPED = frozenset({1, 23})


def draw_lbfgs_case(number: int) -> Case:
    """Return a configuration for L-BFGS; multi-output squared error is exempt."""
    case = draw_case(number, solver="lbfgs", batch_size="auto", early_stopping=False)
    problem = load_problem("regression") if case.problem.kind == "multioutput" else case.problem
    return Case(problem, {**case.parameters, "max_iter": 20}, case.fit, case.layout, case.seed)


def _quietly(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call, without the warnings that both sides give alike."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Got `batch_size`")
        return call(*args, **kwargs)


def assert_same_network(ours: Any, theirs: Any, tolerance: float = WEIGHT_TOLERANCE) -> None:
    """Weights and biases agree."""
    for name in ("coefs_", "intercepts_"):
        for mine, other in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_allclose(mine, other, rtol=0, atol=tolerance, err_msg=name)


def assert_same_curve(mine: Any, other: Any) -> None:
    """Two curves agree to 1e-6 relative or 1e-9 absolute, point by point."""
    mine, other = np.asarray(mine, dtype=float), np.asarray(other, dtype=float)
    assert mine.shape == other.shape
    assert (np.abs(mine - other) <= np.maximum(1e-6 * np.abs(other), 1e-9)).all()


def assert_same_fit(ours: Any, theirs: Any) -> None:
    """Network, curves, scores and counters agree."""
    assert_same_network(ours, theirs)
    assert_same_curve(ours.loss_curve_, theirs.loss_curve_)
    assert {name: getattr(ours, name) for name in COUNTERS} == {
        name: getattr(theirs, name) for name in COUNTERS
    }
    for name in ("best_loss_", "validation_scores_", "best_validation_score_"):
        mine, other = getattr(ours, name), getattr(theirs, name)
        assert (mine is None) == (other is None), name
        if other is not None:
            assert_same_curve(np.atleast_1d(mine), np.atleast_1d(other))


def assert_same_predictions(ours: Any, theirs: Any, X: Any) -> None:
    """Labels are equal, probabilities and numbers agree."""
    if hasattr(theirs, "predict_proba"):
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-8)
    else:
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-7, atol=1e-7)


def check_fit(case: Case) -> None:
    """Fit both and compare everything."""
    ours, theirs = case.pair()
    for estimator in (ours, theirs):
        _quietly(estimator.fit, case.X, case.problem.y, **case.fit)
    assert_same_fit(ours, theirs)
    assert_same_predictions(ours, theirs, case.X)


@pytest.mark.parametrize("number", range(40))
def test_a_random_configuration_gives_the_network_of_scikit_learn(number: int) -> None:
    """Weights, curves, scores and counters must be the peer's."""
    check_fit(draw_case(number))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(40, 440))
def test_many_random_configurations_give_the_network_of_scikit_learn(number: int) -> None:
    """Weights, curves, scores and counters must be the peer's."""
    check_fit(draw_case(number))


def check_lbfgs(case: Case) -> None:
    """Fit both with L-BFGS and compare weights and the final loss."""
    ours, theirs = case.pair()
    for estimator in (ours, theirs):
        _quietly(estimator.fit, case.X, case.problem.y, **case.fit)
    assert_same_network(ours, theirs, LBFGS_TOLERANCE)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-3)


@pytest.mark.parametrize("number", sorted(set(range(12)) - CLIPPED))
def test_lbfgs_gives_the_network_of_scikit_learn(number: int) -> None:
    """After twenty iterations the weights must be the peer's."""
    check_lbfgs(draw_lbfgs_case(number))


@pytest.mark.slow
@pytest.mark.parametrize("number", sorted(set(range(12, 132)) - CLIPPED))
def test_lbfgs_gives_the_network_of_scikit_learn_many_times(number: int) -> None:
    """After twenty iterations the weights must be the peer's."""
    check_lbfgs(draw_lbfgs_case(number))


@pytest.mark.parametrize("number", range(1000, 1014))
def test_warm_start_goes_on_like_scikit_learn(number: int) -> None:
    """Two further fits from the weights of the last one must end where the peer's do."""
    case = draw_case(number, warm_start=True, early_stopping=False)
    ours, theirs = case.pair()
    for _ in range(3):
        for estimator in (ours, theirs):
            _quietly(estimator.fit, case.X, case.problem.y, **case.fit)
        assert_same_fit(ours, theirs)


@pytest.mark.parametrize("number", range(1100, 1120))
def test_warm_start_with_early_stopping_goes_on_like_scikit_learn(number: int) -> None:
    """It must end where the peer's does, or keep the best weights where the peer loses them."""
    case = draw_case(number, warm_start=True, early_stopping=True)
    ours, theirs = case.pair()
    best = -np.inf
    for _ in range(4):
        before = [coef.copy() for coef in getattr(ours, "coefs_", [])]
        for estimator in (ours, theirs):
            _quietly(estimator.fit, case.X, case.problem.y, **case.fit)
        if ours.best_validation_score_ == best:
            # No epoch beat the earlier fits. scikit-learn has trained on in the very arrays that
            # it kept as the best ones; ours are still those of the best epoch.
            for kept, coef in zip(before, ours.coefs_, strict=True):
                np.testing.assert_array_equal(kept, coef)
            assert_same_curve(ours.loss_curve_, theirs.loss_curve_)
            break
        assert_same_fit(ours, theirs)
        best = ours.best_validation_score_


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression", "poisson"])
def test_warm_start_with_lbfgs_goes_on_like_scikit_learn(kind: str) -> None:
    """L-BFGS must start from the weights of the last fit."""
    problem = load_problem(kind)
    parameters = {"solver": "lbfgs", "max_iter": 8, "warm_start": True, "hidden_layer_sizes": (5,)}
    ours, theirs = Case(problem, parameters).pair()
    for _ in range(2):
        for estimator in (ours, theirs):
            _quietly(estimator.fit, problem.X, problem.y)
        assert_same_network(ours, theirs, LBFGS_TOLERANCE)


@pytest.mark.parametrize("number", range(2000, 2014))
def test_partial_fits_go_on_like_scikit_learn(number: int) -> None:
    """Twelve partial fits on changing rows must end where the peer's do."""
    case = draw_case(number, early_stopping=False)
    ours, theirs = case.pair()
    X, y = case.problem.X, case.problem.y
    first = (
        {"classes": np.unique(y)} if case.problem.kind in {"binary", "multiclass", "digits"} else {}
    )
    if case.problem.kind == "multilabel":
        first = {"classes": np.arange(y.shape[1])}
    for part in range(12):
        rows = slice(40 * (part % 3), 40 * (part % 3) + 45)
        more = {"sample_weight": case.fit["sample_weight"][rows]} if case.fit else {}
        for estimator in (ours, theirs):
            _quietly(estimator.partial_fit, case.layout(X[rows]), y[rows], **more, **first)
        first = {}
    assert_same_fit(ours, theirs)


@pytest.mark.parametrize("number", range(3000, 3008))
def test_a_generator_ends_where_scikit_learn_leaves_it(number: int) -> None:
    """A `RandomState` must have been drawn from as often as the peer draws."""
    case = draw_case(number)
    ours, theirs = case.pair()
    states = np.random.RandomState(number), np.random.RandomState(number)
    for estimator, state in zip((ours, theirs), states, strict=True):
        estimator.set_params(random_state=state)
        for _ in range(2):
            _quietly(estimator.fit, case.X, case.problem.y, **case.fit)
    assert_same_fit(ours, theirs)
    assert states[0].randint(2**31) == states[1].randint(2**31)


@pytest.mark.parametrize("layout", [sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("kind", PROBLEMS)
def test_sparse_rows_give_the_network_of_scikit_learn(kind: str, layout: Any) -> None:
    """Sparse rows of every layout must train and predict as with the peer."""
    parameters = {"hidden_layer_sizes": (6,), "max_iter": 3, "early_stopping": True}
    check_fit(Case(load_problem(kind), parameters, layout=layout))


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("balanced", [True, False])
def test_class_weights_are_sample_weights(kind: str, solver: str, balanced: bool) -> None:
    """Class weights must train as the peer does with their products as sample weights."""
    problem = load_problem(kind)
    class_weight: Any = "balanced" if balanced else {0: 0.5, 1: 3.0}
    given = np.random.default_rng(0).uniform(0.5, 2, len(problem.y))
    parameters = {"solver": solver, "max_iter": 6, "hidden_layer_sizes": (6,)}
    ours, theirs = Case(problem, parameters).pair()
    ours.set_params(class_weight=class_weight)
    _quietly(ours.fit, problem.X, problem.y, sample_weight=given)
    weight = given * compute_sample_weight(class_weight, problem.y)
    _quietly(theirs.fit, problem.X, problem.y, sample_weight=weight)
    assert_same_network(ours, theirs, LBFGS_TOLERANCE if solver == "lbfgs" else WEIGHT_TOLERANCE)


def test_multi_output_lbfgs_reaches_a_loss_like_that_of_scikit_learn() -> None:
    """The exempt case: the reported loss must not be worse than the peer's."""
    problem = load_problem("multioutput")
    parameters = {"solver": "lbfgs", "max_iter": 60, "hidden_layer_sizes": (6,), "alpha": 0.0}
    ours, theirs = Case(problem, parameters).pair()
    for estimator in (ours, theirs):
        _quietly(estimator.fit, problem.X, problem.y)
    assert ours.loss_ <= theirs.loss_ * 1.05


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_adaptive_rate_ends_training_where_scikit_learn_ends(kind: str) -> None:
    """Divided five-fold again and again, the rate must end the training in the same epoch."""
    parameters = {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.01,
        "tol": 0.5,
        "n_iter_no_change": 1,
        "max_iter": 60,
        "hidden_layer_sizes": (4,),
    }
    case = Case(load_problem(kind), parameters)
    check_fit(case)
    ours, _ = case.pair()
    ours.fit(case.X, case.problem.y)
    assert ours.n_iter_ < 60
    assert ours.result_.history.column("learning_rate")[-1] <= 1e-6
