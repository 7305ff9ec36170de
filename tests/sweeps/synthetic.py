"""A cheap trainer: a walk of numbers instead of a network, fixed by configuration and seed.

Run as a module it carries out a sweep in a process of its own, for tests that kill it::

    python -m tests.sweeps.synthetic FOLDER [SEARCH]
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mlplab import sweeps
from mlplab.errors import DivergedError
from mlplab.results import Configuration, SweepResult
from mlplab.sweeps import Done, Job, Outcome, Space, Sweep, fingerprint

ROOT = Path(__file__).resolve().parents[2]
FULL = 20
"""Epochs of a whole training."""


@dataclass
class Walk:
    """Trains by walking: each epoch adds a number that configuration, seed and epoch decide.

    The score tends to ``-(x - 0.3)² - y²`` of the configuration, whatever x and y are missing.
    """

    folds: Sequence[str] = ("rows",)
    seconds: float = 0.0
    seen: list[Job] = field(default_factory=list)
    epochs_trained: int = 0

    def group(self, configuration: Configuration) -> Hashable:
        """Tell what has the same shape."""
        return str(configuration.get("shape"))

    def train(self, jobs: Sequence[Job], done: Done) -> None:
        """Walk each job, one after another."""
        for place, job in enumerate(jobs):
            self.seen.append(job)
            time.sleep(self.seconds)
            try:
                outcome = self._walk(job)
            except DivergedError as error:
                outcome = Outcome.of_error(error)
            done(place, outcome)

    def _walk(self, job: Job) -> Outcome:
        x, y = (float(job.configuration.get(name, 0.0)) for name in "xy")
        if x > 100:
            raise DivergedError("x was too large")
        if y > 100:
            raise ValueError("y was too large")  # the trainer itself breaks
        start, values = job.state or (0, [])
        values = list(values)
        for epoch in range(start, FULL if job.epochs is None else job.epochs):
            noise = fingerprint(dict(job.configuration), job.seed, job.fold, epoch)
            away = int(noise[:8], 16) / 2**32 - 0.5
            values.append(-((x - 0.3) ** 2) - y**2 + (1.0 + away) / (epoch + 1) ** 2 - 0.01)
        self.epochs_trained += len(values) - start
        curve = {"loss": np.negative(values[start:])}
        scores = {"accuracy": values[-1], "f1_macro": values[-1] / 2}
        return Outcome(scores, len(values), 0.001, curve, (len(values), values))


def small_sweep(**changes: Any) -> Sweep:
    """Return a grid of 24 configurations, 20 of them distinct, on two seeds."""
    table = {
        "space": {
            "shape": [[64], [32, 32]],
            "x": {"low": 0.0, "high": 0.4, "step": 0.1},
            "y": {"values": [0.0, 0.5], "when": {"shape": [[64]]}},
        },
        "score": ["accuracy", "f1_macro"],
        "seeds": 2,
    }
    return sweeps.sweep_from_table(
        {**table, **changes}, fixed={"max_iter": FULL}, defaults={"momentum": 0.9}
    )


def wide_space(**fixed: Any) -> Space:
    """Return a space without end."""
    table = {"x": {"low": -1.0, "high": 1.0}, "y": {"low": 1e-4, "high": 1.0, "log": True}}
    return sweeps.space_from_table(table, fixed={"max_iter": FULL, **fixed})


def killable_sweep(search: str) -> Sweep:
    """Return a sweep for processes that are killed: 200 trainings, or ``"slowly"`` 4,000."""
    n = 2000 if search == "slowly" else 100
    kind = sweeps.SEARCHES["random" if search == "slowly" else search]()
    return Sweep(wide_space(), kind, ("accuracy",), trials=n, seeds=2)


def comparable(result: SweepResult) -> list[Any]:
    """Return everything that must not differ between two runs, every bit of it."""
    return [
        (
            (trial.number, trial.configuration, trial.epochs),
            (c.cell.key, c.status, c.n_epochs),
            {name: value.hex() for name, value in c.scores.items()},
        )
        for trial in result.trials
        for c in trial.cells
    ]


def main(folder: str, search: str = "random") -> None:
    """Carry out a sweep slowly, and say at the end how it went."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    result = sweeps.run(killable_sweep(search), Walk(seconds=0.003), storage=folder)
    print(json.dumps({"stop": result.stop.name, "n_trained": result.n_trained}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
