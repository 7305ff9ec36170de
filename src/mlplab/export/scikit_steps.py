"""The steps of scikit-learn's pipelines that have a form outside Python, and what it is.

Every step takes features and gives features. What scikit-learn learned is read from the
attributes of its transformers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from mlplab.export.features import Features, beside
from mlplab.export.scikit_words import after_encoder, after_imputer, no_form
from mlplab.results.portable import DenseLayer

__all__ = ["STEPS", "after_step"]


def after_step(features: Features, name: str, step: Any) -> Features:
    """Return what a fitted step makes of features.

    Parameters
    ----------
    features : Features
    name : str
        Of the step, for messages.
    step : transformer, None, "passthrough" or "drop"

    Raises
    ------
    ExportError
        The step, or a setting of it, has no form outside Python.
    """
    if step is None or isinstance(step, str):
        return features.take([]) if step == "drop" else features
    if features.layers:
        raise no_form(name, step, "it follows a step that mixes features")
    if hasattr(step, "to_portable"):
        return _own_step(features, name, step)
    if not type(step).__module__.startswith("sklearn."):
        raise no_form(name, step, "it is neither of scikit-learn nor of mlplab")
    if hasattr(step, "get_support"):
        return features.take(np.flatnonzero(step.get_support()).tolist())
    made = STEPS.get(type(step).__name__)
    if made is None:
        raise no_form(name, step, f"known are selectors, {', '.join(sorted(STEPS))}")
    return made(features, name, step)


def _own_step(features: Features, name: str, step: Any) -> Features:
    """Return what a step of mlplab makes of features: a preparation, or a hidden layer."""
    portable = step.to_portable()
    if hasattr(portable, "blocks"):
        if not all(features.untouched(place) for place in range(len(features))):
            raise no_form(name, step, "a Preparation must come first")
        return Features.of_preparation(portable)
    code = portable.answer.code_layer
    n_layers = len(portable.layers) if code is None else code + 2
    if n_layers < 2:
        raise no_form(name, step, "it has no hidden layer")
    return dataclasses.replace(features, layers=portable.layers[: n_layers - 1])


def _pipeline(features: Features, name: str, step: Any) -> Features:
    for inner_name, inner in step.steps:
        features = after_step(features, f"{name}/{inner_name}", inner)
    return features


def _columns(features: Features, name: str, step: Any) -> Features:
    places = step._transformer_to_input_indices  # noqa: SLF001  (nothing public tells it)
    branches = []
    columns = list(features.columns)
    for inner_name, inner, _ in step.transformers_:
        taken = features.take(list(places[inner_name]))
        branch = after_step(taken, f"{name}/{inner_name}", inner)
        if branch.layers:
            raise no_form(f"{name}/{inner_name}", inner, "it mixes features of one branch")
        for feature in branch.features:
            columns[feature.column] = branch.columns[feature.column]
        branches.append(branch)
    if not branches:
        return features.take([])
    return beside(branches, tuple(columns))


def _standard(features: Features, name: str, step: Any) -> Features:  # noqa: ARG001  (all have it)
    if step.with_mean:
        features = features.then("subtract", step.mean_)
    return features.then("divide", step.scale_) if step.with_std else features


def _robust(features: Features, name: str, step: Any) -> Features:  # noqa: ARG001  (same)
    if step.with_centering:
        features = features.then("subtract", step.center_)
    return features.then("divide", step.scale_) if step.with_scaling else features


def _minmax(features: Features, name: str, step: Any) -> Features:  # noqa: ARG001  (same)
    features = features.then("multiply", step.scale_).then("add", step.min_)
    return _clipped(features, *step.feature_range) if step.clip else features


def _maxabs(features: Features, name: str, step: Any) -> Features:  # noqa: ARG001  (same)
    features = features.then("divide", step.scale_)
    return _clipped(features, -1, 1) if getattr(step, "clip", False) else features


def _clipped(features: Features, low: float, high: float) -> Features:
    limits = np.full(len(features), low), np.full(len(features), high)
    return features.then("at_least", limits[0]).then("at_most", limits[1])


def _function(features: Features, name: str, step: Any) -> Features:
    if step.func is not None:
        raise no_form(name, step, "it calls a function of Python")
    return features


def _components(features: Features, name: str, step: Any) -> Features:  # noqa: ARG001  (same)
    weight = step.components_.T
    if step.whiten:
        spread = np.sqrt(step.explained_variance_)
        weight = weight / np.maximum(spread, np.finfo(spread.dtype).eps)
    centred = features.then("subtract", step.mean_)
    layer = DenseLayer(weight, np.zeros(weight.shape[1]), "identity")
    return dataclasses.replace(centred, layers=(layer,))


Step = Callable[[Features, str, Any], Features]
STEPS: dict[str, Step] = {
    "ColumnTransformer": _columns,
    "FunctionTransformer": _function,
    "MaxAbsScaler": _maxabs,
    "MinMaxScaler": _minmax,
    "OneHotEncoder": after_encoder,
    "OrdinalEncoder": after_encoder,
    "PCA": _components,
    "Pipeline": _pipeline,
    "RobustScaler": _robust,
    "SimpleImputer": after_imputer,
    "StandardScaler": _standard,
}
"""What each of scikit-learn's transformers makes of features, by the name of its class."""
