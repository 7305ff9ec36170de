"""Whether a table fits into the memory that is there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from mlplab._optional import require

__all__ = ["available_memory", "is_too_large"]

SHARE = 0.5
"""Part of the available memory that a table may take, with all copies that are made of it."""

_COPIES = 3  # as it was read, as it was prepared, and what is between them
_TEXT_GROWS = 2  # an object for each word, eight bytes for each number
_TABLES = frozenset({".parquet", ".pq", ".csv", ".tsv", ".txt", ".data"})


def available_memory() -> int | None:
    """Return how many bytes can be taken without swapping; None where nobody tells."""
    known = []
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found = next(line for line in lines if line.startswith("MemAvailable:"))
        known.append(int(found.split()[1]) * 1024)
    with contextlib.suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text(encoding="ascii"))
        known.append(limit - int((group / "memory.current").read_text(encoding="ascii")))
    if not known:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            known.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    return max(0, min(known)) if known else None


def is_too_large(path: Path) -> bool:
    """Tell whether a file, or a folder of files, had better be read in blocks.

    The table is estimated by the number of its values in Parquet, and by the size of text.
    """
    places = sorted(path.iterdir()) if path.is_dir() else [path]
    tables = [place for place in places if place.suffix.lower() in _TABLES and place.is_file()]
    needed = sum(map(_bytes_of, tables)) * _COPIES
    available = available_memory()
    return available is not None and needed > SHARE * available


def _bytes_of(path: Path) -> int:
    if path.suffix.lower() not in {".parquet", ".pq"}:
        return path.stat().st_size * _TEXT_GROWS
    parquet = require("pyarrow.parquet", "lab", "Reading Parquet files")
    try:
        known = parquet.read_metadata(path)
    except (OSError, ValueError):
        return 0  # reading it will say what is wrong
    return int(known.num_rows * known.num_columns * 8)
