"""What is said before a training begins, while there is still time to object."""

from __future__ import annotations

from collections.abc import Sequence

from mlplab.data.kinds import DROPPED
from mlplab.results import Choice
from mlplab.workflows.parts import Parts

__all__ = ["opening"]

_MOST = 6


def opening(parts: Parts, choices: Sequence[Choice]) -> list[str]:
    """Return a few lines: target and task, rows, columns that are left out, signs of leakage.

    Parameters
    ----------
    parts : Parts
    choices : sequence of Choice
        What was chosen about target, task and rows, and why.
    """
    why = {choice.subject: choice for choice in choices}
    found = parts.found
    what = f"predicting {', '.join(found.names)}" if found.names else "reproducing the input"
    reasons = [why[name].reason for name in ("target", "task") if name in why]
    split = parts.split
    rows = f"Rows: {split.train:,} train, {split.validation:,} validate, {split.test:,} test."
    rows += f" {why['rows'].value}: {why['rows'].reason}" if "rows" in why else ""
    lines = [" ".join([f"{found.task.capitalize()}, {what}.", *reasons]), rows]
    dropped = [
        f"{choice.subject} ({choice.value})"
        for choice in parts.preparation.choices_
        if choice.value in DROPPED or choice.value == "dropped"
    ]
    if dropped:
        more = f", … and {len(dropped) - _MOST} more" if len(dropped) > _MOST else ""
        lines.append(f"Columns left out: {', '.join(dropped[:_MOST])}{more}.")
    lines += [f"Leakage? {sentence}" for sentence in parts.leaks[:_MOST]]
    if len(parts.leaks) > _MOST:
        lines.append(f"Leakage? … and {len(parts.leaks) - _MOST} more; the report has them all.")
    return lines
