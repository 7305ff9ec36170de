"""On what a run was made."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

__all__ = ["environment"]

_PACKAGES = ("mlplab", "numpy", "scipy", "scikit-learn")


def environment() -> dict[str, Any]:
    """Return versions and machine, JSON-ready; no name of a host, a user or a folder.

    Returns
    -------
    dict
        Versions under ``"python"``, ``"mlplab"``, ``"numpy"``, ``"scipy"``, ``"scikit-learn"``
        (None where not installed), ``"platform"``, ``"machine"`` and ``"cpu_count"`` (processors
        that this process may use, where the system tells).

    Examples
    --------
    >>> sorted(environment())[:3]
    ['cpu_count', 'machine', 'mlplab']
    """
    return {
        "python": platform.python_version(),
        **{package: _version(package) for package in _PACKAGES},
        # Not platform.platform(): the release of a kernel built at home may carry names.
        "platform": platform.system(),
        "machine": platform.machine(),
        "cpu_count": _cpu_count(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_count() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()
