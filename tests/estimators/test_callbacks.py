"""Whoever watches a fit: scikit-learn's callbacks, observers of our own, interrupts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.estimators.problems import load_problem

from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor
from mlplab.results import EpochRecord, FitResult, StopReason

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IRIS = load_problem("multiclass")
SOLVERS = ("sgd", "adam", "lbfgs")


class Hooks:
    """A callback of scikit-learn's kind: notes every task, and may act at the end of an epoch."""

    def __init__(self, act_at: int = -1, raises: type[BaseException] | None = None) -> None:
        self.seen: list[str] = []
        self.scores: list[float] = []
        self.act_at, self.raises = act_at, raises

    def setup(self, estimator: Any, context: Any) -> None:
        """Note the beginning."""
        self.seen.append(f"setup {type(estimator).__name__} {context.task_name}")

    def teardown(self, estimator: Any, context: Any) -> None:
        """Note the end."""
        self.seen.append(f"teardown {type(estimator).__name__} {context.task_name}")

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:  # noqa: ARG002  (the protocol's signature)
        """Note a task."""
        self.seen.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any, y: Any, metadata: Any, fitted_estimator: Any
    ) -> bool:
        """Score what would be left if training ended here."""
        self.seen.append(f"end {context.task_name} {context.task_id}")
        if context.task_name != "epoch":
            return False
        assert fitted_estimator is not estimator
        self.scores.append(fitted_estimator.score(X, y, **metadata))
        if context.task_id == self.act_at and self.raises is not None:
            raise self.raises
        return bool(context.task_id == self.act_at)


class Propagated(Hooks):
    """The same, handed down by pipelines and searches."""

    max_propagation_depth = None


class Watcher:
    """An observer of our own kind."""

    def __init__(self, stop_after: int = 10**6, interrupts: bool = False) -> None:
        self.records: list[EpochRecord] = []
        self.weights: list[Any] = []
        self.started = 0
        self.results: list[FitResult] = []
        self.stop_after, self.interrupts = stop_after, interrupts

    def on_start(self, plan: Any, state: Any) -> None:  # noqa: ARG002  (the protocol's signature)
        """Count the fits."""
        self.started += 1

    def on_epoch(self, record: EpochRecord, state: Any) -> bool:
        """Keep the record and the weights."""
        self.records.append(record)
        self.weights.append(state.parameters.copy())
        if self.interrupts and record.epoch == self.stop_after:
            raise KeyboardInterrupt
        return record.epoch >= self.stop_after

    def on_end(self, result: FitResult) -> None:
        """Keep the result."""
        self.results.append(result)


def small(**parameters: Any) -> MLPClassifier:
    """Return a quick classifier; parameters override."""
    return MLPClassifier((6,), **{"max_iter": 6, "random_state": 0, **parameters})


# ---------------------------------------------------------------------- scikit-learn's protocol


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_epoch_is_a_task(solver: str) -> None:
    """Set up once, a task for the fit, one for each epoch, torn down at the end."""
    hooks = Hooks()
    clf = small(solver=solver).set_callbacks(hooks).fit(IRIS.X, IRIS.y)
    epochs = [f"{when} epoch {i}" for i in range(6) for when in ("begin", "end")]
    name = "MLPClassifier"
    assert hooks.seen == [
        f"setup {name} fit",
        "begin fit 0",
        *epochs,
        "end fit 0",
        f"teardown {name} fit",
    ]
    assert hooks.scores[-1] == clf.score(IRIS.X, IRIS.y)


@pytest.mark.parametrize("solver", SOLVERS)
def test_watching_changes_nothing(solver: str) -> None:
    """With callbacks and observers the network must be the same to the last bit."""
    plain = small(solver=solver).fit(IRIS.X, IRIS.y)
    watched = small(solver=solver).set_callbacks(Hooks(), Watcher()).fit(IRIS.X, IRIS.y)
    np.testing.assert_array_equal(plain.coefs_[0], watched.coefs_[0])
    assert plain.loss_curve_ == watched.loss_curve_


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_callback_may_ask_to_stop(solver: str) -> None:
    """After the epoch in which it asks, training must end, and the result say why."""
    clf = small(solver=solver).set_callbacks(Hooks(act_at=2)).fit(IRIS.X, IRIS.y)
    assert clf.n_iter_ == 3
    assert clf.result_.status is StopReason.OBSERVER


def test_the_estimator_of_an_epoch_is_that_of_a_shorter_fit() -> None:
    """What a hook is handed must score as if training had ended there."""
    hooks = Hooks()
    small().set_callbacks(hooks).fit(IRIS.X, IRIS.y)
    expected = [small(max_iter=n).fit(IRIS.X, IRIS.y).score(IRIS.X, IRIS.y) for n in range(1, 7)]
    assert hooks.scores == expected


def test_sample_weights_reach_the_hooks() -> None:
    """Metadata must hold the weights of the rows."""
    hooks = Hooks()
    weight = np.arange(150.0)
    clf = small().set_callbacks(hooks).fit(IRIS.X, IRIS.y, sample_weight=weight)
    assert hooks.scores[-1] == clf.score(IRIS.X, IRIS.y, weight)


def test_partial_fits_are_tasks_too() -> None:
    """Each call is a fit of one epoch."""
    hooks = Hooks()
    clf = small().set_callbacks(hooks)
    for _ in range(3):
        clf.partial_fit(IRIS.X, IRIS.y, classes=[0, 1, 2])
    assert hooks.seen.count("end epoch 0") == 3
    assert hooks.seen.count("teardown MLPClassifier fit") == 3


def test_callbacks_are_torn_down_after_an_error() -> None:
    """An error in a hook must come out, and the callback still be torn down."""
    hooks = Hooks(act_at=1, raises=RuntimeError)
    with pytest.raises(RuntimeError):
        small().set_callbacks(hooks).fit(IRIS.X, IRIS.y)
    assert hooks.seen[-1] == "teardown MLPClassifier fit"


def test_a_clone_keeps_the_callbacks() -> None:
    """scikit-learn's `clone` hands callbacks on, as it does for its own estimators."""
    hooks = Hooks()
    clone(small().set_callbacks(hooks)).fit(IRIS.X, IRIS.y)
    assert "end fit 0" in hooks.seen


def test_callbacks_can_be_taken_away() -> None:
    """Without arguments nobody watches any more."""
    hooks, watcher = Hooks(), Watcher()
    small().set_callbacks(hooks, watcher).set_callbacks().fit(IRIS.X, IRIS.y)
    assert hooks.seen == []
    assert watcher.started == 0


def test_what_is_no_callback_is_refused() -> None:
    """Neither protocol: scikit-learn's error."""
    with pytest.raises(TypeError, match="FitCallback"):
        small().set_callbacks(print)
    with pytest.raises(TypeError, match="FitCallback"):
        small().set_callbacks(Watcher)


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor, MLPAutoencoder])
def test_scores_are_monitored(cls: type[Any]) -> None:
    """scikit-learn's own monitor must log a score for every epoch, the last being the result's."""
    monitor = ScoringMonitor(scoring=lambda estimator, X, y: {"own": estimator.score(X, y)})
    estimator = cls(hidden_layer_sizes=(6,), max_iter=4, random_state=0).set_callbacks(monitor)
    estimator.fit(IRIS.X, IRIS.y)
    logged = [row["own"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(logged) == 4
    assert logged[-1] == pytest.approx(estimator.score(IRIS.X, IRIS.y))


def test_progress_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """scikit-learn's progress bar must run to its end."""
    small().set_callbacks(ProgressBar()).fit(IRIS.X, IRIS.y)
    shown = capsys.readouterr().out
    assert "MLPClassifier - fit" in shown
    assert "100%" in shown


def test_a_pipeline_hands_callbacks_down() -> None:
    """Set on the pipeline, a callback must see the epochs of the network in it."""
    hooks = Propagated()
    pipeline = make_pipeline(StandardScaler(), small()).set_callbacks(hooks)
    pipeline.fit(IRIS.X, IRIS.y)
    assert [seen for seen in hooks.seen if seen.startswith("end epoch")] == [
        f"end epoch {i}" for i in range(6)
    ]
    assert [seen for seen in hooks.seen if "setup" in seen] == ["setup Pipeline fit"]


def test_a_search_hands_callbacks_down() -> None:
    """Set on the search, a callback must see the epochs of every candidate, fold and refit."""
    hooks = Propagated()
    search = GridSearchCV(small(max_iter=3), {"alpha": [0.1, 1.0]}, cv=2).set_callbacks(hooks)
    search.fit(IRIS.X, IRIS.y)
    assert hooks.seen.count("end epoch 2") == 5
    assert hooks.seen.count("setup GridSearchCV fit") == 1


# ---------------------------------------------------------------------- our own observers


@pytest.mark.parametrize("solver", SOLVERS)
def test_an_observer_is_told_everything(solver: str) -> None:
    """Begin, every epoch with its record and weights, and the result."""
    watcher = Watcher()
    X, X_val, y, y_val = train_test_split(IRIS.X, IRIS.y, random_state=0)
    clf = small(solver=solver).set_callbacks(watcher)
    clf.fit(X, y, X_val=X_val, y_val=y_val)
    assert watcher.started == 1
    assert watcher.results == [clf.result_]
    assert [record.epoch for record in watcher.records] == list(range(1, 7))
    assert [record.loss for record in watcher.records] == clf.loss_curve_
    assert [record.validation_score for record in watcher.records] == clf.validation_scores_
    assert all(record.gradient_norm > 0 for record in watcher.records)
    assert tuple(watcher.records) == clf.result_.history.records
    np.testing.assert_array_equal(watcher.weights[-1][: 4 * 6].reshape(4, 6), clf.coefs_[0])


@pytest.mark.parametrize("solver", SOLVERS)
def test_an_observer_may_ask_to_stop(solver: str) -> None:
    """Training must end after that epoch, with the weights of that epoch."""
    watcher = Watcher(stop_after=4)
    clf = small(solver=solver).set_callbacks(watcher).fit(IRIS.X, IRIS.y)
    shorter = small(solver=solver, max_iter=4).fit(IRIS.X, IRIS.y)
    assert clf.n_iter_ == 4
    assert clf.result_.status is StopReason.OBSERVER
    np.testing.assert_array_equal(clf.coefs_[0], shorter.coefs_[0])


def test_nobody_is_passed_over_where_somebody_asks_to_stop() -> None:
    """Every observer is told of the last epoch and of the end."""
    first, second, hooks = Watcher(stop_after=2), Watcher(), Hooks()
    small().set_callbacks(first, hooks, second).fit(IRIS.X, IRIS.y)
    assert len(first.records) == len(second.records) == len(hooks.scores) == 2
    assert len(second.results) == 1


def test_unobserved_training_runs_in_longer_chunks_to_the_same_end() -> None:
    """Chunks of many epochs must give what single epochs give."""
    parameters: dict[str, Any] = {"max_iter": 80, "tol": 0.0}
    watched = small(**parameters).set_callbacks(Watcher()).fit(IRIS.X, IRIS.y)
    alone = small(**parameters).fit(IRIS.X, IRIS.y)
    np.testing.assert_array_equal(watched.coefs_[0], alone.coefs_[0])
    assert watched.loss_curve_ == alone.loss_curve_


# ---------------------------------------------------------------------- interrupts


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("ours", [True, False])
def test_an_interrupt_keeps_what_was_learned(solver: str, ours: bool) -> None:
    """Three epochs done: the weights of the third stay, with a warning and a reason."""
    interrupter: Any = Watcher(3, interrupts=True) if ours else Hooks(2, raises=KeyboardInterrupt)
    clf = small(solver=solver).set_callbacks(interrupter)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        clf.fit(IRIS.X, IRIS.y)
    assert clf.n_iter_ == len(clf.loss_curve_) == 3
    assert clf.result_.status is StopReason.INTERRUPTED
    shorter = small(solver=solver, max_iter=3).fit(IRIS.X, IRIS.y)
    np.testing.assert_array_equal(clf.coefs_[0], shorter.coefs_[0])
    np.testing.assert_array_equal(clf.predict(IRIS.X), shorter.predict(IRIS.X))


def test_an_interrupt_with_early_stopping_leaves_the_best_weights() -> None:
    """What is left must score as the best epoch so far."""
    X, X_val, y, y_val = train_test_split(IRIS.X, IRIS.y, random_state=0)
    clf = small(early_stopping=True, learning_rate_init=0.05)
    clf.set_callbacks(Watcher(3, interrupts=True))
    with pytest.warns(UserWarning, match="interrupted"):
        clf.fit(X, y, X_val=X_val, y_val=y_val)
    assert clf.score(X_val, y_val) == pytest.approx(max(clf.validation_scores_))


def test_after_an_interrupt_training_can_go_on() -> None:
    """With the state kept, the rest of the epochs must lead where one fit would have led."""
    parameters: dict[str, Any] = {"batch_size": 40, "warm_start": "state", "tol": 0.0}
    clf = small(**parameters).set_callbacks(Watcher(2, interrupts=True))
    with pytest.warns(UserWarning, match="interrupted"):
        clf.fit(IRIS.X, IRIS.y)
    clf.set_callbacks().set_params(max_iter=4).fit(IRIS.X, IRIS.y)
    whole = small(**parameters).fit(IRIS.X, IRIS.y)
    np.testing.assert_array_equal(clf.coefs_[0], whole.coefs_[0])


@pytest.mark.parametrize("step", [0, 1, 333, 777])
def test_an_interrupt_while_nobody_watches_loses_no_epoch(step: int) -> None:
    """Epochs that were completed in one go must all be in the history, and only they."""

    def rate(number: int) -> float:
        if number == step:
            raise KeyboardInterrupt
        return 0.01

    clf = small(max_iter=1000, tol=0.0, batch_size=150, learning_rate=rate)
    with pytest.warns(UserWarning, match="interrupted"):
        clf.fit(IRIS.X, IRIS.y)
    assert clf.n_iter_ == len(clf.loss_curve_) == clf.t_ / 150 == step
    assert clf.result_.status is StopReason.INTERRUPTED
    assert np.isfinite(clf.loss_)


class Counter:
    """An observer that counts epochs."""

    epochs = 0

    def on_start(self, plan: Any, state: Any) -> None:
        """Do nothing."""

    def on_epoch(self, record: EpochRecord, state: Any) -> None:  # noqa: ARG002  (the protocol)
        """Count."""
        self.epochs += 1

    def on_end(self, result: FitResult) -> None:
        """Do nothing."""


def test_a_clone_is_watched_by_the_same_observers() -> None:
    """As scikit-learn's callbacks do, observers follow a clone, so searches can be watched."""
    counter = Counter()
    watched = MLPClassifier((3,), max_iter=4, random_state=0).set_callbacks(counter)
    clone(watched).fit(IRIS.X, IRIS.y)

    assert counter.epochs == 4
    assert not hasattr(clone(MLPClassifier()), "_fit_observers")
