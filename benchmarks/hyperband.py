"""Hyperband beside the full grid: ``MLPLAB_DATA=… python benchmarks/hyperband.py``.

The grid is that of ``studies/wine-grid.toml``: 256 different trainings of 100 or 200 epochs.
Hyperband has the same space, but decides itself how long each network trains, 200 epochs at the
most. Both are judged by the mean accuracy on the rows that five folds keep out of training; test
rows are set aside before and choose nothing. The best of Hyperband is that of its authors: the
highest score at a pause or at the end; what was trained to its end is told beside it. No epoch is
trained twice (``tests/sweeps/test_pausing.py``), so each is counted once.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

from mlplab.results import SweepResult
from mlplab.workflows import sweep
from mlplab.workflows.study import Study
from mlplab.workflows.study_file import read_study

STUDY = Path(__file__).resolve().parents[1] / "studies" / "wine-grid.toml"
SEARCHES: dict[str, Any] = {
    "as it comes": "hyperband",
    "factor 2, two rounds": {"kind": "hyperband", "factor": 2, "rounds": 2},
}


def study(seed: int, search: Any) -> Study:
    """Return the study of the grid on five folds, or with another search in the same space."""
    table = read_study(STUDY).model_dump(exclude_unset=True)
    table["seed"] = seed
    table["sweep"] |= {"search": search, "folds": 5, "retrain": {"best": 1, "seeds": 1}}
    if search != "grid":
        table["model"]["max_iter"] = max(table["sweep"]["space"].pop("max_iter"))
    return Study.model_validate(table)


def found(seed: int, search: Any) -> SweepResult:
    """Run a search."""
    result = sweep(study(seed, search), out=None).result
    if result.failed:
        raise SystemExit(f"a training failed: {result.failed[0].reason}")
    return result


def scores(result: SweepResult) -> tuple[float, float]:
    """Return the best score anywhere, and of what was trained to its end."""
    anywhere = result.best_anywhere()
    return anywhere.mean(result.score), result.best()[0].mean(result.score)


def main() -> None:
    """Print a line for each seed and search, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in SEARCHES}
    for seed in range(options.first, options.first + options.seeds):
        grid = found(seed, "grid")
        best = scores(grid)[1]
        print(f"seed {seed}: the grid {best:.4f}, {grid.n_epochs:,} epochs, {grid.seconds:.0f} s")
        for name, search in SEARCHES.items():
            band = found(seed, search)
            anywhere, end = scores(band)
            share = band.n_epochs / grid.n_epochs
            rows[name].append((best - anywhere, best - end, share))
            print(
                f"   Hyperband, {name}: {anywhere:.4f} (to the end {end:.4f}), "
                f"{band.n_epochs:,} epochs ({share:.1%}), {band.seconds:.0f} s",
                flush=True,
            )
    for name, lacks in rows.items():
        anywhere, end, share = map(statistics.median, zip(*lacks, strict=True))
        print(
            f"Hyperband, {name}: lacks {anywhere:.4f} of the grid's best with {share:.1%} of its "
            f"epochs ({end:.4f} to the end); medians over {options.seeds} seeds"
        )


if __name__ == "__main__":
    main()
