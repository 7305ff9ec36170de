"""Every number of forward pass, backward pass and update, sample by sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mlplab._typing import AnyArray, Vector
from mlplab.engines import TrainingData, TrainingPlan
from mlplab.errors import ParameterError
from mlplab.explain.contract import PosesProblem
from mlplab.explain.derivatives import gradient_lines, list_entries, objective_letter
from mlplab.explain.passes import backward_lines, forward_lines, run_passes
from mlplab.explain.symbols import Notation, Symbols, get_symbols
from mlplab.explain.updates import lines_per_parameter, take_step, update_lines
from mlplab.nn import Dropout, ForwardContext, objective_and_gradient
from mlplab.optim import LBFGS, Moment, Slots
from mlplab.results import Trace, TraceLine

__all__ = ["trace"]

_MOST_LINES = 20_000


def trace(
    plan: TrainingPlan | PosesProblem,
    data: Any,
    parameters: Any = None,
    *,
    rows: Sequence[int] | None = None,
    batch: int | None = 1,
    n_steps: int | None = None,
    updates: bool = True,
    notation: Notation = "deep_learning",
) -> Trace:
    """Return every number of some training steps, so that work by hand can be checked.

    The numbers are those of training: layers, loss and optimiser are the ones that the reference
    engine runs, and the last weights are the ones that it would leave. A step's δ, derivatives
    and update are those of its whole batch; the stopping rule is not asked.

    Parameters
    ----------
    plan : TrainingPlan, or a fitted or initialised estimator
        Its batch size gives way to ``batch``.
    data : TrainingData, or X where an estimator is traced
    parameters : ndarray of shape (n_parameters,), or y where an estimator is traced
        The weights and biases to begin with; an estimator has its own.
    rows : sequence of int, optional
        Which rows, in which order, counting from 0; all if not given.
    batch : int or None
        Rows a step: 1 goes sample by sample, None takes the plan's.
    n_steps : int, optional
        Number of steps; once through the rows if not given. Further steps begin again.
    updates : bool
        Without them every step finds the same weights.
    notation : {"deep_learning", "pattern_recognition"}
        The letters; see `mlplab.explain.symbols`.

    Returns
    -------
    Trace

    Raises
    ------
    ParameterError
        The trace would have more than 20,000 lines, or an argument is out of its range.

    Examples
    --------
    >>> from mlplab.nn import SquaredError, multilayer
    >>> from mlplab.optim import SGD, Constant
    >>> plan = TrainingPlan(multilayer(1, [1], 1), SquaredError(), SGD(0.0), Constant(0.01))
    >>> data = TrainingData(np.array([[1.0], [2.0]]), np.array([[3.0], [4.0]]))
    >>> found = trace(plan, data, np.array([1.0, 0.0, 1.0, 0.0]))
    >>> round(found.value("w₁"), 6), round(found.value("b2"), 6)
    (1.058328, 0.038788)
    """
    if isinstance(plan, PosesProblem) and not isinstance(plan, type):
        plan, data, parameters = plan.training_problem(data, parameters)
    elif not isinstance(plan, TrainingPlan):
        raise ParameterError(
            "`plan` must be a TrainingPlan or a fitted estimator of mlplab; got "
            f"{plan if isinstance(plan, type) else type(plan).__name__!r}. Pass the estimator "
            "itself, with X and y."
        )
    symbols = get_symbols(notation, plan.network.units)
    chosen = _chosen_rows(data, rows)
    size = plan.batch_size if batch is None else batch
    per_epoch = -(-len(chosen) // max(1, size))
    steps = per_epoch if n_steps is None else n_steps
    _check_arguments(plan, parameters, size, steps, updates=updates)
    _refuse_length(plan, steps * _least_lines(plan, min(size, len(chosen)), updates=updates))
    run = _Run(plan, _as_trained(plan, data), symbols, parameters, updates=updates)
    initial = run.named_parameters()
    lines: list[TraceLine] = []
    with np.errstate(all="ignore"):
        for index in range(steps):
            epoch, within = divmod(index, per_epoch)
            samples = chosen[within * size : (within + 1) * size]
            moment = _moment(plan, run.made, epoch, per_epoch, len(chosen))
            lines += run.step(samples, plan.schedule.rate(moment))
            _refuse_length(plan, len(lines))
    legend = (*symbols.legend(), *_more_symbols(plan, data, size))
    return Trace(tuple(lines), legend, notation, initial, run.named_parameters())


def _moment(plan: TrainingPlan, step: int, epoch: int, steps_per_epoch: int, n_rows: int) -> Moment:
    return Moment(
        step=step,
        epoch=epoch,
        steps_per_epoch=steps_per_epoch,
        max_epochs=plan.stopping.max_epochs,
        samples_before_epoch=epoch * n_rows,
        divisions=0,
    )


def _more_symbols(plan: TrainingPlan, data: TrainingData, batch: int) -> Iterator[tuple[str, str]]:
    """Yield the symbols that only some plans need."""
    weighted = data.weight is not None
    if batch > 1 or weighted or plan.penalties.l1 or plan.penalties.l2:
        yield "J", "objective of a batch: the mean of its losses plus penalties"
    if weighted:
        yield "s", "weight of a row, a factor of its δ"
    if plan.penalties.l1:
        yield "λ₁", f"strength of the L1 penalty, {plan.penalties.l1:g}"
    if plan.penalties.l2:
        yield "λ₂", f"strength of the L2 penalty, {plan.penalties.l2:g}"
    if any(isinstance(layer, Dropout) for layer in plan.network.layers):
        yield "m", "factor of dropout: 0 where a unit is dropped, else 1/(1 - rate)"


def _chosen_rows(data: TrainingData, rows: Sequence[int] | None) -> AnyArray:
    if rows is None:
        return np.arange(data.n_rows)
    chosen = np.asarray(rows)
    whole = chosen.ndim == 1 and chosen.size > 0 and np.issubdtype(chosen.dtype, np.integer)
    if not whole or chosen.min() < 0 or chosen.max() >= data.n_rows:
        message = (
            f"`rows` must be numbers of rows from 0 to {data.n_rows - 1}; got {rows!r}. "
            "Leave it out for all rows in order."
        )
        raise ParameterError(message)
    return chosen


def _check_arguments(
    plan: TrainingPlan, parameters: Vector, batch: int, n_steps: int, *, updates: bool
) -> None:
    for name, count in (("batch", batch), ("n_steps", n_steps)):
        if count < 1:
            message = f"`{name}` must be at least 1; got {count}. Leave it out for the default."
            raise ParameterError(message)
    if np.shape(parameters) != (plan.network.n_parameters,):
        message = (
            f"`parameters` must be a vector of {plan.network.n_parameters} numbers; got shape "
            f"{np.shape(parameters)}. plan.network.pack(arrays) makes it from weights and biases."
        )
        raise ParameterError(message)
    if updates and isinstance(plan.optimiser, LBFGS):
        message = (
            "`updates` must be False with L-BFGS, whose line search makes no step from a gradient "
            "alone; got True. Pass updates=False, or trace another optimiser."
        )
        raise ParameterError(message)


def _least_lines(plan: TrainingPlan, batch: int, *, updates: bool) -> int:
    """Return a lower bound on the lines of one step."""
    per_parameter = 1 + (lines_per_parameter(plan) if updates else 0)
    units = plan.network.units
    return plan.network.n_parameters * per_parameter + batch * (units[0] + 2 * sum(units[1:]))


def _refuse_length(plan: TrainingPlan, lines: int) -> None:
    if lines > _MOST_LINES:
        message = (
            f"a trace must have at most {_MOST_LINES:,} lines; this one, of a network with "
            f"{plan.network.n_parameters:,} parameters, has more than {lines:,}. Pass fewer "
            "`rows`, a smaller `n_steps` or updates=False, or trace a smaller network."
        )
        raise ParameterError(message)


def _as_trained(plan: TrainingPlan, data: TrainingData) -> TrainingData:
    weight = None if data.weight is None else data.weight.astype(plan.dtype)
    return TrainingData(data.x.astype(plan.dtype), data.target.astype(plan.dtype), weight)


class _Run:
    """Where a trace stands: parameters, the optimiser's memory, steps made."""

    def __init__(
        self,
        plan: TrainingPlan,
        data: TrainingData,
        symbols: Symbols,
        parameters: Vector,
        *,
        updates: bool,
    ) -> None:
        self.plan = plan
        self.data = data
        self.symbols = symbols
        self.parameters = np.array(parameters, dtype=plan.dtype)
        self.updates = updates
        self.entries = list_entries(plan, symbols)
        self.slots: Slots = {}
        self.made = 0

    def named_parameters(self) -> tuple[tuple[str, float], ...]:
        """Return symbol and value of each parameter, in the order of the flat vector."""
        entries = sorted(self.entries)
        return tuple((entry.name, float(self.parameters[entry.place])) for entry in entries)

    def step(self, samples: AnyArray, rate: float) -> Iterator[TraceLine]:
        """Yield the lines of one step and take it."""
        plan, symbols, number = self.plan, self.symbols, self.made + 1
        weight = None if self.data.weight is None else self.data.weight[samples]
        if weight is not None and not weight.any():
            return  # rows without weight teach nothing: no step
        rows = (self.data.x[samples], self.data.target[samples], weight)
        context = ForwardContext(training=True, seed=plan.dropout_seed, step=number)
        passed = run_passes(plan, symbols, self.parameters, rows, context)
        for row, sample in enumerate(samples):
            yield from forward_lines(plan, symbols, passed, number, row, int(sample) + 1)
            yield from backward_lines(plan, symbols, passed, number, row, int(sample) + 1)
        found = objective_and_gradient(
            plan.network, plan.loss, plan.penalties, self.parameters, *rows, context
        )
        yield from gradient_lines(plan, symbols, passed, found, self.parameters, number)
        self.made = number
        if self.updates:
            yield from self._update(found.gradient, rate, objective_letter(plan, symbols, passed))

    def _update(self, gradient: Vector, rate: float, letter: str) -> Iterator[TraceLine]:
        step = (self.made, rate)
        updated = take_step(self.plan, self.parameters, gradient, self.slots, step)
        yield from update_lines(self.plan, updated, self.entries, letter)
        self.parameters, self.slots = updated.after, updated.slots
