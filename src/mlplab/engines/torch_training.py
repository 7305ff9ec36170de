"""Training a population of networks in step with one another.

Networks that can share every operation, whatever their rates, penalties, seeds, rows, orders and
rules of stopping, go through their epochs together. Who has finished leaves, and the others go on
without it. Schedules, the closing of epochs and all that is counted stay in Python.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mlplab._typing import AnyArray, Matrix
from mlplab.engines import torch_updates
from mlplab.engines.contract import Job, TrainingState, ValidationData
from mlplab.engines.stopping import EpochFigures, close_epoch
from mlplab.engines.torch_functions import Tensor
from mlplab.engines.torch_network import (
    Batch,
    Found,
    Place,
    PopulationNetwork,
    Strengths,
    Thinning,
)
from mlplab.engines.torch_rows import PopulationRows
from mlplab.engines.torch_updates import Slots, Steps
from mlplab.errors import EngineError
from mlplab.nn import Dropout
from mlplab.optim import Adaptive, Constant, Exponential, InverseScaling, Linear, StepDecay
from mlplab.results import EpochRecord

__all__ = ["Member", "kinship", "train_together"]

# Within an epoch these stay as they are, so one question an epoch is enough.
CONSTANT_IN_EPOCH = {Adaptive, Constant, Exponential, InverseScaling, Linear, StepDecay}


class Member:
    """One job and the records of the epochs that it has completed.

    Parameters
    ----------
    job : Job
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.records: list[EpochRecord] = []
        self._first_epoch = job.state.epoch
        self._closed: tuple[EpochRecord, TrainingState] | None = None

    @property
    def goes_on(self) -> bool:
        """Whether there are epochs left and no reason to stop."""
        return self.job.state.stop is None and len(self.records) < self.job.n_epochs

    def order(self) -> AnyArray:
        """Return the order of the rows in the coming epoch."""
        data, orders = self.job.data, self.job.orders
        n_rows, n_stored = data.n_rows, data.x.shape[0]
        if orders is None:
            return np.arange(n_rows) if data.places is None else data.places
        order: AnyArray = orders[len(self.records)]
        if order.shape != (n_rows,) or order.min() < 0 or order.max() >= n_stored:
            message = (
                f"an order must name rows 0 to {n_stored - 1} by {n_rows} numbers; got "
                f"{order.shape[0]} numbers from {order.min()} to {order.max()}. An order that "
                "names a row that does not exist belongs to other data."
            )
            raise EngineError(message)
        return order

    def close(self, record: EpochRecord, after: TrainingState) -> None:
        """Take over the state after a closed epoch, and its record.

        Both come with one assignment, and `settle` finishes what an interrupt may have cut short:
        an epoch is counted and recorded, or neither.
        """
        self._closed = record, after
        self.settle()

    def settle(self) -> None:
        """Make state and records those after the last closed epoch; doing it twice is harmless."""
        if self._closed is None:
            return
        record, after = self._closed
        for field in dataclasses.fields(after):
            setattr(self.job.state, field.name, getattr(after, field.name))
        if len(self.records) < after.epoch - self._first_epoch:
            self.records.append(record)


def kinship(job: Job) -> tuple[Any, ...]:
    """Return what networks must have in common to be trained together."""
    plan, data = job.plan, job.data
    return (
        plan.network,
        plan.loss,
        plan.optimiser,
        plan.batch_size,
        plan.dtype,
        data.n_rows,
        data.x.shape[0],
        data.weight is None,
        # Where all are zero or absent the operation is left out, for one as for many.
        plan.penalties.l2 == 0,
        plan.penalties.l1 == 0,
        plan.weight_decay == 0,
        plan.clip_norm is None,
        plan.clip_value is None,
    )


class Standing(NamedTuple):
    """Where the networks stand after a completed step, a row each."""

    parameters: Tensor
    slots: Slots
    steps: tuple[int, ...]


class _Population:
    """Networks in step, from their states and back into them.

    Parameters
    ----------
    network : PopulationNetwork
    members : sequence of Member
        Of equal kinship.
    """

    def __init__(self, network: PopulationNetwork, members: Sequence[Member]) -> None:
        self._network, self._members = network, members
        self._plan = members[0].job.plan
        self._plans = [member.job.plan for member in members]
        self._rows = PopulationRows(network, [member.job.data for member in members])
        kind, column = network.place.kind, network.place.column

        def strength(name: str) -> Tensor | None:
            values = [getattr(plan.penalties, name) for plan in self._plans]
            return column(values, kind)[:, 0] if any(values) else None

        def limits(name: str) -> Tensor | None:
            values = [getattr(plan, name) for plan in self._plans]
            return None if values[0] is None else column(values, kind)

        self._strengths = Strengths(strength("l2"), strength("l1"))
        self._clip_value, self._clip_norm = limits("clip_value"), limits("clip_norm")
        self._thins = any(isinstance(layer, Dropout) for layer in self._plan.network.layers)
        self._last_rates: tuple[list[float], Tensor] = [], None
        self._standing = self._read()

    def _read(self) -> Standing:
        """Return where the states stand."""
        states, to_tensor = [member.job.state for member in self._members], self._network.to_tensor
        n_parameters = self._network.spec.n_parameters
        slots: dict[str, Tensor] = {}
        for name in torch_updates.slot_names(self._plan.optimiser):
            if name == "mu_product":
                slots[name] = self._network.place.column(
                    float(state.slots[name][0]) if state.slots else 1.0 for state in states
                )
            else:
                nothing = np.zeros(n_parameters)
                slots[name] = to_tensor([state.slots.get(name, nothing) for state in states])
        parameters = to_tensor([state.parameters for state in states])
        return Standing(parameters, slots, tuple(state.step for state in states))

    def _write(self, *, slots: bool) -> None:
        """Write parameters and steps into the states, the optimiser's memory where asked for."""
        standing, to_arrays = self._standing, self._network.to_arrays
        parameters = to_arrays(standing.parameters)
        memory = {
            name: slot.cpu().numpy() if name == "mu_product" else to_arrays(slot)
            for name, slot in (standing.slots.items() if slots else ())
        }
        for index, member in enumerate(self._members):
            state = member.job.state
            state.parameters, state.step = parameters[index].copy(), standing.steps[index]
            if slots:
                state.slots = {name: array[index].copy() for name, array in memory.items()}

    def run(self) -> None:
        """Train until one of the networks has finished."""
        try:
            while all(member.goes_on for member in self._members):
                self._run_epoch()
        finally:
            # After an interrupt as well: the standing is always that of a completed step.
            try:
                self._write_back()
            except KeyboardInterrupt:
                self._write_back()
                raise

    def _write_back(self) -> None:
        for member in self._members:
            member.settle()
        self._write(slots=True)

    def _run_epoch(self) -> None:
        began = time.perf_counter()
        size, n_rows = self._plan.batch_size, self._members[0].job.data.n_rows
        self._rows.begin_epoch([member.order() for member in self._members])
        teaching = self._rows.teaching(size)
        n_steps = teaching.shape[1]
        figures, rates = self._standing.parameters.new_empty((2, len(self._members), n_steps)), []
        for index, start in enumerate(range(0, n_rows, size)):
            stop = min(start + size, n_rows)
            if not (index and self._rates_are_constant):
                rates = self._rates(n_steps)
            loss, norm = self._run_step(start, stop, rates, teaching[:, index])
            figures[0, :, index], figures[1, :, index] = loss, norm
        # Asking for numbers waits for the device, so the seconds are those of the whole epoch.
        losses, norms = figures.cpu().double().numpy()
        losses *= np.diff([*range(0, n_rows, size), n_rows]) / n_rows
        self._write(slots=False)
        seconds = time.perf_counter() - began
        for member, loss, rate, norm in zip(self._members, losses, rates, norms, strict=True):
            mean_loss, mean_norm = float(loss.sum()), float(norm.sum()) / n_steps
            self._close(member, EpochFigures(mean_loss, rate, mean_norm, seconds))

    def _close(self, member: Member, figures: EpochFigures) -> None:
        plan, data, state = member.job.plan, member.job.data, copy.copy(member.job.state)
        state.samples_seen += data.n_rows

        def predict(rows: ValidationData) -> Matrix:
            parameters = self._network.to_tensor([state.parameters])
            return self._network.predict(parameters, rows.x)

        member.close(close_epoch(plan, state, figures, data.validation, predict), state)

    @property
    def _rates_are_constant(self) -> bool:
        return all(type(plan.schedule) in CONSTANT_IN_EPOCH for plan in self._plans)

    def _rates(self, steps_per_epoch: int) -> list[float]:
        """Return each network's learning rate of the coming step."""
        rates = []
        for member, step in zip(self._members, self._standing.steps, strict=True):
            plan, state = member.job.plan, member.job.state
            state.step = step
            rates.append(plan.schedule.rate(state.moment(plan, steps_per_epoch)))
        return rates

    def _run_step(
        self, start: int, stop: int, rates: list[float], teaching: AnyArray
    ) -> tuple[Tensor, Tensor]:
        """Make one step; return each network's reported loss and its gradient's norm."""
        column, kind = self._network.place.column, self._network.place.kind
        before = self._standing
        numbers = tuple(step + 1 for step in before.steps)
        found = self._find(self._rows.batch(start, stop), numbers)
        if rates != self._last_rates[0]:
            self._last_rates = rates, column(rates, kind)
        steps = Steps(numbers, self._last_rates[1], column)
        gradient = self._clipped(found.gradient)
        change, slots = torch_updates.update(self._plan.optimiser, gradient, before.slots, steps)
        if self._plan.weight_decay:
            strengths = [r * plan.weight_decay for r, plan in zip(rates, self._plans, strict=True)]
            decayed = self._network.penalised * before.parameters
            change = change - column(strengths, kind) * decayed
        reported = found.data_loss * self._plan.loss.reported_scale + found.penalty
        norm = (found.gradient * found.gradient).sum(1).sqrt()
        after = Standing(before.parameters + change, slots, numbers)
        if not teaching.all():
            after, (reported, norm) = self._held_back(teaching, before, after, reported, norm)
        # One assignment after all arithmetic: an interrupt leaves a completed step.
        self._standing = after
        return reported, norm

    def _find(self, batch: Batch, numbers: tuple[int, ...]) -> Found:
        thinning: Thinning | None = None
        if self._thins:
            seeds = [plan.dropout_seed for plan in self._plans]
            thinning = Thinning.of(self._network.place, seeds, numbers)
        return self._network.differentiate(
            self._standing.parameters, batch, self._plan.loss, self._strengths, thinning
        )

    def _clipped(self, gradient: Tensor) -> Tensor:
        if self._clip_value is not None:
            gradient = torch_updates.clip_by_value(gradient, self._clip_value)
        if self._clip_norm is not None:
            gradient = torch_updates.clip_by_norm(gradient, self._clip_norm)
        return gradient

    def _held_back(
        self, teaching: AnyArray, before: Standing, after: Standing, *figures: Tensor
    ) -> tuple[Standing, list[Tensor]]:
        """Leave networks whose rows have no weight where they were; their figures are zero."""
        teaches = self._network.place.tensor(teaching, self._network.place.torch.bool)
        moves = teaches[:, None]
        slots = {name: slot.where(moves, before.slots[name]) for name, slot in after.slots.items()}
        parameters = after.parameters.where(moves, before.parameters)
        steps = tuple(
            new if taught else old
            for taught, new, old in zip(teaching, after.steps, before.steps, strict=True)
        )
        return Standing(parameters, slots, steps), [f.masked_fill(~teaches, 0) for f in figures]


def train_together(place: Place, members: Sequence[Member]) -> None:
    """Train networks of equal kinship, each to its own end; changes their states and records.

    Parameters
    ----------
    place : Place
    members : sequence of Member
    """
    network = PopulationNetwork(members[0].job.plan.network, place)
    while going := [member for member in members if member.goes_on]:
        _Population(network, going).run()
