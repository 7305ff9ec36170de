"""What is trained: a network, its rows, its start and its row orders, the same for every peer."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from mlplab._typing import AnyArray

__all__ = [
    "ALPHA",
    "BETA_1",
    "BETA_2",
    "EPSILON",
    "MOMENTUM",
    "Drawn",
    "Problem",
    "Solver",
    "draw",
    "final_loss",
    "loss_of_predictions",
    "predictions",
]

MOMENTUM, ALPHA = 0.9, 1e-4
"""SGD's momentum (Nesterov's), and the strength of the L2 penalty."""

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
"""Adam's numbers, in scikit-learn's form (see `mlplab.optim.Adam` for the place of ε)."""

Solver: TypeAlias = Literal["sgd", "adam"]
LossName: TypeAlias = Literal["softmax", "logistic", "squared"]
CHECKED = 16  # of many networks so many are compared, spread evenly


@dataclass(frozen=True, slots=True)
class Problem:
    """A network, its data, and how it is trained.

    Attributes
    ----------
    units : tuple of int
        Inputs, hidden units of each layer, outputs.
    n_rows, batch, epochs : int
    solver : {"sgd", "adam"}
    rate : float
        Learning rate, which stays as it is.
    activation : {"relu", "tanh"}
    loss : {"softmax", "logistic", "squared"}
        Cross-entropy of classes, of one yes or no, or half the squared error.
    n_networks : int
        How many of them are trained, each from its own start with its own row orders.
    """

    units: tuple[int, ...]
    n_rows: int
    batch: int
    epochs: int = 1
    solver: Solver = "adam"
    rate: float = 1e-3
    activation: Literal["relu", "tanh"] = "relu"
    loss: LossName = "softmax"
    n_networks: int = 1

    @property
    def steps(self) -> int:
        """Steps of the whole training of one network."""
        return self.epochs * -(-self.n_rows // self.batch)

    @property
    def training_flop(self) -> float:
        """Floating-point operations of the matrix products of training one network.

        A product of the forward pass comes back twice in the backward pass, once for the weights
        and once for the layer below; the inputs of the network need no gradient.
        """
        products = [a * b for a, b in itertools.pairwise(self.units)]
        return 2.0 * (3 * sum(products) - products[0]) * self.n_rows * self.epochs

    @property
    def prediction_flop(self) -> float:
        """Floating-point operations of the matrix products of predicting all rows once."""
        return 2.0 * sum(a * b for a, b in itertools.pairwise(self.units)) * self.n_rows

    @property
    def full_batch(self) -> bool:
        """Whether a step sees all rows, so that their order does not matter."""
        return self.batch >= self.n_rows

    @property
    def checked(self) -> range:
        """The networks whose final losses are compared."""
        return range(0, self.n_networks, max(1, self.n_networks // CHECKED))


@dataclass(frozen=True, slots=True)
class Drawn:
    """The numbers of a problem.

    Attributes
    ----------
    x : ndarray of shape (n_rows, n_inputs)
    labels : int array of shape (n_rows,)
        Classes; of no use to a squared error.
    targets : ndarray of shape (n_rows, n_outputs)
        What the loss compares with: one column a class, or the numbers themselves.
    arrays : list of ndarray
        Weight and bias of each layer in turn; a weight has the shape (fan_in, fan_out).
    orders : int array of shape (epochs, n_rows)
    """

    x: AnyArray
    labels: AnyArray
    targets: AnyArray
    arrays: list[AnyArray]
    orders: AnyArray


def draw(problem: Problem, dtype: str, network: int = 0) -> Drawn:
    """Return rows, targets, start and row orders.

    Parameters
    ----------
    problem : Problem
    dtype : {"float32", "float64"}
    network : int
        Networks share the rows; start and row orders are each network's own.
    """
    rng = np.random.default_rng(0)
    units = problem.units
    x = rng.standard_normal((problem.n_rows, units[0]), dtype=np.float32).astype(dtype)
    labels, targets = _answers(problem, x, rng)
    own = np.random.default_rng([1, network])
    arrays: list[AnyArray] = []
    for fan_in, fan_out in itertools.pairwise(units):
        arrays.append(
            (own.standard_normal((fan_in, fan_out)) * np.sqrt(1.5 / fan_in)).astype(dtype)
        )
        arrays.append(np.zeros(fan_out, dtype))
    orders = np.array([own.permutation(problem.n_rows) for _ in range(problem.epochs)])
    return Drawn(x, labels, targets.astype(dtype), arrays, orders)


def _answers(problem: Problem, x: AnyArray, rng: np.random.Generator) -> tuple[AnyArray, AnyArray]:
    """Let a linear teacher answer, with noise: a loss that falls tells whether peers learn."""
    n_inputs, n_outputs = problem.units[0], problem.units[-1]
    said = x.astype(np.float64) @ rng.standard_normal((n_inputs, n_outputs)) / np.sqrt(n_inputs)
    said += 0.5 * rng.standard_normal(said.shape)
    if problem.loss == "squared":
        return np.zeros(len(x), dtype=np.int64), said
    if problem.loss == "logistic":
        labels = (said[:, 0] > 0).astype(np.int64)
        return labels, labels[:, None]
    labels = said.argmax(axis=1)
    return labels, np.eye(n_outputs)[labels]


def predictions(problem: Problem, arrays: list[AnyArray], x: AnyArray) -> AnyArray:
    """Return what a network predicts, computed here in float64: the judge of every peer."""
    value = x.astype(np.float64)
    last = len(arrays) // 2 - 1
    for layer, (weight, bias) in enumerate(zip(arrays[::2], arrays[1::2], strict=True)):
        value = value @ weight.astype(np.float64) + bias
        if layer < last:
            value = np.maximum(value, 0.0) if problem.activation == "relu" else np.tanh(value)
    if problem.loss == "squared":
        return value
    if problem.loss == "logistic":
        probability: AnyArray = 1 / (1 + np.exp(-value))
        return probability
    value = np.exp(value - value.max(axis=1, keepdims=True))
    probabilities: AnyArray = value / value.sum(axis=1, keepdims=True)
    return probabilities


def loss_of_predictions(problem: Problem, predicted: Any, targets: AnyArray) -> float:
    """Return the mean data loss of predictions, without penalties."""
    predicted = np.asarray(predicted, dtype=np.float64)
    if problem.loss == "squared":
        return float(0.5 * ((predicted - targets) ** 2).sum(axis=1).mean())
    right = np.where(targets > 0.5, predicted, 1 - predicted if problem.loss == "logistic" else 1.0)
    return float(-np.log(np.maximum(right, 1e-300)).sum(axis=1).mean())


def final_loss(problem: Problem, drawn: Drawn, arrays: list[AnyArray]) -> float:
    """Return the mean data loss of a trained network over all rows.

    Every peer hands over its weights and is judged by this one function, so that peers which
    report a loss in another way, or at another moment, can be compared.
    """
    predicted = predictions(problem, arrays, drawn.x)
    return loss_of_predictions(problem, predicted, drawn.targets)
