"""Per-layer health: what is wrong with a network's layers, in words, with what to try."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlplab.engines import TrainingData, TrainingPlan
from mlplab.errors import ParameterError
from mlplab.explain.ailments import find_ailments
from mlplab.explain.contract import RemembersTraining
from mlplab.explain.layer_statistics import measure
from mlplab.results import HealthLimits, HealthReport, Snapshot, Snapshots

__all__ = ["health"]


def health(
    estimator: RemembersTraining,
    X: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    snapshots: Snapshots | Sequence[Snapshot] | None = None,
    limits: HealthLimits | None = None,
    max_rows: int = 2000,
    seed: int = 0,
) -> HealthReport:
    """Look for what keeps the layers of a network from learning.

    For every layer: units that are dead, saturated or copies of each other; how strong the signal
    is that the backward pass brings to it; and how much the next step changes its weights. The
    next step is made with the training's own optimiser, its memory and its rate, on one batch
    drawn from the rows. What lies outside the limits is told in words, with what to try.

    Parameters
    ----------
    estimator : estimator of mlplab
        Fitted or initialised; of a pipeline the last step, with the rows as it is given them.
    X, y : array-like
        Rows and targets: those it learned from, or others of their kind.
    sample_weight : array-like of shape (rows,), optional
    snapshots : Snapshots, optional
        Of its training, kept by a `mlplab.train.WeightKeeper`: how it went over the epochs. If
        None, the network as it is now.
    limits : HealthLimits, optional
        From where on something is called ill; their docstring says where they are from.
    max_rows : int, default=2000
        Of more rows a random sample is looked at.
    seed : int, default=0
        For the samples.

    Returns
    -------
    HealthReport

    Raises
    ------
    ParameterError
        No estimator of mlplab, no snapshots, snapshots of another network, or `max_rows` < 1.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> from mlplab import MLPClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> X = scale(X)
    >>> network = MLPClassifier((8,), init="zeros", random_state=0).fit(X, y)
    >>> report = health(network, X, y)
    >>> report.healthy, [finding.ailment for finding in report.findings]
    (False, ['identical units', 'dead units', 'same answer'])
    >>> print(report.findings[0].sentence)
    In hidden 1 all 8 units are like another one: the same weights, in and out.
    """
    if isinstance(estimator, type) or not isinstance(estimator, RemembersTraining):
        message = (
            "`estimator` must be a fitted or initialised estimator of mlplab; got "
            f"{type(estimator).__name__}. Of a pipeline pass the last step, pipeline[-1], with "
            "the rows that the steps before it make."
        )
        raise ParameterError(message)
    if max_rows < 1:
        message = f"`max_rows` must be at least 1; got {max_rows}. Leave it out for 2,000."
        raise ParameterError(message)
    plan, data, parameters = estimator.training_problem(X, y, sample_weight)
    shots = _fitting(estimator, snapshots, len(parameters))
    limits = limits or HealthLimits()
    rows, batch = _samples(plan, data.alone(), max_rows, np.random.default_rng(seed))
    moments = tuple(measure(plan, rows, batch, shot) for shot in shots)
    findings = find_ailments(moments, limits, _first_loss(estimator, snapshots), _reach(rows.x))
    return HealthReport(moments, findings, limits, _notes(plan, rows, batch, data.n_rows, shots))


def _fitting(
    estimator: RemembersTraining,
    snapshots: Snapshots | Sequence[Snapshot] | None,
    n_parameters: int,
) -> list[Snapshot]:
    shots = [estimator.snapshot()] if snapshots is None else list(snapshots)
    wrong = [shot for shot in shots if shot.parameters.shape != (n_parameters,)]
    if wrong or not shots:
        got = f"one of shape {wrong[0].parameters.shape}" if wrong else "none"
        message = (
            f"`snapshots` must hold weights of this network, {n_parameters:,} each; got {got}. "
            "Pass those that its own WeightKeeper left."
        )
        raise ParameterError(message)
    return shots


def _samples(
    plan: TrainingPlan, data: TrainingData, max_rows: int, rng: np.random.Generator
) -> tuple[TrainingData, TrainingData]:
    """Return the rows to look at, and a batch for the next step, both in float64."""
    n_rows, weight = data.n_rows, data.weight
    counting = np.arange(n_rows) if weight is None else np.flatnonzero(weight)
    order = rng.permutation(counting)

    def chosen(places: NDArray[np.intp]) -> TrainingData:
        own = None if weight is None else weight[places].astype(np.float64)
        x, target = data.x[places].astype(np.float64), data.target[places].astype(np.float64)
        return TrainingData(x, target, own)

    return chosen(np.sort(order[:max_rows])), chosen(order[: plan.batch_size])


def _first_loss(estimator: Any, snapshots: Snapshots | Sequence[Snapshot] | None) -> float | None:
    """Return the loss of the first epoch, where only the end of a training is looked at."""
    result = getattr(estimator, "result_", None)
    if snapshots is not None or result is None or not result.n_epochs:
        return None
    return float(result.history[0].loss)


def _reach(x: Any) -> float:
    """Return the largest root mean square of a column of the input."""
    squares = x.multiply(x) if hasattr(x, "multiply") else np.square(x)
    return float(np.sqrt(np.asarray(squares.mean(axis=0)).max()))


def _notes(
    plan: TrainingPlan,
    rows: TrainingData,
    batch: TrainingData,
    n_rows: int,
    shots: Sequence[Snapshot],
) -> tuple[str, ...]:
    which = f"all {n_rows:,}" if rows.n_rows == n_rows else f"{rows.n_rows:,} of {n_rows:,}"
    notes = [f"Rows: {which}."]
    if any(layer.kind == "dropout" for layer in plan.network.layers):
        notes.append("Dropout acts in the next step only.")
    if plan.optimiser.name != "lbfgs":
        step = f"The next step is one of {plan.optimiser.name} on {batch.n_rows:,} of them"
        fresh = not any(shot.memory for shot in shots) and any(shot.step for shot in shots)
        notes.append(f"{step}, without the memory of the steps before." if fresh else f"{step}.")
    return tuple(notes)
