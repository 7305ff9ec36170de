"""The best configuration of ``housing.toml`` on five splits of the houses.

``MLPLAB_DATA=… python studies/housing-splits.py [FOLDER]`` sweeps on the training rows of each
split, so that its test rows choose nothing, trains the best again on all of them, and prints the
test figures. ``housing-splits.json`` and ``housing-splits.png`` go into the folder, which is
``runs`` if none is named.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from mlplab import workflows
from mlplab.plots import PALETTE, to_png
from mlplab.workflows.study_file import read_study

HERE = Path(__file__).parent
SPLITS = 5


def on_split(study: Any, seed: int) -> dict[str, Any]:
    """Return what one split chose, and its test figures on both scales."""
    best = workflows.sweep(study.model_copy(update={"seed": seed}), out=None).finalists[0]
    return {
        "configuration": best.trial.configuration,
        "R², three folds": best.trial.mean("r2"),
        "R²": best.metrics.test.r2,
        "R², five seeds": list(best.scores["r2"]),
        "MSE, standardised": best.metrics.standardised.mse,
        "MAE, standardised": best.metrics.standardised.mae,
    }


def draw(told: list[dict[str, Any]]) -> Any:
    """Return the figure: what each split promised, and what its test rows said."""
    figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    chosen = [one["R², three folds"] for one in told]
    tested = [(seed, value) for seed, one in enumerate(told) for value in one["R², five seeds"]]
    axes.plot(*zip(*tested, strict=True), "o", color=PALETTE[0], alpha=0.7, label="test rows")
    words = "three folds of the training rows, which chose"
    axes.plot(chosen, "s", color=PALETTE[1], ms=9, mfc="none", mew=1.6, label=words)
    median = statistics.median(one["R²"] for one in told)
    axes.axhline(median, color="0.4", linewidth=1)
    axes.annotate(f"median {median:.3f}", (2.5, median), ha="center", va="bottom")
    axes.set_xticks(range(len(told)), [f"split {seed}" for seed in range(len(told))])
    axes.set(ylabel="R²", title="The same search on five splits", xlim=(-0.4, len(told) - 0.1))
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def main(folder: Path) -> None:
    """Do all of it, and write it into a folder."""
    began = time.perf_counter()
    study = read_study(HERE / "housing.toml")
    told = [on_split(study, seed) for seed in range(SPLITS)]
    for seed, one in enumerate(told):
        figures = ", ".join(f"{k} {v:.4f}" for k, v in one.items() if isinstance(v, float))
        print(f"split {seed}: {figures}; {one['configuration']}")
    print(f"median R²: {statistics.median(one['R²'] for one in told):.4f}")
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(told, indent=2, ensure_ascii=False)
    (folder / "housing-splits.json").write_text(text + "\n", encoding="utf-8")
    (folder / "housing-splits.png").write_bytes(to_png(draw(told), dpi=100, colours=64))
    print(f"All of it took {time.perf_counter() - began:.0f} seconds.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
