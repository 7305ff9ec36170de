"""Estimators as plain data and back; no pickle.

Everything needed to predict is stored, and everything needed to go on training: the optimiser's
memory, the counters of the state, the history, and with ``warm_start="state"`` where rows and
generator stand. Parameters that are code or generators (a scorer, a schedule of one's own, a
`RandomState`) cannot be data: they come back as their defaults, and the header names them under
``replaced``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlplab._typing import AnyArray, Vector
from mlplab.engines import TrainingState
from mlplab.errors import DataError, ModelFileError, ParameterError
from mlplab.estimators.going_on import Standing
from mlplab.estimators.plans import build_plan, pack_arrays
from mlplab.estimators.rules import check_parameters, parameters_of
from mlplab.estimators.soundness import (
    FITTED,
    check_loss_of_kind,
    check_network,
    checked_fitted,
    checked_plan,
    coder_of,
)
from mlplab.nn import (
    Activation,
    Loss,
    NetworkSpec,
    find_activation,
    loss_from_dict,
    loss_to_dict,
)
from mlplab.optim import OPTIMISERS, Optimiser
from mlplab.results import FitResult, History, ModelArtifact, StopReason
from mlplab.results.stored import built, check_fields, fits

__all__ = ["from_artifact", "to_artifact"]

_COUNTERS = (
    "step",
    "epoch",
    "samples_seen",
    "origin_step",
    "origin_epoch",
    "first_epoch",
    "divisions",
    "no_improvement",
    "best_figure",
    "figure_to_beat",
    "best_epoch",
    "judged_by",
    "first_step",
)


# What Python and NumPy raise where a file holds something else than it should.
_BROKEN = (
    KeyError,
    TypeError,
    IndexError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


class _NotData(Exception):  # noqa: N818  (never leaves this module)
    """A parameter that is code or a generator."""


def to_artifact(estimator: Any) -> ModelArtifact:
    """Return a fitted estimator as JSON-ready header and named arrays.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        There is nothing to store yet.
    """
    network: NetworkSpec = estimator.network_
    parameters, replaced = _stored_parameters(estimator.get_params(deep=False))
    state: TrainingState = estimator._state  # noqa: SLF001  (storage is part of the estimator)
    header: dict[str, Any] = {
        "parameters": parameters,
        "replaced": replaced,
        "network": network.to_dicts(),
        "loss": loss_to_dict(estimator._loss),  # noqa: SLF001  (same)
        "fitted": {name: getattr(estimator, name) for name in FITTED if hasattr(estimator, name)},
        "state": {name: getattr(state, name) for name in _COUNTERS},
        "stop": state.stop.name if state.stop else None,
        "plan": _stored_plan(estimator),
        "result": _stored_result(getattr(estimator, "result_", None)),
    }
    if hasattr(estimator, "feature_names_in_"):
        header["feature_names"] = [str(name) for name in estimator.feature_names_in_]
    coder = estimator.__dict__.get("_coder")
    if coder is not None:
        header["labels"] = {"kind": coder.kind, "classes": [_values(c) for c in coder.classes]}
    arrays: dict[str, AnyArray] = {}
    for i, (coef, intercept) in enumerate(
        zip(estimator.coefs_, estimator.intercepts_, strict=True)
    ):
        arrays[f"coef/{i}"], arrays[f"intercept/{i}"] = np.array(coef), np.array(intercept)
    arrays["best_parameters"] = state.best_parameters
    if state.last_parameters is not None:
        arrays["last_parameters"] = state.last_parameters
    if hasattr(estimator, "_standing"):
        header["standing"], places = _stored_standing(estimator._standing)  # noqa: SLF001  (same)
        arrays.update(places)
    arrays.update({f"slot/{name}": np.asarray(slot) for name, slot in state.slots.items()})
    return ModelArtifact(type(estimator).__name__, header, arrays)


def from_artifact(cls: type[Any], artifact: ModelArtifact) -> Any:
    """Return the estimator that `to_artifact` stored.

    Raises
    ------
    ModelFileError
        The artifact is of another kind, does not hold together, or needs a function of one's own
        that is not registered here.
    """
    if artifact.kind != cls.__name__:
        message = f"The model must be a {cls.__name__}; the file holds a {artifact.kind}."
        raise ModelFileError(message)
    try:
        return _rebuild(cls, artifact.header, artifact.arrays)
    except ModelFileError:
        raise
    except _BROKEN as broken:
        message = f"The model of kind {artifact.kind} does not hold together: {broken!r}."
        raise ModelFileError(message) from broken


def _rebuild(cls: type[Any], header: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Any:
    network = NetworkSpec.from_dicts(header["network"])
    check_network(network)
    _require_activations(network)
    estimator = cls(**{k: _restored(k, v) for k, v in header["parameters"].items()})
    check_parameters(parameters_of(estimator))
    estimator._network = network
    estimator._loss = _restored_loss(header["loss"])
    coder = coder_of(header["labels"], network) if hasattr(cls, "predict_proba") else None
    check_loss_of_kind(estimator._loss, coder, network)
    if coder is not None:
        estimator._coder, estimator.classes_ = coder, coder.exposed_classes
    needs_code = hasattr(cls, "inverse_transform")
    fitted = checked_fitted(header["fitted"], network, estimator._loss, needs_code=needs_code)
    for name, value in fitted.items():
        setattr(estimator, name, value)
    if "feature_names" in header:
        estimator.feature_names_in_ = _feature_names(header["feature_names"], network)
    parameters = _stored_weights(network, arrays)
    estimator._state = _restored_state(header, parameters, arrays)
    if "standing" in header:
        estimator._standing = _restored_standing(header["standing"], arrays)
    plan = checked_plan(header["plan"])
    estimator._dropout_seed = plan["dropout_seed"]
    estimator.plan_ = build_plan(estimator, network, estimator._loss, **plan)
    estimator._expose(parameters)
    if header["result"] is not None:
        estimator.result_ = _restored_result(header["result"])
    return estimator


def _restored_state(
    header: Mapping[str, Any], parameters: Vector, arrays: Mapping[str, AnyArray]
) -> TrainingState:
    check_fields(TrainingState, header["state"])
    return TrainingState(
        parameters,
        {name[5:]: array for name, array in arrays.items() if name.startswith("slot/")},
        best_parameters=arrays["best_parameters"],
        last_parameters=arrays.get("last_parameters"),
        stop=StopReason[header["stop"]] if header["stop"] else None,
        **header["state"],
    )


def _feature_names(stored: Any, network: NetworkSpec) -> AnyArray:
    if not fits(stored, tuple[str, ...]) or len(stored) != network.units[0]:
        message = "its names of features do not fit its inputs"
        raise ValueError(message)
    return np.array(stored, dtype=object)


def _require_activations(network: NetworkSpec) -> None:
    for layer in network.layers:
        if isinstance(layer, Activation) and find_activation(layer.function) is None:
            message = (
                f"The model was trained with the activation {layer.function!r}, which is not one "
                "of mlplab's. Register it with mlplab.nn.register before loading."
            )
            raise ModelFileError(message)


def _restored_loss(stored: Mapping[str, Any]) -> Loss:
    try:
        return loss_from_dict(stored)
    except ParameterError as unusable:
        raise ModelFileError(str(unusable)) from unusable


def _stored_weights(network: NetworkSpec, arrays: Mapping[str, AnyArray]) -> Vector:
    layers = range(len(network.dense_layers))
    coefs = [arrays[f"coef/{i}"] for i in layers]
    intercepts = [arrays[f"intercept/{i}"] for i in layers]
    kinds = {str(array.dtype) for array in arrays.values() if array.dtype.kind not in "ui"}
    if len(kinds - {"float64"}) > 1 or not kinds <= {"float32", "float64"}:
        message = f"its arrays are of {', '.join(sorted(kinds))}"
        raise ValueError(message)
    weights = pack_arrays(network, coefs, intercepts, str(coefs[0].dtype), "the file")
    for name, array in arrays.items():
        # The optimiser remembers a number for each weight, or one for all.
        of_weights = name in {"best_parameters", "last_parameters"} or (
            name.startswith("slot/") and array.shape[-1:] != (1,)
        )
        if of_weights and array.shape[-1:] != weights.shape:
            message = f"{name} has shape {array.shape} where {weights.shape} is expected"
            raise ValueError(message)
    return weights


def _stored_standing(standing: Standing) -> tuple[dict[str, Any], dict[str, AnyArray]]:
    """Return where rows and generator stand, as header and arrays."""
    arrays = {"rows/order": standing.order, "rows/aside": standing.aside}
    header: dict[str, Any] = {
        "n_rows": standing.n_rows,
        "share": standing.share,
        "seed": standing.seed,
        "generator": None,
    }
    if standing.generator is not None:
        inner, plain = standing.generator["state"], standing.generator
        arrays["generator/key"] = inner["key"]
        names = ("has_gauss", "gauss")
        header["generator"] = {"pos": inner["pos"], **{name: plain[name] for name in names}}
    return header, {name: array for name, array in arrays.items() if array is not None}


def _restored_standing(stored: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Standing:
    """Return where rows and generator stand.

    Raises
    ------
    ValueError
        Rows would be read that nobody has, or the generator is none.
    """
    order, aside = arrays.get("rows/order"), arrays.get("rows/aside")
    parts = [places for places in (order, aside) if places is not None]
    # NumPy and engines read where they are told to: places are checked before.
    held = np.concatenate(parts) if parts else np.arange(0)
    # Counted first, so that no file asks for more places than it holds.
    whole = len(held) == stored["n_rows"] and np.array_equal(np.sort(held), np.arange(len(held)))
    if parts and not whole:
        message = "rows/order and rows/aside do not hold every row once"
        raise ValueError(message)
    generator = None
    if stored["generator"] is not None:
        key, pos = arrays["generator/key"], int(stored["generator"]["pos"])
        if key.shape != (624,) or key.dtype != np.uint32 or not 0 <= pos <= 624:
            message = "generator/key and its place are not those of MT19937"
            raise ValueError(message)
        generator = {
            "bit_generator": "MT19937",
            "state": {"key": key, "pos": pos},
            "has_gauss": int(stored["generator"]["has_gauss"]),
            "gauss": float(stored["generator"]["gauss"]),
        }
    plain = {name: stored[name] for name in ("n_rows", "share", "seed")}
    check_fields(Standing, plain)
    return Standing(**plain, order=order, aside=aside, generator=generator)


def _stored_plan(estimator: Any) -> dict[str, Any]:
    plan = estimator.plan_
    return {
        # No batch is larger than the rows, so this gives the same batch size again.
        "n_rows": plan.batch_size,
        "dtype": plan.dtype,
        "dropout_seed": plan.dropout_seed,
        "watches_validation": plan.stopping.restore_best,
        "score": plan.stopping.score,
    }


def _stored_result(result: FitResult | None) -> dict[str, Any] | None:
    if result is None:
        return None
    plain = {
        field.name: getattr(result, field.name)
        for field in dataclasses.fields(result)
        if field.name not in {"history", "status"}
    }
    return {**plain, "history": result.history.to_columns(), "status": result.status.name}


def _restored_result(stored: Mapping[str, Any]) -> FitResult:
    history = built(History, stored["history"])
    if len({len(history.column(name)) for name in stored["history"]}) > 1:
        message = "its history has epochs without a figure"
        raise ValueError(message)
    plain = {key: value for key, value in stored.items() if key not in {"history", "status"}}
    check_fields(FitResult, plain)
    return FitResult(history=history, status=StopReason[stored["status"]], **plain)


def _stored_parameters(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    kept, replaced = {}, {}
    for name, value in parameters.items():
        try:
            kept[name] = _plain(value)
        except _NotData:
            replaced[name] = type(value).__name__
    return kept, replaced


def _plain(value: Any) -> Any:
    """Return a parameter as JSON can hold it."""
    if isinstance(value, Optimiser):
        return {"$optimiser": value.name, **dataclasses.asdict(value)}  # type: ignore[call-overload]  # recipes are dataclasses
    if isinstance(value, Loss):
        return {"$loss": loss_to_dict(value)}
    if isinstance(value, Mapping):
        # Keys of JSON are strings; classes may be numbers.
        return {"$pairs": [[_plain(key), _plain(item)] for key, item in value.items()]}
    if isinstance(value, np.generic) and value.dtype.kind not in "mM":
        return value.item()
    if isinstance(value, (list, tuple, np.ndarray)) and np.ndim(np.asarray(value, object)) == 1:
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise _NotData


def _restored(name: str, value: Any) -> Any:
    if isinstance(value, dict) and "$optimiser" in value:
        fields = {key: item for key, item in value.items() if key != "$optimiser"}
        return built(OPTIMISERS[value["$optimiser"]], fields)
    if isinstance(value, dict) and "$loss" in value:
        return _restored_loss(value["$loss"])
    if isinstance(value, dict) and "$pairs" in value:
        return {key: _restored(name, item) for key, item in value["$pairs"]}
    if isinstance(value, list):
        items = [_restored(name, item) for item in value]
        return tuple(items) if name == "hidden_layer_sizes" else items
    return value


def _values(array: AnyArray) -> dict[str, Any]:
    """Class labels with their type: text, numbers, or moments as numbers.

    Raises
    ------
    DataError
        They are objects of another kind.
    """
    if array.dtype.kind in "mM":
        return {"dtype": array.dtype.str, "values": array.astype(np.int64).tolist()}
    if array.dtype != object:
        return {"dtype": array.dtype.str, "values": array.tolist()}
    values = [value.item() if isinstance(value, np.generic) else value for value in array]
    strange = [value for value in values if not isinstance(value, (str, int, float))]
    if strange:
        message = (
            "Classes must be text, numbers or datetime64 to be stored; got "
            f"{type(strange[0]).__name__}. Convert `y` before the fit, to text for example."
        )
        raise DataError(message)
    return {"dtype": "object", "values": values}
