"""The record of a cell: one line of JSON that is whole, or visibly is not.

A line ends with the checksum (CRC-32) of everything before it. A kill or a full disk may leave the
beginning of a line; its checksum is missing or wrong, and it counts as never written.
"""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlplab.results import Cell, CellResult, Curve
from mlplab.sweeps.identity import canonical

__all__ = ["from_line", "to_line"]

_SUM = b',"crc":"%08x"}'
_SUM_LENGTH = len(_SUM % 0)


def to_line(result: CellResult) -> bytes:
    """Return the record of a cell, with a newline at its end.

    Curves are kept as the bytes of their numbers: half as long as digits, and ten times as fast.
    """
    cell = result.cell
    record = {
        "key": cell.key,
        "configuration": canonical(cell.configuration),
        "seed": cell.seed,
        "fold": cell.fold,
        "epochs": cell.epochs,
        "status": result.status,
        "reason": result.reason,
        "scores": {name: _finite(value) for name, value in result.scores.items()},
        "n_epochs": result.n_epochs,
        "seconds": round(result.seconds, 6),
        "attempt": result.attempt,
        "curve": {name: _pack(column) for name, column in (result.curve or {}).items()},
    }
    body = json.dumps(record, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    beginning = body.encode()[:-1]
    return beginning + _SUM % zlib.crc32(beginning) + b"\n"


def from_line(line: bytes, *, curve: bool = False) -> CellResult | None:
    """Return what a line says, with or without its curve; None if the line is not whole."""
    line = line.rstrip(b"\n")
    beginning, checksum = line[:-_SUM_LENGTH], line[-_SUM_LENGTH:]
    if checksum != _SUM % zlib.crc32(beginning):
        return None
    record = json.loads(line)
    cell = Cell(*(record[name] for name in ("key", "configuration", "seed", "fold", "epochs")))
    return CellResult(
        cell,
        record["status"],
        {name: math.nan if v is None else v for name, v in record["scores"].items()},
        record["n_epochs"],
        seconds=record["seconds"],
        reason=record["reason"],
        attempt=record["attempt"],
        curve=_unpack_all(record["curve"]) if curve else None,
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _pack(column: Any) -> str:
    return base64.b64encode(np.asarray(column, dtype="<f8").tobytes()).decode()


def _unpack_all(packed: Mapping[str, str]) -> Curve:
    return {name: np.frombuffer(base64.b64decode(text), "<f8") for name, text in packed.items()}
