"""The lines of a batch's objective and of the derivative of each weight and bias."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mlplab._typing import Vector
from mlplab.engines import TrainingPlan
from mlplab.explain.formulas import factor, shown_sum
from mlplab.explain.passes import Passed
from mlplab.explain.symbols import Symbols
from mlplab.nn import Dense, ObjectiveValue
from mlplab.results import TraceLine
from mlplab.results.layout import number

__all__ = ["Entry", "gradient_lines", "list_entries", "objective_letter"]


class Entry(NamedTuple):
    """One parameter: where it lies, what it is called, what it connects.

    Attributes
    ----------
    place : int
        Place in the flat vector.
    name : str
    layer, unit : int
        The dense layer and the unit that it leads to; layers count from 1, units from 0.
    source : int or None
        The unit before, from 0; None for a bias.
    """

    place: int
    name: str
    layer: int
    unit: int
    source: int | None


def list_entries(plan: TrainingPlan, symbols: Symbols) -> list[Entry]:
    """Return all parameters, unit by unit."""
    entries = []
    start = 0
    for layer, dense in enumerate(plan.network.dense_layers, start=1):
        n_weights = dense.fan_in * dense.fan_out
        for unit in range(dense.fan_out):
            weights = [
                Entry(
                    start + source * dense.fan_out + unit,
                    symbols.weight(layer, unit + 1, source + 1),
                    layer,
                    unit,
                    source,
                )
                for source in range(dense.fan_in)
            ]
            name = symbols.bias(layer, unit + 1)
            bias = Entry(start + n_weights + unit, name, layer, unit, None)
            entries += [bias, *weights] if symbols.bias_first else [*weights, bias]
        start += n_weights + dense.fan_out
    return entries


def objective_letter(plan: TrainingPlan, symbols: Symbols, passed: Passed) -> str:
    """Return J where the objective is more than the loss of one row."""
    penalised = plan.penalties.l1 or plan.penalties.l2
    more = len(passed.losses) > 1 or passed.weight is not None or penalised
    return "J" if more else symbols.loss


def gradient_lines(
    plan: TrainingPlan,
    symbols: Symbols,
    passed: Passed,
    found: ObjectiveValue,
    parameters: Vector,
    step: int,
) -> Iterator[TraceLine]:
    """Yield the objective, where it is more than a row's loss, and every derivative."""
    letter = objective_letter(plan, symbols, passed)
    if letter == "J":
        yield _objective_line(plan, symbols, passed, found, parameters, step)
    inputs = [stage for stage in passed.stages if isinstance(stage.layer, Dense)]
    for entry in list_entries(plan, symbols):
        delta = symbols.delta(entry.layer, entry.unit + 1)
        deltas = passed.deltas[entry.layer][:, entry.unit]
        if entry.source is None:
            written = number if len(deltas) == 1 else factor
            formula, numbers = delta, [written(d) for d in _ends(deltas)]
        else:
            stage = inputs[entry.layer - 1]
            formula = f"{delta}·{stage.names_before[entry.source]}"
            values = _ends(stage.before[:, entry.source])
            pairs = zip(_ends(deltas), values, strict=True)
            numbers = [f"{factor(d)}·{factor(x)}" for d, x in pairs]
        formula, substituted = _mean(passed, formula, numbers)
        penalty, penalty_numbers = _penalty(plan, passed, entry, float(parameters[entry.place]))
        value = float(found.gradient[entry.place])
        yield TraceLine(
            step,
            None,
            "gradient",
            entry.layer,
            f"∂{letter}/∂{entry.name}",
            formula + penalty,
            substituted + penalty_numbers,
            value,
        )


_SHOWN_ROWS = 6


def _ends(values: Vector) -> list[float]:
    """Return as many values as a sum shows: all, or the first ones and the last."""
    if len(values) <= _SHOWN_ROWS:
        return [float(value) for value in values]
    return [float(value) for value in (*values[: _SHOWN_ROWS - 1], values[-1])]


def _mean(passed: Passed, formula: str, numbers: list[str]) -> tuple[str, str]:
    """Return the mean over the rows of a batch, as formula and with numbers."""
    n_rows = len(passed.losses)
    if n_rows == 1:
        weight = passed.weight
        over, by = ("", "") if weight is None else ("/s", f"/{factor(weight[0])}")
        return formula + over, numbers[0] + by
    shown = shown_sum(numbers, left_out=n_rows > len(numbers))
    if passed.weight is None:
        return f"Σ {formula}/{n_rows}", f"({shown})/{n_rows}"
    return f"Σ {formula}/Σ s", f"({shown})/{factor(float(passed.weight.sum()))}"


def _total_weight(passed: Passed) -> float:
    return float(len(passed.losses) if passed.weight is None else passed.weight.sum())


def _penalty(plan: TrainingPlan, passed: Passed, entry: Entry, parameter: float) -> tuple[str, str]:
    """Return what the penalties add to the derivative of a weight."""
    formula = numbers = ""
    if entry.source is None:
        return formula, numbers
    if plan.penalties.l2:
        rows = factor(_total_weight(passed))
        formula += f" + λ₂·{entry.name}/{rows}"
        numbers += f" + {factor(plan.penalties.l2)}·{factor(parameter)}/{rows}"
    if plan.penalties.l1:
        formula += f" + λ₁·sign({entry.name})"
        numbers += f" + {factor(plan.penalties.l1)}·{factor(float(np.sign(parameter)))}"
    return formula, numbers


def _objective_line(
    plan: TrainingPlan,
    symbols: Symbols,
    passed: Passed,
    found: ObjectiveValue,
    parameters: Vector,
    step: int,
) -> TraceLine:
    """Return the line of J: the mean of the rows' losses plus penalties."""
    losses = [factor(value) for value in _ends(passed.losses)]
    term = symbols.loss
    if passed.weight is not None:
        term = f"s·{term}"
        pairs = zip(_ends(passed.weight), losses, strict=True)
        losses = [f"{factor(weight)}·{loss}" for weight, loss in pairs]
    formula, numbers = _mean(passed, term, losses)
    weights = parameters * plan.network.penalty_mask(parameters.dtype)
    if plan.penalties.l2:
        rows, squares = factor(_total_weight(passed)), factor(float(weights @ weights))
        formula += f" + ½·λ₂·Σ w²/{rows}"
        numbers += f" + ½·{factor(plan.penalties.l2)}·{squares}/{rows}"
    if plan.penalties.l1:
        formula += " + λ₁·Σ |w|"
        numbers += f" + {factor(plan.penalties.l1)}·{factor(float(np.abs(weights).sum()))}"
    return TraceLine(step, None, "loss", None, "J", formula, numbers, found.value)
