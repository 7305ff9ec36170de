"""What searches ask for."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from tests.sweeps.synthetic import FULL, Walk, wide_space

from mlplab import sweeps
from mlplab.errors import MissingExtraError
from mlplab.sweeps import (
    SEARCHES,
    Halving,
    Hyperband,
    Proposal,
    Search,
    Space,
    Sweep,
    space_from_table,
)

FINITE = space_from_table({"a": [1, 2, 3], "b": {"values": [1, 2], "when": {"a": [1, 2]}}})
Score = Callable[[Proposal], float | None]


def asked(
    search: Search, space: Space, limit: int | None, seed: int = 0, score: Score = lambda _: 0.0
) -> list[list[Proposal]]:
    """Return all batches of a search whose proposals are scored by a function."""
    batches, asking = [], search.ask(space, limit, seed)
    batch = next(asking, None)
    while batch is not None:
        batches.append(batch)
        try:
            batch = asking.send([score(proposal) for proposal in batch])
        except StopIteration:
            batch = None
    return batches


def flat(batches: Sequence[Sequence[Proposal]]) -> list[Proposal]:
    """Return all proposals in one list."""
    return list(itertools.chain.from_iterable(batches))


@pytest.mark.parametrize("name", ["random", "sobol", "halton"])
def test_longer_searches_begin_like_shorter_ones(name: str) -> None:
    """So that a longer search trains only what is new; another seed gives something else."""
    space = wide_space()
    short, long, other = (
        flat(asked(SEARCHES[name](), space, n, seed)) for n, seed in ((20, 0), (100, 0), (20, 1))
    )
    assert long[:20] == short
    assert len(long) == 100
    assert other != short


@pytest.mark.parametrize("name", ["random", "sobol", "halton", "grid"])
def test_finite_spaces_are_searched_to_their_end(name: str) -> None:
    """Everything once, and then it is over."""
    proposals = flat(asked(SEARCHES[name](), FINITE, None))
    assert len(proposals) == 5
    assert {FINITE.identity(p.configuration) for p in proposals} == {
        FINITE.identity(one) for one in FINITE.grid()
    }


@pytest.mark.parametrize("name", ["sobol", "halton"])
def test_quasi_random_points_are_more_even_than_random_ones(name: str) -> None:
    """Every sixteenth of an axis is met by 64 points; by random ones hardly ever."""
    proposals = flat(asked(SEARCHES[name](), wide_space(), 64))
    x = np.array([proposal.configuration["x"] for proposal in proposals])
    assert np.histogram(x, 16, (-1, 1))[0].min() >= 3


def test_halving_keeps_the_best() -> None:
    """A third of 27 for three times as long, and so on; what failed never goes on."""
    space = space_from_table({"a": list(range(27))}, fixed={"max_iter": 27})

    def score(proposal: Proposal) -> float | None:
        a = proposal.configuration["a"]
        return None if a == 26 else float(a)

    batches = asked(Halving(min_epochs=1), space, None, score=score)
    assert [len(batch) for batch in batches] == [27, 9, 3, 1]
    assert [{p.epochs for p in batch} for batch in batches] == [{1}, {3}, {9}, {None}]
    assert [p.configuration["a"] for p in batches[1]] == list(range(25, 16, -1))
    assert batches[3][0].configuration == {"a": 25}


def test_halving_ends_when_everything_failed() -> None:
    """There is nothing to go on with."""
    space = space_from_table({"a": [1, 2, 3]}, fixed={"max_iter": 9})
    batches = asked(Halving(min_epochs=1), space, None, score=lambda _: None)
    assert [len(batch) for batch in batches] == [3]


def test_hyperband_has_the_published_brackets() -> None:
    """Table 1 of the paper: R = 81 and η = 3; all brackets train a rung at the same time."""
    space = space_from_table({"x": {"low": 0.0, "high": 1.0}}, fixed={"max_iter": 81})
    batches = asked(Hyperband(min_epochs=1), space, None)
    counts = [
        {e: sum(p.epochs == e for p in batch) for e in {p.epochs for p in batch}}
        for batch in batches
    ]
    assert counts == [
        {1: 81, 3: 34, 9: 15, 27: 8, None: 5},
        {3: 27, 9: 11, 27: 5, None: 2},
        {9: 9, 27: 3, None: 1},
        {27: 3, None: 1},
        {None: 1},
    ]


def test_hyperband_draws_no_configuration_twice() -> None:
    """Not even in another round, and no more than the limit."""
    space = wide_space()
    once, twice = (asked(Hyperband(rounds=n), space, None) for n in (1, 2))
    started = [p.configuration for p in twice[0] + twice[len(once)]]
    assert len({space.identity(one) for one in started}) == len(started) == 2 * len(once[0])
    assert len(asked(Hyperband(), space, 4)[0]) == 4


def test_paused_networks_go_on() -> None:
    """No epoch is trained twice: each continues from the state in which it paused."""
    trainer = Walk()
    sweep = Sweep(wide_space(), Hyperband(), ("accuracy",), seeds=2)
    result = sweeps.run(sweep, trainer)
    assert trainer.epochs_trained == result.n_epochs
    went_on = [job for job in trainer.seen if job.state is not None]
    assert went_on
    assert all(job.state[0] < (job.epochs or FULL) for job in went_on)
    assert all(trial.epochs is None for trial in result.best(3))


@pytest.mark.parametrize("name", ["tpe", pytest.param("gp", marks=pytest.mark.slow)])
def test_searches_that_learn_find_the_hill(name: str) -> None:
    """With fewer trials than chance needs; the best x is 0.3, the best y the smallest."""
    pytest.importorskip("optuna")
    if name == "gp":
        pytest.importorskip("torch")
    sweep = Sweep(wide_space(), SEARCHES[name](batch=4), ("accuracy",), trials=32, seed=1)
    best = sweeps.run(sweep, Walk()).best()[0].configuration
    assert abs(best["x"] - 0.3) < 0.2
    assert best["y"] < 0.2


def test_searches_that_learn_take_every_kind_of_parameter() -> None:
    """Lists, steps, whole numbers, conditions; and failed ones do not stop them."""
    pytest.importorskip("optuna")
    space = space_from_table(
        {
            "shape": [[64], [32, 32]],
            "n": {"low": 1, "high": 9, "log": True},
            "x": {"low": 0.0, "high": 0.3, "step": 0.1, "when": {"shape": [[64]]}},
        }
    )
    proposals = flat(asked(SEARCHES["tpe"](), space, 40, score=lambda p: p.configuration.get("x")))
    assert len(proposals) == 40
    assert {len(p.configuration) for p in proposals} == {2, 3}
    assert {p.configuration.get("x") for p in proposals} == {None, 0.0, 0.1, 0.2, 0.3}
    assert proposals == flat(
        asked(SEARCHES["tpe"](), space, 40, score=lambda p: p.configuration.get("x"))
    )


def test_missing_optuna_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"needs optuna.*mlplab\[search\]"):
        asked(SEARCHES["tpe"](), FINITE, 3)
