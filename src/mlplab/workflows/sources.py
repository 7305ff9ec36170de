"""Where the rows come from: a file, a named data set, a table or arrays in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab import data
from mlplab._files import path_of
from mlplab.data import Blocks
from mlplab.data.memory import is_too_large
from mlplab.errors import DataError, ParameterError, did_you_mean
from mlplab.results import Dataset, Task
from mlplab.workflows.settings import checked
from mlplab.workflows.study import ReadingTable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["IN_MEMORY", "Source", "checked_options", "options_of", "read_source"]

IN_MEMORY = "(in memory)"
"""Stands in a study file for data that were no file."""

_SUFFIXES = {".csv", ".tsv", ".txt", ".data", ".parquet", ".pq", ".gz"}


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Rows, and what is known about them.

    Attributes
    ----------
    name : str
        For people, and for the folder of a run.
    where : str
        As a study file says it: the name of a data set, an absolute path, or `IN_MEMORY`.
    words : str
        Where the data come from, for a report.
    frame : pandas.DataFrame
    test_frame : pandas.DataFrame or None
        The test part, if the data come with one.
    target : tuple of str
        What the data say about their target; empty if nothing.
    task : Task or None
    drop : tuple of str
        Columns that must not become features.
    image : bool
        Whether the columns are pixels from 0 to 255.
    test_where : str or None
        As `where`, of test rows in a file of their own.
    blocks : Blocks or None
        The rows, where they are read in blocks; `frame` is empty then.
    """

    name: str
    where: str
    words: str
    frame: pd.DataFrame
    test_frame: pd.DataFrame | None = None
    target: tuple[str, ...] = ()
    task: Task | None = None
    drop: tuple[str, ...] = ()
    image: bool = False
    test_where: str | None = None
    blocks: Blocks | None = None

    @property
    def places(self) -> dict[str, Any]:
        """Where rows and test rows lie and how they are read, by the keys of a study."""
        places: dict[str, Any] = {"source": self.where}
        places |= {} if self.blocks is None else {"blocks": True}
        return places if self.test_where is None else {**places, "test_source": self.test_where}


def read_source(
    given: Any,
    *,
    seed: int = 0,
    base: Path | None = None,
    test: str | Path | None = None,
    reading: Mapping[str, Any] | None = None,
    blocks: bool | None = False,
) -> Source:
    """Read data from wherever they are.

    Parameters
    ----------
    given : str, Path, Dataset, table, or (X, y)
        A path or the name of a data set; anything that `mlplab.data.to_frame` takes; or rows and
        target as two arrays, the target then being called ``"target"``.
    seed : int, default=0
        For generated data sets.
    base : Path, optional
        The folder from which relative paths count; the working folder if None.
    test : str or Path, optional
        A file that holds the test rows.
    reading : mapping, optional
        Options of `mlplab.data.read`, by name.
    blocks : bool or None, default=False
        Read a file in blocks; None does so where it is larger than memory allows.

    Raises
    ------
    DataError
        There is no such file or data set, or it cannot be read, or the test file has other
        columns.
    ParameterError
        Of `reading`: an option is out of its range, or there is no file.
    """
    options = dict(reading or {})
    opened = None if blocks is False else _in_blocks(given, base, options, asked=bool(blocks))
    source = opened or _read(given, seed, base, options)
    return source if test is None else _with_test(source, _from_words(test, seed, base, options))


def _in_blocks(
    given: Any, base: Path | None, options: dict[str, Any], *, asked: bool
) -> Source | None:
    """Return a table that is read in blocks, where that is asked for or memory is short."""
    is_name = isinstance(given, str) and given in {info.name for info in data.names()}
    if not isinstance(given, (str, Path)) or is_name:
        if asked:
            raise ParameterError(
                "`blocks` is about files; got rows in memory or a named data set. Leave it out."
            )
        return None
    path = path_of(given, "data")
    path = base / path if base is not None and (base / path).exists() else path
    if not asked and not (path.exists() and (path.is_dir() or is_too_large(path))):
        return None
    blocks = data.blocks(path, **options)
    empty = data.to_frame({name: [] for name in blocks.columns})
    return Source(path.stem, str(path.absolute()), path.name, empty, blocks=blocks)


def _with_test(source: Source, test: Source) -> Source:
    lacking = [name for name in source.frame.columns if name not in test.frame.columns]
    if lacking:
        raise DataError(
            "`test_source` must have the columns of `source`; it lacks "
            f"{', '.join(map(repr, lacking[:3]))}. Add them, or name another file."
        )
    words = f"{source.words}, tested on {test.words}"
    frame = test.frame[list(source.frame.columns)]
    return replace(source, test_frame=frame, words=words, test_where=test.where)


def _read(given: Any, seed: int, base: Path | None, options: dict[str, Any]) -> Source:
    if isinstance(given, (str, Path)):
        return _from_words(given, seed, base, options)
    _refuse_options(options, "rows in memory")
    if isinstance(given, Dataset):
        return _from_dataset(given, IN_MEMORY)
    if isinstance(given, tuple) and len(given) == 2:
        return _from_arrays(*given)
    return Source("table", IN_MEMORY, "a table in memory", data.to_frame(given))


def options_of(reading: ReadingTable | None) -> dict[str, Any]:
    """Return what a study says about reading its files, as options of `read_source`."""
    return {} if reading is None else reading.model_dump(exclude_defaults=True)


def checked_options(reading: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return options of `read_source`, after names and values were checked.

    Raises
    ------
    ParameterError
        One is unknown or out of its range.
    """
    return {} if reading is None else options_of(checked(ReadingTable, reading))


def _refuse_options(options: dict[str, Any], what: str) -> None:
    if options:
        raise ParameterError(
            f"`{next(iter(options))}` is about reading a file; got {what}. Leave it out."
        )


def _from_words(given: str | Path, seed: int, base: Path | None, options: dict[str, Any]) -> Source:
    known = [info.name for info in data.names()]
    if isinstance(given, str) and given in known:
        _refuse_options(options, f"the data set {given!r}")
        return _from_dataset(data.load(given, seed=seed), given)
    path = path_of(given, "data")
    if base is not None and ((base / path).exists() or not path.exists()):
        path = base / path
    given_parts = Path(given).parts
    if path.exists() or path.suffix.lower() in _SUFFIXES or len(given_parts) > 1:
        return Source(path.stem, str(path.absolute()), path.name, data.read(path, **options))
    files = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = did_you_mean(str(given), [*known, *files])
    raise DataError(
        f"`data` must be a file or the name of a data set; got {str(given)!r}.{hint} "
        "`mlplab data list` shows the names."
    )


def _from_dataset(found: Dataset, where: str) -> Source:
    image = found.image_shape is not None and bool(
        (found.frame[list(found.features)].to_numpy() > 64).any()
    )
    return Source(
        name=found.name,
        where=where,
        words=". ".join(
            part.rstrip(".") for part in (found.title, found.source, f"Licence: {found.licence}")
        )
        + ".",
        frame=found.frame,
        test_frame=found.test_frame,
        target=found.target,
        task=found.task,
        drop=found.drop,
        image=image,
    )


def _from_arrays(X: Any, y: Any) -> Source:
    frame = data.to_frame(X)
    columns = _columns_of(y)
    if len(columns[0][1]) != len(frame):
        raise DataError(
            f"`X` and `y` must have as many rows; got {len(frame)} and {len(columns[0][1])}. "
            "Pass the target of the same rows."
        )
    clash = next((name for name, _ in columns if name in frame.columns), None)
    if clash is not None:
        raise DataError(
            f"The target must have a name of its own; {clash!r} is also a column of `X`. "
            "Rename one of them, or leave the target out of `X`."
        )
    frame = frame.assign(**dict(columns))
    names = tuple(name for name, _ in columns)
    return Source("arrays", IN_MEMORY, "arrays in memory", frame, target=names)


def _columns_of(y: Any) -> Sequence[tuple[str, Any]]:
    if hasattr(y, "columns"):
        frame = data.to_frame(y)
        return [(str(name), frame[name].to_numpy()) for name in frame.columns]
    values = np.asarray(y)
    if values.ndim == 1:
        return [(str(getattr(y, "name", None) or "target"), values)]
    if values.ndim != 2 or not values.shape[1]:
        raise DataError(
            f"`y` must have one or two axes; got shape {values.shape}. Pass one value a row."
        )
    return [(f"target_{k}", values[:, k]) for k in range(values.shape[1])]
