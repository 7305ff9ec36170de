"""Songs by their neighbours: fifteen columns, nine principal components, nine codes.

``MLPLAB_DATA=… python studies/songs-neighbours.py [FOLDER]`` prints two tables and writes
``songs-autoencoder.json``, ``songs-autoencoder.png`` and ``songs-neighbours.png`` into the folder,
which is ``runs`` if none is named. The autoencoder is that of ``songs-autoencoder.toml``. Genres
are guessed by the 23 nearest songs in Manhattan distance, and by a network on the same rows.
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
from sklearn.metrics import accuracy_score, precision_recall_fscore_support, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from mlplab import MLPAutoencoder, MLPClassifier
from mlplab.data import load
from mlplab.plots import PALETTE, to_png

COLUMNS = [
    "popularity", "duration_ms", "explicit", "danceability", "energy", "key", "loudness", "mode",
    "speechiness", "acousticness", "instrumentalness", "liveness", "valence", "tempo",
    "time_signature",
]  # fmt: skip
# Every network makes all its epochs, with a rate that falls to almost nothing.
WHOLE = {"tol": 0.0, "n_iter_no_change": 1000, "learning_rate": "linear", "random_state": 0}
WHOLE |= {"learning_rate_final": 1e-5}


def songs() -> tuple[Any, Any]:
    """Return the fifteen columns of every song, and its genre."""
    frame = load("spotify").frame
    return frame[COLUMNS].to_numpy(dtype=float), frame["track_genre"].to_numpy()


def autoencoder(epochs: int = 60) -> MLPAutoencoder:
    """Return 15 → 12 → 9 → 12 → 15 with tanh, and a linear code."""
    return MLPAutoencoder(
        (12, 9, 12), "tanh", batch_size=128, learning_rate_init=0.005, max_iter=epochs, alpha=0.0,
        **WHOLE,
    )  # fmt: skip


def classifier(epochs: int = 15) -> MLPClassifier:
    """Return the network that guesses genres."""
    return MLPClassifier(
        (128, 64), batch_size=256, learning_rate_init=0.003, max_iter=epochs, dtype="float32",
        **WHOLE,
    )  # fmt: skip


def judged(guesser: Any, train: Any, genres: Any, test: Any, truth: Any) -> dict[str, float]:
    """Return accuracy, means over the genres, and seconds to fit and to predict."""
    began = time.perf_counter()
    guesser.fit(train, genres)
    fitted = time.perf_counter()
    guess = guesser.predict(test)
    done = time.perf_counter()
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, guess, average="macro", zero_division=0.0
    )
    return {
        "accuracy": float(accuracy_score(truth, guess)),
        "precision": float(precision),
        "recall": float(recall),
        "F1": float(f1),
        "seconds to fit": fitted - began,
        "seconds to predict": done - fitted,
    }


def compare(
    X: Any, y: Any, *, n_codes: int = 9, epochs: int = 60
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]], list[list[float]]]:
    """Return reconstructions, guesses, and the R² of every column for codes and components."""
    train, test, genres, truth = train_test_split(X, y, test_size=0.2, random_state=0, stratify=y)
    scaler = StandardScaler().fit(train)
    train, test = scaler.transform(train), scaler.transform(test)
    coders = {
        f"{n_codes} principal components": PCA(n_codes),
        f"{n_codes} codes": autoencoder(epochs),
    }
    neighbours = KNeighborsClassifier(23, metric="manhattan", algorithm="brute", n_jobs=2)
    rebuilt, columns = {}, []
    guesses = {f"23 nearest, {X.shape[1]} columns": judged(neighbours, train, genres, test, truth)}
    for name, coder in coders.items():
        began = time.perf_counter()
        coder.fit(train)
        seconds = time.perf_counter() - began
        codes = [coder.transform(rows) for rows in (train, test)]
        again = [coder.inverse_transform(rows) for rows in codes]
        rebuilt[name] = {
            "train R²": r2_score(train, again[0]),
            "test R²": r2_score(test, again[1]),
            "test mean squared error": float(((test - again[1]) ** 2).mean()),
            "seconds to fit": seconds,
        }
        columns.append(r2_score(test, again[1], multioutput="raw_values").tolist())
        guesses[f"23 nearest, {name}"] = judged(neighbours, codes[0], genres, codes[1], truth)
    network = f"network, {X.shape[1]} columns"
    guesses[network] = judged(classifier(min(epochs, 15)), train, genres, test, truth)
    return rebuilt, guesses, columns


def draw(columns: list[list[float]], names: list[str]) -> Any:
    """Return the figure: R² of every column, through codes and through components."""
    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    places = np.arange(len(names))
    pairs = zip(columns, ("nine principal components", "nine codes"), "so", strict=True)
    for k, (values, label, marker) in enumerate(pairs):
        axes.plot(values, places, marker, color=PALETTE[k], label=label)
    axes.hlines(places, *np.array(columns), color="0.6", linewidth=1, zorder=0)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlabel("R² on 22,800 test songs, standardised columns")
    axes.set_title("What of each column comes back", fontsize="medium")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def draw_guesses(guesses: dict[str, dict[str, float]]) -> Any:
    """Return the figure: how right each is, and how long 22,800 guesses take it."""
    figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    for k, (name, one) in enumerate(guesses.items()):
        axes.plot(one["seconds to predict"], one["accuracy"], "osD^"[k], color=PALETTE[k], ms=9)
        side = -1 if name.startswith("23") else 1
        axes.annotate(
            name, (one["seconds to predict"], one["accuracy"]), xytext=(10 * side, 0),
            textcoords="offset points", ha="right" if side < 0 else "left", va="center",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.margins(0.1, 0.12)
    axes.set_xlabel("seconds to guess the genres of 22,800 songs")
    axes.set_ylabel("share that is right")
    axes.set_title("Guessing 114 genres", fontsize="medium")
    axes.grid(alpha=0.3)
    return figure


def table(rows: dict[str, dict[str, float]]) -> str:
    """Return rows of figures as Markdown."""
    headers = next(iter(rows.values()))
    lines = [f"| | {' | '.join(headers)} |", "|---|" + "---:|" * len(headers)]
    for name, values in rows.items():
        cells = (
            f"{value:.2f}" if what.startswith("seconds") else f"{value:.4f}"
            for what, value in values.items()
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(folder: Path) -> None:
    """Do all of it, and write it into a folder."""
    began = time.perf_counter()
    warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are those asked for
    rebuilt, guesses, columns = compare(*songs())
    print(table(rebuilt), table(guesses), sep="\n\n")
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"rebuilt": rebuilt, "guesses": guesses}, indent=2, ensure_ascii=False)
    (folder / "songs-autoencoder.json").write_text(text + "\n", encoding="utf-8")
    pictures = {"autoencoder": draw(columns, COLUMNS), "neighbours": draw_guesses(guesses)}
    for name, figure in pictures.items():
        (folder / f"songs-{name}.png").write_bytes(to_png(figure, dpi=100, colours=64))
    print(f"All of it took {time.perf_counter() - began:.0f} seconds.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
