"""The environment variables that mlplab reads, in one place.

========================  ===================================================================
``MLPLAB_DATA``           folder that holds public data sets, searched before any download
``MLPLAB_CACHE``          folder for downloads; the user's cache folder if unset
``MLPLAB_ENGINE``         engine that ``engine="auto"`` chooses, if it can carry out the plan
``MLPLAB_ISA``            instruction set of the native engine: sse2, avx2, avx512 or neon
``MLPLAB_TORCH_DEVICE``   device of the PyTorch engine: cpu, cuda or cuda:N
========================  ===================================================================
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder", "data_folder", "preferred_engine"]


def data_folder() -> Path | None:
    """Return the folder named by ``MLPLAB_DATA``, or None."""
    value = os.environ.get("MLPLAB_DATA")
    return Path(value).expanduser() if value else None


def cache_folder() -> Path:
    """Return the folder in which downloads are kept."""
    value = os.environ.get("MLPLAB_CACHE")
    if value:
        return Path(value).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mlplab"


def preferred_engine() -> str | None:
    """Return the engine named by ``MLPLAB_ENGINE``, or None."""
    return os.environ.get("MLPLAB_ENGINE") or None
