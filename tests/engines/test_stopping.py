"""The stopping rule, row by row, and beside scikit-learn's own counting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neural_network import MLPClassifier

from mlplab import nn, optim
from mlplab.engines import (
    EpochFigures,
    StoppingRule,
    TrainingPlan,
    TrainingState,
    ValidationData,
    close_epoch,
)
from mlplab.results import StopReason

NAN, INF = math.nan, math.inf
LOOK = ValidationData(np.zeros((2, 1)), np.zeros((2, 1)))


def _plan(rule: StoppingRule, schedule: Any = None) -> TrainingPlan:
    return TrainingPlan(
        network=nn.multilayer(1, [], 1),
        loss=nn.SquaredError(),
        optimiser=optim.SGD(),
        schedule=schedule or optim.Constant(0.1),
        stopping=rule,
    )


def _close(plan: TrainingPlan, state: TrainingState, loss: float, score: float = 0.0) -> None:
    """Close an epoch that ended with this loss and this validation score."""
    state.parameters += 1.0  # in place, as an engine may
    figures = EpochFigures(loss, plan.schedule.rate(_moment(state)), 1.0, 0.0)
    look = ValidationData(LOOK.x, LOOK.target, score=lambda _: score)
    close_epoch(plan, state, figures, look, lambda _: np.full((2, 1), np.sqrt(2 * max(loss, 0))))


def _moment(state: TrainingState) -> optim.Moment:
    return optim.Moment(0, state.epoch, 1, 1, 0, state.divisions)


def _follow(rule: StoppingRule, losses: list[float], schedule: Any = None) -> TrainingState:
    """Close epochs with these losses until the rule stops."""
    state, plan = TrainingState(np.zeros(2)), _plan(rule, schedule)
    for loss in losses:
        if state.stop is None:
            _close(plan, state, loss, score=-loss)
    return state


@pytest.mark.parametrize("monitor", ["training_loss", "validation_loss", "validation_score"])
@pytest.mark.parametrize(
    ("losses", "tolerance", "patience", "ends_after", "best"),
    [
        ([5.0, 4.0, 3.0, 2.0], 0.1, 0, None, 4),  # every epoch improves enough
        ([5.0, 4.95, 3.0, 2.0], 0.1, 0, 2, 2),  # an improvement below the tolerance counts
        ([5.0, 4.95, 3.0, 2.0], 0.1, 1, None, 4),  # one such epoch is within the patience
        ([5.0, 4.9375, 4.875, 4.8125], 0.1, 1, 3, 3),  # slow progress counts, though it is the best
        ([5.0, 5.0, 5.0, 5.0], 0.0, 2, None, 1),  # equal is no worse, where nothing is asked for
        ([5.0, 6.0, 7.0, 8.0], 0.0, 2, 4, 1),  # more than two in a row
        ([5.0, 6.0, 4.0, 6.0, 6.0], 0.0, 1, 5, 3),  # an improvement starts the count anew
        ([5.0, 6.0, 7.0, 8.0], 0.0, INF, None, 1),  # infinite patience
    ],
)
def test_truth_table(
    losses: list[float],
    tolerance: float,
    patience: float,
    ends_after: int | None,
    best: int,
    monitor: Any,
) -> None:
    """Which epoch ends the training, which was the best, for every figure alike."""
    state = _follow(StoppingRule(99, monitor, tolerance, float(patience)), losses)
    training = monitor == "training_loss"
    plateau = StopReason.LOSS_PLATEAU if training else StopReason.VALIDATION_PLATEAU
    assert state.stop is (None if ends_after is None else plateau)
    assert state.epoch == (ends_after or len(losses))
    assert state.best_epoch == best
    assert state.best_figure == pytest.approx(min(losses[: state.epoch]), rel=1e-12)
    np.testing.assert_array_equal(state.best_parameters, np.full(2, float(best)))


class _Scored(MLPClassifier):
    """scikit-learn's counting with a score from outside."""

    def _score(self, X: Any, y: Any, sample_weight: Any = None) -> Any:  # noqa: ARG002
        return self.next_score


@given(
    figures=st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.5, 1.0, NAN]), max_size=12),
    tolerance=st.sampled_from([0.0, 0.1, 1e-4, -INF, INF]),
    scored=st.booleans(),
)
def test_counting_is_that_of_sklearn(figures: list[float], tolerance: float, scored: bool) -> None:
    """Epochs without improvement, best figure and best epoch, NaN scores among them."""
    if not scored:
        figures = [figure for figure in figures if not math.isnan(figure)]
    peer = _Scored(tol=tolerance, early_stopping=scored)
    peer._no_improvement_count, peer.coefs_, peer.intercepts_ = 0, [], []
    peer.best_loss_, peer.best_validation_score_ = INF, -INF
    peer.loss_curve_, peer.validation_scores_ = [], []
    monitor: Any = "validation_score" if scored else "training_loss"
    state = TrainingState(np.zeros(2))
    plan = _plan(StoppingRule(10**6, monitor, tolerance, INF))
    for figure in figures:
        peer.loss_curve_.append(figure)
        peer.next_score = figure
        peer._update_no_improvement_count(scored, None, None, None)
        _close(plan, state, 1.0 if scored else figure, score=figure)
        assert state.no_improvement == peer._no_improvement_count
        best = -peer.best_validation_score_ if scored else peer.best_loss_
        assert state.best_figure == best


def test_adaptive_rate_is_divided_instead() -> None:
    """Each time patience runs out, until the rate is too small to go on."""
    rule = StoppingRule(10**6, "training_loss", 0.0, 1.0)
    state, plan = TrainingState(np.zeros(2)), _plan(rule, optim.Adaptive(1e-4))
    seen = []
    _close(plan, state, 1.0)
    while state.stop is None:
        _close(plan, state, 2.0)
        seen.append(state.divisions)
    assert state.stop is StopReason.RATE_TOO_SMALL
    # Two epochs a division: 1e-4, 2e-5, 4e-6, and 8e-7, which is below 1e-6.
    assert seen == [0, 1, 1, 2, 2, 3, 3, 3]
    assert state.best_epoch == 1


@pytest.mark.parametrize(("forgets", "divisions"), [(False, 3), (True, 1)])
def test_forgetful_schedule_compares_with_the_epoch_at_hand(forgets: bool, divisions: int) -> None:
    """After a lucky epoch, slow progress costs one division instead of all of them."""
    rule = StoppingRule(99, "training_loss", 0.0, 0.0)
    losses = [1.0, 5.0, 4.0, 3.0]
    state = _follow(rule, losses, optim.Adaptive(0.1, forgets_best=forgets))
    assert state.stop is None
    assert state.divisions == divisions
    assert state.best_epoch == 1
    assert state.figure_to_beat == (3.0 if forgets else 1.0)


@pytest.mark.parametrize("loss", [NAN, INF, -INF])
def test_loss_that_is_not_finite_is_divergence(loss: float) -> None:
    """The record is written, the best epoch stays."""
    state = _follow(StoppingRule(99), [2.0, 1.0, loss])
    assert state.stop is StopReason.DIVERGED
    assert (state.epoch, state.best_epoch, state.best_figure) == (3, 2, 1.0)


def test_parameters_that_are_not_finite_are_divergence() -> None:
    """Even where the loss, taken before the last step, still was finite."""
    state, plan = TrainingState(np.zeros(2)), _plan(StoppingRule(99))
    _close(plan, state, 1.0)
    state.parameters = np.array([1.0, NAN])
    _close(plan, state, 1.0)
    assert state.stop is StopReason.DIVERGED
    np.testing.assert_array_equal(state.best_parameters, [1.0, 1.0])


def test_patience_goes_before_the_last_epoch() -> None:
    """Where both come together, the plateau is the reason."""
    rule = StoppingRule(3, "training_loss", 0.0, 1.0)
    assert _follow(rule, [1.0, 2.0, 2.0]).stop is StopReason.LOSS_PLATEAU
    assert _follow(rule, [3.0, 2.0, 1.0]).stop is StopReason.MAX_EPOCHS


def test_predictions_that_are_not_finite_have_no_score() -> None:
    """A user's scorer is not asked about NaN; the score is NaN and the epoch no improvement."""
    plan = _plan(StoppingRule(99, "validation_score", 0.0, INF))
    state = TrainingState(np.zeros(2))
    look = ValidationData(LOOK.x, LOOK.target, score=lambda _: pytest.fail("asked"))
    record = close_epoch(
        plan, state, EpochFigures(1.0, 0.1, 1.0, 0.0), look, lambda _: np.full((2, 1), NAN)
    )
    assert record.validation_score is not None
    assert math.isnan(record.validation_score)
    assert state.best_epoch is None


def test_score_by_name_and_reported_scale() -> None:
    """The rule names a score; the validation loss has the scale of the training loss."""
    plan = TrainingPlan(
        network=nn.multilayer(1, [], 2),
        loss=nn.SquaredError(reported_scale=0.5),
        optimiser=optim.SGD(),
        schedule=optim.Constant(0.1),
        stopping=StoppingRule(9, "validation_score", score="r2"),
    )
    target = np.array([[0.0, 0.0], [2.0, 4.0]])
    look = ValidationData(np.zeros((2, 1)), target)
    record = close_epoch(
        plan, TrainingState(np.zeros(4)), EpochFigures(1.0, 0.1, 1.0, 0.0), look,
        lambda _: target + 1.0,
    )  # fmt: skip
    assert record.validation_loss == 0.5
    assert record.validation_score == pytest.approx(((1 - 2 / 2) + (1 - 2 / 8)) / 2)


@pytest.mark.parametrize("monitor", ["validation_loss", "validation_score"])
def test_monitoring_needs_validation_rows(monitor: Any) -> None:
    """A plan that watches what is not there is a mistake."""
    plan, state = _plan(StoppingRule(9, monitor)), TrainingState(np.zeros(2))
    with pytest.raises(ValueError, match=f"monitors {monitor}"):
        close_epoch(plan, state, EpochFigures(1.0, 0.1, 1.0, 0.0), None, lambda _: np.zeros((2, 1)))


def test_beginning_anew_forgets_the_optimiser_but_not_the_best() -> None:
    """As scikit-learn's warm start; with the memory kept, the schedule goes on too."""
    for keep in (False, True):
        state = _follow(StoppingRule(2), [2.0, 1.0])
        state.slots, state.step, state.divisions = {"velocity": np.ones(2)}, 7, 2
        state.begin_training(keep_optimiser=keep)
        assert state.stop is None
        assert (state.epoch, state.best_epoch) == (2, 2)
        assert (state.step, state.divisions, bool(state.slots)) == (
            (7, 2, True) if keep else (0, 0, False)
        )


def test_best_parameters_start_as_a_copy() -> None:
    """Before any epoch the start is the best, and stays so when parameters change in place."""
    state = TrainingState(np.zeros(2))
    state.parameters += 1
    np.testing.assert_array_equal(state.best_parameters, np.zeros(2))
