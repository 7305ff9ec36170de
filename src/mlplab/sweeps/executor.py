"""Running a sweep: ask the search, train what the ledger lacks, keep it, tell the search.

The loop is `_Run.sweep`; one wave of it is `_Run.train_wave`. A search is told its scores in the
order in which it asked, however the cells were trained, so that the same seed and the same ledger
always lead to the same trials.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from mlplab.errors import ParameterError
from mlplab.results import CellResult, SweepResult, SweepStop
from mlplab.sweeps.backends import Backend, BackendName, open_backend
from mlplab.sweeps.board import Board
from mlplab.sweeps.contract import Job, Ledger, Outcome, SweepObserver, Trainer
from mlplab.sweeps.ledger import FileLedger, MemoryLedger, open_ledger
from mlplab.sweeps.sweep import Sweep
from mlplab.sweeps.tables import with_curves, write_tables
from mlplab.train import InterruptGate

__all__ = ["run"]

# Results are kept and told of so often; a kill loses no more than this of what was trained.
_KEEP_SECONDS = 0.5
# So much work is claimed at once: longer waves train faster; at the end of a sweep other processes
# wait for no more than one.
_WAVE_SECONDS = 10.0
_FIRST_WAVE = 32
# While other processes train the last cells.
_POLL_SECONDS = 0.2


def run(
    sweep: Sweep,
    trainer: Trainer,
    *,
    storage: str | Path | None = None,
    backend: BackendName = "threads",
    jobs: int | None = None,
    address: str | None = None,
    retry_failed: bool = False,
    observers: Sequence[SweepObserver] = (),
) -> SweepResult:
    """Run a sweep, or go on with it.

    Parameters
    ----------
    sweep : Sweep
    trainer : Trainer
        What trains; see `mlplab.sweeps.contract`.
    storage : str or Path, optional
        A folder, or the URL of a PostgreSQL database. Cells that it holds already are not trained
        again, and several processes may run on it at once. In a folder ``trials.parquet`` and
        ``curves.parquet`` are written at the end, which `read_result` reads. Left out, nothing is
        kept, and the result holds the learning curves itself.
    backend : {"threads", "processes", "dask", "ray"}
    jobs : int, optional
        Workers; by default one for each processor, and one for threads, whose trainer may use
        several by itself.
    address : str, optional
        Of a running scheduler of Dask or Ray.
    retry_failed : bool
        Train again what failed in earlier runs. What diverged would diverge again.
    observers : sequence of SweepObserver

    Returns
    -------
    SweepResult
        Also of a sweep that was interrupted or ran out of time; `stop` tells.

    Raises
    ------
    ParameterError
        The sweep has no score, or an argument is out of its range.
    OutputError
        The storage cannot be written to.
    """
    if not sweep.scores:
        raise ParameterError(
            '`sweep.score` must name at least one scorer; got none. For example: score = "accuracy"'
        )
    if len(trainer.folds) != sweep.n_folds:
        raise ParameterError(
            f"`trainer.folds` must be as many as the sweep has, {sweep.n_folds}; got "
            f"{len(trainer.folds)}. Deal the rows as the sweep says."
        )
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(open_backend(backend, trainer, jobs, address))
        ledger = stack.enter_context(contextlib.closing(open_ledger(storage)))
        going = _Run(sweep, trainer, ledger, opened, retry_failed, observers)
        stop = going.sweep_until_stopped()
        result = going.board.result(stop, going.seconds)
        if isinstance(ledger, FileLedger):
            write_tables(result, ledger, ledger.folder)
        elif isinstance(ledger, MemoryLedger):
            result = with_curves(result, ledger)
    for observer in observers:
        observer.on_end(result)
    return result


class _Run:
    """One call of `run`."""

    def __init__(
        self,
        sweep: Sweep,
        trainer: Trainer,
        ledger: Ledger,
        backend: Backend,
        retry_failed: bool,  # noqa: FBT001  # private
        observers: Sequence[SweepObserver],
    ) -> None:
        self._trainer, self._ledger, self._backend = trainer, ledger, backend
        self._sweep, self._observers, self._retry = sweep, observers, retry_failed
        self._start = self._kept_at = time.monotonic()
        self._fresh: list[CellResult] = []
        # Networks that pause, by training: those of the last batch, and those of this one.
        self._paused: dict[Any, Any] = {}
        self._states: dict[Any, Any] = {}
        self._training_seconds = 0.0
        self._why_stopped = SweepStop.INTERRUPTED
        self.board = Board(sweep, trainer.folds)

    @property
    def seconds(self) -> float:
        """Wall time so far."""
        return time.monotonic() - self._start

    def sweep_until_stopped(self) -> SweepStop:
        """Run to the end, or to a limit, or to Ctrl-C; what was trained is kept in any case."""
        try:
            self.sweep()
        except KeyboardInterrupt:
            return self._why_stopped
        finally:
            self._keep(tell=False)
        return SweepStop.COMPLETE

    def sweep(self) -> None:
        """Ask, train, tell, until the search is done."""
        asking = self._sweep.search.ask(self._sweep.space, self._sweep.trials, self._sweep.seed)
        batch = next(asking, None)
        while batch is not None:
            cells = self.board.add(batch)
            # Who is not asked for in the next batch has been given up.
            self._paused, self._states = self._states, {}
            self._train(list(dict.fromkeys(itertools.chain.from_iterable(cells))))
            try:
                batch = asking.send([self.board.score(keys) for keys in cells])
            except StopIteration:
                batch = None

    def _train(self, keys: list[str]) -> None:
        """Train these cells, or wait until others have."""
        wanted = self._lacking(keys)
        while wanted:
            claimed = self._ledger.claim(wanted, self._wave_size())
            if claimed:
                self.train_wave(claimed, wanted)
            else:
                time.sleep(_POLL_SECONDS)
            self._check_time()
            found = self._ledger.find(wanted)
            done = {k: r for k, r in found.items() if r.attempt >= wanted[k]}
            self.board.record(done.values())
            wanted = {key: wanted[key] for key in wanted if key not in done}

    def _lacking(self, keys: list[str]) -> dict[str, int]:
        """Return which attempt of which cell is wanted, those that train well together in line."""
        found = self._ledger.find(keys)
        wanted = {}
        for key in keys:
            known = found.get(key)
            if known is None:
                wanted[key] = 1
            elif self._is_to_do_again(known):
                wanted[key] = known.attempt + 1
            else:
                self.board.record([known])
        groups: dict[Any, list[str]] = {}
        for key in wanted:
            group = self._trainer.group(self.board.cells[key].configuration)
            groups.setdefault(group, []).append(key)
        return {key: wanted[key] for group in groups.values() for key in group}

    def _is_to_do_again(self, known: CellResult) -> bool:
        if known.status == "failed":
            return self._retry
        return known.status == "done" and not set(self._sweep.scores) <= set(known.scores)

    def train_wave(self, keys: Sequence[str], attempts: dict[str, int]) -> None:
        """Train claimed cells, and keep each result soon after it is there."""
        jobs = [self._job(key) for key in keys]
        began = time.monotonic()

        def done(place: int, outcome: Outcome) -> None:
            self._take(keys[place], outcome, attempts[keys[place]])
            if time.monotonic() - self._kept_at > _KEEP_SECONDS:
                self._keep()
                self._check_time()

        self._backend.run(jobs, self._rate(), done)
        self._training_seconds += time.monotonic() - began
        self._keep()

    def _job(self, key: str) -> Job:
        cell = self.board.cells[key]
        pauses = cell.epochs is not None
        state = self._paused.pop(self.board.training(key), None)
        return Job(cell.configuration, cell.seed, cell.fold, cell.epochs, state, pauses)

    def _take(self, key: str, outcome: Outcome, attempt: int) -> None:
        result = self.board.judge(key, outcome, attempt)
        if outcome.state is not None and result.cell.epochs is not None:
            self._states[self.board.training(key)] = outcome.state
        self._fresh.append(result)

    def _keep(self, *, tell: bool = True) -> None:
        """Write what is new to the ledger, then tell of it."""
        self._kept_at = time.monotonic()
        if not self._fresh:
            return
        fresh = self._fresh
        with InterruptGate() as gate:  # Ctrl-C waits, lest something be written and not known
            self._ledger.append(fresh)
            self._fresh = []
            self.board.record(fresh)
            self.board.n_trained += len(fresh)
        if gate.waiting and tell:
            raise KeyboardInterrupt
        if tell and self._observers:
            progress = self.board.progress(self.seconds)
            # Every observer is told, even where an earlier one has asked to stop.
            asked = [observer.on_results(fresh, progress) for observer in self._observers]
            if any(asked):
                self._stop(SweepStop.OBSERVER)

    def _check_time(self) -> None:
        if self._sweep.seconds is not None and self.seconds > self._sweep.seconds:
            self._stop(SweepStop.SECONDS)

    def _stop(self, why: SweepStop) -> NoReturn:
        """End the sweep as Ctrl-C would, which every trainer has to let pass anyway."""
        self._why_stopped = why
        raise KeyboardInterrupt

    def _rate(self) -> float | None:
        """Cells a second of one worker."""
        seconds = self._training_seconds * self._backend.workers
        return self.board.n_trained / seconds if seconds else None

    def _wave_size(self) -> int:
        """Return how many cells to claim."""
        workers, rate = self._backend.workers, self._rate()
        return _FIRST_WAVE if rate is None else max(workers, round(rate * workers * _WAVE_SECONDS))
