"""Other programs that train the network of a study: scikit-learn, and PyTorch written plainly."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlplab._optional import require
from mlplab._typing import AnyArray
from mlplab.errors import ExportError, MissingExtraError
from mlplab.optim import SGD, Adam, Constant
from mlplab.train import RowOrders

__all__ = ["PEERS", "CannotCompareError", "Trained"]


_SMALL = 100_000


class CannotCompareError(Exception):
    """A program cannot train this network; the message is the sentence for people."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What a program left.

    Attributes
    ----------
    name : str
        Of the program, with its version.
    seconds : float
    losses : tuple of float
        One an epoch, where the program tells them.
    loss : float
    epochs : int
    arrays : list of ndarray
        Weight, bias, weight, bias, …
    """

    name: str
    seconds: float
    losses: tuple[float, ...]
    loss: float
    epochs: int
    arrays: list[AnyArray]

    @property
    def flat(self) -> AnyArray:
        """All weights and biases as mlplab lays them out."""
        return np.concatenate([array.ravel() for array in self.arrays])


def by_sklearn(start: Any, x: AnyArray, y: AnyArray, rng: np.random.RandomState) -> Trained:
    """Train scikit-learn's network of the same parameters.

    Parameters
    ----------
    start : estimator
        With its initial weights, not trained.
    x, y : ndarray
    rng : numpy.random.RandomState
        Where it stood once the weights were drawn: the next it gives is the order of the rows.

    Raises
    ------
    CannotCompareError
        scikit-learn has nothing of the kind.
    """
    import sklearn  # noqa: PLC0415  # only its version

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            theirs = start.to_sklearn()
        except ExportError as cause:
            fact = str(cause).partition("; got ")[2].partition(". Use")[0]
            raise CannotCompareError(
                f"scikit-learn is left out: it has no network with this: {fact}."
            ) from cause
    if caught:
        fact = str(caught[0].message).partition(". ")[0]
        raise CannotCompareError(f"scikit-learn is left out: {fact}.")
    # A warm start keeps the weights that are there and draws none.
    theirs.set_params(random_state=rng, warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the epochs are those that were asked for
        began = time.perf_counter()
        theirs.fit(x, y)
        seconds = time.perf_counter() - began
    pairs = zip(theirs.coefs_, theirs.intercepts_, strict=True)
    return Trained(
        f"scikit-learn {sklearn.__version__}",
        seconds,
        tuple(map(float, theirs.loss_curve_)),
        float(theirs.loss_),
        int(theirs.n_iter_),
        [array for pair in pairs for array in pair],
    )


def by_torch(start: Any, x: AnyArray, y: AnyArray, rng: np.random.RandomState) -> Trained:
    """Train the network in PyTorch: autograd, a loss, ``optimiser.step()``; see `by_sklearn`.

    Small networks get one thread: handing their steps to others takes longer than the steps.
    """
    try:
        torch = require("torch", "torch", "Comparing with PyTorch")
    except MissingExtraError as cause:
        raise CannotCompareError(f"PyTorch is left out: {cause}") from cause
    plan, data, _ = start.training_problem(x, y)
    _check_plain(start, plan, data)
    module = start.to_torch(raw=True).train()
    rows, target = torch.from_numpy(np.array(data.x)), torch.from_numpy(np.array(data.target))
    orders = RowOrders(len(rows), rng, shuffle=start.shuffle, batch_size=plan.batch_size)
    threads = torch.get_num_threads()
    if sum(p.numel() for p in module.parameters()) < _SMALL:
        torch.set_num_threads(1)
    try:
        began = time.perf_counter()
        losses = _train(torch, start, plan, module, (rows, target), orders)
        seconds = time.perf_counter() - began
    finally:
        torch.set_num_threads(threads)
    return Trained(
        f"PyTorch {torch.__version__.partition('+')[0]}",
        seconds, tuple(losses), losses[-1], len(losses), _arrays(module),
    )  # fmt: skip


def _train(
    torch: Any, start: Any, plan: Any, module: Any, data: tuple[Any, Any], orders: RowOrders
) -> list[float]:
    """Return the loss of each epoch."""
    rows, target = data
    parameters = list(module.parameters())
    weights = [p for p in parameters if p.ndim == 2]
    mean_loss = _LOSSES[plan.loss.name](torch)
    optimiser = _optimiser(torch, plan, parameters)
    losses = []
    for _ in range(start.max_iter):
        drawn = orders.draw(1)
        order = torch.arange(len(rows)) if drawn is None else torch.from_numpy(np.array(drawn[0]))
        total = 0.0
        for batch in order.split(plan.batch_size):
            optimiser.zero_grad()
            loss = mean_loss(module(rows[batch]), target[batch])
            loss = loss + _penalty(start, weights, len(batch))
            loss.backward()
            if start.clip_norm is not None:
                _clip(torch, parameters, start.clip_norm)
            optimiser.step()
            total += loss.item() * len(batch)
        losses.append(total / len(rows))
    return losses


def _check_plain(start: Any, plan: Any, data: Any) -> None:
    """Raise for what is not written out here."""
    lacking = None
    if plan.loss.name not in _LOSSES:
        lacking = f"the loss {plan.loss.name!r}"
    elif plan.loss.reported_scale != 1.0:
        lacking = "the loss of several outputs at once"
    elif not isinstance(plan.optimiser, (SGD, Adam)):
        lacking = f"the solver {start.solver!r}"
    elif not isinstance(plan.schedule, Constant):
        lacking = f"the learning rate {start.learning_rate!r}"
    elif np.any(start.dropout):
        lacking = "dropout, whose masks are mlplab's own"
    elif data.weight is not None:
        lacking = "weights of classes"
    else:
        nothing = {"clip_value": None, "label_smoothing": 0.0, "weight_decay": 0.0}
        asked = {name: getattr(start, name, value) for name, value in nothing.items()}
        lacking = next((f"`{n}`" for n, value in asked.items() if value != nothing[n]), None)
    if lacking:
        raise CannotCompareError(
            f"PyTorch is left out: its plain training, as we write it, does not know {lacking}."
        )


def _cross_entropy(torch: Any) -> Callable[[Any, Any], Any]:
    return lambda raw, target: -(target * torch.log_softmax(raw, dim=1)).sum() / len(raw)


def _binary_cross_entropy(torch: Any) -> Callable[[Any, Any], Any]:
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    return lambda raw, target: entropy(raw, target, reduction="sum") / len(raw)


def _squared_error(torch: Any) -> Callable[[Any, Any], Any]:
    return lambda raw, target: torch.square(raw - target).sum() / (2 * len(raw))


_LOSSES: dict[str, Callable[[Any], Callable[[Any, Any], Any]]] = {
    "log_loss": _cross_entropy,
    "binary_log_loss": _binary_cross_entropy,
    "squared_error": _squared_error,
}


def _optimiser(torch: Any, plan: Any, parameters: Any) -> Any:
    recipe, rate = plan.optimiser, plan.schedule.initial
    if isinstance(recipe, SGD):
        return torch.optim.SGD(
            parameters,
            lr=rate,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov and recipe.momentum > 0,
        )
    betas = recipe.beta_1, recipe.beta_2
    return torch.optim.Adam(parameters, lr=rate, betas=betas, eps=recipe.epsilon)


def _penalty(start: Any, weights: Sequence[Any], n_rows: int) -> Any:
    """Return ½·alpha·‖W‖² over the rows of the batch, and l1·Σ|w|."""
    penalty = 0.0
    for weight in weights:
        if start.alpha:
            penalty = penalty + 0.5 * start.alpha * weight.square().sum() / n_rows
        if start.l1:
            penalty = penalty + start.l1 * weight.abs().sum()
    return penalty


def _clip(torch: Any, parameters: Sequence[Any], limit: float) -> None:
    norm = torch.sqrt(sum(p.grad.square().sum() for p in parameters))
    if norm > limit:
        for p in parameters:
            p.grad.mul_(limit / norm)


def _arrays(module: Any) -> list[AnyArray]:
    arrays = [p.detach().numpy() for p in module.parameters()]
    return [array.T.copy() if array.ndim == 2 else array.copy() for array in arrays]


PEERS: dict[str, Callable[..., Trained]] = {"sklearn": by_sklearn, "torch": by_torch}
"""By the names that a study gives them."""
