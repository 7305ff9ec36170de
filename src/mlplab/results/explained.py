"""What explains a network: a checked gradient and a description."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mlplab.results.layout import (
    html_table,
    json_ready,
    markdown_table,
    number,
    text_table,
)

__all__ = [
    "GradientReport",
    "GradientRow",
    "LayerDescription",
    "NetworkDescription",
]


@dataclass(frozen=True, slots=True)
class GradientRow:
    """The check of one array of parameters, or of one direction through all of them.

    Attributes
    ----------
    layer, array : str
        ``"hidden 1"`` or ``"output"``, and ``"weight"`` or ``"bias"``; of the random direction
        ``"all layers"`` and ``"direction"``.
    n_parameters, n_checked : int
        Size of the array, and how many of its entries were compared.
    n_refined : int
        Entries compared with a smaller step, because a kink or strong curvature lay within the
        usual one.
    n_left_out : int
        Entries not compared, because a kink lies within every step.
    maximum : float
        Largest absolute difference.
    relative : float
        ``‖a − n‖ / (‖a‖ + ‖n‖)``; 0 where both are zero.
    worst : str
        The entry with the largest difference, ``"weight[0, 1]"``; empty if none was compared.
    worst_analytic, worst_numeric : float
        Its derivative by formula and by differences.
    passed : bool
        Whether the two gradients agree.
    verdict : str
        The outcome in words.
    inconclusive : bool
        Whether so few entries could be compared that their agreement tells too little; such a
        row has not passed.
    """

    layer: str
    array: str
    n_parameters: int
    n_checked: int
    n_refined: int
    n_left_out: int
    maximum: float
    relative: float
    worst: str
    worst_analytic: float
    worst_numeric: float
    passed: bool
    verdict: str
    inconclusive: bool = False


@dataclass(frozen=True, slots=True)
class GradientReport:
    """Whether the derivatives of a network are the derivatives of its objective.

    Attributes
    ----------
    rows : tuple of GradientRow
        Weight and bias of every layer, apart.
    tolerance : float
        Largest relative difference that counts as agreement.
    notes : tuple of str
        What was checked and how, in sentences.
    """

    rows: tuple[GradientRow, ...]
    tolerance: float
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every row agrees, and enough of each could be compared."""
        return all(row.passed for row in self.rows)

    @property
    def verdict(self) -> str:
        """The outcome in one sentence."""
        failed = _names(row for row in self.rows if not (row.passed or row.inconclusive))
        unsure = _names(row for row in self.rows if row.inconclusive)
        if failed:
            return f"The gradient check failed for {failed}."
        if unsure:
            return (
                f"The gradient check is inconclusive for {unsure}: too few entries could be "
                "compared. Check with other rows or other weights."
            )
        worst = max(row.relative for row in self.rows)
        total = sum(row.n_checked for row in self.rows)
        return (
            f"The gradient check passed: {total:,} derivatives compared, the largest relative "
            f"difference of an array is {worst:.1e} (allowed {self.tolerance:.0e})."
        )

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        headers = ["layer", "array", "checked", "max. difference", "rel. difference"]
        headers += ["worst", "by formula", "by differences", "verdict"]
        rows = [
            [
                *(row.layer, row.array, f"{row.n_checked:,} of {row.n_parameters:,}"),
                *(f"{row.maximum:.1e}", f"{row.relative:.1e}", row.worst or "none"),
                *(number(row.worst_analytic), number(row.worst_numeric), row.verdict),
            ]
            for row in self.rows
        ]
        return headers, rows

    def to_text(self) -> str:
        """Return verdict, table and notes for a terminal."""
        table = text_table(*self._cells(), frozenset({2, 3, 4, 6, 7}))
        return "\n".join([self.verdict, "", table, "", *self.notes]).rstrip()

    def to_markdown(self) -> str:
        """Return verdict, table and notes in Markdown."""
        table = markdown_table(*self._cells(), frozenset({2, 3, 4, 6, 7}))
        return "\n".join([self.verdict, "", table, "", *(f"- {n}" for n in self.notes)]).rstrip()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        fields = dataclasses.asdict(self)
        return {"passed": self.passed, "verdict": self.verdict, **json_ready(fields)}

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        table = html_table(*self._cells(), frozenset({2, 3, 4, 6, 7}))
        return _html_block([self.verdict], table, self.notes)


@dataclass(frozen=True, slots=True)
class LayerDescription:
    """One layer of a network.

    Attributes
    ----------
    name, kind : str
        ``"hidden 1"`` or ``"output"``, and what kind of layer it is, ``"dense"`` for example.
    n_inputs, n_units : int
    activation : str
        What its units apply to their sums; at the output the link of the loss, where known.
    dropout : float
        Share of its units dropped while training.
    n_weights, n_biases : int
    """

    name: str
    kind: str
    n_inputs: int
    n_units: int
    activation: str
    dropout: float
    n_weights: int
    n_biases: int

    @property
    def n_parameters(self) -> int:
        """Weights and biases together."""
        return self.n_weights + self.n_biases


@dataclass(frozen=True, slots=True)
class NetworkDescription:
    """A network in figures and in words.

    Attributes
    ----------
    layers : tuple of LayerDescription
    link, loss : str or None
        The function from raw predictions to predictions, and the loss, where known.
    training : tuple of str
        How it was trained, by which engine and why, in sentences; empty before training.
    """

    layers: tuple[LayerDescription, ...]
    link: str | None = None
    loss: str | None = None
    training: tuple[str, ...] = ()

    @property
    def units(self) -> tuple[int, ...]:
        """Numbers of units from the input to the output."""
        return (self.layers[0].n_inputs, *(layer.n_units for layer in self.layers))

    @property
    def shape(self) -> str:
        """The units as people write them, ``"2-2-1"``."""
        return "-".join(map(str, self.units))

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return sum(layer.n_parameters for layer in self.layers)

    @property
    def summary(self) -> str:
        """The network in one sentence."""
        weights = sum(layer.n_weights for layer in self.layers)
        biases = self.n_parameters - weights
        hidden = len(self.layers) - 1
        return (
            f"A {self.shape} network: {_count(self.units[0], 'input')}, "
            f"{_count(hidden, 'hidden layer') if hidden else 'no hidden layer'}, "
            f"{_count(self.units[-1], 'output')}; {_count(self.n_parameters, 'parameter')} to "
            f"learn ({_count(weights, 'weight')} and {_count(biases, 'bias', 'biases')})."
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """Link and loss where known, and how the network was trained."""
        link = f"Its predictions are {self.link} of the last layer's sums." if self.link else ""
        loss = f"It learns by the loss {self.loss}." if self.loss else ""
        return (*(sentence for sentence in (link, loss) if sentence), *self.training)

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        headers = ["layer", "kind", "inputs → units", "activation", "dropout"]
        headers += ["weights", "biases", "parameters"]
        rows = [
            [
                *(layer.name, layer.kind, f"{layer.n_inputs} → {layer.n_units}"),
                *(layer.activation, f"{layer.dropout:g}" if layer.dropout else "none"),
                *(f"{layer.n_weights:,}", f"{layer.n_biases:,}", f"{layer.n_parameters:,}"),
            ]
            for layer in self.layers
        ]
        weights = sum(layer.n_weights for layer in self.layers)
        totals = (weights, self.n_parameters - weights, self.n_parameters)
        rows.append(["total", "", "", "", "", *(f"{total:,}" for total in totals)])
        return headers, rows

    def to_text(self) -> str:
        """Return summary, table and remarks for a terminal."""
        table = text_table(*self._cells(), frozenset({2, 4, 5, 6, 7}))
        return "\n".join([self.summary, "", table, "", *self.sentences]).rstrip()

    def to_markdown(self) -> str:
        """Return summary, table and remarks in Markdown."""
        table = markdown_table(*self._cells(), frozenset({2, 4, 5, 6, 7}))
        remarks = [f"- {sentence}" for sentence in self.sentences]
        return "\n".join([self.summary, "", table, "", *remarks]).rstrip()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        fields = json_ready(dataclasses.asdict(self))
        counts = {"units": list(self.units), "n_parameters": self.n_parameters}
        return {"summary": self.summary, **counts, **fields}

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        table = html_table(*self._cells(), frozenset({2, 4, 5, 6, 7}))
        return _html_block([self.summary], table, self.sentences)


def _names(rows: Iterable[GradientRow]) -> str:
    return ", ".join(f"{row.array} of {row.layer}" for row in rows)


def _count(count: int, noun: str, plural: str = "") -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _html_block(head: Sequence[str], table: str, notes: Sequence[str]) -> str:
    before = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in head)
    after = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in notes)
    return f"{before}{table}<ul>{after}</ul>" if after else before + table
