"""Sweeps in processes of their own, which are killed, interrupted, and run side by side."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.sweeps.synthetic import ROOT, Walk, comparable, killable_sweep

from mlplab import sweeps
from mlplab.results import SweepResult
from mlplab.sweeps.records import from_line


def start(folder: Path, search: str = "random") -> subprocess.Popen[str]:
    """Start a sweep of 200 slow trainings in a process of its own."""
    command = [sys.executable, "-m", "tests.sweeps.synthetic", str(folder), search]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def n_lines(folder: Path) -> int:
    """Count what was written up to now."""
    path = folder / "ledger.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_until_it_trains(process: subprocess.Popen[str], folder: Path) -> None:
    """Wait until the process has written something new, or is done."""
    before = n_lines(folder)
    while n_lines(folder) == before and process.poll() is None:
        time.sleep(0.005)


def finish(folder: Path, search: str = "random") -> SweepResult:
    """Go on to the end in this process."""
    return sweeps.run(killable_sweep(search), Walk(), storage=folder)


def assert_nothing_is_lost(folder: Path, search: str) -> None:
    """Check that the result is that of an uninterrupted sweep, and no cell was trained twice."""
    last = finish(folder, search)
    assert comparable(last) == comparable(sweeps.run(killable_sweep(search), Walk()))
    lines = (folder / "ledger.jsonl").read_bytes().splitlines()
    keys = [found.cell.key for line in lines if (found := from_line(line))]
    assert len(keys) == len(set(keys)) == last.n_cells


def kill_repeatedly(folder: Path, search: str, n_kills: int, seed: int) -> int:
    """Kill a sweep at random moments, start it again, and return how often that was done."""
    rng = random.Random(seed)  # noqa: S311  # moments, not secrets
    for number in range(n_kills):
        process = start(folder, search)
        if number % 4:  # else also while it starts
            wait_until_it_trains(process, folder)
        time.sleep(rng.uniform(0, 0.08))
        if process.poll() is not None:
            return number
        process.kill()
        process.communicate()
    return n_kills


@pytest.mark.parametrize("search", ["random", "hyperband"])
def test_killed_sweeps_lose_nothing(tmp_path: Path, search: str) -> None:
    """Whatever the moment."""
    assert kill_repeatedly(tmp_path, search, 2, seed=0) == 2
    assert_nothing_is_lost(tmp_path, search)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_sweeps_that_are_killed_all_the_time_lose_nothing(
    tmp_path: Path, seed: int, record_property: Callable[[str, object], None]
) -> None:
    """At least twenty kills in one sweep."""
    assert kill_repeatedly(tmp_path, "slowly", 20, seed=seed) == 20
    assert_nothing_is_lost(tmp_path, "slowly")
    record_property("kills", 20)
    record_property("outcome", "no training lost, none twice, the result of a sweep without a kill")


def test_ctrl_c_finishes_cleanly(tmp_path: Path) -> None:
    """What is finished was written, no claim is left, and the same call goes on."""
    process = start(tmp_path)
    wait_until_it_trains(process, tmp_path)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    told = json.loads(output)
    assert process.returncode == 0
    assert told["stop"] == "INTERRUPTED"
    assert 0 < told["n_trained"] == n_lines(tmp_path)
    assert not list((tmp_path / "claims").iterdir())
    assert_nothing_is_lost(tmp_path, "random")


@pytest.mark.slow
def test_processes_share_the_work_and_survive_each_other(tmp_path: Path) -> None:
    """Two train the same sweep; one is killed, the other finishes, also what that one had begun."""
    one, other = start(tmp_path, "slowly"), start(tmp_path, "slowly")
    wait_until_it_trains(one, tmp_path)
    while len(list((tmp_path / "claims").glob("*.txt"))) < 2:
        assert one.poll() is None
        time.sleep(0.005)
    other.kill()
    other.communicate()
    output, _ = one.communicate(timeout=60)
    assert json.loads(output)["stop"] == "COMPLETE"
    assert_nothing_is_lost(tmp_path, "slowly")


def test_processes_divide_the_cells(tmp_path: Path) -> None:
    """Nobody trains what another one has."""
    processes = [start(tmp_path) for _ in range(2)]
    told = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert [one["stop"] for one in told] == ["COMPLETE", "COMPLETE"]
    assert sum(one["n_trained"] for one in told) == 200
