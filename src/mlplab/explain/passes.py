"""The lines of one forward and one backward pass.

The numbers are those of the layers' own `forward` and pullbacks; here they are only named.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlplab._typing import AnyArray, Matrix, Vector
from mlplab.engines import TrainingPlan
from mlplab.errors import ParameterError
from mlplab.explain.formulas import (
    activation_formula,
    activation_name,
    activation_numbers,
    factor,
    loss_formula,
    output_delta,
    slope_formula,
    total,
)
from mlplab.explain.symbols import Symbols
from mlplab.nn import Activation, Dense, Dropout, ForwardContext, Layer, apply_link
from mlplab.nn.layers import Pullback
from mlplab.nn.links import spans
from mlplab.results import TraceLine
from mlplab.results.layout import number

__all__ = ["Passed", "Stage", "backward_lines", "forward_lines", "run_passes"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One layer in the pass over a batch.

    Attributes
    ----------
    layer : Layer
    number : int
        The number of the dense layer that it is or follows, from 1.
    names, value : list of str, ndarray of shape (batch, width)
        Symbol of each unit's value, and the values.
    names_before, before : same
        Of its input.
    slope : ndarray of shape (batch, width)
        Derivative of an activation, or dropout's factor; ones for a dense layer.
    """

    layer: Layer
    number: int
    names_before: list[str]
    before: Matrix
    names: list[str]
    value: Matrix
    slope: Matrix


@dataclass(frozen=True, slots=True)
class Passed:
    """A batch that went forward and backward.

    Attributes
    ----------
    stages : list of Stage
    deltas : dict of int to ndarray of shape (batch, fan_out)
        By number of the dense layer.
    weights, biases : dict of int to ndarray
        Same.
    prediction, target : ndarray of shape (batch, outputs)
    losses : ndarray of shape (batch,)
    weight : ndarray of shape (batch,) or None
    """

    stages: list[Stage]
    deltas: dict[int, Matrix]
    weights: dict[int, Matrix]
    biases: dict[int, Vector]
    prediction: Matrix
    target: Matrix
    losses: Vector
    weight: Vector | None


def run_passes(
    plan: TrainingPlan,
    symbols: Symbols,
    parameters: Vector,
    batch: tuple[Any, Matrix, Vector | None],
    context: ForwardContext,
) -> Passed:
    """Go forward and backward over a batch of (x, target, weight) and keep every number."""
    x, target, weight = batch
    views = plan.network.views_by_layer(parameters)
    stages: list[Stage] = []
    pullbacks: list[Pullback] = []
    names = [symbols.input(i + 1) for i in range(x.shape[1])]
    value, shown, count = x, _dense(x), 0
    for index, layer in enumerate(plan.network.layers):
        count += isinstance(layer, Dense)
        here = dataclasses.replace(context, layer=index, is_first=index == 0)
        value, pullback = layer.forward(views[index], value, here)
        pullbacks.append(pullback)
        # An element-wise layer returns its derivative where ones are pulled back.
        ones = np.ones_like(value)
        slope = ones if isinstance(layer, Dense) else pullback(ones)[0]
        new_names = _names(layer, count, value.shape[1], symbols)
        stages.append(Stage(layer, count, names, shown, new_names, value, slope))
        names, shown = new_names, value
    dense = [view for view in views if view]
    gradient = plan.loss.gradient(value, target)
    if weight is not None:
        gradient = gradient * weight[:, None]
    return Passed(
        stages=stages,
        deltas=_deltas(stages, pullbacks, gradient),
        weights={i: view[0] for i, view in enumerate(dense, start=1)},
        biases={i: view[1] for i, view in enumerate(dense, start=1)},
        prediction=apply_link(plan.loss.link, value, plan.loss.groups),
        target=target,
        losses=plan.loss.values(value, target),
        weight=weight,
    )


def _dense(x: Any) -> AnyArray:
    return np.asarray(x.toarray() if hasattr(x, "toarray") else x)


def _names(layer: Layer, count: int, width: int, symbols: Symbols) -> list[str]:
    """Return the symbols of a layer's values."""
    kinds = {Dense: symbols.sum, Activation: symbols.value, Dropout: symbols.thinned}
    naming = kinds.get(type(layer))
    if naming is None:
        message = (
            "`plan` must be of dense, activation and dropout layers to be traced; got a layer of "
            f"the kind {layer.kind!r}. Use gradient_check for other layers."
        )
        raise ParameterError(message)
    return [naming(count, unit + 1) for unit in range(width)]


def _deltas(stages: list[Stage], pullbacks: list[Pullback], d_value: Matrix) -> dict[int, Matrix]:
    deltas = {}
    for stage, pullback in zip(reversed(stages), reversed(pullbacks), strict=True):
        if isinstance(stage.layer, Dense):
            deltas[stage.number] = d_value
        d_value, _ = pullback(d_value)
    return deltas


def forward_lines(
    plan: TrainingPlan, symbols: Symbols, passed: Passed, step: int, row: int, sample: int
) -> Iterator[TraceLine]:
    """Yield inputs, sums, values, prediction and loss of one row."""
    first = passed.stages[0]
    for name, value in zip(first.names_before, first.before[row], strict=True):
        yield TraceLine(step, sample, "forward", None, name, "", "", float(value))
    for stage in passed.stages:
        for unit, name in enumerate(stage.names):
            if isinstance(stage.layer, Dropout):
                yield _mask_line(symbols, stage, step, row, sample, unit)
            formula, numbers = _stage_formula(passed, symbols, stage, row, unit)
            value = float(stage.value[row, unit])
            yield TraceLine(step, sample, "forward", stage.number, name, formula, numbers, value)
    yield from _prediction_lines(plan, symbols, passed, step, row, sample)
    yield from _loss_lines(plan, symbols, passed, step, row, sample)


def _mask_line(
    symbols: Symbols, stage: Stage, step: int, row: int, sample: int, unit: int
) -> TraceLine:
    value = float(stage.slope[row, unit])
    name = symbols.mask(stage.number, unit + 1)
    formula = "" if value == 0 else "1/(1 - rate)"
    return TraceLine(step, sample, "forward", stage.number, name, formula, "", value)


def _stage_formula(
    passed: Passed, symbols: Symbols, stage: Stage, row: int, unit: int
) -> tuple[str, str]:
    """Return formula and numbers of one unit's value."""
    if isinstance(stage.layer, Activation):
        before = float(stage.before[row, unit])
        formula = activation_formula(stage.layer.function, stage.names_before[unit])
        return formula, activation_numbers(stage.layer.function, before)
    if isinstance(stage.layer, Dropout):
        mask = symbols.mask(stage.number, unit + 1)
        numbers = f"{factor(stage.before[row, unit])}·{factor(stage.slope[row, unit])}"
        return f"{stage.names_before[unit]}·{mask}", numbers
    layer = stage.number
    x, weights = stage.before[row], passed.weights[layer][:, unit]
    formula = total(
        len(x), lambda i: f"{symbols.weight(layer, unit + 1, i + 1)}·{stage.names_before[i]}"
    )
    numbers = total(len(x), lambda i: f"{factor(weights[i])}·{factor(x[i])}")
    bias, bias_number = symbols.bias(layer, unit + 1), factor(passed.biases[layer][unit])
    if symbols.bias_first:
        return f"{bias} + {formula}", f"{bias_number} + {numbers}"
    return f"{formula} + {bias}", f"{numbers} + {bias_number}"


def _prediction_lines(
    plan: TrainingPlan, symbols: Symbols, passed: Passed, step: int, row: int, sample: int
) -> Iterator[TraceLine]:
    last = passed.stages[-1]
    raw = last.value[row]
    for group in spans(plan.loss.groups or (len(raw),)):
        for unit in range(group.start, group.stop):
            symbol = symbols.prediction(unit + 1)
            name, value = last.names[unit], float(raw[unit])
            if plan.loss.link == "softmax":
                formula, numbers = _softmax_formula(name, value, last.names[group], raw[group])
            elif plan.loss.link == "exp":
                formula, numbers = f"exp({name})", f"exp({number(value)})"
            else:
                formula = activation_formula(plan.loss.link, name)
                numbers = activation_numbers(plan.loss.link, value)
            predicted = float(passed.prediction[row, unit])
            yield TraceLine(
                step, sample, "forward", last.number, symbol, formula, numbers, predicted
            )


def _softmax_formula(name: str, value: float, names: list[str], raw: Vector) -> tuple[str, str]:
    below = total(len(names), lambda i: f"exp({names[i]})")
    numbers_below = total(len(names), lambda i: f"exp({number(raw[i])})")
    return f"exp({name})/({below})", f"exp({number(value)})/({numbers_below})"


def _loss_lines(
    plan: TrainingPlan, symbols: Symbols, passed: Passed, step: int, row: int, sample: int
) -> Iterator[TraceLine]:
    outputs = range(passed.target.shape[1])
    targets = [symbols.target(i + 1) for i in outputs]
    for name, value in zip(targets, passed.target[row], strict=True):
        yield TraceLine(step, sample, "loss", None, name, "", "", float(value))
    if passed.weight is not None:
        yield TraceLine(step, sample, "loss", None, "s", "", "", float(passed.weight[row]))
    last = passed.stages[-1]
    predictions = [symbols.prediction(i + 1) for i in outputs]
    formula = loss_formula(plan.loss, predictions, last.names, targets)
    numbers = loss_formula(
        plan.loss,
        [factor(p) for p in passed.prediction[row]],
        [factor(r) for r in last.value[row]],
        [factor(y) for y in passed.target[row]],
    )
    value = float(passed.losses[row])
    yield TraceLine(step, sample, "loss", None, symbols.loss, formula, numbers, value)


def backward_lines(
    plan: TrainingPlan, symbols: Symbols, passed: Passed, step: int, row: int, sample: int
) -> Iterator[TraceLine]:
    """Yield slopes and δ of one row, from the output to the first layer."""
    for layer in sorted(passed.deltas, reverse=True):
        # What lies between this dense layer and the next one scales what comes back.
        between = [
            stage
            for stage in passed.stages
            if stage.number == layer and not isinstance(stage.layer, Dense)
        ]
        for unit in range(passed.deltas[layer].shape[1]):
            formulas, numbers = [], []
            for stage in between:
                symbol = _slope_symbol(stage, symbols, unit)
                value = float(stage.slope[row, unit])
                formulas.append(symbol)
                numbers.append(factor(value))
                if isinstance(stage.layer, Activation):
                    formula = slope_formula(
                        stage.layer.function, stage.names_before[unit], stage.names[unit]
                    )
                    yield TraceLine(step, sample, "backward", layer, symbol, formula, "", value)
            formula, with_numbers = _incoming(plan, symbols, passed, layer, row, unit)
            if formulas:
                formula = f"{'·'.join(formulas)}·({formula})"
                with_numbers = with_numbers and f"{'·'.join(numbers)}·({with_numbers})"
            name = symbols.delta(layer, unit + 1)
            value = float(passed.deltas[layer][row, unit])
            yield TraceLine(step, sample, "backward", layer, name, formula, with_numbers, value)


def _slope_symbol(stage: Stage, symbols: Symbols, unit: int) -> str:
    if isinstance(stage.layer, Activation):
        return f"{activation_name(stage.layer.function)}′({stage.names_before[unit]})"
    return symbols.mask(stage.number, unit + 1)


def _incoming(
    plan: TrainingPlan, symbols: Symbols, passed: Passed, layer: int, row: int, unit: int
) -> tuple[str, str]:
    """Return what comes back to a unit's value: from the next layer, or from the loss."""
    if layer + 1 in passed.deltas:
        ahead, deltas = layer + 1, passed.deltas[layer + 1][row]
        weights = passed.weights[ahead][unit]

        def term(k: int) -> str:
            return f"{symbols.weight(ahead, k + 1, unit + 1)}·{symbols.delta(ahead, k + 1)}"

        with_numbers = total(len(deltas), lambda k: f"{factor(weights[k])}·{factor(deltas[k])}")
        return total(len(deltas), term), with_numbers
    prediction, target = passed.prediction[row, unit], passed.target[row, unit]
    formula = output_delta(plan.loss, symbols.prediction(unit + 1), symbols.target(unit + 1))
    numbers = output_delta(plan.loss, factor(prediction), factor(target))
    if not formula:
        raw = passed.stages[-1].names[unit]
        formula = f"∂{symbols.loss}/∂{raw}"
    if passed.weight is not None:
        formula = f"s·({formula})"
        numbers = f"{factor(passed.weight[row])}·({numbers})" if numbers else ""
    return formula, numbers
