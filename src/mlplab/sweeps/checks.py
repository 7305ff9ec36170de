"""Rules that several parts of a sweep share, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mlplab.errors import ParameterError, did_you_mean

__all__ = ["check_integer", "check_name", "check_number", "is_number"]


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number; True and False are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def check_integer(name: str, value: Any, least: int) -> None:
    """Raise `ParameterError` unless a value is an integer of at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ParameterError(
            f"`sweep.{name}` must be an integer of at least {least}; got {value!r}. "
            f"For example: {max(least, 3)}"
        )


def check_name(name: str, value: Any, valid: Sequence[str]) -> None:
    """Raise `ParameterError` unless a value is one of some names."""
    if value not in valid:
        hint = did_you_mean(str(value), valid) or f" The default is {valid[0]!r}."
        raise ParameterError(
            f"`sweep.{name}` must be one of {', '.join(valid)}; got {value!r}.{hint}"
        )


def check_number(name: str, value: Any, above: float) -> None:
    """Raise `ParameterError` unless a value is a finite number above `above`."""
    if not is_number(value) or value <= above:
        raise ParameterError(
            f"`sweep.{name}` must be a number above {above:g}; got {value!r}. "
            f"For example: {above + 2:g}"
        )
