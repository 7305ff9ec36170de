"""What came out of one training."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from mlplab.results.history import History

__all__ = ["FitOutcome", "FitResult", "StopReason"]


class StopReason(enum.Enum):
    """Why training stopped; the value of each member is the sentence for people."""

    MAX_EPOCHS = "The last epoch that was asked for was reached."
    LOSS_PLATEAU = "The training loss did not improve any more."
    VALIDATION_PLATEAU = "The validation score or loss did not improve any more."
    RATE_TOO_SMALL = "The adaptive learning rate fell below 1e-6."
    CONVERGED = "The optimiser reports convergence."
    LINE_SEARCH = "The optimiser stopped because its line search found no better point."
    MAX_EVALUATIONS = "The largest number of loss evaluations was reached."
    DIVERGED = "The loss or the weights left the finite numbers."
    OBSERVER = "A callback asked to stop."
    PAUSED = "Training was paused; the next fit goes on from there."
    INTERRUPTED = "Training was interrupted; what had been learned was kept."

    def __reduce__(self) -> tuple[type[StopReason], tuple[str]]:
        """Return what gives the same member again: pickle would do without, skops does not."""
        return type(self), (self.value,)

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return str(self.value)


@dataclass(frozen=True, slots=True)
class FitResult:
    """The outcome of one call of `fit`, `partial_fit` or `train`.

    Attributes
    ----------
    history : History
        One record an epoch of this call.
    status : StopReason
        Why training stopped.
    engine : str
        Which engine did the work.
    engine_reason : str
        Why this engine was chosen, in words.
    seconds : float
        Wall time of the training alone.
    best_epoch : int or None
        The epoch whose weights scored best by the monitored figure.
    restored_best : bool
        Whether the weights of that epoch were put back at the end.
    n_parameters : int
        Number of trained weights and biases.
    dtype : str
        ``"float32"`` or ``"float64"``.
    n_threads : int or None
        Limit of threads that was asked for; None leaves it to the libraries.
    """

    history: History
    status: StopReason
    engine: str
    engine_reason: str
    seconds: float
    best_epoch: int | None
    restored_best: bool
    n_parameters: int
    dtype: str
    n_threads: int | None = None

    @property
    def n_epochs(self) -> int:
        """Number of epochs of this call."""
        return len(self.history)

    def __str__(self) -> str:
        best = "" if self.best_epoch is None else f", best epoch {self.best_epoch}"
        return (
            f"{self.n_epochs} epochs in {self.seconds:.2f} s on the {self.engine} engine"
            f"{best}. {self.status.sentence}"
        )


@dataclass(frozen=True, slots=True)
class FitOutcome:
    """What came of fitting one of many estimators.

    Attributes
    ----------
    estimator : estimator
        As its own `fit` leaves it.
    result : FitResult or None
        None where it was not trained: what it was given cannot be used, or all was interrupted
        before its turn came.
    error : Exception or None
        What its own `fit` would have raised. A training that diverged has a result as well.
    warnings : tuple of Warning
        What its own `fit` would have warned of.
    seconds : float
        Preparation, epochs and what follows them, without the time that went to others.
    """

    estimator: Any
    result: FitResult | None
    error: Exception | None = None
    warnings: tuple[Warning, ...] = ()
    seconds: float = 0.0
