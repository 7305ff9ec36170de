"""Formulas as text, once with symbols and once with numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from mlplab.nn import (
    AbsoluteError,
    BinaryCrossEntropy,
    BinaryHinge,
    CategoricalCrossEntropy,
    Loss,
    Poisson,
    ProbabilitySquaredError,
    SquaredError,
    get_activation,
)
from mlplab.results.layout import number

__all__ = [
    "activation_formula",
    "activation_name",
    "activation_numbers",
    "factor",
    "loss_formula",
    "output_delta",
    "shown_sum",
    "slope_formula",
    "total",
]

# Longer sums are shortened in the middle.
_LONGEST_SUM = 8


def factor(value: float) -> str:
    """Return a number that can stand beside any sign.

    Examples
    --------
    >>> factor(0.5), factor(-2.0)
    ('0.5', '(-2)')
    """
    return number(value) if value + 0.0 >= 0 else f"({number(value)})"


def shown_sum(terms: Sequence[str], *, left_out: bool) -> str:
    """Return a sum; where terms were left out, an ellipsis stands before the last."""
    return " + ".join([*terms[:-1], "…", terms[-1]] if left_out else terms)


def total(count: int, term: Callable[[int], str]) -> str:
    """Return the sum of ``term(0)`` to ``term(count − 1)``, long ones shortened in the middle.

    Examples
    --------
    >>> total(2, str), total(100, str)
    ('0 + 1', '0 + 1 + 2 + 3 + 4 + … + 99')
    """
    if count <= _LONGEST_SUM:
        return shown_sum([term(i) for i in range(count)], left_out=False)
    return shown_sum([term(i) for i in (0, 1, 2, 3, 4, count - 1)], left_out=True)


def activation_name(function: str) -> str:
    """Return how an activation is called in formulas."""
    return {"logistic": "σ"}.get(get_activation(function).name, function)


def activation_formula(function: str, symbol: str) -> str:
    """Return an activation of a symbol."""
    short = {"identity": "{}", "relu": "max(0, {})"}
    template = short.get(get_activation(function).name)
    return template.format(symbol) if template else f"{activation_name(function)}({symbol})"


def activation_numbers(function: str, value: float) -> str:
    """Return the formula of an activation with a number in it.

    Examples
    --------
    >>> activation_numbers("logistic", -0.5)
    '1/(1+exp(-(-0.5)))'
    """
    formula = get_activation(function).formula
    # The letter z by itself; ² beside it is no letter.
    return re.sub(r"(?<![A-Za-z])z(?![A-Za-z_])", lambda _: factor(value), formula)


def slope_formula(function: str, sum_: str, value: str) -> str:
    """Return the derivative of an activation where it is short, otherwise nothing."""
    short = {
        "identity": "1",
        "logistic": "{value}·(1 - {value})",
        "tanh": "1 - {value}²",
        "relu": "1 if {sum_} > 0 else 0",
    }
    template = short.get(get_activation(function).name, "")
    return template.format(sum_=sum_, value=value)


_LOSSES: dict[type, str] = {
    AbsoluteError: "|{p} - {y}|",
    BinaryCrossEntropy: "-{y}·log({p}) - (1 - {y})·log(1 - {p})",
    BinaryHinge: "max(0, 1 - (2·{y} - 1)·{raw})",
    CategoricalCrossEntropy: "-{y}·log({p})",
    ProbabilitySquaredError: "½·({p} - {y})²",
    SquaredError: "½·({p} - {y})²",
}
_CANONICAL = (BinaryCrossEntropy, CategoricalCrossEntropy, Poisson, SquaredError)
"""Losses whose derivative with respect to the raw prediction is prediction minus target."""


def _is_plain(loss: Loss) -> bool:
    smoothing = getattr(loss, "label_smoothing", 0.0)
    return not smoothing and getattr(loss, "label_weights", None) is None


def loss_formula(loss: Loss, p: Sequence[str], raw: Sequence[str], y: Sequence[str]) -> str:
    """Return the loss of a row in predictions, raw predictions and targets, as text."""
    template = _LOSSES.get(type(loss)) if _is_plain(loss) else None
    if template is None:
        return f"{loss.name}({', '.join(raw)}; {', '.join(y)})"
    braced = "({})" if len(p) > 1 else "{}"
    return total(len(p), lambda i: braced.format(template.format(p=p[i], raw=raw[i], y=y[i])))


def output_delta(loss: Loss, p: str, y: str) -> str:
    """Return the derivative of a row's loss with respect to a raw prediction, if it is short."""
    if isinstance(loss, _CANONICAL) and _is_plain(loss):
        return f"{p} - {y}"
    if isinstance(loss, ProbabilitySquaredError) and loss.link == "logistic":
        return f"({p} - {y})·{p}·(1 - {p})"
    return ""
