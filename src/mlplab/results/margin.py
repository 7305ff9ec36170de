"""The margin of a linear classifier, and the rows that lie on it."""

from __future__ import annotations

from dataclasses import dataclass

from mlplab.results.layout import number
from mlplab.results.sections import Section

__all__ = ["Margin", "SupportVector"]

_MOST = 40


@dataclass(frozen=True, slots=True)
class SupportVector:
    """A row on the margin or beyond it.

    Attributes
    ----------
    row : int
        Its number among the rows that were asked, from 0.
    values : tuple of float
    label : str
    decision : float
        wᵀx + b.
    """

    row: int
    values: tuple[float, ...]
    label: str
    decision: float


@dataclass(frozen=True, slots=True)
class Margin:
    """The line wᵀx + b = 0 of two classes, and how far from it the nearest rows lie.

    Attributes
    ----------
    weight : tuple of float
        w.
    bias : float
        b.
    margin : float
        1/‖w‖, the distance from the line to wᵀx + b = ±1.
    support : tuple of SupportVector
        Rows with −1 ≤ wᵀx + b ≤ 1 within the tolerance, or on the wrong side: those that hold the
        line where it is.
    inside : int
        How many of them lie within the margin or on the wrong side.
    tolerance : float
    feature_names : tuple of str
    """

    weight: tuple[float, ...]
    bias: float
    margin: float
    support: tuple[SupportVector, ...]
    inside: int
    tolerance: float
    feature_names: tuple[str, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """Line, margin and support vectors in words."""
        n = len(self.support)
        line = f"w = ({', '.join(map(number, self.weight))}), b = {number(self.bias)}."
        told = [
            line,
            f"The margin 1/‖w‖ is {number(self.margin)}.",
            f"{n} row{' holds' if n == 1 else 's hold'} the line: there wᵀx + b is +1 or −1 to "
            f"within {self.tolerance:g}" + (", or the row lies inside." if self.inside else "."),
        ]
        if self.inside:
            verb = "row lies" if self.inside == 1 else "rows lie"
            told.append(
                f"{self.inside} {verb} within the margin or on the wrong side: the margin is soft."
            )
        return tuple(told)

    def section(self) -> Section:
        """Return sentences and the table of support vectors for a report."""
        rows = [
            (str(one.row + 1), *map(number, one.values), one.label, number(one.decision))
            for one in self.support[:_MOST]
        ]
        headers = ("training row", *self.feature_names, "class", "wᵀx + b")
        numbers = tuple(k for k, name in enumerate(headers) if k != len(headers) - 2)
        return Section("margin", "Margin", self.sentences, headers, tuple(rows), numbers)
