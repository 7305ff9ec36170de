"""The PyTorch engine: the mathematics once more, populations, settings, devices, estimators."""

from __future__ import annotations

import dataclasses
import math
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contracts.trainings import assert_equal_states, run, small_case, timeless
from tests.shapes import unchecked_shapes
from tests.strategies import (
    ACTIVATION_NAMES,
    DTYPES,
    LOSS_CASES,
    OPTIMISERS,
    Case,
    draw_data,
    hidden_layers,
    rates,
    seeds,
)
from tests.torch_peer import needs_torch, torch

from mlplab import MLPClassifier, MLPRegressor, nn, optim
from mlplab.engines import (
    Job,
    StoppingRule,
    TrainingPlan,
    TrainingState,
    pytorch,
    select_engine,
    torch_functions,
    torch_network,
    torch_updates,
)
from mlplab.engines.pytorch import TorchEngine
from mlplab.engines.reference import ReferenceEngine
from mlplab.engines.torch_network import Place, PopulationNetwork, Thinning
from mlplab.errors import EngineError
from mlplab.results import StopReason

FOREVER = StoppingRule(max_epochs=10**9, patience=math.inf)
WIDTHS = (1, 2, 3, 5, 8, 15, 16, 17, 31, 33, 50)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make thousands of steps affordable, on the CPU wherever the tests run."""
    monkeypatch.setenv("MLPLAB_TORCH_DEVICE", "cpu")
    with unchecked_shapes():
        yield


def _wide_case(
    loss: str = "categorical",
    *,
    optimiser: str = "adam",
    activations: str | tuple[str, ...] = "tanh",
    hidden: tuple[int, ...] = (21, 18),
    n_epochs: int = 10,
    batch_size: int = 23,
    dtype: str = "float64",
    kind: str = "dense",
    seed: int = 5,
    **fields: Any,
) -> Case:
    """Return ten epochs of a network whose sizes fill no cache line, everything switched on."""
    rng, n_rows = np.random.default_rng(seed), 60
    case = LOSS_CASES[loss]
    recipe, rate = OPTIMISERS[optimiser]
    network = nn.multilayer(13, hidden, case.n_outputs, activations, 0.25)
    known = {
        "penalties": nn.Penalties(0.1, 1e-3), "weight_decay": 0.01, "clip_norm": 0.5,
        "clip_value": 0.2, "schedule": optim.Cosine(rate / 10), "dropout_seed": 2**63 + seed,
        "stopping": StoppingRule(max_epochs=n_epochs, patience=math.inf),
    }  # fmt: skip
    plan = TrainingPlan(
        **{"network": network, "loss": case.loss, "optimiser": recipe, **known, **fields},
        batch_size=batch_size, dtype=dtype,
    )  # fmt: skip
    data = draw_data(case, rng, n_rows, 13, dtype, kind=kind, weighted=True)
    start = nn.draw_parameters(network, "glorot_uniform", rng, dtype)
    return Case(plan, data, start, np.array([rng.permutation(n_rows) for _ in range(n_epochs)]))


def _assert_like_reference(case: Case, engine: TorchEngine | None = None) -> None:
    state, records = run(engine or TorchEngine(), case)
    expected, expected_records = run(ReferenceEngine(), case)
    tolerance = 1e-10 if case.plan.dtype == "float64" else 1e-4
    scale = np.abs(expected.parameters).max()
    assert np.abs(state.parameters - expected.parameters).max() <= tolerance * scale
    assert state.slots.keys() == expected.slots.keys()
    for name, slot in expected.slots.items():
        assert state.slots[name].shape == slot.shape
        assert state.slots[name].dtype == slot.dtype
        largest = max(np.abs(slot).max(), 1e-30)
        assert np.abs(state.slots[name] - slot).max() <= 100 * tolerance * largest, name
    for one, other in zip(timeless(records), timeless(expected_records), strict=True):
        figures = [[value for value in record if value is not None] for record in (one, other)]
        assert figures[0] == pytest.approx(figures[1], rel=10 * tolerance, abs=tolerance)


# The same mathematics


def test_tables_hold_everything_that_is_built_in() -> None:
    """An activation, a loss or an optimiser that is missing here would be refused."""
    assert set(torch_functions.ACTIVATIONS) == set(nn.ACTIVATIONS)
    assert set(torch_functions.LOSSES) == set(nn.LOSSES.values())
    assert {*torch_updates.UPDATES, optim.LBFGS} == set(optim.OPTIMISERS.values())


@needs_torch
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_ten_epochs_of_every_optimiser(optimiser: str, dtype: str) -> None:
    """Parameters, memory and records; float64 to 1e-10, float32 to 1e-4."""
    _assert_like_reference(_wide_case(optimiser=optimiser, dtype=dtype))


@needs_torch
@pytest.mark.parametrize("loss", LOSS_CASES)
def test_ten_epochs_of_every_loss(loss: str) -> None:
    """With dropout, penalties, decay, clipping and weights."""
    _assert_like_reference(_wide_case(loss, optimiser="plain"))


@needs_torch
@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_ten_epochs_of_every_activation(activation: str) -> None:
    """Forward and backward, one after another."""
    _assert_like_reference(_wide_case(activations=activation, optimiser="nesterov"))


@needs_torch
@pytest.mark.parametrize("loss", LOSS_CASES)
def test_gradients_at_zero(loss: str) -> None:
    """Where every unit is at zero: kinks, ties of classes, and the middle of smooth functions."""
    for activation in ACTIVATION_NAMES:
        case = _wide_case(loss, activations=activation)
        for start in (0 * case.start, np.where(case.start > 0, 0, case.start)):
            found = TorchEngine().objective(case.plan, start, case.data)
            expected = ReferenceEngine().objective(case.plan, start, case.data)
            assert found[:2] == pytest.approx(expected[:2], rel=1e-12)
            np.testing.assert_allclose(found[2], expected[2], rtol=1e-10, atol=1e-14)


@needs_torch
@pytest.mark.parametrize("loss", LOSS_CASES)
def test_losses_of_large_raw_predictions(loss: str) -> None:
    """Right or wrong by thousands, values and gradients stay what they are, and finite."""
    case = LOSS_CASES[loss]
    rng = np.random.default_rng(0)
    target, size = case.target(rng, 40), 20.0 if loss == "poisson" else 2000.0
    raw = rng.normal(size=target.shape) * size
    tensor = torch.tensor(raw, requires_grad=True)
    values = torch_functions.loss_of_rows(case.loss, tensor, torch.tensor(target))
    values.sum().backward()
    np.testing.assert_allclose(values.detach(), case.loss.values(raw, target), rtol=1e-12)
    np.testing.assert_allclose(tensor.grad, case.loss.gradient(raw, target), rtol=1e-9, atol=1e-12)


@needs_torch
@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_activations_of_large_arguments(activation: str) -> None:
    """Beyond the range of exp, in float64 and in float32."""
    function = nn.ACTIVATIONS[activation]
    for kind in (np.float64, np.float32):
        z = np.array([-1e4, -745, -104, -20, -1e-30, 0, 1e-30, 20, 104, 745, 1e4], dtype=kind)
        tensor = torch.tensor(z, requires_grad=True)
        a = torch_functions.ACTIVATIONS[activation](tensor)
        a.sum().backward()
        with np.errstate(all="ignore"):
            value = function.value(z)
            slope = function.derivative(z, value)
        tolerance = 1e-12 if kind is np.float64 else 1e-5
        np.testing.assert_allclose(a.detach(), value, rtol=tolerance, atol=1e-37)
        np.testing.assert_allclose(tensor.grad, slope, rtol=tolerance, atol=1e-7)


@needs_torch
def test_layers_in_any_order() -> None:
    """Dropout on the input, two activations in a row, dense upon dense, activation at the end."""
    network = nn.NetworkSpec(
        (
            nn.Dropout(0.2), nn.Activation("logistic"), nn.Dense(13, 9), nn.Activation("tanh"),
            nn.Activation("relu"), nn.Dense(9, 5), nn.Dense(5, 7), nn.Dropout(0.5),
            nn.Activation("softplus"), nn.Dense(7, 3), nn.Activation("tanh"),
        )
    )  # fmt: skip
    start = nn.draw_parameters(network, "glorot_uniform", np.random.default_rng(0), "float64")
    _assert_like_reference(_wide_case().replan(network=network).replace(start=start))


@needs_torch
@pytest.mark.parametrize("kind", ["dense", "csr_matrix", "csr_array"])
def test_batches_beyond_a_block(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Large batches go through in blocks: masks, weights, penalties and sparse rows included."""
    monkeypatch.setattr(torch_network, "BLOCK_NUMBERS", 24 * 7)
    case = _wide_case(kind=kind, batch_size=50)
    _assert_like_reference(case)
    found = TorchEngine().objective(case.plan, case.start, case.data)
    expected = ReferenceEngine().objective(case.plan, case.start, case.data)
    assert found[:2] == pytest.approx(expected[:2], rel=1e-12)
    np.testing.assert_allclose(found[2], expected[2], rtol=1e-10, atol=1e-14)


@needs_torch
@given(seed=st.integers(0, 2**64 - 1), step=st.integers(0, 2**40), rate=st.floats(0.01, 0.99))
@settings(max_examples=30, deadline=None)
def test_masks_are_those_of_the_mathematics(seed: int, step: int, rate: float) -> None:
    """The hash in signed integers, for a network in company, from any row on."""
    place = Place(torch, torch.device("cpu"), "float64")
    network = PopulationNetwork(nn.NetworkSpec((nn.Dropout(rate), nn.Dense(5, 1))), place)
    thinning = Thinning.of(place, [1, seed], [2, step])
    value = torch.ones((2, 6, network.n_padded_features), dtype=torch.float64)
    scale = network._scale(network.spec.layers[0], 3, 5, value, thinning, 4)[1, :, :5]
    mask = nn.keep_mask(rate, (10, 5), seed=seed, step=step, layer=3)[4:]
    np.testing.assert_allclose(scale, mask / (1 - rate), rtol=1e-15)


@needs_torch
def test_training_goes_on_from_another_engine() -> None:
    """State is NumPy's: three epochs there and three here are six."""
    long = small_case(n_epochs=6, shuffled=False, optimiser="nadam", dropout=0.25)
    whole, _ = run(ReferenceEngine(), long)
    state = long.state()
    ReferenceEngine().advance(long.plan, state, long.data, None, 3)
    TorchEngine().advance(long.plan, state, long.data, None, 3)
    np.testing.assert_allclose(state.parameters, whole.parameters, rtol=1e-12, atol=1e-14)
    assert all(type(slot) is np.ndarray for slot in state.slots.values())


# Populations


@st.composite
def populations(draw: Any) -> list[Case]:
    """Draw networks of one or two shapes that differ in all that may differ."""
    families = []
    for _ in range(draw(st.integers(1, 2))):
        hidden = draw(st.lists(st.sampled_from(WIDTHS), max_size=2) | hidden_layers)
        functions = [draw(st.sampled_from(ACTIVATION_NAMES)) for _ in hidden]
        kind = LOSS_CASES[draw(st.sampled_from(sorted(LOSS_CASES)))]
        network = nn.multilayer(
            draw(st.sampled_from(WIDTHS)), hidden, kind.n_outputs, functions, draw(rates)
        )
        recipe, rate = OPTIMISERS[draw(st.sampled_from(sorted(OPTIMISERS)))]
        plan = TrainingPlan(
            network, kind.loss, recipe, optim.Constant(rate), dtype=draw(st.sampled_from(DTYPES)),
            batch_size=draw(st.integers(1, 40)), clip_norm=draw(st.sampled_from([None, 0.5])),
        )  # fmt: skip
        shape = draw(st.integers(2, 50)), draw(st.booleans())
        families.append([_relative(draw, plan, kind, *shape) for _ in range(draw(st.just(3)))])
    return draw(st.permutations([case for family in families for case in family]))


def _relative(draw: Any, plan: TrainingPlan, kind: Any, n_rows: int, weighted: bool) -> Case:
    rng = np.random.default_rng(draw(seeds))
    n_epochs = draw(st.integers(1, 3))
    plan = dataclasses.replace(
        plan,
        schedule=draw(st.sampled_from([optim.Cosine, optim.Constant]))(rng.uniform(0, 0.05)),
        penalties=nn.Penalties(*rng.choice([0.0, 0.01, 0.3], 2)),
        weight_decay=rng.choice([0.0, 0.1]),
        dropout_seed=draw(seeds),
        stopping=StoppingRule(max_epochs=n_epochs, tolerance=0.01, patience=0.0),
    )
    n_features = plan.network.units[0]
    rows = draw(st.sampled_from(["dense", "csr_matrix"]))
    data = draw_data(kind, rng, n_rows, n_features, plan.dtype, kind=rows, weighted=weighted)
    start = rng.normal(size=plan.network.n_parameters).astype(plan.dtype) / 3
    orders = np.array([rng.permutation(n_rows) for _ in range(n_epochs)])
    return Case(plan, data, start, orders if draw(st.booleans()) else None)


@needs_torch
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=populations())
def test_a_network_has_the_same_bits_alone_and_in_company(drawn: list[Case]) -> None:
    """Rates, penalties, decay, seeds, orders, rows, rules and ends may differ; shapes too."""
    engine = TorchEngine()
    jobs = [case.job() for case in drawn]
    together = engine.advance_many(jobs)
    for case, job, records in zip(drawn, jobs, together, strict=True):
        state, alone = run(engine, case)
        assert_equal_states(job.state, state)
        assert timeless(records) == timeless(alone)


def _value_and_slope(name: str, z: Any, target: Any) -> tuple[Any, Any]:
    leaf = z.clone().requires_grad_()
    if name in LOSS_CASES:
        value = torch_functions.loss_of_rows(LOSS_CASES[name].loss, leaf, target)
    else:
        value = torch_functions.ACTIVATIONS[name](leaf)
    value.sum().backward()
    return value.detach(), leaf.grad


@needs_torch
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*ACTIVATION_NAMES, *LOSS_CASES])
def test_an_element_has_the_same_bits_at_any_place(name: str, dtype: str) -> None:
    """Seven parts of an array, of sizes that fill no vector register, are the parts by themselves.

    PyTorch's own sigmoid, softplus, elu, gelu, mish and pow fail here.
    """
    rng, case = np.random.default_rng(0), LOSS_CASES.get(name, LOSS_CASES["labels"])
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for n_rows in (1, 3, 7, 9, 17, 33, 65):
            z = 3 * torch.tensor(rng.normal(size=(7, n_rows, case.n_outputs)).astype(dtype))
            target = torch.tensor(case.target(rng, 7 * n_rows, dtype)).view(z.shape)
            together = _value_and_slope(name, z, target)
            for index in range(7):
                part = slice(index, index + 1)
                alone = _value_and_slope(name, z[part], target[part])
                np.testing.assert_array_equal(alone[0], together[0][part])
                np.testing.assert_array_equal(alone[1], together[1][part])
    finally:
        torch.set_num_threads(before)


@needs_torch
def test_many_are_one_population() -> None:
    """Networks of one shape share every operation; another shape, or too many numbers, do not."""
    engine, seen = TorchEngine(), []
    drawn = [small_case(seed=seed, rate=0.01 * seed) for seed in range(5)]
    members = [pytorch.Member(case.job()) for case in drawn]
    members.insert(2, pytorch.Member(small_case("squared").job()))
    seen = [len(population) for population in engine._populations(members)]
    assert seen == [5, 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pytorch, "MOST_NUMBERS", 2 * pytorch._numbers_of(members[0].job))
        assert [len(p) for p in engine._populations(members)] == [2, 2, 1, 1]
        patch.setattr(pytorch, "SMALL", 0)
        assert [len(p) for p in engine._populations(members)] == [1] * 6


@needs_torch
def test_rows_that_several_networks_share_are_there_once() -> None:
    """The same arrays are copied once, whatever the orders."""
    case = small_case()
    place = Place(torch, torch.device("cpu"), "float64")
    network = PopulationNetwork(case.plan.network, place)
    other = small_case(seed=1).data
    rows = pytorch.PopulationRows(network, [case.data, other, case.data])
    assert rows._dense.shape == (40, 8)
    rows.begin_epoch([np.arange(20), np.arange(20), np.arange(20)[::-1].copy()])
    x, _, _ = rows.batch(2, 4).block(0, 2)
    np.testing.assert_array_equal(
        x[:, :, :3], [case.data.x[2:4], other.x[2:4], case.data.x[[17, 16]]]
    )


# Threads and other settings of PyTorch


class _Spy:
    """A constant rate that looks at PyTorch's settings in the middle of the work."""

    def __init__(self) -> None:
        self.seen: set[Any] = set()

    def __call__(self, step: int) -> float:
        self.seen.add(_settings_of_torch())
        return 0.01 / (1 + step)


def _settings_of_torch() -> tuple[Any, ...]:
    return (
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_float32_matmul_precision(),
        torch.get_default_dtype(),
    )


@needs_torch
@pytest.mark.parametrize(("limit", "small", "inside"), [(3, False, 3), (3, True, 1), (None, 0, 2)])
def test_threads_are_limited_inside_and_as_before_outside(
    monkeypatch: pytest.MonkeyPatch, limit: int | None, small: bool, inside: int
) -> None:
    """A small network takes one; a large one as many as asked for, or as PyTorch has."""
    if not small:
        monkeypatch.setattr(pytorch, "SMALL", 0)
    spy, before = _Spy(), torch.get_num_threads()
    case = small_case().replan(schedule=optim.FunctionOfStep(spy))
    try:
        torch.set_num_threads(2)
        run(TorchEngine(limit), case)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert {threads for threads, *_ in spy.seen} == {inside}


@needs_torch
def test_a_caller_with_other_settings_gets_the_same_numbers() -> None:
    """Without gradients, in lower precision, with another default: inside all is as it must be."""
    case = small_case(dtype="float32", dropout=0.25)
    expected, _ = run(TorchEngine(), case)
    spy = _Spy()
    spied = case.replan(schedule=optim.FunctionOfStep(spy))
    before = _settings_of_torch()
    try:
        torch.set_default_dtype(torch.float64)
        torch.set_float32_matmul_precision("medium")
        with torch.no_grad(), torch.autocast("cpu"), torch.inference_mode():
            around = _settings_of_torch()
            found, _ = run(TorchEngine(), case)
            run(TorchEngine(), spied)
            raw = TorchEngine().raw_predictions(case.plan.network, case.start, case.data.x)
            assert _settings_of_torch() == around
    finally:
        torch.set_default_dtype(before[-1])
        torch.set_float32_matmul_precision(before[-2])
    assert _settings_of_torch() == before
    assert {tuple(seen[1:5]) for seen in spy.seen} == {(True, False, False, "highest")}
    np.testing.assert_array_equal(found.parameters, expected.parameters)
    plain = TorchEngine().raw_predictions(case.plan.network, case.start, case.data.x)
    np.testing.assert_array_equal(raw, plain)


@needs_torch
def test_errors_leave_the_settings_as_they_were() -> None:
    """Also where a function of one's own raises in the middle of an epoch."""

    def fail(step: int) -> float:
        raise ZeroDivisionError(step)

    before = _settings_of_torch()
    case = small_case().replan(schedule=optim.FunctionOfStep(fail))
    with pytest.raises(ZeroDivisionError):
        run(TorchEngine(1), case)
    assert _settings_of_torch() == before


# Interrupts


class _Interrupting:
    """A constant rate, and a user who interrupts at some question."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, step: int) -> float:  # noqa: ARG002  (a schedule's signature)
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return 0.02


@needs_torch
@pytest.mark.parametrize("at", [0, 1, 5, 11, 16])
def test_interrupt_of_a_population(at: int) -> None:
    """Every network is left after the same completed step, and its records are those of epochs."""
    plain = [small_case(seed=seed, optimiser="adam", shuffled=False) for seed in range(3)]
    plain = [case.replan(schedule=optim.Constant(0.02)) for case in plain]
    function = optim.FunctionOfStep(_Interrupting(at))
    jobs = [case.replan(schedule=function).job() for case in plain]
    waiting = small_case("squared").job()
    *together, last = TorchEngine().advance_many([*jobs, waiting])
    # Three questions a step, and four steps of six, six, six and two rows an epoch.
    n_epochs, n_steps = divmod(at // 3, 4)
    for case, job, records in zip(plain, jobs, together, strict=True):
        assert job.state.stop is StopReason.INTERRUPTED
        assert (job.state.step, len(records)) == (at // 3, n_epochs)
        peer = case.state()
        TorchEngine().advance(case.plan, peer, case.data, None, n_epochs)
        rows = slice(0, 6 * n_steps)
        some = dataclasses.replace(case.data, x=case.data.x[rows], target=case.data.target[rows])
        TorchEngine().advance(case.plan, peer, some, None, min(n_steps, 1))
        np.testing.assert_array_equal(job.state.parameters, peer.parameters)
        for name, slot in job.state.slots.items():
            np.testing.assert_array_equal(slot, peer.slots.get(name, 0))
    # Whoever had not begun is told as well, and is where it was.
    assert waiting.state.stop is StopReason.INTERRUPTED
    assert waiting.state.step == len(last) == 0


@pytest.fixture
def alarm() -> Iterator[Any]:
    """Interrupt the main thread as Ctrl-C does, after so many seconds."""

    def ring(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@needs_torch
def test_interrupt_at_any_moment(alarm: Any) -> None:
    """Wherever it comes, parameters, memory and counter are those of one step."""
    case = small_case(shuffled=False, optimiser="momentum", stopping=FOREVER)
    before = _settings_of_torch()
    jobs = [Job(case.plan, case.state(), case.data, None, 10**6) for _ in range(3)]
    alarm(0.4)
    together = TorchEngine().advance_many(jobs)
    steps = jobs[0].state.step
    peer = case.state()
    TorchEngine().advance(case.plan, peer, case.data, None, steps // 4)
    rows = slice(0, 6 * (steps % 4))
    some = dataclasses.replace(case.data, x=case.data.x[rows], target=case.data.target[rows])
    TorchEngine().advance(case.plan, peer, some, None, min(steps % 4, 1))
    for job, records in zip(jobs, together, strict=True):
        assert job.state.stop is StopReason.INTERRUPTED
        assert job.state.step == steps > 0
        assert len(records) == job.state.epoch
        np.testing.assert_array_equal(job.state.parameters, peer.parameters)
        np.testing.assert_array_equal(job.state.slots["velocity"], peer.slots["velocity"])
    assert _settings_of_torch() == before


# What is refused


class _Shifted(nn.SquaredError):
    """A built-in loss that somebody has changed."""


@dataclasses.dataclass(frozen=True)
class _Own:
    """An optimiser of one's own."""

    name: str = "own"

    def transform(self) -> Any:
        """Return that of SGD."""
        return optim.SGD().transform()


@needs_torch
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"loss": _Shifted()}, "loss 'squared_error' is Python code of your own"),
        ({"optimiser": _Own()}, "optimiser 'own' is Python code of your own"),
        ({"optimiser": optim.Adam(epsilon=1e-60), "dtype": "float32"}, "`epsilon` of 1e-60"),
        ({"dtype": "float16"}, "neither float32 nor float64"),
        ({"network": nn.NetworkSpec((nn.Activation("relu"),))}, "nothing to train"),
    ],
)
def test_refusals_are_sentences(fields: dict[str, Any], reason: str) -> None:
    """Said before anything runs, by `refuses` and by `advance`; the state stays as it was."""
    case = small_case()
    plan = dataclasses.replace(case.plan, **fields)
    if not plan.network.dense_layers:
        plan = dataclasses.replace(case.plan)
        object.__setattr__(plan, "network", fields["network"])
    engine = TorchEngine()
    assert engine.refuses(case.plan) is None
    assert engine.refuses(dataclasses.replace(case.plan, optimiser=optim.LBFGS())) is None
    assert reason in str(engine.refuses(plan))
    state = case.state()
    with pytest.raises(EngineError, match=r"engine='torch' cannot .* Use engine='auto'"):
        engine.advance(plan, state, case.data, case.orders, 1)
    np.testing.assert_array_equal(state.parameters, case.start)


@needs_torch
def test_functions_of_ones_own_are_refused_and_predict_all_the_same() -> None:
    """They are NumPy's; predictions come from the reference engine."""
    engine, case = TorchEngine(), small_case()
    nn.register(nn.ActivationFunction("square", "z²", lambda z: z * z, lambda z, _: 2 * z))
    try:
        own = case.replan(network=nn.multilayer(3, [4], 3, "square"))
        assert "activation 'square' is a Python function" in str(engine.refuses(own.plan))
        with pytest.raises(EngineError, match="square"):
            engine.objective(own.plan, np.ones(31), case.data)
        raw = engine.raw_predictions(own.plan.network, np.ones(31), case.data.x)
        expected, _ = nn.forward_pass(own.plan.network, np.ones(31), case.data.x)
        np.testing.assert_array_equal(raw, expected)
    finally:
        nn.unregister("square")


@needs_torch
def test_orders_are_checked() -> None:
    """A row that does not exist, or that of another network's data, is refused."""
    case = small_case(n_epochs=2)
    for bad in (20, -1):
        orders = case.orders.copy()
        orders[1, 7] = bad
        jobs = [case.replace(orders=orders).job(), small_case(seed=1).job()]
        with pytest.raises(EngineError, match="names a row that does not exist"):
            TorchEngine().advance_many(jobs)
        assert jobs[0].state.epoch == 1
    with pytest.raises(EngineError, match="20 numbers; got 19"):
        TorchEngine().advance(*case.replace(orders=case.orders[:, 1:]).job())


# Installation and devices


def test_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """By name an error that says what to install; for `auto` a reason to pass over it."""
    monkeypatch.setitem(sys.modules, "torch", None)
    plan = small_case().plan
    with pytest.raises(EngineError, match=r"pip install 'mlplab\[torch\]'"):
        select_engine("torch", plan)
    monkeypatch.setenv("MLPLAB_ENGINE", "torch")
    engine, reason = select_engine("auto", plan)
    assert engine.name != "torch"
    assert "pip install 'mlplab[torch]'" in reason


@needs_torch
def test_environment_names_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLPLAB_ENGINE=torch makes it what `auto` takes."""
    monkeypatch.setenv("MLPLAB_ENGINE", "torch")
    engine, reason = select_engine("auto", small_case().plan, 1)
    assert (engine.name, reason) == ("torch", "named by MLPLAB_ENGINE")


@pytest.mark.parametrize("code", ["clf = MLPClassifier", "clf = MLPClassifier(engine='reference')"])
def test_other_engines_never_load_pytorch(code: str) -> None:
    """It takes a second to load, and whoever does not name it does not wait for it."""
    call = code if code.endswith(")") else f"{code}()"
    script = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        f"from mlplab import MLPClassifier\n{call}.set_params(max_iter=2)\n"
        "clf.fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]).predict_proba([[1.0]])\n"
        "assert clf.result_.engine != 'torch'\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@needs_torch
@pytest.mark.parametrize("name", ["gpu", "cuda:99", "meta"])
def test_devices_that_are_not_there_are_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the constructor and by the environment."""
    with pytest.raises(EngineError, match=f"`MLPLAB_TORCH_DEVICE` must .*{name}"):
        TorchEngine(device=name)
    monkeypatch.setenv("MLPLAB_TORCH_DEVICE", name)
    with pytest.raises(EngineError, match=name):
        select_engine("torch", small_case().plan)
    assert TorchEngine(device="cpu").device.type == "cpu"


@needs_torch
def test_default_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA where there is a device, else the CPU; bits are promised on the CPU."""
    assert TorchEngine().many_is_exact
    monkeypatch.delenv("MLPLAB_TORCH_DEVICE")
    engine = TorchEngine()
    assert engine.device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert engine.many_is_exact == (engine.device.type == "cpu")


@needs_torch
@pytest.mark.parametrize("dtype", DTYPES)
def test_cuda_agrees_with_the_reference(dtype: str) -> None:
    """Alone and in a population."""
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    engine = TorchEngine(device="cuda")
    _assert_like_reference(_wide_case(dtype=dtype), engine)
    jobs = [_wide_case(dtype=dtype, seed=seed).job() for seed in range(5)]
    engine.advance_many(jobs)
    tolerance = 1e-9 if dtype == "float64" else 5e-3
    for seed, job in enumerate(jobs):
        state, _ = run(engine, _wide_case(dtype=dtype, seed=seed))
        np.testing.assert_allclose(
            job.state.parameters, state.parameters, rtol=tolerance, atol=tolerance
        )


# Estimators


def _blobs(n_rows: int = 90) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, n_rows)
    return rng.normal(size=(n_rows, 4)) + 2 * np.eye(3, 4)[y], np.array(["a", "b", "c"])[y]


@needs_torch
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix])
def test_classifier_end_to_end(solver: str, make: Any) -> None:
    """Fitted, continued and asked for probabilities, it is the reference engine's to rounding."""
    X, y = _blobs()
    found, expected = (
        MLPClassifier(
            (8, 5), solver=solver, max_iter=8, random_state=0, engine=engine, warm_start=True,
            dropout=0.0 if solver == "lbfgs" else 0.2,
        ).fit(make(X), y).set_params(max_iter=4).fit(make(X), y)
        for engine in ("torch", "reference")
    )  # fmt: skip
    assert found.result_.engine == "torch"
    np.testing.assert_allclose(
        found.predict_proba(make(X)), expected.predict_proba(make(X)), rtol=1e-8
    )
    np.testing.assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=1e-8)
    assert set(found.predict(make(X))) <= {"a", "b", "c"}


@needs_torch
@pytest.mark.parametrize("dtype", DTYPES)
def test_classifier_with_validation_weights_and_pieces(dtype: str) -> None:
    """Early stopping, sample weights and `partial_fit`, in either dtype."""
    X, y = _blobs()
    weight = np.random.default_rng(1).uniform(0.5, 2, len(y))
    tolerance = 1e-9 if dtype == "float64" else 1e-3
    results = []
    for engine in ("torch", "reference"):
        clf = MLPClassifier((6,), early_stopping=True, max_iter=300, n_iter_no_change=5,
                            random_state=0, engine=engine, learning_rate_init=0.05,
                            dtype=dtype)  # fmt: skip
        clf.fit(X, y, sample_weight=weight)
        pieces = MLPClassifier((6,), random_state=0, engine=engine, dtype=dtype)
        for _ in range(3):
            pieces.partial_fit(X, y, classes=["a", "b", "c"])
        results.append((clf.predict_proba(X), pieces.predict_proba(X), clf.n_iter_))
        assert clf.score(X, y) > 0.7
    np.testing.assert_allclose(results[0][0], results[1][0], atol=tolerance)
    np.testing.assert_allclose(results[0][1], results[1][1], atol=tolerance)
    assert results[0][2] == results[1][2]


@needs_torch
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_regressor_end_to_end() -> None:
    """Several outputs and a rate that adapts."""
    X, _ = _blobs()
    y = np.column_stack([X[:, 0] * X[:, 1], X.sum(axis=1)])
    found, expected = (
        MLPRegressor(
            hidden_layer_sizes=(10,), solver="sgd", learning_rate="adaptive", max_iter=30,
            random_state=0, engine=engine,
        ).fit(X, y).predict(X)
        for engine in ("torch", "reference")
    )  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


@needs_torch
def test_divergence_of_one_leaves_the_others() -> None:
    """Infinite weights beside finite ones: the neighbours keep their bits."""
    good = [small_case("squared", seed=seed, n_epochs=5) for seed in range(2)]
    bad = small_case("squared", rate=1e300, n_epochs=5)
    jobs = [good[0].job(), bad.job(), good[1].job()]
    TorchEngine().advance_many(jobs)
    assert jobs[1].state.stop is StopReason.DIVERGED
    for case, job in zip(good, (jobs[0], jobs[2]), strict=True):
        assert_equal_states(job.state, run(TorchEngine(), case)[0])


@needs_torch
def test_state_may_have_another_dtype() -> None:
    """Weights of float64 in a plan of float32 are trained in float32."""
    case = small_case(dtype="float32")
    state = TrainingState(case.start.astype(np.float64))
    TorchEngine().advance(case.plan, state, case.data, case.orders, 1)
    expected = case.state()
    TorchEngine().advance(case.plan, expected, case.data, case.orders, 1)
    assert state.parameters.dtype == np.float32
    np.testing.assert_array_equal(state.parameters, expected.parameters)
