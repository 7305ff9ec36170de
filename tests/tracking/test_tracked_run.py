"""Runs that trackers keep: what they are told, and what happens when one fails."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.sweeps.synthetic import Walk, small_sweep

from mlplab import MLPClassifier, sweeps
from mlplab.errors import MissingExtraError
from mlplab.results import SweepResult
from mlplab.tracking import (
    MLflowTracker,
    Point,
    TensorBoardTracker,
    TrackedRun,
    TrackedSweep,
    WandbTracker,
    tracked_run,
)
from mlplab.tracking.trackers import plain, trial_rows


class Noting:
    """A tracker that notes what it is told, and fails where it is asked to."""

    name, where = "Notes", "a list"

    def __init__(self, failing: str = "", error: BaseException | None = None) -> None:
        self.told: list[tuple[str, Any]] = []
        self._failing, self._error = failing, error or OSError("no space left\non the device")

    def _note(self, what: str, value: Any) -> None:
        if what == self._failing:
            warnings.warn("nobody wants to see this", stacklevel=1)
            raise self._error
        self.told.append((what, value))

    def begin(self, label: str, parameters: Mapping[str, Any], axis: str) -> None:
        """Note the beginning."""
        self._note("begin", (label, dict(parameters), axis))

    def log(self, points: Sequence[Point]) -> None:
        """Note points."""
        self._note("log", list(points))

    def keep_trials(self, result: SweepResult) -> None:
        """Note trials."""
        self._note("trials", len(result.trials))

    def keep(self, last: Point, files: Sequence[Path]) -> None:
        """Note what is kept."""
        self._note("keep", (last, list(files)))

    def end(self, *, complete: bool) -> None:
        """Note the end."""
        self._note("end", complete)


def network(**parameters: Any) -> MLPClassifier:
    """Return a quick network."""
    return MLPClassifier((4,), **{"max_iter": 6, "tol": 0.0, "random_state": 0, **parameters})


X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)
quick = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@quick
def test_a_training_is_told_once_in_order(tmp_path: Path) -> None:
    """Parameters first, then every epoch, then figures and those files that are there."""
    tracker = Noting()
    (tmp_path / "report.html").write_text("<p>Well done.</p>")
    fitted = network(early_stopping=True, n_iter_no_change=50)
    with TrackedRun([tracker], "moons", {"alpha": 0.1}) as run:
        fitted.set_callbacks(run).fit(X, Y)
        run.keep({"accuracy": 0.5}, [tmp_path / "report.html", tmp_path / "model.safetensors"])
    kinds = [kind for kind, _ in tracker.told]
    assert kinds == ["begin", "log", "keep", "end"]
    assert tracker.told[0][1] == ("moons", {"alpha": 0.1}, "epoch")
    points = tracker.told[1][1]
    assert [point.step for point in points] == [1, 2, 3, 4, 5, 6]
    assert [point.figures["loss"] for point in points] == fitted.loss_curve_
    assert [p.figures["validation_score"] for p in points] == fitted.validation_scores_
    assert points[0].figures["learning_rate"] == 0.001
    assert tracker.told[2][1] == (Point(6, {"accuracy": 0.5}), [tmp_path / "report.html"])
    assert tracker.told[3][1] is True


@quick
def test_points_are_written_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one by one, and not only at the end."""
    clock = iter(range(1000))
    monkeypatch.setattr(tracked_run.time, "monotonic", lambda: float(next(clock)))
    tracker = Noting()
    with TrackedRun([tracker], "moons", {}) as run:
        network(max_iter=12).set_callbacks(run).fit(X, Y)
    lengths = [len(points) for kind, points in tracker.told if kind == "log"]
    assert sum(lengths) == 12
    assert max(lengths) < 12
    assert len(lengths) < 12


@quick
@pytest.mark.parametrize("what", ["begin", "log", "keep", "end"])
def test_a_tracker_that_fails_is_left_with_one_warning(what: str) -> None:
    """The others are told everything, and the network is the same as without any."""
    alone = network().fit(X, Y)
    bad, good = Noting(what), Noting()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with TrackedRun([bad, good], "moons", {}) as run:
            fitted = network().set_callbacks(run).fit(X, Y)
            run.keep({"accuracy": 0.5})
            run.keep({"accuracy": 0.6})
    sentences = [str(w.message) for w in caught if w.category is UserWarning]
    assert len(sentences) == 1
    assert "Notes (a list) could not" in sentences[0]
    assert "OSError: no space left. The run goes on without it." in sentences[0]
    kinds = [kind for kind, _ in good.told]
    assert kinds == ["begin", "log", "keep", "keep", "end"]
    assert (("end", False) in bad.told) == (what != "end")
    np.testing.assert_array_equal(alone.coefs_[0], fitted.coefs_[0])


@quick
def test_interrupts_are_no_failures_of_a_tracker() -> None:
    """Ctrl-C while a tracker writes ends the training as anywhere else."""
    tracker = Noting("log", KeyboardInterrupt())
    run = TrackedRun([tracker], "moons", {})
    run.log(1, {"loss": 1.0})
    with pytest.raises(KeyboardInterrupt):
        run.write()


def test_a_run_that_an_error_ends_is_not_complete() -> None:
    """And what had gathered by then is written."""
    tracker = Noting()

    def broken() -> None:
        with TrackedRun([tracker], "moons", {}) as run:
            run.log(1, {"loss": 1.0})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert tracker.told[1:] == [("log", [Point(1, {"loss": 1.0})]), ("end", False)]


def test_without_trackers_nobody_watches() -> None:
    """A training without observers is faster."""
    assert TrackedRun([], "moons", {}).observers == ()
    assert TrackedRun([Noting()], "moons", {}).where == ("Notes, a list",)


def test_loggers_speak_again_afterwards() -> None:
    """What MLflow says is held back only while we talk to it."""
    logger = logging.getLogger("mlflow")
    before = logger.level
    TrackedRun([Noting()], "moons", {})
    assert logger.level == before


def test_a_sweep_is_told_where_it_stands_and_every_trial() -> None:
    """The trials all at once, after the last training."""
    tracker = Noting()
    with TrackedRun([tracker], "walks", {}, "trained") as run:
        result = sweeps.run(small_sweep(), Walk(), observers=[TrackedSweep(run)])
    points = [point for kind, told in tracker.told if kind == "log" for point in told]
    best = result.best()[0].mean("accuracy")
    n_cells = result.n_cells
    assert points[-1] == Point(n_cells, {"trained": float(n_cells), "failed": 0.0, "best": best})
    assert tracker.told[-2:] == [("trials", len(result.trials)), ("end", True)]


def test_rows_of_trials() -> None:
    """The best first, those without a score last, empty where there is nothing to say."""
    space = {"x": [0.1, 0.3, 1e9], "shape": [[64], [32, 32]]}
    sweep = sweeps.sweep_from_table({"space": space, "score": "accuracy", "seeds": 2})
    headers, rows = trial_rows(sweeps.run(sweep, Walk()))
    assert headers == [
        *("trial", "status", "x", "shape", "accuracy", "accuracy spread", "epochs", "seconds")
    ]
    assert [row[1] for row in rows] == ["done"] * 4 + ["diverged"] * 2
    assert [row[4] for row in rows[:4]] == sorted((row[4] for row in rows[:4]), reverse=True)
    assert {row[3] for row in rows} == {"[64]", "[32, 32]"}
    assert rows[-1][4] is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.float64(0.5), 0.5),
        (True, True),
        ((64, 32), "[64, 32]"),
        ({"a": np.arange(2)}, '{"a": [0, 1]}'),
        ([object], "[<class 'object'>]"),
        ("Größe", "Größe"),
    ],
)
def test_values_as_every_tool_shows_them(value: Any, shown: Any) -> None:
    """Numbers, texts and truths as they are, everything else as text."""
    assert plain(value) == shown


MAKERS: dict[str, tuple[Callable[[], Any], str]] = {
    "mlflow": (MLflowTracker, "mlflow"),
    "wandb": (WandbTracker, "wandb"),
    "tensorboardX": (TensorBoardTracker, "tensorboard"),
}


@pytest.mark.parametrize("module", MAKERS)
def test_missing_trackers_are_named(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is trained, with the extra that brings them."""
    make, extra = MAKERS[module]
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"needs {module}.*mlplab\[{extra}\]"):
        make()
