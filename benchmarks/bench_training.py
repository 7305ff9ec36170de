"""Training beside scikit-learn and PyTorch in one run: microseconds a step.

Run ``python benchmarks/bench_training.py [--cases tiny-sgd,tiny-adam,mnist,full] [--rounds 5]``.

Every peer makes the same steps on the same rows with the same start and ends at the same loss,
which is checked. Peers take turns and the median of the rounds counts. The share is that of the
matrix-multiply speed that NumPy reaches on the same number of threads in the same run.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Problem:
    """A network, its data, and how it is trained."""

    name: str
    units: tuple[int, ...]
    n_rows: int
    batch: int
    epochs: int
    solver: str
    threads: int = 1
    activation: str = "relu"
    regression: bool = False

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.epochs * -(-self.n_rows // self.batch)

    @property
    def flop(self) -> float:
        """Floating-point operations of the products of the whole training."""
        pairs = list(itertools.pairwise(self.units))
        forward = sum(a * b for a, b in pairs)
        backward = sum(a * b for a, b in pairs[1:])
        return 2.0 * (2 * forward + backward) * self.n_rows * self.epochs


PROBLEMS = {
    "tiny-sgd": Problem("11-[32,32]-6, SGD", (11, 32, 32, 6), 914, 32, 40, "sgd"),
    "tiny-adam": Problem("11-[32,32]-6, Adam", (11, 32, 32, 6), 914, 32, 40, "adam"),
    "mnist": Problem(
        "784-[256,128,64,32]-10, Adam", (784, 256, 128, 64, 32, 10), 6400, 128, 2, "adam", 2
    ),
    "mnist-1": Problem(
        "784-[256,128,64,32]-10, Adam, 1 thread",
        (784, 256, 128, 64, 32, 10), 6400, 128, 1, "adam", 1,
    ),
    "full": Problem("2-8-2 full batch, squared error, SGD", (2, 8, 2), 64, 64, 1000, "sgd",
        activation="tanh", regression=True,
    ),
}  # fmt: skip
RATE = {"sgd": 0.01, "adam": 1e-3}


def draw(problem: Problem, dtype: str) -> dict[str, Any]:
    """Return rows, classes, starting weights and row orders."""
    rng = np.random.default_rng(0)
    units = problem.units
    x = rng.normal(size=(problem.n_rows, units[0])).astype(dtype)
    pairs = list(itertools.pairwise(units))
    weights = [(rng.normal(size=p) * np.sqrt(1.5 / p[0])).astype(dtype) for p in pairs]
    biases = [np.zeros(p[1], dtype) for p in pairs]
    labels = rng.integers(0, units[-1], problem.n_rows)
    targets = np.eye(units[-1], dtype=dtype)[labels]
    orders = np.array([rng.permutation(problem.n_rows) for _ in range(problem.epochs)])
    return {
        "x": x, "labels": labels, "targets": targets, "weights": weights, "biases": biases,
        "orders": orders,
    }  # fmt: skip


def run_mlplab(problem: Problem, dtype: str, engine_name: str = "native") -> Callable[[], float]:
    """Return a function that trains on one of our engines and returns the final loss."""
    import importlib

    from mlplab import nn, optim
    from mlplab.engines import StoppingRule, TrainingData, TrainingPlan, TrainingState

    drawn = draw(problem, dtype)
    units = problem.units
    network = nn.multilayer(units[0], units[1:-1], units[-1], problem.activation)
    loss: Any = nn.CategoricalCrossEntropy()
    if problem.regression:
        loss = nn.SquaredError(reported_scale=1 / units[-1])
    plan = TrainingPlan(
        network=network,
        loss=loss,
        optimiser=optim.Adam() if problem.solver == "adam" else optim.SGD(0.9, nesterov=True),
        schedule=optim.Constant(RATE[problem.solver]),
        stopping=StoppingRule(max_epochs=10**6, patience=float("inf")),
        penalties=nn.Penalties(l2=1e-4),
        batch_size=problem.batch,
        dtype=dtype,
    )
    data = TrainingData(drawn["x"], drawn["targets"])
    start = network.pack(
        [a for pair in zip(drawn["weights"], drawn["biases"], strict=True) for a in pair]
    )
    module = importlib.import_module(f"mlplab.engines.{engine_name}")
    engine = getattr(module, f"{engine_name.capitalize()}Engine")(problem.threads)
    orders = None if problem.batch >= problem.n_rows else drawn["orders"]

    def train() -> float:
        state = TrainingState(start.copy())
        return engine.advance(plan, state, data, orders, problem.epochs)[-1].loss

    return train


def run_sklearn(problem: Problem, dtype: str) -> Callable[[], float]:
    """Return a function that trains with scikit-learn's own loop and returns the final loss."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    drawn = draw(problem, dtype)
    base: Any = MLPRegressor if problem.regression else MLPClassifier
    target = drawn["targets"] if problem.regression else drawn["labels"]

    class SameStart(base):  # type: ignore[misc]  # no types in sklearn
        def _init_coef(self, fan_in: int, fan_out: int, dtype: Any) -> Any:
            at = [w.shape for w in drawn["weights"]].index((fan_in, fan_out), self._at)
            self._at = at + 1
            return drawn["weights"][at].copy(), drawn["biases"][at].copy()

    class SameOrders(np.random.RandomState):
        """Shuffles such that rows come in the given orders."""

        def __init__(self) -> None:
            super().__init__(0)
            self.epoch, self.current = 0, np.arange(problem.n_rows)

        def shuffle(self, positions: Any) -> None:
            wanted = drawn["orders"][self.epoch % problem.epochs]
            inverse = np.empty_like(self.current)
            inverse[self.current] = np.arange(problem.n_rows)
            positions[:] = inverse[wanted]
            self.current, self.epoch = wanted, self.epoch + 1

    def train() -> float:
        model = SameStart(
            hidden_layer_sizes=problem.units[1:-1], activation=problem.activation,
            solver=problem.solver,
            batch_size=problem.batch, learning_rate_init=RATE[problem.solver], alpha=1e-4,
            max_iter=problem.epochs, n_iter_no_change=10**6, tol=0.0, random_state=SameOrders(),
            shuffle=problem.batch < problem.n_rows,
        )  # fmt: skip
        model._at = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(drawn["x"], target)
        return float(model.loss_curve_[-1])

    return train


def run_torch(problem: Problem, dtype: str) -> Callable[[], float]:
    """Return a function that trains eagerly in PyTorch and returns the final loss."""
    import torch

    drawn = draw(problem, dtype)
    kind = getattr(torch, dtype)
    x = torch.from_numpy(drawn["x"])
    labels = torch.from_numpy(drawn["targets" if problem.regression else "labels"])
    orders = torch.from_numpy(drawn["orders"])
    hidden = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[problem.activation]

    def build() -> torch.nn.Sequential:
        layers: list[torch.nn.Module] = []
        for weight, bias in zip(drawn["weights"], drawn["biases"], strict=True):
            layer = torch.nn.Linear(*weight.shape, dtype=kind)
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(weight.T.copy()))
                layer.bias.copy_(torch.from_numpy(bias))
            layers += [layer, hidden()]
        return torch.nn.Sequential(*layers[:-1])

    def train() -> float:
        model = build()
        rate = RATE[problem.solver]
        if problem.solver == "adam":
            optimiser: Any = torch.optim.Adam(model.parameters(), lr=rate)
        else:
            optimiser = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, nesterov=True)
        criterion = torch.nn.CrossEntropyLoss()
        if problem.regression:
            # Half the squared error of a row, as the others differentiate it; half is shown.
            criterion = lambda raw, y: 0.5 * (raw - y).square().sum(dim=1).mean()  # noqa: E731
        whole = problem.batch >= problem.n_rows
        for epoch in range(problem.epochs):
            total = torch.zeros((), dtype=kind)
            for begin in range(0, problem.n_rows, problem.batch):
                rows = orders[epoch, begin : begin + problem.batch]
                optimiser.zero_grad()
                loss = criterion(model(x if whole else x[rows]), labels if whole else labels[rows])
                loss.backward()
                optimiser.step()
                total += loss.detach() * len(rows)
        scale = 1 / problem.units[-1] if problem.regression else 1
        return float(total) / problem.n_rows * scale

    return train


def peak_gflops(threads: int) -> float:
    """Return the matrix-multiply speed of NumPy on this many threads, in float32."""
    from threadpoolctl import threadpool_limits

    a = np.random.default_rng(0).normal(size=(1024, 1024)).astype(np.float32)
    best = 0.0
    with threadpool_limits(threads):
        for _ in range(8):
            began = time.perf_counter()
            np.dot(a, a)
            best = max(best, 2 * 1024**3 / (time.perf_counter() - began) / 1e9)
    return best


def limit_threads(threads: int) -> None:
    """Hold every peer to the same number of threads."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def measure(problem: Problem, rounds: int, peers: set[str]) -> None:
    """Let all peers train in turn and print a table."""
    import torch  # noqa: F401  (so that its threads are limited)

    limit_threads(problem.threads)
    makers: dict[str, Callable[[], Callable[[], float]]] = {
        "mlplab native float32": lambda: run_mlplab(problem, "float32"),
        "mlplab native float64": lambda: run_mlplab(problem, "float64"),
        "mlplab reference float32": lambda: run_mlplab(problem, "float32", "reference"),
        "scikit-learn float32": lambda: run_sklearn(problem, "float32"),
        "scikit-learn float64": lambda: run_sklearn(problem, "float64"),
        "PyTorch eager float32": lambda: run_torch(problem, "float32"),
    }
    trains = {name: make() for name, make in makers.items() if any(peer in name for peer in peers)}
    seconds: dict[str, list[float]] = {name: [] for name in trains}
    losses: dict[str, float] = {}
    peaks = [peak_gflops(problem.threads)]
    for _ in range(rounds):
        for name, train in trains.items():
            began = time.perf_counter()
            losses[name] = train()
            seconds[name].append(time.perf_counter() - began)
        peaks.append(peak_gflops(problem.threads))
    limit_threads(problem.threads)
    report(problem, seconds, losses, statistics.median(peaks))


def report(
    problem: Problem, seconds: dict[str, list[float]], losses: dict[str, float], peak: float
) -> None:
    """Print the table of one problem, and whether all ended at the same loss."""
    own = statistics.median(seconds["mlplab native float32"])
    print(f"\n{problem.name}, {problem.n_rows} rows, batch {problem.batch}, ", end="")
    print(f"{problem.threads} thread(s), {problem.steps} steps; sgemm peak {peak:.0f} GFLOP/s")
    print(f"{'':26}{'us/step':>10}{'GFLOP/s':>10}{'% of peak':>10}{'ours is':>9}  final loss")
    for name, times in seconds.items():
        median = statistics.median(times)
        speed = problem.flop / median / 1e9
        print(
            f"{name:26}{median / problem.steps * 1e6:10.2f}{speed:10.2f}"
            f"{100 * speed / peak:10.1f}{median / own:8.1f}x  {losses[name]:.6f}"
        )
    # PyTorch's loss lacks the penalty, which is below 1e-4 of it here.
    spread = max(losses.values()) - min(losses.values())
    print("final losses agree" if spread < 5e-3 else f"FINAL LOSSES DIFFER by {spread:.2g}")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default=",".join(PROBLEMS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", default="mlplab,scikit-learn,PyTorch")
    parser.add_argument("--scale", type=float, default=1.0, help="times as many epochs")
    given = parser.parse_args()
    print(f"{os.cpu_count()} CPUs, NumPy {np.__version__}")
    for name in given.cases.split(","):
        problem = PROBLEMS[name]
        epochs = max(1, round(problem.epochs * given.scale))
        measure(replace(problem, epochs=epochs), given.rounds, set(given.peers.split(",")))


if __name__ == "__main__":
    main()
