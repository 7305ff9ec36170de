"""Peer: scikit-learn's estimators, made to begin and to shuffle as everybody does.

Its own loop is timed, as its users run it: `fit` with its checks of the rows, which take less
than a hundredth of the time.
"""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.neural_network import MLPClassifier, MLPRegressor

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

__all__ = ["many", "prediction", "training"]


class _SameStart:
    """Mixin: the first weights are given, layer by layer."""

    given: list[AnyArray]

    def _init_coef(self, fan_in: int, fan_out: int, dtype: Any) -> tuple[AnyArray, AnyArray]:
        weight, bias, *self.given = self.given
        if weight.shape != (fan_in, fan_out) or weight.dtype != dtype:
            message = f"a {weight.dtype} weight of shape {weight.shape} does not fit"
            raise ValueError(message)
        return weight.copy(), bias.copy()


class _Classifier(_SameStart, MLPClassifier):  # type: ignore[misc]  # sklearn has no types
    pass


class _Regressor(_SameStart, MLPRegressor):  # type: ignore[misc]  # same
    pass


class _SameOrders(np.random.RandomState):
    """Shuffles so that the rows come in the given orders."""

    def __init__(self, orders: AnyArray) -> None:
        super().__init__(0)
        self.orders, self.epoch = orders, 0
        self.current = np.arange(orders.shape[1])

    def shuffle(self, positions: Any) -> None:
        """Permute the present order, in which `positions` counts, into the next one."""
        wanted = self.orders[self.epoch]
        inverse = np.empty_like(self.current)
        inverse[self.current] = np.arange(len(inverse))
        positions[:] = inverse[wanted]
        self.current, self.epoch = wanted, self.epoch + 1


def _fit(problem: Problem, drawn: Drawn) -> Any:
    squared = problem.loss == "squared"
    model: Any = (_Regressor if squared else _Classifier)(
        hidden_layer_sizes=problem.units[1:-1],
        activation=problem.activation,
        solver=problem.solver,
        batch_size=min(problem.batch, problem.n_rows),
        learning_rate_init=problem.rate,
        alpha=ALPHA,
        momentum=MOMENTUM,
        beta_1=BETA_1,
        beta_2=BETA_2,
        epsilon=EPSILON,
        max_iter=problem.epochs,
        n_iter_no_change=10**9,
        tol=0.0,
        shuffle=not problem.full_batch,
        random_state=_SameOrders(drawn.orders),
    )
    model.given = drawn.arrays
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        model.fit(drawn.x, drawn.targets if squared else drawn.labels)
    return model


def _arrays(model: Any) -> list[AnyArray]:
    pairs = zip(model.coefs_, model.intercepts_, strict=True)
    return list(itertools.chain.from_iterable(pairs))


def training(problem: Problem, threads: int, dtype: str = "float32") -> Task:  # noqa: ARG001  # the process has them
    """Return the training of one network."""
    drawn = draw(problem, dtype)
    return Task(
        lambda: _fit(problem, drawn),
        lambda model: [final_loss(problem, drawn, _arrays(model))],
    )


def _fit_one(problem: Problem, drawn: Drawn, *, keep: bool) -> list[AnyArray]:
    model = _fit(problem, drawn)
    return _arrays(model) if keep else []


def many(problem: Problem, threads: int) -> Task:
    """Return the training of many networks, shared among processes by joblib."""
    drawn = [draw(problem, "float32", network) for network in range(problem.n_networks)]

    def run() -> list[list[AnyArray]]:
        jobs = (
            delayed(_fit_one)(problem, one, keep=k in problem.checked)
            for k, one in enumerate(drawn)
        )
        return list(Parallel(n_jobs=threads)(jobs))

    def losses(found: list[list[AnyArray]]) -> list[float]:
        return [final_loss(problem, drawn[k], found[k]) for k in problem.checked]

    return Task(run, losses)


def prediction(problem: Problem, threads: int, calls: int, dtype: str = "float32") -> Task:  # noqa: ARG001  # same
    """Return so many calls of `predict_proba` on all rows."""
    drawn = draw(problem, dtype)
    model: Any = MLPClassifier(problem.units[1:-1], activation=problem.activation, random_state=0)
    model.partial_fit(drawn.x[:1], drawn.labels[:1], classes=np.arange(problem.units[-1]))
    model.coefs_, model.intercepts_ = drawn.arrays[::2], drawn.arrays[1::2]

    def run() -> AnyArray:
        for _ in range(calls):
            found: AnyArray = model.predict_proba(drawn.x)
        return found

    return Task(run, lambda found: [loss_of_predictions(problem, found, drawn.targets)])
