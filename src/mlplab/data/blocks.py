"""Tables that are larger than memory: files read in blocks, in their order or shuffled."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlplab._files import path_of
from mlplab.data.block_files import BlockFile, ParquetBlocks, Run, usual_rows
from mlplab.data.frames import ROW, RowError, pandas
from mlplab.data.readers import check_marks, not_there
from mlplab.data.text_blocks import TextBlocks
from mlplab.data.windows import plan_windows, read_ahead
from mlplab.errors import DataError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WINDOW", "Block", "Blocks", "blocks"]

WINDOW = 8
"""Blocks of a window."""

_PARQUET, _TEXT = frozenset({".parquet", ".pq"}), frozenset({".csv", ".tsv", ".txt", ".data"})


class Block(NamedTuple):
    """Rows that follow each other in a table.

    Attributes
    ----------
    frame : pandas.DataFrame
        The index tells the row of each in the whole table, from 0.
    run : Run
        Where it lies.
    first : int
        The first row of that run.
    """

    frame: pd.DataFrame
    run: Run
    first: int

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Let errors about a row of this block tell the row of the table, and where it is."""
        try:
            yield
        except RowError as error:
            row, run = int(self.frame.index[error.row]), self.run
            line = "" if run.line is None else f"line {run.line + row - self.first} of "
            told = error.message.replace(ROW, f"row {row + 1} ({line}{run.where})")
            raise RowError(told, row) from error

    def take(self, rows: Any) -> Block:
        """Return some of the rows, by a mask."""
        return self._replace(frame=self.frame[rows])


class Blocks:
    """A table in one or several files; make it with `blocks`.

    Parameters
    ----------
    files : sequence of BlockFile
        Their rows follow each other.
    block_rows : int

    Attributes
    ----------
    columns : tuple of str
    n_rows, n_blocks, block_rows : int
    """

    def __init__(self, files: Sequence[BlockFile], block_rows: int) -> None:
        self._files, self.block_rows = files, block_rows
        self.columns = files[0].columns
        self._runs: list[tuple[BlockFile, int, Run]] = [
            (file, at, run) for file in files for at, run in enumerate(file.runs)
        ]
        sizes = [run.n_rows for _, _, run in self._runs]
        self._first = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self._blocks = [
            1 if isinstance(file, TextBlocks) else -(-run.n_rows // block_rows)
            for file, _, run in self._runs
        ]
        self.n_rows, self.n_blocks = int(sum(sizes)), int(sum(self._blocks))

    @property
    def longest_run(self) -> int:
        """Blocks of the longest stretch that can only be read from its beginning."""
        return max(self._blocks)

    @property
    def arrow_schemas(self) -> list[Any]:
        """Names and types of the columns of each file, as pyarrow tells them."""
        return [file.arrow_schema for file in self._files]

    def tables(self) -> Iterator[Any]:
        """Read all blocks in the order of the table, as tables of pyarrow."""
        for file, at, _ in self._runs:
            yield from file.tables(at, self.block_rows)

    def __iter__(self) -> Iterator[Block]:
        """Read all blocks in the order of the table."""
        for run in range(len(self._runs)):
            yield from self._read(run, 0)

    def ahead(self, start: int = 0) -> Iterator[Block]:
        """Read blocks in the order of the table, the next one while this one is used.

        Parameters
        ----------
        start : int
            The first block that is wanted.
        """
        return read_ahead(self._from(start))

    def _from(self, start: int) -> Iterator[Block]:
        for run, n_blocks in enumerate(self._blocks):
            if start < n_blocks:
                yield from self._read(run, start)
            start = max(0, start - n_blocks)

    def _read(self, run: int, start: int) -> Iterator[Block]:
        file, at, known = self._runs[run]
        row = first = int(self._first[run])
        for place, frame in enumerate(file.frames(at, self.block_rows)):
            if place >= start:
                frame.index = pandas().RangeIndex(row, row + len(frame))
                yield Block(frame, known, first)
            row += len(frame)

    def count_windows(self, window: int = WINDOW) -> int:
        """Return how many windows an epoch has."""
        return -(-self.n_blocks // window)

    def windows(
        self, *, seed: int = 0, epoch: int = 0, window: int = WINDOW, start: int = 0,
        shuffle: bool = True,
    ) -> Iterator[list[Block]]:  # fmt: skip
        """Read the windows of an epoch, each as its blocks; see `mlplab.data.windows`.

        Parameters
        ----------
        seed, epoch : int
        window : int
            Blocks of a window.
        start : int
            The first window that is wanted; those before are not read where that is possible.
        shuffle : bool
        """
        plan = plan_windows(self._blocks, window=window, seed=seed, epoch=epoch, shuffle=shuffle)
        reading: dict[int, Iterator[Block]] = {}
        for pieces in plan[start:]:
            found = []
            for run, block in pieces:
                if run not in reading:
                    reading[run] = self._read(run, block)
                found.append(next(reading[run]))
                if block + 1 == self._blocks[run]:
                    del reading[run]
            yield found

    def shuffled(
        self, *, seed: int = 0, epoch: int = 0, window: int = WINDOW
    ) -> Iterator[pd.DataFrame]:
        """Yield all rows of the table in a random order, a window of blocks at a time.

        The runs of the table are put in a new order, `window` blocks are held at a time, and
        their rows are permuted. The same seed and epoch give the same order.

        Parameters
        ----------
        seed, epoch : int
            Decide the order.
        window : int
            Blocks of a window.

        Yields
        ------
        pandas.DataFrame
            The index tells the row of each in the table, from 0.
        """
        epoch_windows = self.windows(seed=seed, epoch=epoch, window=window)
        for number, found in enumerate(read_ahead(epoch_windows)):
            frame = pandas().concat([block.frame for block in found])
            rng = np.random.default_rng((seed, epoch, number))
            yield frame.iloc[rng.permutation(len(frame))]


def blocks(
    path: str | Path | Sequence[str | Path],
    *,
    block_rows: int | None = None,
    **options: Any,
) -> Blocks:
    r"""Open a table that is read in blocks, whatever its size.

    Parameters
    ----------
    path : str or Path, or sequence of them
        A Parquet, CSV or TSV file, a folder of such files (in the order of their names), or
        several files. Text is looked through once, so that its lines are counted and types belong
        to the whole table.
    block_rows : int, optional
        Rows of a block at the most; about as many of a file of text. 65,536 if left out, less
        for more than 64 columns.
    **options
        How text is written: `separator`, `decimal`, `header`, `encoding`, as for `read`.

    Returns
    -------
    Blocks

    Raises
    ------
    DataError
        There is no such file, it cannot be read or begun in its middle, it has no row, or the
        files have different columns.
    ParameterError
        `block_rows` is no positive number, or an option is none.

    Examples
    --------
    >>> import tempfile
    >>> from mlplab import data
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.csv").write_text("x,y\n" + "1,2\n" * 10)
    ...     table = data.blocks(f"{folder}/a.csv", block_rows=4)
    ...     sizes = [len(block.frame) for block in table]
    >>> table.n_rows, table.columns, sum(sizes)
    (10, ('x', 'y'), 10)
    """
    if block_rows is not None and (isinstance(block_rows, bool) or block_rows < 1):
        raise ParameterError(
            f"`block_rows` must be a number of rows from 1; got {block_rows!r}. Leave it out."
        )
    _check_options(options)
    files = [_open(place, block_rows, options) for place in _places(path)]
    _check_alike(files)
    for file in files:
        file.same_types(files)
    n_columns = max(1, len(files[0].columns))
    table = Blocks(files, block_rows or usual_rows(n_columns))
    if not table.n_rows:
        raise DataError(
            "A table must have at least one row; this one holds only the names of its "
            f"{n_columns} columns. Add rows."
        )
    return table


def _check_options(options: Mapping[str, Any]) -> None:
    known = {"separator", "decimal", "header", "encoding"}
    for name in options:
        if name not in known:
            raise ParameterError(
                f"`{name}` is no option of reading; the options are {', '.join(sorted(known))}. "
                "Leave it out."
            )
    check_marks(options.get("separator"), options.get("decimal"))


def _places(path: str | Path | Sequence[str | Path]) -> list[Path]:
    given = [path] if isinstance(path, (str, Path)) else list(path)
    places: list[Path] = []
    for one in given:
        place = path_of(one)
        places += _in_folder(place) if place.is_dir() else [place]
    for place in places:
        if not place.is_file():
            raise DataError(not_there(place))
    if not places:
        raise DataError("A table must have at least one file; got none. Name one.")
    return places


def _in_folder(folder: Path) -> list[Path]:
    found = sorted(
        place
        for place in folder.iterdir()
        if place.suffix.lower() in _PARQUET | _TEXT and not place.name.startswith((".", "_"))
    )
    if not found:
        raise DataError(
            f"A folder of a table must hold Parquet, CSV or TSV files; {str(folder)!r} holds none. "
            "Check the path."
        )
    return found


def _open(place: Path, block_rows: int | None, options: Mapping[str, Any]) -> Any:
    if place.suffix.lower() in _PARQUET:
        return ParquetBlocks(place, options)
    return TextBlocks(place, options, block_rows)


def _check_alike(files: Sequence[Any]) -> None:
    first = files[0]
    for file in files[1:]:
        if type(file) is not type(first) or file.columns != first.columns:
            raise DataError(
                "All files of a table must be of one kind and have the same columns in the same "
                f"order; {file.path.name} differs from {first.path.name}. Read them one by one."
            )
