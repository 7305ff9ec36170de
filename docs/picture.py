"""Draw the picture of the README: ``python docs/picture.py``.

Two spirals, the boundary that a small network finds, how its loss fell, and what its layers
make of the plane. Needs the extra ``lab``.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

import mlplab
from mlplab.plots import PALETTE, to_png

TARGET = Path(__file__).parent / "picture.png"


def draw() -> Path:
    """Train on the spirals and draw three panels; return where the picture lies."""
    spirals = mlplab.data.load("spirals", seed=0)
    points = spirals.frame[list(spirals.features)].to_numpy(float)
    labels = spirals.frame[spirals.target[0]].to_numpy()
    network = mlplab.MLPClassifier(
        (32, 32, 16), activation="tanh", learning_rate_init=0.01, max_iter=400, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network.fit(points, labels)

    figure = Figure(figsize=(12, 3.7), layout="constrained")
    plane, curve, hidden = figure.subplots(1, 3)
    draw_plane(plane, network, points, labels)
    curve.plot(network.loss_curve_, color=PALETTE[0], linewidth=1.6)
    curve.set(yscale="log", title="How the loss fell", xlabel="Epoch", ylabel="Cross-entropy")
    draw_hidden(hidden, network, points, labels)
    TARGET.write_bytes(to_png(figure, dpi=120, colours=128))
    return TARGET


def draw_plane(
    ax: Axes, network: mlplab.MLPClassifier, points: np.ndarray, labels: np.ndarray
) -> None:
    """Shade the plane by the probability of the second class, points on top."""
    low, high = points.min(axis=0) - 0.3, points.max(axis=0) + 0.3
    xs, ys = np.linspace(low[0], high[0], 300), np.linspace(low[1], high[1], 300)
    mesh = np.stack(np.meshgrid(xs, ys), axis=-1)
    probability = network.predict_proba(mesh.reshape(-1, 2))[:, 1].reshape(300, 300)
    ax.contourf(xs, ys, probability, levels=np.linspace(0, 1, 21), cmap="RdBu_r", alpha=0.4)
    ax.contour(xs, ys, probability, levels=[0.5], colors="black", linewidths=1.0)
    scatter(ax, points, labels)
    fresh = mlplab.data.load("spirals", seed=1)
    share = network.score(
        fresh.frame[list(fresh.features)].to_numpy(float), fresh.frame[fresh.target[0]].to_numpy()
    )
    ax.set(title=f"Two spirals: {share:.1%} of new points right", aspect="equal")
    ax.set(xlabel="x₁", ylabel="x₂")


def draw_hidden(
    ax: Axes, network: mlplab.MLPClassifier, points: np.ndarray, labels: np.ndarray
) -> None:
    """Show the points as the last hidden layer sees them, in their two main directions."""
    scatter(ax, PCA(2).fit_transform(network.transform(points)), labels)
    ax.set(title="Hidden space: the last layer's view")
    ax.set(xlabel="First main direction", ylabel="Second main direction")


def scatter(ax: Axes, points: np.ndarray, labels: np.ndarray) -> None:
    """Draw points coloured by class."""
    for value, colour, marker in zip(np.unique(labels), ("#2166ac", "#b2182b"), "os", strict=True):
        chosen = points[labels == value]
        ax.scatter(*chosen.T, s=14, color=colour, marker=marker, edgecolor="white", linewidth=0.4)


if __name__ == "__main__":
    print(draw())
