"""A process of its own for each library: ``python -m mlplab.benchmarks.worker LIBRARY THREADS``.

Reads requests and writes answers, one line of JSON each. Libraries that share a process also
share threads, allocators and settings, and many fix the number of their threads once and for
all when they are loaded; here each has a process that was given its processors at birth.
"""

from __future__ import annotations

import gc
import importlib
import json
import math
import os
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from mlplab.benchmarks.problems import Problem
from mlplab.benchmarks.tasks import Task

__all__ = ["Server", "serve"]

WARM = 0.5
"""Seconds of a run after which warming up makes no difference."""

AWAKE = 0.05
"""Seconds of work at the beginning of a turn that are not measured."""


class Server:
    """Answers requests with one library.

    Parameters
    ----------
    library : str
        ``by_<library>`` is the module that does the work.
    threads : int
    """

    def __init__(self, library: str, threads: int) -> None:
        self._module = importlib.import_module(f"mlplab.benchmarks.by_{library}")
        if hasattr(self._module, "LOADS"):
            importlib.import_module(self._module.LOADS)
        self._threads = threads
        self._tasks: dict[str, Task] = {}
        self._usual_seconds: dict[str, float] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return what a request asks for."""
        verbs: dict[str, Callable[..., dict[str, Any]]] = {
            "forget": self._forget,
            "prepare": self._prepare,
            "round": self._round,
            "truth": self._truth,
            "peak": self._peak,
        }
        return verbs[request.pop("verb")](**request)

    def _forget(self) -> dict[str, Any]:
        """Drop the tasks of the last case, and what they hold."""
        self._tasks.clear()
        getattr(self._module, "forget", lambda: None)()
        gc.collect()
        return {}

    def _prepare(
        self, peer: str, kind: str, problem: dict[str, Any], options: dict[str, Any]
    ) -> dict[str, Any]:
        task: Task = getattr(self._module, kind)(_problem(problem), self._threads, **options)
        self._tasks[peer], self._usual_seconds[peer] = task, 1.0
        answer = self._round(peer, 0.0)
        if answer["seconds"] < WARM:
            # The first run was warm-up; the second tells how often a round has to repeat it.
            answer = self._round(peer, 0.0)
        return {**answer, "compile_seconds": task.compile_seconds}

    def _round(self, peer: str, at_least: float) -> dict[str, Any]:
        """Run a task until so many seconds have passed; return the mean of the runs."""
        task = self._tasks.get(peer)
        if task is None:
            raise RuntimeError("the process in which it was prepared has ended")
        repeats = max(1, math.ceil(at_least / max(self._usual_seconds[peer], 1e-9)))
        gc.collect()
        gc.disable()
        try:
            began = time.perf_counter()
            # While others had their turn the processors slept and the caches were theirs.
            while at_least and time.perf_counter() - began < AWAKE:
                task.run()
            began = time.perf_counter()
            for _ in range(repeats):
                outcome = task.run()
            seconds = (time.perf_counter() - began) / repeats
        finally:
            gc.enable()
        self._usual_seconds[peer] = seconds
        return {"seconds": seconds, "losses": task.losses(outcome)}

    def _truth(self, kind: str, problem: dict[str, Any]) -> dict[str, Any]:
        return {"losses": self._module.true_losses(_problem(problem), self._threads, kind)}

    def _peak(self) -> dict[str, Any]:
        return {"gflops": self._module.multiply_peak()}


def _problem(fields: dict[str, Any]) -> Problem:
    return Problem(**{**fields, "units": tuple(fields["units"])})


def serve(library: str, threads: int, lines: TextIO, out: TextIO) -> None:
    """Answer every line until there are no more."""

    def say(answer: dict[str, Any]) -> None:
        out.write(json.dumps(answer) + "\n")
        out.flush()

    try:
        server = Server(library, threads)
    except Exception as error:  # noqa: BLE001  # whatever a library raises is told
        say({"error": _told(error)})
        return
    say({})
    for line in lines:
        try:
            say(server.answer(json.loads(line)))
        except Exception as error:  # noqa: BLE001  # same
            say({"error": _told(error)})


def _told(error: Exception) -> str:
    first = next((line for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {first.strip()}"


def main() -> None:
    """Serve on standard input and output; what libraries print goes to standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(sys.argv[1], int(sys.argv[2]), sys.stdin, out)


if __name__ == "__main__":
    main()
