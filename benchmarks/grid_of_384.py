"""The grid of 384 on wines and on houses: ``MLPLAB_DATA=… python benchmarks/grid_of_384.py``.

Runs ``studies/wine-grid.toml`` and ``studies/housing-grid.toml`` from several seeds of the split
(test rows are never looked at before the end), then the same configurations through
scikit-learn's `GridSearchCV(n_jobs=2)` on the same number of prepared rows, one group for each
update rule: all of them, and a random sixteenth where a step is one row and they would take an
hour. Both take turns, and medians are compared.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from mlplab import workflows
from mlplab.data import load
from mlplab.workflows.study import Study

STUDIES = Path(__file__).resolve().parents[1] / "studies"
RULES = {"one row": [1], "mini-batches": [16, 32], "all rows": ["full"]}
PARTS = {"one row": 16, "mini-batches": 1, "all rows": 1}  # they run one in so many
GRID = {
    "hidden_layer_sizes": [(64,), (32, 32), (32, 64), (32, 32, 32)],
    "learning_rate_init": [0.001, 0.01],
    "activation": ["relu", "logistic", "identity", "tanh"],
    "max_iter": [100, 200],
}


def with_part(study: Study, seed: int, batches: list[Any] | None = None) -> Study:
    """Return the study from another seed, perhaps with some of the batch sizes."""
    table = study.model_dump(exclude_unset=True)
    table["seed"] = seed
    if batches:
        table["sweep"]["space"]["batch_size"] = batches
        table["sweep"]["retrain"] = {"best": 1, "seeds": 1}
    return Study.model_validate(table)


def ours(study: Study, seeds: range) -> None:
    """Print what every seed finds."""
    best, tested = [], []
    for seed in seeds:
        began = time.perf_counter()
        run = workflows.sweep(with_part(study, seed), out=None)
        seconds = time.perf_counter() - began
        score = run.result.scores[0]
        found = run.result.best()[0]
        test = statistics.median(run.finalists[0].scores[score])
        best.append(found.mean(score))
        tested.append(test)
        print(
            f"seed {seed}: {run.result.n_trained} trainings, {seconds:.1f} s with preparation, "
            f"retraining and tests; best on validation rows {best[-1]:.4f}, on test rows "
            f"{test:.4f}: {dict(found.configuration)}",
            flush=True,
        )
    middle = statistics.median(best), statistics.median(tested)
    print(f"medians: best {middle[0]:.4f}, on test rows {middle[1]:.4f}")


def prepared(source: str, target: str) -> tuple[Any, Any, Any]:
    """Return rows as the study prepares them, targets, and the fold of each row."""
    frame = load(source).frame
    X = frame.drop(columns=[target, "Id"], errors="ignore").to_numpy(dtype=float)
    y = frame[target].to_numpy()
    rows = np.random.default_rng(0).permutation(len(X))[: round(0.9 * len(X))]
    X = StandardScaler().fit_transform(SimpleImputer().fit_transform(X[rows]))
    y = y[rows] if source == "wine_qt" else (y[rows] - y[rows].mean()) / y[rows].std()
    fold = np.full(len(rows), -1)
    fold[: round(len(X) / 9)] = 0
    return X.astype(np.float32), y, fold


def theirs(source: str, target: str, batches: list[Any], part: int) -> float:
    """Return scikit-learn's seconds a configuration."""
    X, y, fold = prepared(source, target)
    n_learned = int((fold < 0).sum())
    sizes = [n_learned if b == "full" else b for b in batches]
    every = list(itertools.product(*GRID.values(), sizes))
    chosen = np.random.default_rng(1).permutation(len(every))[: max(2, len(every) // part)]
    names = (*GRID, "batch_size")
    grid = [{n: [v] for n, v in zip(names, every[i], strict=True)} for i in chosen]
    kind = MLPClassifier if source == "wine_qt" else MLPRegressor
    network = kind(
        solver="sgd", momentum=0.0, alpha=0.0, tol=0.0, n_iter_no_change=1000, random_state=0
    )
    search = GridSearchCV(network, grid, cv=PredefinedSplit(fold), n_jobs=2, refit=False)
    began = time.perf_counter()
    search.fit(X, y)
    return (time.perf_counter() - began) / len(grid)


def main() -> None:
    """Print our figures and theirs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3, help="turns that both sides take")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name, source, target in (
        ("wine-grid", "wine_qt", "quality"),
        ("housing-grid", "boston_housing", "MEDV"),
    ):
        study = workflows.read_study(STUDIES / f"{name}.toml")
        print(f"\n{name}")
        ours(study, range(options.seeds))
        for rule, batches in RULES.items():
            mine, yours = [], []
            for _ in range(options.rounds):
                run = workflows.sweep(with_part(study, 0, batches), out=None)
                mine.append(run.result.seconds / run.result.n_trained * 1e3)
                yours.append(theirs(source, target, batches, PARTS[rule]) * 1e3)
            ratios = sorted(b / a for a, b in zip(mine, yours, strict=True))
            print(
                f"{rule:12}  ours {statistics.median(mine):8.1f} ms a training "
                f"({run.result.n_trained}), scikit-learn {statistics.median(yours):8.0f} ms: "
                f"{statistics.median(ratios):.0f} times ({ratios[0]:.0f} to {ratios[-1]:.0f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
