"""Every number of a pass, line by line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, TypeAlias

from mlplab.results.layout import (
    formula_to_latex,
    html_table,
    json_ready,
    markdown_table,
    number,
)

__all__ = ["Phase", "Trace", "TraceLine"]

Phase: TypeAlias = Literal["forward", "loss", "backward", "gradient", "update"]
"""Where in a step a number belongs."""


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One number of a pass: its symbol, its formula, the formula with numbers, its value.

    Attributes
    ----------
    step : int
        Counts the updates from 1.
    sample : int or None
        The row of the data, counting from 1; None for what belongs to the whole batch.
    phase : {"forward", "loss", "backward", "gradient", "update"}
    layer : int or None
        Counts the layers with weights from 1; None for inputs and the loss.
    symbol, formula, substituted : str
        ``a₁``, ``w₁₀ + w₁₁·x₁``, ``0.1 + 0.2·1``. The formula is empty for what is given.
    value : float
    """

    step: int
    sample: int | None
    phase: Phase
    layer: int | None
    symbol: str
    formula: str
    substituted: str
    value: float

    def to_text(self) -> str:
        """Return symbol, formula and numbers as one equation."""
        return f"{self.symbol} {self._sign} {' = '.join(self._right_sides())}"

    def to_latex(self) -> str:
        """Return the equation as a line of LaTeX, aligned at its first sign."""
        sign = r"\leftarrow" if self._sign == "←" else "="
        right = " = ".join(map(formula_to_latex, self._right_sides()))
        return f"{formula_to_latex(self.symbol)} &{sign} {right}"

    @property
    def _sign(self) -> str:
        # A weight is given a new value in terms of its old one; everything else is defined.
        return "←" if self.phase == "update" else "="

    def _right_sides(self) -> list[str]:
        parts = (self.formula, self.substituted, number(self.value))
        return [part for i, part in enumerate(parts) if part and part not in parts[i + 1 :]]


@dataclass(frozen=True, slots=True)
class Trace:
    """Every number of some training steps.

    Attributes
    ----------
    lines : tuple of TraceLine
        In the order of the calculation.
    legend : tuple of (str, str)
        Symbols and what they mean.
    notation : str
    initial, final : tuple of (str, float)
        Symbol and value of each parameter before the first and after the last step, in the order
        of the network's flat vector.
    """

    lines: tuple[TraceLine, ...]
    legend: tuple[tuple[str, str], ...]
    notation: str
    initial: tuple[tuple[str, float], ...]
    final: tuple[tuple[str, float], ...]

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[TraceLine]:
        return iter(self.lines)

    def value(self, symbol: str, step: int | None = None, sample: int | None = None) -> float:
        """Return the last value of a symbol, in one step or for one sample where given.

        Parameters
        ----------
        symbol : str
            As in the table; plain digits may stand for raised and lowered ones (``"w10"``).
        step, sample : int, optional

        Raises
        ------
        KeyError
            No line has this symbol there.
        """
        wanted = _plain_digits(symbol)
        for line in reversed(self.lines):
            here = step in {None, line.step} and sample in {None, line.sample}
            if here and _plain_digits(line.symbol) == wanted:
                return line.value
        raise KeyError(symbol)

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        headers = ["step", "sample", "phase", "layer", "symbol", "formula", "numbers", "value"]
        rows = [
            [
                *(str(line.step), "" if line.sample is None else str(line.sample), line.phase),
                *("" if line.layer is None else str(line.layer), line.symbol, line.formula),
                *(line.substituted, number(line.value)),
            ]
            for line in self.lines
        ]
        return headers, rows

    def _blocks(self) -> Iterator[tuple[str, list[TraceLine]]]:
        """Yield the lines that belong together, under what they are."""
        keys = groupby(self.lines, lambda line: (line.step, line.sample, line.phase))
        for (step, sample, phase), lines in keys:
            whose = "" if sample is None else f", sample {sample}"
            yield f"Step {step}{whose}: {phase}", list(lines)

    def to_text(self) -> str:
        """Return one equation a line, under headings, for a terminal."""
        blocks = [
            "\n".join([title, *(f"  {line.to_text()}" for line in lines)])
            for title, lines in self._blocks()
        ]
        symbols = "\n".join(["Symbols", *(f"  {name}: {text}" for name, text in self.legend)])
        return "\n\n".join([symbols, *blocks])

    def to_markdown(self) -> str:
        """Return the table of symbols and the table of all numbers in Markdown."""
        legend = markdown_table(["symbol", "meaning"], self.legend)
        return f"{legend}\n\n{markdown_table(*self._cells(), frozenset({0, 1, 3, 7}))}"

    def to_latex(self, *, standalone: bool = False) -> str:
        """Return aligned equations; they need the package amsmath.

        Parameters
        ----------
        standalone : bool
            Return a whole document instead of a part of one.
        """
        parts = []
        for title, lines in self._blocks():
            body = " \\\\\n".join(f"  {line.to_latex()}" for line in lines)
            parts.append(f"\\paragraph{{{title}}}\n\\begin{{align*}}\n{body}\n\\end{{align*}}")
        content = "\n\n".join(parts)
        if not standalone:
            return content
        head = (
            "\\documentclass{article}\n\\usepackage{amsmath}\n"
            "\\usepackage[landscape,margin=1cm]{geometry}\n\\allowdisplaybreaks\n"
        )
        return f"{head}\\begin{{document}}\n{content}\n\\end{{document}}\n"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        fields: dict[str, Any] = json_ready(dataclasses.asdict(self))
        return fields

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        legend = html_table(["symbol", "meaning"], self.legend)
        return legend + html_table(*self._cells(), frozenset({0, 1, 3, 7}))


_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾", "01234567890123456789()")


def _plain_digits(symbol: str) -> str:
    return symbol.translate(_DIGITS)
