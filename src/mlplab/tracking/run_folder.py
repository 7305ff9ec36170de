"""The folder in which a run is kept."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mlplab._files import output_error, write_atomically
from mlplab.errors import DataError, did_you_mean
from mlplab.results import History
from mlplab.tracking.environment import environment
from mlplab.tracking.history_file import history_from_parquet, history_to_parquet
from mlplab.tracking.json_ready import json_text

__all__ = ["RunFolder", "first_free"]

_ENVIRONMENT = "environment.json"
_HISTORY = "history.parquet"
_LONGEST_SLUG = 40


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder with the files of one run.

    Make one with `create`, look into one with `open`. Every file is written whole: a kill at any
    moment leaves the old file or the new one.

    Attributes
    ----------
    path : Path
        The folder; it exists.
    """

    path: Path

    @classmethod
    def create(cls, base: Path, name: str, *, now: datetime) -> RunFolder:
        """Make the folder ``<time>-<name>`` below `base`, with its ``environment.json``.

        Parameters
        ----------
        base : Path
            The folder of all runs; made if it is not there.
        name : str
            What the run is called, in any words.
        now : datetime
            When it starts. Runs of the same second and name get ``-2``, ``-3`` … behind them, in
            however many processes they start.

        Raises
        ------
        OutputError
            The folder cannot be made or written to.
        """
        stem = f"{now:%Y%m%d-%H%M%S}-{_slug(name)}"
        try:
            base.mkdir(parents=True, exist_ok=True)
            path = first_free(base, stem)
        except OSError as cause:
            raise output_error(base, cause) from cause
        folder = cls(path)
        folder.write_json(_ENVIRONMENT, environment())
        return folder

    @classmethod
    def open(cls, path: Path, *, needs: Sequence[str] = ()) -> RunFolder:
        """Look into the folder of a run.

        Parameters
        ----------
        path : Path
            The folder.
        needs : sequence of str
            Names of files that have to be there besides ``environment.json``.

        Raises
        ------
        DataError
            There is no such folder, or it lacks a file.
        """
        if not path.is_dir():
            what = "a file" if path.exists() else "nothing"
            message = (
                f"`run` must be the folder of a run; got {str(path)!r}, where {what} is."
                f"{did_you_mean(path.name, _siblings(path))} Pass a folder that `mlplab fit` or "
                "`mlplab run` has written."
            )
            raise DataError(message)
        lacking = [name for name in (_ENVIRONMENT, *needs) if not (path / name).is_file()]
        if lacking:
            message = (
                f"`run` must be a complete folder of a run; got {str(path)!r} without "
                f"{', '.join(lacking)}. The run did not get so far, or this is another folder: "
                "run it again, or pass another one."
            )
            raise DataError(message)
        return cls(path)

    def write_bytes(self, name: str, content: bytes) -> Path:
        """Write a file and return where it is.

        Raises
        ------
        OutputError
            The file cannot be written; what was there before stays.
        """
        path = self.path / name
        write_atomically(path, content)
        return path

    def make(self, name: str) -> Path:
        """Make a folder in it, and return where it is; raises as `write_bytes`."""
        path = self.path / name
        try:
            path.mkdir(exist_ok=True)
        except OSError as cause:
            raise output_error(path, cause) from cause
        return path

    def write_text(self, name: str, text: str) -> Path:
        """Write a text as UTF-8 and return where it is; raises as `write_bytes`."""
        return self.write_bytes(name, text.encode())

    def write_json(self, name: str, value: Any) -> Path:
        """Write strict JSON and return where it is; raises as `write_bytes`.

        NumPy's values become Python's, and numbers that are not finite become null.
        """
        return self.write_text(name, json_text(value))

    def write_history(self, history: History) -> Path:
        """Write ``history.parquet`` and return where it is; raises as `write_bytes`."""
        return self.write_bytes(_HISTORY, history_to_parquet(history))

    def read_bytes(self, name: str) -> bytes:
        """Read a file.

        Raises
        ------
        DataError
            The file is not there or cannot be read.
        """
        path = self.path / name
        try:
            return path.read_bytes()
        except OSError as cause:
            message = (
                f"A run must have its {name}; got {str(path)!r}: {cause.strerror}."
                f"{did_you_mean(name, _siblings(path))} Run the study again."
            )
            raise DataError(message) from cause

    def read_json(self, name: str) -> Any:
        """Read a JSON file.

        Raises
        ------
        DataError
            The file is not there, or is not JSON.
        """
        try:
            return json.loads(self.read_bytes(name))
        except (ValueError, RecursionError) as cause:
            if isinstance(cause, DataError):
                raise
            message = (
                f"{name} must be JSON; got {str(self.path / name)!r}, which is not: {cause}. "
                "Run the study again."
            )
            raise DataError(message) from cause

    def read_history(self) -> History:
        """Read ``history.parquet``.

        Raises
        ------
        DataError
            The file is not there, or is no history.
        """
        return history_from_parquet(self.read_bytes(_HISTORY), self.path / _HISTORY)


def first_free(base: Path, stem: str) -> Path:
    """Make the first folder of this name that is free; mkdir decides between two processes."""
    for number in itertools.count(1):
        path = base / (stem if number == 1 else f"{stem}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise AssertionError  # itertools.count does not end


def _slug(name: str) -> str:
    """Return a name in small Latin letters, digits and hyphens.

    Examples
    --------
    >>> _slug("Wine quality: Größe 2")
    'wine-quality-grosse-2'
    """
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return words[:_LONGEST_SLUG].rstrip("-") or "run"


def _siblings(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir() if not entry.name.startswith(".")]
    except OSError:
        return []
