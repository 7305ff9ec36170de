"""The sweep of a study: which names may vary, and what they are where they do not."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any, get_args

from mlplab.errors import ParameterError
from mlplab.results import Configuration, Task
from mlplab.sweeps import Parameter, Range, Sweep, check_scores, sweep_from_table
from mlplab.workflows.settings import (
    check_model,
    check_preparation,
    estimator_class,
    parameter_names,
    preparation_names,
)
from mlplab.workflows.study import ModelTable, Study

__all__ = ["DATA", "SCORES", "split_configuration", "sweep_of"]

DATA = "data."
"""What the preparation's parameters are called in a space begins so."""

SCORES: dict[Task, str] = {
    "classification": "accuracy",
    "multilabel": "f1_micro",
    "regression": "r2",
    "autoencoder": "r2",
}
"""What decides where a study names no score."""

_KINDS = [kind for kind in get_args(ModelTable.model_fields["kind"].annotation) if kind != "auto"]
# A value may be right with some values of others only; whether those are there, training tells.
_BESIDE: Mapping[str, Mapping[str, Any]] = {"learning_rate_final": {"learning_rate": "linear"}}
# They decide nothing about the outcome.
_SILENT = frozenset({"n_threads"})


def sweep_of(
    study: Study, task: Task | None = None, base: Mapping[str, Any] | None = None
) -> Sweep:
    """Return the sweep that a study describes.

    Parameters
    ----------
    study : Study
        With a table ``[sweep]``.
    task : Task, optional
        Gives the score that decides, where the study names none.
    base : mapping, optional
        The parameters of the network where they do not vary; those of the study if left out.

    Raises
    ------
    ParameterError
        The message begins with the dotted name of the key that it is about.
    """
    assert study.sweep is not None  # noqa: S101  (callers have looked)
    kind = study.model.kind
    defaults = _defaults(kind)
    given = study.preparation.model_dump(exclude_none=True, exclude={"kinds"})
    fixed = {
        **defaults,
        **(study.model.parameters if base is None else base),
        **{DATA + name: value for name, value in given.items()},
    }
    fixed = {name: value for name, value in fixed.items() if name not in _SILENT}
    table = study.sweep.search
    if task is not None and not table.get("score"):
        table["score"] = SCORES[task]
    names = [name for name in parameter_names(kind) if name not in _SILENT]
    known = [*names, *(DATA + name for name in preparation_names())]
    sweep = sweep_from_table(table, seed=study.seed, fixed=fixed, defaults=defaults, known=known)
    check_scores(sweep.scores)
    for parameter in sweep.space.parameters:
        _check_values(kind, parameter)
    return sweep


def split_configuration(configuration: Configuration) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a configuration says about the network, and about the preparation.

    Examples
    --------
    >>> split_configuration({"alpha": 0.1, "data.scaling": "robust"})
    ({'alpha': 0.1}, {'scaling': 'robust'})
    """
    model = {name: v for name, v in configuration.items() if not name.startswith(DATA)}
    rest = {k.removeprefix(DATA): v for k, v in configuration.items() if k.startswith(DATA)}
    return model, rest


def _defaults(kind: str) -> dict[str, Any]:
    """Return the defaults of a kind of network; of what all agree about for ``"auto"``."""
    kinds = _KINDS if kind == "auto" else [kind]
    found = [inspect.signature(estimator_class(one)).parameters for one in kinds]
    return {
        name: parameter.default
        for name, parameter in found[0].items()
        if name in parameter_names(kind)
        and name not in _SILENT
        and all(name in one and one[name].default == parameter.default for one in found)
    }


def _check_values(kind: str, parameter: Parameter) -> None:
    domain = parameter.domain
    values = (domain.low, domain.high) if isinstance(domain, Range) else domain.grid()
    for value in values:
        model, preparation = split_configuration({parameter.name: value})
        try:
            check_model(kind, {**_BESIDE.get(parameter.name, {}), **model})
            check_preparation(preparation)
        except ParameterError as cause:
            here = f"`sweep.space.{parameter.name}`"
            raise ParameterError(re.sub(r"^`[\w.]+`", here, str(cause))) from cause
