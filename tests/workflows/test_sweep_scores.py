"""What is kept of every training of a sweep: the usual scores, and what was seen on the way."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import get_scorer_names

from mlplab import sweeps, workflows
from mlplab.errors import DataError
from mlplab.results import SweepResult, Trial
from mlplab.workflows import sweep_trainer
from mlplab.workflows.study_file import parse_study
from mlplab.workflows.sweep_scores import USUAL, WATCHED, _OwnScale

_MODEL = "max_iter = 8, hidden_layer_sizes = [6], learning_rate_init = 0.02"
STUDIES = {
    "classification": f"""
        data = {{ source = "wine" }}
        model = {{ {_MODEL} }}
        sweep = {{ folds = 3, score = "balanced_accuracy", space = {{ alpha = [0.1, 1.0] }} }}
    """,
    "regression": f"""
        data = {{ source = "diabetes" }}
        model = {{ {_MODEL} }}
        sweep = {{ seeds = 2, space = {{ alpha = [0.1, 1.0] }} }}
    """,
    "autoencoder": f"""
        data = {{ source = "iris", task = "autoencoder" }}
        model = {{ {_MODEL} }}
        sweep = {{ space = {{ alpha = [0.1, 1.0] }} }}
    """,
}


def multilabel_frame(seed: int) -> pd.DataFrame:
    """Return rows with two labels that two columns tell."""
    columns = np.random.default_rng(seed).normal(size=(120, 2))
    frame = pd.DataFrame(columns, columns=["a", "b"])
    return frame.assign(warm=(columns[:, 0] > 0).astype(int), wet=(columns[:, 1] > 0).astype(int))


MULTILABEL = f"""
data = {{ source = "weather", target = ["warm", "wet"], task = "multilabel" }}
model = {{ {_MODEL} }}
sweep = {{ space = {{ alpha = [0.1, 1.0] }} }}
"""


def sweep_of(task: str, monkeypatch: pytest.MonkeyPatch, seed: int) -> tuple[SweepResult, Any]:
    """Return the result of a small sweep, and for each cell the network and its rows."""
    judged = []
    score_on = sweep_trainer.score_on

    def spying(names: Any, estimator: Any, parts: Any, part: Any) -> Any:
        scores = score_on(names, estimator, parts, part)
        judged.append((scores, estimator, parts, part))
        return scores

    monkeypatch.setattr(sweep_trainer, "score_on", spying)
    if task == "multilabel":
        frame = multilabel_frame(seed)
        return workflows.sweep(parse_study(MULTILABEL), data=frame, out=None).result, judged
    return workflows.sweep(parse_study(STUDIES[task]), out=None).result, judged


@pytest.mark.parametrize("task", [*STUDIES, "multilabel"])
def test_usual_scores_are_those_of_scikit_learn(
    task: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """To rounding, by their names, in the units of the target, and in every cell."""
    result, judged = sweep_of(task, monkeypatch, seed)
    assert set(USUAL[task]) <= set(get_scorer_names())
    for trial in result.trials:
        for cell in trial.cells:
            assert set(cell.scores) == {*USUAL[task], *result.scores}
            assert next(iter(cell.scores)) == result.score
    for scores, estimator, parts, part in judged:
        own = parts.task in {"regression", "autoencoder"}
        model, truth = (_OwnScale(estimator, parts), part.truth) if own else (estimator, part.y)
        theirs = sweeps.scorer_of(USUAL[task])(model, part.x, truth)
        assert {name: scores[name] for name in theirs} == pytest.approx(theirs, rel=1e-12)
        asked = sweeps.scorer_of(result.scores)(model, part.x, truth)
        assert {name: scores[name] for name in asked} == pytest.approx(asked, rel=1e-12)


@pytest.mark.parametrize("task", [*STUDIES, "multilabel"])
def test_networks_look_at_the_rows_that_judge(
    task: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """The last score of the curve is the score, and looking changed nothing."""
    watched, _ = sweep_of(task, monkeypatch, seed)
    monkeypatch.setattr(sweep_trainer, "_all_known", lambda _: False)
    for trial in watched.trials:
        for cell in trial.cells:
            assert cell.curve is not None
            assert len(cell.curve["validation_loss"]) == cell.n_epochs
            last = cell.curve["validation_score"][-1]
            assert last == pytest.approx(cell.scores[WATCHED[task]], rel=1e-9, abs=1e-12)
            assert (trial.peak("validation_score") or 0.0) >= trial.mean(WATCHED[task]) - 1e-12  # type: ignore[operator]
    blind, _ = sweep_of(task, monkeypatch, seed)
    for seen, unseen in zip(watched.trials, blind.trials, strict=True):
        assert [cell.scores for cell in seen.cells] == [cell.scores for cell in unseen.cells]
        assert unseen.curve("validation_score") is None
        np.testing.assert_array_equal(seen.curve("loss").mean, unseen.curve("loss").mean)  # type: ignore[union-attr]


def test_rows_that_choose_an_epoch_are_not_those_that_judge() -> None:
    """With early stopping, curves are of the rows set aside, and say so."""
    text = STUDIES["classification"].replace("max_iter = 8", "max_iter = 8, early_stopping = true")
    for trial in workflows.sweep(parse_study(text), out=None).result.trials:
        assert trial.curve("validation_score") is None
        assert trial.peak("validation_score") is None
        assert trial.curve("stopping_score") is not None


def test_classes_that_no_training_row_has_are_judged_and_not_watched() -> None:
    """A fold without a rare class trains all the same; where all are known, it is watched."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=60), "z": rng.normal(size=60)})
    frame["y"] = ["rare", *np.where(frame["x"][1:] > 0, "yes", "no")]
    text = """
    data = { source = "(given)", target = "y", split = { test = 0.2, stratify = false } }
    model = { max_iter = 5, hidden_layer_sizes = [4] }
    sweep = { folds = 3, space = { alpha = [0.1, 1.0] } }
    """
    study = parse_study(text).model_copy(update={"seed": 1})
    result = workflows.sweep(study, data=frame, out=None).result
    cells = [cell for trial in result.trials for cell in trial.cells]
    assert {cell.status for cell in cells} == {"done"}
    watched = {"validation_score" in (cell.curve or {}) for cell in cells}
    assert watched == {True, False}


def test_a_trial_has_the_mean_curve_of_its_cells() -> None:
    """A cell that ended early keeps its last value."""
    result = workflows.sweep(parse_study(STUDIES["regression"]), out=None).result
    trial = result.trials[0]
    first, second = trial.cells
    shorter = {name: values[:-2] for name, values in (second.curve or {}).items()}
    second = dataclasses.replace(second, n_epochs=second.n_epochs - 2, curve=shorter)
    trial = Trial(0, trial.configuration, (first, second))
    curve = trial.curve("loss")
    assert curve is not None
    assert curve.epochs.tolist() == list(range(1, 9))
    one = (first.curve or {})["loss"]
    other = np.append(shorter["loss"], [shorter["loss"][-1]] * 2)
    np.testing.assert_array_equal(curve.mean, (one + other) / 2)
    np.testing.assert_array_equal(curve.low, np.minimum(one, other))
    np.testing.assert_array_equal(curve.high, np.maximum(one, other))
    peak = ((first.curve or {})["loss"].max() + shorter["loss"].max()) / 2
    assert trial.peak("loss") == pytest.approx(peak)
    assert trial.curve("other") is None


CONDITIONAL = """
data = { source = "wine" }
model = { max_iter = 9, hidden_layer_sizes = [4] }
[sweep]
search = "SEARCH"
seeds = 2
[sweep.space]
solver = ["adam", "sgd"]
momentum = { values = [0.5, 0.9], when = { solver = "sgd" } }
hidden_layer_sizes = [[], [4, 4]]
activation = ["relu", ["relu", "tanh"]]
learning_rate_init = { values = [0.01, 1e300] }
"""


@pytest.mark.parametrize("search", ["grid", "hyperband"])
def test_a_sweep_is_read_again_from_its_folder(search: str, tmp_path: Path) -> None:
    """Trials, configurations, scores, reasons and curves, as the sweep itself has them."""
    study = parse_study(CONDITIONAL.replace("SEARCH", search))
    swept = workflows.sweep(study, storage=tmp_path)
    inside = workflows.sweep(study, out=None).result
    found = sweeps.read_result(tmp_path)
    assert found.failed
    assert dataclasses.replace(found, trials=()) == dataclasses.replace(swept.result, trials=())
    for one, other, kept in zip(found.trials, swept.result.trials, inside.trials, strict=True):
        assert (one.number, one.configuration, one.epochs) == (
            other.number,
            other.configuration,
            other.epochs,
        )
        assert one.cells == other.cells == kept.cells
        assert one.seconds == pytest.approx(other.seconds)
        for mine, theirs in zip(one.cells, kept.cells, strict=True):
            assert set(mine.curve or {}) == set(theirs.curve or {})
            for name, values in (mine.curve or {}).items():
                assert len(values) == mine.n_epochs
                np.testing.assert_array_equal(values, (theirs.curve or {})[name])
    assert all(cell.curve is None for t in sweeps.read_result(tmp_path, curves=False).trials
               for cell in t.cells)  # fmt: skip


def test_columns_of_parameters_do_not_hide_others(tmp_path: Path) -> None:
    """A parameter that is called as a column is, and one without a value, are told apart."""
    from tests.sweeps.test_analysis import swept

    configurations = [{"seed": 3, "w": None}, {"seed": 4}, {"seed": 5, "w": "balanced"}]
    result = swept(configurations, lambda _: [0.5, 0.6])
    sweeps.write_tables(result, _Full(result), tmp_path)
    table = pd.read_parquet(tmp_path / "trials.parquet")
    assert table["seed"].tolist() == [0, 1] * 3
    assert table["parameter.seed"].tolist() == [3, 3, 4, 4, 5, 5]
    found = sweeps.read_result(tmp_path)
    assert [trial.configuration for trial in found.trials] == configurations


class _Full(sweeps.MemoryLedger):
    """A ledger that holds the cells of a result."""

    def __init__(self, result: SweepResult) -> None:
        super().__init__()
        self.append([cell for trial in result.trials for cell in trial.cells])


@pytest.mark.parametrize("spoil", ["nothing", "other", "cut"])
def test_folders_that_are_no_sweeps_are_told(spoil: str, tmp_path: Path) -> None:
    """In a sentence that says what to do."""
    if spoil == "other":
        pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "trials.parquet")
    if spoil == "cut":
        (tmp_path / "trials.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"must hold trials\.parquet.*--resume"):
        sweeps.read_result(tmp_path)
