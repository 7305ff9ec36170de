"""Everything that tests draw from: examples of every loss, optimiser and schedule; random plans.

The tables hold one entry for every class of `nn` and `optim`; `tests/nn/test_tables.py` fails when
one is missing, so that whatever is new is tested like all the rest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from hypothesis import strategies as st
from tests.shapes import unchecked_shapes

from mlplab import nn, optim
from mlplab.engines import (
    Job,
    StoppingRule,
    TrainingData,
    TrainingPlan,
    TrainingState,
    ValidationData,
)

DTYPES = ("float32", "float64")
ACTIVATION_NAMES = tuple(sorted(nn.ACTIVATIONS))
LABEL_WEIGHTS = ((0.5, 2.0), (1.0, 3.0), (1.5, 0.25))


def _labels(rng: np.random.Generator, n: int, k: int) -> Any:
    return rng.integers(0, 2, (n, k))


def _one_hot(rng: np.random.Generator, n: int, k: int) -> Any:
    return np.eye(k)[rng.integers(0, k, n)]


def _two_groups(rng: np.random.Generator, n: int, k: int) -> Any:
    return np.hstack([_one_hot(rng, n, 2), _one_hot(rng, n, k - 2)])


def _real(rng: np.random.Generator, n: int, k: int) -> Any:
    return 2 * rng.normal(size=(n, k))


def _count(rng: np.random.Generator, n: int, k: int) -> Any:
    return rng.poisson(1.5, (n, k))


@dataclass(frozen=True)
class LossCase:
    """A loss, how many outputs it is tried with, and how its targets are drawn.

    `kinks(raw, target)` gives quantities that are zero where the gradient or its derivative jumps.
    """

    loss: nn.Loss
    n_outputs: int
    draw: Callable[[np.random.Generator, int, int], Any]
    kinks: Callable[[Any, Any], Any] | None = None

    def target(self, rng: np.random.Generator, n_rows: int, dtype: str = "float64") -> Any:
        """Draw targets of shape (n_rows, n_outputs)."""
        return self.draw(rng, n_rows, self.n_outputs).astype(dtype)


def _margin_kinks(raw: Any, target: Any) -> Any:
    return 1 - (2 * target - 1) * raw


def _category_kinks(raw: Any, target: Any) -> Any:
    true = (raw * target).sum(axis=1)
    others = np.sort(np.where(target == 1, -np.inf, raw), axis=1)
    return np.concatenate([1 + others[:, -1] - true, others[:, -1] - others[:, -2]])


LOSS_CASES: dict[str, LossCase] = {
    "binary": LossCase(nn.BinaryCrossEntropy(), 1, _labels),
    "labels": LossCase(
        nn.BinaryCrossEntropy(label_smoothing=0.1, label_weights=LABEL_WEIGHTS), 3, _labels
    ),
    "categorical": LossCase(nn.CategoricalCrossEntropy(), 3, _one_hot),
    "smoothed": LossCase(nn.CategoricalCrossEntropy(label_smoothing=0.2), 3, _one_hot),
    "grouped": LossCase(
        nn.CategoricalCrossEntropy(groups=(2, 3), label_smoothing=0.1), 5, _two_groups
    ),
    "binary_focal": LossCase(nn.BinaryFocal(gamma=1.5, label_weights=LABEL_WEIGHTS), 3, _labels),
    "focal": LossCase(nn.CategoricalFocal(gamma=2.5), 3, _one_hot),
    "binary_hinge": LossCase(
        nn.BinaryHinge(label_weights=LABEL_WEIGHTS), 3, _labels, _margin_kinks
    ),
    "hinge": LossCase(nn.CategoricalHinge(), 4, _one_hot, _category_kinks),
    "squared": LossCase(nn.SquaredError(), 1, _real),
    "squared_outputs": LossCase(nn.SquaredError(reported_scale=1 / 2), 2, _real),
    "absolute": LossCase(nn.AbsoluteError(), 2, _real, lambda raw, target: raw - target),
    "huber": LossCase(
        nn.Huber(delta=0.8), 2, _real, lambda raw, target: np.abs(raw - target) - 0.8
    ),
    "poisson": LossCase(nn.Poisson(), 2, _count),
    "probability": LossCase(nn.ProbabilitySquaredError(), 2, _labels),
    "probabilities": LossCase(nn.ProbabilitySquaredError(link="softmax"), 3, _one_hot),
}

# Each with a rate that suits it.
OPTIMISERS: dict[str, tuple[Any, float]] = {
    "plain": (optim.SGD(momentum=0.0, nesterov=False), 0.1),
    "momentum": (optim.SGD(momentum=0.9, nesterov=False), 0.02),
    "nesterov": (optim.SGD(momentum=0.9, nesterov=True), 0.02),
    "adam": (optim.Adam(), 0.01),
    "adamw": (optim.AdamW(), 0.01),
    "nadam": (optim.NAdam(), 0.01),
    "rmsprop": (optim.RMSprop(), 0.003),
    "adagrad": (optim.Adagrad(), 0.05),
}

SCHEDULES: dict[str, Callable[[float], Any]] = {
    "constant": optim.Constant,
    "invscaling": optim.InverseScaling,
    "adaptive": optim.Adaptive,
    "forgetful": lambda rate: optim.Adaptive(rate, forgets_best=True),
    "linear": lambda rate: optim.Linear(rate, rate / 10),
    "cosine": optim.Cosine,
    "step": lambda rate: optim.StepDecay(rate, factor=0.5, every=2),
    "exponential": lambda rate: optim.Exponential(rate, rate / 100),
    "one_cycle": optim.OneCycle,
    "function": lambda rate: optim.FunctionOfStep(_Halving(rate)),
}


@dataclass(frozen=True)
class _Halving:
    """A rate that halves every ten steps; comparable, unlike a lambda."""

    rate: float

    def __call__(self, step: int) -> float:
        return float(self.rate * 0.5 ** (step / 10))


@dataclass(frozen=True)
class Case:
    """A plan with its data, its start and its row orders; `state()` is new at every call."""

    plan: TrainingPlan
    data: TrainingData
    start: Any
    orders: Any

    @property
    def n_epochs(self) -> int:
        """Length of the training."""
        return self.plan.stopping.max_epochs

    def state(self) -> TrainingState:
        """Return a state at the start."""
        return TrainingState(self.start.copy())

    def job(self) -> Job:
        """Return the job of training from start to end."""
        return Job(self.plan, self.state(), self.data, self.orders, self.n_epochs)

    def replace(self, **changes: Any) -> Case:
        """Return a case with another plan, data, start or orders."""
        return dataclasses.replace(self, **changes)

    def replan(self, **changes: Any) -> Case:
        """Return a case whose plan has other fields."""
        return self.replace(plan=dataclasses.replace(self.plan, **changes))


seeds = st.integers(0, 2**32 - 1)
dtypes = st.sampled_from(DTYPES)
hidden_layers = st.lists(st.integers(1, 5), max_size=3)
activations = st.sampled_from(ACTIVATION_NAMES)
rates = st.sampled_from([0.0, 0.0, 0.25, 0.5])
penalties = st.builds(
    nn.Penalties, l2=st.sampled_from([0.0, 1e-4, 0.1]), l1=st.sampled_from([0.0, 1e-3])
)
limits = st.sampled_from([None, None, 0.05, 1.0])
row_kinds = st.sampled_from(["dense", "dense", "csr_matrix", "csr_array"])


@st.composite
def networks(draw: Any, n_features: int, n_outputs: int) -> nn.NetworkSpec:
    """Draw a network with up to three hidden layers, each with its activation and dropout."""
    hidden = draw(hidden_layers)
    functions = [draw(activations) for _ in hidden]
    dropped = [draw(rates) for _ in hidden]
    # beartype looks at random entries, and Hypothesis wants no other randomness than its own.
    with unchecked_shapes():
        return nn.multilayer(n_features, hidden, n_outputs, functions, dropped)


@st.composite
def stopping_rules(draw: Any) -> StoppingRule:
    """Draw a rule over the training loss or the validation loss."""
    return StoppingRule(
        max_epochs=draw(st.integers(1, 5)),
        monitor=draw(st.sampled_from(["training_loss", "validation_loss"])),
        tolerance=draw(st.sampled_from([0.0, 1e-4, 0.1])),
        patience=draw(st.sampled_from([0.0, 1.0, 10.0, float("inf")])),
        restore_best=draw(st.booleans()),
    )


def as_rows(kind: str, x: Any) -> Any:
    """Return these rows as an ndarray, a CSR matrix or a CSR array."""
    return x if kind == "dense" else getattr(sp, kind)(x)


def draw_data(
    case: LossCase,
    rng: np.random.Generator,
    n_rows: int,
    n_features: int,
    dtype: str = "float64",
    *,
    kind: str = "dense",
    weighted: bool = False,
    validation: bool = True,
) -> TrainingData:
    """Return random rows with targets for this loss; a third of the entries of x is zero."""

    def part(n: int) -> tuple[Any, Any, Any]:
        x = rng.normal(size=(n, n_features)) * (rng.random((n, n_features)) > 1 / 3)
        weight = rng.integers(0, 4, n).astype(dtype) if weighted else None
        if weight is not None:
            weight[0] = 1
        return as_rows(kind, x.astype(dtype)), case.target(rng, n, dtype), weight

    x, target, weight = part(n_rows)
    look = ValidationData(*part(max(2, n_rows // 2))) if validation else None
    return TrainingData(x, target, weight, look)


@st.composite
def cases(draw: Any) -> Case:
    """Draw a whole training: plan, data, start and row orders."""
    # beartype looks at random entries, and Hypothesis wants no other randomness than its own.
    with unchecked_shapes():
        return _draw_case(draw)


def _draw_case(draw: Any) -> Case:
    rng = np.random.default_rng(draw(seeds))
    kind = LOSS_CASES[draw(st.sampled_from(sorted(LOSS_CASES)))]
    n_rows, n_features = draw(st.integers(2, 12)), draw(st.integers(1, 4))
    dtype = draw(dtypes)
    recipe, rate = OPTIMISERS[draw(st.sampled_from(sorted(OPTIMISERS)))]
    network = draw(networks(n_features, kind.n_outputs))
    fields = {
        "optimiser": recipe,
        "schedule": SCHEDULES[draw(st.sampled_from(sorted(SCHEDULES)))](rate),
        "stopping": draw(stopping_rules()),
        "penalties": draw(penalties),
        "weight_decay": draw(st.sampled_from([0.0, 0.0, 0.1])),
        "clip_norm": draw(limits),
        "clip_value": draw(limits),
        "batch_size": draw(st.integers(1, 13)),
        "dropout_seed": draw(seeds),
    }
    rows, weighted, shuffled = draw(row_kinds), draw(st.booleans()), draw(st.booleans())
    plan = TrainingPlan(network=network, loss=kind.loss, dtype=dtype, **fields)
    data = draw_data(kind, rng, n_rows, n_features, dtype, kind=rows, weighted=weighted)
    orders = None
    if shuffled:
        orders = np.array([rng.permutation(n_rows) for _ in range(plan.stopping.max_epochs)])
    start = rng.normal(size=network.n_parameters).astype(dtype) / 2
    return Case(plan, data, start, orders)
