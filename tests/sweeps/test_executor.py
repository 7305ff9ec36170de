"""Running sweeps: what is trained, what is remembered, and what one is told."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.sweeps.synthetic import Walk, comparable, killable_sweep, small_sweep, wide_space

from mlplab import sweeps
from mlplab.errors import ParameterError
from mlplab.results import CellResult, SweepProgress, SweepResult, SweepStop
from mlplab.sweeps import Done, Job, Outcome, Sweep

BACKENDS = ["threads", "processes"]


def grid(x: list[float], **options: Any) -> Sweep:
    """Return a grid over x, with y at its best."""
    table = {"space": {"x": x}, "score": "accuracy", **options}
    return sweeps.sweep_from_table(table)


def test_every_cell_is_trained_once() -> None:
    """Distinct configurations by seeds; the best is the one with x = 0.3 and y = 0."""
    trainer = Walk()
    result = sweeps.run(small_sweep(), trainer)
    assert result.n_combinations == 20
    assert len(result.trials) == 15
    assert result.n_cells == result.n_trained == len(trainer.seen) == 30
    assert result.stop is SweepStop.COMPLETE
    best = result.best()[0]
    assert best.configuration["x"] == 0.3
    assert best.configuration.get("y", 0.0) == 0.0
    assert best.mean("accuracy") == sum(best.values("accuracy")) / 2
    assert [cell.cell.seed for cell in best.cells] == [0, 1]
    means = [trial.mean("accuracy") for trial in result.ranking()]
    assert means == sorted(means, reverse=True)
    assert result.ranking("f1_macro") == result.ranking()


def test_cells_of_one_shape_train_together() -> None:
    """In one stretch, whatever the order of the search."""
    trainer = Walk()
    table = {"x": [0.1, 0.2, 0.3], "shape": [[64], [32]]}
    sweeps.run(sweeps.sweep_from_table({"space": table, "score": "accuracy"}), trainer)
    shapes = [job.configuration["shape"] for job in trainer.seen]
    assert shapes == [[64]] * 3 + [[32]] * 3


def test_seeds_and_folds_are_cells() -> None:
    """Mean and spread are taken over all of them."""
    trainer = Walk(folds=("a", "b", "c"))
    result = sweeps.run(grid([0.1], folds=3, seeds=2), trainer)
    assert [(job.seed, job.fold) for job in trainer.seen] == [
        (seed, fold) for seed in (0, 1) for fold in (0, 1, 2)
    ]
    trial = result.trials[0]
    values = pd.Series(trial.values("accuracy"))
    assert trial.mean("accuracy") == pytest.approx(values.mean(), abs=1e-15)
    assert trial.spread("accuracy") == pytest.approx(values.std(), abs=1e-15)


def test_a_sweep_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Only what is new trains: more values, more seeds, more folds, another parameter."""
    sweeps.run(grid([0.1, 0.2]), Walk(), storage=tmp_path)
    for n_new, sweep, folds in (
        (0, grid([0.2, 0.1]), ("rows",)),
        (1, grid([0.1, 0.2, 0.3]), ("rows",)),
        (3, grid([0.1, 0.2, 0.3], seeds=2), ("rows",)),
        (3, grid([0.1, 0.2, 0.3], folds=2), ("rows", "others")),
        (3, grid([0.1, 0.2, 0.3]), ("other data",)),
        (2, grid([0.1, 0.2, 0.3, 0.4, 0.5], trials=5), ("rows",)),
    ):
        result = sweeps.run(sweep, Walk(folds=folds), storage=tmp_path)
        assert result.n_trained == n_new
        assert comparable(result) == comparable(sweeps.run(sweep, Walk(folds=folds)))


def test_a_parameter_that_joins_finds_the_old_results(tmp_path: Path) -> None:
    """Its default meant the same when nobody spoke of it."""
    table = {"space": {"x": [0.1, 0.2]}, "score": "accuracy"}
    sweeps.run(sweeps.sweep_from_table(table), Walk(), storage=tmp_path)
    wider = {"space": {"x": [0.1, 0.2], "momentum": [0.9, 0.5]}, "score": "accuracy"}
    sweep = sweeps.sweep_from_table(wider, defaults={"momentum": 0.9})
    assert sweeps.run(sweep, Walk(), storage=tmp_path).n_trained == 2


@dataclass
class Scored(Walk):
    """Gives only the scores that it was made with."""

    names: tuple[str, ...] = ("accuracy",)

    def train(self, jobs: Sequence[Job], done: Done) -> None:
        """Walk, and leave scores out."""

        def done_less(place: int, outcome: Outcome) -> None:
            scores = {name: outcome.scores[name] for name in self.names}
            done(place, dataclasses.replace(outcome, scores=scores))

        super().train(jobs, done_less)


def test_a_score_that_joins_is_taken(tmp_path: Path) -> None:
    """Networks are not kept, so they train again; one that leaves changes nothing."""
    both = ("accuracy", "f1_macro")
    sweeps.run(grid([0.1]), Scored(), storage=tmp_path)
    result = sweeps.run(grid([0.1], score=list(both)), Scored(names=both), storage=tmp_path)
    assert result.n_trained == 1
    assert result.trials[0].mean("f1_macro") is not None
    assert sweeps.run(grid([0.1]), Scored(), storage=tmp_path).n_trained == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_failures_are_recorded_and_the_sweep_goes_on(tmp_path: Path, backend: Any) -> None:
    """What breaks the trainer fails, what explodes diverges; each with its reason."""
    table = {"x": [0.1, 200.0, 0.3], "y": [0.0, 300.0]}
    sweep = sweeps.sweep_from_table({"space": table, "score": "accuracy"})
    result = sweeps.run(sweep, Walk(), storage=tmp_path, backend=backend, jobs=None)
    by_place = {(t.configuration["x"], t.configuration["y"]): t for t in result.trials}
    assert {place: trial.status for place, trial in by_place.items()} == {
        (0.1, 0.0): "done",
        (0.1, 300.0): "failed",
        (200.0, 0.0): "diverged",
        (200.0, 300.0): "diverged",
        (0.3, 0.0): "done",
        (0.3, 300.0): "failed",
    }
    assert by_place[0.1, 300.0].reason == "ValueError: y was too large"
    assert by_place[200.0, 0.0].reason == "DivergedError: x was too large"
    assert [trial.number for trial in result.ranking()] == [4, 0]
    assert len(result.failed) == 4


def test_failed_cells_are_tried_again_on_request(tmp_path: Path) -> None:
    """Once, and only those; what diverged would diverge again."""
    sweep = sweeps.sweep_from_table(
        {"space": {"y": [0.0, 300.0], "x": [0.1, 200.0]}, "score": "accuracy"}
    )
    assert sweeps.run(sweep, Walk(), storage=tmp_path).n_trained == 4
    assert sweeps.run(sweep, Walk(), storage=tmp_path).n_trained == 0
    again = Walk()
    result = sweeps.run(sweep, again, storage=tmp_path, retry_failed=True)
    assert result.n_trained == 1
    assert {(job.configuration["x"], job.configuration["y"]) for job in again.seen} == {
        (0.1, 300.0)
    }
    cell = next(c for t in result.trials for c in t.cells if c.status == "failed")
    assert cell.attempt == 2


class Lazy(Walk):
    """Tells of fewer outcomes than jobs, or of scores that are no numbers, or of none."""

    def train(self, jobs: Sequence[Job], done: Done) -> None:
        """Do as the configurations say, the last one first."""
        for place, job in reversed(list(enumerate(jobs))):
            match job.configuration["how"]:
                case "early":
                    return
                case "nan":
                    done(place, Outcome({"accuracy": float("nan")}, 3))
                case "nothing":
                    done(place, Outcome({"r2": 1.0}, 3))
                case _:
                    done(place, Outcome({"accuracy": 1.0}, 3))


def test_bad_trainers_are_told_so() -> None:
    """In the reason of the cell; the others are not harmed."""
    table = {"space": {"how": ["well", "early", "nan", "nothing", "fine"]}, "score": "accuracy"}
    result = sweeps.run(sweeps.sweep_from_table(table), Lazy())
    assert [trial.status for trial in result.trials] == [
        "done",
        "failed",
        "diverged",
        "failed",
        "done",
    ]
    assert "`train` must tell of each job" in (result.trials[1].reason or "")
    assert result.trials[2].reason == "The score 'accuracy' is nan."
    assert result.trials[3].reason == "The trainer gave no score 'accuracy'."


class Watcher:
    """An observer that remembers, and asks to stop after some results."""

    def __init__(self, most: int = 10**9) -> None:
        self.most = most
        self.results: list[CellResult] = []
        self.progress: list[SweepProgress] = []
        self.ends: list[SweepResult] = []

    def on_results(self, results: Sequence[CellResult], progress: SweepProgress) -> bool:
        """Remember."""
        self.results += results
        self.progress.append(progress)
        return len(self.results) >= self.most

    def on_end(self, result: SweepResult) -> None:
        """Remember the end."""
        self.ends.append(result)


def test_observers_are_told_of_everything() -> None:
    """Every result once with its curve, where the sweep stands, and the end."""
    watcher = Watcher()
    result = sweeps.run(small_sweep(), Walk(), observers=[watcher])
    assert len(watcher.results) == 30
    assert all(len((one.curve or {})["loss"]) == 20 for one in watcher.results)
    last = watcher.progress[-1]
    assert (last.n_done, last.n_cells, last.n_trained, last.n_failed) == (30, 30, 30, 0)
    assert last.best == result.best()[0]
    assert last.seconds_left == 0.0
    assert watcher.ends == [result]


def test_observers_may_stop_a_sweep(tmp_path: Path) -> None:
    """And it goes on from there."""
    sweep = killable_sweep("random")
    first = sweeps.run(sweep, Walk(), storage=tmp_path, observers=[Watcher(1), Watcher()])
    assert first.stop is SweepStop.OBSERVER
    assert 0 < first.n_trained < 200
    second = sweeps.run(sweep, Walk(), storage=tmp_path)
    assert first.n_trained + second.n_trained == 200
    assert comparable(second) == comparable(sweeps.run(sweep, Walk()))


class Broken(Watcher):
    """An observer that raises."""

    def on_results(self, results: Sequence[CellResult], progress: SweepProgress) -> bool:
        """Raise."""
        raise OSError(f"no space left for {len(results)} of {progress.n_cells} pictures")


@pytest.mark.parametrize("backend", BACKENDS)
def test_errors_besides_training_end_the_sweep(tmp_path: Path, backend: Any) -> None:
    """They are no failures of trials; what was trained before is kept."""
    with pytest.raises(OSError, match="no space left for"):
        sweeps.run(
            killable_sweep("random"),
            Walk(seconds=0.01),
            storage=tmp_path,
            observers=[Broken()],
            backend=backend,
        )
    result = sweeps.run(killable_sweep("random"), Walk(), storage=tmp_path)
    assert 0 < result.n_trained < 200
    assert not result.failed


def test_time_limits_end_searches_that_would_not(tmp_path: Path) -> None:
    """What was trained is there."""
    sweep = Sweep(wide_space(), sweeps.Random(), ("accuracy",), seconds=0.2)
    result = sweeps.run(sweep, Walk(seconds=0.001), storage=tmp_path)
    assert result.stop is SweepStop.SECONDS
    assert len(result.trials) > 0
    again = Sweep(wide_space(), sweeps.Random(), ("accuracy",), trials=len(result.trials))
    assert sweeps.run(again, Walk(), storage=tmp_path).n_trained == 0


class InterruptedWalk(Walk):
    """Ctrl-C comes after some trainings."""

    def train(self, jobs: Sequence[Job], done: Done) -> None:
        """Walk, until somebody presses Ctrl-C."""
        super().train(jobs[:5], done)
        raise KeyboardInterrupt


def test_interrupts_keep_what_is_finished(tmp_path: Path) -> None:
    """And say how to go on."""
    result = sweeps.run(small_sweep(), InterruptedWalk(), storage=tmp_path)
    assert result.stop is SweepStop.INTERRUPTED
    assert result.n_trained == 5
    assert "can be trained later" in result.stop.sentence
    assert sweeps.run(small_sweep(), Walk(), storage=tmp_path).n_trained == 25


@pytest.mark.parametrize("search", ["hyperband", "halving", "tpe", "sobol"])
def test_searches_that_go_on_ask_for_the_same_again(tmp_path: Path, search: str) -> None:
    """They are told what the ledger remembers, and come to the same trials."""
    if search == "tpe":
        pytest.importorskip("optuna")
    sweep = Sweep(wide_space(), sweeps.SEARCHES[search](), ("accuracy",), trials=30)
    whole = sweeps.run(sweep, Walk())
    first = sweeps.run(sweep, InterruptedWalk(), storage=tmp_path)
    assert first.stop is SweepStop.INTERRUPTED
    second = sweeps.run(sweep, Walk(), storage=tmp_path)
    assert first.n_trained + second.n_trained == whole.n_trained
    assert comparable(second) == comparable(whole)


def test_halving_and_grid_share_whole_trainings(tmp_path: Path) -> None:
    """What was trained to its end is the same, whoever asked for it."""
    table = {"space": {"x": [0.1, 0.2, 0.3]}, "score": "accuracy"}
    whole = sweeps.sweep_from_table(table, fixed={"max_iter": 20})
    sweeps.run(whole, Walk(), storage=tmp_path)
    halved = sweeps.sweep_from_table({**table, "search": "halving"}, fixed={"max_iter": 20})
    trainer = Walk()
    sweeps.run(halved, trainer, storage=tmp_path)
    assert {job.epochs for job in trainer.seen} == {2, 7}


@pytest.mark.parametrize("backend", BACKENDS)
def test_backends_give_the_same(backend: Any) -> None:
    """Two workers, and every bit as with one."""
    result = sweeps.run(small_sweep(), Walk(), backend=backend, jobs=2)
    assert comparable(result) == comparable(sweeps.run(small_sweep(), Walk()))


def test_paused_states_travel() -> None:
    """Between processes, too."""
    sweep = Sweep(wide_space(), sweeps.Hyperband(), ("accuracy",))
    result = sweeps.run(sweep, Walk(), backend="processes", jobs=2)
    assert comparable(result) == comparable(sweeps.run(sweep, Walk()))


class Meeting(Walk):
    """Waits before its first training until all have something to train."""

    barrier = threading.Barrier(3, timeout=60)

    def train(self, jobs: Sequence[Job], done: Done) -> None:
        """Meet, then walk."""
        if not self.seen:
            self.barrier.wait()
        super().train(jobs, done)


def test_runs_on_one_storage_share_the_work(tmp_path: Path) -> None:
    """Each cell is trained by one of them, and all get everything."""
    sweep, trainers = killable_sweep("random"), [Meeting() for _ in range(3)]
    results: dict[int, SweepResult] = {}

    def work(number: int) -> None:
        results[number] = sweeps.run(sweep, trainers[number], storage=tmp_path)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(trainer.seen) for trainer in trainers) == 200
    assert all(trainer.seen for trainer in trainers)
    whole = comparable(sweeps.run(sweep, Walk()))
    assert all(comparable(results[number]) == whole for number in range(3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"backend": "thread"},
            "`backend` must be one of .*; got 'thread'. Did you mean 'threads'",
        ),
        ({"address": "tcp://a"}, "`address` must be left out for threads"),
    ],
)
def test_wrong_arguments_are_named(options: dict[str, Any], message: str) -> None:
    """Before anything is trained."""
    with pytest.raises(ParameterError, match=message):
        sweeps.run(small_sweep(), Walk(), **options)


def test_sweeps_need_a_score_and_their_folds() -> None:
    """Both are said in one sentence."""
    with pytest.raises(ParameterError, match=r"`sweep.score` must name at least one scorer"):
        sweeps.run(grid([0.1], score=[]), Walk())
    with pytest.raises(ParameterError, match=r"`trainer.folds` must be as many.* 3; got 1"):
        sweeps.run(grid([0.1], folds=3), Walk())


def test_tables_are_read_in_one_line(tmp_path: Path) -> None:
    """A row for each cell, and a row for each epoch of each training."""
    sweep = Sweep(wide_space(), sweeps.Hyperband(), ("accuracy",), seeds=2)
    result = sweeps.run(sweep, Walk(), storage=tmp_path)
    trials = pd.read_parquet(tmp_path / "trials.parquet")
    curves = pd.read_parquet(tmp_path / "curves.parquet")
    assert len(trials) == sum(len(trial.cells) for trial in result.trials)
    assert trials["score.accuracy"].tolist() == [
        value for trial in result.trials for value in trial.values("accuracy")
    ]
    assert trials["x"].tolist() == [t.configuration["x"] for t in result.trials for _ in t.cells]
    assert len(curves) == result.n_epochs
    lengths = curves.groupby(["trial", "seed", "fold"])["epoch"].agg(list)
    assert lengths.map(lambda epochs: epochs == list(range(1, len(epochs) + 1))).all()


def test_tables_keep_lists_and_gaps(tmp_path: Path) -> None:
    """Shapes as JSON, what does not apply as missing, reasons as texts."""
    table = {"shape": [[64], [32, 32]], "y": {"values": [300.0], "when": {"shape": [[64]]}}}
    sweep = sweeps.sweep_from_table({"space": table, "score": "accuracy"})
    sweeps.run(sweep, Walk(), storage=tmp_path)
    trials = pd.read_parquet(tmp_path / "trials.parquet")
    assert trials["shape"].tolist() == ["[64]", "[32, 32]"]
    assert trials["y"].isna().tolist() == [False, True]
    assert trials["reason"][0] == "ValueError: y was too large"
