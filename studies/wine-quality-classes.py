"""Wine quality class by class: what becomes of the rare ones, and what weights do for them.

``MLPLAB_DATA=… python studies/wine-quality-classes.py [FOLDER]`` trains one network on five splits,
with all rows alike and with rows of rare classes weighing more, and prints a report for each class
over the training rows and over the test rows of all splits. ``wine-quality-classes.json`` and
``….png`` go into the folder, which is ``runs`` if none is named.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import classification_report
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlplab import MLPClassifier
from mlplab.data import load
from mlplab.plots import PALETTE, to_png

WEIGHTS = {"all rows alike": None, "rare classes weigh more": "balanced"}


def wines() -> tuple[Any, Any]:
    """Return eleven measurements of each wine, and its quality."""
    frame = load("wine_qt").frame
    return frame.drop(columns=["Id", "quality"]).to_numpy(dtype=float), frame["quality"].to_numpy()


def network(weight: Any) -> Any:
    """Return one of the networks of the grid: 11-32-32-6."""
    return make_pipeline(
        StandardScaler(),
        MLPClassifier(
            (32, 32), solver="sgd", momentum=0.0, learning_rate_init=0.01, batch_size=16, alpha=0.0,
            max_iter=100, tol=0.0, n_iter_no_change=1000, class_weight=weight, random_state=0,
        ),
    )  # fmt: skip


def reports(X: Any, y: Any, *, splits: int = 5) -> dict[str, dict[str, Any]]:
    """Return scikit-learn's report of each weighting; every row is a test row once."""
    told = {}
    for name, weight in WEIGHTS.items():
        pairs: dict[str, list[Any]] = {"train": [], "test": []}
        for train, test in StratifiedKFold(splits, shuffle=True, random_state=0).split(X, y):
            model = network(weight).fit(X[train], y[train])
            for part, rows in (("train", train), ("test", test)):
                pairs[part].append((y[rows], model.predict(X[rows])))
        told[name] = {
            part: classification_report(
                *map(np.concatenate, zip(*each, strict=True)), output_dict=True, zero_division=0.0
            )
            for part, each in pairs.items()
        }
    return told


def table(told: dict[str, dict[str, Any]], classes: list[str]) -> str:
    """Return a row for each class, as Markdown."""
    lines = [
        "| rows | quality | wines | recall, train | precision, test | recall, test | F1, test |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, parts in told.items():
        for label in (*classes, "macro avg"):
            test, train = parts["test"][label], parts["train"][label]
            figures = (train["recall"], test["precision"], test["recall"], test["f1-score"])
            cells = " | ".join(f"{figure:.2f}" for figure in figures)
            lines.append(f"| {name} | {label} | {test['support']:.0f} | {cells} |")
        lines.append(f"| {name} | accuracy | | | | {parts['test']['accuracy']:.3f} | |")
    return "\n".join(lines)


def draw(told: dict[str, dict[str, Any]], classes: list[str]) -> Any:
    """Return the figure: the recall of every class, with and without weights."""
    figure, axes = plt.subplots(figsize=(6.0, 3.6), layout="constrained")
    for k, (name, parts) in enumerate(told.items()):
        recall = [parts["test"][label]["recall"] for label in classes]
        places = np.arange(len(classes)) + 0.4 * (k - 0.5)
        hatch = "" if k == 0 else "//"
        axes.bar(places, recall, 0.38, color=PALETTE[k], hatch=hatch, edgecolor="white", label=name)
    support = (next(iter(told.values()))["test"][label]["support"] for label in classes)
    names = [f"{label}\n{n:.0f} wines" for label, n in zip(classes, support, strict=True)]
    axes.set_xticks(range(len(classes)), names)
    axes.set(xlabel="quality", ylabel="share that is recognised", ylim=(0, 1))
    axes.set_title("Recall on test rows, class by class", fontsize="medium")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def main(folder: Path) -> None:
    """Do all of it, and write it into a folder."""
    began = time.perf_counter()
    warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are those asked for
    X, y = wines()
    told, classes = reports(X, y), [str(label) for label in np.unique(y)]
    print(table(told, classes))
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(told, indent=2)
    (folder / "wine-quality-classes.json").write_text(text + "\n", encoding="utf-8")
    picture = to_png(draw(told, classes), dpi=100, colours=64)
    (folder / "wine-quality-classes.png").write_bytes(picture)
    print(f"All of it took {time.perf_counter() - began:.0f} seconds.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
