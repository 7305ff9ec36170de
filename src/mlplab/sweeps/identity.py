"""When two trainings are the same: values in one form, and hashes of them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlplab.errors import ParameterError
from mlplab.results import Configuration

__all__ = ["canonical", "cell_key", "fingerprint", "identity"]

# Raised when the meaning of a cell changes, so that old records are not taken for new ones.
_FORMAT = 1


def canonical(value: Any) -> Any:
    """Return a value as JSON says it, in the one form that all equal values share.

    Tuples are lists, NumPy's numbers Python's, 1.0 is 1. Objects with `get_params` (estimators)
    and frozen data (optimisers) are told by class and parameters, functions and classes by name.

    Raises
    ------
    ParameterError
        Nobody could tell this value again.

    Examples
    --------
    >>> canonical({"hidden": (64, 32), "alpha": 1.0})
    {'hidden': [64, 32], 'alpha': 1}
    """
    if isinstance(value, (np.generic, np.ndarray)):
        return canonical(value.tolist())
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [canonical(item) for item in value]
    return _object(value)


def _number(value: float) -> Any:
    if not math.isfinite(value):
        return {"number": repr(value)}  # JSON has no word for it
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _object(value: Any) -> Any:
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if hasattr(value, "__qualname__") and "<" not in value.__qualname__:  # no lambda, no closure
        return {"name": f"{value.__module__}.{value.__qualname__}"}
    if hasattr(value, "get_params"):
        return {"class": name, **canonical(value.get_params(deep=False))}
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return {"class": name, **{f.name: canonical(getattr(value, f.name)) for f in fields}}
    raise ParameterError(
        "A value of a sweep must be a number, a text, a list, a table, an estimator, a function "
        f"with a name or frozen data, so that it can be told again; got {type(value).__name__}. "
        "Pass the name of it."
    )


def identity(configuration: Configuration, defaults: Configuration | None = None) -> str:
    """Return a text that two configurations share exactly when they train the same.

    Parameters
    ----------
    configuration : mapping
    defaults : mapping, optional
        Values, in `canonical` form, that mean the same as saying nothing; they leave no trace in
        the text.
    """
    silent = defaults or {}
    told = canonical(configuration)
    said = {name: value for name, value in told.items() if not _equal(silent, name, value)}
    return _text(said)


def _equal(silent: Mapping[str, Any], name: str, value: Any) -> bool:
    if name not in silent or type(silent[name]) is not type(value):
        return False  # True == 1 in Python
    if isinstance(value, (list, dict)):
        return _text(silent[name]) == _text(value)
    return bool(silent[name] == value)


def cell_key(configuration_identity: str, rows: str, seed: int, epochs: int | None) -> str:
    """Return the hash of everything that decides what comes out of a cell, 32 hex digits.

    Parameters
    ----------
    configuration_identity : str
        From `identity`, of everything that the trainer is set to.
    rows : str
        A fingerprint of the data, and of which rows train and validate.
    seed : int
    epochs : int or None
        Where the training pauses.
    """
    parts = [_FORMAT, configuration_identity, rows, seed, epochs]
    return hashlib.sha256(_text(parts).encode()).hexdigest()[:32]


def fingerprint(*parts: Any) -> str:
    """Return the hash of data: arrays, sparse rows, frames, texts and what JSON can say.

    Examples
    --------
    >>> fingerprint(np.zeros((2, 3)), "train") == fingerprint(np.zeros((3, 2)), "train")
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        _feed(digest, part)
    return digest.hexdigest()[:32]


def _feed(digest: Any, part: Any) -> None:
    if hasattr(part, "tocsr"):  # sparse rows
        rows = part.tocsr()
        for array in (np.asarray(rows.shape), rows.data, rows.indices, rows.indptr):
            _feed(digest, array)
    elif hasattr(part, "columns") and hasattr(part, "__getitem__"):  # a frame
        for name in part.columns:
            digest.update(_text(["column", str(name)]).encode())
            _feed(digest, part[name].to_numpy())
    elif hasattr(part, "to_numpy"):  # a column
        _feed(digest, part.to_numpy())
    elif isinstance(part, np.ndarray) and part.dtype != object:
        digest.update(_text([part.dtype.str, part.shape]).encode())
        digest.update(np.ascontiguousarray(part).data)
    elif isinstance(part, np.ndarray):
        digest.update(_text(["objects", part.shape, [str(v) for v in part.ravel()]]).encode())
    else:
        digest.update(_text(canonical(part)).encode())


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
