"""Every case can be built, and every installed peer ends at the true loss in it."""

from __future__ import annotations

import pytest
from tests.benchmarks.helpers import Watch, small

from mlplab.benchmarks import CASES, PEERS, CaseResult, Report, measure
from mlplab.benchmarks.peers import is_here

COMPILED = {"torch-compile", "torch-max-autotune"}
# Every kind, every loss, both solvers; the others are slow, as JAX compiles each of them.
SOME = ["tiny-adam", "2-2-1-sgd", "2-8-2-sgd", "many-adam", "predict-1", "memory"]


def run(names: list[str]) -> Report:
    """Return small cases with all peers but those that need a C++ compiler."""
    peers = [peer for name, peer in PEERS.items() if name not in COMPILED]
    return measure([small(name) for name in names], peers, rounds=1, full=True, watcher=Watch())


def check(case: CaseResult) -> None:
    """Whoever is installed takes part, is measured, and is right."""
    expected = {
        peer.name
        for peer in PEERS.values()
        if case.kind in peer.takes_part and is_here(peer) and peer.name not in COMPILED
    }
    assert {(m.peer, m.status, m.remark) for m in case.measurements} == {
        (peer, "measured", "") for peer in expected
    }
    assert {"mlplab", "sklearn-float32"} <= expected
    judged = case.kind != "import"
    for one in case.measurements:
        assert len(one.values) == 1
        assert one.median > 0
        assert bool(one.losses) == judged
        assert one.losses == pytest.approx(case.truth, rel=case.tolerance)
    assert len(case.peaks) == (case.kind in {"training", "many", "prediction"})


@pytest.fixture(scope="module")
def report() -> Report:
    """Return some cases."""
    return run(SOME)


@pytest.mark.parametrize("name", SOME)
def test_every_peer_ends_at_the_true_loss(report: Report, name: str) -> None:
    """In every kind of case, with every loss and both solvers."""
    check(next(case for case in report.cases if case.name == name))


def test_compiling_is_told_apart(report: Report) -> None:
    """JAX compiles before it is timed; the others do not compile."""
    case = next(one for one in report.cases if one.name == "tiny-adam")
    seconds = {one.peer: one.compile_seconds for one in case.measurements}
    assert seconds.pop("jax", 1.0) > 0
    assert set(seconds.values()) == {0.0}


@pytest.mark.slow
def test_every_peer_ends_at_the_true_loss_in_every_case() -> None:
    """Those that are left."""
    found = run([name for name in CASES if name not in SOME])
    assert [case.name for case in found.cases] == [name for name in CASES if name not in SOME]
    for case in found.cases:
        check(case)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["2-2-1-sgd", "tiny-adam", "predict-1"])
def test_compiled_forms_end_at_the_true_loss(name: str) -> None:
    """One graph of forward pass, backward pass and update; two sizes of batches."""
    peers = [PEERS[peer] for peer in ("mlplab", *sorted(COMPILED))]
    if not all(is_here(peer) for peer in peers):
        pytest.skip("PyTorch is not installed")
    found = measure([small(name)], peers, rounds=1, full=True, watcher=Watch())
    for one in found.cases[0].measurements:
        assert one.status == "measured", one.remark
        assert (one.compile_seconds > 0) == (one.peer in COMPILED)
