"""Files that are read a stretch of rows at a time: the contract, and Parquet by its row groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mlplab._optional import require
from mlplab.data.frames import check_names
from mlplab.data.readers import refuse_for_parquet
from mlplab.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BLOCK_ROWS", "BlockFile", "ParquetBlocks", "Run", "usual_rows"]

BLOCK_ROWS = 65_536
"""Rows of a block at the most."""

_BLOCK_VALUES = 2**22
_BUFFERS = 2**23  # bytes that pyarrow reads at once, of all columns together


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of rows that is read from its beginning.

    Attributes
    ----------
    n_rows : int
    where : str
        For messages: ``"row group 3 of big.parquet"``, or the name of a file of text.
    start, n_bytes, first_line : int
        Where it lies in a file of text; the first line of the file is 1.
    line : int or None
        The line of its first row, where each row is a line.
    """

    n_rows: int
    where: str
    start: int = 0
    n_bytes: int = 0
    first_line: int = 0
    line: int | None = None


def usual_rows(n_columns: int) -> int:
    """Return how many rows a block has, so that it takes a few dozen megabytes at the most."""
    return min(BLOCK_ROWS, max(256, _BLOCK_VALUES // max(1, n_columns)))


class BlockFile(Protocol):
    """A file that can be begun at each of its runs."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        ...

    @property
    def runs(self) -> tuple[Run, ...]:
        """The stretches of rows, in the order of the file; none is empty."""
        ...

    def frames(self, run: int, block_rows: int) -> Iterator[pd.DataFrame]:
        """Yield the rows of a run, so many at a time."""
        ...

    def same_types(self, others: Sequence[Any]) -> None:
        """Let columns have the types that they would have in one file with others."""
        ...

    @property
    def arrow_schema(self) -> Any:
        """Names and types of the columns, as pyarrow tells them."""
        ...

    def tables(self, run: int, block_rows: int) -> Iterator[Any]:
        """Yield the rows of a run as tables of pyarrow, so many at a time."""
        ...


class ParquetBlocks:
    """A Parquet file; each row group is a run.

    Parameters
    ----------
    path : Path
    options : mapping
        What was said about reading; it has to be nothing.

    Raises
    ------
    DataError
        The file is not readable, or two columns have the same name.
    """

    def __init__(self, path: Path, options: Mapping[str, Any]) -> None:
        refuse_for_parquet(path, options)
        self.path, self._parquet = path, require("pyarrow.parquet", "lab", "Reading Parquet files")
        with _telling(self.path):
            self._n_columns = self._parquet.read_metadata(path).num_columns
            file = self._open()
            self.with_gaps = _columns_with_gaps(file)
            groups = [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)]
            schema = file.schema_arrow
            empty = schema.empty_table().to_pandas().reset_index(drop=True)
        self._groups = [at for at, n_rows in enumerate(groups) if n_rows]
        self.columns = tuple(str(name) for name in empty.columns)
        check_names(list(self.columns))
        kept = [schema.field(schema.get_field_index(str(name))) for name in self.columns]
        self.arrow_schema = require("pyarrow", "lab", "Reading Parquet files").schema(kept)
        self.runs = tuple(
            Run(groups[at], f"row group {at + 1} of {path.name}") for at in self._groups
        )

    def _open(self) -> Any:
        size = max(2**12, _BUFFERS // max(1, self._n_columns))
        return self._parquet.ParquetFile(self.path, pre_buffer=False, buffer_size=size)

    def tables(self, run: int, block_rows: int) -> Iterator[Any]:
        """Yield the rows of a row group as tables of pyarrow, so many at a time."""
        pyarrow = require("pyarrow", "lab", "Reading Parquet files")
        with _telling(self.path):
            # A file object of its own: several row groups are read side by side.
            groups = [self._groups[run]]
            batches = self._open().iter_batches(block_rows, row_groups=groups, use_threads=False)
            yield from _of_equal_length(pyarrow, batches, block_rows)

    def frames(self, run: int, block_rows: int) -> Iterator[pd.DataFrame]:
        """Yield the rows of a row group, so many at a time."""
        with _telling(self.path):
            for table in self.tables(run, block_rows):
                yield self._to_frame(table)

    def _to_frame(self, table: Any) -> pd.DataFrame:
        frame: pd.DataFrame = table.to_pandas(split_blocks=True).reset_index(drop=True)
        frame.columns = [str(name) for name in frame.columns]
        # Integers with gaps are floats for pandas, so they are in the blocks without any.
        gaps = {name: "float64" for name in self.with_gaps if name in frame.columns}
        return frame.astype(gaps) if gaps else frame

    def same_types(self, others: Sequence[ParquetBlocks]) -> None:
        """Take over which columns have gaps in other files."""
        self.with_gaps = self.with_gaps.union(*(other.with_gaps for other in others))


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """Say of what pyarrow raises which file it is about."""
    pyarrow = require("pyarrow", "lab", "Reading Parquet files")
    try:
        yield
    except DataError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"A Parquet file must be readable by pyarrow; {path.name} is not ({error}). "
            "Write the file again, or check that it is Parquet."
        ) from error


def _of_equal_length(pyarrow: Any, batches: Iterator[Any], n_rows: int) -> Iterator[Any]:
    """Yield tables of so many rows, whatever the batches have."""
    held: list[Any] = []
    for batch in batches:
        held.append(batch)
        while sum(len(part) for part in held) >= n_rows:
            table = pyarrow.Table.from_batches(held)
            yield table.slice(0, n_rows)
            held = table.slice(n_rows).to_batches()
    if sum(len(part) for part in held):
        yield pyarrow.Table.from_batches(held)


def _columns_with_gaps(file: Any) -> frozenset[str]:
    """Return the columns of integers in which a value is missing anywhere."""
    types = require("pyarrow", "lab", "Reading Parquet files").types
    schema, metadata = file.schema_arrow, file.metadata
    found = set()
    for field in schema:
        if types.is_integer(field.type):
            at = [metadata.schema.column(k).path for k in range(metadata.num_columns)]
            place = at.index(field.name)
            groups = [metadata.row_group(g).column(place) for g in range(file.num_row_groups)]
            known = [g.statistics for g in groups]
            if all(s is not None and s.has_null_count for s in known):
                n_missing = sum(s.null_count for s in known)
            else:
                batches = file.iter_batches(columns=[field.name])
                n_missing = sum(batch.column(0).null_count for batch in batches)
            if n_missing:
                found.add(str(field.name))
    return frozenset(found)
