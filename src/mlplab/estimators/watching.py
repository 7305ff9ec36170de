"""What watches an estimator fit: printed lines, and scikit-learn's callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlplab.engines import TrainingPlan, TrainingState
from mlplab.results import EpochRecord, FitResult, StopReason
from mlplab.train import FitObserver

__all__ = ["CallbackObserver", "Printer", "observers_of"]


def observers_of(estimator: Any, table: tuple[Any, Any, Any]) -> list[FitObserver]:
    """Return all that watch the next fit of an estimator; sets scikit-learn's callbacks up.

    Parameters
    ----------
    estimator : estimator
    table : (X, y, sample_weight)
        What it is fitted to, as scikit-learn's callbacks get it.
    """
    observers: list[FitObserver] = list(getattr(estimator, "_fit_observers", ()))
    if estimator.verbose:
        observers.append(Printer())
    if getattr(estimator, "_skl_callbacks", None) or hasattr(estimator, "_parent_callback_ctx"):
        X, y, sample_weight = table
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        rows = {"X": X, "y": y, "metadata": metadata}
        context = estimator._init_callback_context(max_subtasks=int(estimator.max_iter))  # noqa: SLF001  (its own)
        fitted_attributes = estimator._fitted_attributes  # noqa: SLF001  (same)
        observers.append(CallbackObserver(estimator, context, rows, fitted_attributes))
    return observers


class Printer:
    """Prints a line an epoch, in scikit-learn's words (`verbose=True`)."""

    def __init__(self) -> None:
        self._epoch = 0

    def on_start(self, plan: TrainingPlan, state: TrainingState) -> None:
        """Say nothing yet."""

    def on_epoch(self, record: EpochRecord, state: TrainingState) -> None:  # noqa: ARG002  (the protocol's signature)
        """Print the loss, and the validation score where there is one."""
        self._epoch += 1
        print(f"Iteration {self._epoch}, loss = {record.loss:.8f}")  # noqa: T201  (what verbose asks for)
        if record.validation_score is not None:
            print(f"Validation score: {record.validation_score:f}")  # noqa: T201  (same)

    def on_end(self, result: FitResult) -> None:
        """Print why training stopped."""
        if result.status is not StopReason.MAX_EPOCHS:
            print(result.status.sentence)  # noqa: T201  (same)


class CallbackObserver:
    """Speaks scikit-learn's callback protocol: a task for the fit, one for each epoch.

    Parameters
    ----------
    estimator : estimator
    context : sklearn.callback.CallbackContext
        The root context.
    rows : dict
        ``X``, ``y`` and ``metadata`` as the hooks get them.
    fitted_attributes : callable
        ``fitted_attributes(parameters)`` gives what makes a copy of the estimator predict.
    """

    def __init__(
        self,
        estimator: Any,
        context: Any,
        rows: dict[str, Any],
        fitted_attributes: Callable[[Any], dict[str, Any]],
    ) -> None:
        self._estimator, self._context, self._rows = estimator, context, rows
        self._fitted_attributes = fitted_attributes
        self._task: Any = None

    def _begin_task(self) -> None:
        self._task = self._context.subcontext(task_name="epoch")
        self._task.call_on_fit_task_begin(estimator=self._estimator, **self._rows)

    def on_start(self, plan: TrainingPlan, state: TrainingState) -> None:  # noqa: ARG002  (the protocol's signature)
        """Begin the task of the fit."""
        self._context.call_on_fit_task_begin(estimator=self._estimator, **self._rows)

    def on_epoch(self, record: EpochRecord, state: TrainingState) -> bool:  # noqa: ARG002  (same)
        """Begin and end the task of an epoch; a hook may ask to stop."""
        self._begin_task()
        return bool(
            self._task.call_on_fit_task_end(
                estimator=self._estimator,
                **self._rows,
                reconstruction_attributes=lambda: self._fitted_attributes(state.parameters),
            )
        )

    def on_end(self, result: FitResult) -> None:  # noqa: ARG002  (same)
        """End the task of the fit."""
        self._context.call_on_fit_task_end(
            estimator=self._estimator,
            **self._rows,
            reconstruction_attributes=lambda: self._fitted_attributes(None),
        )
