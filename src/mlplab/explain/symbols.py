"""Two ways to name the numbers of a network.

- ``"deep_learning"``: z is a sum, a is what the activation makes of it; both are counted within
  their layer, whose number stands above: ``a₂⁽¹⁾``. In a network of one unit a layer the number
  of the layer is enough: ``z₁, a₁, z₂``, with weights ``w₁, w₂`` and biases ``b₁, b₂``.
- ``"pattern_recognition"`` (Bishop, 2006, section 5.1): a is a sum, z is what the activation makes
  of it; units are counted through the whole network; ``w₃₁`` leads from unit 1 to unit 3 and
  ``w₃₀`` is the bias of unit 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from mlplab.errors import ParameterError, did_you_mean

__all__ = ["Notation", "Symbols", "get_symbols"]

Notation: TypeAlias = Literal["deep_learning", "pattern_recognition"]

_LOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_HIGH = str.maketrans("0123456789()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾")


def _low(*indices: int) -> str:
    # From ten on, 1 and 11 could be 11 and 1.
    separator = "," if max(indices) > 9 else ""
    return separator.join(map(str, indices)).translate(_LOW)


def get_symbols(notation: str, units: tuple[int, ...]) -> Symbols:
    """Return the symbols of a notation for a network of these sizes.

    Raises
    ------
    ParameterError
        There is no notation of this name.
    """
    known = get_args(Notation)
    if notation not in known:
        message = (
            f"`notation` must be one of {', '.join(known)}; got {notation!r}."
            f"{did_you_mean(str(notation), known)}"
        )
        raise ParameterError(message)
    return Symbols(units, through=notation == "pattern_recognition")


@dataclass(frozen=True, slots=True)
class Symbols:
    """The symbols of one notation for one network; layers and units count from 1.

    Parameters
    ----------
    units : tuple of int
        Numbers of units from the input to the output.
    through : bool
        Whether units are counted through the whole network.

    Examples
    --------
    >>> symbols = get_symbols("pattern_recognition", (2, 2, 1))
    >>> symbols.sum(2, 1), symbols.value(2, 1), symbols.weight(2, 1, 2), symbols.bias(2, 1)
    ('a₃', 'z₃', 'w₃₂', 'w₃₀')
    """

    units: tuple[int, ...]
    through: bool

    @property
    def loss(self) -> str:
        """Letter of the loss of a row."""
        return "E" if self.through else "L"

    @property
    def bias_first(self) -> bool:
        """Whether a sum begins with the bias."""
        return self.through

    @property
    def _narrow(self) -> bool:
        return max(self.units) == 1

    def _number(self, layer: int, unit: int) -> int:
        return sum(self.units[1:layer]) + unit

    def _of_unit(self, letter: str, layer: int, unit: int) -> str:
        if self.through:
            return letter + _low(self._number(layer, unit))
        if self._narrow:
            return letter + _low(layer)
        return letter + _low(unit) + f"({layer})".translate(_HIGH)

    def _at_the_edge(self, letter: str, count: int, unit: int) -> str:
        return letter if count == 1 else letter + _low(unit)

    def input(self, feature: int) -> str:
        """Symbol of a feature."""
        return self._at_the_edge("x", self.units[0], feature)

    def target(self, output: int) -> str:
        """Symbol of a target."""
        return self._at_the_edge("y", self.units[-1], output)

    def prediction(self, output: int) -> str:
        """Symbol of a prediction."""
        if self.through:
            return self.value(len(self.units) - 1, output)
        return self._at_the_edge("ŷ", self.units[-1], output)

    def sum(self, layer: int, unit: int) -> str:
        """Symbol of what a unit's activation is applied to."""
        return self._of_unit("a" if self.through else "z", layer, unit)

    def value(self, layer: int, unit: int) -> str:
        """Symbol of what a unit hands on."""
        return self._of_unit("z" if self.through else "a", layer, unit)

    def thinned(self, layer: int, unit: int) -> str:
        """Symbol of what dropout leaves of it."""
        return self._of_unit("z\u0303" if self.through else "a\u0303", layer, unit)

    def mask(self, layer: int, unit: int) -> str:
        """Symbol of dropout's factor, 0 or 1/(1−rate)."""
        return self._of_unit("m", layer, unit)

    def delta(self, layer: int, unit: int) -> str:
        """Symbol of the derivative of a row's loss with respect to a unit's sum."""
        return self._of_unit("δ", layer, unit)

    def bias(self, layer: int, unit: int) -> str:
        """Symbol of a bias."""
        if self.through:
            return "w" + _low(self._number(layer, unit), 0)
        return self._of_unit("b", layer, unit)

    def weight(self, layer: int, unit: int, source: int) -> str:
        """Symbol of the weight that leads to a unit from a unit of the layer before."""
        if self.through:
            before = source if layer == 1 else self._number(layer - 1, source)
            return "w" + _low(self._number(layer, unit), before)
        if self._narrow:
            return "w" + _low(layer)
        return "w" + _low(unit, source) + f"({layer})".translate(_HIGH)

    def legend(self) -> tuple[tuple[str, str], ...]:
        """Return symbols and what they mean."""
        last = len(self.units) - 1
        if self.through:
            counting = "units are counted through the network"
        elif self._narrow:
            counting = "the number is the layer's"
        else:
            counting = "the number above is the layer's"
        weight = "weight" if self._narrow else "weight, to the unit named first from the second"
        return (
            (self.input(1), "input"),
            (self.sum(1, 1), f"sum that a unit receives; {counting}"),
            (self.value(1, 1), "what its activation makes of the sum"),
            (self.weight(last, 1, 1), weight),
            (self.bias(1, 1), "bias"),
            (self.prediction(1), "prediction"),
            (self.target(1), "target"),
            (self.loss, "loss of one row"),
            (self.delta(last, 1), f"derivative of {self.loss} with respect to the unit's sum"),
            ("η", "learning rate"),
        )
