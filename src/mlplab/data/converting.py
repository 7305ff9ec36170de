"""From any file that is read in blocks to one Parquet file that is quick to read in blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

from mlplab._optional import require
from mlplab.data.blocks import Blocks
from mlplab.errors import DataError

__all__ = ["write_parquet"]


def write_parquet(
    blocks: Blocks, file: BinaryIO, on_rows: Callable[[int], Any] | None = None
) -> None:
    """Write a table as Parquet, a row group for each block.

    A column has the type that all its values fit into, in all files, so that the file is read as
    what it was made from.

    Parameters
    ----------
    blocks : Blocks
    file : file to write to
    on_rows : callable, optional
        Is told how many rows are written, after each block.

    Raises
    ------
    DataError
        The files have columns of one name whose types have nothing in common, or numbers of a
        text are too large for their type.
    """
    pyarrow = require("pyarrow", "lab", "Writing Parquet files")
    parquet = require("pyarrow.parquet", "lab", "Writing Parquet files")
    schema, n_rows = _common_schema(pyarrow, blocks), 0
    with parquet.ParquetWriter(file, schema) as writer:
        for table in blocks.tables():
            writer.write_table(_with_types(pyarrow, table, schema))
            n_rows += len(table)
            if on_rows is not None:
                on_rows(n_rows)


def _common_schema(pyarrow: Any, blocks: Blocks) -> Any:
    try:
        return pyarrow.unify_schemas(blocks.arrow_schemas, promote_options="permissive")
    except pyarrow.ArrowException as error:
        raise DataError(
            f"The files of a table must have columns of the same types; these do not ({error}). "
            "Convert them one by one."
        ) from error


def _with_types(pyarrow: Any, table: Any, schema: Any) -> Any:
    if table.schema.equals(schema):
        return table
    try:
        return table.select(schema.names).cast(schema)
    except pyarrow.ArrowException as error:
        raise DataError(
            f"The values of a column must fit into its type in all files; some do not ({error}). "
            "Convert the files one by one."
        ) from error
