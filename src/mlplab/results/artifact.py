"""A trained model as plain data, ready to be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlplab._typing import AnyArray

__all__ = ["ModelArtifact"]


@dataclass(frozen=True, slots=True)
class ModelArtifact:
    """Everything a model needs to predict, as JSON-ready header and named arrays.

    Attributes
    ----------
    kind : str
        Which class reads it back, ``"MLPClassifier"`` for example.
    header : mapping
        Numbers, strings, lists and mappings only.
    arrays : mapping of str to ndarray
        Weights and other arrays, by name.
    """

    kind: str
    header: Mapping[str, Any]
    arrays: Mapping[str, AnyArray]
