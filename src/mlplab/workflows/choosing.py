"""What is chosen for a network where nobody said anything, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlplab.errors import ParameterError, did_you_mean
from mlplab.results import Choice
from mlplab.workflows.parts import Parts
from mlplab.workflows.study import Study

__all__ = ["choose_parameters", "match_class_weight", "remember", "said"]

_SMALL, _MIDDLE = 5_000, 50_000
_PASSES: list[tuple[str, Any, str]] = [
    ("max_iter", 10, "Each epoch reads the whole table; many rows need few epochs."),
    ("n_iter_no_change", 2, "Training waits so many epochs for something better."),
    ("dtype", "float32", "It takes half the memory and half the time of float64."),
]


def choose_parameters(
    parts: Parts, given: dict[str, Any]
) -> tuple[dict[str, Any], tuple[Choice, ...]]:
    """Return the parameters of the network, and what was chosen about them.

    Parameters
    ----------
    parts : Parts
    given : dict
        What was asked for; it is never changed.
    """
    proposals = [
        _sizes(parts),
        ("activation", "relu", "It is quick to calculate and trains well in most networks."),
        ("solver", "adam", "It finds a step size for each weight by itself."),
    ]
    if given.get("solver") != "lbfgs":
        proposals.append(_batch(parts.n_train))
    if len(parts.watched) and given.get("early_stopping", True):
        proposals += _stopping(len(parts.watched))
    if parts.stream is not None:
        proposals += _PASSES
        proposals = [one for one in proposals if one[0] != "n_iter_no_change" or one in _PASSES]
    chosen = [one for one in proposals if one[0] not in given]
    parameters = {**{name: value for name, value, _ in chosen}, **given}
    choices = tuple(Choice(name, said(value), reason) for name, value, reason in chosen)
    return parameters, choices


def _sizes(parts: Parts) -> tuple[str, Any, str]:
    n_features = parts.train.x.shape[1]
    if parts.task == "autoencoder":
        code = max(1, round(n_features / 3))
        wide = max(code + 1, round(n_features * 2 / 3))
        reason = f"The narrow layer has a third of the {n_features} prepared columns."
        return "hidden_layer_sizes", [wide, code, wide], reason
    if parts.image:
        return "hidden_layer_sizes", [256, 128], "Pictures need wide layers."
    reason = "Two layers of this size learn most tables; early stopping keeps them from too much."
    return "hidden_layer_sizes", [64, 32], reason


def _batch(n_rows: int) -> tuple[str, Any, str]:
    size = 32 if n_rows < _SMALL else (128 if n_rows < _MIDDLE else 256)
    if n_rows <= size:
        return "batch_size", "full", f"All {n_rows:,} training rows together make a step."
    return "batch_size", size, f"With {n_rows:,} training rows this makes many steps an epoch."


def _stopping(n_rows: int) -> list[tuple[str, Any, str]]:
    rows = f"{n_rows:,} validation row{'' if n_rows == 1 else 's'}"
    return [
        ("early_stopping", True, f"The epoch is kept that does best on {rows} set aside."),
        ("stopping", "loss", "The loss changes smoothly; scores of few rows jump."),
        ("n_iter_no_change", 20, "Training waits so many epochs for something better."),
    ]


def said(value: Any) -> str:
    """Return a value as a choice tells it."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return (
        {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    )


def remember(
    study: Study, current: Mapping[str, str], choices: Sequence[Choice]
) -> tuple[Choice, ...]:
    """Return the choices of a run beside those that its study has kept from an earlier one.

    Parameters
    ----------
    study : Study
    current : mapping of str to str
        What target, task and parameters are now. A kept reason belongs to the value that was
        chosen; where somebody has changed it, nothing was chosen any more.
    choices : sequence of Choice
        Of this run.
    """
    new = {choice.subject for choice in choices}
    kept = [
        Choice(subject, one.value, one.reason)
        for subject, one in study.chosen.items()
        if subject not in new and current.get(subject) == one.value
    ]
    # In the order of a first run: target and task, rows and columns, parameters.
    first = [choice for choice in kept if choice.subject in {"target", "task"}]
    return (*first, *choices, *(choice for choice in kept if choice not in first))


def match_class_weight(parameters: dict[str, Any], classes: Any) -> dict[str, Any]:
    """Return the parameters with the names in `class_weight` turned into classes.

    Raises
    ------
    ParameterError
        A name is no class.
    """
    weights = parameters.get("class_weight")
    if not isinstance(weights, dict):
        return parameters
    known = {str(value): value for value in np.asarray(classes).tolist()}
    matched = {}
    for name, weight in weights.items():
        if str(name) not in known:
            hint = did_you_mean(str(name), known) or f" The classes are {', '.join(known)}."
            raise ParameterError(f"`class_weight` must name classes; got {name!r}.{hint}")
        matched[known[str(name)]] = weight
    return {**parameters, "class_weight": matched}
