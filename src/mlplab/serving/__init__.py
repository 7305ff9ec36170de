"""Predictions over HTTP from a saved model: raw rows in, answers in the words of the table out.

`serve` runs a server until Ctrl-C; `build_app` gives the application alone, for another server or
for tests. Both need the extra ``serve``.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Limits": "mlplab.serving.limits",
    "build_app": "mlplab.serving.application",
    "serve": "mlplab.serving.running",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605  (one table of names)


def __getattr__(name: str) -> Any:
    """Load a name when it is first used."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
