"""What figures of layers mean: ailments in words, with what to try."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mlplab.results import EpochHealth, HealthFinding, HealthLimits, LayerHealth
from mlplab.results.health import Ailment

__all__ = ["find_ailments"]

_ALL = ("the network",)
_LARGE_INPUT = 5.0  # root mean square of a column; standardised ones have 1


class _Sign(NamedTuple):
    """Something that is wrong after one epoch."""

    ailment: Ailment
    layers: tuple[str, ...]
    sentence: str
    advice: str


def find_ailments(
    moments: Sequence[EpochHealth],
    limits: HealthLimits,
    first_loss: float | None = None,
    input_reach: float = 1.0,
) -> tuple[HealthFinding, ...]:
    """Return what is wrong, or was, the gravest first.

    Where one ailment is the cause of another, the cause alone is told: a layer whose units are
    all dead lets no gradient through, and that is not called vanishing.

    Parameters
    ----------
    moments : sequence of EpochHealth
    limits : HealthLimits
    first_loss : float, optional
        Loss of the first epoch; that of the first moment if None.
    input_reach : float
        Largest root mean square of a column of the input.
    """
    seen: dict[Ailment, list[tuple[int, _Sign]]] = {}
    start = moments[0].loss if first_loss is None else first_loss
    for moment in moments:
        for sign in _signs(moment, limits, start, input_reach):
            seen.setdefault(sign.ailment, []).append((moment.epoch, sign))
    found = [_finding(signs, moments) for signs in seen.values()]
    return tuple(sorted(found, key=lambda finding: _GRAVITY[finding.ailment]))


_GRAVITY: dict[str, int] = {
    name: place
    for place, name in enumerate(
        (
            "not finite",
            "identical units",
            "dead units",
            "saturated units",
            "same answer",
            "exploding gradients",
            "vanishing gradients",
            "large updates",
            "small updates",
        )
    )
}


def _finding(signs: list[tuple[int, _Sign]], moments: Sequence[EpochHealth]) -> HealthFinding:
    """Return one finding for the epochs at which the same thing was seen."""
    epochs = tuple(epoch for epoch, _ in signs)
    sign = signs[-1][1]
    layers = tuple(dict.fromkeys(name for _, one in signs for name in one.layers))
    sentence = sign.sentence
    if len(moments) > 1:
        gone = "" if epochs[-1] == moments[-1].epoch else ", and not any more at the end"
        sentence = f"{sentence[:-1]} ({_span(epochs, len(moments))}{gone})."
    return HealthFinding(sign.ailment, layers, epochs, sentence, sign.advice)


def _span(epochs: tuple[int, ...], total: int) -> str:
    if len(epochs) == total:
        return "at every epoch looked at"
    if len(epochs) == 1:
        return f"at epoch {epochs[0]:,}"
    return f"at {len(epochs)} of {total} epochs looked at, from {epochs[0]:,} to {epochs[-1]:,}"


def _signs(
    moment: EpochHealth, limits: HealthLimits, start: float, reach: float
) -> Iterator[_Sign]:
    """Yield what is wrong after one epoch."""
    if not moment.is_finite:
        yield _not_finite(moment)
        return
    causes = [*_unit_signs(moment.layers[:-1], limits, reach), *_same_answer(moment)]
    yield from causes
    if not causes:
        yield from _gradient_signs(moment, limits, reach)
    yield from _large_updates(moment, limits, reach)
    if not causes:
        yield from _small_updates(moment, limits, start)


def _not_finite(moment: EpochHealth) -> _Sign:
    return _Sign(
        "not finite",
        _ALL,
        f"The loss ({moment.loss:g}), a gradient or a weight is not a finite number.",
        "Lower `learning_rate_init`, limit the gradient with `clip_norm=1.0`, and standardise the "
        "inputs.",
    )


# ------------------------------------------------------------------ units


def _unit_signs(
    layers: Sequence[LayerHealth], limits: HealthLimits, reach: float
) -> Iterator[_Sign]:
    checks: tuple[tuple[str, float, Callable[..., _Sign]], ...] = (
        ("identical", limits.identical, _identical),
        ("dead", limits.dead, _dead),
        ("saturated", limits.saturated, _saturated),
    )
    for what, limit, sign in checks:
        counts = [(layer, getattr(layer, what)) for layer in layers]
        ill = {layer: n for layer, n in counts if n and n >= limit * layer.n_units}
        if ill:
            yield sign(ill, reach)


def _units(ill: Mapping[LayerHealth, int]) -> str:
    """Return the subject of a sentence, with its verb."""
    parts = []
    for layer, count in ill.items():
        of = f"{count:,} of {layer.n_units:,} units"
        whole = f"all {count:,} units" if count > 1 else "the only unit"
        parts.append(f"in {layer.layer} {whole if count == layer.n_units else of}")
    subject = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    return f"{subject[0].upper()}{subject[1:]} {'is' if sum(ill.values()) == 1 else 'are'}"


def _names(ill: Mapping[LayerHealth, int]) -> tuple[str, ...]:
    return tuple(layer.layer for layer in ill)


def _identical(ill: Mapping[LayerHealth, int], reach: float) -> _Sign:  # noqa: ARG001  (the signature of all)
    return _Sign(
        "identical units",
        _names(ill),
        f"{_units(ill)} like another one: the same weights, in and out.",
        "Without dropout twins get the same gradients and stay equal, so the layer works as one "
        'with fewer units. Start from random weights: `init="auto"`.',
    )


def _dead(ill: Mapping[LayerHealth, int], reach: float) -> _Sign:
    relu = {layer.activation for layer in ill} == {"relu"}
    through = any(count == layer.n_units for layer, count in ill.items())
    nothing = " No gradient passes a layer of dead units." if through else ""
    return _Sign(
        "dead units",
        _names(ill),
        f"{_units(ill)} dead: {'0' if relu else 'flat'} at every row.",
        "A dead unit gets no gradient; only changes of the layers before it can bring it back."
        f"{nothing} {_scaled(reach)}Lower `learning_rate_init`, start with "
        '`init="he_normal"` (He et al., 2015), or take an activation that is not flat, '
        "`leaky_relu` for example.",
    )


def _saturated(ill: Mapping[LayerHealth, int], reach: float) -> _Sign:
    functions = sorted({str(layer.activation) for layer in ill})
    return _Sign(
        "saturated units",
        _names(ill),
        f"{_units(ill)} saturated: {' or '.join(functions)} is flat there at 95 % of the rows or "
        "more.",
        "Hardly any gradient passes where the function is flat (Glorot and Bengio, 2010). "
        f'{_scaled(reach)}Start from smaller weights (`init="auto"`), lower '
        "`learning_rate_init`, raise `alpha`, or take `relu`.",
    )


def _scaled(reach: float) -> str:
    """Return the advice that comes first where the inputs are large."""
    if reach <= _LARGE_INPUT:
        return ""
    return f"A column of the input has a root mean square of {reach:.3g}: standardise it. "


def _same_answer(moment: EpochHealth) -> Iterator[_Sign]:
    if moment.same_answer:
        yield _Sign(
            "same answer",
            _ALL,
            "Every row gets the same prediction.",
            "Nothing of the input reaches the output, so it can do no better than the most "
            "frequent class, or the mean. See what else is found.",
        )


# ------------------------------------------------------------------ gradients and updates

_SLOPE = (
    "The slope of `logistic` is at most 1/4, and every layer multiplies by it: take `relu` or "
    "`tanh`. "
)


def _gradient_signs(moment: EpochHealth, limits: HealthLimits, reach: float) -> Iterator[_Sign]:
    ratio = moment.signal_ratio
    first = moment.layers[0].layer
    if len(moment.layers) < 2 or math.isnan(ratio):
        return
    functions = {layer.activation for layer in moment.layers[:-1]}
    if ratio < limits.vanishing:
        yield _Sign(
            "vanishing gradients",
            (first,),
            f"The signal of the backward pass shrinks to {ratio:.1e} of its size on the way from "
            f"the output to {first}.",
            f"{_SLOPE if 'logistic' in functions else ''}Take fewer layers, or larger initial "
            'weights: `init="he_normal"` for relu and its kin (He et al., 2015), '
            '`init="glorot_uniform"` for the others (Glorot and Bengio, 2010).',
        )
    if ratio > limits.exploding:
        yield _Sign(
            "exploding gradients",
            (first,),
            f"The signal of the backward pass grows to {ratio:,.0f} times its size on the way from "
            f"the output to {first}.",
            f'{_scaled(reach)}Start from smaller weights (`init="auto"`), raise `alpha`, and '
            "limit the gradient with `clip_norm=1.0` (Pascanu et al., 2013).",
        )


def _large_updates(moment: EpochHealth, limits: HealthLimits, reach: float) -> Iterator[_Sign]:
    known = [layer for layer in moment.layers if math.isfinite(layer.update_ratio or math.nan)]
    if not known:
        return
    worst = max(known, key=lambda layer: layer.update_ratio or 0.0)
    ratio = worst.update_ratio or 0.0
    if ratio > limits.large_update:
        yield _Sign(
            "large updates",
            _ALL,
            f"The next step changes the weights of {worst.layer} by {_times(ratio)} their size.",
            f"About a thousandth is good (Karpathy). {_scaled(reach)}Lower `learning_rate_init` "
            f"to a {_fraction(ratio)} or less; if the weights are tiny, start from larger ones.",
        )


def _times(ratio: float) -> str:
    return f"{ratio:.0%} of" if ratio < 2 else f"{ratio:,.3g} times"


def _fraction(ratio: float) -> str:
    """Return by how much a rate is to be lowered, as a power of ten."""
    return {1: "tenth", 2: "hundredth"}.get(math.ceil(math.log10(ratio / 0.01) - 0.5), "thousandth")


def _small_updates(moment: EpochHealth, limits: HealthLimits, start: float) -> Iterator[_Sign]:
    ratios = [layer.update_ratio for layer in moment.layers if layer.update_ratio is not None]
    known = [ratio for ratio in ratios if math.isfinite(ratio) and ratio > 0]
    hardly = math.isfinite(start) and moment.loss > limits.hardly_fallen * start
    if moment.epoch and known and len(known) == len(ratios) and hardly:
        largest = max(known)
        if largest < limits.small_update:
            yield _Sign(
                "small updates",
                _ALL,
                f"The next step changes no layer's weights by more than {largest:.1e} of their "
                f"size, and the loss has hardly fallen: from {start:.4g} to {moment.loss:.4g}.",
                "About a thousandth is good (Karpathy). Raise `learning_rate_init` tenfold and "
                'look again, or take `solver="adam"`.',
            )
