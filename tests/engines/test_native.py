"""The native engine: every instruction set against the reference, threads, blocks, interrupts."""

from __future__ import annotations

import dataclasses
import math
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.contracts.trainings import assert_equal_states, run, small_case, timeless
from tests.shapes import unchecked_shapes
from tests.strategies import ACTIVATION_NAMES, LOSS_CASES, OPTIMISERS, Case, cases, draw_data

from mlplab import nn, optim
from mlplab.engines import Job, StoppingRule, TrainingPlan
from mlplab.engines.native_abi import instruction_sets, library_path
from mlplab.engines.reference import ReferenceEngine
from mlplab.errors import EngineError
from mlplab.results import StopReason

if library_path() is None:
    pytest.skip("the native engine was not built", allow_module_level=True)

from mlplab.engines import native
from mlplab.engines.native import NativeEngine

SETS = list(instruction_sets())
EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
FOREVER = StoppingRule(max_epochs=10**9, patience=math.inf)


@pytest.fixture(autouse=True)
def _fast() -> Iterator[None]:
    """Make thousands of steps affordable."""
    with unchecked_shapes():
        yield


@pytest.fixture(params=SETS)
def isa(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Force one instruction set after another."""
    monkeypatch.setenv("MLPLAB_ISA", request.param)
    return str(request.param)


def _wide_case(
    loss: str = "categorical",
    *,
    optimiser: str = "adam",
    activation: str = "tanh",
    n_rows: int = 300,
    batch_size: int = 100,
    hidden: tuple[int, ...] = (101, 40),
    n_features: int = 130,
    dtype: str = "float64",
    kind: str = "dense",
    dropout: float = 0.0,
    n_epochs: int = 2,
    **fields: Any,
) -> Case:
    """Return a training whose sizes fill no register, tile, panel, unit or block evenly."""
    rng = np.random.default_rng(5)
    case = LOSS_CASES[loss]
    recipe, rate = OPTIMISERS[optimiser]
    network = nn.multilayer(n_features, hidden, case.n_outputs, activation, dropout)
    plan = TrainingPlan(
        network, case.loss, recipe, optim.Constant(rate / 10), batch_size=batch_size, dtype=dtype,
        stopping=StoppingRule(max_epochs=n_epochs, patience=math.inf), **fields,
    )  # fmt: skip
    data = draw_data(case, rng, n_rows, n_features, dtype, kind=kind, weighted=True)
    start = nn.draw_parameters(network, "glorot_uniform", rng, dtype)
    return Case(plan, data, start, np.array([rng.permutation(n_rows) for _ in range(n_epochs)]))


def _assert_like_reference(case: Case, *, double: float = 1e-10, single: float = 1e-4) -> None:
    state, records = run(NativeEngine(1), case)
    expected, expected_records = run(ReferenceEngine(), case)
    tolerance = double if case.plan.dtype == "float64" else single
    scale = np.abs(expected.parameters).max()
    assert np.abs(state.parameters - expected.parameters).max() <= tolerance * scale
    for name, slot in expected.slots.items():
        largest = max(np.abs(slot).max(), 1e-30)
        assert np.abs(state.slots[name] - slot).max() <= 100 * tolerance * largest, name
    for one, other in zip(timeless(records), timeless(expected_records), strict=True):
        figures = [[value for value in record if value is not None] for record in (one, other)]
        assert figures[0] == pytest.approx(figures[1], rel=10 * tolerance, abs=tolerance)


@EXAMPLES
@given(case=cases())
def test_every_instruction_set_agrees_with_the_reference(isa: str, case: Case) -> None:
    """Generated plans, to rounding, in each set that library and machine have."""
    assert isa in SETS
    expected, _ = run(ReferenceEngine(), case)
    assume(expected.stop is not StopReason.DIVERGED)
    state, _ = run(NativeEngine(1), case)
    tolerance = 1e-9 if case.plan.dtype == "float64" else 5e-3
    np.testing.assert_allclose(
        state.parameters, expected.parameters, rtol=tolerance, atol=tolerance
    )
    assert (state.step, state.epoch, state.samples_seen) == (
        expected.step, expected.epoch, expected.samples_seen,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_optimisers_on_uneven_sizes(isa: str, optimiser: str, dtype: str) -> None:
    """Parameters, memory and records after two epochs; float64 to 1e-10."""
    assert isa
    _assert_like_reference(_wide_case(optimiser=optimiser, dtype=dtype))


@pytest.mark.parametrize("loss", LOSS_CASES)
def test_losses_on_uneven_sizes(isa: str, loss: str) -> None:
    """Every loss, its last rows filling no register."""
    assert isa
    _assert_like_reference(_wide_case(loss, hidden=(33,), batch_size=31, optimiser="plain"))


@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_activations_on_uneven_sizes(isa: str, activation: str) -> None:
    """Every activation, forward and backward, one after another."""
    assert isa
    _assert_like_reference(
        _wide_case(activation=activation, hidden=(19, 7, 5), optimiser="plain", batch_size=50)
    )


@pytest.mark.parametrize("kind", ["dense", "csr_matrix"])
def test_batches_beyond_a_block(isa: str, kind: str) -> None:
    """Large batches go through in blocks: masks, weights, penalties and sparse rows included."""
    assert isa
    case = _wide_case(n_rows=900, batch_size=700, dropout=0.25, kind=kind, hidden=(20, 10),
                      n_features=11, penalties=nn.Penalties(0.1, 1e-3), clip_norm=0.5,
                      clip_value=0.2, weight_decay=0.01)  # fmt: skip
    _assert_like_reference(case)


def test_layers_in_any_order(isa: str) -> None:
    """Dropout on the input, two activations in a row, dense upon dense, activation at the end."""
    assert isa
    network = nn.NetworkSpec(
        (
            nn.Dropout(0.2), nn.Activation("tanh"), nn.Dense(6, 9), nn.Activation("tanh"),
            nn.Activation("relu"), nn.Dense(9, 5), nn.Dense(5, 7), nn.Dropout(0.5),
            nn.Activation("gelu"), nn.Dense(7, 3), nn.Activation("tanh"),
        )
    )  # fmt: skip
    case = _wide_case(n_features=6, hidden=(3,), batch_size=40)
    start = nn.draw_parameters(network, "glorot_uniform", np.random.default_rng(0), "float64")
    _assert_like_reference(case.replan(network=network).replace(start=start))


def test_objective_in_blocks(isa: str) -> None:
    """Value and gradient over more rows than a block, for L-BFGS."""
    assert isa
    case = _wide_case(n_rows=1000, penalties=nn.Penalties(0.1), dropout=0.25)
    plan = dataclasses.replace(case.plan, optimiser=optim.LBFGS())
    found = NativeEngine(1).objective(plan, case.start, case.data)
    expected = ReferenceEngine().objective(plan, case.start, case.data)
    assert found[:2] == pytest.approx(expected[:2], rel=1e-12)
    np.testing.assert_allclose(found[2], expected[2], rtol=1e-9, atol=1e-13)


# Threads


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_do_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    """One, two, three or seven threads: training, validation, objective and predictions."""
    monkeypatch.setattr(native, "WORTH_A_THREAD", 0)
    case = _wide_case(dtype=dtype, n_rows=700, batch_size=333, dropout=0.25, clip_norm=0.5)
    one, records = run(NativeEngine(1), case)
    objective = NativeEngine(1).objective(case.plan, case.start, case.data)
    raw = NativeEngine(1).raw_predictions(case.plan.network, case.start, case.data.x)
    for n_threads in (2, 3, 7):
        engine = NativeEngine(n_threads)
        other, other_records = run(engine, case)
        assert_equal_states(other, one)
        assert timeless(other_records) == timeless(records)
        found = engine.objective(case.plan, case.start, case.data)
        assert found[:2] == objective[:2]
        np.testing.assert_array_equal(found[2], objective[2])
        predicted = engine.raw_predictions(case.plan.network, case.start, case.data.x)
        np.testing.assert_array_equal(predicted, raw)


def test_many_networks_on_several_threads_are_each_alone() -> None:
    """Bit for bit, also those that a Python function scores."""
    rule = StoppingRule(max_epochs=3, monitor="validation_score", patience=math.inf)
    drawn = [small_case(seed=seed, dtype="float32", dropout=0.25) for seed in range(9)]
    own = small_case(stopping=rule, n_epochs=3)
    look = dataclasses.replace(own.data.validation, score=lambda raw: float(raw.sum()))
    drawn.insert(4, own.replace(data=dataclasses.replace(own.data, validation=look)))
    jobs = [case.job() for case in drawn]
    together = NativeEngine(3).advance_many(jobs)
    for case, job, records in zip(drawn, jobs, together, strict=True):
        state, alone = run(NativeEngine(1), case)
        assert_equal_states(job.state, state)
        assert timeless(records) == timeless(alone)


def test_engines_in_several_python_threads() -> None:
    """The library holds nothing between calls that two callers could share."""
    case = small_case(n_epochs=4)
    expected, _ = run(NativeEngine(1), case)
    states: list[Any] = []
    engine = NativeEngine(1)
    workers = [
        threading.Thread(target=lambda: states.append(run(engine, case)[0])) for _ in range(6)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(states) == 6
    for state in states:
        assert_equal_states(state, expected)


# Interrupts


@pytest.fixture
def alarm() -> Iterator[Any]:
    """Interrupt the main thread as Ctrl-C does, after so many seconds."""

    def ring(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_interrupt_between_epochs(alarm: Any) -> None:
    """Within a tenth of a second; the state is that of the completed epochs."""
    case = small_case(shuffled=False, batch_size=20, stopping=FOREVER)
    state = case.state()
    alarm(0.2)
    began = time.perf_counter()
    records = NativeEngine(1).advance(case.plan, state, case.data, None, 10**6)
    assert time.perf_counter() - began < 3
    assert state.stop is StopReason.INTERRUPTED
    assert len(records) == state.epoch == state.step > 0
    again = case.state()
    NativeEngine(1).advance(case.plan, again, case.data, None, state.epoch)
    np.testing.assert_array_equal(again.parameters, state.parameters)


def test_interrupt_within_an_epoch(alarm: Any) -> None:
    """The parameters are those after the last completed step."""
    case = _wide_case(n_rows=40_000, n_features=30, batch_size=1, hidden=(60,), n_epochs=1)
    case = case.replan(stopping=FOREVER).replace(orders=None)
    plain = dataclasses.replace(case.data, weight=None, validation=None)
    state = case.state()
    alarm(0.05)
    records = NativeEngine(1).advance(case.plan, state, plain, None, 1)
    assert state.stop is StopReason.INTERRUPTED
    assert not len(records)
    assert 0 < state.step < 40_000
    rows = slice(0, state.step)
    first = dataclasses.replace(plain, x=plain.x[rows], target=plain.target[rows])
    again = case.state()
    NativeEngine(1).advance(case.plan, again, first, None, 1)
    np.testing.assert_array_equal(again.parameters, state.parameters)
    np.testing.assert_array_equal(again.slots["first_moment"], state.slots["first_moment"])


def test_interrupt_of_many(alarm: Any) -> None:
    """Every network that was under way says so; each is that of completed epochs."""
    jobs = [
        Job(case.plan, case.state(), case.data, None, 10**6)
        for case in (small_case(seed=seed, shuffled=False, stopping=FOREVER) for seed in range(3))
    ]
    alarm(0.3)
    together = NativeEngine(2).advance_many(jobs)
    for job, records in zip(jobs, together, strict=True):
        assert job.state.stop is StopReason.INTERRUPTED
        assert len(records) == job.state.epoch


# What is refused, and what is not copied


def test_refusals_are_sentences() -> None:
    """What only the reference engine can do is said before anything runs."""
    engine, case = NativeEngine(1), small_case()
    assert engine.refuses(case.plan) is None
    square = nn.ActivationFunction("square", "z²", lambda z: z * z, lambda z, _: 2 * z)
    nn.register(square)
    try:
        own = case.replan(network=nn.multilayer(3, [4], 3, "square"))
        assert "square" in str(engine.refuses(own.plan))
        raw = engine.raw_predictions(own.plan.network, np.ones(31), case.data.x)
        expected, _ = nn.forward_pass(own.plan.network, np.ones(31), case.data.x)
        np.testing.assert_array_equal(raw, expected)
    finally:
        nn.unregister("square")
    tiny = case.replan(optimiser=optim.Adam(epsilon=1e-60), dtype="float32")
    assert "epsilon" in str(engine.refuses(tiny.plan))


def test_rows_that_fit_are_not_copied() -> None:
    """The library reads the caller's memory."""
    from mlplab.engines.native_plan import rows_view

    x = np.ones((5, 3), dtype=np.float32)
    view, _ = rows_view(x, np.dtype("float32"))
    assert view.x == x.ctypes.data
    other, kept = rows_view(x.astype(float)[:, ::-1], np.dtype("float32"))
    assert other.x != x.ctypes.data
    assert kept


@settings(max_examples=20, deadline=None)
@given(kind=st.sampled_from(["strided", "float64", "fortran"]))
def test_rows_of_any_layout(kind: str) -> None:
    """Views, other dtypes and other orders are the same rows."""
    case = _wide_case(n_rows=50, batch_size=20, dtype="float32", hidden=(5,), n_features=8)
    x = case.data.x
    changed = {
        "strided": np.repeat(x, 2, axis=1)[:, ::2],
        "float64": x.astype(np.float64),
        "fortran": np.asfortranarray(x),
    }[kind]
    other = case.replace(data=dataclasses.replace(case.data, x=changed))
    one, two = run(NativeEngine(1), case)[0], run(NativeEngine(1), other)[0]
    np.testing.assert_array_equal(one.parameters, two.parameters)


def test_orders_are_checked() -> None:
    """A row that does not exist is refused, and the state is that of completed steps."""
    case = small_case(n_epochs=2)
    bad = case.orders.copy()
    bad[1, 7] = 20
    job = case.replace(orders=bad).job()
    with pytest.raises(EngineError, match="row that does not exist"):
        NativeEngine(1).advance(*job)
    with pytest.raises(ValueError, match="orders must hold 2 epochs of 20 rows"):
        NativeEngine(1).advance(*case.replace(orders=case.orders[:1]).job())


def test_unknown_instruction_set_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names those that exist."""
    monkeypatch.setenv("MLPLAB_ISA", "mmx")
    with pytest.raises(EngineError, match=r"`MLPLAB_ISA` must be one of .*sse2|neon|generic"):
        run(NativeEngine(1), small_case())


def test_sparse_rows_with_repeated_entries() -> None:
    """Entries of the same place are added up, as SciPy does."""
    case = small_case()
    x = sp.csr_matrix(case.data.x)
    twice = sp.csr_matrix(
        (np.repeat(x.data / 2, 2), np.repeat(x.indices, 2), 2 * x.indptr), shape=x.shape
    )
    other = case.replace(data=dataclasses.replace(case.data, x=twice))
    one, two = run(NativeEngine(1), case)[0], run(NativeEngine(1), other)[0]
    np.testing.assert_allclose(one.parameters, two.parameters, rtol=1e-12)
