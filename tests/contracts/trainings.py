"""Trainings of a small network, and how two of them are compared."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy.sparse as sp
from hypothesis import HealthCheck, settings
from tests.strategies import LOSS_CASES, OPTIMISERS, SCHEDULES, Case, draw_data

from mlplab import nn
from mlplab.engines import Engine, StoppingRule, TrainingData, TrainingPlan
from mlplab.results import EpochRecord, History

__all__ = [
    "EXAMPLES",
    "FOREVER",
    "among_others",
    "arrays_of",
    "assert_equal_states",
    "assert_one_of_many",
    "full_batch",
    "run",
    "small_case",
    "timeless",
]

EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FOREVER = math.inf


def run(engine: Engine, case: Case) -> tuple[Any, History]:
    """Train from start to end; return the state and the records."""
    job = case.job()
    return job.state, engine.advance(*job)


def timeless(records: Iterable[EpochRecord]) -> list[tuple[Any, ...]]:
    """Return records as tuples without their wall times, NaN equal to NaN."""
    return [
        tuple("nan" if value != value else value for value in fields[:-1])  # noqa: PLR0124  (NaN)
        for fields in map(dataclasses.astuple, records)
    ]


def assert_equal_states(a: Any, b: Any) -> None:
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


def assert_one_of_many(
    engine: Engine, state: Any, history: Iterable[EpochRecord], alone: Any, expected: History
) -> None:
    """Compare a network of `advance_many` with the same one by itself, bit for bit.

    An engine whose attribute `many_is_exact` is false says in its docstring why and within which
    tolerance it keeps the rule; that one is held to it here.
    """
    if getattr(engine, "many_is_exact", True):
        assert_equal_states(state, alone)
        assert timeless(history) == timeless(expected)
        return
    tolerance = 1e-9 if alone.parameters.dtype == np.float64 else 5e-3
    if np.isfinite(alone.parameters).all():
        np.testing.assert_allclose(
            state.parameters, alone.parameters, rtol=tolerance, atol=tolerance
        )
    assert (state.step, state.epoch, state.stop) == (alone.step, alone.epoch, alone.stop)


def small_case(
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


def arrays_of(data: TrainingData) -> list[Any]:
    """Return every array of the data, those of sparse matrices included."""
    parts = [data] if data.validation is None else [data, data.validation]
    arrays = [a for part in parts for a in (part.x, part.target, part.weight) if a is not None]
    return [
        inner
        for array in arrays
        for inner in ((array.data, array.indices, array.indptr) if sp.issparse(array) else (array,))
    ]


def among_others(case: Case, seed: int) -> Case:
    """Return the case with its rows among others, stored with them, that nobody may look at."""
    rng, data = np.random.default_rng(seed), case.data
    n_stored = 2 * data.n_rows + 3
    places = rng.permutation(n_stored)[: data.n_rows]

    def stored(array: Any) -> Any:
        table = np.full((n_stored, *array.shape[1:]), np.nan, dtype=array.dtype)
        table[places] = array.toarray() if sp.issparse(array) else array
        return type(array)(table) if sp.issparse(array) else table

    weight = None if data.weight is None else stored(data.weight)
    whole = TrainingData(stored(data.x), stored(data.target), weight, data.validation, places)
    return case.replace(data=whole, orders=None if case.orders is None else places[case.orders])


def full_batch(case: Case, data: TrainingData) -> Case:
    """Return the case on other rows, all in one batch and in their own order."""
    return case.replan(batch_size=data.n_rows).replace(data=data, orders=None)
