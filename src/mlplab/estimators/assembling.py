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

__all__ = ["assemble"]


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
