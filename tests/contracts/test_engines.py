"""The contract of engines: the rules at the head of `mlplab.engines.contract`, one test each."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.contracts.trainings import (
    EXAMPLES,
    FOREVER,
    among_others,
    arrays_of,
    assert_equal_states,
    assert_one_of_many,
    run,
    small_case,
    timeless,
)
from tests.strategies import DTYPES, Case, as_rows, cases

from mlplab import nn, optim
from mlplab.engines import (
    Engine,
    Finished,
    Job,
    JobQueue,
    StoppingRule,
    TrainingState,
    ValidationData,
)
from mlplab.engines.reference import ReferenceEngine
from mlplab.results import History, StopReason


@EXAMPLES
@given(case=cases())
def test_epochs_one_by_one_are_epochs_at_once(engine: Engine, case: Case) -> None:
    """Bit for bit: chunks are a matter of convenience only."""
    assume(engine.refuses(case.plan) is None)
    whole, records = run(engine, case)
    state, parts = case.state(), []
    for epoch in range(case.n_epochs):
        order = None if case.orders is None else case.orders[epoch : epoch + 1]
        parts += engine.advance(case.plan, state, case.data, order, 1)
    assert_equal_states(state, whole)
    assert timeless(parts) == timeless(records)


@EXAMPLES
@given(drawn=st.lists(cases(), min_size=2, max_size=4))
def test_many_are_each_by_itself(engine: Engine, drawn: list[Case]) -> None:
    """Bit for bit, whatever else is trained in the same call."""
    drawn = [case for case in drawn if engine.refuses(case.plan) is None]
    jobs = [case.job() for case in drawn]
    together = engine.advance_many(jobs)
    assert len(together) == len(drawn)
    for case, job, records in zip(drawn, jobs, together, strict=True):
        state, alone = run(engine, case)
        assert_one_of_many(engine, job.state, records, state, alone)


@EXAMPLES
@given(case=cases())
def test_order_of_the_data_may_be_left_out(engine: Engine, case: Case) -> None:
    """Bit for bit: None is the same as the numbers of the rows."""
    assume(engine.refuses(case.plan) is None)
    state, records = run(engine, case.replace(orders=None))
    orders = np.tile(np.arange(case.data.n_rows), (case.n_epochs, 1))
    expected, expected_records = run(engine, case.replace(orders=orders))
    assert_equal_states(state, expected)
    assert timeless(records) == timeless(expected_records)


@EXAMPLES
@given(case=cases(), seed=st.integers(0, 1000))
def test_rows_among_others_are_rows_by_themselves(engine: Engine, case: Case, seed: int) -> None:
    """Bit for bit: what else is stored with them is never looked at."""
    assume(engine.refuses(case.plan) is None)
    among = among_others(case, seed)
    assert among.data.n_rows == case.data.n_rows < among.data.x.shape[0]
    state, records = run(engine, among)
    expected, expected_records = run(engine, case)
    assert_equal_states(state, expected)
    assert timeless(records) == timeless(expected_records)
    found = engine.objective(case.plan, case.start, among.data)
    alone = engine.objective(case.plan, case.start, case.data)
    np.testing.assert_array_equal(found[2], alone[2])
    np.testing.assert_array_equal(found[:2], alone[:2])


@pytest.mark.parametrize("shuffled", [False, True])
def test_many_rows_among_others(engine: Engine, shuffled: bool) -> None:
    """In batches that are larger than blocks, and that blocks do not divide evenly."""
    case = small_case(n_rows=700, batch_size=333, n_epochs=2, weighted=True, shuffled=shuffled)
    assert_equal_states(run(engine, among_others(case, 0))[0], run(engine, case)[0])


@pytest.mark.parametrize("kind", ["dense", "csr_array"])
def test_many_share_a_table(engine: Engine, kind: str) -> None:
    """Networks that each learn from other rows of the same arrays, as in cross-validation."""
    case = small_case(weighted=True, dtype="float32")
    x = as_rows(kind, case.data.x)
    jobs, alone = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        places = rng.permutation(case.data.n_rows)[:15]
        data = dataclasses.replace(case.data, x=x, places=places)
        orders = np.array([rng.permutation(places) for _ in range(case.n_epochs)])
        part = case.replace(data=data, orders=None if seed % 3 == 0 else orders)
        jobs.append(part.job())
        alone.append(run(engine, part))
    histories = engine.advance_many(jobs)
    for job, history, (state, records) in zip(jobs, histories, alone, strict=True):
        assert_one_of_many(engine, job.state, history, state, records)


@pytest.mark.parametrize("n_others", [1, 2, 7])
def test_one_of_a_population_does_not_feel_the_others(engine: Engine, n_others: int) -> None:
    """Networks of one shape that differ in rate, start, data, stop and position in the call."""
    case = small_case(dropout=0.25, dtype="float32", weighted=True)
    others = [
        small_case(seed=1 + i, dropout=0.25, dtype="float32", rate=0.1 * i, n_epochs=2 + i % 3)
        for i in range(n_others)
    ]
    alone, expected = run(engine, case)
    for position in range(n_others + 1):
        everyone = [*others[:position], case, *others[position:]]
        jobs = [each.job() for each in everyone]
        history = engine.advance_many(jobs)[position]
        assert_one_of_many(engine, jobs[position].state, history, alone, expected)


def _all_of(queue: JobQueue, n: int) -> list[Finished]:
    """Return so many finished jobs; the queue is empty then."""
    finished: list[Finished] = []
    while len(finished) < n:
        some = queue.wait()
        assert some
        finished += some
    assert queue.wait() == queue.wait(block=False) == queue.stop() == []
    return finished


@EXAMPLES
@given(drawn=st.lists(cases(), min_size=1, max_size=6), together=st.integers(1, 6))
def test_jobs_of_a_queue_are_each_by_itself(
    engine: Engine, drawn: list[Case], together: int
) -> None:
    """Bit for bit, whatever is under way beside them, and whenever they came."""
    drawn = [case for case in drawn if engine.refuses(case.plan) is None]
    jobs = [case.job() for case in drawn]
    queue = engine.queue()
    for job in jobs[:together]:
        queue.put(job)
    finished = queue.wait(block=False)
    for job in jobs[together:]:
        queue.put(job)
    finished += _all_of(queue, len(jobs) - len(finished))
    queue.close()
    places = [next(i for i, one in enumerate(jobs) if one is job) for job, _ in finished]
    assert sorted(places) == list(range(len(jobs)))
    for place, (job, history) in zip(places, finished, strict=True):
        assert isinstance(history, History)
        state, alone = run(engine, drawn[place])
        assert_one_of_many(engine, job.state, history, state, alone)


def test_a_queue_hands_mistakes_back(engine: Engine) -> None:
    """What a function of the user's own raises comes back for its job; the others are done."""

    def fail(_: object) -> float:
        message = "a mistake of the user's own"
        raise RuntimeError(message)

    case = small_case(n_epochs=5)
    look = case.data.validation
    assert look is not None
    own = ValidationData(look.x, look.target, score=fail)
    bad = case.replace(data=dataclasses.replace(case.data, validation=own))
    over = dataclasses.replace(case.state(), stop=StopReason.MAX_EPOCHS)
    jobs = [case.job(), bad.job(), case.job(), case.job()._replace(state=over)]
    queue = _queue_of(engine, jobs)
    outcomes = {id(job): outcome for job, outcome in _all_of(queue, 4)}
    queue.close()
    assert str(outcomes[id(jobs[1])]) == "a mistake of the user's own"
    assert outcomes[id(jobs[3])] == History()
    state, alone = run(engine, case)
    for job in (jobs[0], jobs[2]):
        outcome = outcomes[id(job)]
        assert isinstance(outcome, History)
        assert_one_of_many(engine, job.state, outcome, state, alone)


def _endless(seed: int) -> Case:
    """Return a training that takes seconds in any engine."""
    return small_case(seed=seed, n_epochs=10**6, shuffled=False)


def _queue_of(engine: Engine, jobs: list[Job]) -> JobQueue:
    queue = engine.queue()
    for job in jobs:
        queue.put(job)
    return queue


def test_a_queue_is_stopped_between_two_steps(engine: Engine) -> None:
    """Each stands where its history ends, and goes on with the same bits."""
    cases = [_endless(seed) for seed in range(5)]
    jobs = [case.job()._replace(n_epochs=10**6) for case in cases]
    queue = _queue_of(engine, jobs)
    stopped = queue.stop()
    queue.close()
    for job, outcome in stopped:
        assert isinstance(outcome, History)
        assert job.state.stop is StopReason.INTERRUPTED
        assert len(outcome) == job.state.epoch < 10**6
    # Those that had not begun are as they were.
    handed_back = {id(job) for job, _ in stopped}
    for case, job in zip(cases, jobs, strict=True):
        if id(job) not in handed_back:
            assert_equal_states(job.state, case.state())
        elif job.state.step == job.state.epoch * 4:  # not in the middle of an epoch
            alone = case.state()
            engine.advance(case.plan, alone, case.data, None, job.state.epoch)
            np.testing.assert_array_equal(job.state.parameters, alone.parameters)


def test_a_queue_serves_on_after_a_stop(engine: Engine) -> None:
    """What was ended is forgotten, and the next job is what it is by itself."""
    queue = _queue_of(engine, [_endless(seed).job()._replace(n_epochs=10**6) for seed in range(3)])
    queue.stop()
    case = small_case()
    jobs = [case.job() for _ in range(3)]
    for job in jobs:
        queue.put(job)
    finished = _all_of(queue, 3)
    queue.close()
    state, alone = run(engine, case)
    for job, outcome in finished:
        assert isinstance(outcome, History)
        assert_one_of_many(engine, job.state, outcome, state, alone)


def test_a_closed_queue_leaves_states_alone(engine: Engine) -> None:
    """What was under way is forgotten."""
    cases = [_endless(seed) for seed in range(3)]
    jobs = [case.job()._replace(n_epochs=10**6) for case in cases]
    _queue_of(engine, jobs).close()
    for case, job in zip(cases, jobs, strict=True):
        assert_equal_states(job.state, case.state())


def test_nobody_to_advance(engine: Engine) -> None:
    """No jobs give no records, and no epochs change nothing."""
    assert engine.advance_many([]) == []
    case = small_case()
    state = case.state()
    assert len(engine.advance(case.plan, state, case.data, None, 0)) == 0
    np.testing.assert_array_equal(state.parameters, case.start)
    assert (state.step, state.epoch, state.stop) == (0, 0, None)


@EXAMPLES
@given(case=cases())
def test_only_the_state_changes(engine: Engine, case: Case) -> None:
    """Data, orders and start are locked; the plan is what it was."""
    assume(engine.refuses(case.plan) is None)
    before, plan = copy.deepcopy(arrays_of(case.data)), copy.deepcopy(case.plan)
    orders = None if case.orders is None else case.orders.copy()
    for array in arrays_of(case.data):
        array.setflags(write=False)
    if case.orders is not None:
        case.orders.setflags(write=False)
    run(engine, case)
    engine.objective(case.plan, case.start, case.data)
    assert case.plan == plan
    for one, other in zip(before, arrays_of(case.data), strict=True):
        np.testing.assert_array_equal(one, other)
    if orders is not None:
        np.testing.assert_array_equal(case.orders, orders)


def _hangs_on_rounding(case: Case, expected: TrainingState, tolerance: float) -> bool:
    """Tell whether the reference itself ends elsewhere where rows weigh a rounding more or less.

    A gradient that cancels to nothing is divided by its own size in Adam, Adagrad and their kin:
    whether its sum is zero or the last bit of a number decides about a whole step.
    """
    data = case.data
    weight = np.ones(len(data.target), case.plan.dtype) if data.weight is None else data.weight
    grains = np.random.default_rng(0).integers(-4, 5, len(weight)) * np.finfo(weight.dtype).eps
    shaken = dataclasses.replace(data, weight=weight * (1 + grains).astype(weight.dtype))
    state, _ = run(ReferenceEngine(), case.replace(data=shaken))
    return not np.allclose(
        state.parameters, expected.parameters, rtol=tolerance / 2, atol=tolerance / 2
    )


@EXAMPLES
@given(case=cases())
def test_engines_agree_with_the_reference(engine: Engine, case: Case) -> None:
    """The reference is the definition; another engine may differ by rounding only."""
    assume(engine.refuses(case.plan) is None)
    state, records = run(engine, case)
    expected, expected_records = run(ReferenceEngine(), case)
    assume(expected.stop is not StopReason.DIVERGED)
    tolerance = 1e-9 if case.plan.dtype == "float64" else 5e-3
    assume(not _hangs_on_rounding(case, expected, tolerance))
    np.testing.assert_allclose(
        state.parameters, expected.parameters, rtol=tolerance, atol=tolerance
    )
    assert state.step == expected.step
    assert state.parameters.dtype == case.plan.dtype
    for one, other in zip(records, expected_records, strict=False):
        assert one.loss == pytest.approx(other.loss, rel=tolerance, abs=tolerance)
        assert one.learning_rate == other.learning_rate


def test_stopped_state_is_not_advanced(engine: Engine) -> None:
    """A state with a reason stays as it is."""
    case = small_case()
    for reason in StopReason:
        state = case.state()
        state.stop = reason
        assert len(engine.advance(*case.job()._replace(state=state))) == 0
        np.testing.assert_array_equal(state.parameters, case.start)
        assert (state.step, state.epoch, state.stop) == (0, 0, reason)


def test_last_epoch_is_the_end(engine: Engine) -> None:
    """After `max_epochs` the reason is there, however many epochs were asked for."""
    case = small_case(n_epochs=3, shuffled=False)
    state = case.state()
    assert len(engine.advance(case.plan, state, case.data, None, 50)) == 3
    assert state.stop is StopReason.MAX_EPOCHS
    assert len(engine.advance(case.plan, state, case.data, None, 5)) == 0


@pytest.mark.parametrize("keep", [False, True])
def test_another_training_has_all_its_epochs(engine: Engine, keep: bool) -> None:
    """Epochs are counted over the life of the network; the length is that of each training."""
    case = small_case(n_epochs=3, shuffled=False, optimiser="adam")
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
    long = small_case(n_epochs=6, shuffled=False, optimiser="nadam", dropout=0.25)
    short = long.replan(stopping=StoppingRule(max_epochs=3, patience=FOREVER))
    whole, _ = run(engine, long)
    state = short.state()
    engine.advance(short.plan, state, short.data, None, 3)
    state.begin_training(keep_optimiser=True)
    engine.advance(short.plan, state, short.data, None, 3)
    np.testing.assert_array_equal(state.parameters, whole.parameters)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", ["squared", "poisson", "squared_outputs"])
def test_divergence_is_told_and_the_best_is_kept(engine: Engine, loss: str, dtype: str) -> None:
    """Two good epochs, then a rate beyond all measure: no warning, a reason, finite weights."""
    case = small_case(loss, dtype=dtype, n_epochs=6, optimiser="plain").replan(
        schedule=optim.StepDecay(1e-3, factor=1e150, every=2)
    )
    state, records = run(engine, case)
    assert state.stop is StopReason.DIVERGED
    assert len(records) in {3, 4, 5}
    assert np.isfinite(state.best_parameters).all()
    assert state.best_parameters.dtype == dtype
    good = case.replan(stopping=StoppingRule(max_epochs=2, patience=FOREVER))
    assert state.best_epoch == 2
    np.testing.assert_array_equal(state.best_parameters, run(engine, good)[0].parameters)


def test_nothing_moves_after_divergence(engine: Engine) -> None:
    """A diverged state is a stopped state."""
    case = small_case("squared", rate=1e300, optimiser="plain", n_epochs=5)
    state, records = run(engine, case)
    assert state.stop is StopReason.DIVERGED
    parameters = state.parameters.copy()
    assert len(engine.advance(*case.job()._replace(state=state))) == 0
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
    """Parameters, memory, counter and records belong together, so that training can go on."""
    case = small_case(optimiser="adam", shuffled=False).replan(
        schedule=optim.FunctionOfStep(_Interrupting(at))
    )
    if engine.refuses(case.plan) is not None:
        pytest.skip("this engine takes no functions of one's own")
    state = case.state()
    records = engine.advance(case.plan, state, case.data, None, 4)
    assert state.stop is StopReason.INTERRUPTED
    assert len(records) == at // 4
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
