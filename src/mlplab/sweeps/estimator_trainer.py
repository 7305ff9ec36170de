"""A trainer for any estimator with scikit-learn's `fit`, pipelines included, one after another."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from mlplab.results import Configuration, Curve, StopReason
from mlplab.sweeps.contract import Done, Job, Outcome, Paused
from mlplab.sweeps.evaluation import deal_rows, fold_fingerprints, scorer_of
from mlplab.sweeps.sweep import Sweep

__all__ = ["EstimatorTrainer"]


class EstimatorTrainer:
    """Trains clones of an estimator.

    A network of mlplab that pauses (`pause_after`), alone or at the end of a pipeline, goes on
    from where it is. For other estimators a pause is a shorter training: they are fitted with
    fewer epochs, and from the start again when more are wanted, as scikit-learn's
    `HalvingGridSearchCV` does.

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
        paused = None if job.state is None else job.state.take()
        model = self._new(job) if paused is None else paused
        network = self._pausing(model)
        if network is None and job.epochs is not None:
            model.set_params(**{self._resource: job.epochs})
        elif network is not None:
            network.set_params(warm_start="state").pause_after(job.epochs)
        fold = self._rows[job.fold]
        if paused is None or network.result_.status is StopReason.PAUSED:
            model.fit(_safe_indexing(self._X, fold.train), _safe_indexing(self._y, fold.train))
        rows = _safe_indexing(self._X, fold.validate), _safe_indexing(self._y, fold.validate)
        scores = scorer_of(self._scores)(model, *rows)
        curve = _curve(model if network is None else network)
        return Outcome(
            scores=scores,
            n_epochs=len(curve["loss"]) if curve else 0,
            seconds=time.perf_counter() - start,
            curve=curve,
            state=Paused(model) if job.pauses and network is not None else None,
        )

    def _new(self, job: Job) -> Any:
        model = clone(self._estimator).set_params(**job.configuration)
        seeds = [name for name in model.get_params() if name.split("__")[-1] == "random_state"]
        return model.set_params(**{n: job.seed for n in seeds if n not in job.configuration})

    def _pausing(self, model: Any) -> Any:
        """Return the network inside of a model that can pause, or None.

        Whatever else holds an estimator fits a clone of it, which knows of no pause.
        """
        network = model
        while isinstance(network, Pipeline):
            network = network.steps[-1][1]
        owner = self._resource.rpartition("__")[0]
        owns = network is (model.get_params().get(owner) if owner else model)
        return network if owns and hasattr(network, "pause_after") else None


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
