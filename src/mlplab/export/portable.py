"""From whatever people train to the steps of its prediction."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlplab._typing import AnyArray
from mlplab.errors import ExportError, ParameterError
from mlplab.export.features import Features
from mlplab.export.scikit_steps import after_step
from mlplab.results.portable import (
    Block,
    Gaps,
    InputColumn,
    Numbers,
    PortableModel,
    PortablePreparation,
)

__all__ = ["portable"]


def portable(model: Any, *, network_only: bool = False) -> PortableModel:
    """Return the steps of the prediction of a model.

    Parameters
    ----------
    model : estimator, TabularModel, Pipeline, TransformedTargetRegressor or search
        Fitted. Of a search of scikit-learn, its best estimator.
    network_only : bool, default=False
        Leave the preparation out: the inputs are then the features of the network.

    Raises
    ------
    ExportError
        A step has no form outside Python; the message names it.
    ParameterError
        It is no model that can be exported.
    """
    if isinstance(model, PortableModel):
        found = model
    elif hasattr(model, "best_estimator_"):
        return portable(model.best_estimator_, network_only=network_only)
    elif hasattr(model, "regressor_") and hasattr(model, "transformer_"):
        found = _with_target(portable(model.regressor_, network_only=network_only), model)
    elif hasattr(model, "steps"):
        found = _of_pipeline(model, network_only=network_only)
    elif callable(getattr(model, "to_portable", None)) and not isinstance(model, type):
        found = model.to_portable()
    else:
        raise _not_exportable(model)
    if not isinstance(found, PortableModel):
        raise _not_exportable(model)
    return _alone(found) if network_only else found


def _not_exportable(model: Any) -> ParameterError:
    message = (
        "`model` must be an estimator of mlplab, what `mlplab fit` saves, or a pipeline that ends "
        f"in an estimator of mlplab; got {type(model).__name__}."
    )
    if type(model).__module__.startswith("sklearn.neural_network"):
        return ParameterError(f"{message} Convert it first with mlplab.from_sklearn.")
    if hasattr(model, "estimators_"):
        return ParameterError(f"{message} Pass its `estimators_` one by one, and average answers.")
    if isinstance(model, str) or hasattr(model, "__fspath__"):
        return ParameterError(f"{message} Read it first with mlplab.load.")
    return ParameterError(f"{message} Pass the fitted model itself.")


def _of_pipeline(model: Any, *, network_only: bool) -> PortableModel:
    last = portable(model.steps[-1][1])
    if network_only:
        return last
    given = getattr(model, "feature_names_in_", None)
    names = [f"x{i}" for i in range(_n_columns(model))] if given is None else map(str, given)
    features = Features.of_columns(list(names))
    for name, step in model.steps[:-1]:
        features = after_step(features, name, step)
    preparation = features.finished()
    if given is not None:
        preparation = _without_unused_columns(preparation)
    answer = last.answer
    if answer.code_layer is not None:
        answer = dataclasses.replace(answer, code_layer=answer.code_layer + len(features.layers))
    return dataclasses.replace(
        last, preparation=preparation, layers=(*features.layers, *last.layers), answer=answer
    )


def _n_columns(model: Any) -> int:
    counted = [step for _, step in model.steps if hasattr(step, "n_features_in_")]
    return int(counted[0].n_features_in_)


def _alone(model: PortableModel) -> PortableModel:
    """Return the network without its preparation: a number for each feature."""
    n = model.n_features
    names = model.preparation.feature_names
    names = names if len(names) == n else tuple(f"x{i}" for i in range(n))
    columns = tuple(InputColumn(name) for name in names)
    plain = PortablePreparation(columns, (Numbers(tuple(range(n))),), (), names)
    return dataclasses.replace(model, preparation=plain)


def _without_unused_columns(preparation: PortablePreparation) -> PortablePreparation:
    used = sorted({place for block in preparation.blocks for place in _places(block)})
    new = {old: place for place, old in enumerate(used)}
    return dataclasses.replace(
        preparation,
        columns=tuple(preparation.columns[place] for place in used),
        blocks=tuple(_moved(block, new) for block in preparation.blocks),
    )


def _places(block: Block) -> tuple[int, ...]:
    return block.columns if isinstance(block, (Numbers, Gaps)) else (block.column,)


def _moved(block: Block, new: Mapping[int, int]) -> Block:
    if isinstance(block, (Numbers, Gaps)):
        return type(block)(tuple(new[place] for place in block.columns))
    return dataclasses.replace(block, column=new[block.column])


_AFFINE = ("MaxAbsScaler", "MinMaxScaler", "RobustScaler", "StandardScaler")


def _with_target(model: PortableModel, wrapper: Any) -> PortableModel:
    """Return a model of numbers that are scaled back, as a TransformedTargetRegressor does."""
    scaler = wrapper.transformer_
    if type(scaler).__name__ == "FunctionTransformer" and scaler.inverse_func is None:
        return model
    if type(scaler).__name__ not in _AFFINE:
        message = (
            f"A target must be scaled by one of {', '.join(_AFFINE)} to be exported; got "
            f"{type(scaler).__name__}, which calls a function of Python. Export `regressor_` alone "
            "and scale its predictions back."
        )
        raise ExportError(message)
    mean, scale = _way_back(scaler, model.n_raw)
    answer = dataclasses.replace(model.answer, mean=mean, scale=scale)
    return dataclasses.replace(model, answer=answer)


def _way_back(scaler: Any, n: int) -> tuple[AnyArray, AnyArray]:
    if type(scaler).__name__ == "StandardScaler":
        mean = scaler.mean_ if scaler.with_mean else np.zeros(n)
        return np.asarray(mean), np.asarray(scaler.scale_ if scaler.with_std else np.ones(n))
    ends = scaler.inverse_transform(np.vstack([np.zeros(n), np.ones(n)]))
    return ends[0], ends[1] - ends[0]
