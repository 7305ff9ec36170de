"""Trainings of a sweep that are stretches of one another: those that differ in length alone.

Where the rate does not look to the end, a longer training begins with the epochs of a shorter
one. It is trained once, pauses where the shorter ones end, and goes on with the same bits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from mlplab.sweeps import Done, Job, Outcome

__all__ = ["Training", "is_endless", "trainings_of"]

_ENDLESS = {"constant", "invscaling", "adaptive", "plateau"}


def is_endless(parameters: Mapping[str, Any]) -> bool:
    """Tell whether a network learns the same at first, however long it will be trained.

    Parameters
    ----------
    parameters : mapping
        Of the network, as far as they are not left at their defaults.

    Examples
    --------
    >>> is_endless({"max_iter": 100}), is_endless({"max_iter": 100, "learning_rate": "cosine"})
    (True, False)
    """
    rate, solver = parameters.get("learning_rate", "constant"), parameters.get("solver")
    return isinstance(rate, str) and rate in _ENDLESS and solver != "lbfgs"


class Training:
    """One training, and the jobs that are done by it, shortest first.

    Parameters
    ----------
    jobs : mapping of int to Job
        By their places. All but the last end where ``max_iter`` of their configuration says.
    """

    def __init__(self, jobs: Mapping[int, Job]) -> None:
        self._left = dict(jobs)
        self._is_shared = len(jobs) > 1
        self._state: Any = None

    @property
    def is_over(self) -> bool:
        """Whether all jobs are done."""
        return not self._left

    def next_job(self) -> Job:
        """Return what is to be trained next: on to where the next of the jobs ends."""
        *shorter, longest = self._left.values()
        if not self._is_shared:
            return longest
        end = shorter[0].configuration["max_iter"] if shorter else None
        return dataclasses.replace(longest, epochs=end, state=self._state, pauses=bool(shorter))

    def tell(self, outcome: Outcome, done: Done) -> None:
        """Tell what came of it; what went wrong goes wrong in the longer ones too."""
        place = next(iter(self._left))
        del self._left[place]
        if self._is_shared:
            self._state = outcome.state
            outcome = dataclasses.replace(outcome, state=None)
        done(place, outcome)
        while outcome.status != "done" and self._left:
            place, _ = self._left.popitem()
            done(place, dataclasses.replace(outcome, seconds=0.0))


def trainings_of(jobs: Sequence[Job], base: Mapping[str, Any]) -> list[Training]:
    """Return the trainings that do these jobs.

    Parameters
    ----------
    jobs : sequence of Job
    base : mapping
        The parameters of the network that do not vary.
    """
    found: dict[Any, dict[int, Job]] = {}
    for place, job in enumerate(jobs):
        rest = dict(job.configuration)
        length = rest.pop("max_iter", None)
        is_whole = not job.pauses and job.state is None and job.epochs is None
        is_number = type(length) is int and length > 0
        shares = is_number and is_whole and is_endless({**base, **rest})
        key = repr((job.seed, job.fold, sorted(rest.items()))) if shares else place
        found.setdefault(key, {})[place] = job
    return [Training(_by_length(those)) for those in found.values()]


def _by_length(jobs: Mapping[int, Job]) -> dict[int, Job]:
    if len(jobs) == 1:
        return dict(jobs)
    return dict(sorted(jobs.items(), key=lambda item: item[1].configuration["max_iter"]))
