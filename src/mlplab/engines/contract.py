"""The contract of engines: what they are given, what they change, what they return.

An engine receives a frozen `TrainingPlan` (data, not code), a mutable `TrainingState`, the
`TrainingData` and the row orders of the coming epochs. `advance` moves the state on by up to that
many epochs and returns their history. It stops early where the plan's stopping rule says
so, and then `state.stop` holds the reason; a state with a reason is not advanced any further.

Rules that every engine keeps, checked by one suite over all of them:

- Only `state` changes. Plan, data and orders are never written to.
- Advancing n epochs at once equals advancing one epoch n times, bit for bit.
- `advance_many` equals `advance` on each job by itself, bit for bit.
- A queue of `queue` gives each job what `advance` would; jobs may be under way while their owner
  does something else.
- An interrupt is not raised: the state is left as it was after some completed step, ends as
  `StopReason.INTERRUPTED`, and the history of the completed epochs is returned.
- Where the numbers stop being finite the state ends as `StopReason.DIVERGED`, and
  `state.best_parameters` holds the best finite parameters.
- NumPy's floating-point warnings are not shown: what they would say is in the reason.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from mlplab._typing import AnyArray, Matrix, Order, Rows, Vector
from mlplab.nn import Loss, NetworkSpec, Penalties
from mlplab.optim import Moment, Optimiser, Schedule
from mlplab.results import History, StopReason

__all__ = [
    "Engine",
    "Finished",
    "Hear",
    "Job",
    "JobQueue",
    "Monitor",
    "Outcome",
    "StoppingRule",
    "TrainingData",
    "TrainingPlan",
    "TrainingState",
    "ValidationData",
]

Monitor: TypeAlias = Literal["training_loss", "validation_loss", "validation_score"]
RowWeights: TypeAlias = Float[np.ndarray, "rows"] | None
RowPlaces: TypeAlias = Int[np.ndarray, "rows"] | None


@dataclass(frozen=True, slots=True)
class StoppingRule:
    """When training ends, and which weights it leaves.

    Attributes
    ----------
    max_epochs : int
        Length of one training.
    monitor : {"training_loss", "validation_loss", "validation_score"}
        The figure that has to improve.
    tolerance : float
        An epoch that does not beat the best so far by this much counts as no improvement.
    patience : float
        Training ends after more than this many such epochs in a row; infinity never.
    restore_best : bool
        Put the best weights back at the end.
    score : str or None
        Name of a score that engines compute by themselves (`mlplab.nn.SCORES`), where the
        validation rows bring no function of their own.
    """

    max_epochs: int = 200
    monitor: Monitor = "training_loss"
    tolerance: float = 1e-4
    patience: float = 10
    restore_best: bool = False
    score: str | None = None


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Everything about a training but its data, its start and its random orders.

    Attributes
    ----------
    network : NetworkSpec
    loss : Loss
    optimiser : Optimiser
    schedule : Schedule
    stopping : StoppingRule
    penalties : Penalties
    weight_decay : float
        Decoupled decay of the weights: each step also subtracts ``rate·weight_decay·w``.
    clip_norm, clip_value : float or None
        Limits on the gradient, by value first.
    batch_size : int
        Rows a step; the last batch of an epoch may be smaller.
    dropout_seed : int
        Seed of the dropout masks.
    dtype : {"float32", "float64"}
    """

    network: NetworkSpec
    loss: Loss
    optimiser: Optimiser
    schedule: Schedule
    stopping: StoppingRule = StoppingRule()
    penalties: Penalties = Penalties()  # noqa: RUF009  (frozen, so it may be shared)
    weight_decay: float = 0.0
    clip_norm: float | None = None
    clip_value: float | None = None
    batch_size: int = 200
    dropout_seed: int = 0
    dtype: str = "float64"


@dataclass(frozen=True, slots=True)
class ValidationData:
    """Rows that are looked at after each epoch and never learned from.

    Attributes
    ----------
    x : ndarray or CSR matrix of shape (rows, n_features)
    target : ndarray of shape (rows, n_outputs)
    weight : ndarray of shape (rows,) or None
    score : callable or None
        ``score(raw) -> float``, higher is better; None uses the score that the rule names.
    """

    x: Rows
    target: Matrix
    weight: RowWeights = None
    score: Callable[[Matrix], float] | None = None


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Rows to learn from, and rows to look at.

    Attributes
    ----------
    x : ndarray or CSR matrix of shape (stored, n_features)
    target : ndarray of shape (stored, n_outputs)
    weight : ndarray of shape (stored,) or None
    validation : ValidationData or None
    places : int array of shape (rows,) or None
        Where among the stored rows those to learn from are, each once, in their order; None for
        all. So rows can be set aside without a copy of the others.
    """

    x: Rows
    target: Matrix
    weight: RowWeights = None
    validation: ValidationData | None = None
    places: RowPlaces = None

    @property
    def n_rows(self) -> int:
        """Number of rows to learn from."""
        return int(self.x.shape[0]) if self.places is None else len(self.places)

    def alone(self) -> TrainingData:
        """Return the rows to learn from without others stored beside them: a copy, if there are."""
        places = self.places
        if places is None:
            return self
        weight = None if self.weight is None else self.weight[places]
        return TrainingData(self.x[places], self.target[places], weight, self.validation)


@dataclass(slots=True)
class TrainingState:
    """Where a training stands; the only thing that an engine changes.

    Attributes
    ----------
    parameters : ndarray of shape (n_parameters,)
    slots : mapping of str to ndarray
        The optimiser's memory; empty before the first step.
    step, epoch, samples_seen : int
        Steps, epochs and rows over the life of the network.
    origin_step, origin_epoch : int
        Where the optimiser began; schedules count from there.
    first_step, first_epoch : int
        Steps and epochs before the current training, whose length is counted from there.
    divisions : int
        How often an adaptive rate was divided.
    no_improvement : int
        Epochs in a row without improvement.
    best_figure : float
        Best monitored figure so far, as one to minimise (a score is negated).
    figure_to_beat : float
        What an epoch is compared with; the best, unless the schedule forgets it.
    best_epoch : int or None
    best_parameters : ndarray of shape (n_parameters,)
        Of the best epoch; the start before any.
    last_parameters : ndarray of shape (n_parameters,) or None
        Those after the last epoch, where the best were put in their place.
    judged_by : str
        What the best figures are figures of; another judge forgets them.
    stop : StopReason or None
    """

    parameters: Vector
    slots: Mapping[str, AnyArray] = field(default_factory=dict)
    step: int = 0
    epoch: int = 0
    samples_seen: int = 0
    origin_step: int = 0
    origin_epoch: int = 0
    first_step: int = 0
    first_epoch: int = 0
    divisions: int = 0
    no_improvement: int = 0
    best_figure: float = math.inf
    figure_to_beat: float = math.inf
    best_epoch: int | None = None
    best_parameters: Vector = field(default_factory=lambda: np.empty(0))
    last_parameters: Vector | None = None
    judged_by: str = ""
    stop: StopReason | None = None

    def __post_init__(self) -> None:
        if not self.best_parameters.size:
            self.best_parameters = self.parameters.copy()

    def __reduce__(self) -> tuple[type[TrainingState], tuple[Any, ...]]:
        """Return what makes a copy: pickle would do without, skops does not."""
        return type(self), tuple(getattr(self, one.name) for one in dataclasses.fields(self))

    def begin_training(self, *, keep_optimiser: bool, continues: bool = False) -> None:
        """Make ready for another training from these parameters.

        Parameters
        ----------
        keep_optimiser : bool
            Keep the optimiser's memory and where its schedule stands; otherwise both start anew.
        continues : bool
            It is the next piece of the same training (`partial_fit`, or after a pause): its length
            and schedules with an end go on counting from where that began.
        """
        # What an optimiser remembers of a training that diverged are no numbers.
        keep_optimiser = keep_optimiser and self.stop is not StopReason.DIVERGED
        self.stop = None
        if not keep_optimiser:
            self.slots = {}
            self.step = self.origin_step = 0
            self.origin_epoch = self.epoch
            self.divisions = 0
        if not continues:
            self.first_step, self.first_epoch = self.step, self.epoch

    def go_back_to(self, before: TrainingState) -> None:
        """Be again what a shallow copy keeps: engines put new arrays in the place of old ones."""
        for one in dataclasses.fields(self):
            setattr(self, one.name, getattr(before, one.name))

    def judge_by(self, judge: str) -> None:
        """Forget best figures that are figures of something else."""
        if judge != self.judged_by:
            self.judged_by = judge
            self.best_figure = self.figure_to_beat = math.inf
            self.no_improvement, self.best_epoch = 0, None
            self.best_parameters = self.parameters.copy()

    def moment(self, plan: TrainingPlan, steps_per_epoch: int) -> Moment:
        """Return where training stands, as schedules want to know it."""
        return Moment(
            step=self.step - self.origin_step,
            epoch=self.epoch - self.origin_epoch,
            steps_per_epoch=steps_per_epoch,
            max_epochs=plan.stopping.max_epochs,
            samples_before_epoch=self.samples_seen,
            divisions=self.divisions,
            steps_before=self.first_step - self.origin_step,
            epochs_before=self.first_epoch - self.origin_epoch,
        )


class Job(NamedTuple):
    """The arguments of one `advance`."""

    plan: TrainingPlan
    state: TrainingState
    data: TrainingData
    orders: Order | None
    n_epochs: int


Outcome: TypeAlias = History | Exception
"""What came of a job: its history, or what a function of the user's own raised."""
Finished: TypeAlias = tuple[Job, Outcome]
Hear: TypeAlias = Callable[[], AbstractContextManager[Any]]


@runtime_checkable
class JobQueue(Protocol):
    """Jobs that an engine does one beside another, in any order; each as `advance` would."""

    def put(self, job: Job) -> None:
        """Add a job. Its state is the engine's until the job is handed back."""
        ...

    def wait(self, *, block: bool = True, hear: Hear = contextlib.nullcontext) -> list[Finished]:
        """Return jobs that are over.

        Parameters
        ----------
        block : bool
            Wait until there are some; none come back only where none were left.
        hear : callable
            Returns a context in which interrupts are heard, where they are held back elsewhere;
            it is entered where one leaves nothing half done.

        Raises
        ------
        KeyboardInterrupt
            Perhaps; then `stop`.
        """
        ...

    def stop(self) -> list[Finished]:
        """End what is under way between two steps, and return all that had not been returned.

        States that had epochs left are ``StopReason.INTERRUPTED``. What had not begun is forgotten.
        """
        ...

    def close(self) -> None:
        """Let go of threads and memory; what is under way is forgotten."""
        ...


@runtime_checkable
class Engine(Protocol):
    """Who carries the mathematics out; the rules stand at the head of the module."""

    @property
    def name(self) -> str:
        """Name for `engine=` and for results."""
        ...

    def refuses(self, plan: TrainingPlan) -> str | None:
        """Return why this engine cannot carry the plan out, or None where it can."""
        ...

    def advance(
        self,
        plan: TrainingPlan,
        state: TrainingState,
        data: TrainingData,
        orders: Order | None,
        n_epochs: int,
    ) -> History:
        """Move the state on by up to ``n_epochs`` epochs.

        Parameters
        ----------
        plan : TrainingPlan
        state : TrainingState
            Changed in place.
        data : TrainingData
        orders : int array of shape (n_epochs, rows), or None
            The order of the rows in each epoch, by their places among the stored ones; None keeps
            the order of the data.
        n_epochs : int

        Returns
        -------
        History
            Of the epochs that were completed.
        """
        ...

    def advance_many(self, jobs: Sequence[Job]) -> list[History]:
        """Advance many states at once; the outcome is that of `advance` on each."""
        ...

    def queue(self) -> JobQueue:
        """Return a queue for jobs that are not all known yet."""
        ...

    def objective(
        self, plan: TrainingPlan, parameters: Vector, data: TrainingData
    ) -> tuple[float, float, Vector]:
        """Return value, reported value and gradient of the objective over all rows."""
        ...

    def raw_predictions(self, network: NetworkSpec, parameters: Vector, x: Rows) -> Matrix:
        """Return raw predictions, without dropout."""
        ...
