"""Every parameter has a rule, and breaking it is answered with the rule and the way out."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from sklearn import neural_network as peer

from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor
from mlplab.errors import ParameterError
from mlplab.estimators.rules import DEFAULTS, RULES, SCHEDULES, SOLVERS
from mlplab.optim import LBFGS, Adam

ESTIMATORS = (MLPClassifier, MLPRegressor, MLPAutoencoder)
X = np.random.default_rng(0).normal(size=(12, 3))
Y = np.arange(12) % 2

# What each parameter must refuse.
WRONG: dict[str, list[Any]] = {
    "hidden_layer_sizes": [0, (64, 0), -1, 2.5, "64", (3, "4")],
    "activation": ["rleu", 3, ["relu", "nothing"], [None]],
    "code_activation": ["idntity", 3, ["relu"]],
    "code_layer": [-1, 0.5, "first"],
    "solver": ["admm", None, Adam],
    "alpha": [-0.1, "0.1", None, np.nan, np.inf],
    "batch_size": [0, -5, 2.0, "atuo"],
    "learning_rate": ["constnt", 0.1, None],
    "learning_rate_init": [0, -0.1, "0.1", np.inf],
    "learning_rate_final": [-1e-3, "0", np.inf],
    "power_t": [-1, "0.5", np.inf],
    "max_iter": [0, -3, 10.5, "200"],
    "shuffle": ["yes", 1, None],
    "random_state": [-1, 0.5, "seed", 2**32],
    "tol": [-1e-4, "small", np.nan],
    "verbose": [-1, "loud", None],
    "warm_start": ["stat", 1, None],
    "momentum": [-0.1, 1.1, "0.9"],
    "nesterovs_momentum": ["yes", 1],
    "early_stopping": ["yes", 1],
    "validation_fraction": [-0.1, 1.0, 2, "0.1"],
    "beta_1": [-0.1, 1.0],
    "beta_2": [-0.1, 1.0],
    "epsilon": [0, -1e-8, np.inf],
    "n_iter_no_change": [0, -1, 2.5, "10"],
    "max_fun": [0, 1.5],
    "loss": ["log_los", "squared", "hubber", None, 3],
    "init": ["he_unifrm", None, 3, ([],)],
    "l1": [-1.0, "0", np.inf],
    "weight_decay": [-1.0, None, np.inf],
    "dropout": [-0.1, 1.0, "0.5", [0.5, 1.5]],
    "clip_norm": [0, -1.0, "1", np.inf],
    "clip_value": [0, -1.0, "1"],
    "label_smoothing": [-0.1, 1.0, None],
    "class_weight": ["balancd", 3, {0: -1.0}, {0: np.nan}, {0: np.inf}, {0: "2"}, [3]],
    "stopping": [None, 3, "f1_macr"],
    "engine": ["rfrence", None, 3],
    "dtype": ["float16", "flaot32", None, np.float32],
    "n_threads": [0, -2, 1.5, "2"],
}

# What stands at the edge of what each parameter allows.
RIGHT: dict[str, list[Any]] = {
    "hidden_layer_sizes": [(), 1, [3, 2], np.array([3, 2]), np.int64(4)],
    "activation": ["relu", "sigmoid", ["relu", "tanh"], ()],
    "code_layer": [None, 0, 5],
    "solver": [*SOLVERS, Adam(), LBFGS()],
    "alpha": [0, 1e9, np.float32(0.5)],
    "batch_size": ["auto", 1, np.int64(7)],
    "learning_rate": [*SCHEDULES, lambda step: 0.1 / (step + 1)],
    "learning_rate_final": [None, 0],
    "max_iter": [1],
    "tol": [0, 1e9, np.inf],
    "stopping": ["auto", "loss", "f1_macro", lambda *_: 0.0],
    "random_state": [None, 0, 2**32 - 1, np.random.RandomState(0), np.random],
    "shuffle": [True, np.False_],
    "warm_start": [True, False, "state"],
    "momentum": [0, 1],
    "verbose": [True, 0, 2],
    "n_iter_no_change": [1, np.inf],
    "dropout": [0, 0.99, [0.1, 0.2]],
    "class_weight": [None, "balanced", {0: 1.0}, [{0: 1.0}]],
    "n_threads": [None, 1],
}

SUGGESTIONS = {
    "activation": ("rleu", "relu"),
    "code_activation": ("idntity", "identity"),
    "solver": ("admm", "adam"),
    "batch_size": ("atuo", "auto"),
    "learning_rate": ("constnt", "constant"),
    "warm_start": ("stat", "state"),
    "init": ("he_unifrm", "he_uniform"),
    "stopping": ("f1_macr", "f1_macro"),
    "class_weight": ("balancd", "balanced"),
    "engine": ("rfrence", "reference"),
    "dtype": ("flaot32", "float32"),
}


def parameters_of(cls: type[Any]) -> list[str]:
    """Return the names of the constructor's parameters."""
    return list(inspect.signature(cls).parameters)


def broken() -> list[Any]:
    """Every estimator with every parameter set to every wrong value."""
    return [
        pytest.param(cls, name, value, id=f"{cls.__name__}-{name}-{value!r}")
        for cls in ESTIMATORS
        for name in parameters_of(cls)
        for value in WRONG.get(name, [])
    ]


def test_every_parameter_has_a_rule_and_a_test() -> None:
    """A new parameter must come with a rule and with values that break it."""
    parameters = {name for cls in ESTIMATORS for name in parameters_of(cls)}
    assert parameters == {*RULES, "loss"}
    assert parameters == set(WRONG)


@pytest.mark.parametrize(("cls", "name", "value"), broken())
def test_a_value_out_of_range_is_refused(cls: type[Any], name: str, value: Any) -> None:
    """The message must name the parameter, its rule, and what was received."""
    with pytest.raises(ParameterError) as refused:
        cls(**{name: value}).fit(X, Y)
    message = str(refused.value)
    assert message.startswith(f"`{name}` must be ")
    assert f"; got {value!r}." in message
    assert isinstance(refused.value, ValueError)
    assert isinstance(refused.value, TypeError)


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in RIGHT.items() for v in values])
def test_a_value_at_the_edge_is_allowed(name: str, value: Any) -> None:
    """The ends of a range belong to it where the rule says so."""
    assert RULES[name].allows(value)


@pytest.mark.parametrize("name", sorted(SUGGESTIONS))
def test_a_misspelt_name_is_answered_with_the_nearest(name: str) -> None:
    """The message must end with the name that was meant."""
    wrong, meant = SUGGESTIONS[name]
    cls = next(cls for cls in ESTIMATORS if name in parameters_of(cls))
    with pytest.raises(ParameterError, match=f"Did you mean '{meant}'\\?$"):
        cls(**{name: wrong}).fit(X, Y)


@pytest.mark.parametrize(
    ("cls", "wrong", "meant"),
    [
        (MLPClassifier, "log_los", "log_loss"),
        (MLPClassifier, "foccal", "focal"),
        (MLPRegressor, "hubber", "huber"),
        (MLPAutoencoder, "squared_eror", "squared_error"),
    ],
)
def test_a_misspelt_loss_is_answered_with_the_nearest(
    cls: type[Any], wrong: str, meant: str
) -> None:
    """Each estimator knows its own losses."""
    with pytest.raises(ParameterError, match=f"Did you mean '{meant}'\\?$"):
        cls(loss=wrong).fit(X, Y)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(MLPClassifier, peer.MLPClassifier), (MLPRegressor, peer.MLPRegressor)],
)
def test_the_parameters_of_scikit_learn_come_first(ours: type[Any], theirs: type[Any]) -> None:
    """Names, order, defaults and kinds of scikit-learn's parameters must be kept."""
    mine, others = inspect.signature(ours).parameters, inspect.signature(theirs).parameters
    assert list(mine)[: len(others)] == list(others)
    for name, other in others.items():
        assert mine[name].default == other.default
        assert mine[name].kind == other.kind


def test_parameters_are_checked_before_partial_fit_and_initialize_too() -> None:
    """Every way to begin must check the parameters."""
    with pytest.raises(ParameterError, match=r"^`alpha` must be"):
        MLPRegressor(alpha=-1).partial_fit(X, Y)
    with pytest.raises(ParameterError, match=r"^`alpha` must be"):
        MLPRegressor(alpha=-1).initialize(X, Y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"activation": ["relu"], "hidden_layer_sizes": (3, 2)},
            "`activation` must hold one value",
        ),
        ({"dropout": [0.1], "hidden_layer_sizes": (3, 2)}, "`dropout` must hold one value"),
        (
            {"learning_rate": "exponential", "learning_rate_final": 0},
            "`learning_rate_final` must be positive with learning_rate='exponential'",
        ),
        (
            {"learning_rate": "step", "learning_rate_final": 0.0},
            "`learning_rate_final` must be positive with learning_rate='step'",
        ),
        *(
            (
                {"learning_rate": rate, "learning_rate_final": 1e-5},
                "`learning_rate_final` must go with a learning_rate that has an end",
            )
            for rate in ("constant", "invscaling", "adaptive", "plateau", lambda _: 0.1)
        ),
        ({"stopping": "loss"}, "`stopping` names the figure that early stopping watches"),
        ({"loss": "focal", "label_smoothing": 0.1}, "`label_smoothing` acts on log_loss only"),
        ({"init": ([np.zeros((9, 9))], [np.zeros(9)])}, "`init` must hold arrays of the shapes"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(
    parameters: dict[str, Any], message: str
) -> None:
    """The message must say which of them to change."""
    with pytest.raises(ParameterError, match=f"^{message}"):
        MLPClassifier(**parameters).fit(X, Y)


def test_a_list_of_activations_names_the_code_too() -> None:
    """An activation of the code beside a list would be passed over."""
    coder = MLPAutoencoder((3, 2, 3), activation=["relu", "tanh", "relu"], max_iter=1)
    activations = [getattr(layer, "function", "") for layer in coder.initialize(X).network_.layers]
    assert "tanh" in activations
    with pytest.raises(ParameterError, match="`code_activation` must be left at its default"):
        coder.set_params(code_activation="relu").fit(X)


def test_defaults_that_messages_name_are_those_of_the_estimators() -> None:
    """The way out must be a true one."""
    assert set(DEFAULTS) == set(RULES) - {"hidden_layer_sizes"}
    for cls in ESTIMATORS:
        for name, parameter in inspect.signature(cls).parameters.items():
            if name in DEFAULTS:
                assert parameter.default == DEFAULTS[name]


@pytest.mark.parametrize(
    ("cls", "name", "value", "way_out"),
    [
        (MLPClassifier, "hidden_layer_sizes", (64, 0), r"Pass \(64,\), for example\."),
        (MLPClassifier, "hidden_layer_sizes", "64", r"Pass \(100,\), for example\."),
        (MLPClassifier, "alpha", -1, r"The default is 0\.0001\."),
        (MLPRegressor, "loss", 3, r"The default is 'squared_error'\."),
        (MLPClassifier, "loss", "zzz", r"The default is 'auto'\."),
        (MLPAutoencoder, "engine", "zzz", r"The default is 'auto'\."),
    ],
)
def test_a_message_ends_with_the_way_out(
    cls: type[Any], name: str, value: Any, way_out: str
) -> None:
    """Where no name is near, the default is what to pass."""
    with pytest.raises(ParameterError, match=f"{way_out}$"):
        cls(**{name: value}).fit(X, Y)


def test_an_unknown_scorer_is_refused_before_anything_is_built() -> None:
    """Nothing fitted may be left behind."""
    clf = MLPClassifier(early_stopping=True, stopping="f1_macr")
    with pytest.raises(ParameterError, match="Did you mean 'f1_macro'"):
        clf.fit(X, Y)
    assert not hasattr(clf, "coefs_")
