"""Let the peers take turns.

In every round each peer runs once (or as often as a round needs to be long enough), then the
next; every other round goes backwards. So whatever else the machine does meets all of them
alike. The final loss of every round is compared with the truth, and who misses it has no time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from mlplab.benchmarks import fresh
from mlplab.benchmarks.cases import Case
from mlplab.benchmarks.machine import describe_machine, load
from mlplab.benchmarks.measurements import CaseResult, Measurement, Report
from mlplab.benchmarks.peers import Peer, is_here
from mlplab.benchmarks.problems import Problem
from mlplab.benchmarks.processes import PeerFailedError, Seat, Worker, Workers, usable_cpus

__all__ = ["Watcher", "measure"]

PAUSE = 0.02
"""Seconds before a round in which threads of the last peer, which may still spin, go to sleep."""


class Watcher(Protocol):
    """Who is told how far it is."""

    def on_start(self, report: Report) -> None:
        """See the machine, before anything is measured."""

    def on_turn(self, case: Case, peer: str, done: int, total: int) -> None:
        """See whose turn it is, and how many turns of the case have been."""

    def on_case(self, report: Report, result: CaseResult) -> None:
        """See a case that is complete, or was when it was interrupted."""


class _Turn(Protocol):
    """A peer in a case."""

    def prepare(self) -> None:
        """Make ready, warm up, compile."""

    def round(self) -> None:
        """Measure once more."""


def measure(
    cases: Sequence[Case],
    peers: Sequence[Peer],
    *,
    rounds: int,
    full: bool,
    watcher: Watcher,
    workers: Workers | None = None,
) -> Report:
    """Measure peers in cases, and return what was found, even if interrupted.

    Parameters
    ----------
    cases : sequence of Case
    peers : sequence of Peer
        Who is not installed is named in the report and left out.
    rounds : int
    full : bool
        Whether problems have their full size.
    watcher : Watcher
    workers : Workers or None
        Who has the processes of the peers, and ends them; None makes one.
    """
    began = time.monotonic()
    report = Report(describe_machine(peers), rounds, full, load_before=load())
    at_least = 0.2 if full else 0.05
    here = [peer for peer in peers if is_here(peer)]
    watcher.on_start(report)
    try:
        with workers or Workers() as processes:
            for case in cases:
                bout = _Bout(case, case.sized(full=full), processes, watcher)
                report.cases.append(bout.result)
                try:
                    bout.run([one for one in here if case.kind in one.takes_part], rounds, at_least)
                finally:
                    watcher.on_case(report, bout.result)
    except KeyboardInterrupt:
        report.interrupted = True
    report.load_after, report.seconds = load(), time.monotonic() - began
    return report


class _Bout:
    """One case, with whoever takes part."""

    def __init__(self, case: Case, problem: Problem, workers: Workers, watcher: Watcher) -> None:
        self.case, self.problem = case, problem
        self._workers, self._watcher = workers, watcher
        self.threads = min(case.threads, len(usable_cpus()))
        steps, flop = case.work(problem)
        self.result = CaseResult(
            name=case.name,
            title=case.title,
            kind=case.kind,
            unit=case.unit,
            threads=self.threads,
            factor=case.scale / steps,
            flop=flop,
            steps=int(steps),
            tolerance=case.tolerance,
        )

    def run(self, peers: Sequence[Peer], rounds: int, at_least: float) -> None:
        """Prepare everybody, then go through the rounds."""
        in_workers = self.case.kind in {"training", "prediction", "many"}
        if in_workers:
            self._start(peers)
        turns = [(peer.label, self._turn(peer, at_least)) for peer in peers]
        if in_workers and not self._find_truth():
            return
        total = len(turns) * (rounds + 1)
        for done, (label, turn) in enumerate(turns):
            self._watcher.on_turn(self.case, label, done, total)
            turn.prepare()
        for index in range(rounds):
            if in_workers:
                self._measure_peak()
            order = turns if index % 2 == 0 else turns[::-1]
            for done, (label, turn) in enumerate(order, len(turns) * (index + 1)):
                self._watcher.on_turn(self.case, label, done, total)
                turn.round()

    def _start(self, peers: Sequence[Peer]) -> None:
        seats = {peer.seat(self.threads) for peer in peers}
        self._watcher.on_turn(self.case, "loading libraries", 0, 1)
        self._workers.start(seats | {self._seat("mlplab"), self._seat("numpy")})

    def _seat(self, library: str) -> Seat:
        return Seat(library, library, self.threads)

    def _turn(self, peer: Peer, at_least: float) -> _Turn:
        one = Measurement(peer.name, peer.label)
        self.result.measurements.append(one)
        options = dict(peer.takes_part[self.case.kind])
        if self.case.kind == "import":
            return _Import(one, options["statement"])
        if self.case.kind == "memory":
            return _Memory(one, self.result, peer.library, self.problem.n_rows)
        if self.case.kind == "prediction":
            options["calls"] = self.case.calls
        request: dict[str, Any] = {"peer": peer.name, "kind": self.case.kind, "options": options}
        request["problem"] = dataclasses.asdict(self.problem)
        worker = functools.partial(self._workers.get, peer.seat(self.threads))
        return _InWorker(one, self.result, worker, request, at_least)

    def _find_truth(self) -> bool:
        """Ask the reference engine for the true losses; without them nobody can be judged."""
        self._watcher.on_turn(self.case, "reference engine, for the true loss", 0, 1)
        problem = dataclasses.asdict(self.problem)
        worker = self._workers.get(self._seat("mlplab"))
        try:
            answer = worker.ask("truth", kind=self.case.kind, problem=problem)
        except PeerFailedError as error:
            for one in self.result.measurements:
                one.status, one.remark = "failed", f"there is no true loss: {error}"
            return False
        self.result.truth = answer["losses"]
        return True

    def _measure_peak(self) -> None:
        # A share of an unknown peak is left out.
        with contextlib.suppress(PeerFailedError):
            peak = self._workers.get(self._seat("numpy")).ask("peak")
            self.result.peaks.append(peak["gflops"])


def _judge(one: Measurement, losses: list[float], result: CaseResult) -> None:
    """Compare final losses with the truth; whoever misses it has no time any more."""
    one.losses = losses
    pairs = list(zip(losses, result.truth, strict=True))
    wrong = [
        pair for pair in pairs if not math.isclose(*pair, rel_tol=result.tolerance, abs_tol=1e-9)
    ]
    if wrong:
        loss, truth = max(wrong, key=lambda pair: abs(pair[0] - pair[1]))
        one.status = "differs"
        one.remark = (
            f"final loss {loss:.6g} differs from {truth:.6g} by more than "
            f"{result.tolerance:.1%}, so it has no time"
        )


def _fail(one: Measurement, error: PeerFailedError) -> None:
    one.status, one.remark = "failed", str(error)


class _InWorker:
    """A peer that trains or predicts in a process of its own."""

    def __init__(
        self,
        one: Measurement,
        result: CaseResult,
        worker: Callable[[], Worker],
        request: dict[str, Any],
        at_least: float,
    ) -> None:
        self._one, self._result, self._worker = one, result, worker
        self._request, self._at_least = request, at_least

    def prepare(self) -> None:
        """Let the worker build and compile what it needs, and look at its first loss."""
        try:
            answer = self._worker().ask("prepare", **self._request)
        except PeerFailedError as error:
            _fail(self._one, error)
            return
        self._one.compile_seconds = answer["compile_seconds"]
        _judge(self._one, answer["losses"], self._result)

    def round(self) -> None:
        """Ask for the time and the final loss of one more round."""
        if self._one.status != "measured":
            return
        time.sleep(PAUSE)
        try:
            answer = self._worker().ask("round", peer=self._one.peer, at_least=self._at_least)
        except PeerFailedError as error:
            _fail(self._one, error)
            return
        self._one.values.append(answer["seconds"])
        _judge(self._one, answer["losses"], self._result)


class _Import:
    """An import in a fresh process."""

    def __init__(self, one: Measurement, statement: str) -> None:
        self._one, self._statement = one, statement

    def prepare(self) -> None:
        """Import once: the first time reads from the disk, and may compile to bytecode."""
        self._seconds()

    def round(self) -> None:
        """Import in one more process."""
        if self._one.status == "measured" and (seconds := self._seconds()) is not None:
            self._one.values.append(seconds)

    def _seconds(self) -> float | None:
        try:
            return fresh.import_seconds(self._statement)
        except PeerFailedError as error:
            _fail(self._one, error)
            return None


class _Memory:
    """The memory of a training in a fresh process; both libraries end at one loss."""

    def __init__(self, one: Measurement, result: CaseResult, library: str, n_rows: int) -> None:
        self._one, self._result, self._library, self._n_rows = one, result, library, n_rows

    def prepare(self) -> None:
        """Do nothing: a fresh process has nothing to be made ready."""

    def round(self) -> None:
        """Train in one more process."""
        if self._one.status != "measured":
            return
        try:
            taken, loss = fresh.training_memory(self._library, self._n_rows)
        except PeerFailedError as error:
            _fail(self._one, error)
            return
        self._one.values.append(taken)
        # Ours comes first; with one seed the two draw the same weights and orders.
        self._result.truth = self._result.truth or [loss]
        _judge(self._one, [loss], self._result)
