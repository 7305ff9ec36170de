"""Predictions of files of any size: block by block into parts, which are joined at the end.

Each part is whole or not there; those of a run that was killed are kept and not made again. The
file of all predictions appears at the end, at once.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from filelock import FileLock, Timeout

from mlplab import data as data_room
from mlplab._files import output_error, path_of, write_atomically, written_atomically
from mlplab.data import Blocks
from mlplab.data.columns import UnknownWords
from mlplab.data.memory import is_too_large
from mlplab.errors import OutputError
from mlplab.export import to_bytes
from mlplab.workflows.model import TabularModel
from mlplab.workflows.predicting import answer, check_out, predict, tabular, write_table
from mlplab.workflows.progress import clock
from mlplab.workflows.sources import checked_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

__all__ = ["PredictedFile", "predict_file"]

_BELONGS = "belongs-to.json"
_PARQUET = frozenset({".parquet", ".pq"})


@dataclass(frozen=True, slots=True)
class PredictedFile:
    """Predictions in a file.

    Attributes
    ----------
    path : Path
    n_rows : int
    columns : tuple of str
    """

    path: Path
    n_rows: int
    columns: tuple[str, ...]


def predict_file(
    model: str | Path | TabularModel,
    data: Any,
    out: str | Path,
    *,
    keep: str | None = None,
    reading: Mapping[str, Any] | None = None,
    blocks: bool | None = None,
    announce: Callable[[str], Any] | None = None,
) -> PredictedFile:
    """Predict every row of a file into another, in memory of a few blocks.

    A call that was killed is taken up by the same call: finished blocks lie in the folder
    ``<out>.parts`` until the file is complete.

    Parameters
    ----------
    model, data, out, keep, reading
        As for `predict`; `data` may also be a folder of files.
    blocks : bool, optional
        Predict in blocks; None does so where the file is larger than memory allows, or a call in
        blocks was begun.
    announce : callable, optional
        Is told how far it is, every second or so.

    Raises
    ------
    DataError, ModelFileError, ParameterError, OutputError
        As for `predict`. OutputError too where another process writes the same file.
    """
    target = path_of(out, "out")
    folder = target.with_name(f"{target.name}.parts")
    if not (blocks or (blocks is None and _wants_blocks(data, folder))):
        answers = predict(model, data, out, keep=keep, reading=reading)
        return PredictedFile(target, len(answers), tuple(answers.columns))
    check_out(target, {"table": data, "model": model})
    used = tabular(model)
    table = data_room.blocks(path_of(data, "data"), **checked_options(reading))
    with _parts(folder, _what(used, table, data, keep)) as parts:
        job = _Job(used, table, keep, target, parts, announce or (lambda _: None))
        job.predict_blocks()
        found = job.join()
    shutil.rmtree(folder, ignore_errors=True)
    return found


def _wants_blocks(data: Any, folder: Path) -> bool:
    if not isinstance(data, (str, Path)):
        return False
    path = path_of(data, "data")
    return path.is_dir() or (path.is_file() and (folder.is_dir() or is_too_large(path)))


def _what(model: TabularModel, table: Blocks, data: Any, keep: str | None) -> dict[str, Any]:
    """Return what finished parts belong to: they are good for nothing else."""
    path = path_of(data, "data").absolute()
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    stats = [(str(file), file.stat()) for file in files if file.is_file()]
    return {
        "model": hashlib.sha256(to_bytes(model.to_artifact())).hexdigest(),
        "files": [[name, found.st_size, found.st_mtime_ns] for name, found in stats],
        "rows": table.n_rows,
        "blocks": table.n_blocks,
        "keep": keep,
    }


@contextmanager
def _parts(folder: Path, belongs: Mapping[str, Any]) -> Iterator[Path]:
    """Hold the folder of parts alone; parts of something else are removed from it.

    A folder without parts does not stay.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as cause:
        raise OutputError(
            f"Predictions must have their file for themselves; got {str(folder)!r}, where another "
            "process is writing. Wait for it, or choose another `out`."
        ) from cause
    try:
        text = json.dumps(belongs)
        known = folder / _BELONGS
        if not known.is_file() or known.read_text(encoding="utf-8") != text:
            for part in folder.glob("part-*"):
                part.unlink()
            write_atomically(known, text.encode())
        yield folder
    finally:
        lock.release()
        if not any(folder.glob("part-*")):
            shutil.rmtree(folder, ignore_errors=True)


class _Job:
    """The predictions of one file."""

    def __init__(
        self, model: TabularModel, table: Blocks, keep: str | None, out: Path, parts: Path,
        announce: Callable[[str], Any],
    ) -> None:  # fmt: skip
        self._model, self._table, self._keep, self._out = model, table, keep, out
        self._parts, self._announce = parts, announce
        self._unknown: dict[str, UnknownWords] = {}

    def _part(self, number: int) -> Path:
        return self._parts / f"part-{number:06}{self._out.suffix.lower()}"

    def predict_blocks(self) -> None:
        """Predict the blocks that have no part yet, one after the other."""
        n_blocks = self._table.n_blocks
        done = next((at for at in range(n_blocks) if not self._part(at).is_file()), n_blocks)
        if done:
            self._announce(f"Going on: {done:,} of {n_blocks:,} blocks are predicted.")
        began, told, n_rows = time.monotonic(), time.monotonic(), 0
        for at, block in enumerate(self._table.ahead(done), start=done):
            with warnings.catch_warnings(record=True) as caught, block.telling():
                warnings.simplefilter("always")
                answers = answer(self._model, block.frame, self._keep)
            self._note(caught)
            self._write(at, answers)
            n_rows += len(answers)
            now = time.monotonic()
            if now - told >= 1.0:
                told, pace = now, n_rows / (now - began)
                last = int(block.frame.index[-1]) + 1
                left = clock((self._table.n_rows - last) / pace)
                self._announce(
                    f"{last:,} of {self._table.n_rows:,} rows, {pace:,.0f} rows/s, {left} left"
                )
        for warning in self._unknown.values():
            warnings.warn(warning, stacklevel=3)

    def _note(self, caught: list[warnings.WarningMessage]) -> None:
        """Add up what is said about the words of each column, and pass everything else on."""
        for one in caught:
            said = one.message
            if isinstance(said, UnknownWords):
                before = self._unknown.get(said.column)
                self._unknown[said.column] = said if before is None else before.with_more(said)
            else:
                warnings.warn(said, stacklevel=4)

    def _write(self, at: int, answers: pd.DataFrame) -> None:
        path = self._part(at)
        if path.suffix in _PARQUET or at == 0:
            write_table(answers, path)
            return
        separator = "\t" if path.suffix == ".tsv" else ","
        text = answers.to_csv(index=False, header=False, lineterminator="\n", sep=separator)
        write_atomically(path, text.encode())

    def join(self) -> PredictedFile:
        """Make one file of all parts."""
        parts = [self._part(at) for at in range(self._table.n_blocks)]
        with written_atomically(self._out) as file:
            if self._out.suffix.lower() in _PARQUET:
                columns = _join_parquet(parts, file)
            else:
                for part in parts:
                    with part.open("rb") as source:
                        shutil.copyfileobj(source, file)
                columns = _header_of(parts[0])
        return PredictedFile(self._out, self._table.n_rows, columns)


def _join_parquet(parts: list[Path], file: BinaryIO) -> tuple[str, ...]:
    import pyarrow as pa  # noqa: PLC0415  # heavy
    import pyarrow.parquet as pq  # noqa: PLC0415  # same

    # A part whose column is empty does not know its type.
    schemas = [pq.read_schema(part) for part in parts]
    schema = pa.unify_schemas(schemas, promote_options="permissive")
    with pq.ParquetWriter(file, schema) as writer:
        for part in parts:
            writer.write_table(pq.read_table(part).cast(schema))
    return tuple(schema.names)


def _header_of(part: Path) -> tuple[str, ...]:
    import pandas as pd  # noqa: PLC0415  # heavy

    with part.open(encoding="utf-8", newline="") as file:
        first = io.StringIO(file.readline())
    separator = "\t" if part.suffix == ".tsv" else ","
    return tuple(str(name) for name in pd.read_csv(first, sep=separator).columns)
