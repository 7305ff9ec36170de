"""A fitted estimator from weights that were learned elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlplab._typing import AnyArray, Vector
from mlplab.engines import TrainingState
from mlplab.estimators.labels import LabelCoder
from mlplab.estimators.plans import (
    build_network,
    build_plan,
    hidden_sizes,
    pack_arrays,
    per_hidden_layer,
)
from mlplab.estimators.rules import check_parameters, parameters_of
from mlplab.nn import NetworkSpec
from mlplab.results.portable import PortableModel

__all__ = ["assemble", "from_portable"]


def assemble(
    estimator: Any,
    coefs: Sequence[AnyArray],
    intercepts: Sequence[AnyArray],
    *,
    coder: LabelCoder | None = None,
    feature_names: Any = None,
    watches_validation: bool = False,
) -> Any:
    """Give an estimator a network that was trained elsewhere; it can be trained on.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or MLPAutoencoder
        Unfitted; its parameters describe the network.
    coefs, intercepts : sequence of ndarray
        Weights of shape (fan_in, fan_out) and biases of shape (fan_out,).
    coder : LabelCoder, optional
        Of a classifier.
    feature_names : array-like of str, optional
    watches_validation : bool, default=False
        Whether validation rows decided when to stop.

    Returns
    -------
    estimator
        The same one, fitted.

    Raises
    ------
    ParameterError
        A parameter is out of its range, or the arrays do not fit the network.
    """
    check_parameters(parameters_of(estimator))
    network = _network(estimator, coefs)
    dtype = "float32" if coefs[0].dtype == np.float32 else "float64"
    parameters = pack_arrays(network, coefs, intercepts, dtype, "the network")
    if coder is not None:
        estimator._coder, estimator.classes_ = coder, coder.exposed_classes  # noqa: SLF001  (this is part of the estimator)
    _set_fitted(estimator, network, parameters)
    if feature_names is not None:
        estimator.feature_names_in_ = np.asarray(feature_names, dtype=object)
    estimator.plan_ = build_plan(
        estimator,
        network,
        estimator._loss,  # noqa: SLF001  (same)
        # Only the size of a batch hangs on it, and every fit finds that anew.
        n_rows=200,
        dtype=dtype,
        dropout_seed=0,
        watches_validation=watches_validation,
        score=estimator._score_name,  # noqa: SLF001  (same)
    )
    return estimator


def from_portable(cls: type[Any], model: PortableModel) -> Any:
    """Return an estimator with the network of a portable model, without its preparation.

    Parameters
    ----------
    cls : type
        MLPClassifier, MLPRegressor or MLPAutoencoder.
    model : PortableModel

    Returns
    -------
    estimator
        With the plainest loss that predicts so (log loss, hinge, squared error, Poisson), as the
        steps of a prediction do not tell what the loss was.

    Raises
    ------
    ParameterError, ValueError
        The parts do not agree.
    """
    answer, hidden = model.answer, model.layers[:-1]
    parameters: dict[str, Any] = {
        "hidden_layer_sizes": tuple(len(layer.bias) for layer in hidden),
        "activation": [layer.activation for layer in hidden],
    }
    if answer.kind == "rows":
        parameters["code_layer"] = answer.code_layer
    if model.link == "exp":
        parameters["loss"] = "poisson"
    if answer.classes and not answer.has_probabilities:
        parameters["loss"] = "hinge"
    weights = [layer.weight for layer in model.layers], [layer.bias for layer in model.layers]
    coder = _coder(model) if answer.classes else None
    estimator = assemble(cls(**parameters), *weights, coder=coder)
    agrees = coder is None or coder.n_columns == model.n_raw
    linear_end = model.layers[-1].activation == "identity"
    if not (agrees and linear_end and estimator.out_activation_ == model.link):
        message = f"its link {model.link!r}, its last layer and its classes do not agree"
        raise ValueError(message)
    return estimator


def _coder(model: PortableModel) -> LabelCoder:
    answer = model.answer
    if answer.kind == "labels":
        return LabelCoder("multilabel", (np.arange(model.n_raw),))
    if answer.kind == "variables":
        return LabelCoder("multioutput", answer.classes)
    return LabelCoder("multiclass" if answer.exclusive else "binary", answer.classes)


def _network(estimator: Any, coefs: Sequence[AnyArray]) -> NetworkSpec:
    sizes = hidden_sizes(estimator.hidden_layer_sizes)
    return build_network(
        sizes,
        estimator._hidden_activations(len(sizes)),  # noqa: SLF001  (same)
        per_hidden_layer("dropout", estimator.dropout, len(sizes)),
        int(coefs[0].shape[0]),
        int(coefs[-1].shape[1]),
    )


def _set_fitted(estimator: Any, network: NetworkSpec, parameters: Vector) -> None:
    estimator._network = network  # noqa: SLF001  (same)
    estimator._loss = estimator._make_loss(network.units[-1])  # noqa: SLF001  (same)
    estimator._state = TrainingState(parameters)  # noqa: SLF001  (same)
    estimator._dropout_seed = 0  # noqa: SLF001  (same)
    estimator._reset_curves()  # noqa: SLF001  (same)
    estimator._expose(parameters)  # noqa: SLF001  (same)
    estimator.n_features_in_ = network.units[0]
    estimator.n_outputs_, estimator.n_layers_ = network.units[-1], len(network.units)
    estimator.out_activation_ = estimator._loss.link  # noqa: SLF001  (same)
