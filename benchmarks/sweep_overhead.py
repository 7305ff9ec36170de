"""What storage and workers cost a sweep: ``MLPLAB_DATA=… python benchmarks/sweep_overhead.py``.

Storage: the grid of ``studies/wine-grid.toml``, kept nowhere, in a folder, and with ``--postgres
URL`` in a database, in turns; medians of the seconds from the first question of the search to the
last result with its learning curves.

Workers: 6,000 trainings that each compute for 10 ms, on two workers of each backend. What is not
computing, from the first start to the last end, is what travel, waiting and uneven shares cost.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from mlplab import sweeps, workflows
from mlplab.results import Configuration
from mlplab.sweeps import Done, Job, Outcome
from mlplab.workflows import sweeping

STUDY = Path(__file__).resolve().parents[1] / "studies" / "wine-grid.toml"
BACKENDS = ("processes", "dask", "ray")
WORKERS, TRAININGS, SECONDS = 2, 6000, 0.01


def stored(storage: str | Path | None) -> float:
    """Return the seconds of the grid's trainings with this storage."""
    taken: list[float] = []
    run = sweeps.run

    def timed(*args: Any, **options: Any) -> Any:
        began = time.perf_counter()
        result = run(*args, **options)
        taken.append(time.perf_counter() - began)
        return result

    with mock.patch.object(sweeping, "run", timed):
        workflows.sweep(STUDY, out=None, storage=storage)
    return taken[0]


def forget(url: str) -> None:
    """Empty the database, so that everything is trained again."""
    import psycopg  # an extra

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop table if exists mlplab_cells")


def storages(rounds: int, url: str | None) -> None:
    """Print what each storage costs."""
    taken: dict[str, list[float]] = {}
    stored(None)
    for _ in range(rounds):
        taken.setdefault("nowhere", []).append(stored(None))
        with tempfile.TemporaryDirectory() as folder:
            taken.setdefault("a folder", []).append(stored(folder))
        if url is not None:
            forget(url)
            taken.setdefault("PostgreSQL", []).append(stored(url))
    plain = statistics.median(taken["nowhere"])
    for name, seconds in taken.items():
        middle = statistics.median(seconds)
        print(f"kept in {name:10} {middle:6.2f} s  {middle / plain - 1:+.1%}", flush=True)


class Computes:
    """Computes for so long, and says when."""

    folds: Sequence[str] = ("rows",)

    def group(self, configuration: Configuration) -> Hashable:
        """All are alike."""
        return None

    def train(self, jobs: Sequence[Job], done: Done) -> None:
        """Compute, one job after another."""
        for place, _ in enumerate(jobs):
            start = time.time()
            while time.time() < start + SECONDS:
                pass
            curve = {"start": np.array([start]), "stop": np.array([time.time()])}
            done(place, Outcome({"accuracy": 1.0}, 1, SECONDS, curve))


def worked(backend: Any) -> float:
    """Return the share of the workers' time in which they did not compute."""
    sweep = sweeps.sweep_from_table({"space": {"x": list(range(TRAININGS))}, "score": "accuracy"})
    with tempfile.TemporaryDirectory() as folder:
        result = sweeps.run(sweep, Computes(), backend=backend, jobs=WORKERS, storage=folder)
        kept = sweeps.read_result(folder)
    assert result.n_trained == TRAININGS  # noqa: S101  # else the figure would mean nothing
    curves = [cell.curve or {} for trial in kept.trials for cell in trial.cells]
    start, stop = (np.concatenate([curve[name] for curve in curves]) for name in ("start", "stop"))
    return float(1 - (stop - start).sum() / (WORKERS * (stop.max() - start.min())))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of the storages")
    parser.add_argument("--postgres", metavar="URL")
    parser.add_argument("--backends", nargs="*", default=BACKENDS, choices=BACKENDS)
    options = parser.parse_args()
    if options.rounds:
        storages(options.rounds, options.postgres)
    for backend in options.backends:
        lost = worked(backend)
        print(f"{backend:10} {lost:.1%} of the workers' time is not training", flush=True)


if __name__ == "__main__":
    main()
