"""A history as Parquet, and back."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

from mlplab._optional import require
from mlplab.errors import DataError
from mlplab.results import EpochRecord, History

__all__ = ["history_from_parquet", "history_to_parquet"]

_PURPOSE = "Keeping a history"


def history_to_parquet(history: History) -> bytes:
    """Return the bytes of a Parquet file with one row an epoch and one column a figure.

    A figure that was not taken (None) is null; one that is not finite stays NaN or infinity.
    """
    pyarrow = require("pyarrow", "lab", _PURPOSE)
    parquet = require("pyarrow.parquet", "lab", _PURPOSE)
    schema = pyarrow.schema(
        [(name, pyarrow.int64() if name == "epoch" else pyarrow.float64()) for name in _names()]
    )
    sink = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pydict(history.to_columns(), schema=schema), sink)
    return sink.getvalue()


def history_from_parquet(content: bytes, path: Path) -> History:
    """Read a history back.

    Parameters
    ----------
    content : bytes
        The bytes of the file.
    path : Path
        Where they come from, for the message.

    Raises
    ------
    DataError
        The bytes are no Parquet file, or one without the columns of a history.
    """
    pyarrow = require("pyarrow", "lab", _PURPOSE)
    parquet = require("pyarrow.parquet", "lab", _PURPOSE)
    try:
        table = parquet.read_table(pyarrow.BufferReader(content), columns=_names())
        rows: list[dict[str, Any]] = table.to_pylist()
        return History.of(EpochRecord(**row) for row in rows)
    except (pyarrow.ArrowException, OSError, TypeError) as cause:
        message = (
            f"A history must be a Parquet file with the columns {', '.join(_names())}; "
            f"got {str(path)!r}, which cannot be read as one. Run the study again."
        )
        raise DataError(message) from cause


def _names() -> list[str]:
    return [field.name for field in dataclasses.fields(History)]
