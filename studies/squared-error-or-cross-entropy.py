"""Squared error or cross-entropy for a logistic model: how both converge, and which rows are hard.

``MLPLAB_DATA=… python studies/squared-error-or-cross-entropy.py [FOLDER]`` prints two tables and
writes ``squared-error-or-cross-entropy.json`` and ``….png`` into the folder, which is ``runs`` if
none is named. Diabetes among Pima women, one sigmoid unit without hidden layers, gradient descent
from the same weights through the same rows; only the loss differs.
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
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from mlplab import MLPClassifier
from mlplab.data import load
from mlplab.plots import PALETTE, to_png
from mlplab.train import WeightKeeper

NAME = "squared-error-or-cross-entropy"
LOSSES = {"log_loss": "cross-entropy", "squared_error": "squared error"}
EPOCHS = 200


def patients() -> tuple[Any, ...]:
    """Return standardised columns that train and test, and who has diabetes."""
    frame = load("pima").frame
    X = frame.drop(columns="Outcome").to_numpy(dtype=float)
    y = frame["Outcome"].to_numpy()
    train, test, known, truth = train_test_split(X, y, test_size=0.2, random_state=0, stratify=y)
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test), known, truth


def trained(loss: str, X: Any, y: Any, epochs: int) -> list[Any]:
    """Return the model before training and after each epoch."""
    keeper = WeightKeeper(range(epochs + 1))
    model = MLPClassifier(
        (), loss=loss, solver="sgd", momentum=0.0, learning_rate_init=0.05, batch_size=32,
        alpha=0.0, max_iter=epochs, tol=0.0, n_iter_no_change=epochs + 1, init="zeros",
        random_state=0,
    )  # fmt: skip
    model.set_callbacks(keeper).fit(X, y)
    return [model.with_parameters(one.parameters) for one in keeper.snapshots]


def losses_of_rows(model: Any, X: Any, y: Any) -> dict[str, Any]:
    """Return both losses of every row: −ln of what the truth was given, and ½(ŷ − y)²."""
    chance = model.predict_proba(X)[:, 1]
    given = np.where(y == 1, chance, 1 - chance)
    return {"log_loss": -np.log(np.maximum(given, 1e-12)), "squared_error": (chance - y) ** 2 / 2}


def compare(
    train: Any, test: Any, known: Any, truth: Any, *, epochs: int = EPOCHS
) -> tuple[dict[str, dict[str, list[float]]], dict[str, Any]]:
    """Return what each model says after every epoch, and the losses of the test rows at last."""
    curves, rows = {}, {}
    for loss in LOSSES:
        models = trained(loss, train, known, epochs)
        told = [losses_of_rows(model, train, known) for model in models]
        curves[loss] = {name: [float(one[name].mean()) for one in told] for name in LOSSES}
        curves[loss]["accuracy"] = [float(model.score(test, truth)) for model in models]
        rows[loss] = losses_of_rows(models[-1], test, truth)
    return curves, rows


def epochs_to(curve: list[float], share: float = 0.95) -> int:
    """Return after how many epochs a share of the whole way down was gone."""
    goal = curve[0] - share * (curve[0] - min(curve))
    return next(epoch for epoch, value in enumerate(curve) if value <= goal)


def table(curves: dict[str, dict[str, list[float]]]) -> str:
    """Return a row for each model, as Markdown; last, the epochs to 95 % of the way down."""
    lines = [
        "| trained on | cross-entropy, train | squared error, train | test accuracy | to 95 % |",
        "|---|---:|---:|---:|---:|",
    ]
    for loss, name in LOSSES.items():
        own = curves[loss]
        figures = (own["log_loss"][-1], own["squared_error"][-1], own["accuracy"][-1])
        cells = " | ".join(f"{figure:.4f}" for figure in figures)
        lines.append(f"| {name} | {cells} | {epochs_to(own[loss])} |")
    return "\n".join(lines)


def hard_rows(rows: dict[str, Any], n: int = 10) -> dict[str, Any]:
    """Return which rows are hard, and how much of all loss they carry."""
    hardest = {loss: np.argsort(-rows[loss][loss])[:n] for loss in LOSSES}
    ranks = [np.argsort(np.argsort(rows[loss][loss])) for loss in LOSSES]
    return {
        "the same among the ten hardest": len(set.intersection(*map(set, hardest.values()))),
        "rank correlation": float(np.corrcoef(*ranks)[0, 1]),
        **{
            f"share of all loss in the hardest tenth, {name}": float(
                np.sort(rows[loss][loss])[::-1][: max(1, len(rows[loss][loss]) // 10)].sum()
                / rows[loss][loss].sum()
            )
            for loss, name in LOSSES.items()
        },
    }


def draw(curves: dict[str, dict[str, list[float]]], rows: dict[str, Any]) -> Any:
    """Return the figure: how far each loss has come, and the losses of the test rows."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.6), layout="constrained")
    for k, (loss, name) in enumerate(LOSSES.items()):
        curve = np.array(curves[loss][loss])
        style = {"color": PALETTE[k], "linestyle": "-" if k == 0 else "--", "label": name}
        left.plot((curve - curve.min()) / (curve[0] - curve.min()), **style)
        right.plot(np.sort(rows[loss][loss])[::-1], **style)
    left.set(xlabel="epoch", ylabel="loss above its least, as share of the start", xlim=(0, 60))
    left.set_title("Training loss", fontsize="medium")
    right.set(xlabel="test rows, hardest first", ylabel="loss of the row")
    right.set_title("Loss of each row", fontsize="medium")
    for axes in (left, right):
        axes.legend(frameon=False)
        axes.grid(alpha=0.3)
    return figure


def main(folder: Path) -> None:
    """Do all of it, and write it into a folder."""
    began = time.perf_counter()
    warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are those asked for
    curves, rows = compare(*patients())
    hard = hard_rows(rows)
    print(table(curves), *(f"{what}: {value:.3g}" for what, value in hard.items()), sep="\n")
    folder.mkdir(parents=True, exist_ok=True)
    last = {loss: {what: curve[-1] for what, curve in own.items()} for loss, own in curves.items()}
    text = json.dumps({"last": last, "hard": hard}, indent=2)
    (folder / f"{NAME}.json").write_text(text + "\n", encoding="utf-8")
    (folder / f"{NAME}.png").write_bytes(to_png(draw(curves, rows), dpi=100, colours=64))
    print(f"All of it took {time.perf_counter() - began:.0f} seconds.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
