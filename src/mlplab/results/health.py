"""How well the layers of a network are, at one moment or over a training."""

from __future__ import annotations

import dataclasses
import html
import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from mlplab.results.layout import html_table, json_ready, markdown_table, text_table

__all__ = ["Ailment", "EpochHealth", "HealthFinding", "HealthLimits", "HealthReport", "LayerHealth"]

Ailment: TypeAlias = Literal[
    "not finite",
    "identical units",
    "dead units",
    "saturated units",
    "same answer",
    "vanishing gradients",
    "exploding gradients",
    "large updates",
    "small updates",
]


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """From where on something is called ill.

    Only the ratio of update to weight has a number in the literature, and only as a rule of
    thumb. The other limits lie outside of what networks show that learn well: on scikit-learn's
    bundled data sets the signal of the first layer was between 0.004 and 14 times that of the
    output in networks of one to ten hidden layers with the default initial weights.

    Attributes
    ----------
    dead : float
        Share of a layer's units; learning rates that are too high were seen to kill 40 %
        (Karpathy).
    saturated : float
        Share of a layer's units. Where most are, little gradient passes (Glorot and Bengio, 2010).
    identical : float
        Share of a layer's units that have a twin. Twins learn alike for ever (Goodfellow et al.,
        2016, section 8.4).
    vanishing, exploding : float
        Signal of the first layer over that of the output; 1 is ideal (Glorot and Bengio, 2010).
    large_update : float
        Change of a layer's weights in one step over the weights; about 0.001 is good (Karpathy).
    small_update : float
        The same, of every layer, in a training whose loss has hardly fallen.
    hardly_fallen : float
        Last loss over the first, from where on it has hardly fallen.

    References
    ----------
    Glorot, X. and Bengio, Y. (2010). Understanding the difficulty of training deep feedforward
    neural networks. AISTATS. Goodfellow, I., Bengio, Y. and Courville, A. (2016). Deep Learning.
    Karpathy, A. CS231n, notes on neural networks, parts 1 and 3. https://cs231n.github.io/
    """

    dead: float = 0.4
    saturated: float = 0.5
    identical: float = 0.5
    vanishing: float = 1e-3
    exploding: float = 100.0
    large_update: float = 0.5
    small_update: float = 1e-4
    hardly_fallen: float = 0.9


@dataclass(frozen=True, slots=True)
class LayerHealth:
    """The figures of one layer with weights.

    Attributes
    ----------
    layer : str
        ``"hidden 1"`` or ``"output"``.
    activation : str or None
        None at the output.
    n_units : int
    mean, deviation : float
        Mean of what its units give, and standard deviation over the rows (root of the mean over
        the units of the variances); at the output of the raw predictions.
    dead : int
        Units of an activation that is flat on one side (relu, elu, gelu …) whose slope is below a
        twentieth of the steepest at every row; with relu, that give 0 for every row.
    saturated : int
        Units of an activation that is flat on both sides (logistic, tanh) whose slope is so low
        at 95 % of the rows or more.
    identical : int
        Units of a hidden layer that have a twin: the same weights, bias and outgoing weights.
    weight_norm, gradient_norm : float
        Euclidean norms of its weights and of the objective's derivatives with respect to them.
    signal : float
        What the backward pass brings to its sums z: root of the mean over rows of ``‖∂ℓ/∂z‖²``,
        the loss ℓ of a row.
    update_ratio : float or None
        Norm of what the next step adds to its weights over `weight_norm`. NaN where all weights
        are zero; None with L-BFGS, whose steps are not made of one gradient.
    """

    layer: str
    activation: str | None
    n_units: int
    mean: float
    deviation: float
    dead: int
    saturated: int
    identical: int
    weight_norm: float
    gradient_norm: float
    signal: float
    update_ratio: float | None


@dataclass(frozen=True, slots=True)
class EpochHealth:
    """The figures of all layers after an epoch.

    Attributes
    ----------
    epoch : int
        0 is the start.
    loss : float
        Objective over the rows that were looked at.
    layers : tuple of LayerHealth
    same_answer : bool
        Whether every row gets the same prediction.
    """

    epoch: int
    loss: float
    layers: tuple[LayerHealth, ...]
    same_answer: bool = False

    @property
    def signal_ratio(self) -> float:
        """Signal of the first layer over that of the output; NaN where there is none."""
        first, last = self.layers[0].signal, self.layers[-1].signal
        return first / last if last > 0 else math.nan

    @property
    def is_finite(self) -> bool:
        """Whether loss, gradients and weights are finite numbers."""
        figures = [self.loss]
        for layer in self.layers:
            figures += [layer.weight_norm, layer.gradient_norm, layer.deviation]
        return all(map(math.isfinite, figures))


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """Something that is not well.

    Attributes
    ----------
    ailment : str
        What it is, in two words.
    layers : tuple of str
        Where; ``"the network"`` where it is of no single layer.
    epochs : tuple of int
        After which of the epochs that were looked at.
    sentence : str
        What was seen, the last time.
    advice : str
        What to try.
    """

    ailment: Ailment
    layers: tuple[str, ...]
    epochs: tuple[int, ...]
    sentence: str
    advice: str


@dataclass(frozen=True, slots=True)
class HealthReport:
    """How well a network is, layer by layer.

    Attributes
    ----------
    epochs : tuple of EpochHealth
        At least one, in order; the last is the present.
    findings : tuple of HealthFinding
        What is not well, or was not, the gravest first.
    limits : HealthLimits
    notes : tuple of str
        On which rows, and how, in sentences.
    """

    epochs: tuple[EpochHealth, ...]
    findings: tuple[HealthFinding, ...]
    limits: HealthLimits = HealthLimits()
    notes: tuple[str, ...] = ()

    @property
    def last(self) -> EpochHealth:
        """The figures after the last epoch that was looked at."""
        return self.epochs[-1]

    @property
    def present(self) -> tuple[HealthFinding, ...]:
        """The findings that hold after the last epoch."""
        return tuple(finding for finding in self.findings if self.last.epoch in finding.epochs)

    @property
    def healthy(self) -> bool:
        """Whether nothing is found wrong after the last epoch."""
        return not self.present

    @property
    def verdict(self) -> str:
        """The outcome in one sentence."""
        if not self.findings:
            several = f"at any of {len(self.epochs)} epochs" if len(self.epochs) > 1 else "now"
            return f"Nothing is wrong with the layers {several}."
        if not self.present:
            names = _listed(finding.ailment for finding in self.findings)
            return f"Nothing is wrong with the layers now; earlier there were {names}."
        names = _listed(finding.ailment for finding in self.present)
        return f"Something is wrong after epoch {self.last.epoch:,}: {names}."

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        headers = ["layer", "activation", "units", "values", "dead", "saturated", "identical"]
        headers += ["gradient", "signal", "update/weight"]
        rows = [
            [
                *(layer.layer, layer.activation or "none", f"{layer.n_units:,}"),
                f"{layer.mean:.2g} ± {layer.deviation:.2g}",
                *(_count(layer.dead), _count(layer.saturated), _count(layer.identical)),
                *(f"{layer.gradient_norm:.1e}", f"{layer.signal:.1e}", _ratio(layer.update_ratio)),
            ]
            for layer in self.last.layers
        ]
        return headers, rows

    def _epoch_cells(self) -> tuple[list[str], list[list[str]]]:
        headers = ["epoch", "loss", "dead", "saturated", "first signal/last", "update/weight"]
        rows = []
        for moment in self.epochs:
            dead = sum(layer.dead for layer in moment.layers)
            saturated = sum(layer.saturated for layer in moment.layers)
            known = [ratio for ratio in _ratios(moment) if math.isfinite(ratio)]
            span = f"{min(known):.1e} to {max(known):.1e}" if known else "unknown"
            row = [f"{moment.epoch:,}", f"{moment.loss:.4g}", _count(dead), _count(saturated)]
            rows.append([*row, f"{moment.signal_ratio:.1e}", span])
        return headers, rows

    def _lines(self) -> list[str]:
        return [f"{finding.sentence} {finding.advice}" for finding in self.findings]

    def to_text(self) -> str:
        """Return verdict, findings and tables for a terminal."""
        right = frozenset(range(2, 10))
        parts = [self.verdict, *(f"- {line}" for line in self._lines()), ""]
        parts += [f"After epoch {self.last.epoch:,}:", "", text_table(*self._cells(), right)]
        if len(self.epochs) > 1:
            parts += ["", text_table(*self._epoch_cells(), frozenset(range(6)))]
        return "\n".join([*parts, "", *self.notes]).rstrip()

    def to_markdown(self) -> str:
        """Return verdict, findings and tables in Markdown."""
        right = frozenset(range(2, 10))
        parts = [self.verdict, "", *(f"- {line}" for line in self._lines())]
        parts += [
            "",
            f"After epoch {self.last.epoch:,}:",
            "",
            markdown_table(*self._cells(), right),
        ]
        if len(self.epochs) > 1:
            parts += ["", markdown_table(*self._epoch_cells(), frozenset(range(6)))]
        return "\n".join([*parts, "", *(f"- {note}" for note in self.notes)]).rstrip()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready values; numbers that are not finite become None."""
        fields = json_ready(dataclasses.asdict(self))
        return {"healthy": self.healthy, "verdict": self.verdict, **fields}

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in (*self._lines(), *self.notes))
        table = html_table(*self._cells(), frozenset(range(2, 10)))
        return f"<p>{html.escape(self.verdict)}</p>{table}<ul>{items}</ul>"


def _ratios(moment: EpochHealth) -> list[float]:
    return [layer.update_ratio for layer in moment.layers if layer.update_ratio is not None]


def _ratio(ratio: float | None) -> str:
    if ratio is None:
        return "no single step"
    return "weights are 0" if math.isnan(ratio) else f"{ratio:.1e}"


def _count(count: int) -> str:
    return f"{count:,}" if count else "0"


def _listed(names: Any) -> str:
    return ", ".join(dict.fromkeys(names))
