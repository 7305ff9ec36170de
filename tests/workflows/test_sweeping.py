"""Sweeps of studies: what is trained, what is kept, and what a mistake is answered with."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlplab
from mlplab import workflows
from mlplab.errors import ParameterError, StudyError
from mlplab.results import CellResult, SweepProgress, SweepStop
from mlplab.sweeps import Fold, Job, Outcome, Sweep, sweep_from_table
from mlplab.workflows import sweeping
from mlplab.workflows.parts import deal_parts
from mlplab.workflows.sources import read_source
from mlplab.workflows.study import SplitTable, Study
from mlplab.workflows.study_file import parse_study
from mlplab.workflows.study_text import study_to_toml
from mlplab.workflows.sweep_scores import USUAL
from mlplab.workflows.sweep_space import sweep_of
from mlplab.workflows.sweep_summary import StudySweep
from mlplab.workflows.sweep_trainer import NetworkTrainer, Rows, without_rows

SMALL = """
name = "small"
[data]
source = "wine"
[model]
max_iter = 12
learning_rate_init = 0.02
[sweep]
score = ["accuracy", "f1_macro"]
seeds = 2
retrain = { best = 2, seeds = 2 }
[sweep.space]
hidden_layer_sizes = [[4], [8]]
solver = ["adam", "sgd"]
momentum = { values = [0.5, 0.9], when = { solver = "sgd" } }
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> StudySweep:
    """Return a sweep of six configurations, kept in a folder."""
    return workflows.sweep(parse_study(SMALL), out=tmp_path_factory.mktemp("swept"))


def test_a_sweep_trains_what_the_space_holds(swept: StudySweep) -> None:
    """Momentum varies with sgd only, and each is trained from two seeds."""
    assert len(swept.result.trials) == 6
    assert swept.result.n_trained == 12
    assert swept.result.scores == ("accuracy", "f1_macro")
    for trial in swept.result.trials:
        assert list(trial.cells[0].scores)[:2] == ["accuracy", "f1_macro"]
        assert set(trial.cells[0].scores) == set(USUAL["classification"])
    assert len(swept.finalists) == 2
    assert swept.finalists[0].trial == swept.result.best()[0]


def test_the_folder_holds_tables_summary_and_a_model_that_predicts(swept: StudySweep) -> None:
    """Each can be used by itself."""
    assert swept.folder is not None
    trials = pd.read_parquet(swept.folder / "trials.parquet")
    assert len(trials) == 12
    assert {"trial", "epoch", "loss"} <= set(pd.read_parquet(swept.folder / "curves.parquet"))
    summary = json.loads((swept.folder / "sweep.json").read_text())
    assert summary["n_trials"] == 6
    assert summary["best"][0]["configuration"] == dict(swept.result.best()[0].configuration)
    rows = read_source("wine").frame
    predicted = workflows.predict(swept.folder, rows)["prediction"]
    assert (predicted.to_numpy() == rows["cultivar"].to_numpy()).mean() > 0.9


def test_the_study_in_the_folder_is_the_study(swept: StudySweep) -> None:
    """So that whoever finds the folder can repeat it."""
    assert swept.folder is not None
    kept = workflows.read_study(swept.folder / "study.toml")
    assert kept.sweep == parse_study(SMALL).sweep
    assert parse_study(study_to_toml(kept)) == kept


def test_resumed_it_trains_nothing_again_and_a_longer_list_only_what_is_new(
    swept: StudySweep,
) -> None:
    """The ledger knows what was trained."""
    assert swept.folder is not None
    again = workflows.sweep(parse_study(SMALL), out=swept.folder.parent, resume=True)
    assert again.folder == swept.folder
    assert again.result.n_trained == 0
    assert again.result == swept.result
    longer = parse_study(SMALL.replace("[[4], [8]]", "[[4], [8], [2]]"))
    assert workflows.sweep(longer, storage=swept.folder).result.n_trained == 6
    other = parse_study(SMALL.replace("max_iter = 12", "max_iter = 13"))
    assert workflows.sweep(other, storage=swept.folder).result.n_trained == 12


def test_test_rows_are_those_of_a_run_and_no_fold_sees_them() -> None:
    """The finalists are tested on rows that chose nothing."""
    study = parse_study(SMALL)
    assert study.data is not None
    whole = SplitTable(validation=0)
    data = study.data.model_copy(update={"split": whole})
    source = read_source("wine")
    parts = deal_parts(study.model_copy(update={"data": data}), source)
    rows = Rows(study, without_rows(source), parts)
    (fold,) = rows.deal(sweep_from_table({"space": {"alpha": [0.1, 1.0]}}))
    dealt = parts.frames[0].index[np.concatenate([fold.train, fold.validate])]
    assert not set(dealt) & set(parts.test_rows)
    assert len(dealt) + len(parts.test_rows) == len(source.frame)
    assert len(fold.validate) == pytest.approx(0.1 * len(dealt), abs=1)


def test_each_fold_is_prepared_by_its_own_training_rows(swept: StudySweep) -> None:  # noqa: ARG001
    """What scales the columns has not seen the rows that validate."""
    trainer = _trainer("shuffle = false", folds=2)
    rows = trainer._rows
    fold = trainer._dealt[0]
    parts = rows.prepared({"scaling": "standard"}, fold.train, fold.validate)
    np.testing.assert_allclose(parts.train.x.mean(axis=0), 0, atol=1e-9)
    assert np.abs(parts.test.x.mean(axis=0)).max() > 1e-3


def _trainer(model: str, **sweep: Any) -> NetworkTrainer:
    text = f'[data]\nsource = "wine"\nsplit = {{ validation = 0.2 }}\n[model]\n{model}'
    study = parse_study(text)
    assert study.data is not None
    source = read_source("wine")
    data = study.data.model_copy(update={"split": SplitTable(validation=0)})
    parts = deal_parts(study.model_copy(update={"data": data}), source)
    plan = sweep_from_table({"space": {"alpha": [0.1, 1.0]}, "score": "accuracy", **sweep})
    base = {"hidden_layer_sizes": [6], "max_iter": 20, **study.model.parameters}
    return NetworkTrainer(Rows(study, without_rows(source), parts), plan, base)


def _train(trainer: NetworkTrainer, *jobs: Job) -> list[Outcome]:
    found: dict[int, Outcome] = {}
    trainer.train(jobs, found.__setitem__)
    return [found[place] for place in range(len(jobs))]


@pytest.mark.parametrize(
    "model",
    [
        "batch_size = 16",
        "batch_size = 16\nshuffle = false\nsolver = 'sgd'",
        "batch_size = 500\ndropout = 0.2",
        "batch_size = 16\nlearning_rate = 'cosine'",
        "batch_size = 16\nlearning_rate = 'step'\ndropout = 0.2",
        "batch_size = 16\nlearning_rate = 'adaptive'\nsolver = 'sgd'\ntol = 0.1",
        "batch_size = 16\nearly_stopping = true\nn_iter_no_change = 50\ntol = 0.0",
        "batch_size = 16\nearly_stopping = true\nn_iter_no_change = 2",
        "batch_size = 500\ntol = 0.05\nn_iter_no_change = 3\nlearning_rate_init = 0.05",
        "solver = 'lbfgs'",
    ],
)
def test_paused_and_gone_on_is_trained_at_once(model: str) -> None:
    """Bit for bit, whether the state is there or got lost."""
    trainer = _trainer(model)
    whole = Job({"alpha": 0.1}, 3, 0, None, None, pauses=False)
    (once,) = _train(trainer, whole)
    (first,) = _train(trainer, Job({"alpha": 0.1}, 3, 0, 5, None, pauses=True))
    (lost,) = _train(trainer, Job({"alpha": 0.1}, 3, 0, 11, None, pauses=True))
    (kept,) = _train(trainer, Job({"alpha": 0.1}, 3, 0, 11, first.state, pauses=True))
    (last,) = _train(trainer, Job({"alpha": 0.1}, 3, 0, None, kept.state, pauses=False))
    for one, other in ((lost, kept), (once, last)):
        assert one.status == "done", one.reason
        assert (one.scores, one.n_epochs) == (other.scores, other.n_epochs)
        assert one.curve is not None
        assert other.curve is not None
        np.testing.assert_array_equal(one.curve["loss"], other.curve["loss"])
    assert first.n_epochs <= 5
    np.testing.assert_array_equal(once.curve["loss"][: first.n_epochs], first.curve["loss"])  # type: ignore[index]


def test_outcomes_do_not_depend_on_what_trains_beside_them() -> None:
    """And one that cannot be trained does not hold the others up."""
    trainer = _trainer("batch_size = 16")
    jobs = [Job({"alpha": alpha}, seed, 0) for alpha in (0.1, 1.0) for seed in (0, 1)]
    wrong = Job({"hidden_layer_sizes": [0]}, 0, 0)
    together = _train(trainer, *jobs, wrong)
    assert together[-1].status == "failed"
    for job, outcome in zip(jobs, together, strict=False):
        (alone,) = _train(trainer, job)
        assert alone.scores == outcome.scores
        np.testing.assert_array_equal(alone.curve["loss"], outcome.curve["loss"])  # type: ignore[index]


def test_accuracy_is_that_of_scikit_learn() -> None:
    """Bit for bit, although it is taken without scikit-learn's checks where it is alone."""
    job = Job({"alpha": 0.1}, 0, 1)
    (alone,) = _train(_trainer("max_iter = 3", folds=3), job)
    (beside,) = _train(_trainer("max_iter = 3", folds=3, score=["accuracy", "f1_macro"]), job)
    assert 0 < alone.scores["accuracy"] < 1
    assert alone.scores["accuracy"] == beside.scores["accuracy"]


def test_hyperband_pauses_and_goes_on() -> None:
    """A sweep of a study by Hyperband ends with networks trained to the end."""
    text = SMALL.replace("[sweep]\n", '[sweep]\nsearch = "hyperband"\n')
    result = workflows.sweep(parse_study(text), out=None).result
    assert result.best()[0].epochs is None
    assert any(trial.epochs is not None for trial in result.trials)


def test_numbers_are_scored_in_the_units_of_the_target() -> None:
    """Although the network learns standardised ones."""
    text = """
    data = { source = "diabetes" }
    model = { max_iter = 30, hidden_layer_sizes = [8] }
    sweep = { score = "neg_mean_absolute_error", space = { alpha = [0.1, 1.0] } }
    """
    swept = workflows.sweep(parse_study(text), out=None)
    mean = swept.result.best()[0].mean("neg_mean_absolute_error")
    assert mean is not None
    assert -100 < mean < -30
    assert swept.finalists[0].mean("neg_mean_absolute_error") is not None


def test_an_autoencoder_can_be_swept() -> None:
    """Judged by how much of the prepared columns it gives back."""
    text = """
    data = { source = "iris", task = "autoencoder" }
    model = { max_iter = 60, learning_rate_init = 0.02 }
    sweep = { retrain = { best = 1, seeds = 1 }, space = { hidden_layer_sizes = [[1], [3]] } }
    """
    swept = workflows.sweep(parse_study(text), out=None)
    assert swept.result.score == "r2"
    assert swept.result.best()[0].configuration["hidden_layer_sizes"] == [3]
    assert swept.model is not None
    assert swept.model.task == "autoencoder"


class _StopsAtOnce:
    def on_results(self, results: list[CellResult], progress: SweepProgress) -> bool:  # noqa: ARG002
        """Interrupt as Ctrl-C does."""
        raise KeyboardInterrupt

    def on_end(self, result: Any) -> None:
        """Do nothing."""


def test_interrupted_it_keeps_what_was_trained_and_goes_on(tmp_path: Path) -> None:
    """Nothing is trained twice, and the end is that of an uninterrupted sweep."""
    study = parse_study(SMALL)
    first = workflows.sweep(study, out=tmp_path, observers=[_StopsAtOnce()])
    assert first.interrupted
    assert first.model is None
    assert first.folder is not None
    assert not (first.folder / "model.safetensors").exists()
    n_kept = (first.folder / "ledger.jsonl").read_bytes().count(b"\n")
    assert n_kept
    second = workflows.sweep(study, out=tmp_path, resume=True)
    assert second.result.stop is SweepStop.COMPLETE
    assert second.result.n_trained == 12 - n_kept
    assert second.result == workflows.sweep(study, out=None).result


def test_interrupted_after_the_sweep_it_says_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the best are trained again, nothing of the sweep is lost."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sweeping, "retrain", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"trained again.*is kept in .*--resume goes on"):
        workflows.sweep(parse_study(SMALL), out=tmp_path)
    monkeypatch.undo()
    again = workflows.sweep(parse_study(SMALL), out=tmp_path, resume=True)
    assert again.result.n_trained == 0
    assert again.model is not None


def test_where_nothing_can_be_trained_the_reason_is_told(tmp_path: Path) -> None:
    """All configurations diverge."""
    text = SMALL.replace('["adam", "sgd"]', '["sgd"]').replace("0.02", "1e300")
    with pytest.raises(ParameterError, match="none has a score: DivergedError"):
        workflows.sweep(parse_study(text), out=tmp_path)


MISTAKES = {
    "unknown key": ("searhc = 'grid'", "alpha = [1.0]", 4, "Did you mean 'search'"),
    "no space": ("trials = 3", "", 3, "`sweep.space` must"),
    "unknown parameter": ("seeds = 1", "alphaa = [1.0]", 6, "Did you mean 'alpha'"),
    "value out of range": ("seeds = 1", "alpha = [1.0, -1.0]", 6, "`sweep.space.alpha` must be"),
    "wrong choice": ("seeds = 1", 'solver = ["adm"]', 6, "Did you mean 'adam'"),
    "preparation": ("seeds = 1", 'data.scaling = ["robst"]', 6, "Did you mean 'robust'"),
    "scorer": ("score = 'acuracy'", "alpha = [1.0, 2.0]", 4, "Did you mean 'accuracy'"),
    "retrain": ("retrain = { bset = 1 }", "alpha = [1.0]", 4, "Did you mean 'best'"),
    "condition": (
        "seeds = 1",
        "alpha = { values = [1.0], when = { slver = 'sgd' } }",
        6,
        "'solver'",
    ),
    "seeds": ("seeds = 0", "alpha = [1.0]", 4, "`sweep.seeds` must be"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_answered_with_its_line_and_a_way_out(name: str) -> None:
    """The message names file, line, rule, and what would be right."""
    key, space, line, part = MISTAKES[name]
    text = f'[data]\nsource = "iris"\n[sweep]\n{key}\n'
    text += f"[sweep.space]\n{space}" if space else ""
    with pytest.raises(StudyError) as caught:
        parse_study(text, "wine.toml")
    assert str(caught.value).startswith(f"wine.toml, line {line}: ")
    assert part in str(caught.value)


LATE_MISTAKES = {
    "no validation": ("split = { validation = 0 }", "line 3: `data.split.validation` must be"),
    "too few rows": ("split = { validation = 2 }", "line 3: .* must leave rows of every class"),
}


@pytest.mark.parametrize("name", LATE_MISTAKES)
def test_mistakes_that_the_data_show_name_their_line_too(name: str, tmp_path: Path) -> None:
    """Before anything is trained."""
    line, message = LATE_MISTAKES[name]
    study = tmp_path / "study.toml"
    study.write_text(f'[data]\nsource = "wine"\n{line}\n[sweep]\nspace = {{ alpha = [1.0] }}')
    with pytest.raises(ParameterError, match=message):
        workflows.sweep(study, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def _dealt(split: dict[str, Any], **sweep: Any) -> tuple[pd.DataFrame, tuple[Fold, ...]]:
    """Deal 120 rows of 24 patients, seen on 40 days, as a study says; return them and the folds."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=120),
            "patient": rng.integers(0, 24, 120).astype(str),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 40, 120), "D"),
            "y": rng.choice(["ill", "well"], 120),
        }
    )
    frame.loc[5, "patient"] = None
    table = {
        "data": {"source": "(in memory)", "target": "y", "split": {"test": 0.2, **split}},
        "sweep": {"space": {"alpha": [0.1]}, **sweep},
    }
    study = Study.model_validate(table)
    source = read_source(frame)
    parts = deal_parts(study.model_copy(update={"data": _without_validation(study)}), source)
    found = sweep_of(study, parts.task, {})
    folds = Rows(study, without_rows(source), parts).deal(found)
    return parts.frames[0].reset_index(drop=True), folds


def _without_validation(study: Study) -> Any:
    assert study.data is not None
    split = study.data.split.model_copy(update={"validation": 0})
    return study.data.model_copy(update={"split": split})


@pytest.mark.parametrize(
    ("sweep", "n"), [({"folds": 1}, 1), ({"folds": 4}, 4), ({"folds": 3, "repeats": 2}, 6)]
)
def test_rows_of_one_group_stay_on_one_side(sweep: dict[str, Any], n: int) -> None:
    """In every fold, the test rows being set aside by groups before."""
    frame, folds = _dealt({"groups": "patient"}, **sweep)
    assert len(folds) == n
    assert len({tuple(fold.validate) for fold in folds}) == n
    for fold in folds:
        assert sorted([*fold.train, *fold.validate]) == list(range(len(frame)))
        there, here = (set(frame.patient[rows].dropna()) for rows in (fold.train, fold.validate))
        assert here
        assert not there & here


@pytest.mark.parametrize("folds", [1, 4])
def test_folds_in_time_validate_on_what_comes_later(folds: int) -> None:
    """Rows of one day stay together; each fold learns from all that lies before."""
    frame, dealt = _dealt({"time": "day"}, folds=folds)
    assert len(dealt) == folds
    for fold in dealt:
        assert frame.day[fold.train].max() < frame.day[fold.validate].min()
        assert len(fold.train) == (frame.day < frame.day[fold.validate].min()).sum()
    assert dealt[-1].validate.max() == len(frame) - 1


def test_rows_that_validate_in_time_may_be_counted() -> None:
    """A number of rows is a number, and no share; rows of the same day are added."""
    frame, (fold,) = _dealt({"time": "day", "validation": 10})
    assert 10 <= len(fold.validate) < 20
    assert len(fold.train) + len(fold.validate) == len(frame)


@pytest.mark.parametrize(
    ("split", "sweep", "message"),
    [
        ({"groups": "patient"}, {"folds": 60}, "whole groups.* Choose fewer folds"),
        ({"time": "day"}, {"folds": 60}, "whole groups and times.* Choose fewer folds"),
        ({"time": "day"}, {"folds": 2, "repeats": 2}, "in one way only"),
        ({"time": "day", "validation": 500}, {}, "no rows would be left to learn from"),
    ],
)
def test_too_few_groups_or_times_are_told(
    split: dict[str, Any], sweep: dict[str, Any], message: str
) -> None:
    """Before anything is trained."""
    with pytest.raises(ParameterError, match=message):
        _dealt(split, **sweep)


def test_a_sweep_by_groups_trains_and_leaves_their_column_out() -> None:
    """From a table in memory; the column only deals rows."""
    frame = pd.DataFrame({"x": np.arange(60.0), "who": np.arange(60) // 4, "y": np.arange(60) % 2})
    study = parse_study(
        'data = { source = "(in memory)", target = "y", split = { groups = "who" } }\n'
        "model = { max_iter = 3 }\n"
        "sweep = { folds = 3, space = { alpha = [0.1, 1.0] } }"
    )
    swept = workflows.sweep(study, data=frame, out=None)
    assert swept.result.n_trained == 6
    assert swept.model is not None
    assert list(swept.model.preparation.get_feature_names_out()) == ["x"]


def test_run_and_sweep_send_to_each_other() -> None:
    """Each says which verb is the right one."""
    with pytest.raises(StudyError, match=r"workflows\.sweep"):
        workflows.run(parse_study(SMALL), out=None)
    with pytest.raises(StudyError, match=r"workflows\.run"):
        workflows.sweep(parse_study('data = { source = "iris" }'), out=None)


def test_the_room_is_reached_from_the_front() -> None:
    """`mlplab.sweeps` is loaded when it is first used."""
    assert mlplab.sweeps.Sweep.__name__ == "Sweep"


def test_the_table_in_the_documentation_and_the_study_are_right() -> None:
    """Every key of the page is a key, and the study sweeps as many as it says."""
    root = Path(__file__).parents[2]
    page = (root / "docs" / "sweeps.md").read_text(encoding="utf-8")
    table = parse_study(page.partition("```toml\n")[2].partition("```")[0]).sweep
    assert table is not None
    fields = {field.name for field in dataclasses.fields(Sweep)} - {"scores", "seed"}
    assert {*table.search} == fields | {"score"}
    study = workflows.read_study(root / "studies" / "wine-sweep.toml")
    configurations = {repr(sorted(one.items())) for one in sweep_of(study).space.grid()}
    assert len(configurations) == 36
    assert sweep_of(study).n_folds == 5


def test_a_final_rate_may_vary_with_its_schedules() -> None:
    """Although it says nothing without them; a value out of its range is told of all the same."""
    space = """
learning_rate = ["constant", "linear"]
learning_rate_final = { values = [0.001, 0.01], when = { learning_rate = "linear" } }
"""
    swept = workflows.sweep(parse_study(SMALL + space), out=None)
    assert len(swept.result.trials) == 6 * 3
    assert not swept.result.failed
    with pytest.raises(StudyError, match=r"`sweep.space.learning_rate_final` must be .*got -0.01"):
        parse_study(SMALL + space.replace("0.01]", "-0.01]"))
