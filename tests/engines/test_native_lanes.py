"""Networks in lanes: many of one shape at once have the bits that each has alone."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.contracts.trainings import assert_equal_states, run, timeless
from tests.shapes import unchecked_shapes
from tests.strategies import (
    ACTIVATION_NAMES,
    LOSS_CASES,
    OPTIMISERS,
    Case,
    cases,
    draw_data,
)

from mlplab import nn, optim
from mlplab.engines import StoppingRule, TrainingPlan
from mlplab.errors import EngineError

try:
    from mlplab.engines.native import NativeEngine
    from mlplab.engines.native_abi import instruction_sets

    ISAS = list(instruction_sets())
except EngineError:
    pytest.skip("the native engine was not built", allow_module_level=True)

# More than a register of every instruction set holds, and a rest.
N_NETWORKS = 19


@pytest.fixture(params=ISAS, autouse=True)
def isa(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run each test on every instruction set of this machine."""
    monkeypatch.setenv("MLPLAB_ISA", request.param)
    with unchecked_shapes():  # thousands of steps
        yield str(request.param)


def _sibling(case: Case, number: int) -> Case:
    """Return a training of the same shape with rate, penalty, start, rows and orders of its own."""
    rng = np.random.default_rng(number)
    plan = case.plan
    l2 = plan.penalties.l2 * (1 + number % 3)
    schedule = plan.schedule
    if isinstance(schedule, optim.Constant | optim.Adaptive):
        schedule = dataclasses.replace(schedule, initial=schedule.initial * (1 + number % 5))
    plan = dataclasses.replace(
        plan,
        schedule=schedule,
        penalties=dataclasses.replace(plan.penalties, l2=l2),
        dropout_seed=number,
    )
    orders = case.orders
    if orders is not None:
        orders = np.array([rng.permutation(order) for order in orders])
    data = case.data
    if number % 2:
        data = dataclasses.replace(data, x=np.ascontiguousarray(data.x[::-1]))
    start = (case.start * (1 + rng.normal(size=case.start.size))).astype(case.plan.dtype)
    return case.replace(plan=plan, orders=orders, data=data, start=start)


def _assert_each_is_alone(drawn: list[Case], n_threads: int = 2) -> None:
    jobs = [case.job() for case in drawn]
    together = NativeEngine(n_threads).advance_many(jobs)
    for case, job, history in zip(drawn, jobs, together, strict=True):
        state, alone = run(NativeEngine(1), case)
        assert_equal_states(job.state, state)
        assert timeless(history) == timeless(alone)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(case=cases(), n=st.integers(2, 40))
def test_random_plans(case: Case, n: int) -> None:
    """Whatever the plan; those that cannot go in lanes go alone."""
    assume(NativeEngine(1).refuses(case.plan) is None)
    dense = dataclasses.replace(case.data, weight=None, x=_dense(case.data.x))
    if dense.validation is not None:
        look = dataclasses.replace(
            dense.validation, weight=None, x=_dense(dense.validation.x), score=None
        )
        dense = dataclasses.replace(dense, validation=look)
    case = case.replace(data=dense)
    _assert_each_is_alone([_sibling(case, number) for number in range(n)])


def _dense(x: Any) -> Any:
    return x.toarray() if hasattr(x, "toarray") else x


def _case(
    loss: str = "categorical",
    optimiser: str = "adam",
    activation: str = "relu",
    hidden: tuple[int, ...] = (20, 35),
    dtype: str = "float32",
    dropout: float = 0.0,
    n_features: int = 11,
    **fields: Any,
) -> Case:
    rng, kind = np.random.default_rng(3), LOSS_CASES[loss]
    recipe, rate = OPTIMISERS[optimiser]
    network = nn.multilayer(n_features, list(hidden), kind.n_outputs, activation, dropout)
    settings_ = {
        "stopping": StoppingRule(max_epochs=3, patience=math.inf),
        "penalties": nn.Penalties(l2=0.01),
        "batch_size": 16,
        **fields,
    }
    plan = TrainingPlan(
        network=network,
        loss=kind.loss,
        optimiser=recipe,
        schedule=optim.Constant(rate),
        dtype=dtype,
        **settings_,
    )
    data = draw_data(kind, rng, 53, n_features, dtype)
    orders = np.array([rng.permutation(53) for _ in range(3)])
    return Case(plan, data, nn.draw_parameters(network, "glorot_uniform", rng, dtype), orders)


def _siblings(case: Case) -> list[Case]:
    return [_sibling(case, number) for number in range(N_NETWORKS)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", sorted(LOSS_CASES))
def test_every_loss(loss: str, dtype: str) -> None:
    """Gradients, figures and weights."""
    _assert_each_is_alone(_siblings(_case(loss, dtype=dtype)))


@pytest.mark.parametrize("optimiser", sorted(OPTIMISERS))
def test_every_optimiser(optimiser: str) -> None:
    """With and without decay, clipping by value and by norm."""
    for fields in ({}, {"weight_decay": 0.1, "clip_value": 0.05}, {"clip_norm": 0.3}):
        _assert_each_is_alone(_siblings(_case(optimiser=optimiser, **fields)))


@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_every_activation(activation: str) -> None:
    """Those that keep their input and those that overwrite it, with dropout between."""
    _assert_each_is_alone(_siblings(_case(activation=activation)))
    _assert_each_is_alone(_siblings(_case(activation=activation, dropout=0.25)))


@pytest.mark.parametrize("hidden", [(), (1,), (2, 3), (17,), (40, 8), (5, 100, 3)])
@pytest.mark.parametrize("n_features", [1, 2, 7, 100])
def test_every_width(hidden: tuple[int, ...], n_features: int) -> None:
    """Layers of less than a register, of one, of several panels, of several units."""
    case = _case("squared_outputs", "nesterov", "tanh", hidden, n_features=n_features)
    _assert_each_is_alone(_siblings(case))
    _assert_each_is_alone(_siblings(case.replace(orders=None)))


@pytest.mark.parametrize(
    ("loss", "score"), [("categorical", "accuracy"), ("labels", "accuracy"), ("squared", "r2")]
)
def test_scores_of_validation_rows(loss: str, score: str) -> None:
    """A lane that stops leaves; the others go on."""
    rule = StoppingRule(
        max_epochs=3, monitor="validation_score", patience=0.0, score=score, restore_best=True
    )
    drawn = _siblings(_case(loss, stopping=rule))
    _assert_each_is_alone(drawn)
    ends = {len(run(NativeEngine(1), case)[1]) for case in drawn}
    assert len(ends) > 1


def test_a_lane_that_diverges_harms_nobody() -> None:
    """Its neighbours keep their bits; its reason is its own."""
    drawn = _siblings(_case("squared_outputs", "plain", "identity"))
    wild = dataclasses.replace(drawn[4].plan, schedule=optim.Constant(1e6))
    drawn[4] = drawn[4].replace(plan=wild)
    _assert_each_is_alone(drawn)


def test_a_lane_with_a_bad_order_harms_nobody() -> None:
    """The error is raised; the others stand after a completed epoch or have gone on."""
    drawn = _siblings(_case())
    jobs = [case.job() for case in drawn]
    orders = jobs[3].orders.copy()
    orders[1, 7] = 53
    jobs[3] = jobs[3]._replace(orders=orders)
    with pytest.raises(EngineError, match="order"):
        NativeEngine(2).advance_many(jobs)
    assert jobs[3].state.epoch == 1
    assert all(np.isfinite(job.state.parameters).all() for job in jobs)


def test_different_shapes_mix() -> None:
    """Groups are found among networks of several shapes, batches and dtypes."""
    kinds = [
        _case(),
        _case(hidden=(4,)),
        _case(dtype="float64"),
        _case(batch_size=7),
        _case("squared", "rmsprop"),
    ]
    drawn = [_sibling(kinds[number % 5], number) for number in range(60)]
    _assert_each_is_alone(drawn, n_threads=3)


def test_one_state_twice_is_refused_or_goes_on() -> None:
    """Going on epoch by epoch in lanes equals going on at once."""
    drawn = _siblings(_case(dropout=0.25))
    jobs = [case.job() for case in drawn]
    for epoch in range(3):
        parts = [job._replace(orders=job.orders[epoch : epoch + 1], n_epochs=1) for job in jobs]
        NativeEngine(2).advance_many(parts)
    for case, job in zip(drawn, jobs, strict=True):
        assert_equal_states(job.state, run(NativeEngine(1), case)[0])
