"""Frozen nouns back from JSON."""

from __future__ import annotations

import dataclasses
import enum
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

__all__ = ["revive"]


def revive(kind: Any, value: Any) -> Any:
    """Return what a JSON value stands for, by the annotation of the noun.

    Parameters
    ----------
    kind : type or annotation
        A dataclass, a tuple of them, an optional one, an enumeration, or a plain type.
    value : object
        As `mlplab.tracking.to_json_ready` gives it: enumerations by name, NaN as None.

    Raises
    ------
    KeyError, TypeError, ValueError
        The value does not fit.

    Examples
    --------
    >>> from mlplab.results import Choice
    >>> revive(tuple[Choice, ...], [{"subject": "task", "value": "regression", "reason": "Why."}])
    (Choice(subject='task', value='regression', reason='Why.'),)
    """
    origin = typing.get_origin(kind)
    if origin in {typing.Union, types.UnionType}:
        return _member(typing.get_args(kind), value)
    if origin is tuple:
        return _tuple(typing.get_args(kind), value)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        names = [field.name for field in dataclasses.fields(kind) if field.name in value]
        return kind(**{name: revive(hints[name], value[name]) for name in names})
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind[value]
    if kind is float:
        return math.nan if value is None else float(value)
    return value


def _tuple(kinds: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(revive(kinds[0], item) for item in value)
    return tuple(revive(kind, item) for kind, item in zip(kinds, value, strict=True))


def _member(kinds: tuple[Any, ...], value: Any) -> Any:
    if value is None and type(None) in kinds:
        return None
    nouns: list[Any] = [kind for kind in kinds if dataclasses.is_dataclass(kind)]
    if nouns and isinstance(value, Mapping):
        # The members of our unions differ in their fields.
        for noun in nouns:
            if {field.name for field in dataclasses.fields(noun)} <= set(value):
                return revive(noun, value)
        raise ValueError(f"none of {[noun.__name__ for noun in nouns]} has these fields")
    plain = [kind for kind in kinds if kind is not type(None)]
    return revive(plain[0], value) if len(plain) == 1 else value
