"""What keeps runs in somebody else's tool: one interface over all of them.

A tracker may fail at any moment: its server goes away, its disk is full. It then raises whatever
it likes; `TrackedRun` lets the training go on without it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mlplab.errors import DataError
from mlplab.results import SweepResult
from mlplab.tracking.json_ready import to_json_ready

__all__ = ["Point", "Tracker", "plain", "trial_rows", "without_password"]


@dataclass(frozen=True, slots=True)
class Point:
    """Figures at one moment of a run.

    Attributes
    ----------
    step : int
        The epoch; in a sweep how many trainings are done.
    figures : mapping of str to float
    """

    step: int
    figures: Mapping[str, float]


class Tracker(Protocol):
    """Keeps one run: `begin` comes first, `end` last, and the others between them."""

    @property
    def name(self) -> str:
        """What people call the tool."""
        ...

    @property
    def where(self) -> str:
        """Where it keeps the run, in words, without passwords."""
        ...

    def begin(self, label: str, parameters: Mapping[str, Any], axis: str) -> None:
        """Begin a run.

        Parameters
        ----------
        label : str
            What the run is called.
        parameters : mapping
            Numbers, texts, truths, lists and tables, by dotted name.
        axis : str
            What the steps of its points count.
        """
        ...

    def log(self, points: Sequence[Point]) -> None:
        """Keep points; they come in order."""
        ...

    def keep_trials(self, result: SweepResult) -> None:
        """Keep every trial of a sweep."""
        ...

    def keep(self, last: Point, files: Sequence[Path]) -> None:
        """Keep the figures of the whole run, and files that belong to it."""
        ...

    def end(self, *, complete: bool) -> None:
        """End the run; it is not complete where an error or an interrupt ended it."""
        ...


def plain(value: Any) -> str | float | bool | None:
    """Return a value as every tool can show it: everything else as text.

    Examples
    --------
    >>> plain(0.5), plain([64, 32]), plain(None), plain(len)
    (0.5, '[64, 32]', None, '<built-in function len>')
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (Mapping, Sequence, np.ndarray)):
        with contextlib.suppress(DataError):
            return json.dumps(to_json_ready(value), ensure_ascii=False)
    return str(value)


def trial_rows(result: SweepResult) -> tuple[list[str], list[list[Any]]]:
    """Return headers and a row for each trial of a sweep: the best first, failed ones last.

    What a trial does not have, a parameter of another solver or a score, is None.
    """
    best = result.ranking()
    ranked = {trial.number for trial in best}
    trials = [*best, *(trial for trial in result.trials if trial.number not in ranked)]
    names = list(dict.fromkeys(name for trial in trials for name in trial.configuration))
    scores = [title for name in result.scores for title in (name, f"{name} spread")]
    rows = [
        [
            trial.number,
            trial.status,
            *(plain(trial.configuration.get(name)) for name in names),
            *(f for name in result.scores for f in (trial.mean(name), trial.spread(name))),
            trial.n_epochs,
            trial.seconds,
        ]
        for trial in trials
    ]
    return ["trial", "status", *names, *scores, "epochs", "seconds"], rows


def without_password(address: str) -> str:
    """Return an address as it may be shown.

    Examples
    --------
    >>> without_password("https://me:secret@tracking.example.org/x")
    'https://tracking.example.org/x'
    """
    scheme, between, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{between}{host.rpartition('@')[2]}{slash}{path}"
