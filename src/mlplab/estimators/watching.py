"""What watches an estimator fit: printed lines, and scikit-learn's callbacks."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any, Self

from sklearn.callback import CallbackSupportMixin
from sklearn.utils.metaestimators import available_if

from mlplab.engines import TrainingPlan, TrainingState
from mlplab.errors import ParameterError
from mlplab.estimators.plans import is_stochastic
from mlplab.results import EpochRecord, FitResult, StopReason
from mlplab.train import FitObserver

__all__ = ["CallbackObserver", "Printer", "WatchedFit", "observers_of"]


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


class WatchedFit(CallbackSupportMixin):
    """Who watches the fits of an estimator, and where they pause."""

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Set what watches the next fits.

        Parameters
        ----------
        *callbacks : callbacks
            scikit-learn's callbacks (``on_fit_task_begin``, ``on_fit_task_end``) or observers of
            mlplab (``on_start``, ``on_epoch``, ``on_end``; see `mlplab.train.FitObserver`).
            Without any, all are taken away.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            Something is neither.
        """
        # A class has the methods of its instances; scikit-learn's check refuses it.
        ours = [c for c in callbacks if isinstance(c, FitObserver) and not isinstance(c, type)]
        try:
            super().set_callbacks(*(callback for callback in callbacks if callback not in ours))
        except TypeError as cause:
            names = ", ".join(type(one).__name__ for one in callbacks)
            raise ParameterError(
                "`callbacks` must be observers with on_start, on_epoch and on_end, or follow "
                f"scikit-learn's FitCallback protocol; got {names}. Pass instances, not classes."
            ) from cause
        self._fit_observers = ours
        return self

    def __sklearn_clone__(self) -> Self:
        """Return an unfitted copy that is watched by the same observers and callbacks."""
        copy: Self = super().__sklearn_clone__()
        if hasattr(self, "_fit_observers"):
            copy._fit_observers = self._fit_observers
        return copy

    @available_if(lambda est: is_stochastic(est.solver))
    def pause_after(self, n_epochs: int | None) -> Self:
        """Let the next fits pause once so many epochs of their training are done.

        With ``warm_start="state"`` the next fit takes up a training that has paused, and ends in
        the bits of one without pauses: length, schedule and stopping rule are those of the whole.
        So a network can be looked at on its way, and given up or trained on.

        Parameters
        ----------
        n_epochs : int or None
            Counted from where the training began; None lets it go to its end. A clone does not
            pause.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            It is neither a positive integer nor None.

        Examples
        --------
        >>> from sklearn.base import clone
        >>> from sklearn.datasets import load_iris
        >>> from mlplab import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> whole = MLPClassifier((5,), learning_rate_init=0.05, tol=0.01, random_state=0)
        >>> paused = clone(whole).set_params(warm_start="state").pause_after(12).fit(X, y)
        >>> paused.result_.status.name, paused.n_iter_
        ('PAUSED', 12)
        >>> paused = paused.pause_after(None).fit(X, y)
        >>> bool((paused.coefs_[0] == whole.fit(X, y).coefs_[0]).all())
        True
        """
        if n_epochs is not None and not (isinstance(n_epochs, Integral) and n_epochs > 0):
            message = (
                f"`n_epochs` must be a positive integer or None; got {n_epochs!r}. Pass None to "
                "let fits go to their end."
            )
            raise ParameterError(message)
        self._pause = n_epochs
        return self
