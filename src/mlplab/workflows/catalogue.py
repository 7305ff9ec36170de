"""Named data sets: what there is, and one of them as a file."""

from __future__ import annotations

from pathlib import Path

from mlplab import data as data_room
from mlplab.data import NameInfo
from mlplab.results import Dataset
from mlplab.workflows.predicting import write_table

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
        ``.parquet`` as Parquet, all else as CSV. A test part goes beside it, with ``-test``
        behind the name.
    seed : int, default=0
        For generated data sets.

    Raises
    ------
    DataError
        There is no such data set, or it cannot be had.
    OutputError
        The file cannot be written.
    """
    found = data_room.load(name, seed=seed)
    if out is not None:
        path = Path(out).expanduser()
        write_table(found.frame, path)
        if found.test_frame is not None:
            write_table(found.test_frame, path.with_stem(f"{path.stem}-test"))
    return found
