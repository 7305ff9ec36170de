"""Ledgers: what is kept of a sweep, in memory or in a file that several processes share.

The file ledger is a folder::

    ledger.jsonl      one record a cell, appended and never changed (`records`)
    ledger.lock       held for the moment of an append or a claim
    claims/           what each process is working on, and a lock that it holds while it lives

A process that dies, however it dies, loses its lock by the hand of the operating system, and with
it its claims: no clocks, no heartbeats. Locks have to work on the file system, which they do on
local disks and on NFS 4; for several machines without one, there is the ledger in PostgreSQL.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from mlplab._files import output_error, path_of
from mlplab._optional import require
from mlplab.results import CellResult
from mlplab.sweeps.contract import Ledger
from mlplab.sweeps.records import from_line, to_line

__all__ = ["FileLedger", "MemoryLedger", "merge_ledgers", "open_ledger"]

# A kill of the process loses nothing that was written; only a crash of the machine does, and then
# at most so many seconds of work.
_SYNC_SECONDS = 2.0
_MERGED_AT_ONCE = 256


def open_ledger(storage: str | Path | None) -> Ledger:
    """Return the ledger of a storage: a folder, a URL of PostgreSQL, or None for memory only."""
    if storage is None:
        return MemoryLedger()
    if str(storage).startswith(("postgresql://", "postgres://")):
        from mlplab.sweeps.postgres import PostgresLedger  # noqa: PLC0415  # an extra

        return PostgresLedger(str(storage))
    return FileLedger(path_of(storage, "storage"))


class MemoryLedger:
    """A ledger that is forgotten at the end."""

    def __init__(self) -> None:
        self._results: dict[str, CellResult] = {}

    def find(self, keys: Iterable[str]) -> dict[str, CellResult]:
        """Return the results that are there."""
        return {key: self._results[key] for key in keys if key in self._results}

    def claim(self, wanted: Mapping[str, int], most: int) -> list[str]:
        """Return the first cells that are not done."""
        return [key for key in wanted if _attempts(self._results, key) < wanted[key]][:most]

    def append(self, results: Sequence[CellResult]) -> None:
        """Keep results."""
        self._results |= {result.cell.key: result for result in results}

    def read(self, keys: Iterable[str] | None = None) -> Iterator[CellResult]:
        """Yield results with their curves."""
        yield from self.find(self._results if keys is None else keys).values()

    def close(self) -> None:
        """Do nothing."""


class FileLedger:
    """A ledger in a folder, which several processes may share.

    Parameters
    ----------
    folder : Path
        Made if it is not there.

    Attributes
    ----------
    folder : Path

    Raises
    ------
    OutputError
        The folder cannot be made or written to.
    """

    def __init__(self, folder: Path) -> None:
        self._filelock = require("filelock", "lab", "Keeping a sweep")
        self.folder = folder
        self._path = folder / "ledger.jsonl"
        self._results: dict[str, CellResult] = {}
        self._read_up_to = 0
        self._synced = time.monotonic()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab", buffering=0)
            self._lock = self._filelock.FileLock(folder / "ledger.lock")
            with self._lock:
                self._claims = _Claims(folder / "claims", self._filelock)
        except OSError as cause:
            raise output_error(folder, cause) from cause

    def find(self, keys: Iterable[str]) -> dict[str, CellResult]:
        """Return the results that are there, also those of other processes."""
        self._refresh()
        return {key: self._results[key] for key in keys if key in self._results}

    def claim(self, wanted: Mapping[str, int], most: int) -> list[str]:
        """Claim the first cells that are neither done nor claimed by a living process."""
        with self._lock:
            self._refresh()
            taken = self._claims.of_others()
            free = [
                key
                for key, attempt in wanted.items()
                if key not in taken and _attempts(self._results, key) < attempt
            ][:most]
            self._claims.take(free)
        return free

    def append(self, results: Sequence[CellResult]) -> None:
        """Append records in one write.

        Raises
        ------
        OutputError
            The disk is full, for example.
        """
        lines = b"".join(to_line(result) for result in results)
        with self._lock:
            try:
                self._write(lines)
            except OSError as cause:
                raise output_error(self._path, cause) from cause
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            self._sync()

    def _write(self, lines: bytes) -> None:
        if self._file.seek(0, os.SEEK_END):
            with self._path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                # Somebody may have been killed in the middle of a line.
                lines = lines if file.read() == b"\n" else b"\n" + lines
        while lines:
            lines = lines[self._file.write(lines) :]

    def read(self, keys: Iterable[str] | None = None) -> Iterator[CellResult]:
        """Read results again, with their curves."""
        self._refresh()
        found = self.find(self._results if keys is None else keys)
        wanted = {key: result.attempt for key, result in found.items()}
        with self._path.open("rb") as file:
            for line in file:
                result = from_line(line, curve=True)
                if result and wanted.get(result.cell.key) == result.attempt:
                    del wanted[result.cell.key]
                    yield result

    def close(self) -> None:
        """Give the claims back, and force what was written to the disk."""
        if self._file.closed:
            return
        with self._lock:
            self._claims.release()
        self._sync()
        self._file.close()

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def _refresh(self) -> None:
        """Read what was appended since the last time; a line without its end may still grow."""
        with self._path.open("rb") as file:
            file.seek(self._read_up_to)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                result = from_line(line)
                if result and result.attempt > _attempts(self._results, result.cell.key):
                    self._results[result.cell.key] = result
                # Last, as Ctrl-C may come at any moment: a line that is read twice does no harm.
                self._read_up_to += len(line)


class _Claims:
    """What this process is working on, and what others are; used under the lock of the ledger."""

    def __init__(self, folder: Path, filelock: ModuleType) -> None:
        folder.mkdir(exist_ok=True)
        self._folder, self._filelock = folder, filelock
        self._own = folder / f"{os.getpid()}-{secrets.token_hex(4)}.txt"
        self._alive = filelock.FileLock(self._own.with_suffix(".lock"))
        self._alive.acquire()

    def take(self, keys: Sequence[str]) -> None:
        """Say what this process is working on now."""
        self._own.write_text("\n".join(keys), encoding="ascii")

    def of_others(self) -> set[str]:
        """Return what living processes are working on; clear away what dead ones left."""
        taken: set[str] = set()
        for path in self._folder.glob("*.txt"):
            if path == self._own:
                continue
            if self._is_alive(path):
                taken.update(path.read_text(encoding="ascii").split())
            else:
                path.unlink(missing_ok=True)
                path.with_suffix(".lock").unlink(missing_ok=True)
        return taken

    def _is_alive(self, path: Path) -> bool:
        lock = self._filelock.FileLock(path.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except self._filelock.Timeout:
            return True
        lock.release()
        return False

    def release(self) -> None:
        """Work on nothing any more."""
        self._own.unlink(missing_ok=True)
        self._alive.release()
        with contextlib.suppress(OSError):
            self._own.with_suffix(".lock").unlink()


def merge_ledgers(target: Ledger, sources: Iterable[Ledger]) -> int:
    """Append to a ledger what others know and it does not, and return how many results that were.

    What worked somewhere replaces what failed.

    Parameters
    ----------
    target : Ledger
    sources : iterable of Ledger
        Of other machines, for example.
    """
    count = 0
    for source in sources:
        results = source.read()
        while some := list(itertools.islice(results, _MERGED_AT_ONCE)):
            known = target.find(result.cell.key for result in some)
            new = [n for result in some if (n := _as_news(result, known.get(result.cell.key)))]
            target.append(new)
            count += len(new)
    return count


def _as_news(result: CellResult, known: CellResult | None) -> CellResult | None:
    if known is None:
        return result
    better = known.status == "failed" and result.status != "failed"
    return dataclasses.replace(result, attempt=known.attempt + 1) if better else None


def _attempts(results: Mapping[str, CellResult], key: str) -> int:
    return results[key].attempt if key in results else 0
