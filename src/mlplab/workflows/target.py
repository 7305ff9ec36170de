"""The target of a study: which columns, which task, and what the network learns of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab import data
from mlplab.data import FoundTarget, TargetEncoding
from mlplab.data.frames import as_numbers
from mlplab.errors import DataError
from mlplab.results import Choice, Task
from mlplab.workflows.sources import Source
from mlplab.workflows.study import Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["find_target", "learn_encoding"]

_TASK_OF_KIND: dict[str, Task] = {
    "classifier": "classification",
    "regressor": "regression",
    "autoencoder": "autoencoder",
}
_POSITIVE_LOSSES = frozenset({"poisson"})


def find_target(study: Study, source: Source) -> FoundTarget:
    """Return target and task: those of the study, those of the data, or what the table shows.

    Raises
    ------
    DataError
        There is no such column, or its values do not allow the task.
    """
    wanted = study.data
    target: Any = None if wanted is None else wanted.target
    task: str = "auto" if wanted is None else wanted.task
    if task == "auto" and study.model.kind != "auto":
        task = _task_of_kind(study, source, target)
    if task == "autoencoder":
        return FoundTarget((), "autoencoder", ())
    if target is None and source.target:
        known = list(source.target)
        if task == "auto" and source.task and source.task != "autoencoder":
            task = source.task
        found = data.find_target(source.frame, known, task)
        reason = "The data say that this is their target."
        return replace(found, choices=(Choice("target", ", ".join(known), reason), *found.choices))
    return data.find_target(source.frame, target, task)


def _task_of_kind(study: Study, source: Source, target: Any) -> str:
    task = _TASK_OF_KIND[study.model.kind]
    if task != "classification":
        return task
    names = target if target is not None else (list(source.target) or None)
    found = data.find_target(source.frame, names, "auto").task
    # A classifier answers with one class or with several labels: the target decides.
    return found if found == "multilabel" else task


def learn_encoding(
    study: Study, found: FoundTarget, frame: pd.DataFrame, train: pd.DataFrame
) -> TargetEncoding | None:
    """Return what a target becomes: classes of all rows, numbers on the scale of training rows.

    Raises
    ------
    DataError
        A value is none that the task can have.
    """
    if found.task == "autoencoder":
        return None
    if found.task != "regression":
        # Classes are named by all rows; which of them occur in training the network learns.
        return TargetEncoding.learn(frame, found.names, found.task)
    standardise = study.preparation.standardise_target
    if standardise is None:
        standardise = study.model.parameters.get("loss") not in _POSITIVE_LOSSES
    _refuse_words(study, found, frame)
    TargetEncoding.learn(frame, found.names, found.task)  # says which row is not finite
    return TargetEncoding.learn(train, found.names, found.task, standardise=standardise)


def _refuse_words(study: Study, found: FoundTarget, frame: pd.DataFrame) -> None:
    """Say that whoever asked for numbers has named words."""
    asked = {"task": "auto" if study.data is None else study.data.task, "kind": study.model.kind}
    key = next((key for key, value in asked.items() if value != "auto"), None)
    for name in found.names:
        stray = as_numbers(frame[name])[1]
        if key is not None and stray.any():
            row = int(np.flatnonzero(stray)[0])
            raise DataError(
                f"`{key}` is {asked[key]!r}, so the target must hold numbers; {name!r} holds "
                f"{frame[name].iloc[row]!r} in row {frame.index[row] + 1}. Correct the "
                "value, name another target, or learn classes."
            )
