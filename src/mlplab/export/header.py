"""The header of a model file: strict JSON, from which the same values come back.

Strict JSON has no infinity and no NaN, which a model may well contain (``tol=-inf``); they are
written as a mapping with the one key ``"$number"``. Whoever has such keys of his own is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlplab.errors import ParameterError

__all__ = ["decoded", "encoded"]

_MARK = "$number"


def encoded(value: Any, where: str = "header") -> Any:
    """Return a value of a header as strict JSON can hold it.

    NumPy's scalars become Python's and tuples lists; everything else comes back as it was.

    Raises
    ------
    ParameterError
        Something else than numbers, text, booleans, None, lists and mappings with text as keys.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {_MARK: repr(float(value))}
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if isinstance(value, Mapping):
        return {_key(key, where): encoded(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
        return [encoded(item, f"{where}[{i}]") for i, item in enumerate(value)]
    message = (
        f"The header of a model must be numbers, text, lists and mappings; got "
        f"{type(value).__name__} at `{where}`. Put arrays among the `arrays`, and write other "
        "things as text."
    )
    raise ParameterError(message)


def decoded(value: Any) -> Any:
    """Return what `encoded` was given.

    Examples
    --------
    >>> decoded(encoded({"tol": -float("inf"), "sizes": (3, 2)}))
    {'tol': -inf, 'sizes': [3, 2]}
    """
    if isinstance(value, dict):
        if value.keys() == {_MARK}:
            return float(value[_MARK])
        return {key: decoded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decoded(item) for item in value]
    return value


def _key(key: object, where: str) -> str:
    if type(key) is not str or key == _MARK:
        message = (
            f"Keys in the header of a model must be text other than {_MARK!r}; got {key!r} at "
            f"`{where}`. Write a list of pairs instead."
        )
        raise ParameterError(message)
    return key
