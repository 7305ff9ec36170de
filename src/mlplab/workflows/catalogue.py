"""Named data sets: what there is, and one of them as a file."""

from __future__ import annotations

from pathlib import Path

from mlplab import data as data_room
from mlplab._files import path_of
from mlplab.data import NameInfo
from mlplab.results import Dataset
from mlplab.workflows.predicting import check_suffix, write_table

__all__ = ["data_get", "data_list"]


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
