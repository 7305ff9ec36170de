"""Searches that do not learn: everything, at random, and evenly at random."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mlplab.sweeps.checks import check_name
from mlplab.sweeps.contract import Asking, Proposal
from mlplab.sweeps.space import Space

__all__ = ["Grid", "QuasiRandom", "Random", "draw"]

_BATCH = 64
# Up to here it is worth counting a finite space, to know when a search has seen all of it.
_COUNTABLE = 100_000


@dataclass(frozen=True, slots=True)
class Grid:
    """Every configuration once, in the order of the space."""

    def ends(self, space: Space) -> bool:
        """Tell that a grid ends, if it is one."""
        space.check_finite()
        return True

    def ask(self, space: Space, limit: int | None, seed: int) -> Asking:  # noqa: ARG002
        """Ask for everything at once, so that what is alike can train together."""
        yield [Proposal(configuration) for configuration in itertools.islice(space.grid(), limit)]


@dataclass(frozen=True, slots=True)
class Random:
    """Configurations drawn independently, none twice.

    A longer search begins with the configurations of a shorter one of the same seed.
    Reference: Bergstra and Bengio, Random search for hyper-parameter optimization, JMLR 2012.
    """

    def ends(self, space: Space) -> bool:
        """Tell that it ends in a finite space, when all of it was seen."""
        return space.n_combinations is not None

    def ask(self, space: Space, limit: int | None, seed: int) -> Asking:
        """Ask for all at once, or in batches if there is no limit."""
        yield from _in_batches(draw(space, seed), limit)


@dataclass(frozen=True, slots=True)
class QuasiRandom:
    """Configurations that fill the space more evenly than chance, none twice.

    Attributes
    ----------
    sequence : {"sobol", "halton"}
        Scrambled by the seed. Sobol's is most even after 2, 4, 8, 16 … configurations.

    References
    ----------
    Owen, Randomly permuted (t, m, s)-nets and (t, s)-sequences, 1995; `scipy.stats.qmc`.
    """

    sequence: Literal["sobol", "halton"] = "sobol"

    def __post_init__(self) -> None:
        check_name("search.sequence", self.sequence, ("sobol", "halton"))

    def ends(self, space: Space) -> bool:
        """Tell that it ends in a finite space, when all of it was seen."""
        return space.n_combinations is not None

    def ask(self, space: Space, limit: int | None, seed: int) -> Asking:
        """Ask for all at once, or in batches if there is no limit."""
        points = _quasi_random(self.sequence, len(space.parameters), seed)
        yield from _in_batches(_configurations(space, points), limit)


def draw(space: Space, seed: int) -> Iterator[dict[str, Any]]:
    """Yield random configurations, none twice, until a finite space is used up."""
    rng = np.random.default_rng(seed)
    points = (rng.random(len(space.parameters)) for _ in itertools.count())
    return _configurations(space, points)


def _configurations(space: Space, points: Iterator[Any]) -> Iterator[dict[str, Any]]:
    n = space.n_combinations
    drawn = space.distinct(space.at(point) for point in points)
    # Beyond the last new one a finite space would be drawn from for ever.
    return itertools.islice(drawn, sum(1 for _ in space.grid()) if n and n <= _COUNTABLE else None)


def _quasi_random(sequence: str, dimension: int, seed: int) -> Iterator[Any]:
    from scipy.stats import qmc  # noqa: PLC0415  # slow to import

    kind = qmc.Sobol if sequence == "sobol" else qmc.Halton
    engine = kind(dimension, scramble=True, rng=np.random.default_rng(seed))
    while True:
        yield from engine.random(_BATCH)


def _in_batches(configurations: Iterator[dict[str, Any]], limit: int | None) -> Asking:
    wanted = itertools.islice(configurations, limit)
    while batch := list(itertools.islice(wanted, limit or _BATCH)):
        yield [Proposal(configuration) for configuration in batch]
