"""The contract of engines: each rule at the head of `mlplab.engines.contract` is a test here."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.strategies import DTYPES, LOSS_CASES, OPTIMISERS, SCHEDULES, Case, cases, draw_data

from mlplab import nn, optim
from mlplab.engines import Engine, StoppingRule, TrainingData, TrainingPlan, ValidationData
from mlplab.engines.reference import ReferenceEngine
from mlplab.results import EpochRecord, StopReason

EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FOREVER = math.inf


def _run(engine: Engine, case: Case) -> tuple[Any, list[EpochRecord]]:
    """Train from start to end; return the state and the records."""
    job = case.job()
    return job.state, engine.advance(*job)


def _timeless(records: list[EpochRecord]) -> list[tuple[Any, ...]]:
    """Return records as tuples without their wall times, NaN equal to NaN."""
    return [
        tuple("nan" if value != value else value for value in fields[:-1])  # noqa: PLR0124  (NaN)
        for fields in map(dataclasses.astuple, records)
    ]


def _assert_equal_states(a: Any, b: Any) -> None:
    """Compare every field of two states bit for bit."""
    for field in dataclasses.fields(a):
        one, other = getattr(a, field.name), getattr(b, field.name)
        if field.name == "slots":
            assert one.keys() == other.keys()
            for name in one:
                np.testing.assert_array_equal(one[name], other[name], err_msg=name)
        elif isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other, err_msg=field.name)
        else:
            assert one == other, field.name


def _case(
    loss: str = "categorical",
    *,
    seed: int = 0,
    optimiser: str = "nesterov",
    schedule: str = "constant",
    n_rows: int = 20,
    n_epochs: int = 4,
    dtype: str = "float64",
    weighted: bool = False,
    dropout: float = 0.0,
    shuffled: bool = True,
    rate: float | None = None,
    **fields: Any,
) -> Case:
    """Return a training of a small tanh network that runs for all its epochs."""
    rng, kind = np.random.default_rng(seed), LOSS_CASES[loss]
    recipe, usual = OPTIMISERS[optimiser]
    network = nn.multilayer(3, [5, 4], kind.n_outputs, "tanh", dropout)
    plan = TrainingPlan(
        **{
            "network": network,
            "loss": kind.loss,
            "optimiser": recipe,
            "schedule": SCHEDULES[schedule](usual if rate is None else rate),
            "stopping": StoppingRule(max_epochs=n_epochs, patience=FOREVER),
            "batch_size": 6,
            "dtype": dtype,
            **fields,
        }
    )
    data = draw_data(kind, rng, n_rows, 3, dtype, weighted=weighted)
    orders = np.array([rng.permutation(n_rows) for _ in range(n_epochs)]) if shuffled else None
    return Case(plan, data, nn.draw_parameters(network, "glorot_uniform", rng, dtype), orders)


# Advancing


@EXAMPLES
@given(case=cases())
def test_epochs_one_by_one_are_epochs_at_once(engine: Engine, case: Case) -> None:
    """Bit for bit: chunks are a matter of convenience only."""
    assume(engine.refuses(case.plan) is None)
    whole, records = _run(engine, case)
    state, parts = case.state(), []
    for epoch in range(case.n_epochs):
        order = None if case.orders is None else case.orders[epoch : epoch + 1]
        parts += engine.advance(case.plan, state, case.data, order, 1)
    _assert_equal_states(state, whole)
    assert _timeless(parts) == _timeless(records)


@EXAMPLES
@given(drawn=st.lists(cases(), min_size=2, max_size=4))
def test_many_are_each_by_itself(engine: Engine, drawn: list[Case]) -> None:
    """Bit for bit, whatever else is trained in the same call."""
    drawn = [case for case in drawn if engine.refuses(case.plan) is None]
    jobs = [case.job() for case in drawn]
    together = engine.advance_many(jobs)
    assert len(together) == len(drawn)
    for case, job, records in zip(drawn, jobs, together, strict=True):
        state, alone = _run(engine, case)
        _assert_equal_states(job.state, state)
        assert _timeless(records) == _timeless(alone)


@pytest.mark.parametrize("n_others", [1, 2, 7])
def test_one_of_a_population_does_not_feel_the_others(engine: Engine, n_others: int) -> None:
    """Networks of one shape that differ in rate, start, data, stop and position in the call."""
    case = _case(dropout=0.25, dtype="float32", weighted=True)
    others = [
        _case(seed=1 + i, dropout=0.25, dtype="float32", rate=0.1 * i, n_epochs=2 + i % 3)
        for i in range(n_others)
    ]
    alone, _ = _run(engine, case)
    for position in range(n_others + 1):
        everyone = [*others[:position], case, *others[position:]]
        jobs = [each.job() for each in everyone]
        engine.advance_many(jobs)
        _assert_equal_states(jobs[position].state, alone)


def test_nobody_to_advance(engine: Engine) -> None:
    """No jobs give no records, and no epochs change nothing."""
    assert engine.advance_many([]) == []
    case = _case()
    state = case.state()
    assert engine.advance(case.plan, state, case.data, None, 0) == []
    np.testing.assert_array_equal(state.parameters, case.start)
    assert (state.step, state.epoch, state.stop) == (0, 0, None)


def _arrays(data: TrainingData) -> list[Any]:
    """Return every array of the data, those of sparse matrices included."""
    parts = [data] if data.validation is None else [data, data.validation]
    arrays = [a for part in parts for a in (part.x, part.target, part.weight) if a is not None]
    return [
        inner
        for array in arrays
        for inner in ((array.data, array.indices, array.indptr) if sp.issparse(array) else (array,))
    ]


@EXAMPLES
@given(case=cases())
def test_only_the_state_changes(engine: Engine, case: Case) -> None:
    """Data, orders and start are locked; the plan is what it was."""
    assume(engine.refuses(case.plan) is None)
    before, plan = copy.deepcopy(_arrays(case.data)), copy.deepcopy(case.plan)
    orders = None if case.orders is None else case.orders.copy()
    for array in _arrays(case.data):
        array.setflags(write=False)
    if case.orders is not None:
        case.orders.setflags(write=False)
    _run(engine, case)
    engine.objective(case.plan, case.start, case.data)
    assert case.plan == plan
    for one, other in zip(before, _arrays(case.data), strict=True):
        np.testing.assert_array_equal(one, other)
    if orders is not None:
        np.testing.assert_array_equal(case.orders, orders)


@EXAMPLES
@given(case=cases())
def test_engines_agree_with_the_reference(engine: Engine, case: Case) -> None:
    """The reference is the definition; another engine may differ by rounding only."""
    assume(engine.refuses(case.plan) is None)
    state, records = _run(engine, case)
    expected, expected_records = _run(ReferenceEngine(), case)
    assume(expected.stop is not StopReason.DIVERGED)
    tolerance = 1e-9 if case.plan.dtype == "float64" else 5e-3
    np.testing.assert_allclose(
        state.parameters, expected.parameters, rtol=tolerance, atol=tolerance
    )
    assert state.step == expected.step
    assert state.parameters.dtype == case.plan.dtype
    for one, other in zip(records, expected_records, strict=False):
        assert one.loss == pytest.approx(other.loss, rel=tolerance, abs=tolerance)
        assert one.learning_rate == other.learning_rate


# Stopping


def test_stopped_state_is_not_advanced(engine: Engine) -> None:
    """A state with a reason stays as it is."""
    case = _case()
    for reason in StopReason:
        state = case.state()
        state.stop = reason
        assert engine.advance(*case.job()._replace(state=state)) == []
        np.testing.assert_array_equal(state.parameters, case.start)
        assert (state.step, state.epoch, state.stop) == (0, 0, reason)


def test_last_epoch_is_the_end(engine: Engine) -> None:
    """After `max_epochs` the reason is there, however many epochs were asked for."""
    case = _case(n_epochs=3, shuffled=False)
    state = case.state()
    assert len(engine.advance(case.plan, state, case.data, None, 50)) == 3
    assert state.stop is StopReason.MAX_EPOCHS
    assert engine.advance(case.plan, state, case.data, None, 5) == []


@pytest.mark.parametrize("keep", [False, True])
def test_another_training_has_all_its_epochs(engine: Engine, keep: bool) -> None:
    """Epochs are counted over the life of the network; the length is that of each training."""
    case = _case(n_epochs=3, shuffled=False, optimiser="adam")
    state = case.state()
    engine.advance(case.plan, state, case.data, None, 3)
    step = state.step
    state.begin_training(keep_optimiser=keep)
    assert bool(state.slots) is keep
    assert state.step == (step if keep else 0)
    records = engine.advance(case.plan, state, case.data, None, 50)
    assert [record.epoch for record in records] == [4, 5, 6]
    assert state.stop is StopReason.MAX_EPOCHS


def test_kept_optimiser_goes_on_as_if_never_stopped(engine: Engine) -> None:
    """Two trainings with the memory kept are one long training."""
    long = _case(n_epochs=6, shuffled=False, optimiser="nadam", dropout=0.25)
    short = long.replan(stopping=StoppingRule(max_epochs=3, patience=FOREVER))
    whole, _ = _run(engine, long)
    state = short.state()
    engine.advance(short.plan, state, short.data, None, 3)
    state.begin_training(keep_optimiser=True)
    engine.advance(short.plan, state, short.data, None, 3)
    np.testing.assert_array_equal(state.parameters, whole.parameters)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", ["squared", "poisson", "squared_outputs"])
def test_divergence_is_told_and_the_best_is_kept(engine: Engine, loss: str, dtype: str) -> None:
    """Two good epochs, then a rate beyond all measure: no warning, a reason, finite weights."""
    case = _case(loss, dtype=dtype, n_epochs=6, optimiser="plain").replan(
        schedule=optim.StepDecay(1e-3, factor=1e150, every=2)
    )
    state, records = _run(engine, case)
    assert state.stop is StopReason.DIVERGED
    assert len(records) in {3, 4, 5}
    assert np.isfinite(state.best_parameters).all()
    assert state.best_parameters.dtype == dtype
    good = case.replan(stopping=StoppingRule(max_epochs=2, patience=FOREVER))
    assert state.best_epoch == 2
    np.testing.assert_array_equal(state.best_parameters, _run(engine, good)[0].parameters)


def test_nothing_moves_after_divergence(engine: Engine) -> None:
    """A diverged state is a stopped state."""
    case = _case("squared", rate=1e300, optimiser="plain", n_epochs=5)
    state, records = _run(engine, case)
    assert state.stop is StopReason.DIVERGED
    parameters = state.parameters.copy()
    assert engine.advance(*case.job()._replace(state=state)) == []
    np.testing.assert_array_equal(state.parameters, parameters)
    assert len(records) < 5
    np.testing.assert_array_equal(state.best_parameters, case.start)


class _Interrupting:
    """A function of the step that a user interrupts."""

    def __init__(self, at: int) -> None:
        self.at = at

    def __call__(self, step: int) -> float:
        if step == self.at:
            raise KeyboardInterrupt
        return 0.05


@pytest.mark.parametrize("at", [0, 3, 7])
def test_interrupt_leaves_a_completed_step(engine: Engine, at: int) -> None:
    """Parameters, memory and counter belong together, so that training can go on."""
    case = _case(optimiser="adam", shuffled=False).replan(
        schedule=optim.FunctionOfStep(_Interrupting(at))
    )
    if engine.refuses(case.plan) is not None:
        pytest.skip("this engine takes no functions of one's own")
    state = case.state()
    with pytest.raises(KeyboardInterrupt):
        engine.advance(case.plan, state, case.data, None, 4)
    # The same steps one by one, each on its own rows.
    peer, rows = case.state(), np.arange(case.data.n_rows)
    plan = dataclasses.replace(case.plan, schedule=optim.Constant(0.05))
    mask = plan.network.penalty_mask()
    update = plan.optimiser.transform()
    slots = update.init(peer.parameters)
    for number in range(1, state.step + 1):
        start = (number - 1) % 4 * 6
        batch = rows[start : start + 6]
        found = nn.objective_and_gradient(
            plan.network, plan.loss, plan.penalties, peer.parameters,
            case.data.x[batch], case.data.target[batch], None, None, mask,
        )  # fmt: skip
        step = optim.Step(number, 0.05, peer.parameters)
        change, slots = update.update(found.gradient, slots, step)
        peer.parameters = peer.parameters + change
    np.testing.assert_allclose(state.parameters, peer.parameters, rtol=1e-12, atol=1e-14)
    assert state.step <= at


# Rows


@pytest.mark.parametrize("kind", ["csr_matrix", "csr_array"])
@pytest.mark.parametrize("loss", LOSS_CASES)
def test_sparse_rows_are_dense_rows(engine: Engine, loss: str, kind: str) -> None:
    """To rounding, in training, in validation and in predictions."""
    dense = _case(loss, weighted=True, dropout=0.25)
    look = dense.data.validation
    assert look is not None
    make = getattr(sp, kind)
    sparse = dense.replace(
        data=dataclasses.replace(
            dense.data,
            x=make(dense.data.x),
            validation=dataclasses.replace(look, x=make(look.x)),
        )
    )
    one, records = _run(engine, dense)
    other, sparse_records = _run(engine, sparse)
    np.testing.assert_allclose(other.parameters, one.parameters, rtol=1e-9, atol=1e-11)
    for a, b in zip(records, sparse_records, strict=True):
        assert b.loss == pytest.approx(a.loss, rel=1e-9)
        assert b.validation_loss == pytest.approx(a.validation_loss, rel=1e-9)


def _full_batch(case: Case, data: TrainingData) -> Case:
    """Return the case on other rows, all in one batch and in their own order."""
    return case.replan(batch_size=data.n_rows).replace(data=data, orders=None)


@pytest.mark.parametrize("loss", LOSS_CASES)
def test_weights_are_repeated_rows(engine: Engine, loss: str) -> None:
    """In a full batch: integer weights repeat rows, penalties and figures included."""
    case = _case(loss, weighted=True, penalties=nn.Penalties(l2=0.1, l1=0.01))
    data = case.data
    assert data.weight is not None
    times = data.weight.astype(int)
    assert {0, 1, 2} <= set(times.tolist())
    repeated = TrainingData(
        np.repeat(data.x, times, axis=0),
        np.repeat(data.target, times, axis=0),
        validation=data.validation,
    )
    one, records = _run(engine, _full_batch(case, data))
    other, repeated_records = _run(engine, _full_batch(case, repeated))
    np.testing.assert_allclose(other.parameters, one.parameters, rtol=1e-9, atol=1e-11)
    for a, b in zip(records, repeated_records, strict=True):
        assert a.loss == pytest.approx(b.loss, rel=1e-10)
        assert a.gradient_norm == pytest.approx(b.gradient_norm, rel=1e-9)
        assert a.validation_loss == pytest.approx(b.validation_loss, rel=1e-10)


@pytest.mark.parametrize("batch_size", [1, 100])
def test_rows_without_weight_are_absent_rows(engine: Engine, batch_size: int) -> None:
    """They teach nothing, not even a step of momentum; in full batches and one by one."""
    case = _case(optimiser="adam", batch_size=batch_size, shuffled=False)
    weight = np.ones(20)
    weight[[0, 3, 4, 11, 19]] = 0
    kept = weight > 0
    zeros = case.replace(data=dataclasses.replace(case.data, weight=weight))
    absent = case.replace(
        data=dataclasses.replace(case.data, x=case.data.x[kept], target=case.data.target[kept])
    )
    one, _ = _run(engine, zeros)
    other, _ = _run(engine, absent)
    np.testing.assert_allclose(one.parameters, other.parameters, rtol=1e-12, atol=1e-14)
    assert one.step == other.step


def test_weights_of_one_are_no_weights(engine: Engine) -> None:
    """To rounding."""
    case = _case()
    weighted = case.replace(data=dataclasses.replace(case.data, weight=np.ones(20)))
    one, other = _run(engine, case)[0], _run(engine, weighted)[0]
    np.testing.assert_allclose(other.parameters, one.parameters, rtol=1e-12, atol=1e-14)


def test_orders_are_followed(engine: Engine) -> None:
    """Rows in another order are the same rows moved, and another order is another training."""
    case = _case(shuffled=False, n_epochs=1)
    order = np.random.default_rng(1).permutation(20)
    moved = case.replace(
        data=dataclasses.replace(case.data, x=case.data.x[order], target=case.data.target[order])
    )
    by_order, _ = _run(engine, case.replace(orders=order[None]))
    by_moving, _ = _run(engine, moved)
    np.testing.assert_array_equal(by_order.parameters, by_moving.parameters)
    assert not np.allclose(by_order.parameters, _run(engine, case)[0].parameters, rtol=1e-6)


# Records


def test_records_tell_what_happened(engine: Engine) -> None:
    """One a finished epoch, counted from one; rate of the last step; wall time."""
    case = _case(schedule="cosine", n_epochs=4)
    _, records = _run(engine, case)
    assert [record.epoch for record in records] == [1, 2, 3, 4]
    moments = [optim.Moment(4 * e + 3, e, 4, 4, 20 * e, 0) for e in range(4)]
    rates = [case.plan.schedule.rate(moment) for moment in moments]
    assert [record.learning_rate for record in records] == pytest.approx(rates, rel=1e-12)
    assert all(record.seconds >= 0 for record in records)
    assert all(type(value) in {int, float} for r in _timeless(records) for value in r if value)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSS_CASES)
def test_figures_of_a_full_batch_are_those_of_the_objective(
    engine: Engine, loss: str, dtype: str
) -> None:
    """Loss and gradient norm before the step; loss on the validation rows after it."""
    case = _case(loss, dtype=dtype, weighted=True, penalties=nn.Penalties(0.1, 0.01), n_epochs=1)
    case = _full_batch(case, case.data)
    data, look, plan = case.data, case.data.validation, case.plan
    assert look is not None
    state, (record,) = _run(engine, case)
    rel = 1e-10 if dtype == "float64" else 1e-4
    found = nn.objective_and_gradient(
        plan.network, plan.loss, plan.penalties, case.start, data.x, data.target, data.weight
    )
    assert record.loss == pytest.approx(found.reported, rel=rel)
    assert record.gradient_norm == pytest.approx(float(np.linalg.norm(found.gradient)), rel=rel)
    raw, _ = nn.forward_pass(plan.network, state.parameters, look.x)
    expected = nn.mean_loss(plan.loss, raw, look.target, look.weight) * plan.loss.reported_scale
    assert record.validation_loss == pytest.approx(expected, rel=rel)


def test_gradient_norm_is_taken_before_clipping(engine: Engine) -> None:
    """A clipped training reports how long its gradients were."""
    case = _case(n_epochs=1, shuffled=False)
    case = _full_batch(case, case.data)
    free, clipped = _run(engine, case)[1], _run(engine, case.replan(clip_norm=1e-3))[1]
    assert clipped[0].gradient_norm == pytest.approx(free[0].gradient_norm, rel=1e-12)


def test_loss_of_an_epoch_is_the_mean_over_its_rows(engine: Engine) -> None:
    """Batches count by their rows, the short last one less."""
    case = _case(n_epochs=1, shuffled=False, rate=0.0, batch_size=7)
    _, (record,) = _run(engine, case)
    whole = nn.objective(
        case.plan.network, case.plan.loss, nn.Penalties(), case.start,
        case.data.x, case.data.target,
    )  # fmt: skip
    assert record.loss == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize(("loss", "score"), [("categorical", "accuracy"), ("squared", "r2")])
def test_scores_by_name_and_by_function(engine: Engine, loss: str, score: str) -> None:
    """A named score is computed with the state's parameters; a function of one's own goes first."""
    rule = StoppingRule(max_epochs=3, monitor="validation_score", patience=FOREVER, score=score)
    case = _case(loss, weighted=True, stopping=rule, n_epochs=3)
    look = case.data.validation
    assert look is not None
    state, records = _run(engine, case)
    raw = engine.raw_predictions(case.plan.network, state.parameters, look.x)
    expected = nn.SCORES[score](case.plan.loss, raw, look.target, look.weight)
    assert records[-1].validation_score == pytest.approx(expected, rel=1e-12)
    own = dataclasses.replace(look, score=lambda raw: float(raw.sum()))
    case = case.replace(data=dataclasses.replace(case.data, validation=own))
    assert _run(engine, case)[1][-1].validation_score == pytest.approx(float(raw.sum()), rel=1e-9)


def test_without_validation_rows_there_are_no_such_figures(engine: Engine) -> None:
    """Missing, not zero or NaN."""
    case = _case()
    case = case.replace(data=dataclasses.replace(case.data, validation=None))
    for record in _run(engine, case)[1]:
        assert record.validation_loss is record.validation_score is None


def test_best_parameters_are_those_of_the_best_epoch(engine: Engine) -> None:
    """The monitored figure decides; the parameters are of that epoch's end."""
    rule = StoppingRule(max_epochs=40, monitor="validation_loss", patience=FOREVER)
    case = _case("squared", stopping=rule, n_epochs=40, rate=0.05)
    state, records = _run(engine, case)
    losses = [record.validation_loss or math.inf for record in records]
    assert state.best_epoch == 1 + int(np.argmin(losses))
    assert state.best_figure == min(losses)
    assert 1 < state.best_epoch < 40
    shorter = case.replan(stopping=dataclasses.replace(rule, max_epochs=state.best_epoch))
    np.testing.assert_array_equal(_run(engine, shorter)[0].parameters, state.best_parameters)


# Dropout, objective, predictions


def test_dropout_is_fixed_by_its_seed(engine: Engine) -> None:
    """The same seed the same masks, another seed others."""
    case = _case(dropout=0.5)
    first, again = _run(engine, case)[0], _run(engine, case)[0]
    other = _run(engine, case.replan(dropout_seed=1))[0]
    np.testing.assert_array_equal(first.parameters, again.parameters)
    assert not np.allclose(first.parameters, other.parameters, rtol=1e-3)


@EXAMPLES
@given(case=cases())
def test_objective_is_that_of_the_mathematics(engine: Engine, case: Case) -> None:
    """Value, reported value and gradient over all rows, with the masks of step zero."""
    assume(engine.refuses(case.plan) is None)
    plan, data = case.plan, case.data
    context = nn.ForwardContext(training=True, seed=plan.dropout_seed)
    expected = nn.objective_and_gradient(
        plan.network, plan.loss, plan.penalties, case.start, data.x, data.target, data.weight,
        context,
    )  # fmt: skip
    value, reported, gradient = engine.objective(plan, case.start, data)
    rel = 1e-10 if plan.dtype == "float64" else 1e-3
    assert value == pytest.approx(expected.value, rel=rel, abs=rel)
    assert reported == pytest.approx(expected.reported, rel=rel, abs=rel)
    assert gradient.dtype == plan.dtype
    np.testing.assert_allclose(gradient, expected.gradient, rtol=rel, atol=rel)


@EXAMPLES
@given(case=cases())
def test_predictions_are_without_dropout(engine: Engine, case: Case) -> None:
    """The forward pass of the mathematics, outside training."""
    assume(engine.refuses(case.plan) is None)
    raw = engine.raw_predictions(case.plan.network, case.start, case.data.x)
    expected, _ = nn.forward_pass(case.plan.network, case.start, case.data.x)
    rel = 1e-10 if case.plan.dtype == "float64" else 1e-4
    assert raw.dtype == case.plan.dtype
    np.testing.assert_allclose(raw, expected, rtol=rel, atol=rel)


def test_predictions_of_many_rows_are_those_of_few(engine: Engine) -> None:
    """However the rows are cut into parts."""
    case = _case()
    x = np.random.default_rng(3).normal(size=(40_000, 3))
    raw = engine.raw_predictions(case.plan.network, case.start, x)
    assert raw.shape == (40_000, 3)
    for rows in (slice(0, 10), slice(16_380, 16_390), slice(39_990, None)):
        few = engine.raw_predictions(case.plan.network, case.start, x[rows])
        np.testing.assert_allclose(raw[rows], few, rtol=1e-12)


def test_engine_has_a_name_and_threads_change_nothing(engine: Engine) -> None:
    """A limit on threads gives the same parameters to rounding."""
    case = _case(n_rows=40)
    limited = type(engine)(1)  # type: ignore[call-arg]  # engines take the number of threads
    assert limited.name == engine.name
    one, other = _run(engine, case)[0], _run(limited, case)[0]
    np.testing.assert_allclose(one.parameters, other.parameters, rtol=1e-12, atol=1e-14)


def test_monitoring_what_is_not_there_is_refused(engine: Engine) -> None:
    """A plan that watches validation rows needs some."""
    rule = StoppingRule(max_epochs=2, monitor="validation_loss")
    case = _case(stopping=rule)
    case = case.replace(data=dataclasses.replace(case.data, validation=None))
    with pytest.raises(ValueError, match="monitors validation_loss"):
        _run(engine, case)


def test_validation_rows_are_never_learned_from(engine: Engine) -> None:
    """Other validation rows, the same parameters."""
    case = _case()
    other = ValidationData(np.ones((3, 3)), np.eye(3))
    changed = case.replace(data=dataclasses.replace(case.data, validation=other))
    one, two = _run(engine, case)[0], _run(engine, changed)[0]
    np.testing.assert_array_equal(one.parameters, two.parameters)
