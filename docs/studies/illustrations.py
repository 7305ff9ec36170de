"""Pictures of the pages on studies that no study draws: what functions and schedules look like."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale

from mlplab import MLPClassifier, MLPRegressor, optim
from mlplab.data import load
from mlplab.nn import (
    LOSSES,
    Penalties,
    agreement,
    draw_parameters,
    get_activation,
    multilayer,
    objective,
    objective_and_gradient,
)
from mlplab.plots import PALETTE, LabelHistogramDisplay, NetworkDisplay

STUDIES = Path(__file__).resolve().parents[2] / "studies"
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))
NAMES = {"logistic": "sigmoid", "tanh": "tanh", "relu": "ReLU", "leaky_relu": "leaky ReLU"}


def _new(width: float, height: float, columns: int = 1) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, columns)
    for ax in np.ravel(axes):
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.25)
    return figure, axes


def activations() -> Figure:
    """Draw four activations, their derivatives, and how small the first gradients of MNIST are."""
    figure, (values, slopes, sizes) = _new(12.0, 3.8, 3)
    z = np.linspace(-4, 4, 401)
    data = load("mnist")
    x = data.frame.iloc[:512, :-1].to_numpy(dtype=float) / 255
    y = np.eye(10)[data.frame.iloc[:512, -1].to_numpy(dtype=int)]
    for k, (name, words) in enumerate(NAMES.items()):
        style = {"color": PALETTE[k], "linestyle": DASHES[k], "label": words}
        function = get_activation(name)
        a = function.value(z)
        values.plot(z, a, **style)
        slopes.plot(z, function.derivative(z, a), **style)
        sizes.plot(range(1, 6), _gradient_sizes(name, x, y), marker="osD^"[k], **style)
    values.set(title="value", xlabel="z", ylabel="a", ylim=(-1.5, 2.5))
    slopes.set(title="derivative", xlabel="z", ylabel="da/dz", ylim=(-0.1, 1.15))
    sizes.set(
        title="first gradient, layer by layer", xlabel="layer of weights",
        ylabel="root mean square of ∂J/∂w", yscale="log", xticks=range(1, 6),
    )  # fmt: skip
    values.legend(frameon=False)
    return figure


def _gradient_sizes(activation: str, x: Any, y: Any) -> list[float]:
    """Return how large the gradient of each layer's weights is before the first step."""
    network = multilayer(784, (256, 128, 64, 32), 10, activation)
    start = draw_parameters(network, "he_normal", np.random.RandomState(0))
    gradient = objective_and_gradient(
        network, LOSSES["log_loss"](), Penalties(), start, x, y
    ).gradient
    sizes, place = [], 0
    for layer in network.dense_layers:
        n = layer.fan_in * layer.fan_out
        sizes.append(float(np.sqrt((gradient[place : place + n] ** 2).mean())))
        place += n + layer.fan_out
    return sizes


def schedules() -> Figure:
    """Draw learning rates that go their way over a hundred epochs."""
    figure, ax = _new(6.4, 3.8)
    first, last = 0.075, 0.001
    shown = {
        "constant": optim.Constant(first),
        "linear": optim.Linear(first, last),
        "cosine": optim.Cosine(first, last),
        "exponential": optim.Exponential(first, last),
        "step": optim.StepDecay(first),
        "one_cycle": optim.OneCycle(first, last),
    }
    for k, (name, schedule) in enumerate(shown.items()):
        rates = [schedule.rate(optim.Moment(10 * e, e, 10, 100, 100 * e, 0)) for e in range(100)]
        ax.plot(range(1, 101), rates, color=PALETTE[k], linestyle=DASHES[k], label=name)
    ax.set(title="learning_rate = …", xlabel="epoch", ylabel="learning rate")
    figure.legend(loc="outside right center", frameon=False)
    return figure


def differences() -> Figure:
    """Draw how far a right and a wrong gradient are from differences, by the step of those."""
    X, y = load_wine(return_X_y=True)
    x, t = scale(X)[:40], np.eye(3)[y[:40]]
    network = multilayer(13, (8, 8), 3, "tanh")
    point = draw_parameters(network, "glorot_uniform", np.random.RandomState(0))
    loss = LOSSES["log_loss"]()
    right = objective_and_gradient(network, loss, Penalties(), point, x, t).gradient

    def value(parameters: Any) -> float:
        return objective(network, loss, Penalties(), parameters, x, t)

    wrong = right.copy()
    wrong[-3:] = 0.0  # the last biases forgotten
    steps = np.logspace(-9, -0.5, 35)
    figure, ax = _new(6.8, 4.2)
    found = {"fourth order": _fourth, "second order": _second}
    for k, (name, formula) in enumerate(found.items()):
        numeric = [formula(value, point, step) for step in steps]
        relative = [agreement(right, one).relative for one in numeric]
        ax.plot(steps, relative, color=PALETTE[k], linestyle=DASHES[k], label=f"right, {name}")
    off = [agreement(wrong, one).relative for one in numeric]
    ax.plot(steps, off, color=PALETTE[2], linestyle=":", label="last biases forgotten")
    ax.axhline(1e-7, color="0.4", linewidth=0.8)
    ax.annotate("what counts as agreement", (1e-6, 1.5e-7), fontsize="small", color="0.3")
    ax.set(
        title="Is the backpropagation right?", xscale="log", yscale="log",
        xlabel="step ε of the differences", ylabel="‖a − n‖ / (‖a‖ + ‖n‖)",
    )  # fmt: skip
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    return figure


def _each(point: Any, step: float) -> Any:
    return step * np.eye(len(point))


def _second(value: Callable[[Any], float], point: Any, step: float) -> Any:
    return np.array(
        [(value(point + d) - value(point - d)) / (2 * step) for d in _each(point, step)]
    )


def _fourth(value: Callable[[Any], float], point: Any, step: float) -> Any:
    return np.array(
        [
            (8 * (value(point + d) - value(point - d)) - value(point + 2 * d)
             + value(point - 2 * d)) / (12 * step)
            for d in _each(point, step)
        ]
    )  # fmt: skip


def by_hand(name: str) -> NetworkDisplay:
    """Draw the network of a study by hand, with the values of its first sample."""
    wanted = tomllib.loads((STUDIES / f"{name}.toml").read_text(encoding="utf-8"))["trace"]
    start = (
        [np.array(rows, dtype=float).T for rows in wanted["weights"]],
        [np.array(bias, dtype=float) for bias in wanted["biases"]],
    )
    x, y = np.array(wanted["samples"]), np.ravel(wanted["targets"])
    # A classifier wants to see both classes; nothing is learned from the rows.
    kind, rows, known = (MLPRegressor, x, y)
    if wanted["loss"] == "binary_log_loss":
        kind, rows, known = MLPClassifier, np.vstack([x, x]), np.array([0, 1])
    network = kind(
        hidden_layer_sizes=tuple(wanted["hidden"]), activation=wanted["activation"], init=start
    )
    names = ["x₁", "x₂"][: wanted["inputs"]] if wanted["inputs"] > 1 else ["x"]
    return NetworkDisplay.from_estimator(network.initialize(rows, known), x[0], feature_names=names)


def wine_labels() -> LabelHistogramDisplay:
    """Draw how many wines have each quality."""
    return LabelHistogramDisplay.from_labels(load("wine_qt").frame["quality"], name="quality")


ILLUSTRATIONS: dict[str, Callable[[], Any]] = {
    "activations": activations,
    "schedules": schedules,
    "gradient-check": differences,
    "wine-quality-labels": wine_labels,
    "by-hand-2-2-1": lambda: by_hand("by-hand-2-2-1"),
    "by-hand-relu": lambda: by_hand("by-hand-relu"),
}
"""By the names of their files."""
