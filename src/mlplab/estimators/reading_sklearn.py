"""scikit-learn's multi-layer perceptrons as mlplab's, ready to be trained on."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import Pipeline

from mlplab._typing import AnyArray
from mlplab.errors import ParameterError
from mlplab.estimators.assembling import assemble
from mlplab.estimators.classifier import MLPClassifier
from mlplab.estimators.labels import LabelCoder
from mlplab.estimators.regressor import MLPRegressor

__all__ = ["from_sklearn"]

_OURS: dict[type[Any], type[Any]] = {TheirClassifier: MLPClassifier, TheirRegressor: MLPRegressor}


def from_sklearn(model: Any) -> Any:
    """Return scikit-learn's multi-layer perceptron as mlplab's.

    Parameters
    ----------
    model : sklearn.neural_network.MLPClassifier, MLPRegressor, or Pipeline
        Fitted or not. In a pipeline every such network is converted, and the other steps stay the
        objects that they are.

    Returns
    -------
    MLPClassifier, MLPRegressor or Pipeline
        With copies of the weights, the loss curve and the optimiser's memory: `partial_fit` goes
        on as scikit-learn's would, to rounding.

    Raises
    ------
    ParameterError
        It is something else.

    Examples
    --------
    >>> from sklearn import neural_network
    >>> theirs = neural_network.MLPClassifier((3,), solver="lbfgs", random_state=0)
    >>> ours = from_sklearn(theirs.fit([[0.0], [1.0]], ["no", "yes"]))
    >>> ours.predict([[0.1], [0.9]])
    array(['no', 'yes'], dtype='<U3')
    """
    if isinstance(model, Pipeline):
        return _pipeline(model)
    # A class derived from theirs may predict in a way of its own.
    cls = _OURS.get(type(model))
    if cls is None:
        message = (
            "`model` must be an MLPClassifier or MLPRegressor of scikit-learn, or a Pipeline that "
            f"holds one; got {type(model).__name__}."
        )
        if hasattr(model, "best_estimator_"):
            message += " Pass its `best_estimator_`."
        raise ParameterError(message)
    ours = cls(**model.get_params(deep=False))
    return _fitted(ours, model) if hasattr(model, "coefs_") else ours


def _pipeline(model: Pipeline) -> Pipeline:
    steps = [(n, from_sklearn(s) if _holds_network(s) else s) for n, s in model.steps]
    if not any(_holds_network(step) for _, step in model.steps):
        message = (
            "`model` must hold a network of scikit-learn; got a Pipeline of "
            f"{', '.join(type(step).__name__ for _, step in model.steps)}. Pass one that does."
        )
        raise ParameterError(message)
    converted = copy.copy(model)
    converted.steps = steps
    return converted


def _holds_network(step: Any) -> bool:
    inner = step.steps if isinstance(step, Pipeline) else []
    return type(step) in _OURS or any(_holds_network(one) for _, one in inner)


def _fitted(ours: Any, theirs: Any) -> Any:
    coder = _coder(theirs) if isinstance(theirs, TheirClassifier) else None
    estimator = assemble(
        ours,
        theirs.coefs_,
        theirs.intercepts_,
        coder=coder,
        feature_names=getattr(theirs, "feature_names_in_", None),
        watches_validation=bool(theirs.early_stopping) and theirs.solver != "lbfgs",
    )
    for name in ("n_iter_", "t_", "loss_", "best_loss_", "best_validation_score_"):
        if hasattr(theirs, name):
            setattr(estimator, name, getattr(theirs, name))
    estimator.loss_curve_ = [float(loss) for loss in getattr(theirs, "loss_curve_", [])]
    scores = getattr(theirs, "validation_scores_", None)
    estimator.validation_scores_ = None if scores is None else [float(s) for s in scores]
    if theirs.solver != "lbfgs":
        _take_over(estimator, theirs)
    return estimator


def _coder(theirs: Any) -> LabelCoder:
    # The kind of the targets stands in a private attribute; the link tells the rest.
    kind = theirs._label_binarizer.y_type_  # noqa: SLF001  (nothing public tells it)
    values = np.asarray(theirs.classes_)
    if kind == "multilabel-indicator":
        return LabelCoder("multilabel", (np.arange(theirs.n_outputs_),))
    return LabelCoder("multiclass" if theirs.out_activation_ == "softmax" else "binary", (values,))


def _take_over(estimator: Any, theirs: Any) -> None:
    """Copy counters, best weights and the optimiser's memory."""
    state = estimator._state  # noqa: SLF001  (this is part of the estimator)
    state.epoch, state.samples_seen = len(theirs.loss_curve_), int(theirs.t_)
    state.no_improvement = int(theirs._no_improvement_count)  # noqa: SLF001  (nothing public)
    state.judged_by = f"{estimator.plan_.stopping.monitor} {estimator.stopping}"
    best = theirs.best_loss_
    if theirs.early_stopping:
        best = -theirs.best_validation_score_
        state.best_parameters = _flat(
            estimator,
            theirs._best_coefs,  # noqa: SLF001  (nothing public)
            theirs._best_intercepts,  # noqa: SLF001  (same)
        )
    state.best_figure = state.figure_to_beat = float(best)
    optimiser = getattr(theirs, "_optimizer", None)
    if optimiser is None:
        return
    n = len(theirs.coefs_)
    if theirs.solver == "adam":
        moments = {"first_moment": optimiser.ms, "second_moment": optimiser.vs}
        state.step = int(optimiser.t)
    else:
        moments = {"velocity": optimiser.velocities} if theirs.momentum else {}
        # The rate is divided by five each time.
        ratio = optimiser.learning_rate_init / optimiser.learning_rate
        adaptive = theirs.learning_rate == "adaptive"
        state.divisions = round(math.log(ratio, 5)) if adaptive else 0
    state.slots = {name: _flat(estimator, m[:n], m[n:]) for name, m in moments.items()}


def _flat(estimator: Any, coefs: Sequence[AnyArray], intercepts: Sequence[AnyArray]) -> AnyArray:
    """Return arrays as one vector, layer by layer; scikit-learn keeps all weights first."""
    arrays = [array for pair in zip(coefs, intercepts, strict=True) for array in pair]
    vector: AnyArray = estimator.network_.pack(arrays, estimator.plan_.dtype)
    return vector
