"""From the parameters of an estimator to a plan of training."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mlplab._typing import Vector
from mlplab.engines import Monitor, StoppingRule, TrainingPlan
from mlplab.errors import ParameterError
from mlplab.nn import (
    ALIASES,
    Loss,
    NetworkSpec,
    Penalties,
    RandomDraws,
    draw_parameters,
    multilayer,
)
from mlplab.optim import (
    LBFGS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Adaptive,
    Constant,
    Cosine,
    Exponential,
    FunctionOfStep,
    InverseScaling,
    Linear,
    NAdam,
    OneCycle,
    Optimiser,
    RMSprop,
    Schedule,
    StepDecay,
)

__all__ = [
    "build_network",
    "build_plan",
    "hidden_sizes",
    "initial_parameters",
    "is_stochastic",
    "pack_arrays",
    "per_hidden_layer",
]

# These act for sgd only, as in scikit-learn.
_SGD_ONLY = ("invscaling", "adaptive")


def hidden_sizes(value: Any) -> list[int]:
    """Return the sizes of the hidden layers as a list."""
    return [int(size) for size in (value if hasattr(value, "__iter__") else [value])]


def per_hidden_layer(name: str, value: Any, n_hidden: int) -> list[Any]:
    """Return one value for each hidden layer.

    Raises
    ------
    ParameterError
        A list has another length.
    """
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return [value] * n_hidden
    values = list(value)
    if len(values) != n_hidden:
        message = (
            f"`{name}` must hold one value for each of the {n_hidden} hidden layers; "
            f"got {len(values)}: {values!r}. Pass a single value for all, or {n_hidden} of them."
        )
        raise ParameterError(message)
    return values


def build_network(
    sizes: Sequence[int],
    activations: Sequence[str],
    dropout: Sequence[float],
    n_features: int,
    n_outputs: int,
) -> NetworkSpec:
    """Return the network, with activations under their own names."""
    names = tuple(ALIASES.get(name, name) for name in activations)
    rates = tuple(float(rate) for rate in dropout)
    return _network(n_features, tuple(sizes), n_outputs, names, rates)


# A network knows its shapes and where its parameters lie; many estimators have the same one.
_network = functools.lru_cache(maxsize=256)(multilayer)


def is_stochastic(solver: Any) -> bool:
    """Whether a solver trains epoch by epoch."""
    return solver != "lbfgs" and not isinstance(solver, LBFGS)


def _optimiser(est: Any) -> Optimiser:
    if not isinstance(est.solver, str):
        optimiser: Optimiser = est.solver
        return optimiser
    # Python's numbers: NumPy's would widen float32 arithmetic.
    moments = (float(est.beta_1), float(est.beta_2), float(est.epsilon))
    makers: dict[str, Callable[[], Optimiser]] = {
        "sgd": lambda: SGD(float(est.momentum), bool(est.nesterovs_momentum)),
        "adam": lambda: Adam(*moments),
        "adamw": lambda: AdamW(*moments),
        "nadam": lambda: NAdam(*moments),
        "rmsprop": lambda: RMSprop(epsilon=moments[2]),
        "adagrad": lambda: Adagrad(epsilon=moments[2]),
        "lbfgs": lambda: LBFGS(est.max_fun, est.tol, resumable=est.warm_start == "state"),
    }
    return makers[est.solver]()


def _schedule(est: Any, optimiser: Optimiser) -> Schedule:
    rate, final, name = float(est.learning_rate_init), est.learning_rate_final, est.learning_rate
    if callable(name):
        return FunctionOfStep(name)
    if name == "constant" or (name in _SGD_ONLY and not isinstance(optimiser, SGD)):
        return Constant(rate)
    third = -(-est.max_iter // 3)  # rounded up, lest a third drop come at the end
    makers: dict[str, Callable[[], Schedule]] = {
        "invscaling": lambda: InverseScaling(rate, est.power_t),
        "adaptive": lambda: Adaptive(rate),
        "plateau": lambda: Adaptive(rate, forgets_best=True),
        "linear": lambda: Linear(rate, final or 0.0),
        "cosine": lambda: Cosine(rate, final or 0.0),
        # Two drops, after a third and two thirds of the epochs.
        "step": lambda: StepDecay(rate, (final / rate) ** 0.5 if final else 0.1, third),
        "exponential": lambda: Exponential(rate, final or rate / 100),
        "one_cycle": lambda: OneCycle(rate, final),
    }
    return makers[name]()


def _monitor(est: Any, *, watches_validation: bool) -> Monitor:
    if est.stopping != "auto" and not est.early_stopping:
        message = (
            f"`stopping` names the figure that early stopping watches; got {est.stopping!r} "
            "with early_stopping=False. Pass early_stopping=True as well."
        )
        raise ParameterError(message)
    if not watches_validation:
        return "training_loss"
    return "validation_loss" if est.stopping == "loss" else "validation_score"


def build_plan(
    est: Any,
    network: NetworkSpec,
    loss: Loss,
    *,
    n_rows: int,
    dtype: str,
    dropout_seed: int,
    watches_validation: bool,
    score: str,
) -> TrainingPlan:
    """Return the plan that an estimator's parameters describe.

    Parameters
    ----------
    est : estimator
        Its parameters have been checked.
    network, loss
        What is trained, for what.
    n_rows : int
        Rows to learn from; no batch is larger.
    dtype : {"float32", "float64"}
    dropout_seed : int
    watches_validation : bool
        Whether validation rows decide when to stop.
    score : str
        Name of the score on the validation rows.
    """
    optimiser = _optimiser(est)
    named = {"auto": min(200, n_rows), "full": n_rows}
    batch = named.get(est.batch_size) or min(int(est.batch_size), n_rows)
    stopping = StoppingRule(
        max_epochs=int(est.max_iter),
        monitor=_monitor(est, watches_validation=watches_validation),
        tolerance=float(est.tol),
        patience=float(est.n_iter_no_change),
        restore_best=watches_validation,
        score=score,
    )
    return TrainingPlan(
        network=network,
        loss=loss,
        optimiser=optimiser,
        schedule=_schedule(est, optimiser),
        stopping=stopping,
        penalties=Penalties(l2=float(est.alpha), l1=float(est.l1)),
        weight_decay=float(est.weight_decay),
        clip_norm=None if est.clip_norm is None else float(est.clip_norm),
        clip_value=None if est.clip_value is None else float(est.clip_value),
        batch_size=batch,
        dropout_seed=dropout_seed,
        dtype=dtype,
    )


def initial_parameters(network: NetworkSpec, init: Any, rng: RandomDraws, dtype: str) -> Vector:
    """Return the start: drawn by name, or the arrays that were given.

    Raises
    ------
    ParameterError
        Given arrays do not fit the network.
    """
    if isinstance(init, str):
        return draw_parameters(network, init, rng, dtype)
    coefs, intercepts = init
    return pack_arrays(network, coefs, intercepts, dtype, "`init`")


def pack_arrays(
    network: NetworkSpec,
    coefs: Sequence[Any],
    intercepts: Sequence[Any],
    dtype: str,
    what: str,
) -> Vector:
    """Return coefficients and intercepts as the flat vector of the network.

    Raises
    ------
    ParameterError
        Numbers or shapes of the arrays do not fit the network.
    """
    arrays = [np.asarray(array) for pair in zip(coefs, intercepts, strict=False) for array in pair]
    expected = [slot.spec.shape for slot in network.slots]
    received = [array.shape for array in arrays]
    if expected != received or len(coefs) != len(intercepts):
        message = (
            f"{what} must hold arrays of the shapes {expected} (weight, bias, weight, bias, …); "
            f"got {received}. Give arrays of these shapes, or start anew with warm_start=False."
        )
        raise ParameterError(message)
    return network.pack(arrays, dtype)
