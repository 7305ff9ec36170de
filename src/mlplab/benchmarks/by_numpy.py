"""Peer: a training loop written by hand in NumPy, with care.

All parameters lie in one vector, so that an optimiser is a dozen calls whatever the number of
layers; every buffer is made once; every operation writes into a buffer (``out=``).
"""

from __future__ import annotations

import time

import numpy as np

from mlplab._typing import AnyArray
from mlplab.benchmarks.problems import (
    ALPHA,
    BETA_1,
    BETA_2,
    EPSILON,
    MOMENTUM,
    Drawn,
    Problem,
    draw,
    final_loss,
    loss_of_predictions,
)
from mlplab.benchmarks.tasks import Task

__all__ = ["multiply_peak", "prediction", "training"]


def training(problem: Problem, threads: int) -> Task:  # noqa: ARG001  # the process has them
    """Return the training of one network."""
    drawn = draw(problem, "float32")

    def run() -> list[AnyArray]:
        loop = _Loop(problem, drawn)
        for order in drawn.orders:
            loop.epoch(None if problem.full_batch else order)
        return loop.arrays

    return Task(run, lambda arrays: [final_loss(problem, drawn, arrays)])


def prediction(problem: Problem, threads: int, calls: int) -> Task:  # noqa: ARG001  # same
    """Return so many predictions of all rows."""
    drawn = draw(problem, "float32")
    layers = _Layers(problem, drawn.arrays, problem.n_rows)

    def run() -> AnyArray:
        for _ in range(calls):
            probabilities = layers.forward(drawn.x)
        return probabilities

    return Task(run, lambda found: [loss_of_predictions(problem, found, drawn.targets)])


def multiply_peak(repeats: int = 8, size: int = 1024) -> float:
    """Return the matrix-multiply speed of NumPy's BLAS in float32, in GFLOP/s.

    The best of some products of square matrices, on the threads of this process.
    """
    a = np.random.default_rng(0).standard_normal((size, size), dtype=np.float32)
    b, out = a.T.copy(), np.empty_like(a)
    best = np.inf
    for _ in range(repeats):
        began = time.perf_counter()
        np.matmul(a, b, out=out)
        best = min(best, time.perf_counter() - began)
    return 2.0 * size**3 / best / 1e9


class _Layers:
    """The forward and the backward pass for one number of rows."""

    def __init__(self, problem: Problem, arrays: list[AnyArray], rows: int) -> None:
        self.weights, self.biases = arrays[::2], arrays[1::2]
        self.loss, self.tanh = problem.loss, problem.activation == "tanh"
        dtype = arrays[0].dtype
        self.values = [np.empty((rows, w.shape[1]), dtype) for w in self.weights]
        self.deltas = [np.empty_like(value) for value in self.values]
        self.column, self.ones = np.empty((rows, 1), dtype), np.ones(rows, dtype)
        self.rows = rows

    def forward(self, x: AnyArray) -> AnyArray:
        """Return the predictions; every layer keeps its values."""
        value, last = x, len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            value = np.matmul(value, weight, out=self.values[layer])
            value += bias
            if layer < last:
                if self.tanh:
                    np.tanh(value, out=value)
                else:
                    np.maximum(value, 0, out=value)
        if self.loss == "softmax":
            value -= np.max(value, axis=1, keepdims=True, out=self.column)
            np.exp(value, out=value)
            value /= np.sum(value, axis=1, keepdims=True, out=self.column)
        elif self.loss == "logistic":
            np.negative(value, out=value)
            np.exp(value, out=value)
            value += 1
            np.reciprocal(value, out=value)
        return value

    def backward(self, x: AnyArray, targets: AnyArray, gradients: list[AnyArray]) -> None:
        """Write the gradient; the three losses share (prediction - target) at their end."""
        delta = np.subtract(self.values[-1], targets, out=self.deltas[-1])
        delta *= 1 / self.rows
        for layer in reversed(range(len(self.weights))):
            below = self.values[layer - 1] if layer else x
            np.matmul(below.T, delta, out=gradients[2 * layer])
            # A product with ones is faster than a sum over the rows.
            np.matmul(self.ones, delta, out=gradients[2 * layer + 1])
            if layer:
                above, delta = delta, self.deltas[layer - 1]
                np.matmul(above, self.weights[layer].T, out=delta)
                self._through_activation(below, delta)

    def _through_activation(self, value: AnyArray, delta: AnyArray) -> None:
        if self.tanh:
            np.multiply(value, value, out=value)
            np.subtract(1, value, out=value)
            delta *= value
        else:
            delta *= value > 0

    def mean_loss(self, targets: AnyArray) -> float:
        """Return the loss of the last forward pass, as the others compute it every step."""
        values = self.values[-1]
        if self.loss == "squared":
            return 0.5 * float(np.vdot(self.deltas[-1], self.deltas[-1])) * self.rows
        if self.loss == "logistic":
            return -float(np.log(np.abs(1 - targets - values)).mean())
        return -float(np.log(np.einsum("bo,bo->b", values, targets)).mean())


class _Loop:
    """The state of a training: parameters, the optimiser's memory, and all buffers."""

    def __init__(self, problem: Problem, drawn: Drawn) -> None:
        self.problem, self.drawn = problem, drawn
        self.parameters = np.concatenate([array.ravel() for array in drawn.arrays])
        self.arrays = self._views(self.parameters, drawn.arrays)
        self.gradient = np.empty_like(self.parameters)
        self.gradients = self._views(self.gradient, drawn.arrays)
        self.first, self.second = np.zeros((2, self.parameters.size), self.parameters.dtype)
        self.room, self.more_room = np.empty((2, self.parameters.size), self.parameters.dtype)
        ones = [np.full(a.size, float(a.ndim == 2)) for a in drawn.arrays]
        self.penalised = np.concatenate(ones).astype(self.parameters.dtype)
        sizes = {min(problem.batch, problem.n_rows), problem.n_rows % problem.batch or 1}
        self.layers = {size: _Layers(problem, self.arrays, size) for size in sizes}
        self.x = np.empty((problem.batch, problem.units[0]), self.parameters.dtype)
        self.targets = np.empty((problem.batch, drawn.targets.shape[1]), self.parameters.dtype)
        self.steps = 0

    @staticmethod
    def _views(flat: AnyArray, arrays: list[AnyArray]) -> list[AnyArray]:
        ends = np.cumsum([array.size for array in arrays])
        parts = np.split(flat, ends[:-1])
        return [part.reshape(a.shape) for part, a in zip(parts, arrays, strict=True)]

    def epoch(self, order: AnyArray | None) -> float:
        """Go through the rows once and return the mean loss."""
        problem, drawn, total = self.problem, self.drawn, 0.0
        for begin in range(0, problem.n_rows, problem.batch):
            n = min(problem.batch, problem.n_rows - begin)
            x, targets = drawn.x, drawn.targets
            if order is not None:
                rows = order[begin : begin + n]
                # Mode "clip" spares a copy of the buffer; no index is out of range.
                x = np.take(x, rows, axis=0, out=self.x[:n], mode="clip")
                targets = np.take(targets, rows, axis=0, out=self.targets[:n], mode="clip")
            total += n * self._step(self.layers[n], x, targets)
        return total / problem.n_rows

    def _step(self, layers: _Layers, x: AnyArray, targets: AnyArray) -> float:
        layers.forward(x)
        layers.backward(x, targets, self.gradients)
        np.multiply(self.parameters, self.penalised, out=self.room)
        penalty = 0.5 * ALPHA * float(self.room @ self.room) / layers.rows
        self.room *= ALPHA / layers.rows
        self.gradient += self.room
        self.steps += 1
        if self.problem.solver == "adam":
            self._adam(self.problem.rate)
        else:
            self._nesterov(self.problem.rate)
        return layers.mean_loss(targets) + penalty

    def _adam(self, rate: float) -> None:
        gradient, room = self.gradient, self.room
        self.first *= BETA_1
        self.first += np.multiply(gradient, 1 - BETA_1, out=room)
        self.second *= BETA_2
        np.multiply(gradient, gradient, out=room)
        self.second += np.multiply(room, 1 - BETA_2, out=room)
        np.sqrt(self.second, out=room)
        room += EPSILON
        np.divide(self.first, room, out=room)
        room *= rate * np.sqrt(1 - BETA_2**self.steps) / (1 - BETA_1**self.steps)
        self.parameters -= room

    def _nesterov(self, rate: float) -> None:
        np.multiply(self.gradient, rate, out=self.room)
        self.first *= MOMENTUM
        self.first -= self.room
        self.parameters += np.multiply(self.first, MOMENTUM, out=self.more_room)
        self.parameters -= self.room
