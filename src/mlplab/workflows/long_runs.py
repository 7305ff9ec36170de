"""Long trainings: kept on the way, and taken up after a kill with the same bits.

A training pauses every few seconds (`pause_after`), is written whole to ``checkpoint.safetensors``,
and goes on. What is in that file is everything that decides how it goes on: weights, the memory of
the optimiser, counters, where rows and generator stand. So a run that was killed and taken up ends
in the weights of one that was not.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from mlplab._files import path_of
from mlplab._typing import AnyArray
from mlplab.errors import DataError, MLPLabError, OutputError
from mlplab.export import from_bytes, to_bytes
from mlplab.results import EpochRecord, FitResult, History, ModelArtifact, StopReason
from mlplab.tracking import RunFolder
from mlplab.train import FitObserver
from mlplab.workflows.parts import Parts

__all__ = ["CHECKPOINT", "Keeper", "fit_in_pieces", "unfinished_run", "without_company"]

CHECKPOINT, LOCK, STUDY = "checkpoint.safetensors", ".lock", "study.toml"
PIECE_SECONDS = 10.0
"""About how much work a kill may cost."""
_WORK_A_WRITING = 10.0
"""So many times as long as writing a checkpoint takes, there is training before the next one."""


class Keeper:
    """Writes the checkpoint of a run, and reads it.

    Parameters
    ----------
    folder : RunFolder
    parts : Parts
        What is trained on; a checkpoint belongs to these rows.
    announce : callable, optional
        Is told once where a checkpoint cannot be written.
    """

    def __init__(
        self, folder: RunFolder, parts: Parts, announce: Callable[[str], Any] | None = None
    ) -> None:
        self._folder, self._announce, self._rows = folder, announce, _fingerprint(parts)
        self._failed = False

    def keep(self, estimator: Any) -> None:
        """Write a paused training; where the disk is full the last checkpoint stays."""
        self.write(estimator.to_artifact())

    def write(self, artifact: ModelArtifact) -> None:
        """Write whatever a training goes on from; where the disk is full the last one stays."""
        header = {**artifact.header, "rows": self._rows}
        try:
            content = to_bytes(dataclasses.replace(artifact, header=header))
            self._folder.write_bytes(CHECKPOINT, content)
        except OutputError as error:
            if not self._failed and self._announce is not None:
                self._announce(f"{error} Training goes on; the last checkpoint is kept.")
            self._failed = True

    def take_up(self, estimator: Any) -> None:
        """Put an estimator where the checkpoint of its training stands.

        Raises
        ------
        DataError
            It was trained on other rows.
        ModelFileError
            The file is truncated, altered, or holds something else.
        """
        paused = type(estimator).from_artifact(self.read())
        asked = estimator.warm_start
        vars(estimator).update(vars(paused))
        estimator.warm_start = asked
        n = paused.result_.n_epochs
        self.tell("1 epoch is done" if n == 1 else f"{n:,} epochs are done")

    def read(self) -> ModelArtifact:
        """Return what `write` wrote last; raises as `take_up`."""
        artifact = from_bytes(self._folder.read_bytes(CHECKPOINT))
        header = dict(artifact.header)
        if header.pop("rows", None) != self._rows:
            message = (
                f"`--resume` needs the rows that training began with; got others than those of "
                f"{str(self._folder.path)!r}: the data have changed since. Run without --resume."
            )
            raise DataError(message)
        return dataclasses.replace(artifact, header=header)

    def tell(self, done: str) -> None:
        """Say from where a training goes on."""
        if self._announce is not None:
            self._announce(f"Going on in {self._folder.path}, where {done}.")

    def forget(self) -> None:
        """Remove the checkpoint of a training that is over."""
        with suppress(OSError):
            (self._folder.path / CHECKPOINT).unlink(missing_ok=True)


def fit_in_pieces(
    estimator: Any,
    fit: Callable[[], Any],
    keeper: Keeper | None,
    observers: Sequence[FitObserver] = (),
) -> None:
    """Fit an estimator, which is kept after every piece of about `PIECE_SECONDS`.

    Parameters
    ----------
    estimator : estimator
        Perhaps one that has paused, which then goes on.
    fit : callable
        Fits it.
    keeper : Keeper or None
        None fits in one go; so do solvers that cannot pause.
    observers : sequence of FitObserver
        Are told of one training, however many pieces it has.
    """
    if keeper is None or not hasattr(estimator, "pause_after"):
        estimator.set_callbacks(*observers)
        fit()
        return
    asked, before = estimator.warm_start, getattr(estimator, "result_", None)
    pieces = [] if before is None else [before]
    estimator.set_callbacks(*(_OfOneTraining(observer, pieces) for observer in observers))
    estimator.warm_start = "state"
    length = 1  # tells how long an epoch takes
    try:
        while True:
            done, began = sum(piece.n_epochs for piece in pieces), time.monotonic()
            estimator.pause_after(done + length)
            fit()
            trained = time.monotonic() - began
            pieces.append(estimator.result_)
            estimator.result_ = _joined(pieces)
            estimator.n_iter_ = estimator.result_.n_epochs
            if pieces[-1].status is not StopReason.PAUSED:
                break
            keeper.keep(estimator)
            wrote = time.monotonic() - began - trained
            seconds = max(PIECE_SECONDS, _WORK_A_WRITING * wrote)
            length = max(1, int(seconds * length / max(trained, 1e-9)))
    finally:
        estimator.pause_after(None)
        estimator.warm_start = asked


def _joined(pieces: Sequence[FitResult]) -> FitResult:
    """Return what pieces of a training come to."""
    return dataclasses.replace(
        pieces[-1],
        history=History.joined(piece.history for piece in pieces),
        seconds=sum(piece.seconds for piece in pieces),
    )


class _OfOneTraining:
    """Tells an observer of the beginning and the end of a training, not of its pieces."""

    def __init__(self, observer: FitObserver, pieces: list[FitResult]) -> None:
        self._observer, self._pieces, self._told = observer, pieces, False

    def __getattr__(self, name: str) -> Any:
        # An observer that names the epochs it wants to see does so here as well.
        return getattr(self._observer, name)

    def on_start(self, plan: Any, state: Any) -> None:
        """Pass the first one on."""
        if not self._told:
            self._observer.on_start(plan, state)
        self._told = True

    def on_epoch(self, record: EpochRecord, state: Any) -> bool | None:
        """Pass every epoch on."""
        return self._observer.on_epoch(record, state)

    def on_end(self, result: FitResult) -> None:
        """Pass the last one on, with what all pieces come to."""
        if result.status is not StopReason.PAUSED:
            self._observer.on_end(_joined([*self._pieces, result]))


def _fingerprint(parts: Parts) -> str:
    """Return a hash of everything that a training sees of its rows."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (parts.train, parts.watched):
        for values in (part.x, part.y):
            digest.update(_bytes_of(values))
    if parts.stream is not None:
        # Rows in blocks are known by what was learned from all of them.
        for plan in parts.preparation.plans_:
            digest.update(repr(plan).encode())
        digest.update(f"{parts.stream.n_rows} {parts.stream.blocks.n_blocks}".encode())
    return digest.hexdigest()


def _bytes_of(values: AnyArray | None) -> bytes:
    if values is None:
        return b"none"
    array = np.asarray(values)
    plain = array.astype(str) if array.dtype == object else np.ascontiguousarray(array)
    return f"{plain.dtype.str}{plain.shape}".encode() + plain.tobytes()


def unfinished_run(out: str | Path | None, study_text: str) -> RunFolder | None:
    """Return the latest run of a study that was ended before its end and has a checkpoint.

    Parameters
    ----------
    out : str or Path or None
        The folder of all runs.
    study_text : str
        The study as a run's folder keeps it.
    """
    if out is None:
        return None
    for path in sorted(path_of(out, "out").glob(f"*/{CHECKPOINT}"), reverse=True):
        folder = path.parent
        with suppress(OSError, UnicodeDecodeError, MLPLabError):
            if (folder / STUDY).read_text(encoding="utf-8") == study_text:
                return RunFolder.open(folder)
    return None


@contextmanager
def without_company(folder: RunFolder | None) -> Iterator[None]:
    """Hold the folder of a run for this process; the system lets go of it with the process.

    Raises
    ------
    OutputError
        Another process is at work there.
    """
    if folder is None:
        yield
        return
    lock = FileLock(folder.path / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as cause:
        message = (
            f"A run must have its folder for itself; got {str(folder.path)!r}, where another "
            "process is training. Wait for it, or run without --resume."
        )
        raise OutputError(message) from cause
    try:
        yield
    finally:
        # Gone before it is let go of: whoever waits for it takes another one then, and never the
        # file that the next one finds absent. Windows keeps open files, and so this one.
        with suppress(OSError):
            (folder.path / LOCK).unlink(missing_ok=True)
        lock.release()
