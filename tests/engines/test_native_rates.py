"""The table of rates that the native library is given: what the schedule says, step by step."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.contracts.trainings import small_case

from mlplab import optim
from mlplab.engines import StoppingRule
from mlplab.engines.native_rates import RateTable

N_ROWS, BATCH, EPOCHS = 23, 5, 900
STEPS = -(-N_ROWS // BATCH)

SCHEDULES = [
    optim.Cosine(0.3, 0.001),
    optim.OneCycle(0.3),
    optim.OneCycle(0.3, 0.002, 0.45),
    optim.Linear(0.3, 0.1),
    optim.StepDecay(0.3, 0.5, 7),
    optim.Exponential(0.3, 0.1),
    optim.InverseScaling(0.3),
    optim.FunctionOfStep(lambda step: 0.3 / (1 + step)),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)
@pytest.mark.parametrize("done", [0, 1, 815, 895])
@pytest.mark.parametrize("before", [0, 3])
def test_the_table_holds_what_the_schedule_says(
    schedule: optim.Schedule, done: int, before: int
) -> None:
    """At the beginning, in the midst of blocks of steps, and beyond the last epoch."""
    case = small_case()
    rule = StoppingRule(max_epochs=EPOCHS)
    plan = dataclasses.replace(case.plan, schedule=schedule, batch_size=BATCH, stopping=rule)
    state = case.state()
    state.first_epoch, state.first_step = before, before * STEPS
    state.epoch, state.step = before + done, (before + done) * STEPS
    state.samples_seen = state.epoch * N_ROWS
    table = RateTable(plan, state, N_ROWS, 12)
    assert table.n_epochs == 12
    assert table.rates is not None
    start = state.moment(plan, STEPS)
    said = [
        schedule.rate(
            dataclasses.replace(
                start,
                step=start.step + step,
                epoch=start.epoch + step // STEPS,
                samples_before_epoch=start.samples_before_epoch + step // STEPS * N_ROWS,
            )
        )
        for step in range(12 * STEPS)
    ]
    each = table.rates if table.a_step else np.repeat(table.rates, STEPS)
    np.testing.assert_array_equal(each, said)


@pytest.mark.parametrize("schedule", [optim.Constant(0.1), optim.Adaptive(0.1)])
def test_what_the_library_knows_itself_needs_no_table(schedule: optim.Schedule) -> None:
    """Constant rates, and those that it divides itself."""
    case = small_case()
    plan = dataclasses.replace(case.plan, schedule=schedule)
    assert RateTable(plan, case.state(), N_ROWS, 3).rates is None
