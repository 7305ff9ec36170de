"""The learning rates of the coming epochs, where the native library does not know them itself."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from mlplab._typing import AnyArray
from mlplab.engines.contract import TrainingPlan, TrainingState
from mlplab.optim import (
    Adaptive,
    Constant,
    Cosine,
    Exponential,
    InverseScaling,
    Linear,
    Moment,
    OneCycle,
    StepDecay,
)

__all__ = ["RateTable"]

# Within an epoch these stay as they are, so one number an epoch is enough.
CONSTANT_IN_EPOCH = {InverseScaling, Linear, StepDecay, Exponential}
# A sweep asks for the rates of the same steps again and again.
_BLOCK_STEPS = 4096
_BLOCKS_KEPT = 256


class RateTable:
    """The learning rates of the coming epochs.

    Attributes
    ----------
    rates : ndarray or None
        One a step or one an epoch; None for constant and adaptive rates.
    a_step : bool
    n_epochs : int
        How many epochs the table holds: fewer than asked for where it was interrupted.
    interrupted : bool
    """

    def __init__(
        self, plan: TrainingPlan, state: TrainingState, n_rows: int, n_epochs: int
    ) -> None:
        self.rates: AnyArray | None = None
        self.a_step, self.interrupted, self.n_epochs = False, False, n_epochs
        if type(plan.schedule) in {Adaptive, Constant}:
            return
        steps = -(-n_rows // plan.batch_size)
        start = state.moment(plan, steps)
        self.a_step = type(plan.schedule) not in CONSTANT_IN_EPOCH
        if isinstance(plan.schedule, Cosine | OneCycle):
            self.rates = _rates_of_steps(plan.schedule, start, n_epochs * steps)
        else:
            self.rates = self._asked_one_by_one(plan, start, n_rows)

    def _asked_one_by_one(self, plan: TrainingPlan, start: Moment, n_rows: int) -> AnyArray:
        steps = start.steps_per_epoch
        each = steps if self.a_step else 1
        rates = np.empty(self.n_epochs * each)
        try:
            for index in range(rates.size):
                epoch, step = divmod(index, each)
                rates[index] = plan.schedule.rate(
                    dataclasses.replace(
                        start,
                        step=start.step + epoch * steps + step,
                        epoch=start.epoch + epoch,
                        samples_before_epoch=start.samples_before_epoch + epoch * n_rows,
                    )
                )
        except KeyboardInterrupt:
            self.interrupted = True
            self.n_epochs = index // each
        return rates


def _rates_of_steps(schedule: Cosine | OneCycle, start: Moment, n: int) -> AnyArray:
    """Return the rates of the next n steps; after the last step of a training they stay."""
    n_steps = start.steps_per_epoch * start.max_epochs
    first = start.step - start.steps_before
    places = np.minimum(np.arange(first, first + n), n_steps - 1)
    blocks = range(places[0] // _BLOCK_STEPS, places[-1] // _BLOCK_STEPS + 1)
    known = np.concatenate([_block_of_rates(schedule, n_steps, block) for block in blocks])
    rates: AnyArray = known[places - blocks[0] * _BLOCK_STEPS]
    return rates


@functools.lru_cache(_BLOCKS_KEPT)
def _block_of_rates(schedule: Cosine | OneCycle, n_steps: int, block: int) -> AnyArray:
    steps = range(block * _BLOCK_STEPS, min((block + 1) * _BLOCK_STEPS, n_steps))
    return np.array([schedule.rate_at(min(1.0, step / max(1, n_steps - 1))) for step in steps])
