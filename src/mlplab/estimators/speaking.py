"""What an estimator says after a fit: warnings and errors, once everything learned was kept."""

from __future__ import annotations

import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from mlplab.errors import NON_FINITE_WEIGHTS, DivergedError
from mlplab.estimators.plans import is_stochastic
from mlplab.results import FitResult, StopReason

__all__ = ["speak"]

_UNFINISHED = {StopReason.MAX_EPOCHS, StopReason.MAX_EVALUATIONS, StopReason.LINE_SEARCH}


def speak(estimator: Any, result: FitResult, *, incremental: bool) -> None:
    """Warn or raise, where there is something to say.

    Raises
    ------
    DivergedError
        Training diverged, and early stopping had no best weights to fall back on.
    """
    if result.status is StopReason.INTERRUPTED:
        warnings.warn("Training interrupted by user.", stacklevel=6)
    elif result.status is StopReason.DIVERGED:
        _speak_of_divergence(estimator)
    elif incremental:
        return
    elif result.status is StopReason.MAX_EPOCHS and is_stochastic(estimator.solver):
        message = (
            f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and the "
            "optimization hasn't converged yet."
        )
        warnings.warn(message, ConvergenceWarning, stacklevel=6)
    elif result.status in _UNFINISHED:
        message = (
            f"lbfgs failed to converge after {estimator.n_iter_} iteration(s): "
            f"{result.status.sentence} Raise max_iter or max_fun, or scale the data."
        )
        warnings.warn(message, ConvergenceWarning, stacklevel=6)


def _speak_of_divergence(estimator: Any) -> None:
    advice = (
        f" Training left the finite numbers in epoch {estimator.result_.n_epochs}; the best "
        "finite weights were kept. Standardise the features (and a regression target), lower "
        f"`learning_rate_init` (now {estimator.learning_rate_init:g}), or set `clip_norm`."
    )
    if estimator.plan_.stopping.restore_best:
        warnings.warn(NON_FINITE_WEIGHTS + advice, ConvergenceWarning, stacklevel=7)
    else:
        raise DivergedError(NON_FINITE_WEIGHTS + advice)
