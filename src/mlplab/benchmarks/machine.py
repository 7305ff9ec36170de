"""The machine, the libraries and the engine: what has to stand beside every figure."""

from __future__ import annotations

import datetime as dt
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

from mlplab.benchmarks.by_mlplab import make_plan
from mlplab.benchmarks.cases import CASES
from mlplab.benchmarks.measurements import Machine
from mlplab.benchmarks.peers import INSTALL, Peer, is_here, versions
from mlplab.benchmarks.processes import usable_cpus
from mlplab.engines import select_engine
from mlplab.engines.native_abi import chosen_isa, instruction_sets, load_library

__all__ = ["BUSY", "describe_machine", "load"]

BUSY = 0.5
"""A load above which figures are called indications."""


def describe_machine(peers: Iterable[Peer]) -> Machine:
    """Return what the figures of these peers depend on."""
    engine, reason = select_engine("auto", make_plan(CASES["tiny-adam"].problem, "float32"))
    return Machine(
        cpu=_cpu(),
        n_cpus=len(usable_cpus()),
        isa=_isa() if engine.name == "native" else "",
        engine=engine.name,
        engine_reason=reason,
        versions=versions(),
        absent={peer.name: INSTALL for peer in peers if not is_here(peer)},
        date=dt.datetime.now(dt.UTC).date().isoformat(),
    )


def load() -> float | None:
    """Return how many processes wanted a processor, mean over a minute, or None."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _isa() -> str:
    """Return the instruction set of the native engine, and whether somebody chose it."""
    chosen, best = chosen_isa(), load_library().mlp_best_isa()
    by_index = {index: name for name, index in instruction_sets().items()}
    # A choice counts from 1; 0 is the best.
    return f"{by_index[chosen - 1]} (MLPLAB_ISA)" if chosen else by_index[best]


def _cpu() -> str:
    """Return the name of the processor, as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if platform.system() == "Darwin":
        words = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
        if done.stdout.strip():
            return done.stdout.strip()
    return platform.processor() or platform.machine()
