"""Plans and rows as the native library wants them."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from mlplab import nn
from mlplab._typing import AnyArray, Matrix, Rows
from mlplab.engines.contract import RowWeights, TrainingData, TrainingPlan
from mlplab.engines.native_abi import Config, Op, RowsView, address, chosen_isa
from mlplab.nn import Activation, Dense, Dropout, Loss, NetworkSpec
from mlplab.nn.activations import ALIASES
from mlplab.optim import (
    LBFGS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Adaptive,
    Constant,
    NAdam,
    RMSprop,
)

__all__ = [
    "DTYPES",
    "NativePlan",
    "network_refusal",
    "ops_of",
    "r2_totals",
    "refusal",
    "rows_view",
]

FUNCTIONS = (
    "identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish",
    "softplus",
)  # fmt: skip
LOSS_KINDS: dict[type[Any], int] = {
    nn.BinaryCrossEntropy: 0,
    nn.CategoricalCrossEntropy: 1,
    nn.BinaryFocal: 2,
    nn.CategoricalFocal: 3,
    nn.BinaryHinge: 4,
    nn.CategoricalHinge: 5,
    nn.SquaredError: 6,
    nn.AbsoluteError: 7,
    nn.Huber: 8,
    nn.Poisson: 9,
    nn.ProbabilitySquaredError: 10,
}
OPTIMISER_KINDS: dict[type[Any], int] = {
    SGD: 0, Adam: 3, AdamW: 4, NAdam: 5, RMSprop: 6, Adagrad: 7, LBFGS: 0,
}  # fmt: skip
SLOTS = {
    0: (),
    1: ("velocity",),
    2: ("velocity",),
    3: ("first_moment", "second_moment"),
    4: ("first_moment", "second_moment"),
    5: ("first_moment", "second_moment"),
    6: ("mean_square",),
    7: ("sum_of_squares",),
}
MONITORS = {"training_loss": 0, "validation_loss": 1, "validation_score": 2}
DTYPES = {"float32": 0, "float64": 1}


def network_refusal(network: NetworkSpec) -> str | None:
    """Return why a network cannot be laid out, or None where it can."""
    for layer in network.layers:
        if type(layer) not in {Dense, Activation, Dropout}:
            return f"layers of kind {layer.kind!r} exist in the reference engine only."
        if isinstance(layer, Activation) and _function(layer) is None:
            return f"the activation {layer.function!r} is a Python function of your own."
    if not network.dense_layers:
        return "a network without a dense layer has nothing to train."
    return None


def refusal(plan: TrainingPlan) -> str | None:
    """Return why a plan cannot be carried out, or None where it can."""
    if plan.dtype not in DTYPES:
        return f"the dtype {plan.dtype!r} is neither float32 nor float64."
    if type(plan.loss) not in LOSS_KINDS:
        return f"the loss {plan.loss.name!r} is Python code of your own."
    if type(plan.optimiser) not in OPTIMISER_KINDS:
        return f"the optimiser {plan.optimiser.name!r} is Python code of your own."
    if getattr(plan.optimiser, "epsilon", 1.0) < np.finfo(plan.dtype).tiny:
        return f"an `epsilon` of {plan.optimiser.epsilon} is zero in {plan.dtype}."  # type: ignore[attr-defined]  # asked above
    if plan.network.rate_factors() is not None:
        return "parameters with learning rates of their own exist in the reference engine only."
    return network_refusal(plan.network)


def _function(layer: Activation) -> int | None:
    name = ALIASES.get(layer.function, layer.function)
    return FUNCTIONS.index(name) if name in FUNCTIONS else None


def _op(index: int, layer: Any, width: int) -> Op:
    if isinstance(layer, Dense):
        return Op(kind=0, layer=index, fan_in=layer.fan_in, fan_out=layer.fan_out)
    op = Op(kind=1, layer=index, fan_in=width, fan_out=width)
    if isinstance(layer, Activation):
        op.function = _function(layer)
    else:
        op.kind, op.factor = 2, 1 / (1 - layer.rate)
        op.threshold = round(layer.rate * 2**53)
    return op


def ops_of(network: NetworkSpec) -> Any:
    """Return the layers as an array of structs."""
    width, ops = network.units[0], []
    for index, layer in enumerate(network.layers):
        ops.append(_op(index, layer, width))
        width = ops[-1].fan_out
    return (Op * len(ops))(*ops)


class NativePlan:
    """A `Config` and everything it points to.

    Parameters
    ----------
    config : Config
    kept : object
        What must live as long as the config.
    optimiser : int
        Number of the optimiser.
    """

    def __init__(self, config: Config, kept: object, optimiser: int) -> None:
        self.config, self.kept = config, kept
        self.slot_names = SLOTS[optimiser]
        self.has_product = optimiser == OPTIMISER_KINDS[NAdam]

    @property
    def pointer(self) -> Any:
        """The config as an argument."""
        return ctypes.byref(self.config)

    @classmethod
    def for_training(
        cls,
        plan: TrainingPlan,
        data: TrainingData,
        n_threads: int,
        *,
        manual_close: bool,
        objective_only: bool,
    ) -> NativePlan:
        """Return a plan that trains on these data."""
        ops = ops_of(plan.network)
        config = Config(
            dtype=DTYPES[plan.dtype],
            n_ops=len(ops),
            ops=ctypes.addressof(ops),
            n_threads=n_threads,
            isa=chosen_isa(),
        )
        kept = [ops, _set_loss(config, plan.loss, plan.network.units[-1])]
        optimiser = _set_optimiser(config, plan)
        config.l2, config.l1 = plan.penalties.l2, plan.penalties.l1
        config.weight_decay = plan.weight_decay
        config.clip_norm = -1.0 if plan.clip_norm is None else plan.clip_norm
        config.clip_value = -1.0 if plan.clip_value is None else plan.clip_value
        config.batch_size = data.n_rows if objective_only else plan.batch_size
        config.dropout_seed = plan.dropout_seed & 0xFFFFFFFFFFFFFFFF
        config.max_epochs = plan.stopping.max_epochs
        config.tolerance, config.patience = plan.stopping.tolerance, plan.stopping.patience
        if not (manual_close or objective_only):
            config.monitor = MONITORS[plan.stopping.monitor]
        config.manual_close = manual_close
        if data.validation is not None:
            config.score = _score(plan)
        return cls(config, kept, optimiser)


def _set_loss(config: Config, loss: Any, n_outputs: int) -> object:
    config.loss = LOSS_KINDS[type(loss)]
    if isinstance(loss, nn.ProbabilitySquaredError) and loss.link == "softmax":
        config.loss += 1
    sizes = loss.groups or (n_outputs,)
    groups = (ctypes.c_int64 * len(sizes))(*sizes)
    config.groups, config.n_groups = ctypes.addressof(groups), len(sizes)
    config.smoothing = getattr(loss, "label_smoothing", 0.0)
    config.gamma, config.delta = getattr(loss, "gamma", 0.0), getattr(loss, "delta", 0.0)
    config.reported_scale = loss.reported_scale
    pairs = getattr(loss, "label_weights", None)
    weights = None
    if pairs is not None:
        weights = np.array(np.broadcast_to(np.asarray(pairs, dtype=float), (n_outputs, 2)))
        config.label_weights = address(weights)
    return groups, weights


def _set_optimiser(config: Config, plan: TrainingPlan) -> int:
    recipe: Any = plan.optimiser
    kind = OPTIMISER_KINDS[type(recipe)]
    if isinstance(recipe, SGD) and recipe.momentum != 0:
        kind = 2 if recipe.nesterov else 1
        config.beta_1 = recipe.momentum
    config.beta_1 = getattr(recipe, "beta_1", config.beta_1)
    config.beta_2 = getattr(recipe, "beta_2", 0.0)
    config.epsilon = getattr(recipe, "epsilon", 0.0)
    if isinstance(recipe, NAdam):
        config.decay = recipe.momentum_decay
    if isinstance(recipe, RMSprop):
        config.beta_1 = recipe.decay
    if isinstance(plan.schedule, (Adaptive, Constant)):
        config.initial_rate = plan.schedule.initial
    if isinstance(plan.schedule, Adaptive):
        config.adaptive, config.forgets_best = 1, int(plan.schedule.forgets_best)
    config.optimiser = kind
    return kind


def _is_exclusive(loss: Loss) -> bool:
    return loss.link == "softmax" or loss.name == "hinge" or bool(loss.groups)


def _score(plan: TrainingPlan) -> int:
    if plan.stopping.score == "accuracy":
        return 1 if _is_exclusive(plan.loss) else 2
    if plan.stopping.score == "r2":
        return 4 if plan.loss.link == "exp" else 3
    return 0


def r2_totals(target: Matrix, weight: RowWeights) -> AnyArray:
    """Return for each output what `mlplab.nn.scores.r2` divides by."""
    s = np.ones(len(target)) if weight is None else weight
    mean = np.average(target, axis=0, weights=s)
    total: AnyArray = (s[:, None] * (target - mean) ** 2).sum(axis=0, dtype=np.float64)
    return total


def rows_view(
    x: Rows,
    dtype: Any,
    target: Matrix | None = None,
    weight: RowWeights = None,
    n_rows: int | None = None,
) -> tuple[RowsView, object]:
    """Return the rows as a struct, and what must live as long as it.

    All of them are gone through, or ``n_rows`` that orders name. Nothing is copied where dtype and
    layout fit. CSR stays as it is: rows are spread out batch by batch.
    """
    n_stored, n_columns = x.shape
    n_rows = n_stored if n_rows is None else n_rows
    view = RowsView(n_rows=n_rows, n_columns=n_columns, n_stored=n_stored)
    kept: list[Any] = []

    def keep(array: Any, kind: Any) -> int | None:
        kept.append(None if array is None else np.ascontiguousarray(array, dtype=kind))
        return address(kept[-1])

    if hasattr(x, "indptr"):
        view.x = keep(x.data, dtype)
        view.indices, view.indptr = keep(x.indices, np.int64), keep(x.indptr, np.int64)
    else:
        view.x = keep(x, dtype)
    view.target, view.weight = keep(target, dtype), keep(weight, dtype)
    return view, kept
