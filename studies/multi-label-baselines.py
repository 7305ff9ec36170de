"""Several labels at once: networks beside no label at all and one logistic regression a label.

``MLPLAB_DATA=… python studies/multi-label-baselines.py [FOLDER]`` runs ``multi-label.toml`` and
``multi-label-advertisement.toml`` on five splits each, prints a table for each, and writes
``multi-label.json`` and ``multi-label.png`` into the folder, which is ``runs`` if none is named.
The logistic regressions learn from the rows that trained the network, prepared alike, and all are
judged on the same test rows; figures are means over the splits.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

from mlplab import workflows
from mlplab.data import load
from mlplab.plots import PALETTE, to_png
from mlplab.results import MultilabelMetrics
from mlplab.workflows.metrics import multilabel_metrics
from mlplab.workflows.study_file import read_study

HERE = Path(__file__).parent
NETWORK, LOGISTIC, NONE = "network", "one logistic regression a label", "no label at all"
STUDIES = ("multi-label", "multi-label-advertisement")
SPLITS = 5
BY_LABEL, SUPPORT = "F1 of each label", "test rows with each label"
SHOWN = {
    "all labels right": "subset_accuracy",
    "Hamming loss": "hamming_loss",
    "F1 micro": "f1_micro",
    "F1 macro": "f1_macro",
    "F1 samples": "f1_samples",
}


def beside(study: Any, frame: Any, out: Path) -> dict[str, dict[str, Any]]:
    """Return the figures of network, logistic regressions and no label on the test rows."""
    run = workflows.run(study, data=None if isinstance(frame, str) else frame, out=out)
    rows = load(frame).frame if isinstance(frame, str) else frame
    tested = pd.read_parquet(run.folder / "predictions.parquet")["row"].to_numpy() - 1
    known = np.setdiff1d(np.arange(len(rows)), tested)
    X, y = run.model.features(rows), run.model.truth(rows)
    logistic = MultiOutputClassifier(LogisticRegression(max_iter=2000)).fit(X[known], y[known])
    said = {
        NETWORK: run.model.estimator.predict(X[tested]),
        LOGISTIC: logistic.predict(X[tested]),
        NONE: np.zeros_like(y[tested]),
    }
    return {name: _figures(multilabel_metrics(y[tested], answer)) for name, answer in said.items()}


def over_splits(study: Any, frame: Any, out: Path, n: int = SPLITS) -> dict[str, dict[str, Any]]:
    """Return the means of `beside` over splits, and in how many the network has the better F1."""
    seeds = range(study.seed, study.seed + n)
    each = [beside(study.model_copy(update={"seed": seed}), frame, out) for seed in seeds]
    mean = {
        name: {word: np.mean([one[name][word] for one in each], axis=0).tolist() for word in first}
        for name, first in each[0].items()
    }
    network, logistic = ([one[name]["F1 macro"] for one in each] for name in (NETWORK, LOGISTIC))
    won = sum(ours > theirs for ours, theirs in zip(network, logistic, strict=True))
    print(f"{study.name}: the better F1 macro of network and logistic regressions is the network's "
          f"on {won} of {n} splits.\n")  # fmt: skip
    return mean


def _figures(metrics: MultilabelMetrics) -> dict[str, Any]:
    shown = {word: float(getattr(metrics, name)) for word, name in SHOWN.items()}
    by_label = {BY_LABEL: [row.f1 for row in metrics.rows]}
    return shown | by_label | {SUPPORT: [row.support for row in metrics.rows]}


def draw(rows: dict[str, dict[str, Any]]) -> Any:
    """Return the figure: F1 of every label, the frequent ones above, network beside regressions."""
    figure, axes = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
    support = np.array(rows[NETWORK][SUPPORT])
    order = np.argsort(-support)
    places = np.arange(len(order))
    both = [np.array(rows[name][BY_LABEL])[order] for name in (LOGISTIC, NETWORK)]
    axes.hlines(places, *both, color="0.6", linewidth=1, zorder=0)
    for k, (values, name) in enumerate(zip(both, (LOGISTIC, NETWORK), strict=True)):
        axes.plot(values, places, "so"[k], color=PALETTE[1 - k], label=name)
    names = [f"label {label + 1} ({support[label]:.0f} rows)" for label in order]
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlabel("F1 on test rows, mean over the splits")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Return rows of figures as Markdown."""
    lines = [f"| | {' | '.join(SHOWN)} |", "|---|" + "---:|" * len(SHOWN)]
    for name, values in rows.items():
        lines.append(f"| {name} | {' | '.join(f'{values[word]:.4f}' for word in SHOWN)} |")
    return "\n".join(lines)


def main(folder: Path) -> None:
    """Do all of it, and write it into a folder."""
    began = time.perf_counter()
    told = {}
    for name in STUDIES:
        study = read_study(HERE / f"{name}.toml")
        told[name] = over_splits(study, study.data.source, folder)
        print(f"{table(told[name])}\n")
    text = json.dumps(told, indent=2)
    (folder / "multi-label.json").write_text(text + "\n", encoding="utf-8")
    picture = to_png(draw(told[STUDIES[0]]), dpi=100, colours=64)
    (folder / "multi-label.png").write_bytes(picture)
    print(f"All of it took {time.perf_counter() - began:.0f} seconds.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
