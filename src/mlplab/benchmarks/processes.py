"""The other side of the workers: start them on processors of their own, ask, and end them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

__all__ = [
    "PeerFailedError",
    "Seat",
    "Worker",
    "Workers",
    "child_environment",
    "on_cpus",
    "usable_cpus",
]

LONGEST_ANSWER = 900.0
"""Seconds after which a worker that does not answer is ended."""

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NPROC",  # XLA's
)
_SETTINGS = {
    "JAX_PLATFORMS": "cpu",
    # What was compiled yesterday would make today's compiling look free.
    "JAX_ENABLE_COMPILATION_CACHE": "false",
    "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",
}


class PeerFailedError(Exception):
    """A peer could not do the work; the message says why, in its words."""


def usable_cpus() -> list[int]:
    """Return the processors that this process may use, one a physical core where that is known.

    Two threads of one core share its arithmetic, and would be half as fast as two cores.
    """
    if not hasattr(os, "sched_getaffinity"):
        return list(range(os.cpu_count() or 1))
    allowed, chosen, taken = sorted(os.sched_getaffinity(0)), [], set()
    for cpu in allowed:
        topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        with contextlib.suppress(OSError):
            core = topology.read_text(encoding="ascii").strip()
            if core in taken:
                continue
            taken.add(core)
        chosen.append(cpu)
    return chosen


@contextlib.contextmanager
def on_cpus(threads: int) -> Iterator[None]:
    """Let processes that are started inside have so many processors, and no more.

    A process inherits the processors of the thread that starts it. The last ones are taken:
    the first are where a system does its own work.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, usable_cpus()[-threads:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def child_environment(threads: int) -> dict[str, str]:
    """Return the environment of a process whose libraries use so many threads."""
    return {**os.environ, **_SETTINGS, **dict.fromkeys(_THREADS, str(threads))}


class Worker:
    """A process that holds one library; see `mlplab.benchmarks.worker`.

    Parameters
    ----------
    library : str
    threads : int
    """

    def __init__(self, library: str, threads: int) -> None:
        self._library = library
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the worker
        with on_cpus(threads):
            self._process = subprocess.Popen(  # noqa: S603  # ourselves
                [sys.executable, "-P", "-m", "mlplab.benchmarks.worker", library, str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=child_environment(threads),
                text=True,
                encoding="utf-8",
                # Ctrl-C is answered here, and the children of a worker end with it.
                start_new_session=True,
            )
        self._ready = False
        self._refusal, self._gone = "", False

    @property
    def usable(self) -> bool:
        """Whether it can be asked, or has said why not."""
        return bool(self._refusal) or not (self._gone or self._process.poll() is not None)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Wait for the library to be loaded.

        Raises
        ------
        PeerFailedError
            It cannot be loaded.
        """
        if self._refusal:
            raise PeerFailedError(self._refusal)
        if not self._ready:
            try:
                self._read(LONGEST_ANSWER)
            except PeerFailedError as error:
                self._refusal = str(error)
                raise
            self._ready = True

    def ask(self, verb: str, *, limit: float = LONGEST_ANSWER, **more: Any) -> dict[str, Any]:
        """Return the answer to a request.

        Raises
        ------
        PeerFailedError
            The library raised, the process ended, or it took too long.
        """
        self.wait_until_ready()
        stdin = self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # reading tells why
            if stdin is not None:
                stdin.write(json.dumps({"verb": verb, **more}) + "\n")
                stdin.flush()
        return self._read(limit)

    def _read(self, limit: float) -> dict[str, Any]:
        late = threading.Event()

        def end() -> None:
            late.set()
            self._kill()

        timer = threading.Timer(limit, end)
        timer.daemon = True
        timer.start()
        try:
            line = self._process.stdout.readline() if self._process.stdout else ""
        finally:
            timer.cancel()
        self._gone = late.is_set() or not line
        if late.is_set():
            raise PeerFailedError(f"no answer within {limit:.0f} seconds")
        if not line:
            raise PeerFailedError(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerFailedError(answer["error"])
        return answer

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"the process ended: {lines[-1] if lines else 'without a word'}"

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def close(self) -> None:
        """End the process and its children."""
        self._kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            # What was not written to a process that has ended is lost, rightly.
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()


class Seat(NamedTuple):
    """Which worker: peers of one process share one, for each number of threads."""

    process: str
    library: str
    threads: int


class Workers:
    """The workers of a run, kept from case to case."""

    def __init__(self) -> None:
        self._workers: dict[Seat, Worker] = {}

    def get(self, seat: Seat) -> Worker:
        """Return a worker, started if there is none."""
        found = self._workers.get(seat)
        if found is None or not found.usable:
            if found is not None:
                found.close()
            found = self._workers[seat] = Worker(seat.library, seat.threads)
        return found

    def start(self, seats: Iterable[Seat]) -> None:
        """Start workers side by side, wait until all are loaded, and forget the last case.

        Who cannot load its library says so when it is asked.
        """
        workers = [self.get(seat) for seat in seats]
        for worker in workers:
            with contextlib.suppress(PeerFailedError):
                worker.ask("forget")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers.values():
            worker.close()
        self._workers.clear()
