"""The contract of engines: rows and their weights, records, dropout, predictions."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import assume, given
from tests.contracts.trainings import (
    EXAMPLES,
    FOREVER,
    full_batch,
    run,
    small_case,
    timeless,
)
from tests.strategies import DTYPES, LOSS_CASES, Case, cases

from mlplab import nn, optim
from mlplab.engines import Engine, StoppingRule, TrainingData, ValidationData


@pytest.mark.parametrize("kind", ["csr_matrix", "csr_array"])
@pytest.mark.parametrize("loss", LOSS_CASES)
def test_sparse_rows_are_dense_rows(engine: Engine, loss: str, kind: str) -> None:
    """To rounding, in training, in validation and in predictions."""
    dense = small_case(loss, weighted=True, dropout=0.25)
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
    one, records = run(engine, dense)
    other, sparse_records = run(engine, sparse)
    np.testing.assert_allclose(other.parameters, one.parameters, rtol=1e-9, atol=1e-11)
    for a, b in zip(records, sparse_records, strict=True):
        assert b.loss == pytest.approx(a.loss, rel=1e-9)
        assert b.validation_loss == pytest.approx(a.validation_loss, rel=1e-9)


@pytest.mark.parametrize("loss", LOSS_CASES)
def test_weights_are_repeated_rows(engine: Engine, loss: str) -> None:
    """In a full batch: integer weights repeat rows, penalties and figures included."""
    case = small_case(loss, weighted=True, penalties=nn.Penalties(l2=0.1, l1=0.01))
    data = case.data
    assert data.weight is not None
    times = data.weight.astype(int)
    assert {0, 1, 2} <= set(times.tolist())
    repeated = TrainingData(
        np.repeat(data.x, times, axis=0),
        np.repeat(data.target, times, axis=0),
        validation=data.validation,
    )
    one, records = run(engine, full_batch(case, data))
    other, repeated_records = run(engine, full_batch(case, repeated))
    np.testing.assert_allclose(other.parameters, one.parameters, rtol=1e-9, atol=1e-11)
    for a, b in zip(records, repeated_records, strict=True):
        assert a.loss == pytest.approx(b.loss, rel=1e-10)
        assert a.gradient_norm == pytest.approx(b.gradient_norm, rel=1e-9)
        assert a.validation_loss == pytest.approx(b.validation_loss, rel=1e-10)


@pytest.mark.parametrize("batch_size", [1, 100])
def test_rows_without_weight_are_absent_rows(engine: Engine, batch_size: int) -> None:
    """They teach nothing, not even a step of momentum; in full batches and one by one."""
    case = small_case(optimiser="adam", batch_size=batch_size, shuffled=False)
    weight = np.ones(20)
    weight[[0, 3, 4, 11, 19]] = 0
    kept = weight > 0
    zeros = case.replace(data=dataclasses.replace(case.data, weight=weight))
    absent = case.replace(
        data=dataclasses.replace(case.data, x=case.data.x[kept], target=case.data.target[kept])
    )
    one, _ = run(engine, zeros)
    other, _ = run(engine, absent)
    np.testing.assert_allclose(one.parameters, other.parameters, rtol=1e-12, atol=1e-14)
    assert one.step == other.step


def test_weights_of_one_are_no_weights(engine: Engine) -> None:
    """To rounding."""
    case = small_case()
    weighted = case.replace(data=dataclasses.replace(case.data, weight=np.ones(20)))
    one, other = run(engine, case)[0], run(engine, weighted)[0]
    np.testing.assert_allclose(other.parameters, one.parameters, rtol=1e-12, atol=1e-14)


def test_orders_are_followed(engine: Engine) -> None:
    """Rows in another order are the same rows moved, and another order is another training."""
    case = small_case(shuffled=False, n_epochs=1)
    order = np.random.default_rng(1).permutation(20)
    moved = case.replace(
        data=dataclasses.replace(case.data, x=case.data.x[order], target=case.data.target[order])
    )
    by_order, _ = run(engine, case.replace(orders=order[None]))
    by_moving, _ = run(engine, moved)
    np.testing.assert_array_equal(by_order.parameters, by_moving.parameters)
    assert not np.allclose(by_order.parameters, run(engine, case)[0].parameters, rtol=1e-6)


def test_records_tell_what_happened(engine: Engine) -> None:
    """One a finished epoch, counted from one; rate of the last step; wall time."""
    case = small_case(schedule="cosine", n_epochs=4)
    _, records = run(engine, case)
    assert [record.epoch for record in records] == [1, 2, 3, 4]
    moments = [optim.Moment(4 * e + 3, e, 4, 4, 20 * e, 0) for e in range(4)]
    rates = [case.plan.schedule.rate(moment) for moment in moments]
    assert [record.learning_rate for record in records] == pytest.approx(rates, rel=1e-12)
    assert all(record.seconds >= 0 for record in records)
    assert all(type(value) in {int, float} for r in timeless(records) for value in r if value)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSS_CASES)
def test_figures_of_a_full_batch_are_those_of_the_objective(
    engine: Engine, loss: str, dtype: str
) -> None:
    """Loss and gradient norm before the step; loss on the validation rows after it."""
    case = small_case(
        loss, dtype=dtype, weighted=True, penalties=nn.Penalties(0.1, 0.01), n_epochs=1
    )
    case = full_batch(case, case.data)
    data, look, plan = case.data, case.data.validation, case.plan
    assert look is not None
    state, (record,) = run(engine, case)
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
    case = small_case(n_epochs=1, shuffled=False)
    case = full_batch(case, case.data)
    free, clipped = run(engine, case)[1], run(engine, case.replan(clip_norm=1e-3))[1]
    assert clipped[0].gradient_norm == pytest.approx(free[0].gradient_norm, rel=1e-12)


def test_loss_of_an_epoch_is_the_mean_over_its_rows(engine: Engine) -> None:
    """Batches count by their rows, the short last one less."""
    case = small_case(n_epochs=1, shuffled=False, rate=0.0, batch_size=7)
    _, (record,) = run(engine, case)
    whole = nn.objective(
        case.plan.network, case.plan.loss, nn.Penalties(), case.start,
        case.data.x, case.data.target,
    )  # fmt: skip
    assert record.loss == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize(("loss", "score"), [("categorical", "accuracy"), ("squared", "r2")])
def test_scores_by_name_and_by_function(engine: Engine, loss: str, score: str) -> None:
    """A named score is computed with the state's parameters; a function of one's own goes first."""
    rule = StoppingRule(max_epochs=3, monitor="validation_score", patience=FOREVER, score=score)
    case = small_case(loss, weighted=True, stopping=rule, n_epochs=3)
    look = case.data.validation
    assert look is not None
    state, records = run(engine, case)
    raw = engine.raw_predictions(case.plan.network, state.parameters, look.x)
    expected = nn.SCORES[score](case.plan.loss, raw, look.target, look.weight)
    assert records[-1].validation_score == pytest.approx(expected, rel=1e-12)
    own = dataclasses.replace(look, score=lambda raw: float(raw.sum()))
    case = case.replace(data=dataclasses.replace(case.data, validation=own))
    assert run(engine, case)[1][-1].validation_score == pytest.approx(float(raw.sum()), rel=1e-9)


def test_without_validation_rows_there_are_no_such_figures(engine: Engine) -> None:
    """Missing, not zero or NaN."""
    case = small_case()
    case = case.replace(data=dataclasses.replace(case.data, validation=None))
    for record in run(engine, case)[1]:
        assert record.validation_loss is record.validation_score is None


def test_best_parameters_are_those_of_the_best_epoch(engine: Engine) -> None:
    """The monitored figure decides; the parameters are of that epoch's end."""
    rule = StoppingRule(max_epochs=40, monitor="validation_loss", patience=FOREVER)
    case = small_case("squared", stopping=rule, n_epochs=40, rate=0.05)
    state, records = run(engine, case)
    losses = [record.validation_loss or math.inf for record in records]
    assert state.best_epoch == 1 + int(np.argmin(losses))
    assert state.best_figure == min(losses)
    assert 1 < state.best_epoch < 40
    shorter = case.replan(stopping=dataclasses.replace(rule, max_epochs=state.best_epoch))
    np.testing.assert_array_equal(run(engine, shorter)[0].parameters, state.best_parameters)


def test_dropout_is_fixed_by_its_seed(engine: Engine) -> None:
    """The same seed the same masks, another seed others."""
    case = small_case(dropout=0.5)
    first, again = run(engine, case)[0], run(engine, case)[0]
    other = run(engine, case.replan(dropout_seed=1))[0]
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
    case = small_case()
    x = np.random.default_rng(3).normal(size=(40_000, 3))
    raw = engine.raw_predictions(case.plan.network, case.start, x)
    assert raw.shape == (40_000, 3)
    for rows in (slice(0, 10), slice(16_380, 16_390), slice(39_990, None)):
        few = engine.raw_predictions(case.plan.network, case.start, x[rows])
        np.testing.assert_allclose(raw[rows], few, rtol=1e-12)


def test_engine_has_a_name_and_threads_change_nothing(engine: Engine) -> None:
    """A limit on threads gives the same parameters to rounding."""
    case = small_case(n_rows=40)
    limited = type(engine)(1)  # type: ignore[call-arg]  # engines take the number of threads
    assert limited.name == engine.name
    one, other = run(engine, case)[0], run(limited, case)[0]
    np.testing.assert_allclose(one.parameters, other.parameters, rtol=1e-12, atol=1e-14)


def test_monitoring_what_is_not_there_is_refused(engine: Engine) -> None:
    """A plan that watches validation rows needs some."""
    rule = StoppingRule(max_epochs=2, monitor="validation_loss")
    case = small_case(stopping=rule)
    case = case.replace(data=dataclasses.replace(case.data, validation=None))
    with pytest.raises(ValueError, match="monitors validation_loss"):
        run(engine, case)


def test_validation_rows_are_never_learned_from(engine: Engine) -> None:
    """Other validation rows, the same parameters."""
    case = small_case()
    other = ValidationData(np.ones((3, 3)), np.eye(3))
    changed = case.replace(data=dataclasses.replace(case.data, validation=other))
    one, two = run(engine, case)[0], run(engine, changed)[0]
    np.testing.assert_array_equal(one.parameters, two.parameters)
