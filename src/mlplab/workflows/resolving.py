"""A study with everything written out that was chosen, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlplab.results import Choice
from mlplab.workflows.choosing import remember, said
from mlplab.workflows.parts import TEST_SHARE, Parts, kind_of
from mlplab.workflows.sources import Source
from mlplab.workflows.study import ChosenTable, ModelTable, Study

__all__ = ["remarks_on", "resolve"]


def resolve(
    study: Study,
    source: Source,
    parts: Parts,
    parameters: dict[str, Any],
    choices: Sequence[Choice],
) -> tuple[Study, tuple[Choice, ...]]:
    """Return the study with everything that was chosen written out, and all choices."""
    assert study.data is not None  # noqa: S101  (deal_parts has looked)
    names = list(parts.found.names)
    target = study.data.target if not names else (names[0] if len(names) == 1 else names)
    split = study.data.split
    if split.test is None and source.test_frame is None:
        split = split.model_copy(update={"test": TEST_SHARE})
    table = study.data.model_copy(
        update=source.places | {"target": target, "task": parts.task, "split": split}
    )
    model = ModelTable(kind=kind_of(parts.task), **_without_none(parameters))  # type: ignore[arg-type]  # a known kind
    current = {"target": ", ".join(names), "task": parts.task}
    current |= {name: said(value) for name, value in parameters.items()}
    choices = remember(study, current, choices)
    chosen = {
        choice.subject: ChosenTable(value=choice.value, reason=choice.reason)
        for choice in choices
        if choice.subject in current
    }
    name = study.name or source.name
    update = {"name": name, "data": table, "model": model, "chosen": chosen}
    return study.model_copy(update=update), choices


def _without_none(parameters: dict[str, Any]) -> dict[str, Any]:
    # TOML has no null; None is the default of every parameter that may be None.
    return {name: value for name, value in parameters.items() if value is not None}


def remarks_on(study: Study) -> dict[str, str]:
    """Return the reason of each choice, by dotted key, to stand behind the value in the file."""
    homes = {"target": "data.target", "task": "data.task"}
    return {
        homes.get(subject, f"model.{subject}"): f"chosen: {one.reason}"
        for subject, one in study.chosen.items()
    }
