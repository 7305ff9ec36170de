"""Data sets by name."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlplab._config import data_folder
from mlplab._typing import AnyArray
from mlplab.data.bundled import BUNDLED, load_bundled
from mlplab.data.fetch import content_of, find_file
from mlplab.data.frames import pandas
from mlplab.data.generated import GENERATED, generate
from mlplab.data.readers import frame_from_text
from mlplab.data.sources import PUBLIC, PublicFile, PublicSet
from mlplab.errors import DataError, did_you_mean
from mlplab.results.tables import Dataset, Task

__all__ = ["NameInfo", "load", "names"]


@dataclass(frozen=True, slots=True)
class NameInfo:
    """What `mlplab data list` tells about a data set.

    Attributes
    ----------
    name, title : str
        Name for `load`, and name for people.
    task : Task
        What is usually learned from it.
    n_rows : int
        Rows, without a test part of its own.
    where : str
        ``"generated"``, ``"scikit-learn"``, ``"data folder"``, ``"cache"`` or ``"download"``.
    licence : str
        What is known about it.
    """

    name: str
    title: str
    task: Task
    n_rows: int
    where: str
    licence: str


def names() -> tuple[NameInfo, ...]:
    """Return all names that `load` knows: generated, bundled and public data sets.

    Examples
    --------
    >>> from mlplab import data
    >>> [info.name for info in data.names()][:3]
    ['xor', 'moons', 'circles']
    """
    generated = [
        NameInfo(name, made.title, made.task, made.n_rows, "generated", "None needed.")
        for name, made in GENERATED.items()
    ]
    bundled = [
        NameInfo(name, b.title, b.task, b.n_rows, "scikit-learn", "BSD 3-Clause (scikit-learn)")
        for name, b in BUNDLED.items()
    ]
    public = [
        NameInfo(name, p.title, p.task, p.n_rows, _where(p), p.licence)
        for name, p in PUBLIC.items()
    ]
    return (*generated, *bundled, *public)


def _where(public: PublicSet) -> str:
    paths = [find_file(file) for file in (*public.files, *public.test_files)]
    folder = data_folder()
    if any(path is None for path in paths):
        return "download"
    if folder is not None and all(path and path.is_relative_to(folder) for path in paths):
        return "data folder"
    return "cache"


def load(name: str, *, seed: int = 0) -> Dataset:
    """Return a named data set.

    Parameters
    ----------
    name : str
        One of `names`. Public data sets are looked for in the folder that the environment
        variable MLPLAB_DATA names, then in the cache folder, and else downloaded; their
        checksums are tested in each case.
    seed : int, default=0
        For generated data sets.

    Raises
    ------
    DataError
        There is no such data set, or its files cannot be had or have the wrong checksum.

    Examples
    --------
    >>> from mlplab import data
    >>> iris = data.load("iris")
    >>> iris.frame.shape, iris.target
    ((150, 5), ('species',))
    """
    if name in GENERATED:
        return generate(name, seed)
    if name in BUNDLED:
        return load_bundled(name)
    if name in PUBLIC:
        return _load_public(name, PUBLIC[name])
    known = [*GENERATED, *BUNDLED, *PUBLIC]
    hint = did_you_mean(str(name), known) or " List them with `mlplab data list`."
    raise DataError(f"There is no data set of this name; got {name!r}.{hint}")


def _load_public(name: str, public: PublicSet) -> Dataset:
    read = _images if public.images else _tables
    frame = read(public, public.files)
    test = read(public, public.test_files) if public.test_files else None
    return Dataset(
        name=name,
        title=public.title,
        frame=frame,
        target=public.target,
        task=public.task,
        source=public.source,
        licence=public.licence,
        test_frame=test,
        drop=public.drop,
        image_shape=(28, 28) if public.images else None,
    )


def _tables(public: PublicSet, files: Sequence[PublicFile]) -> Any:
    frames = []
    for file in files:
        frame: Any = frame_from_text(content_of(file).decode("utf-8"), file.path)
        if public.label_column:
            frame.insert(0, public.label_column, file.label)
        frames.append(frame)
    return frames[0] if len(frames) == 1 else pandas().concat(frames, ignore_index=True)


def _images(public: PublicSet, files: Sequence[PublicFile]) -> Any:
    pixels, labels = (_idx(content_of(file)) for file in files)
    _, height, width = pixels.shape
    columns = [f"pixel_{row}_{column}" for row in range(height) for column in range(width)]
    frame = pandas().DataFrame(pixels.reshape(len(pixels), -1), columns=columns)
    frame[public.target[0]] = (
        np.array(public.classes, dtype=object)[labels] if public.classes else labels
    )
    return frame


def _idx(content: bytes) -> AnyArray:
    """Return an IDX file of bytes as an array; its header is the shape, big-endian."""
    n_axes = content[3]
    shape = struct.unpack(f">{n_axes}I", content[4 : 4 + 4 * n_axes])
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * n_axes).reshape(shape)
