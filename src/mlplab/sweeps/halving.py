"""Searches that give little training to many and much to the best, going on where they paused.

Successive halving trains n configurations for r epochs, keeps the best n/η, trains these on to
r·η epochs, and so on up to R epochs. With few epochs at first it may drop what learns slowly;
Hyperband therefore runs several of them, from "many configurations, few epochs" to "few
configurations, all epochs", with about the same number of epochs each.

References
----------
Jamieson and Talwalkar, Non-stochastic best arm identification and hyperparameter optimization,
AISTATS 2016. Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, Hyperband, JMLR 18, 2018.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlplab.errors import ParameterError
from mlplab.results import Configuration
from mlplab.sweeps.checks import check_integer, check_number
from mlplab.sweeps.contract import Asking, Proposal
from mlplab.sweeps.searches import draw
from mlplab.sweeps.space import Space

__all__ = ["Halving", "Hyperband"]

_RUNGS = 4


@dataclass(frozen=True, slots=True)
class Halving:
    """Successive halving.

    Attributes
    ----------
    factor : float
        η: one in so many configurations goes on, with so many times the epochs.
    min_epochs : int, optional
        Epochs of the first round; by default those of the end divided by the factor four times.
    resource : str
        The parameter that holds the epochs of a whole training, R. It must not vary.
    """

    factor: float = 3
    min_epochs: int | None = None
    resource: str = "max_iter"

    def __post_init__(self) -> None:
        _check(self)

    def ends(self, space: Space) -> bool:
        """Tell that it ends when the best are left."""
        _full(space, self)
        return True

    def ask(self, space: Space, limit: int | None, seed: int) -> Asking:
        """Start with `limit` random configurations.

        Without a limit, start with the whole grid, or in a space without end with as many as
        leave one for the whole training.
        """
        budgets = _budgets(_full(space, self), self)
        whole = limit is None and space.n_combinations is not None
        start = None if whole else limit or _bracket_size(len(budgets), 0, self.factor)
        candidates = space.grid() if whole else draw(space, seed)
        yield from _halve(list(itertools.islice(candidates, start)), budgets, self.factor)


@dataclass(frozen=True, slots=True)
class Hyperband:
    """Hyperband: several successive halvings side by side.

    Attributes
    ----------
    factor, min_epochs, resource
        As for `Halving`.
    rounds : int
        How often the whole is done, with new configurations.
    """

    factor: float = 3
    min_epochs: int | None = None
    resource: str = "max_iter"
    rounds: int = 1

    def __post_init__(self) -> None:
        _check(self)
        check_integer("search.rounds", self.rounds, 1)

    def ends(self, space: Space) -> bool:
        """Tell that rounds end."""
        _full(space, self)
        return True

    def ask(self, space: Space, limit: int | None, seed: int) -> Asking:
        """Ask for the first rungs of all brackets, then for their second rungs, and so on."""
        budgets = _budgets(_full(space, self), self)
        drawn = itertools.islice(draw(space, seed), limit)
        for _ in range(self.rounds):
            brackets = []
            for skipped in range(len(budgets)):
                n = _bracket_size(len(budgets), skipped, self.factor)
                configurations = list(itertools.islice(drawn, n))
                brackets.append(_halve(configurations, budgets[skipped:], self.factor))
            yield from _side_by_side(brackets)


def _check(search: Halving | Hyperband) -> None:
    check_number("search.factor", search.factor, 1)
    if search.min_epochs is not None:
        check_integer("search.min_epochs", search.min_epochs, 1)


def _full(space: Space, search: Halving | Hyperband) -> int:
    """Return the epochs of a whole training."""
    name = search.resource
    if any(parameter.name == name for parameter in space.parameters):
        raise ParameterError(
            f"`sweep.space.{name}` must be left to {type(search).__name__.lower()}, which decides "
            f"how long each network trains. Take it out of the space and set it in [model]."
        )
    full = {**(space.defaults or {}), **(space.fixed or {})}.get(name)
    if not isinstance(full, int) or full < 1:
        raise ParameterError(
            f"`{name}` must be a positive integer for {type(search).__name__.lower()}: the epochs "
            f"of a whole training; got {full!r}. Set it in [model]."
        )
    return full


def _budgets(full: int, search: Halving | Hyperband) -> list[int | None]:
    """Return where each round pauses; the last one does not."""
    least = search.min_epochs or max(1, full / search.factor**_RUNGS)
    # The tolerance takes 4.9999999 for 5.
    rungs = max(0, math.floor(math.log(full / least, search.factor) + 1e-9))
    return [*(max(1, round(full / search.factor**k)) for k in range(rungs, 0, -1)), None]


def _bracket_size(n_budgets: int, skipped: int, factor: float) -> int:
    """Return how many configurations start in a bracket, so that all cost about the same."""
    rungs = n_budgets - 1 - skipped
    return math.ceil(n_budgets / (rungs + 1) * factor**rungs)


def _halve(
    configurations: list[dict[str, Any]], budgets: Sequence[int | None], factor: float
) -> Asking:
    """Train all to the first budget, the best of them to the next, and so on."""
    left: list[Configuration] = list(configurations)
    for budget in budgets:
        if not left:
            return
        scores = yield [Proposal(configuration, budget) for configuration in left]
        scored = [(s, one) for s, one in zip(scores, left, strict=True) if s is not None]
        scored.sort(key=lambda pair: pair[0], reverse=True)
        left = [one for _, one in scored[: max(1, math.floor(len(left) / factor))]]


def _side_by_side(brackets: list[Asking]) -> Asking:
    """Ask for what all of them ask for, and share the scores out."""
    asked = {number: batch for number, one in enumerate(brackets) if (batch := next(one, None))}
    while asked:
        scores = yield list(itertools.chain.from_iterable(asked.values()))
        told = iter(scores)
        answers = {number: [next(told) for _ in batch] for number, batch in asked.items()}
        asked = {
            number: batch
            for number, answer in answers.items()
            if (batch := _send(brackets[number], answer))
        }


def _send(asking: Asking, scores: Sequence[float | None]) -> list[Proposal] | None:
    try:
        return asking.send(scores)
    except StopIteration:
        return None
