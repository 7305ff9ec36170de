"""The stopping rule and the closing of an epoch, shared by everything that trains epoch by epoch.

The counting is scikit-learn's: an epoch whose figure does not beat the best so far by more than
the tolerance counts; more than ``patience`` of them in a row end the training, or divide an
adaptive learning rate by five.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlplab._typing import Matrix
from mlplab.engines.contract import TrainingPlan, TrainingState, ValidationData
from mlplab.nn import SCORES, mean_loss
from mlplab.optim import Adaptive
from mlplab.results import EpochRecord, StopReason

__all__ = ["EpochFigures", "close_epoch"]

SMALLEST_ADAPTIVE_RATE = 1e-6


@dataclass(frozen=True, slots=True)
class EpochFigures:
    """What an engine measured while it went through an epoch.

    Attributes
    ----------
    loss : float
        Objective as reported, mean over the rows.
    learning_rate, gradient_norm, seconds : float
        As in `EpochRecord`.
    """

    loss: float
    learning_rate: float
    gradient_norm: float
    seconds: float


def close_epoch(
    plan: TrainingPlan,
    state: TrainingState,
    figures: EpochFigures,
    validation: ValidationData | None,
    predict: Callable[[ValidationData], Matrix],
) -> EpochRecord:
    """Count the epoch, look at the validation rows, apply the rule, return the record.

    Parameters
    ----------
    plan : TrainingPlan
    state : TrainingState
        Its parameters are those after the epoch; counters, best and stop are changed.
    figures : EpochFigures
    validation : ValidationData or None
    predict : callable
        Raw predictions of the validation rows with the state's parameters.
    """
    state.epoch += 1
    loss, score = None, None
    if validation is not None:
        loss, score = _look(plan, validation, predict(validation))
    record = EpochRecord(
        epoch=state.epoch,
        loss=figures.loss,
        validation_loss=loss,
        validation_score=score,
        learning_rate=figures.learning_rate,
        gradient_norm=figures.gradient_norm,
        seconds=figures.seconds,
    )
    _apply_rule(plan, state, record)
    return record


def _look(
    plan: TrainingPlan, validation: ValidationData, raw: Matrix
) -> tuple[float, float | None]:
    """Loss and score on the validation rows; the reported scale applies to the loss."""
    loss = mean_loss(plan.loss, raw, validation.target, validation.weight)
    score = None
    if validation.score is not None:
        score = float(validation.score(raw)) if np.isfinite(raw).all() else math.nan
    elif plan.stopping.score is not None:
        score = SCORES[plan.stopping.score](plan.loss, raw, validation.target, validation.weight)
    return loss * plan.loss.reported_scale, score


def _figure(plan: TrainingPlan, record: EpochRecord) -> float:
    """Return the monitored figure, as one to minimise."""
    if plan.stopping.monitor == "training_loss":
        return record.loss
    value = getattr(record, plan.stopping.monitor)
    if value is None:
        message = f"the plan monitors {plan.stopping.monitor}, but there are no validation rows"
        raise ValueError(message)
    return -value if plan.stopping.monitor == "validation_score" else float(value)


def _apply_rule(plan: TrainingPlan, state: TrainingState, record: EpochRecord) -> None:
    if not (math.isfinite(record.loss) and np.isfinite(state.parameters).all()):
        state.stop = StopReason.DIVERGED
        return
    rule, figure = plan.stopping, _figure(plan, record)
    no_better = figure > state.figure_to_beat - rule.tolerance
    state.no_improvement = state.no_improvement + 1 if no_better else 0
    # min() keeps its first argument where the figure is NaN, as the comparison below does.
    state.figure_to_beat = min(state.figure_to_beat, figure)
    if figure < state.best_figure:
        state.best_figure = figure
        state.best_epoch = state.epoch
        state.best_parameters = state.parameters.copy()
    if state.no_improvement > rule.patience:
        _out_of_patience(plan, state, record, figure)
    if state.stop is None and state.epoch - state.first_epoch >= rule.max_epochs:
        state.stop = StopReason.MAX_EPOCHS


def _out_of_patience(
    plan: TrainingPlan, state: TrainingState, record: EpochRecord, figure: float
) -> None:
    if not isinstance(plan.schedule, Adaptive):
        training = plan.stopping.monitor == "training_loss"
        state.stop = StopReason.LOSS_PLATEAU if training else StopReason.VALIDATION_PLATEAU
    elif record.learning_rate <= SMALLEST_ADAPTIVE_RATE:
        state.stop = StopReason.RATE_TOO_SMALL
    else:
        state.divisions += 1
        state.no_improvement = 0
        if plan.schedule.forgets_best:
            state.figure_to_beat = figure
