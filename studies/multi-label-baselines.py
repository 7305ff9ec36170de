"""Several labels at once: networks beside no label at all and one logistic regression a label.

``MLPLAB_DATA=… python studies/multi-label-baselines.py [FOLDER]`` runs ``multi-label.toml`` and
``multi-label-advertisement.toml`` on five splits each, prints a table for each, and writes
``multi-label.json`` into the folder, which is ``runs`` if none is named. The logistic regressions
learn from the rows that trained the network, prepared alike, and all are judged on the same test
rows; figures are means over the splits.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

from mlplab import workflows
from mlplab.data import load
from mlplab.results import MultilabelMetrics
from mlplab.workflows.metrics import multilabel_metrics
from mlplab.workflows.study_file import read_study

HERE = Path(__file__).parent
STUDIES = ("multi-label", "multi-label-advertisement")
SPLITS = 5
SHOWN = {
    "all labels right": "subset_accuracy",
    "Hamming loss": "hamming_loss",
    "F1 micro": "f1_micro",
    "F1 macro": "f1_macro",
    "F1 samples": "f1_samples",
}


def beside(study: Any, frame: Any, out: Path) -> dict[str, dict[str, float]]:
    """Return the figures of network, logistic regressions and no label on the test rows."""
    run = workflows.run(study, data=None if isinstance(frame, str) else frame, out=out)
    rows = load(frame).frame if isinstance(frame, str) else frame
    tested = pd.read_parquet(run.folder / "predictions.parquet")["row"].to_numpy() - 1
    known = np.setdiff1d(np.arange(len(rows)), tested)
    X, y = run.model.features(rows), run.model.truth(rows)
    logistic = MultiOutputClassifier(LogisticRegression(max_iter=2000)).fit(X[known], y[known])
    said = {
        "network": run.model.estimator.predict(X[tested]),
        "one logistic regression a label": logistic.predict(X[tested]),
        "no label at all": np.zeros_like(y[tested]),
    }
    return {name: _figures(multilabel_metrics(y[tested], answer)) for name, answer in said.items()}


def over_splits(study: Any, frame: Any, out: Path, n: int = SPLITS) -> dict[str, dict[str, float]]:
    """Return the means of `beside` over splits, and in how many the network has the better F1."""
    seeds = range(study.seed, study.seed + n)
    each = [beside(study.model_copy(update={"seed": seed}), frame, out) for seed in seeds]
    mean = {
        name: {word: float(np.mean([one[name][word] for one in each])) for word in SHOWN}
        for name in each[0]
    }
    network, logistic = ([one[name]["F1 macro"] for one in each] for name in list(mean)[:2])
    won = sum(ours > theirs for ours, theirs in zip(network, logistic, strict=True))
    print(f"{study.name}: the better F1 macro of network and logistic regressions is the network's "
          f"on {won} of {n} splits.\n")  # fmt: skip
    return mean


def _figures(metrics: MultilabelMetrics) -> dict[str, float]:
    return {word: float(getattr(metrics, name)) for word, name in SHOWN.items()}


def table(rows: dict[str, dict[str, float]]) -> str:
    """Return rows of figures as Markdown."""
    lines = [f"| | {' | '.join(SHOWN)} |", "|---|" + "---:|" * len(SHOWN)]
    for name, values in rows.items():
        lines.append(f"| {name} | {' | '.join(f'{value:.4f}' for value in values.values())} |")
    return "\n".join(lines)


def main(folder: Path) -> None:
    """Do all of it, and write it into a folder."""
    told = {}
    for name in STUDIES:
        study = read_study(HERE / f"{name}.toml")
        told[name] = over_splits(study, study.data.source, folder)
        print(f"{table(told[name])}\n")
    text = json.dumps(told, indent=2)
    (folder / "multi-label.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
