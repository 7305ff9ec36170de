"""Settings of networks and preparations by name: parsed, checked, with the nearest valid name."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mlplab.data import Preparation
from mlplab.errors import ParameterError, did_you_mean
from mlplab.estimators import MLPAutoencoder, MLPClassifier, MLPRegressor
from mlplab.results import Task
from mlplab.workflows.study import PreparationTable
from mlplab.workflows.wording import rule_broken

__all__ = [
    "KIND_OF_TASK",
    "check_figures",
    "check_model",
    "check_preparation",
    "checked",
    "estimator_class",
    "parameter_names",
    "parse_settings",
    "preparation_names",
    "split_settings",
]

TableT = TypeVar("TableT", bound=BaseModel)

KIND_OF_TASK: dict[Task, str] = {
    "classification": "classifier",
    "multilabel": "classifier",
    "regression": "regressor",
    "autoencoder": "autoencoder",
}
_CLASSES: dict[str, Any] = {
    "classifier": MLPClassifier,
    "regressor": MLPRegressor,
    "autoencoder": MLPAutoencoder,
}
_TASKS_OF_FIGURES: dict[str, tuple[Task, ...]] = {
    "label_histogram": ("classification", "multilabel"),
    "confusion": ("classification",),
    "prediction_error": ("regression",),
}
# The seed of the study is the seed of everything; progress is told in another way.
_NOT_SETTINGS = frozenset({"random_state", "verbose", "warm_start"})
_PREPARATION = (
    *(name for name in inspect.signature(Preparation).parameters if name != "drop"),
    "standardise_target",
)
_LISTED = " See `mlplab fit --help`."


def estimator_class(kind: str) -> Any:
    """Return the class of a kind of network."""
    return _CLASSES[kind]


def parameter_names(kind: str) -> list[str]:
    """Return what may be set of a kind of network; of any for ``"auto"``."""
    classes = list(_CLASSES.values()) if kind == "auto" else [_CLASSES[kind]]
    names = dict.fromkeys(name for cls in classes for name in inspect.signature(cls).parameters)
    return [name for name in names if name not in _NOT_SETTINGS]


def check_model(kind: str, parameters: Mapping[str, Any]) -> None:
    """Check names and values of the parameters of a network.

    Raises
    ------
    ParameterError
        Names the parameter, the rule, what was received, and the nearest valid name.
    """
    from mlplab.estimators.rules import check_parameters  # noqa: PLC0415  # not public by itself

    valid = parameter_names(kind)
    for name in parameters:
        if name in _NOT_SETTINGS:
            way_out = "Use `seed`." if name == "random_state" else "Leave it out."
            raise ParameterError(f"`{name}` is not a setting of a study. {way_out}")
        if name not in valid:
            raise ParameterError(_no_parameter(name, kind, valid))
    check_parameters(parameters)


def preparation_names() -> list[str]:
    """Return what a sweep may vary of the preparation: all but the kinds of single columns."""
    return [name for name in _PREPARATION if name != "kinds"]


def check_preparation(settings: Mapping[str, Any]) -> PreparationTable:
    """Return settings of the preparation as the table of a study.

    Raises
    ------
    ParameterError
        A value is out of its range.
    """
    return checked(PreparationTable, settings)


def checked(table: type[TableT], values: Mapping[str, Any]) -> TableT:
    """Return a table of a study, or say which value it does not accept.

    Raises
    ------
    ParameterError
        A value is out of its range, or its name is unknown.
    """
    try:
        return table.model_validate(dict(values))
    except ValidationError as cause:
        first = cause.errors()[0]
        name = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            hint = did_you_mean(name, table.model_fields) or " Leave it out."
            known = ", ".join(table.model_fields)
            raise ParameterError(f"`{name}` must be one of {known}.{hint}") from cause
        mistakes = [one for one in cause.errors() if str(one["loc"][0]) == name]
        raise ParameterError(rule_broken(name, mistakes)) from cause


def check_figures(show: Sequence[str], task: Task) -> None:
    """Raise `ParameterError` if a figure does not fit the task."""
    for name in show:
        tasks = _TASKS_OF_FIGURES.get(name, (task,))
        if task not in tasks:
            raise ParameterError(
                f"`figures.show` must fit the task; {name!r} is for {' and '.join(tasks)}, and the "
                f"task is {task}. Take it out of the list."
            )


def _no_parameter(name: str, kind: str, valid: list[str]) -> str:
    homes = [other for other in _CLASSES if name in parameter_names(other)]
    if homes:
        return (
            f"`{name}` is no parameter of the {kind}; it belongs to the {' and the '.join(homes)}. "
            "Leave it out, or name another task."
        )
    return f"`{name}` is no parameter of the network.{did_you_mean(name, valid) or _LISTED}"


def parse_settings(items: list[str] | tuple[str, ...]) -> dict[str, Any]:
    """Return what ``key=value`` items say, with values of the type that they look like.

    Raises
    ------
    ParameterError
        An item has no ``=``.

    Examples
    --------
    >>> parse_settings(["solver=sgd", "alpha=1e-3", "hidden_layer_sizes=64,32", "clip_norm=none"])
    {'solver': 'sgd', 'alpha': 0.001, 'hidden_layer_sizes': [64, 32], 'clip_norm': None}
    """
    parsed = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise ParameterError(
                f"A setting must be written as key=value; got {item!r}. For example: alpha=0.001"
            )
        parsed[key.strip()] = _value(value.strip())
    return parsed


def _value(text: str) -> Any:
    if text.lower() in {"none", "true", "false"}:
        return {"none": None, "true": True, "false": False}[text.lower()]
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        pass
    try:  # Python's numbers may lack a digit beside the point
        return float(text)
    except ValueError:
        pass
    if "," in text and not text.startswith(("[", "{", '"', "'")):
        return [_value(part.strip()) for part in text.split(",") if part.strip()]
    return text


def split_settings(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of the network and those of the preparation.

    Parameters
    ----------
    settings : mapping
        By name; ``preparation.scaling`` and ``scaling`` are the same.

    Raises
    ------
    ParameterError
        There is no such setting.
    """
    model: dict[str, Any] = {}
    preparation: dict[str, Any] = {}
    names = [*parameter_names("auto"), *_PREPARATION]
    for key, value in settings.items():
        name = key.removeprefix("preparation.").removeprefix("model.")
        if name in _PREPARATION:
            preparation[name] = "none" if value is None else value
        elif name in names or name in _NOT_SETTINGS:
            model[name] = value
        else:
            hint = did_you_mean(name, names) or _LISTED
            raise ParameterError(f"`{name}` is no setting of a network or preparation.{hint}")
    return model, preparation
