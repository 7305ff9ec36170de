"""Peers take turns, are judged by their losses, and fail without taking the others along."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.benchmarks.helpers import Local, Watch, peer, small

from mlplab.benchmarks import PEERS, Peer, Report, by_numpy, measure
from mlplab.benchmarks.fresh import import_seconds, training_memory
from mlplab.benchmarks.machine import describe_machine
from mlplab.benchmarks.processes import (
    PeerFailedError,
    Seat,
    Workers,
    child_environment,
    on_cpus,
    usable_cpus,
)
from mlplab.benchmarks.tables import case_table, opening_lines, summary_markdown
from mlplab.engines.native_abi import instruction_sets, library_path
from mlplab.errors import EngineError

OURS = PEERS["mlplab"]
NUMPY = PEERS["numpy"]


def run(*peers: Peer, watch: Watch | None = None, rounds: int = 2) -> Report:
    """Measure peers beside us in one small case, in this process."""
    return measure(
        [small("2-2-1-sgd")],
        [OURS, *peers],
        rounds=rounds,
        full=True,
        watcher=watch or Watch(),
        workers=Local(),
    )


@pytest.mark.parametrize(("factor", "status"), [(1.0, "measured"), (0.7, "differs")])
def test_another_final_loss_is_an_error_and_no_time(
    factor: float, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer that makes smaller steps, however fast, is told from one that does not."""
    honest = by_numpy.training

    def other(problem: Any, threads: int) -> Any:
        return honest(replace(problem, rate=problem.rate * factor), threads)

    monkeypatch.setattr(by_numpy, "training", other)
    report = run(NUMPY)
    one = report.cases[0].measurements[1]
    assert (one.peer, one.status) == ("numpy", status)
    assert one.counts == (status == "measured")
    table = case_table(report.cases[0])
    labels = [row[0] for row in table.rows]
    if status == "measured":
        assert labels == ["mlplab", "NumPy, by hand"]
        assert table.remarks == []
        return
    assert labels == ["mlplab"]
    assert "NumPy, by hand: final loss" in table.remarks[0]
    assert "differs from" in table.remarks[0]
    assert summary_markdown(report).splitlines()[-1].endswith("| error |")
    assert report.to_dict()["cases"][0]["measurements"][1]["derived"] is None
    assert report.sound


def test_a_loss_that_goes_wrong_later_takes_the_time_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every round is judged, not only the first."""
    judged = iter([0.0, 0.0, 0.0, 1.0])
    honest = by_numpy.final_loss
    monkeypatch.setattr(by_numpy, "final_loss", lambda *given: honest(*given) + next(judged, 0.0))
    one = run(NUMPY).cases[0].measurements[1]
    assert one.status == "differs"
    assert not one.counts


def test_we_are_judged_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a true figure of ours there is no ratio, and the report is not sound."""
    from mlplab.benchmarks import by_mlplab

    honest = by_mlplab.training
    monkeypatch.setattr(by_mlplab, "training", lambda p, t: honest(replace(p, rate=2 * p.rate), t))
    report = run(NUMPY)
    assert [one.status for one in report.cases[0].measurements] == ["differs", "measured"]
    assert not report.sound
    assert report.cases[0].ratio(report.cases[0].measurements[1]) is None


def test_who_raises_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go on; the message is kept."""

    def broken(*_: Any) -> Any:
        message = "no numbers today"
        raise ArithmeticError(message)

    monkeypatch.setattr(by_numpy, "training", broken)
    report = run(NUMPY)
    ours, other = report.cases[0].measurements
    assert ours.counts
    assert (other.status, other.remark, other.values) == ("failed", "no numbers today", [])
    assert case_table(report.cases[0]).remarks == ["NumPy, by hand: no numbers today."]


def test_peers_take_turns_and_every_other_round_goes_backwards() -> None:
    """After the true loss and the preparation."""
    watch = Watch()
    report = run(NUMPY, watch=watch, rounds=3)
    a, b = OURS.label, NUMPY.label
    assert watch.turns[2:] == [a, b, a, b, b, a, a, b]
    assert watch.cases == ["2-2-1-sgd"]
    assert [len(one.values) for one in report.cases[0].measurements] == [3, 3]
    assert len(report.cases[0].peaks) == 3
    assert report.cases[0].tolerance == 1e-3


@pytest.mark.parametrize(("at", "values"), [(0, [0, 0]), (3, [0, 0]), (5, [1, 0]), (6, [1, 1])])
def test_an_interrupt_keeps_what_was_measured(at: int, values: list[int]) -> None:
    """Whenever it comes, the rounds until then are in the report."""
    watch = Watch(interrupt_at=at)
    report = run(NUMPY, watch=watch)
    assert report.interrupted
    found = [len(one.values) for one in report.cases[0].measurements]
    assert found == (values if found else [])
    assert watch.cases == ["2-2-1-sgd"]
    case_table(report.cases[0])


def test_absent_peers_are_named() -> None:
    """With how to install them; they take no part."""
    absent = Peer("rival", "Rival", "rival", {"training": {}}, needs="no_such_rival")
    report = run(absent)
    assert [one.peer for one in report.cases[0].measurements] == ["mlplab"]
    assert report.machine.absent == {"rival": "pip install 'mlplab[bench]'"}
    assert "Not installed: rival. pip install 'mlplab[bench]'" in opening_lines(report)


def test_a_missing_native_library_is_told_with_the_way_to_build_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the benchmark and by the description of a network that was trained without."""
    from sklearn.datasets import load_iris

    from mlplab import MLPClassifier, explain
    from mlplab.engines import native, native_abi

    monkeypatch.setattr(native_abi, "library_path", lambda: None)
    monkeypatch.setattr(native, "load_library", native_abi.load_library.__wrapped__)
    lines = opening_lines(run())
    model = MLPClassifier((4,), random_state=0)
    model.partial_fit(*load_iris(return_X_y=True), classes=[0, 1, 2])
    for text in (next(line for line in lines if line.startswith("Engine: reference")),
                 explain.describe(model).to_text()):  # fmt: skip
        words = " ".join(text.split())
        assert "was not built" in words
        assert "C++ compiler" in words
        assert "pip install --force-reinstall" in words


def test_the_machine_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    """The instruction set that is used, and whether it was chosen; a wrong choice is an error."""
    if library_path() is None:
        pytest.skip("the native engine was not built")
    sets = list(instruction_sets())
    monkeypatch.delenv("MLPLAB_ISA", raising=False)
    found = describe_machine([])
    assert found.isa in sets
    assert (found.engine, found.absent) == ("native", {})
    assert found.n_cpus == len(usable_cpus()) >= 1
    assert found.cpu
    assert found.versions["numpy"] == np.__version__
    monkeypatch.setenv("MLPLAB_ISA", sets[0])
    assert describe_machine([]).isa == f"{sets[0]} (MLPLAB_ISA)"
    monkeypatch.setenv("MLPLAB_ISA", "avx3")
    with pytest.raises(EngineError, match="`MLPLAB_ISA` must be one of"):
        describe_machine([])


# ------------------------------------------------------------------------------ real processes


def test_a_worker_has_as_many_cores_as_threads() -> None:
    """Equal threads are not left to the good will of libraries."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system has no affinity")
    before = os.sched_getaffinity(0)
    with on_cpus(1):
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before
    assert set(usable_cpus()) <= before
    environment = child_environment(1)
    assert environment["OMP_NUM_THREADS"] == environment["OPENBLAS_NUM_THREADS"] == "1"
    with Workers() as workers:
        worker = workers.get(Seat("numpy", "numpy", 1))
        assert worker.ask("peak")["gflops"] > 0
        assert len(os.sched_getaffinity(worker.pid)) == 1
        assert workers.get(Seat("numpy", "numpy", 1)) is worker


def test_a_library_that_cannot_be_loaded_says_why() -> None:
    """As often as it is asked."""
    with Workers() as workers:
        seat = Seat("nobody", "nobody", 1)
        workers.start([seat])
        for _ in range(2):
            with pytest.raises(PeerFailedError, match="No module named"):
                workers.get(seat).ask("peak")


def test_a_process_that_dies_or_is_late_is_told() -> None:
    """With its last words or the limit; the next worker of that seat is a new one."""
    with Workers() as workers:
        seat = Seat("numpy", "numpy", 1)
        worker = workers.get(seat)
        worker.ask("forget")
        with pytest.raises(PeerFailedError, match=r"no answer within 0 seconds"):
            worker.ask("peak", limit=0.001)
        fresh = workers.get(seat)
        assert fresh is not worker
        fresh.ask("forget")
        os.kill(fresh.pid, signal.SIGKILL)
        with pytest.raises(PeerFailedError, match="the process ended"):
            fresh.ask("peak")
        with pytest.raises(PeerFailedError, match="has ended"):
            workers.get(seat).ask("round", peer="numpy", at_least=0.0)


def test_imports_and_memory_in_fresh_processes() -> None:
    """Seconds of an import, bytes of a training; a failure is told."""
    assert 0 < import_seconds("import mlplab") < import_seconds("import sklearn") + 60
    taken, loss = training_memory("mlplab", 20_000)
    # Rows of 50 float32 columns, of which a shuffled copy would already be 4 MB.
    assert 0 <= taken < 100e6
    assert loss > 0
    with pytest.raises(PeerFailedError, match="ModuleNotFoundError"):
        import_seconds("import no_such_rival")


def test_peers_share_processes_by_name() -> None:
    """PyTorch's forms share one; our PyTorch engine does not share ours."""
    assert PEERS["torch-eager"].seat(2) == PEERS["torch-fused"].seat(2) == Seat("torch", "torch", 2)
    assert peer("mine", "numpy").seat(1).process == "numpy"
    assert PEERS["mlplab-reference"].seat(1) != PEERS["mlplab"].seat(1)
