"""A trainer for any estimator with scikit-learn's `fit`, pipelines included, one after another."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils import _safe_indexing

from mlplab.results import Configuration, Curve
from mlplab.sweeps.contract import Done, Job, Outcome
from mlplab.sweeps.evaluation import deal_rows, fold_fingerprints, scorer_of
from mlplab.sweeps.sweep import Sweep

__all__ = ["EstimatorTrainer"]


class EstimatorTrainer:
    """Trains clones of an estimator.

    A pause is a shorter training: the estimator is fitted with fewer epochs, and from the start
    again when more are wanted, as scikit-learn's `HalvingGridSearchCV` does.

    Parameters
    ----------
    estimator : estimator
        With `fit`, `set_params` and what the scorers of the sweep need.
    X, y : array-like or data frame
        The rows to train and validate on; keep test rows out of them.
    sweep : Sweep
        The names of its space are the estimator's, ``"mlp__alpha"`` in a pipeline.
    validation : float
        Share of the rows that validate, where there is one split.
    resource : str
        The parameter that holds the epochs.
    """

    def __init__(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        sweep: Sweep,
        *,
        validation: float = 0.2,
        resource: str = "max_iter",
    ) -> None:
        self._estimator, self._X, self._y = estimator, X, y
        self._scores, self._resource = sweep.scores, resource
        scorer_of(self._scores)  # finds wrong names now, and not in every cell
        stratify = is_classifier(estimator) and np.ndim(y) == 1
        self._rows = deal_rows(sweep, y, stratify=stratify, validation=validation)
        self._folds = fold_fingerprints(self._rows, X, y, estimator)

    @property
    def folds(self) -> Sequence[str]:
        """Fingerprints of estimator, data and folds."""
        return self._folds

    def group(self, configuration: Configuration) -> Hashable:  # noqa: ARG002
        """Return the same for all: one is trained after the other."""
        return None

    def train(self, jobs: Sequence[Job], done: Done) -> None:
        """Fit one after another; an error of one is its outcome."""
        for place, job in enumerate(jobs):
            start = time.perf_counter()
            try:
                outcome = self._train(job, start)
            except Exception as error:  # noqa: BLE001  # recorded as the reason
                outcome = Outcome.of_error(error, time.perf_counter() - start)
            done(place, outcome)

    def _train(self, job: Job, start: float) -> Outcome:
        model = clone(self._estimator).set_params(**job.configuration)
        seeds = [name for name in model.get_params() if name.split("__")[-1] == "random_state"]
        model.set_params(**{name: job.seed for name in seeds if name not in job.configuration})
        if job.epochs is not None:
            model.set_params(**{self._resource: job.epochs})
        fold = self._rows[job.fold]
        model.fit(_safe_indexing(self._X, fold.train), _safe_indexing(self._y, fold.train))
        rows = _safe_indexing(self._X, fold.validate), _safe_indexing(self._y, fold.validate)
        scores = scorer_of(self._scores)(model, *rows)
        curve = _curve(model)
        return Outcome(
            scores=scores,
            n_epochs=len(curve["loss"]) if curve else 0,
            seconds=time.perf_counter() - start,
            curve=curve,
        )


def _curve(model: Any) -> Curve | None:
    """Return what scikit-learn's networks and ours remember of their epochs."""
    losses = getattr(model, "loss_curve_", None)
    if losses is None:
        return None
    columns = {"loss": np.asarray(losses)}
    validation = getattr(model, "validation_scores_", None)
    if validation is not None and len(validation) == len(losses):
        columns["validation_score"] = np.asarray(validation)
    return columns
