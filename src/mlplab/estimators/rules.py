"""What each parameter of the estimators may be, in one table, checked at `fit`."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer_names

from mlplab.engines import engine_names
from mlplab.errors import ParameterError, did_you_mean
from mlplab.nn import ALIASES, INITIALISERS, Loss, find_activation
from mlplab.optim import Optimiser

__all__ = [
    "DEFAULTS",
    "RULES",
    "SCHEDULES",
    "SOLVERS",
    "Rule",
    "check_loss",
    "check_parameters",
    "parameters_of",
]

SOLVERS = ("sgd", "adam", "adamw", "rmsprop", "adagrad", "nadam", "lbfgs")
SCHEDULES = (
    "constant",
    "invscaling",
    "adaptive",
    "plateau",
    "linear",
    "cosine",
    "step",
    "exponential",
    "one_cycle",
)
# The schedules that end at `learning_rate_final`; the first two get there by multiplication.
_GEOMETRIC = ("exponential", "step")
_WITH_END = (*_GEOMETRIC, "linear", "cosine", "one_cycle")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a parameter may be.

    Attributes
    ----------
    allows : callable
        ``allows(value) -> bool``.
    must : str
        The rule in words, after "must be".
    names : tuple of str
        Valid names, for "did you mean".
    """

    allows: Callable[[Any], bool]
    must: str
    names: tuple[str, ...] = ()


def _is_number(value: Any) -> bool:
    # Asking an abstract class takes ten times as long as asking for the types that are usual.
    usual = type(value) in {int, float}
    return usual or (isinstance(value, Real) and not isinstance(value, (bool, np.bool_)))


def _is_integer(value: Any) -> bool:
    return type(value) is int or (isinstance(value, Integral) and not isinstance(value, bool))


def _number(low: float, high: float = math.inf, *, closed: str = "[)") -> Rule:
    def allows(value: Any) -> bool:
        if not _is_number(value) or math.isnan(value):
            return False
        above = value >= low if closed[0] == "[" else value > low
        return bool(above and (value <= high if closed[1] == "]" else value < high))

    return Rule(allows, f"a number in {closed[0]}{low:g}, {high:g}{closed[1]}")


def _integer(low: int, *, or_infinite: bool = False) -> Rule:
    def allows(value: Any) -> bool:
        if or_infinite and _is_number(value) and value == math.inf:
            return True
        return _is_integer(value) and bool(value >= low)

    return Rule(allows, f"an integer of at least {low}" + (" or infinity" if or_infinite else ""))


def _one_of(*names: str) -> Rule:
    return Rule(lambda value: isinstance(value, str) and value in names, _listed(names), names)


def _listed(names: tuple[str, ...]) -> str:
    return "one of " + ", ".join(repr(name) for name in names)


def _either(*rules: Rule) -> Rule:
    return Rule(
        lambda value: any(rule.allows(value) for rule in rules),
        " or ".join(rule.must for rule in rules),
        tuple(name for rule in rules for name in rule.names),
    )


NONE = Rule(lambda value: value is None, "None")
BOOLEAN = Rule(lambda value: isinstance(value, (bool, np.bool_)), "True or False")
FUNCTION = Rule(callable, "a function")


def _is_sizes(value: Any) -> bool:
    sizes = value if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
    return all(_is_integer(size) and size > 0 for size in sizes)


def _is_activation(value: Any) -> bool:
    names = [value] if isinstance(value, str) else value
    return hasattr(names, "__iter__") and all(map(_is_one_activation, names))


def _is_one_activation(value: Any) -> bool:
    return isinstance(value, str) and find_activation(value) is not None


def _is_dropout(value: Any) -> bool:
    rates = value if hasattr(value, "__iter__") else [value]
    return all(_is_number(rate) and 0 <= rate < 1 for rate in rates)


def _is_init_arrays(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2 and not isinstance(value[0], str)


def _is_class_weights(value: Any) -> bool:
    each = value if isinstance(value, list) else [value]
    return all(
        isinstance(weights, dict)
        and all(_is_number(w) and 0 <= w < math.inf for w in weights.values())
        for weights in each
    )


def _is_optimiser(value: Any) -> bool:
    # A class has the methods of its instances, so it would pass as one.
    return isinstance(value, Optimiser) and not isinstance(value, type)


def _is_random_state(value: Any) -> bool:
    legacy = isinstance(value, np.random.RandomState) or value is np.random
    seed = _is_integer(value) and bool(0 <= value < 2**32)
    return value is None or legacy or seed


_ACTIVATIONS = (
    "identity",
    "logistic",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
)
_SCORERS = ("auto", "loss", *get_scorer_names())

RULES: Mapping[str, Rule] = {
    "hidden_layer_sizes": Rule(_is_sizes, "positive integers, one for each hidden layer"),
    "activation": Rule(
        _is_activation,
        f"{_listed(_ACTIVATIONS)}, a registered name, or a list with one for each hidden layer",
        (*_ACTIVATIONS, *ALIASES),
    ),
    "code_activation": Rule(
        _is_one_activation,
        f"{_listed(_ACTIVATIONS)}, or a registered name",
        (*_ACTIVATIONS, *ALIASES),
    ),
    "code_layer": _either(NONE, _integer(0)),
    "solver": _either(
        _one_of(*SOLVERS),
        Rule(_is_optimiser, "an optimiser of mlplab.optim"),
    ),
    "alpha": _number(0),
    "batch_size": _either(_one_of("auto", "full"), _integer(1)),
    "learning_rate": _either(_one_of(*SCHEDULES), Rule(callable, "a function of the step")),
    "learning_rate_init": _number(0, closed="()"),
    "learning_rate_final": _either(NONE, _number(0)),
    "power_t": _number(0),
    "max_iter": _integer(1),
    "shuffle": BOOLEAN,
    "random_state": Rule(_is_random_state, "None, an integer in [0, 2**32) or a RandomState"),
    "tol": _number(0, closed="[]"),
    "verbose": _either(BOOLEAN, _integer(0)),
    "warm_start": _either(BOOLEAN, _one_of("state")),
    "momentum": _number(0, 1, closed="[]"),
    "nesterovs_momentum": BOOLEAN,
    "early_stopping": BOOLEAN,
    "validation_fraction": _number(0, 1, closed="[)"),
    "beta_1": _number(0, 1, closed="[)"),
    "beta_2": _number(0, 1, closed="[)"),
    "epsilon": _number(0, closed="()"),
    "n_iter_no_change": _integer(1, or_infinite=True),
    "max_fun": _integer(1),
    "init": _either(
        _one_of("auto", *INITIALISERS),
        Rule(_is_init_arrays, "a pair of lists of arrays (coefs, intercepts)"),
    ),
    "l1": _number(0),
    "weight_decay": _number(0),
    "dropout": Rule(_is_dropout, "a number in [0, 1), or one for each hidden layer"),
    "clip_norm": _either(NONE, _number(0, closed="()")),
    "clip_value": _either(NONE, _number(0, closed="()")),
    "label_smoothing": _number(0, 1, closed="[)"),
    "class_weight": _either(
        NONE,
        _one_of("balanced"),
        Rule(
            _is_class_weights,
            "a dict {class: weight} with finite weights of at least 0, or a list of such dicts",
        ),
    ),
    "stopping": Rule(
        lambda value: value in _SCORERS if isinstance(value, str) else callable(value),
        "'auto', 'loss', the name of a scorer, or a scorer",
        _SCORERS,
    ),
    "engine": Rule(lambda value: isinstance(value, str), "the name of an engine"),
    "dtype": _one_of("auto", "float32", "float64"),
    "n_threads": _either(NONE, _integer(1)),
}
"""The rule of every parameter, except `loss`, which each estimator knows by itself."""

DEFAULTS: Mapping[str, Any] = {
    "activation": "relu",
    "code_activation": "identity",
    "code_layer": None,
    "solver": "adam",
    "alpha": 0.0001,
    "batch_size": "auto",
    "learning_rate": "constant",
    "learning_rate_init": 0.001,
    "learning_rate_final": None,
    "power_t": 0.5,
    "max_iter": 200,
    "shuffle": True,
    "random_state": None,
    "tol": 1e-4,
    "verbose": False,
    "warm_start": False,
    "momentum": 0.9,
    "nesterovs_momentum": True,
    "early_stopping": False,
    "validation_fraction": 0.1,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
    "n_iter_no_change": 10,
    "max_fun": 15000,
    "init": "auto",
    "l1": 0.0,
    "weight_decay": 0.0,
    "dropout": 0.0,
    "clip_norm": None,
    "clip_value": None,
    "label_smoothing": 0.0,
    "class_weight": None,
    "stopping": "auto",
    "engine": "auto",
    "dtype": "auto",
    "n_threads": None,
}
"""The way out that messages name; only `hidden_layer_sizes` and `loss` differ by estimator."""


def _way_out(name: str, value: Any, names: Sequence[str]) -> str:
    """Return the last part of a message: what to pass instead."""
    if name == "hidden_layer_sizes":
        sizes = list(value) if hasattr(value, "__iter__") and not isinstance(value, str) else []
        kept = tuple(int(size) for size in sizes if _is_integer(size) and size > 0)
        return f" Pass {kept or (100,)}, for example."
    hint = did_you_mean(value, names) if isinstance(value, str) else ""
    return hint or f" The default is {DEFAULTS[name]!r}."


def check_loss(value: Any, names: Sequence[str]) -> None:
    """Check that a loss is one of these names, the default first, or a loss itself.

    Raises
    ------
    ParameterError
        Names the rule, what was received, and the nearest valid name.
    """
    if isinstance(value, str) and value in names:
        return
    if isinstance(value, Loss) and not isinstance(value, type):
        return
    hint = did_you_mean(value, names) if isinstance(value, str) else ""
    message = (
        f"`loss` must be one of {', '.join(names)}, or a loss of mlplab.nn; got {value!r}."
        f"{hint or f' The default is {names[0]!r}.'}"
    )
    raise ParameterError(message)


def parameters_of(estimator: Any) -> dict[str, Any]:
    """Return what `get_params` returns, without looking the signature up every time."""
    kind: Any = type(estimator)
    return {name: getattr(estimator, name) for name in _names(kind)}


@functools.cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(sorted(inspect.signature(kind).parameters))


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Check every parameter against its rule, and those that must go together.

    Raises
    ------
    ParameterError
        Names the parameter, the rule, what was received, and the nearest valid name or the
        default.
    """
    for name, value in parameters.items():
        rule = RULES.get(name)
        if rule is None or rule.allows(value):
            continue
        message = f"`{name}` must be {rule.must}; got {value!r}.{_way_out(name, value, rule.names)}"
        raise ParameterError(message)
    engine = parameters.get("engine", "auto")
    if engine not in engine_names():
        message = (
            f"`engine` must be one of {', '.join(engine_names())}; "
            f"got {engine!r}.{_way_out('engine', engine, engine_names())}"
        )
        raise ParameterError(message)
    _check_final_rate(parameters)


def _check_final_rate(parameters: Mapping[str, Any]) -> None:
    final = parameters.get("learning_rate_final")
    schedule = parameters.get("learning_rate", DEFAULTS["learning_rate"])
    if final is None:
        return
    if schedule not in _WITH_END:
        message = (
            f"`learning_rate_final` must go with a learning_rate that has an end: "
            f"{', '.join(_WITH_END)}; got {final!r} with {schedule!r}. Pass one of these, or leave "
            "it out."
        )
        raise ParameterError(message)
    if final == 0 and schedule in _GEOMETRIC:
        message = (
            f"`learning_rate_final` must be positive with learning_rate={schedule!r}, which "
            f"multiplies; got {final!r}. Pass a small number, or learning_rate='linear'."
        )
        raise ParameterError(message)
