"""Frozen nouns back from files: every field has the type that its annotation says.

A file may hold anything. What is built of it is checked here, so that a mistake is found when a
model is read and not in the middle of a prediction.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

__all__ = ["built", "check_fields", "fits"]


def built(cls: type[Any], values: Mapping[str, Any]) -> Any:
    """Return a dataclass of values from a file.

    Parameters
    ----------
    cls : type
        A dataclass.
    values : mapping of str to object
        As JSON gives them: lists stand for tuples, and whole numbers may stand for others.

    Raises
    ------
    TypeError
        A field is missing, unknown, or of another type; the message names it.

    Examples
    --------
    >>> from mlplab.results.tables import Choice
    >>> built(Choice, {"subject": "task", "value": 3, "reason": "Why."})
    Traceback (most recent call last):
    TypeError: `value` of Choice must be str; the file holds 3
    """
    check_fields(cls, values)
    return cls(**{name: _frozen(value) for name, value in values.items()})


def check_fields(cls: Any, values: Mapping[str, Any]) -> None:
    """Check fields of a dataclass; not all of them have to be there.

    Raises
    ------
    TypeError
        One is unknown or of another type; the message names it.
    """
    hints = _hints(cls)
    for name, value in values.items():
        if name not in hints:
            message = f"{cls.__name__} has no {name!r}"
            raise TypeError(message)
        if not fits(value, hints[name]):
            wanted = getattr(hints[name], "__name__", str(hints[name]))
            message = f"`{name}` of {cls.__name__} must be {wanted}; the file holds {value!r:.60}"
            raise TypeError(message)


def fits(value: Any, kind: Any) -> bool:
    """Whether a value from a file is what an annotation says.

    Examples
    --------
    >>> fits([1, 2.5], tuple[float, ...]), fits(True, int), fits(None, int | None)
    (True, False, True)
    """
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return any(fits(value, one) for one in inner)
    if origin is typing.Literal:
        return type(value) in {str, int, bool, type(None)} and value in inner
    if origin in {tuple, list}:
        return _is_sequence(value, inner)
    if kind is float:
        return type(value) is float or (type(value) is int and abs(value) < _LARGEST)
    if kind in {int, bool, str}:
        return type(value) is kind and (kind is not int or abs(value) < 2**63)
    return value is None if kind in {None, type(None)} else kind is Any


_LARGEST = int(1e308)


def _is_sequence(value: Any, inner: tuple[Any, ...]) -> bool:
    if not isinstance(value, (list, tuple)):
        return False
    if len(inner) == 1 or (len(inner) == 2 and inner[1] is Ellipsis):
        return all(fits(item, inner[0]) for item in value)
    return len(value) == len(inner) and all(map(fits, value, inner))


def _frozen(value: Any) -> Any:
    """Return lists as the tuples they were."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


@functools.cache
def _hints(cls: type[Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}
