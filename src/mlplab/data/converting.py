"""From any file that is read in blocks to one Parquet file that is quick to read in blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

from mlplab._optional import require
from mlplab.data.blocks import Blocks
from mlplab.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write_parquet"]


def write_parquet(
    blocks: Blocks, file: BinaryIO, on_rows: Callable[[int], Any] | None = None
) -> None:
    """Write a table as Parquet, a row group for each block.

    Types of columns are those of the whole table, so that the file is read as what it was made
    from.

    Parameters
    ----------
    blocks : Blocks
    file : file to write to
    on_rows : callable, optional
        Is told how many rows are written, after each block.

    Raises
    ------
    DataError
        A column holds values of several types.
    """
    pyarrow = require("pyarrow", "lab", "Writing Parquet files")
    parquet = require("pyarrow.parquet", "lab", "Writing Parquet files")
    schema, n_rows = blocks.arrow_schema, 0
    with parquet.ParquetWriter(file, schema) as writer:
        for block in blocks.ahead():
            columns = [_column(pyarrow, block.frame[field.name], field.type) for field in schema]
            writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema))
            n_rows += len(block.frame)
            if on_rows is not None:
                on_rows(n_rows)


def _column(pyarrow: Any, column: pd.Series[Any], kind: Any) -> Any:
    if column.isna().all():
        return pyarrow.nulls(len(column), kind)
    try:
        return pyarrow.array(column, type=kind, from_pandas=True)
    except pyarrow.ArrowException as error:
        raise DataError(
            f"A column of a Parquet file must hold values of one type; {column.name!r} does not "
            f"({error}). Correct the values, or read the file as it is."
        ) from error
