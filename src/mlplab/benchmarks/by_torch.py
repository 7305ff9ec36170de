"""Peer: PyTorch on the CPU, as it is usually written, fused, and compiled as one graph."""

from __future__ import annotations

import importlib
import itertools
import math
import time
from collections.abc import Callable
from typing import Any

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

__all__ = ["LOADS", "forget", "many", "prediction", "training"]

LOADS = "torch"
"""What a worker loads before anything is asked of it; this module can be read without it."""


def _torch() -> Any:
    return importlib.import_module(LOADS)


def _use(threads: int) -> Any:
    """Return PyTorch with so many threads."""
    torch = _torch()
    torch.set_num_threads(threads)
    # Tiny numbers that a processor handles slowly count as zero, as with us.
    torch.set_flush_denormal(True)
    return torch


def _answers(problem: Problem, drawn: Drawn) -> Any:
    softmax = problem.loss == "softmax"
    return _torch().from_numpy(drawn.labels if softmax else drawn.targets)


def _criterion(problem: Problem) -> Callable[[Any, Any], Any]:
    """Return the mean loss of a batch of raw predictions."""
    functional = _torch().nn.functional
    criteria: dict[str, Callable[[Any, Any], Any]] = {
        "softmax": functional.cross_entropy,
        "logistic": functional.binary_cross_entropy_with_logits,
        "squared": lambda raw, wanted: 0.5 * (raw - wanted).square().sum(dim=1).mean(),
    }
    return criteria[problem.loss]


def _epoch(problem: Problem, x: Any, answers: Any, order: Any, step: Callable[..., Any]) -> None:
    """Call a step for each batch; rows are brought into order once an epoch, which is faster."""
    if not problem.full_batch:
        x, answers = x[order], answers[order]
    for batch in zip(x.split(problem.batch), answers.split(problem.batch), strict=True):
        step(*batch)


# --------------------------------------------------------------------- layers, autograd, optimiser


def _network(problem: Problem, drawn: Drawn) -> Any:
    torch = _torch()
    hidden = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[problem.activation]
    layers: list[Any] = []
    for weight, bias in zip(drawn.arrays[::2], drawn.arrays[1::2], strict=True):
        layer = torch.nn.Linear(*weight.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight.T.copy()))
            layer.bias.copy_(torch.from_numpy(bias))
        layers += [layer, hidden()]
    return torch.nn.Sequential(*layers[:-1])


def _optimiser(problem: Problem, weights: list[Any], biases: list[Any], *, fused: bool) -> Any:
    groups = [
        {"params": weights, "weight_decay": ALPHA / min(problem.batch, problem.n_rows)},
        {"params": biases, "weight_decay": 0.0},
    ]
    more = {"fused": True} if fused else {}
    torch = _torch()
    if problem.solver == "adam":
        betas = (BETA_1, BETA_2)
        return torch.optim.Adam(groups, lr=problem.rate, betas=betas, eps=EPSILON, **more)
    return torch.optim.SGD(groups, lr=problem.rate, momentum=MOMENTUM, nesterov=True, **more)


def _begin_step(problem: Problem, optimiser: Any, n_rows: int, steps: int) -> None:
    """Let a step do what everybody's does, with two numbers that cost nothing to set.

    The penalty is divided by the rows of a batch, and the last one of an epoch is smaller. And
    PyTorch adds Adam's ε to a root that was divided by ``sqrt(1 - beta_2**steps)`` before.
    """
    for group in optimiser.param_groups:
        if group["weight_decay"]:
            group["weight_decay"] = ALPHA / n_rows
        if problem.solver == "adam":
            group["eps"] = EPSILON / math.sqrt(1 - BETA_2**steps)


def _linears(network: Any) -> list[Any]:
    return [layer for layer in network if isinstance(layer, _torch().nn.Linear)]


def training(problem: Problem, threads: int, form: str = "eager") -> Task:
    """Return the training of one network.

    Parameters
    ----------
    problem : Problem
    threads : int
    form : {"eager", "fused", "compile", "max-autotune"}
        Layers, autograd and the default optimiser; the same with the fused optimiser; or the
        whole step as one compiled graph.
    """
    torch = _use(threads)
    if form in {"compile", "max-autotune"}:
        return _compiled_training(problem, tuned=form == "max-autotune")
    drawn, criterion = draw(problem, "float32"), _criterion(problem)
    x, answers = torch.from_numpy(drawn.x), _answers(problem, drawn)
    orders = torch.from_numpy(drawn.orders)

    def run() -> Any:
        network, total = _network(problem, drawn), torch.zeros(())
        layers = _linears(network)
        optimiser = _optimiser(
            problem,
            [one.weight for one in layers],
            [one.bias for one in layers],
            fused=form == "fused",
        )

        counter = itertools.count(1)

        def step(x: Any, answers: Any) -> None:
            _begin_step(problem, optimiser, len(x), next(counter))
            optimiser.zero_grad()
            loss = criterion(network(x), answers)
            loss.backward()
            optimiser.step()
            total.add_(loss.detach(), alpha=len(x))

        for order in orders:
            _epoch(problem, x, answers, order, step)
        return network

    def losses(network: Any) -> list[float]:
        # PyTorch holds weights as (fan_out, fan_in); to turn a bias changes nothing.
        arrays = [array.detach().numpy().T for array in network.parameters()]
        return [final_loss(problem, drawn, arrays)]

    return Task(run, losses)


# --------------------------------------------------------------------- one compiled graph a step


class _Graph:
    """A step as a function of plain tensors, from rows to updated parameters.

    A graph that holds forward pass, backward pass and update takes a quarter of the time of a
    compiled network with a compiled optimiser: one call from Python instead of three, and
    the update of all parameters in one loop.
    """

    def __init__(self, problem: Problem, drawn: Drawn) -> None:
        torch = _torch()
        self.problem, self.criterion = problem, _criterion(problem)
        self.linear = torch.nn.functional.linear
        self.activation = {"relu": torch.relu, "tanh": torch.tanh}[problem.activation]
        self.differentiate = torch.func.grad_and_value(self._loss)
        self.start = [torch.from_numpy(array.T.copy()) for array in drawn.arrays]
        self.parameters = [array.clone() for array in self.start]
        self.first = [torch.zeros_like(array) for array in self.start]
        self.second = [torch.zeros_like(array) for array in self.start]
        self.steps, self.total = torch.zeros(()), torch.zeros(())

    def begin(self) -> None:
        """Go back to the start."""
        for array, start in zip(self.parameters, self.start, strict=True):
            array.copy_(start)
        for array in (*self.first, *self.second, self.steps, self.total):
            array.zero_()

    def _loss(self, parameters: list[Any], x: Any, answers: Any) -> Any:
        for layer in range(0, len(parameters), 2):
            x = self.linear(x, parameters[layer], parameters[layer + 1])
            if layer < len(parameters) - 2:
                x = self.activation(x)
        return self.criterion(x, answers)

    def step(self, x: Any, answers: Any) -> None:
        """Change parameters and memory in place."""
        gradients, loss = self.differentiate(self.parameters, x, answers)
        self.total.add_(loss * len(x))
        self.steps.add_(1)
        for k, gradient in enumerate(gradients):
            parameter, first = self.parameters[k], self.first[k]
            if parameter.ndim == 2:
                gradient = gradient + (ALPHA / len(x)) * parameter  # noqa: PLW2901  # penalised
            if self.problem.solver == "sgd":
                first.mul_(MOMENTUM).add_(gradient)
                parameter.sub_(self.problem.rate * (gradient + MOMENTUM * first))
                continue
            second = self.second[k]
            first.mul_(BETA_1).add_(gradient, alpha=1 - BETA_1)
            second.mul_(BETA_2).add_(gradient * gradient, alpha=1 - BETA_2)
            # 1 - beta**steps, without its loss of digits in float32.
            missing_1 = -(self.steps * math.log(BETA_1)).expm1()
            missing_2 = -(self.steps * math.log(BETA_2)).expm1()
            rate = self.problem.rate * missing_2.sqrt() / missing_1
            parameter.sub_(rate * first / (second.sqrt() + EPSILON))


def forget() -> None:
    """Forget what was compiled: a limit on recompiling would count the networks of all cases."""
    _torch().compiler.reset()


def _compile(function: Callable[..., Any], *, tuned: bool) -> Callable[..., Any]:
    # Called through C++ instead of generated Python, a step costs a sixth less.
    options = {"cpp_wrapper": True, "max_autotune": tuned}
    compiled: Callable[..., Any] = _torch().compile(
        function, dynamic=False, fullgraph=True, options=options
    )
    return compiled


def _compiled_training(problem: Problem, *, tuned: bool) -> Task:
    torch = _torch()
    drawn = draw(problem, "float32")
    x, answers = torch.from_numpy(drawn.x), _answers(problem, drawn)
    orders = torch.from_numpy(drawn.orders)
    graph = _Graph(problem, drawn)
    step = _compile(graph.step, tuned=tuned)

    def run() -> list[Any]:
        with torch.no_grad():
            graph.begin()
            for order in orders:
                _epoch(problem, x, answers, order, step)
        return graph.parameters

    def losses(parameters: list[Any]) -> list[float]:
        return [final_loss(problem, drawn, [array.numpy().T for array in parameters])]

    return Task(run, losses, _extra_of_the_first(run))


def _extra_of_the_first(run: Callable[[], Any]) -> float:
    """Return by how much the first run takes longer than the second: it compiles."""
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return max(0.0, seconds[0] - seconds[1])


# --------------------------------------------------------------------- many networks, prediction


def many(problem: Problem, threads: int) -> Task:
    """Return the training of many networks, stacked: one batched product for all of them."""
    torch = _use(threads)
    drawn = [draw(problem, "float32", network) for network in range(problem.n_networks)]
    x, answers = torch.from_numpy(drawn[0].x), _answers(problem, drawn[0])
    orders = torch.stack([torch.from_numpy(one.orders) for one in drawn], dim=1)
    layers = range(len(drawn[0].arrays))
    starts = [torch.stack([torch.from_numpy(one.arrays[k]) for one in drawn]) for k in layers]
    activation = {"relu": torch.relu, "tanh": torch.tanh}[problem.activation]

    def run() -> list[Any]:
        parameters = [start.clone().requires_grad_() for start in starts]
        weights, biases = parameters[::2], parameters[1::2]
        optimiser, counter = _optimiser(problem, weights, biases, fused=True), itertools.count(1)
        for order in orders:
            for rows in order.split(problem.batch, dim=1):
                value = x[rows]
                for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
                    value = torch.baddbmm(bias[:, None], value, weight)
                    value = activation(value) if layer < len(weights) - 1 else value
                _begin_step(problem, optimiser, rows.shape[1], next(counter))
                optimiser.zero_grad()
                # The sum over the networks of each one's mean.
                loss = torch.nn.functional.cross_entropy(
                    value.flatten(0, 1), answers[rows].flatten(), reduction="sum"
                )
                (loss / rows.shape[1]).backward()
                optimiser.step()
        return parameters

    def losses(parameters: list[Any]) -> list[float]:
        arrays = [parameter.detach().numpy() for parameter in parameters]
        return [final_loss(problem, drawn[k], [a[k] for a in arrays]) for k in problem.checked]

    return Task(run, losses)


def prediction(problem: Problem, threads: int, calls: int, form: str = "eager") -> Task:
    """Return so many predictions of all rows, from an array to an array."""
    torch = _use(threads)
    drawn = draw(problem, "float32")
    network = _network(problem, drawn)

    def probabilities(x: Any) -> Any:
        return torch.softmax(network(x), dim=1)

    call = probabilities if form == "eager" else _compile(probabilities, tuned=False)

    def run() -> AnyArray:
        with torch.inference_mode():
            for _ in range(calls):
                found: AnyArray = call(torch.from_numpy(drawn.x)).numpy()
        return found

    compile_seconds = 0.0 if form == "eager" else _extra_of_the_first(run)

    def losses(found: AnyArray) -> list[float]:
        return [loss_of_predictions(problem, found, drawn.targets)]

    return Task(run, losses, compile_seconds)
