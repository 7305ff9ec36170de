"""What only a fresh process tells: seconds of an import, and the peak of memory of a training.

``python -m mlplab.benchmarks.fresh memory LIBRARY ROWS`` is such a process.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import resource
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from mlplab.benchmarks.processes import PeerFailedError, child_environment, on_cpus

__all__ = ["import_seconds", "peak_memory", "training_memory"]

COLUMNS, CLASSES = 50, 4


def import_seconds(statement: str) -> float:
    """Return how long an import takes in a fresh process that has NumPy already."""
    code = (
        "import time, numpy\n"
        "began = time.perf_counter()\n"
        f"{statement}\n"
        "print(time.perf_counter() - began)\n"
    )
    return float(_run(["-c", code], threads=1))


def training_memory(library: str, n_rows: int) -> tuple[float, float]:
    """Return the peak of memory of a training in a fresh process, and its final loss.

    Parameters
    ----------
    library : {"mlplab", "sklearn"}
    n_rows : int
        Rows of 50 columns in float32.

    Returns
    -------
    (float, float)
        Bytes beyond those of the process with its rows before `fit`; loss of the last epoch.
    """
    words = ["-m", "mlplab.benchmarks.fresh", "memory", library, str(n_rows)]
    found = json.loads(_run(words, threads=1))
    return found["bytes"], found["loss"]


def _run(words: list[str], threads: int) -> str:
    # -P: a folder that happens to be the current one is not where packages come from.
    with on_cpus(threads):
        done = subprocess.run(  # noqa: S603  # ourselves
            [sys.executable, "-P", *words],
            env=child_environment(threads),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise PeerFailedError(lines[-1] if lines else f"exit status {done.returncode}")
    return done.stdout


def peak_memory() -> int:
    """Return the most memory that this process has held at once, in bytes.

    On Linux from ``/proc``: what `getrusage` says there includes the process that started this
    one, as it was before this program took its place.
    """
    status = Path("/proc/self/status")
    if status.exists():
        words = status.read_text(encoding="ascii").partition("VmHWM:")[2].split()
        return 1024 * int(words[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _forget_peak() -> None:
    """Let the peak begin anew at what is held now; where that is not to be had, it stays."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _estimator(library: str) -> Any:
    home = {"mlplab": "mlplab", "sklearn": "sklearn.neural_network"}[library]
    return importlib.import_module(home).MLPClassifier((32, 32), max_iter=1, random_state=0)


def _measure(library: str, n_rows: int) -> dict[str, float]:
    warnings.simplefilter("ignore")  # one epoch does not converge
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, COLUMNS), dtype=np.float32)
    y = X[:, :CLASSES].argmax(axis=1)
    # A small training first: what a library loads when it is first used is not counted.
    _estimator(library).fit(X[:1000], y[:1000])
    _forget_peak()
    before = peak_memory()
    model = _estimator(library).fit(X, y)
    return {"bytes": peak_memory() - before, "loss": float(model.loss_)}


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[2], int(sys.argv[3]))))  # noqa: T201  # the answer
