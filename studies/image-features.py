"""Pictures through 64 codes: what comes back, and what classifiers make of the codes.

``MLPLAB_DATA=… python studies/image-features.py [FOLDER]`` prints a table and writes
``image-autoencoder.json``, ``image-autoencoder.png`` and ``image-features.png`` into the folder,
which is ``runs`` if none is named. 8,000 pictures of Fashion-MNIST train and 2,000 test;
784-256-128-64-128-256-784 with ReLU and without any activation, beside as many principal
components; then classifiers with two hidden layers of 64 units on the codes and on the pixels.
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
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlplab import MLPAutoencoder, MLPClassifier
from mlplab.data import load
from mlplab.plots import PALETTE, ImagesDisplay, to_png

TRAIN, TEST = 8_000, 2_000
# Every network makes all its epochs, with a rate that falls to almost nothing.
WHOLE = {"tol": 0.0, "n_iter_no_change": 1000, "learning_rate": "linear", "random_state": 0}
WHOLE |= {"learning_rate_init": 0.001, "learning_rate_final": 1e-5, "batch_size": 128}


def pictures() -> tuple[Any, ...]:
    """Return pixels from 0 to 1 that train and test, and their classes."""
    frame = load("fashion_mnist").frame
    pixels = frame.iloc[:, :-1].to_numpy(dtype=np.float32) / 255
    return tuple(
        train_test_split(
            pixels, frame.iloc[:, -1].to_numpy(), train_size=TRAIN, test_size=TEST,
            stratify=frame.iloc[:, -1], random_state=0,
        )
    )  # fmt: skip


def autoencoder(activation: str, sizes: tuple[int, ...], epochs: int) -> MLPAutoencoder:
    """Return an autoencoder with a linear code in the middle."""
    return MLPAutoencoder(sizes, activation, alpha=0.0, max_iter=epochs, **WHOLE)


def compare(
    train: Any,
    test: Any,
    kinds: Any,
    truth: Any,
    *,
    sizes: tuple[int, ...] = (256, 128, 64, 128, 256),
    epochs: int = 40,
) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Return figures of each kind of features, and the test pictures as each gives them back."""
    n_codes = min(sizes)
    coders = {
        f"{n_codes} codes, ReLU": autoencoder("relu", sizes, epochs),
        f"{n_codes} codes, identity": autoencoder("identity", sizes, epochs),
        f"{n_codes} components (PCA)": PCA(n_codes, random_state=0),
    }
    rows, again = {}, {"original": test}
    for name, coder in coders.items():
        began = time.perf_counter()
        coder.fit(train)
        seconds = time.perf_counter() - began
        again[name] = coder.inverse_transform(coder.transform(test))
        accuracy = small_classifier().fit(coder.transform(train), kinds)
        rows[name] = {
            "features": n_codes,
            "mean squared error": float(((again[name] - test) ** 2).mean()),
            "R²": float(r2_score(test, again[name], multioutput="variance_weighted")),
            "accuracy": float(accuracy.score(coder.transform(test), truth)),
            "seconds": seconds,
        }
    began = time.perf_counter()
    whole = small_classifier().fit(train, kinds)
    rows["the pixels"] = {
        "features": train.shape[1],
        "mean squared error": 0.0,
        "R²": 1.0,
        "accuracy": float(whole.score(test, truth)),
        "seconds": time.perf_counter() - began,
    }
    return rows, again


def small_classifier() -> Any:
    """Return 64 and 64 units on standardised features."""
    return make_pipeline(StandardScaler(), MLPClassifier((64, 64), max_iter=15, **WHOLE))


def table(rows: dict[str, dict[str, float]]) -> str:
    """Return rows of figures as Markdown."""
    headers = next(iter(rows.values()))
    lines = [f"| | {' | '.join(headers)} |", "|---|" + "---:|" * len(headers)]
    form = {"features": "d", "mean squared error": ".4f", "seconds": ".1f"}
    for name, values in rows.items():
        cells = (f"{value:{form.get(what, '.3f')}}" for what, value in values.items())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(again: dict[str, Any], truth: Any) -> ImagesDisplay:
    """Return one picture of each class: as it is, and as each gives it back."""
    first = [int(np.flatnonzero(truth == kind)[0]) for kind in np.unique(truth)]
    rows = {name: np.clip(images[first], 0, 1) for name, images in again.items()}
    return ImagesDisplay(rows, title="Test pictures, and what comes back from 64 numbers")


def draw_features(rows: dict[str, dict[str, float]]) -> Any:
    """Return the figure: what comes back of the pixels, and what classifiers make of the codes."""
    figure, axes = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
    places = np.arange(len(rows))
    for k, (what, words) in enumerate({"R²": "R² of all pixels", "accuracy": "accuracy"}.items()):
        values = [one[what] for one in rows.values()]
        axes.barh(places + 0.4 * k - 0.2, values, 0.36, color=PALETTE[k], label=words,
                  hatch="" if k == 0 else "//", edgecolor="white")  # fmt: skip
        for place, value in zip(places, values, strict=True):
            axes.annotate(f"{value:.3f}", (value, place + 0.4 * k - 0.2), xytext=(3, 0),
                          textcoords="offset points", va="center", fontsize="small")  # fmt: skip
    axes.set_yticks(places, list(rows))
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def main(folder: Path) -> None:
    """Do all of it, and write it into a folder."""
    began = time.perf_counter()
    warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are those asked for
    train, test, kinds, truth = pictures()
    rows, again = compare(train, test, kinds, truth)
    print(table(rows))
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rows, indent=2, ensure_ascii=False)
    (folder / "image-autoencoder.json").write_text(text + "\n", encoding="utf-8")
    drawn = {"autoencoder": draw(again, truth), "features": draw_features(rows)}
    for name, figure in drawn.items():
        (folder / f"image-{name}.png").write_bytes(to_png(figure, dpi=90, colours=128))
    print(f"All of it took {time.perf_counter() - began:.0f} seconds.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
