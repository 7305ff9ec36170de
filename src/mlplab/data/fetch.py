"""Files of public data sets: found, checked, downloaded."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import zlib
from pathlib import Path

from mlplab._config import cache_folder, data_folder
from mlplab._optional import require
from mlplab.data.sources import PublicFile
from mlplab.data.upstream import UPSTREAM
from mlplab.errors import DataError, OutputError

__all__ = ["content_of", "find_file"]

_GZIP = b"\x1f\x8b"


def find_file(file: PublicFile) -> Path | None:
    """Return where a file lies: in the data folder, else in the cache folder, else None.

    A file may be gzipped or not, whatever its name in the table of sources.
    """
    folders = [data_folder(), cache_folder() / "data"]
    other = file.path.removesuffix(".gz") if file.path.endswith(".gz") else file.path + ".gz"
    for folder in folders:
        for path in (file.path, other):
            if folder is not None and (folder / path).is_file():
                return folder / path
    return None


def content_of(file: PublicFile) -> bytes:
    """Return the uncompressed bytes of a file, downloaded first if need be.

    Raises
    ------
    DataError
        It cannot be downloaded, or its checksum is wrong.
    """
    path = find_file(file)
    if path is None:
        content = _download(file)
        _keep(cache_folder() / "data" / file.path, content)
        return content
    try:
        content = _unpack(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"A data file must be readable; {path} is not ({error}). Delete it, and it is fetched "
            "again."
        ) from error
    _check(file, content, f"{path}. Delete it, and it is fetched again")
    return content


def _unpack(content: bytes) -> bytes:
    return gzip.decompress(content) if content.startswith(_GZIP) else content


def _check(file: PublicFile, content: bytes, where_and_way_out: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise DataError(
            f"The checksum (SHA-256 of the uncompressed bytes) must be {file.sha256[:16]}…; got "
            f"{found[:16]}… for {where_and_way_out}."
        )


def _download(file: PublicFile) -> bytes:
    pooch = require("pooch", "lab", "Downloading a data set")
    pooch.get_logger().setLevel("WARNING")
    way_out = (
        f"Put the file at {file.path} into a folder and name that folder in the environment "
        "variable MLPLAB_DATA"
    )
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        for url in file.urls:
            try:
                fetched = pooch.retrieve(url, known_hash=None, path=folder, progressbar=False)
                parts.append(_unpack(Path(fetched).read_bytes()))
            except (OSError, EOFError, ValueError, zlib.error) as error:
                raise DataError(
                    f"A data set that is not on this machine must be downloaded; {url} could not "
                    f"be ({type(error).__name__}: {error}). Try again with a network. {way_out}."
                ) from error
    try:
        content = UPSTREAM[file.upstream](parts)
    except (ValueError, IndexError) as error:
        raise DataError(
            f"A download must have the known form; {file.urls[0]} has not ({error}). {way_out}."
        ) from error
    _check(file, content, f"{file.urls[0]}: the source has changed. {way_out}")
    return content


def _keep(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, without time stamp, so that it is always the same."""
    packed = gzip.compress(content, mtime=0) if path.suffix == ".gz" else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
            stream.write(packed)
        os.replace(stream.name, path)  # noqa: PTH105  # the name may be of another type
    except OSError as error:
        raise OutputError(
            f"The cache folder must be writable; {path.parent} is not ({error}). Name another one "
            "in the environment variable MLPLAB_CACHE."
        ) from error
