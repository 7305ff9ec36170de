"""An oracle that shares no line with us: PyTorch's autograd and optimisers, whole epochs long."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.nn.test_activations import PEERS
from tests.optim.test_optimisers import TORCH_PEERS
from tests.strategies import ACTIVATION_NAMES, LABEL_WEIGHTS, LOSS_CASES, OPTIMISERS, draw_data
from tests.torch_peer import functional, needs_torch, torch

from mlplab import nn
from mlplab.engines import Engine, StoppingRule, TrainingPlan, TrainingState
from mlplab.optim import Constant

N_ROWS, N_EPOCHS, BATCH = 23, 3, 5
L2, L1, DROPOUT, SEED = 0.05, 1e-3, 0.25, 11
Peer = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def _pairs(target: torch.Tensor) -> torch.Tensor:
    pairs = torch.tensor(LABEL_WEIGHTS, dtype=target.dtype)
    return torch.where(target == 1, pairs[:, 1], pairs[:, 0])


def _log_loss(raw: torch.Tensor, target: torch.Tensor, smoothing: float = 0.0) -> torch.Tensor:
    classes = target.argmax(dim=1)
    return functional.cross_entropy(raw, classes, label_smoothing=smoothing, reduction="none")


def _logistic(raw: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return functional.binary_cross_entropy_with_logits(raw, target, reduction="none")


def _hinge(raw: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    true = (raw * target).sum(dim=1)
    others = raw.masked_fill(target == 1, -torch.inf).amax(dim=1)
    return torch.relu(1 + others - true)


def _focal(raw: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    log_p = torch.log_softmax(raw, dim=1)
    return -(target * (1 - log_p.exp()) ** 2.5 * log_p).sum(dim=1)


def _binary_focal(raw: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    right = torch.where(target == 1, raw, -raw).sigmoid()
    return (-_pairs(target) * (1 - right) ** 1.5 * right.log()).sum(dim=1)


def _poisson(raw: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    own = torch.special.xlogy(target, target) - target
    return (raw.exp() - target * raw + own).sum(dim=1)


# One number a row, written with what PyTorch offers.
LOSSES: dict[str, Peer] = {
    "binary": lambda r, t: _logistic(r, t).sum(dim=1),
    "labels": lambda r, t: (_pairs(t) * _logistic(r, 0.9 * t + 0.05)).sum(dim=1),
    "categorical": _log_loss,
    "smoothed": lambda r, t: _log_loss(r, t, 0.2),
    "grouped": lambda r, t: _log_loss(r[:, :2], t[:, :2], 0.1) + _log_loss(r[:, 2:], t[:, 2:], 0.1),
    "binary_focal": _binary_focal,
    "focal": _focal,
    "binary_hinge": lambda r, t: (_pairs(t) * torch.relu(1 - (2 * t - 1) * r)).sum(dim=1),
    "hinge": _hinge,
    "squared": lambda r, t: ((r - t) ** 2).sum(dim=1) / 2,
    "squared_outputs": lambda r, t: ((r - t) ** 2).sum(dim=1) / 2,
    "absolute": lambda r, t: (r - t).abs().sum(dim=1),
    "huber": lambda r, t: functional.huber_loss(r, t, delta=0.8, reduction="none").sum(dim=1),
    "poisson": _poisson,
    "probability": lambda r, t: ((r.sigmoid() - t) ** 2).sum(dim=1) / 2,
    "probabilities": lambda r, t: ((r.softmax(dim=1) - t) ** 2).sum(dim=1) / 2,
}
# NAdam of PyTorch rounds to float32 on its way; scikit-learn's Adam is not PyTorch's.
OPTIMISER_NAMES = sorted(set(TORCH_PEERS) - {"nadam"})


def test_every_loss_has_its_oracle() -> None:
    """A loss that is missing here would only be compared with itself."""
    assert set(LOSSES) == set(LOSS_CASES)


def _forward(network: nn.NetworkSpec, tensors: list[Any], x: Any, step: int) -> torch.Tensor:
    value, left = torch.tensor(x), iter(tensors)
    for index, layer in enumerate(network.layers):
        if isinstance(layer, nn.Dense):
            value = value @ next(left) + next(left)
        elif isinstance(layer, nn.Activation):
            value = PEERS[layer.function](value)
        else:
            mask = nn.keep_mask(DROPOUT, tuple(value.shape), seed=SEED, step=step, layer=index)
            value = value * torch.tensor(mask) / (1 - DROPOUT)
    return value


def _train_torch(
    plan: TrainingPlan, peer: Peer, make: Any, start: Any, data: Any, orders: Any, limit: float
) -> tuple[Any, list[float]]:
    """Train with autograd; return the parameters and the reported loss of every epoch."""
    tensors = [torch.tensor(a, requires_grad=True) for a in plan.network.views(start)]
    weights = tensors[::2]
    optimiser = make([{"params": weights}, {"params": tensors[1::2], "weight_decay": 0}])
    target, weight = torch.tensor(data.target), torch.tensor(data.weight)
    losses, step = [], 0
    for order in orders:
        total = 0.0
        for begin in range(0, N_ROWS, BATCH):
            rows = order[begin : begin + BATCH]
            step += 1
            s = weight[rows]
            values = peer(_forward(plan.network, tensors, data.x[rows], step), target[rows])
            loss = (values * s).sum() / s.sum()
            penalty = sum((w**2).sum() for w in weights) * L2 / 2 / s.sum()
            penalty = penalty + L1 * sum(w.abs().sum() for w in weights)
            optimiser.zero_grad()
            (loss + penalty).backward()
            _clip(tensors, limit)
            optimiser.step()
            reported = loss.detach() * plan.loss.reported_scale + penalty.detach()
            total += len(rows) * float(reported)
        losses.append(total / N_ROWS)
    return plan.network.pack([t.detach().numpy() for t in tensors]), losses


def _clip(tensors: list[Any], limit: float) -> None:
    norm = torch.sqrt(sum((t.grad**2).sum() for t in tensors))
    if norm > limit:
        for t in tensors:
            t.grad *= limit / norm


CASES = list(
    zip(
        LOSS_CASES,
        itertools.cycle(itertools.pairwise([*ACTIVATION_NAMES, ACTIVATION_NAMES[0]])),
        itertools.cycle(OPTIMISER_NAMES),
        strict=False,
    )
)


def test_cases_hold_every_activation_and_optimiser() -> None:
    """The rotation leaves nothing out."""
    assert {name for _, pair, _ in CASES for name in pair} == set(ACTIVATION_NAMES)
    assert {name for _, _, name in CASES} == set(OPTIMISER_NAMES)


@needs_torch
@pytest.mark.parametrize(("loss", "functions", "optimiser"), CASES)
def test_epochs_are_those_of_pytorch(
    engine: Engine, loss: str, functions: tuple[str, str], optimiser: str, seed: int
) -> None:
    """Shuffled batches, dropout, both penalties, weights and clipping, in float64 to 1e-10."""
    rng, case = np.random.default_rng(seed), LOSS_CASES[loss]
    recipe, rate = OPTIMISERS[optimiser]
    network = nn.multilayer(3, [6, 5], case.n_outputs, functions, [DROPOUT, 0.0])
    plan = TrainingPlan(
        network=network,
        loss=case.loss,
        optimiser=recipe,
        schedule=Constant(rate),
        stopping=StoppingRule(max_epochs=N_EPOCHS, patience=float("inf")),
        penalties=nn.Penalties(l2=L2, l1=L1),
        clip_norm=0.5,
        batch_size=BATCH,
        dropout_seed=SEED,
    )
    data = draw_data(case, rng, N_ROWS, 3, weighted=True, validation=False)
    assert data.weight is not None
    data.weight[:] = rng.uniform(0.1, 3.0, N_ROWS)
    orders = np.array([rng.permutation(N_ROWS) for _ in range(N_EPOCHS)])
    start = rng.normal(size=network.n_parameters) / 2
    state = TrainingState(start.copy())
    records = engine.advance(plan, state, data, orders, N_EPOCHS)
    expected, losses = _train_torch(
        plan, LOSSES[loss], TORCH_PEERS[optimiser], start, data, orders, 0.5
    )
    np.testing.assert_allclose(state.parameters, expected, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose([record.loss for record in records], losses, rtol=1e-10)
