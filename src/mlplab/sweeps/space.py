"""The space of a sweep as data: which values each parameter may take, and when."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np

from mlplab.errors import ParameterError, did_you_mean
from mlplab.results import Configuration
from mlplab.sweeps.checks import is_number
from mlplab.sweeps.identity import canonical, identity

__all__ = ["Parameter", "Range", "Space", "Values"]


@dataclass(frozen=True, slots=True)
class Values:
    """A list of values.

    Examples
    --------
    >>> Values(("relu", "tanh")).at(0.7)
    'tanh'
    """

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if isinstance(self.values, str) or not len(self.values):
            raise ParameterError(
                f"`values` must be a tuple of at least one value; got {self.values!r}. "
                "For example: ('relu', 'tanh')"
            )

    def grid(self) -> tuple[Any, ...]:
        """Return all values."""
        return self.values

    def at(self, u: float) -> Any:
        """Return the value at a place u in [0, 1), all values being equally wide."""
        return self.values[int(u * len(self.values))]


@dataclass(frozen=True, slots=True)
class Range:
    """All numbers from `low` to `high`, both included; whole numbers if both are.

    Attributes
    ----------
    low, high : int or float
    step : int or float, optional
        Only low, low + step, low + 2·step …
    n : int, optional
        Only n numbers, evenly spaced.
    log : bool
        Evenly spaced in the logarithm.

    Examples
    --------
    >>> Range(1e-4, 0.1, n=4, log=True).grid()
    (0.0001, 0.001, 0.01, 0.1)
    """

    low: float
    high: float
    step: float | None = None
    n: int | None = None
    log: bool = False

    def __post_init__(self) -> None:
        ends = (self.low, self.high)
        if not all(map(is_number, ends)) or not self.low < self.high:
            raise ParameterError(
                f"`low` and `high` must be finite numbers, the lower one first; got {ends}. "
                "For example: (0.001, 0.1)"
            )
        if self.log and self.low <= 0:
            raise ParameterError(
                f"`low` must be above 0 where numbers are spaced by their logarithm; got "
                f"{self.low!r}. Begin with a small number, or leave `log` out."
            )

    @property
    def stepped(self) -> bool:
        """Whether only some numbers between the ends belong to it."""
        return self.step is not None or self.n is not None

    @property
    def whole(self) -> bool:
        """Whether the numbers are integers."""
        return all(isinstance(v, int) for v in (self.low, self.high, self.step or 1))

    def grid(self) -> tuple[Any, ...] | None:
        """Return all numbers; None if there are infinitely many."""
        if self.step is not None:
            # In decimal, so that 0.1 + 0.2 is 0.3.
            low, step = Decimal(str(self.low)), Decimal(str(self.step))
            count = int((Decimal(str(self.high)) - low) / step) + 1
            return tuple(self._number(float(low + k * step)) for k in range(count))
        if self.n is not None:
            spaced = (np.geomspace if self.log else np.linspace)(self.low, self.high, self.n)
            return tuple(dict.fromkeys(self._number(float(f"{v:.12g}")) for v in spaced))
        return tuple(range(int(self.low), int(self.high) + 1)) if self.whole else None

    def at(self, u: float) -> Any:
        """Return the number at a place u in [0, 1)."""
        if self.stepped:
            return Values(self.grid() or ()).at(u)
        # Every whole number owns half a unit on either side.
        half = 0.5 if self.whole else 0.0
        low, high = self.low - half, self.high + half
        if self.log:
            low, high = math.log(low), math.log(high)
        value = low + u * (high - low)
        value = math.exp(value) if self.log else value
        return min(max(self._number(value), self.low), self.high)

    def _number(self, value: float) -> float:
        return round(value) if self.whole else value


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that a sweep varies.

    Attributes
    ----------
    name : str
        Dotted: ``"solver"``, ``"data.scaling"``.
    domain : Values or Range
    when : mapping of str to tuple
        For each parameter named here one of the values has to hold; else this one is left out.
    """

    name: str
    domain: Values | Range
    when: Mapping[str, tuple[Any, ...]] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ParameterError(
                f"`name` must be the name of a parameter; got {self.name!r}. For example: 'alpha'"
            )

    def active(self, configuration: Configuration) -> bool:
        """Tell whether the conditions hold."""
        return all(
            name in configuration
            and canonical(configuration[name]) in [canonical(value) for value in allowed]
            for name, allowed in (self.when or {}).items()
        )


@dataclass(frozen=True)
class Space:
    """All configurations that a sweep may train.

    Attributes
    ----------
    parameters : tuple of Parameter
    fixed : mapping
        What every configuration has besides; conditions may ask for it.
    defaults : mapping
        Values that mean the same as saying nothing, so that duplicates are seen.

    Raises
    ------
    ParameterError
        Two parameters have one name, or a condition can never be asked.

    Examples
    --------
    >>> space = Space((
    ...     Parameter("solver", Values(("sgd", "adam"))),
    ...     Parameter("momentum", Values((0.5, 0.9)), when={"solver": ("sgd",)}),
    ... ))
    >>> list(space.grid())[1:]
    [{'solver': 'sgd', 'momentum': 0.9}, {'solver': 'adam'}]
    >>> space.n_combinations
    4
    """

    parameters: tuple[Parameter, ...]
    fixed: Configuration | None = None
    defaults: Configuration | None = None

    def __post_init__(self) -> None:
        names = [parameter.name for parameter in self.parameters]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ParameterError(
                f"`sweep.space.{min(twice)}` must stand in the space once; got it "
                f"{names.count(min(twice))} times. Join the values into one list."
            )
        for parameter in self.parameters:
            _check_values(parameter)
            for name in parameter.when or {}:
                self._check_condition(parameter, name)
        self.in_order  # noqa: B018  # finds circles

    def _check_condition(self, parameter: Parameter, name: str) -> None:
        known = [p.name for p in self.parameters if p is not parameter] + list(self.fixed or {})
        if name not in known:
            raise ParameterError(
                f"`sweep.space.{parameter.name}.when` must ask for another parameter of the space "
                f"or for one that is set; got {name!r}.{did_you_mean(name, known) or _SET_IT}"
            )

    @cached_property
    def in_order(self) -> tuple[Parameter, ...]:
        """The parameters as written, but none before those that its conditions ask for."""
        by_name = {parameter.name: parameter for parameter in self.parameters}
        ordered: dict[str, Parameter] = {}

        def visit(parameter: Parameter, path: tuple[str, ...]) -> None:
            if parameter.name in path:
                raise ParameterError(
                    f"`sweep.space.{parameter.name}.when` must not ask in a circle; got "
                    f"{' → '.join((*path, parameter.name))}. Take one of the conditions away."
                )
            for name in parameter.when or {}:
                if name in by_name:
                    visit(by_name[name], (*path, parameter.name))
            ordered[parameter.name] = parameter

        for parameter in self.parameters:
            visit(parameter, ())
        return tuple(ordered.values())

    @property
    def n_combinations(self) -> int | None:
        """How many combinations there are before conditions; None if infinitely many."""
        grids = [parameter.domain.grid() for parameter in self.parameters]
        return None if None in grids else math.prod(len(grid or ()) for grid in grids)

    def identity(self, configuration: Configuration) -> str:
        """Return a text that two configurations share exactly when they train the same."""
        return identity({**(self.fixed or {}), **configuration}, self._silent)

    @cached_property
    def _silent(self) -> Configuration:
        silent: Configuration = canonical(self.defaults or {})
        return silent

    def check_finite(self) -> None:
        """Raise `ParameterError` if a range has infinitely many numbers."""
        for parameter in self.parameters:
            if parameter.domain.grid() is None:
                raise ParameterError(
                    f"`sweep.space.{parameter.name}` must have finitely many values for a grid; "
                    "got a range without steps. Add `step` or `n`, or search at random."
                )

    def grid(self) -> Iterator[dict[str, Any]]:
        """Yield every configuration once, the last parameter varying fastest."""
        self.check_finite()
        return self.distinct(self._combinations({}, self.in_order))

    def distinct(self, configurations: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Leave out configurations that train the same as one before."""
        seen: set[str] = set()
        for configuration in configurations:
            name = self.identity(configuration)
            if name not in seen:
                seen.add(name)
                yield configuration

    def _combinations(
        self, chosen: dict[str, Any], left: Sequence[Parameter]
    ) -> Iterator[dict[str, Any]]:
        if not left:
            yield self.as_written(chosen)
            return
        parameter, *rest = left
        if not parameter.active({**(self.fixed or {}), **chosen}):
            yield from self._combinations(chosen, rest)
            return
        for value in parameter.domain.grid() or ():
            yield from self._combinations({**chosen, parameter.name: value}, rest)

    def at(self, point: Sequence[float]) -> dict[str, Any]:
        """Return the configuration at a point of the unit cube, one coordinate a parameter.

        Parameters
        ----------
        point : sequence of float, of length (parameters,)
            In [0, 1), in the order in which the parameters are written.
        """
        place = dict(zip((p.name for p in self.parameters), point, strict=True))
        chosen: dict[str, Any] = {}
        for parameter in self.in_order:
            if parameter.active({**(self.fixed or {}), **chosen}):
                chosen[parameter.name] = parameter.domain.at(float(place[parameter.name]))
        return self.as_written(chosen)

    def as_written(self, chosen: Configuration) -> dict[str, Any]:
        """Return a configuration in the order in which the parameters are written."""
        return {p.name: chosen[p.name] for p in self.parameters if p.name in chosen}


_SET_IT = " Set it in [model], or add it to the space."


def _check_values(parameter: Parameter) -> None:
    if isinstance(parameter.domain, Values):
        try:
            canonical(parameter.domain.values)
        except ParameterError as cause:
            raise ParameterError(f"`sweep.space.{parameter.name}`: {cause}") from cause
