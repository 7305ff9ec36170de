"""The environment variables that mlplab reads, in one place.

========================  ===================================================================
``MLPLAB_DATA``           folder that holds public data sets, searched before any download
``MLPLAB_CACHE``          folder for downloads; the user's cache folder if unset
``MLPLAB_ENGINE``         engine that ``engine="auto"`` chooses, if it can carry out the plan
``MLPLAB_ISA``            instruction set of the native engine: sse2, avx2, avx512 or neon
``MLPLAB_TORCH_DEVICE``   device of the PyTorch engine: cpu, cuda or cuda:N
``OMP_NUM_THREADS``       most threads where nothing else is said, as for other libraries; joblib's
                          processes and the workers of Dask and Ray are started with it
========================  ===================================================================
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder", "data_folder", "preferred_engine", "usual_threads"]


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


def usual_threads() -> int:
    """Return how many threads to use where nobody has said: as many as there are processors for.

    ``OMP_NUM_THREADS`` may say fewer. Several workers on one machine are told by it to share the
    processors, and a user tells all libraries by it at once.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    # "4,2" would be the limits of nested levels; anything that is no number is left to others.
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(processors, max(1, int(wanted))) if wanted.isdecimal() else processors
