"""Data sets by name, and large files in a form that is quick to read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlplab import data as data_room
from mlplab._files import path_of, written_atomically
from mlplab.data import NameInfo
from mlplab.data.converting import write_parquet
from mlplab.errors import ParameterError
from mlplab.results import Dataset
from mlplab.workflows.predicting import check_out, check_suffix, write_table
from mlplab.workflows.progress import clock
from mlplab.workflows.sources import checked_options

__all__ = ["data_convert", "data_get", "data_list"]


def data_list() -> tuple[NameInfo, ...]:
    """Return all named data sets, with where each would come from now.

    Examples
    --------
    >>> "iris" in [info.name for info in data_list()]
    True
    """
    return data_room.names()


def data_get(name: str, out: str | Path | None = None, *, seed: int = 0) -> Dataset:
    """Fetch a data set, so that it is at hand later, and write it to a file if asked.

    Parameters
    ----------
    name : str
    out : str or Path, optional
        A name that ends in .csv, .tsv, .parquet or .pq. A test part goes beside it, with
        ``-test`` behind the name.
    seed : int, default=0
        For generated data sets.

    Raises
    ------
    DataError
        There is no such data set, or it cannot be had.
    ParameterError
        `out` has another suffix.
    OutputError
        The file cannot be written.
    """
    path = None if out is None else path_of(out, "out")
    if path is not None:
        check_suffix(path)
    found = data_room.load(name, seed=seed)
    if path is not None:
        write_table(found.frame, path)
        if found.test_frame is not None:
            write_table(found.test_frame, path.with_stem(f"{path.stem}-test"))
    return found


def data_convert(
    source: str | Path,
    out: str | Path,
    *,
    reading: Mapping[str, Any] | None = None,
    announce: Callable[[str], Any] | None = None,
) -> int:
    """Write a CSV, TSV or Parquet file, or a folder of them, as one Parquet file.

    In memory of a few blocks, whatever the size. Reading the result in blocks is several times as
    fast as reading text, and its row groups are small enough to be shuffled.

    Parameters
    ----------
    source : str or Path
    out : str or Path
        A name that ends in .parquet or .pq; the file appears when it is complete.
    reading : mapping, optional
        How text is written: `separator`, `decimal`, `header`, `encoding`.
    announce : callable, optional
        Is told how far it is, every second or so.

    Returns
    -------
    int
        How many rows there are.

    Raises
    ------
    DataError
        The table cannot be read, or a column holds values of several types.
    ParameterError
        `out` has another suffix, or is what is read.
    OutputError
        The file cannot be written.
    """
    path = path_of(out, "out")
    if path.suffix.lower() not in {".parquet", ".pq"}:
        raise ParameterError(
            f"`out` must end in .parquet or .pq; got {path.name!r}. Choose such a name."
        )
    check_out(path, {"table": source})
    place = path_of(source, "source")
    if place.is_dir() and path.parent.resolve() == place.resolve():
        raise ParameterError(
            f"`out` must lie outside of the folder that is read; got {str(out)!r}, which would be "
            "a part of the table from then on. Write it somewhere else."
        )
    blocks = data_room.blocks(place, **checked_options(reading))
    began = told = time.monotonic()

    def on_rows(n_rows: int) -> None:
        nonlocal told
        now = time.monotonic()
        if announce is not None and now - told >= 1.0:
            told, pace = now, n_rows / (now - began)
            left = clock((blocks.n_rows - n_rows) / pace)
            announce(f"{n_rows:,} of {blocks.n_rows:,} rows, {pace:,.0f} rows/s, {left} left")

    with written_atomically(path) as file:
        write_parquet(blocks, file, on_rows)
    return blocks.n_rows
