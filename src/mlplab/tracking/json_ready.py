"""Values as JSON says them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import math
import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from mlplab.errors import DataError

__all__ = ["json_text", "to_json_ready"]


def to_json_ready(value: Any) -> Any:
    """Return a value as mappings, lists, strings, numbers, booleans and None.

    NumPy's scalars and arrays become Python's, numbers that are not finite become None, tuples
    and sets (sorted) lists, enumerations their names, dataclasses mappings, paths and dates text.

    Parameters
    ----------
    value : object
        What to write; objects with a method `to_dict` are asked for it.

    Raises
    ------
    DataError
        JSON has no word for it.

    Examples
    --------
    >>> to_json_ready({"loss": float("nan"), 3: (1, 2)})
    {'loss': None, '3': [1, 2]}
    """
    if isinstance(value, enum.Enum):
        return value.name
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (np.generic, np.ndarray)):
        return to_json_ready(value.tolist())
    if isinstance(value, (dt.date, os.PathLike)):
        return value.isoformat() if isinstance(value, dt.date) else os.fspath(value)
    return _container(value)


def json_text(value: Any) -> str:
    """Return strict JSON with two spaces of indentation and a newline at the end."""
    return json.dumps(to_json_ready(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _container(value: Any) -> Any:
    if hasattr(value, "to_dict") and not isinstance(value, type):
        return to_json_ready(value.to_dict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: to_json_ready(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {_key(key): to_json_ready(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((to_json_ready(item) for item in value), key=repr)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [to_json_ready(item) for item in value]
    message = (
        f"A value must be made of numbers, text, lists and mappings to be written as JSON; "
        f"got {type(value).__name__}. Write its text with str(value), or leave it out."
    )
    raise DataError(message)


def _key(key: Any) -> str:
    plain = to_json_ready(key)
    return plain if isinstance(plain, str) else json.dumps(plain)
