"""Peer: JAX, the whole training compiled at once, `lax.scan` over epochs and over steps."""

from __future__ import annotations

import importlib
import math
import time
from typing import Any

import numpy as np

from mlplab._typing import AnyArray
from mlplab.benchmarks.problems import (
    ALPHA,
    BETA_1,
    BETA_2,
    EPSILON,
    MOMENTUM,
    Problem,
    draw,
    final_loss,
    loss_of_predictions,
)
from mlplab.benchmarks.tasks import Task

__all__ = ["LOADS", "many", "prediction", "training"]

LOADS = "jax"
"""What a worker loads before anything is asked of it; this module can be read without it."""


def _jax() -> Any:
    return importlib.import_module(LOADS)


def _raw(problem: Problem, parameters: Any, x: Any) -> Any:
    jnp = _jax().numpy
    for layer in range(0, len(parameters), 2):
        x = x @ parameters[layer] + parameters[layer + 1]
        if layer < len(parameters) - 2:
            x = jnp.maximum(x, 0) if problem.activation == "relu" else jnp.tanh(x)
    return x


def _objective(problem: Problem, parameters: Any, x: Any, targets: Any) -> Any:
    jax = _jax()
    jnp, raw = jax.numpy, _raw(problem, parameters, x)
    if problem.loss == "softmax":
        values = -(jax.nn.log_softmax(raw) * targets).sum(axis=1)
    elif problem.loss == "logistic":
        values = (jax.nn.softplus(raw) - raw * targets).sum(axis=1)
    else:
        values = 0.5 * jnp.square(raw - targets).sum(axis=1)
    penalty = sum(jnp.square(weight).sum() for weight in parameters[::2])
    return values.mean() + 0.5 * ALPHA / x.shape[0] * penalty


def _step(problem: Problem, state: Any, x: Any, targets: Any) -> Any:
    """Return the next state (parameters, two memories, number of steps) and the loss."""
    jax = _jax()
    parameters, first, second, steps = state
    value_and_gradient = jax.value_and_grad(_objective, argnums=1)
    loss, gradient = value_and_gradient(problem, parameters, x, targets)
    rate, tree_map = problem.rate, jax.tree.map
    if problem.solver == "sgd":
        first = tree_map(lambda m, g: MOMENTUM * m + g, first, gradient)
        parameters = tree_map(
            lambda p, m, g: p - rate * (g + MOMENTUM * m), parameters, first, gradient
        )
        return (parameters, first, second, steps), loss
    steps = steps + 1
    first = tree_map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, first, gradient)
    second = tree_map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, second, gradient)
    # 1 - beta**steps, without its loss of digits in float32.
    missing_1, missing_2 = (-jax.numpy.expm1(steps * math.log(b)) for b in (BETA_1, BETA_2))
    rate = rate * jax.numpy.sqrt(missing_2) / missing_1
    parameters = tree_map(
        lambda p, m, v: p - rate * m / (jax.numpy.sqrt(v) + EPSILON), parameters, first, second
    )
    return (parameters, first, second, steps), loss


def _train(problem: Problem, parameters: Any, x: Any, targets: Any, orders: Any) -> Any:
    """Return the trained parameters and the loss of each epoch."""
    jax = _jax()
    jnp = jax.numpy
    whole, rest = divmod(problem.n_rows, problem.batch)
    size = min(problem.batch, problem.n_rows)

    def epoch(state: Any, order: Any) -> Any:
        rows, answers = (x, targets) if problem.full_batch else (x[order], targets[order])

        def step(state: Any, index: Any) -> Any:
            begin = index * size
            part = jax.lax.dynamic_slice_in_dim(rows, begin, size)
            return _step(problem, state, part, jax.lax.dynamic_slice_in_dim(answers, begin, size))

        total = 0.0
        if whole:
            state, losses = jax.lax.scan(step, state, jnp.arange(whole))
            total = losses.sum() * size
        if rest:
            state, loss = _step(problem, state, rows[-rest:], answers[-rest:])
            total = total + loss * rest
        return state, total / problem.n_rows

    zeros = jax.tree.map(jnp.zeros_like, parameters)
    state = (parameters, zeros, zeros if problem.solver == "adam" else None, jnp.zeros(()))
    state, losses = jax.lax.scan(epoch, state, orders)
    return state[0], losses


def _compiled(function: Any, *arguments: Any) -> tuple[Any, float]:
    began = time.perf_counter()
    compiled = _jax().jit(function).lower(*arguments).compile()
    return compiled, time.perf_counter() - began


def training(problem: Problem, threads: int) -> Task:  # noqa: ARG001  # the process has them
    """Return the training of one network."""
    jax = _jax()
    drawn = draw(problem, "float32")
    orders = drawn.orders.astype(np.int32)
    given = jax.device_put((drawn.arrays, drawn.x, drawn.targets, orders))
    train, seconds = _compiled(lambda *a: _train(problem, *a), *given)

    def losses(found: Any) -> list[float]:
        return [final_loss(problem, drawn, [np.asarray(array) for array in found[0]])]

    return Task(lambda: jax.block_until_ready(train(*given)), losses, seconds)


def many(problem: Problem, threads: int) -> Task:  # noqa: ARG001  # same
    """Return the training of many networks, vectorised over them by `vmap`."""
    jax = _jax()
    drawn = [draw(problem, "float32", network) for network in range(problem.n_networks)]
    layers = range(len(drawn[0].arrays))
    starts = [np.stack([one.arrays[k] for one in drawn]) for k in layers]
    orders = np.stack([one.orders for one in drawn]).astype(np.int32)
    given = jax.device_put((starts, drawn[0].x, drawn[0].targets, orders))
    one_by_axis = jax.vmap(lambda *a: _train(problem, *a), in_axes=(0, None, None, 0))
    train, seconds = _compiled(one_by_axis, *given)

    def losses(found: Any) -> list[float]:
        arrays = [np.asarray(array) for array in found[0]]
        return [final_loss(problem, drawn[k], [a[k] for a in arrays]) for k in problem.checked]

    return Task(lambda: jax.block_until_ready(train(*given)), losses, seconds)


def prediction(problem: Problem, threads: int, calls: int) -> Task:  # noqa: ARG001  # same
    """Return so many predictions of all rows, from an array to an array."""
    jax = _jax()
    drawn = draw(problem, "float32")
    parameters = jax.device_put(drawn.arrays)
    predict, seconds = _compiled(
        lambda p, x: jax.nn.softmax(_raw(problem, p, x)), parameters, drawn.x
    )

    def run() -> AnyArray:
        for _ in range(calls):
            found = np.asarray(predict(parameters, drawn.x))
        return found

    return Task(run, lambda found: [loss_of_predictions(problem, found, drawn.targets)], seconds)
