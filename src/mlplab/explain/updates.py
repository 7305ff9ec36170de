"""The lines of one update: what the optimiser makes of the gradient.

The numbers come from `build_update`, the very chain that the reference engine runs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mlplab._typing import AnyArray, Vector
from mlplab.engines import TrainingPlan
from mlplab.engines.reference import build_update
from mlplab.explain.derivatives import Entry
from mlplab.explain.formulas import factor
from mlplab.optim import SGD, Adagrad, Adam, AdamW, RMSprop, Slots, Step, Transform
from mlplab.results import TraceLine

__all__ = ["Updated", "lines_per_parameter", "take_step", "update_lines"]

_LETTERS = {
    "velocity": "v",
    "first_moment": "m",
    "second_moment": "v",
    "mean_square": "r",
    "sum_of_squares": "r",
}
_MEMORY = {
    "velocity": "{momentum}·{old} - {rate}·{g}",
    "first_moment": "{beta_1}·{old} + (1 - {beta_1})·{g}",
    "second_moment": "{beta_2}·{old} + (1 - {beta_2})·{g}²",
    "mean_square": "{decay}·{old} + (1 - {decay})·{g}²",
    "sum_of_squares": "{old} + {g}²",
}
"""What becomes of each of an optimiser's slots."""
_CHANGES: dict[type, str] = {
    Adam: "-{rate}·√(1 - {beta_2}{t})/(1 - {beta_1}{t})·{first_moment}"
    "/(√{second_moment} + {epsilon})",
    AdamW: "-{rate}·{first_moment}/(1 - {beta_1}{t})"
    "/(√({second_moment}/(1 - {beta_2}{t})) + {epsilon})",
    RMSprop: "-{rate}·{g}/(√{mean_square} + {epsilon})",
    Adagrad: "-{rate}·{g}/(√{sum_of_squares} + {epsilon})",
}
_CONSTANTS = {
    "momentum": "μ",
    "beta_1": "β₁",
    "beta_2": "β₂",
    "epsilon": "ε",
    "decay": "ρ",
}
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class _PassOn:
    """An optimiser that changes nothing, so that the clipping before it can be seen."""

    name: ClassVar[str] = "pass_on"

    def transform(self) -> Transform:
        """Return the transform that hands everything on."""
        return Transform(lambda _: {}, lambda direction, slots, _: (direction, slots))


@dataclass(frozen=True, slots=True)
class Updated:
    """One update, before and after.

    Attributes
    ----------
    number : int
    rate : float
    before, after, change : ndarray of shape (n_parameters,)
    gradient, clipped : same
    slots_before, slots : mapping of str to ndarray
        The optimiser's memory.
    """

    number: int
    rate: float
    before: Vector
    after: Vector
    change: Vector
    gradient: Vector
    clipped: Vector
    slots_before: Slots
    slots: Slots


def take_step(
    plan: TrainingPlan, parameters: Vector, gradient: Vector, slots: Slots, step: tuple[int, float]
) -> Updated:
    """Return the update that this gradient brings about; ``step`` is (number, rate)."""
    mask = plan.network.penalty_mask(plan.dtype)
    update = build_update(plan, mask)
    slots = slots or update.init(parameters)
    moment = Step(*step, parameters)
    change, new_slots = update.update(gradient, slots, moment)
    factors = plan.network.rate_factors(plan.dtype)
    if factors is not None:
        change = change * factors
    clipping = dataclasses.replace(plan, optimiser=_PassOn(), weight_decay=0.0)
    clipped, _ = build_update(clipping, mask).update(gradient, {}, moment)
    return Updated(
        number=step[0],
        rate=step[1],
        before=parameters,
        after=parameters + change,
        change=change,
        gradient=gradient,
        clipped=clipped,
        slots_before=slots,
        slots=new_slots,
    )


def _clips(plan: TrainingPlan) -> bool:
    return plan.clip_norm is not None or plan.clip_value is not None


def _is_short(plan: TrainingPlan) -> bool:
    """Whether an update is w − η g and fits on one line."""
    plain = isinstance(plan.optimiser, SGD) and plan.optimiser.momentum == 0
    factors = plan.network.rate_factors()
    return plain and not plan.weight_decay and not _clips(plan) and factors is None


def lines_per_parameter(plan: TrainingPlan) -> int:
    """Return the least number of lines that the update of one parameter takes."""
    return 1 if _is_short(plan) else 2 + _clips(plan)


def update_lines(
    plan: TrainingPlan, updated: Updated, entries: list[Entry], loss: str
) -> Iterator[TraceLine]:
    """Yield the learning rate, the optimiser's memory, the change and the new value of each."""
    yield TraceLine(updated.number, None, "update", None, "η", "", "", updated.rate)
    for name, memory in updated.slots.items():
        if memory.size != updated.before.size:
            # Memory that is not of one parameter, such as NAdam's product of momenta.
            value = float(memory.flat[0])
            yield TraceLine(updated.number, None, "update", None, name, "", "", value)
    for entry in entries:
        gradient = f"∂{loss}/∂{entry.name}"
        if _is_short(plan):
            yield _short_line(updated, entry, gradient)
        else:
            yield from _long_lines(plan, updated, entry, gradient)


def _short_line(updated: Updated, entry: Entry, gradient: str) -> TraceLine:
    index = entry.place
    before, slope = factor(updated.before[index]), factor(updated.gradient[index])
    return TraceLine(
        updated.number,
        None,
        "update",
        entry.layer,
        entry.name,
        f"{entry.name} - η·{gradient}",
        f"{before} - {factor(updated.rate)}·{slope}",
        float(updated.after[index]),
    )


def _long_lines(
    plan: TrainingPlan, updated: Updated, entry: Entry, gradient: str
) -> Iterator[TraceLine]:
    """Yield clipping, memory, change and new value of one parameter, each on its line."""
    index, name = entry.place, entry.name

    def line(symbol: str, formula: str, numbers: str, value: Any) -> TraceLine:
        return TraceLine(
            updated.number, None, "update", entry.layer, symbol, formula, numbers, float(value)
        )

    if _clips(plan):
        symbol = f"clipped({gradient})"
        yield line(symbol, *_clip_formula(plan, updated, index, gradient), updated.clipped[index])
        gradient = symbol
    symbols = {
        **_CONSTANTS,
        **{slot: f"{_LETTERS.get(slot, slot)}({name})" for slot in updated.slots},
        "rate": "η",
        "g": gradient,
        "t": "ᵗ",
    }
    numbers = _numbers(plan, updated, index)
    for slot, memory in updated.slots.items():
        if memory.size == updated.before.size:
            template = _MEMORY.get(slot, "")
            old = factor(updated.slots_before[slot][index])
            formula = template.format_map({**symbols, "old": symbols[slot]})
            substituted = template.format_map({**numbers, "old": old})
            yield line(symbols[slot], formula, substituted, memory[index])
    template = _change_template(plan, index)
    change = f"Δ{name}"
    formula = template.format_map({**symbols, "w": name})
    yield line(change, formula, template.format_map(numbers), updated.change[index])
    substituted = f"{factor(updated.before[index])} + {factor(updated.change[index])}"
    yield line(name, f"{name} + {change}", substituted, updated.after[index])


def _clip_formula(
    plan: TrainingPlan, updated: Updated, index: int, gradient: str
) -> tuple[str, str]:
    """Return formula and numbers of a clipped derivative: by value, then by norm."""
    formula, numbers = gradient, factor(updated.gradient[index])
    by_value: AnyArray = updated.gradient
    if plan.clip_value is not None:
        limit = factor(plan.clip_value)
        formula = f"max(-{limit}, min({limit}, {formula}))"
        numbers = f"max(-{limit}, min({limit}, {numbers}))"
        by_value = np.clip(by_value, -plan.clip_value, plan.clip_value)
    if plan.clip_norm is not None:
        limit, norm = factor(plan.clip_norm), factor(float(np.linalg.norm(by_value)))
        formula = f"{formula}·min(1, {limit}/norm)"
        numbers = f"{numbers}·min(1, {limit}/{norm})"
    return formula, numbers


def _numbers(plan: TrainingPlan, updated: Updated, index: int) -> Mapping[str, str]:
    """Return the numbers that stand for the symbols of a formula."""
    constants = {
        name: factor(getattr(plan.optimiser, name))
        for name in _CONSTANTS
        if hasattr(plan.optimiser, name)
    }
    memory = {
        name: factor(values[index])
        for name, values in updated.slots.items()
        if values.size == updated.before.size
    }
    return {
        **constants,
        **memory,
        "rate": factor(updated.rate),
        "g": factor(updated.clipped[index]),
        "t": str(updated.number).translate(_RAISED),
        "w": factor(updated.before[index]),
    }


def _change_template(plan: TrainingPlan, index: int) -> str:
    optimiser = plan.optimiser
    if isinstance(optimiser, SGD):
        template = "-{rate}·{g}"
        if optimiser.momentum:
            template = "{momentum}·{velocity} - {rate}·{g}" if optimiser.nesterov else "{velocity}"
    else:
        template = _CHANGES.get(type(optimiser), "")
    decays = plan.network.penalty_mask()[index] > 0
    if plan.weight_decay and decays and template:
        template += f" - {{rate}}·{factor(plan.weight_decay)}·{{w}}"
    factors = plan.network.rate_factors()
    if factors is not None and factors[index] != 1 and template:
        template = f"{factor(float(factors[index]))}·({template})"
    return template
