"""mlplab's networks as scikit-learn's, where there is a counterpart."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.preprocessing import LabelBinarizer

from mlplab._typing import AnyArray
from mlplab.errors import ExportError
from mlplab.nn import NetworkSpec
from mlplab.nn.layers import Activation
from mlplab.optim import LBFGS, SGD, Adam, Adaptive, Constant, InverseScaling

__all__ = ["to_sklearn"]

_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
_LOSSES = {
    "log_loss": None,
    "binary_log_loss": None,
    "squared_error": "squared_error",
    "poisson": "poisson",
}
# What scikit-learn lacks but prediction does not need, and the value that asks for nothing.
_TRAINING_ONLY = {
    "l1": 0.0,
    "weight_decay": 0.0,
    "clip_norm": None,
    "clip_value": None,
    "label_smoothing": 0.0,
    "class_weight": None,
    "stopping": "auto",
}


def to_sklearn(estimator: Any) -> Any:
    """Return a fitted estimator as scikit-learn's; see `LearnedNetwork.to_sklearn`."""
    network: NetworkSpec = estimator.network_
    names = {layer.function for layer in network.layers if isinstance(layer, Activation)}
    _check(estimator, names)
    parameters, told = _parameters(estimator, names)
    cls = TheirClassifier if hasattr(estimator, "classes_") else TheirRegressor
    theirs = cls(**parameters)
    _set_fitted(theirs, estimator)
    if told:
        message = (
            f"scikit-learn has no {', '.join(told)}. Predictions are the same; training on goes "
            "without."
        )
        warnings.warn(message, UserWarning, stacklevel=3)
    return theirs


def _check(estimator: Any, activations: set[str]) -> None:
    """Raise `ExportError` by name for what scikit-learn cannot predict or learn."""
    loss = estimator._loss.name  # noqa: SLF001  (this is part of the estimator)
    found = None
    if len(activations) > 1:
        found = f"activations that differ from layer to layer ({', '.join(sorted(activations))})"
    elif activations - set(_ACTIVATIONS):
        found = f"activation {activations.pop()!r}; it knows {', '.join(_ACTIVATIONS)}"
    elif getattr(estimator, "_coder", None) and estimator._coder.kind == "multioutput":  # noqa: SLF001  (same)
        found = "several class variables at once"
    elif loss not in _LOSSES:
        found = f"loss {loss!r}"
    if found is not None:
        message = (
            f"A network for scikit-learn must have a counterpart there; got {found}. Use "
            "mlplab.save, or mlplab.export for other programs."
        )
        raise ExportError(message)


def _parameters(estimator: Any, activations: set[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the parameters of scikit-learn's network, and the names of what it lacks."""
    own = estimator.get_params(deep=False)
    cls = TheirClassifier if hasattr(estimator, "classes_") else TheirRegressor
    kept = {name: own[name] for name in cls().get_params(deep=False) if name in own}
    if cls is TheirRegressor:
        kept["loss"] = _LOSSES[estimator._loss.name]  # noqa: SLF001  (this is part of it)
    kept["activation"] = next(iter(activations), "relu")
    kept["hidden_layer_sizes"] = tuple(int(n) for n in estimator.network_.units[1:-1])
    kept["warm_start"] = bool(kept["warm_start"])
    told = [
        f"{name}={own[name]!r}"
        for name, nothing in _TRAINING_ONLY.items()
        if name in own and own[name] != nothing
    ]
    if np.any(own["dropout"]):
        told.append(f"dropout={own['dropout']!r}")
    solver, more = _solver(estimator.plan_.optimiser)
    kept |= {"solver": solver or "adam", **more}
    if solver is None:
        told.append(f"solver={own['solver']!r}")
    schedule = estimator.plan_.schedule
    known = isinstance(schedule, (Constant, InverseScaling, Adaptive))
    if not known or own["learning_rate"] == "plateau":
        told.append(f"learning_rate={own['learning_rate']!r}")
        kept["learning_rate"] = "constant"
    return kept, told


def _solver(optimiser: Any) -> tuple[str | None, dict[str, Any]]:
    if isinstance(optimiser, SGD):
        return "sgd", {
            "momentum": optimiser.momentum,
            "nesterovs_momentum": optimiser.nesterov,
        }
    if isinstance(optimiser, Adam):
        moments = {name: getattr(optimiser, name) for name in ("beta_1", "beta_2", "epsilon")}
        return "adam", moments
    return ("lbfgs" if isinstance(optimiser, LBFGS) else None), {}


def _set_fitted(theirs: Any, estimator: Any) -> None:
    state = estimator._state  # noqa: SLF001  (this is part of the estimator)
    theirs.coefs_ = [np.array(coef) for coef in estimator.coefs_]
    theirs.intercepts_ = [np.array(intercept) for intercept in estimator.intercepts_]
    theirs._best_coefs, theirs._best_intercepts = _layers(estimator, state.best_parameters)  # noqa: SLF001  (theirs has no other door)
    for name in ("n_features_in_", "feature_names_in_", "n_iter_", "t_", "n_layers_", "n_outputs_"):
        if hasattr(estimator, name):
            setattr(theirs, name, getattr(estimator, name))
    theirs.out_activation_ = estimator.out_activation_
    theirs.loss_curve_ = list(estimator.loss_curve_)
    theirs.loss_ = getattr(estimator, "loss_", np.inf)
    theirs.validation_scores_ = estimator.validation_scores_
    theirs.best_validation_score_ = estimator.best_validation_score_
    theirs.best_loss_ = getattr(estimator, "best_loss_", np.inf)
    if theirs.best_loss_ is None and not theirs.early_stopping:
        theirs.best_loss_ = min(theirs.loss_curve_, default=np.inf)
    theirs._no_improvement_count = state.no_improvement  # noqa: SLF001  (same)
    if isinstance(theirs, TheirClassifier):
        _set_classes(theirs, estimator)
    if theirs.solver != "lbfgs":
        theirs._optimizer = _optimiser(theirs, estimator)  # noqa: SLF001  (same)


def _set_classes(theirs: Any, estimator: Any) -> None:
    coder = estimator._coder  # noqa: SLF001  (this is part of the estimator)
    values = coder.classes[0]
    several = coder.kind == "multilabel"
    shown = np.eye(len(values), dtype=int) if several else values
    theirs._label_binarizer = LabelBinarizer().fit(shown)  # noqa: SLF001  (theirs has no other door)
    theirs.classes_ = theirs._label_binarizer.classes_  # noqa: SLF001  (same)


def _in_their_order(estimator: Any, vector: AnyArray) -> list[AnyArray]:
    """Return a vector as arrays, all weights first."""
    coefs, intercepts = _layers(estimator, vector)
    return [*coefs, *intercepts]


def _layers(estimator: Any, vector: AnyArray) -> tuple[list[AnyArray], list[AnyArray]]:
    views = [view.copy() for view in estimator.network_.views(vector)]
    return views[0::2], views[1::2]


def _optimiser(theirs: Any, estimator: Any) -> Any:
    """Return scikit-learn's optimiser with the memory of ours, where it is of the same kind."""
    state = estimator._state  # noqa: SLF001  (this is part of the estimator)
    arrays = theirs.coefs_ + theirs.intercepts_
    rate = theirs.learning_rate_init
    if theirs.solver == "adam":
        made = AdamOptimizer(arrays, rate, theirs.beta_1, theirs.beta_2, theirs.epsilon)
        if isinstance(estimator.plan_.optimiser, Adam) and "first_moment" in state.slots:
            made.t = state.step
            made.ms = _in_their_order(estimator, state.slots["first_moment"])
            made.vs = _in_their_order(estimator, state.slots["second_moment"])
        return made
    schedule, momentum = theirs.learning_rate, theirs.momentum
    made = SGDOptimizer(arrays, rate, schedule, momentum, theirs.nesterovs_momentum, theirs.power_t)
    if "velocity" in state.slots:
        made.velocities = _in_their_order(estimator, state.slots["velocity"])
    if schedule == "invscaling" and theirs.t_:
        made.iteration_ends(theirs.t_)
    elif schedule == "adaptive":
        made.learning_rate = rate / 5.0**state.divisions
    return made
