"""The gradient check: every derivative of a network against differences of its objective."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mlplab._typing import AnyArray, Vector
from mlplab.engines import TrainingData, TrainingPlan
from mlplab.errors import DataError, ParameterError
from mlplab.explain.contract import PosesProblem
from mlplab.explain.differences import LARGEST_STEP, Measured, Scales, measure, noise_level
from mlplab.explain.naming import layer_names
from mlplab.nn import (
    Activation,
    Dropout,
    ForwardContext,
    ParameterSlot,
    agreement,
    draw_parameters,
    get_activation,
    objective,
    objective_and_gradient,
)
from mlplab.results import GradientReport, GradientRow

__all__ = ["gradient_check"]

# Entries of each array that are compared in a network too large to compare all.
_SAMPLE = 20
_LOSSES_WITH_KINKS = {"binary_hinge", "hinge", "absolute_error"}
# With a smaller share of its entries compared, an array has not been checked.
_ENOUGH = 0.5


def gradient_check(
    model_or_plan: TrainingPlan | PosesProblem,
    X: Any = None,
    y: Any = None,
    *,
    sample_weight: Any = None,
    data: TrainingData | None = None,
    parameters: Vector | None = None,
    tolerance: float = 1e-7,
    max_parameters: int = 5000,
    max_rows: int = 128,
    seed: int = 0,
) -> GradientReport:
    """Compare the gradient by formula with fourth-order central differences, layer by layer.

    What is checked is the objective that training minimises: the weighted mean of the loss, the
    penalties, and dropout with its mask held fixed, in float64. Where a kink (of relu, of a
    hinge, of L1) lies within the step, the step is shrunk; entries for which that does not help
    are left out and counted; an array of which more than half is left out has not passed. See
    `mlplab.explain.differences` for how kinks are noticed.

    Parameters
    ----------
    model_or_plan : TrainingPlan or estimator
        An estimator has to be fitted or initialised.
    X, y : array-like
        Rows and targets for an estimator.
    sample_weight : array-like of shape (rows,), optional
        For an estimator; the weights of a plan are in its data.
    data : TrainingData, optional
        Rows for a plan.
    parameters : ndarray of shape (n_parameters,), optional
        Where the gradient is taken; an estimator's own, or drawn from the seed for a plan.
    tolerance : float, positive
        Largest ``‖a − n‖ / (‖a‖ + ‖n‖)`` of an array that counts as agreement. What rounding can
        do to a difference is taken off before, so that gradients of almost zero agree.
    max_parameters : int
        Of larger networks a random sample of each array is compared, and one random direction
        through all parameters.
    max_rows : int
        Of more rows a random sample is used.
    seed : int
        For the samples.

    Returns
    -------
    GradientReport

    Raises
    ------
    ParameterError
        The arguments do not fit each other.
    DataError
        The objective is not finite on these rows.

    Examples
    --------
    >>> from mlplab.nn import SquaredError, multilayer
    >>> from mlplab.optim import SGD, Constant
    >>> plan = TrainingPlan(multilayer(2, [3], 1, "tanh"), SquaredError(), SGD(), Constant(0.1))
    >>> data = TrainingData(np.eye(2), np.ones((2, 1)))
    >>> gradient_check(plan, data=data).passed
    True
    """
    _require_positive(tolerance=tolerance, max_parameters=max_parameters, max_rows=max_rows)
    rng = np.random.default_rng(seed)
    plan, data, own = _pose(model_or_plan, X, y, sample_weight, data)
    if parameters is None:
        parameters = draw_parameters(plan.network, "auto", rng) if own is None else own
    point = np.array(parameters, dtype=np.float64)
    if point.shape != (plan.network.n_parameters,):
        message = (
            f"`parameters` must be a vector of {plan.network.n_parameters} numbers; got shape "
            f"{point.shape}. Leave it out to have them drawn from the seed."
        )
        raise ParameterError(message)
    used = _float64(_sample_rows(data, max_rows, rng))
    with np.errstate(all="ignore"):
        check = _prepare(plan, used, point, tolerance, rng)
        whole = plan.network.n_parameters <= max_parameters
        rows = [_check_slot(check, slot, None if whole else rng) for slot in plan.network.slots]
        if not whole:
            rows += _check_direction(check, rng)
    notes = _notes(plan, data.n_rows, used, rows, whole=whole)
    return GradientReport(tuple(rows), tolerance, notes)


def _require_positive(**limits: float) -> None:
    for name, limit in limits.items():
        if not limit > 0:
            message = f"`{name}` must be positive; got {limit!r}. Leave it out for the default."
            raise ParameterError(message)


def _pose(
    model: Any, X: Any, y: Any, sample_weight: Any, data: TrainingData | None
) -> tuple[TrainingPlan, TrainingData, Vector | None]:
    """Return plan, rows and, of an estimator, its parameters."""
    if isinstance(model, TrainingPlan):
        if data is None or X is not None or y is not None or sample_weight is not None:
            message = (
                "`data` must be given with a plan, and nothing else that holds rows; got "
                f"data={'None' if data is None else 'rows'} beside X, y or sample_weight. "
                "Pass data=TrainingData(x, target, weight)."
            )
            raise ParameterError(message)
        return model, data, None
    if isinstance(model, type) or not isinstance(model, PosesProblem):
        message = (
            "`model_or_plan` must be a TrainingPlan or an estimator of mlplab; got "
            f"{type(model).__name__}. Pass the fitted estimator with X and y."
        )
        raise ParameterError(message)
    if X is None or data is not None:
        message = (
            "`X` and `y` must be given with an estimator, and no `data`; got "
            f"{'no X' if X is None else 'data'}. Pass the rows as for fit."
        )
        raise ParameterError(message)
    return model.training_problem(X, y, sample_weight)


def _sample_rows(data: TrainingData, max_rows: int, rng: np.random.Generator) -> TrainingData:
    weight = data.weight
    candidates = np.arange(data.n_rows) if weight is None else np.flatnonzero(weight)
    if not candidates.size:
        message = (
            "the weights of the rows must have a positive sum; all are zero. Pass rows that count."
        )
        raise DataError(message)
    if data.n_rows <= max_rows:
        return data
    size = min(max_rows, candidates.size)
    rows = np.sort(rng.choice(candidates, size, replace=False))
    return TrainingData(data.x[rows], data.target[rows], None if weight is None else weight[rows])


def _float64(data: TrainingData) -> TrainingData:
    weight = None if data.weight is None else data.weight.astype(np.float64)
    return TrainingData(data.x.astype(np.float64), data.target.astype(np.float64), weight)


class _Check(NamedTuple):
    """An objective at a point, and what is needed to compare its derivatives there."""

    plan: TrainingPlan
    value: Callable[[Vector], float]
    point: Vector
    gradient: Vector
    noise: float
    tolerance: float


def _prepare(
    plan: TrainingPlan,
    data: TrainingData,
    point: Vector,
    tolerance: float,
    rng: np.random.Generator,
) -> _Check:
    # The masks of the first step; every evaluation sees the same ones.
    context = ForwardContext(training=True, seed=plan.dropout_seed, step=1)

    rows: tuple[Any, ...] = (data.x, data.target, data.weight, context)

    def value(at: Vector) -> float:
        return objective(plan.network, plan.loss, plan.penalties, at, *rows)

    found = objective_and_gradient(plan.network, plan.loss, plan.penalties, point, *rows)
    if not (math.isfinite(found.value) and np.isfinite(found.gradient).all()):
        message = (
            f"the objective and its gradient must be finite where they are checked; the objective "
            f"is {found.value}. Look for missing values and very large numbers in the rows."
        )
        raise DataError(message)
    direction = rng.normal(size=point.size) * np.abs(point)
    noise = noise_level(lambda t: value(point + t * direction))
    return _Check(plan, value, point, found.gradient, noise, tolerance)


def _check_slot(check: _Check, slot: ParameterSlot, rng: np.random.Generator | None) -> GradientRow:
    """Compare one array, or a sample of it where a generator is given."""
    n_entries = slot.spec.size
    entries = np.arange(n_entries)
    if rng is not None:
        entries = np.sort(rng.choice(n_entries, min(_SAMPLE, n_entries), replace=False))
    analytic = check.gradient[slot.start + entries]
    usual = float(np.linalg.norm(analytic)) / math.sqrt(entries.size)
    found = [_measure_entry(check, slot.start + int(entry), usual) for entry in entries]
    names = [
        f"{slot.spec.name}[{', '.join(map(str, np.unravel_index(entry, slot.spec.shape)))}]"
        for entry in entries
    ]
    label = (layer_names(check.plan.network)[slot.layer], slot.spec.name)
    return _row(check, label, n_entries, names, analytic, found)


def _measure_entry(check: _Check, index: int, usual: float) -> Measured:
    scale = max(1.0, abs(float(check.point[index])))

    def along(t: float) -> float:
        at = check.point.copy()
        at[index] += t * scale
        return check.value(at) / scale

    scales = Scales(check.noise / scale, usual, check.tolerance)
    return measure(along, float(check.gradient[index]), scales)


def _check_direction(check: _Check, rng: np.random.Generator) -> list[GradientRow]:
    """Compare the derivative along one random direction, if differences can tell it."""
    direction = rng.normal(size=check.point.size)
    direction /= np.linalg.norm(direction)
    analytic = float(check.gradient @ direction)
    scales = Scales(check.noise, abs(analytic), check.tolerance)
    found = measure(lambda t: check.value(check.point + t * direction), analytic, scales)
    if not found.trusted:
        return []
    label = ("all layers", "direction")
    return [_row(check, label, check.point.size, ["direction"], np.array([analytic]), [found])]


def _row(
    check: _Check,
    label: tuple[str, str],
    n_parameters: int,
    names: list[str],
    analytic: AnyArray,
    found: list[Measured],
) -> GradientRow:
    trusted = np.array([one.trusted for one in found])
    a = analytic[trusted]
    n = np.array([one.derivative for one in found])[trusted]
    rounding = np.array([one.rounding for one in found])[trusted]
    beyond = np.maximum(np.abs(a - n) - rounding, 0)
    allowed = check.tolerance * (np.linalg.norm(a) + np.linalg.norm(n))
    agrees = bool(np.linalg.norm(beyond) <= allowed)
    enough = a.size >= _ENOUGH * len(found)
    compared = agreement(a, n)
    worst = int(np.abs(a - n).argmax()) if a.size else None
    row = GradientRow(
        *label,
        n_parameters,
        n_checked=int(a.size),
        n_refined=sum(one.trusted and one.step < LARGEST_STEP for one in found),
        n_left_out=int((~trusted).sum()),
        maximum=compared.maximum,
        relative=compared.relative,
        worst="" if worst is None else str(np.array(names)[trusted][worst]),
        worst_analytic=math.nan if worst is None else float(a[worst]),
        worst_numeric=math.nan if worst is None else float(n[worst]),
        passed=agrees and enough,
        verdict="",
        inconclusive=agrees and not enough,
    )
    return dataclasses.replace(row, verdict=_verdict(check, row, found))


def _verdict(check: _Check, row: GradientRow, found: list[Measured]) -> str:
    if not row.n_checked:
        return "not checked: a kink lies within every step at each of its entries"
    if row.inconclusive:
        words = f"inconclusive: only {row.n_checked} of {len(found)} agree, the others say nothing"
    elif not row.passed:
        words = (
            f"differs: {row.worst} is {row.worst_analytic:.6g} by formula and "
            f"{row.worst_numeric:.6g} by differences"
        )
    elif row.relative > check.tolerance:
        words = "agrees within rounding: the derivatives are almost zero"
    elif row.relative == 0:
        words = "agrees exactly"
    else:
        words = f"agrees to {10.0 ** math.ceil(math.log10(row.relative)):.0e}"
    if row.n_refined:
        step = min(one.step for one in found if one.trusted)
        words += (
            f"; {row.n_refined} with the step shrunk down to {step:.0e}, because a kink or sharp "
            "bend lies within the usual one"
        )
    if row.n_left_out:
        words += f"; {row.n_left_out} left out, a kink lies within every step"
    return words


def _notes(
    plan: TrainingPlan, n_rows: int, used: TrainingData, rows: list[GradientRow], *, whole: bool
) -> tuple[str, ...]:
    """Say what was checked, and what was not."""
    which = f"all {n_rows}" if used.n_rows == n_rows else f"{used.n_rows} of {n_rows:,}, at random"
    notes = [f"Objective: {plan.loss.name}; rows: {which}; arithmetic: float64."]
    if plan.dtype != "float64":
        notes.append(f"Training runs in {plan.dtype}, whose digits do not suffice for differences.")
    if used.weight is not None:
        notes.append("Rows are weighted.")
    if plan.penalties.l1 or plan.penalties.l2:
        notes.append(f"Penalties: l1={plan.penalties.l1:g}, l2={plan.penalties.l2:g}.")
    if any(isinstance(layer, Dropout) for layer in plan.network.layers):
        notes.append("Dropout acts, its mask held fixed.")
    kinks = _sources_of_kinks(plan)
    if kinks:
        notes.append(f"Points without a derivative come from {', '.join(kinks)}.")
    if not whole:
        notes.append(
            f"The network has {plan.network.n_parameters:,} parameters: at most {_SAMPLE} of "
            "each array were compared, drawn at random, and one random direction through all."
        )
        if rows[-1].array != "direction":
            notes.append("Along that direction a kink lies within every step; it was left out.")
    return tuple(notes)


def _sources_of_kinks(plan: TrainingPlan) -> list[str]:
    functions = {layer.function for layer in plan.network.layers if isinstance(layer, Activation)}
    sources = sorted(function for function in functions if get_activation(function).kinks)
    if plan.loss.name in _LOSSES_WITH_KINKS:
        sources.append(f"the loss {plan.loss.name}")
    return [*sources, "the L1 penalty"] if plan.penalties.l1 else sources
