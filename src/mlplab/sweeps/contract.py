"""Who does what in a sweep: a search asks, a trainer trains, a ledger remembers.

Rules that every trainer keeps:

- `train` tells of one outcome for each job, in any order, each as soon as it is there.
- An outcome depends on nothing but its job: not on what trains beside it, not on threads.
- Training to n epochs and then to m is the same as training to m at once, bit for bit. So a state
  that got lost, in a kill for example, costs time and nothing else.
- A job that cannot be trained ends as an outcome with an error, and the others go on. (Where
  `train` raises instead, the executor trains each remaining job by itself to find the guilty one.)
- KeyboardInterrupt ends it: that of Ctrl-C, and that which `done` raises when a sweep has to stop.
  It is raised again by `train`, whatever was done to clear up.

Rules that every ledger keeps, checked by one suite over all of them:

- A cell that was claimed is claimed by nobody else as long as the claimant lives and has not
  released it; the claims of a dead one are free at once.
- A result that was appended is found from then on, whole, by everyone who looks.
- Nothing that was appended is ever changed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from mlplab.errors import DivergedError
from mlplab.results import CellResult, CellStatus, Configuration, Curve, SweepProgress, SweepResult
from mlplab.sweeps.space import Space

__all__ = [
    "Asking",
    "Done",
    "Job",
    "Ledger",
    "Outcome",
    "Paused",
    "Proposal",
    "Search",
    "SweepObserver",
    "Trainer",
]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a search wants to be trained.

    Attributes
    ----------
    configuration : mapping
    epochs : int or None
        Where to pause, counted from the start of the training; None trains to the end.
    """

    configuration: Configuration
    epochs: int | None = None


Asking: TypeAlias = Generator[list[Proposal], Sequence[float | None], None]
"""Yields a batch, is sent the mean score of each (None where there is none), and so on."""


class Search(Protocol):
    """Frozen data that say how a space is searched."""

    def ends(self, space: Space) -> bool:
        """Tell whether it ends without a limit; raise `ParameterError` if it cannot even begin."""
        ...

    def ask(self, space: Space, limit: int | None, seed: int) -> Asking:
        """Begin to search; at most `limit` configurations."""
        ...


@dataclass(slots=True, eq=False)
class Paused:
    """A network that waits to be trained on: what trainers give as the state of a job.

    It can be taken once, as training changes it. Where a job has to be done again, because what
    was trained beside it raised an error, its network is trained from the start.
    """

    network: Any

    def take(self) -> Any:
        """Return the network, or None where somebody has taken it."""
        network, self.network = self.network, None
        return network


@dataclass(frozen=True, slots=True)
class Job:
    """What a trainer is asked for.

    Attributes
    ----------
    configuration : mapping
        What the sweep varies; everything else is the trainer's own.
    seed, fold : int
    epochs : int or None
        Train until this many epochs are done in all, counted from the start; None: to the end.
    state : object
        What the trainer gave when it paused this training (`Paused`); None to begin at the start.
    pauses : bool
        Whether it may be asked to go on from here later, so that a state is of use.
    """

    configuration: Configuration
    seed: int
    fold: int
    epochs: int | None = None
    state: Any = None
    pauses: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trainer gives.

    Attributes
    ----------
    scores : mapping of str to float
        By scorer; higher is better.
    n_epochs : int
        Done in all, counted from the start.
    seconds : float
        This training's share of the wall time.
    curve : mapping of str to ndarray of shape (epochs,), optional
        The last entry is of epoch `n_epochs`; epochs before the pause may be left out.
    state : object
        With which to go on, if the job pauses. With other processes it has to be picklable.
    status : {"done", "diverged", "failed"}
    reason : str, optional
    """

    scores: Mapping[str, float] = field(default_factory=dict)
    n_epochs: int = 0
    seconds: float = 0.0
    curve: Curve | None = None
    state: Any = None
    status: CellStatus = "done"
    reason: str | None = None

    @classmethod
    def of_error(cls, error: Exception, seconds: float = 0.0) -> Outcome:
        """Return the outcome of a training that raised an error."""
        diverged = isinstance(error, (DivergedError, FloatingPointError))
        reason = f"{type(error).__name__}: {error}"
        return cls(
            status="diverged" if diverged else "failed", reason=reason.strip(), seconds=seconds
        )


Done: TypeAlias = Callable[[int, Outcome], None]
"""Is told the place of a job and its outcome."""


class Trainer(Protocol):
    """What trains; given to a sweep, which knows no networks."""

    @property
    def folds(self) -> Sequence[str]:
        """For each fold a fingerprint of its rows and of which of them train and validate."""
        ...

    def group(self, configuration: Configuration) -> Hashable:
        """Return the same for configurations that train faster together."""
        ...

    def train(self, jobs: Sequence[Job], done: Done) -> None:
        """Train, and call ``done(place, outcome)`` for each job, by its place among them."""
        ...


class Ledger(Protocol):
    """What remembers; the rules stand at the head of this module."""

    def find(self, keys: Iterable[str]) -> dict[str, CellResult]:
        """Return the results that are there, the latest attempt of each, without curves."""
        ...

    def claim(self, wanted: Mapping[str, int], most: int) -> list[str]:
        """Claim up to `most` cells that nobody else has; none of them is done.

        Parameters
        ----------
        wanted : mapping of str to int
            For each key which attempt is wanted; a cell with a result of that attempt or of a
            later one is done.
        most : int
        """
        ...

    def append(self, results: Sequence[CellResult]) -> None:
        """Keep results, and drop the claims to their cells."""
        ...

    def read(self, keys: Iterable[str] | None = None) -> Iterator[CellResult]:
        """Yield the results of these cells, or of all, with their curves."""
        ...

    def close(self) -> None:
        """Release all claims, and see that everything is on the disk."""
        ...


class SweepObserver(Protocol):
    """What is told while a sweep runs; observers look, and may ask to stop."""

    def on_results(self, results: Sequence[CellResult], progress: SweepProgress) -> bool | None:
        """After results were kept; returning True asks to stop."""
        ...

    def on_end(self, result: SweepResult) -> None:
        """After the last result, also of an interrupted sweep."""
        ...
