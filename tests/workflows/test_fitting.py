"""From data to figures: parts are kept apart, choices are told, a run repeats itself."""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
import types
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlplab import workflows
from mlplab.errors import DataError, DivergedError
from mlplab.results import (
    ClassificationMetrics,
    EpochRecord,
    MultilabelMetrics,
    RegressionMetrics,
    RunResult,
    StopReason,
)

FILES = {
    "study.toml",
    "environment.json",
    "history.parquet",
    "metrics.json",
    "model.safetensors",
    "report.html",
    "run.json",
    "predictions.parquet",
}


def test_breast_cancer_end_to_end_leaves_every_file(runs: Path) -> None:
    """The thin whole: one call trains, tests honestly, and leaves a complete folder."""
    result = workflows.fit("breast_cancer", out=runs)
    assert result.folder is not None
    assert {path.name for path in result.folder.iterdir()} == FILES
    assert isinstance(result.metrics.test, ClassificationMetrics)
    assert result.metrics.test.accuracy > 0.93
    assert result.metrics.test.n_rows == result.split.test == 114
    assert "114 test rows" in result.metrics.headline
    assert "always answering 'benign'" in result.metrics.headline


def test_study_of_a_run_repeats_it_with_identical_figures(mixed_run: RunResult, runs: Path) -> None:
    """`study.toml` says everything: running it gives the same bytes of figures and weights."""
    again = workflows.run(mixed_run.folder / "study.toml", out=runs)
    for name in ("metrics.json", "predictions.parquet"):
        assert (again.folder / name).read_bytes() == (mixed_run.folder / name).read_bytes()
    for ours, theirs in zip(
        again.model.estimator.coefs_, mixed_run.model.estimator.coefs_, strict=True
    ):
        assert np.array_equal(ours, theirs)
    assert again.name == mixed_run.name


def test_study_of_a_run_says_what_was_chosen_and_why(mixed_run: RunResult) -> None:
    """Choices stand in the file as values, with the reason behind them."""
    text = (mixed_run.folder / "study.toml").read_text()
    study = tomllib.loads(text)
    assert study["model"]["hidden_layer_sizes"] == [64, 32]
    assert study["data"]["target"] == "answer"
    assert study["data"]["split"] == {"validation": 0.1, "test": 0.2}
    assert "# chosen: " in text


def test_preparation_learns_from_training_rows_alone() -> None:
    """A value that only test rows hold changes nothing that was learned."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=100), "when": np.arange(100.0)})
    frame["y"] = np.where(frame["x"] > 0, "a", "b")
    spoiled = frame.copy()
    spoiled.loc[80:, "x"] += 1e6
    study = workflows.Study.model_validate(
        {
            "data": {"source": "(in memory)", "target": "y", "split": {"time": "when"}},
            "model": {"max_iter": 3, "hidden_layer_sizes": [4]},
        }
    )
    found = [workflows.run(study, data=one, out=None) for one in (frame, spoiled)]
    plans = [result.model.preparation.plans_ for result in found]
    assert plans[0] == plans[1]
    assert found[0].split.how == "by time"


def test_tables_of_four_rows_are_learned_or_refused_in_a_sentence() -> None:
    """With both classes among the two training rows they are; nothing is said about batches."""
    frame = pd.DataFrame({"a": [1, 2, 3, 4], "b": [2, 3, 1, 4], "y": ["yes", "no", "yes", "no"]})
    said = set()
    for seed in range(4):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                run = workflows.fit(frame, target="y", seed=seed, out=None)
            except DataError as error:
                said.add(str(error))
                continue
        chosen = {choice.subject: choice for choice in run.choices}
        assert chosen["batch_size"].value == "full"
        assert chosen["batch_size"].reason == "All 2 training rows together make a step."
        assert run.split.train == 2
        assert not any("batch" in remark for remark in run.remarks)
    assert len(said) == 1
    assert said.pop().startswith(
        "The training rows must hold two classes at least; all 2 that were dealt to the training "
        "hold 'yes' in 'y'. "
    )


def test_kinds_of_columns_do_not_depend_on_the_seed(tmp_path: Path) -> None:
    """A word among numbers and one among dates are told by their rows, whoever has them."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=80), "b": rng.integers(0, 9, 80).astype(str)})
    frame["day"] = [f"2024-{1 + n % 12:02}-{1 + n % 28:02}" for n in range(80)]
    frame["y"] = np.where(frame["a"] > 0, "yes", "no")
    frame.loc[12, "b"], frame.loc[41, "day"] = "x", "soon"
    frame.loc[[0, 30], "y"] = None  # rows without a target are left out, and move no number
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    found = set()
    for seed in range(4):
        study = {"seed": seed, "data": {"source": str(path)}, "model": {"max_iter": 5}}
        run = workflows.run(workflows.Study.model_validate(study), out=None)
        found.add(tuple((c.subject, c.value) for c in run.column_choices))
        text = "\n".join(run.remarks)
        assert "row 13 holds 'x'" in text
        assert "row 42 holds 'soon'" in text
    assert found == {(("a", "numeric"), ("b", "categorical"), ("day", "text"))}


def test_regression_tells_its_figures_on_both_scales(diabetes_run: RunResult) -> None:
    """Errors stand on the target's own scale, and on the one that the network learned."""
    metrics = diabetes_run.metrics
    assert isinstance(metrics.test, RegressionMetrics)
    assert metrics.test.scale == "the target's own scale"
    assert metrics.standardised is not None
    scale = diabetes_run.model.encoding.scale[0]
    assert metrics.standardised.rmse * scale == pytest.approx(metrics.test.rmse)
    assert metrics.baseline.r2 <= 0
    assert metrics.test.rmse < metrics.baseline.rmse


def test_rows_without_target_are_left_out_and_counted(runs: Path) -> None:
    """A missing target is no row to learn from."""
    frame = pd.DataFrame({"x": np.linspace(-1, 1, 60), "y": ["a", "b", None] * 20})
    result = workflows.fit(frame, target="y", settings={"max_iter": 2}, out=runs)
    assert result.table.n_rows == 40
    assert any(choice.value == "20 of 60 left out" for choice in result.choices)


def test_arrays_can_be_fitted_without_a_folder(tmp_path: Path) -> None:
    """X and y of NumPy are data too; without a folder nothing is written."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    result = workflows.fit((X, X[:, 0] * 2), settings={"max_iter": 5}, out=None)
    assert result.folder is None
    assert result.target == ("target",)
    assert list(tmp_path.iterdir()) == []


def test_multilabel_and_autoencoder_and_several_outputs() -> None:
    """Every task goes from data to figures."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(90, 4)), columns=list("abcd"))
    labels = frame.assign(p=(frame["a"] > 0) * 1, q=(frame["b"] > 0) * 1)
    quick = {"max_iter": 5}
    several = workflows.fit(labels, target=["p", "q"], settings=quick, out=None)
    assert isinstance(several.metrics.test, MultilabelMetrics)
    numbers = frame.assign(p=frame["a"] * 2, q=frame["b"] - 1)
    two = workflows.fit(numbers, target=["p", "q"], settings=quick, out=None)
    for metrics in (two.metrics.test, two.metrics.standardised):
        assert [row.name for row in metrics.outputs] == ["p", "q"]
    coder = workflows.fit(frame, task="autoencoder", settings=quick, out=None)
    assert coder.model.estimator.transform(coder.model.features(frame)).shape == (90, 1)


def test_every_task_is_reported_and_read_again(tmp_path: Path) -> None:
    """Reports of several labels, several outputs and codes are written."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=list("abc"))
    labels = frame.assign(p=(frame["a"] > 0) * 1, q=(frame["b"] > 0) * 1)
    numbers = frame.assign(p=frame["a"] * 2, q=frame["b"] - 1)
    for table, target, task in (
        (labels, ["p", "q"], "multilabel"),
        (numbers, ["p", "q"], "regression"),
        (frame, None, "autoencoder"),
    ):
        result = workflows.fit(
            table, target=target, task=task, settings={"max_iter": 2}, out=tmp_path
        )
        assert result.task == task
        before = (result.folder / "report.html").read_text()
        (result.folder / "report.html").unlink()
        assert workflows.report(result.folder).read_text() == before


def test_without_test_rows_the_headline_says_so() -> None:
    """Figures of rows that were learned or watched are not sold as a test."""
    quick = {"max_iter": 3}
    watched = workflows.fit("iris", test=0.0, settings=quick, out=None)
    assert watched.metrics.test is None
    assert "no honest test" in watched.metrics.headline
    assert "they chose the epoch whose weights were kept" in watched.metrics.headline
    learned = workflows.fit("iris", test=0.0, validation=0.0, settings=quick, out=None)
    assert learned.metrics.judged_name == "training"
    assert "the network has learned them" in learned.metrics.headline


def test_own_test_part_is_used() -> None:
    """Data that come with a test part are tested on it, and on nothing else."""
    from mlplab import data

    iris = data.load("iris")
    with_test = type(iris)(
        **{
            **{name: getattr(iris, name) for name in iris.__slots__},
            "frame": iris.frame.iloc[::2],
            "test_frame": iris.frame.iloc[1::2],
        }
    )
    result = workflows.fit(with_test, settings={"max_iter": 3}, out=None)
    assert result.metrics.test.n_rows == 75
    assert result.split.how.endswith("own test part")


def test_divergence_keeps_history_and_finite_weights(runs: Path) -> None:
    """Training that explodes fails with advice, after the run has been kept."""
    settings = {"solver": "sgd", "learning_rate_init": 1e6, "activation": "identity"}
    with pytest.raises(DivergedError, match="non-finite parameter weights") as caught:
        workflows.fit("diabetes", settings=settings, out=runs)
    assert "learning_rate_init" in str(caught.value)
    (folder,) = runs.iterdir()
    assert {path.name for path in folder.iterdir()} == FILES
    model = workflows.load(folder)
    assert all(np.isfinite(coef).all() for coef in model.estimator.coefs_)
    assert model.estimator.result_.status is StopReason.DIVERGED
    assert "left the finite numbers" in (folder / "report.html").read_text()


class _Interrupt:
    """Presses Ctrl-C in the third epoch."""

    def on_start(self, plan: object, state: object) -> None:
        """Nothing to do."""

    def on_epoch(self, record: EpochRecord, _: object) -> None:
        """Raise in the third epoch."""
        if record.epoch == 3:
            raise KeyboardInterrupt

    def on_end(self, result: object) -> None:
        """Nothing to do."""


def test_interrupt_keeps_what_was_learned(runs: Path) -> None:
    """Ctrl-C ends the training, not the run; the checkpoint lets it go on."""
    result = workflows.fit("iris", out=runs, observers=[_Interrupt()])
    assert result.interrupted
    assert result.fit.n_epochs >= 2
    assert {path.name for path in result.folder.iterdir()} == FILES | {"checkpoint.safetensors"}
    assert "interrupted" in (result.folder / "report.html").read_text()


def test_class_weights_are_given_by_name() -> None:
    """Names of a study file become classes, whatever their type."""
    frame = pd.DataFrame({"x": np.linspace(-1, 1, 60), "y": [0, 1, 1] * 20})
    settings = {"class_weight": {"0": 2.0, "1": 1.0}, "max_iter": 2}
    result = workflows.fit(frame, target="y", settings=settings, out=None)
    assert result.model.estimator.class_weight == {0: 2.0, 1: 1.0}


def test_run_shows_itself_in_notebooks(mixed_run: RunResult) -> None:
    """The figures stand in a table, names are escaped."""
    page = mixed_run._repr_html_()
    assert "<table>" in page
    assert "<b>sure" not in page
    assert json.loads((mixed_run.folder / "metrics.json").read_text())["headline"] in str(mixed_run)


def test_progress_tells_epochs_losses_and_time_left() -> None:
    """Lines come at the start and at the end, however fast the training is."""
    lines: list[str] = []
    observer = workflows.ProgressObserver(lines.append, every=1e9)
    workflows.fit("iris", settings={"max_iter": 7}, out=None, observers=[observer])
    assert lines[0].startswith("epoch 1 of at most 7: loss ")
    assert "validation loss" in lines[0]
    assert lines[0].endswith("left")
    assert lines[1].startswith("epoch 7 of at most 7")
    assert "7 epochs in" in lines[-1]


def test_progress_in_a_notebook_replaces_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a kernel runs, one line of output is updated instead of many being written."""
    shown: list[str] = []

    class Handle:
        """Stands for IPython's handle of an output."""

        def update(self, bundle: dict[str, str], *, raw: bool) -> None:
            """Keep what is shown."""
            assert raw
            shown.append(bundle["text/plain"])

    display = types.ModuleType("IPython.display")
    display.display = lambda *_, **__: Handle()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    observer = workflows.ProgressObserver()
    workflows.fit("iris", settings={"max_iter": 3}, out=None, observers=[observer])
    assert shown[0].startswith("epoch 1 of at most 3")
    assert "3 epochs in" in shown[-1]


def test_large_errors_are_told_without_exponents() -> None:
    """Prices of houses are not written as powers of ten."""
    x = np.linspace(0, 1, 60)
    result = workflows.fit((x[:, None], 2e5 * x), settings={"max_iter": 2}, out=None)
    assert "e+" not in result.metrics.headline


def test_validation_rows_are_watched_without_early_stopping_too(runs: Path) -> None:
    """Their curve exists, and nobody says that they chose an epoch."""
    settings = {"max_iter": 3, "early_stopping": False}
    result = workflows.fit("iris", test=0.0, settings=settings, out=runs)
    assert all(loss > 0 for loss in result.fit.history.column("validation_loss"))
    assert "chose the epoch" not in result.metrics.headline
    assert "took no part in the training" in result.metrics.headline
    page = (result.folder / "report.html").read_text()
    assert "15 were watched" in page
    assert "chose the epoch" not in page


def test_validation_rows_of_unknown_classes_are_judged() -> None:
    """A class that no training row has counts as wrong, and a remark tells."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=60), "when": np.arange(60.0)})
    frame["y"] = ["a", "b"] * 18 + ["c", "a"] * 6 + ["a", "b"] * 6
    study = workflows.Study.model_validate(
        {
            "data": {
                "source": "(in memory)",
                "target": "y",
                "drop": ["when"],
                "split": {"time": "when", "validation": 12, "test": 12},
            },
            "model": {"max_iter": 3},
        }
    )
    result = workflows.run(study, data=frame, out=None)
    validation = result.metrics.validation
    assert validation.n_rows == result.split.validation == 12
    assert validation.accuracy <= 0.5
    assert dict(zip(validation.labels, validation.rows, strict=True))["c"].support == 6
    assert any("6 of 12 validation rows are of classes" in one for one in result.remarks)
    assert len(result.fit.history.column("validation_loss")) == 3


TRUTH = {
    "bool": [True, False] * 30,
    "object": np.array([True, False, None] * 20, dtype=object),
    "nullable": pd.array([True, False, None] * 20, dtype="boolean"),
    "nullable without gaps": pd.array([True, False] * 30, dtype="boolean"),
    "categories": pd.Categorical([True, False, None] * 20),
}


@pytest.mark.parametrize("name", TRUTH)
def test_truth_values_with_gaps_are_learned(name: str, runs: Path) -> None:
    """A target of true and false is learned, kept and told, whatever its dtype."""
    frame = pd.DataFrame({"x": np.linspace(-1, 1, 60), "y": TRUTH[name]})
    result = workflows.fit(frame, target="y", settings={"max_iter": 2}, out=runs)
    assert result.model.classes == (False, True)
    assert [label for label, _ in result.table.labels] == ["False", "True"]
    assert {path.name for path in result.folder.iterdir()} == FILES


def test_truth_values_with_gaps_are_read_from_a_file(tmp_path: Path) -> None:
    """True, False and nothing in a CSV file are two classes, from training to evaluation."""
    rows = [f"{k / 60},{('True', 'False', '')[k % 3]}" for k in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["x,y", *rows]))
    result = workflows.fit(tmp_path / "t.csv", settings={"max_iter": 2}, out=tmp_path / "runs")
    assert result.model.classes == (False, True)
    with pytest.warns(UserWarning, match="it has learned from most of them"):
        assert workflows.evaluate(result.folder, tmp_path / "t.csv").n_rows == 40
    other = shutil.copy(tmp_path / "t.csv", tmp_path / "other.csv")
    assert workflows.evaluate(result.folder, other).n_rows == 40


class _Spy:
    """Notes that training began."""

    def __init__(self) -> None:
        self.began = False

    def on_start(self, *_: object) -> None:
        """Take a note."""
        self.began = True

    def on_epoch(self, *_: object) -> None:
        """Nothing to do."""

    on_end = on_epoch


def test_data_are_described_before_training(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be described costs nobody a training."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mlplab.data.describe", fail)
    spy = _Spy()
    with pytest.raises(ZeroDivisionError):
        workflows.fit("iris", settings={"max_iter": 2}, out=runs, observers=[spy])
    assert not spy.began
    assert not runs.exists()


def test_model_and_history_are_kept_before_anything_is_computed_about_them(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake in the figures loses no training."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mlplab.workflows.fitting.judge", fail)
    with pytest.raises(ZeroDivisionError):
        workflows.fit("iris", settings={"max_iter": 2}, out=runs)
    (folder,) = runs.iterdir()
    assert {"model.safetensors", "history.parquet"} < {path.name for path in folder.iterdir()}
    with pytest.warns(UserWarning, match="it has learned from most of them"):
        assert workflows.evaluate(folder, "iris").n_rows == 150


def test_study_of_a_run_tells_its_reasons_again(mixed_run: RunResult, runs: Path) -> None:
    """What was chosen stays chosen, with the same words, in a run of the written study."""
    again = workflows.run(mixed_run.folder / "study.toml", out=runs)
    assert again.choices == mixed_run.choices
    assert any(choice.subject == "hidden_layer_sizes" for choice in again.choices)
    ours, theirs = ((run.folder / "study.toml").read_text() for run in (again, mixed_run))
    assert ours == theirs


def test_changed_values_were_not_chosen(mixed_run: RunResult, runs: Path) -> None:
    """A reason is told only as long as its value stands."""
    text = (mixed_run.folder / "study.toml").read_text()
    (runs.parent / "study.toml").write_text(
        text.replace("hidden_layer_sizes = [64, 32]", "hidden_layer_sizes = [5]")
    )
    again = workflows.run(runs.parent / "study.toml", out=None)
    subjects = {choice.subject for choice in again.choices}
    assert "hidden_layer_sizes" not in subjects
    assert "solver" in subjects


def test_numbers_with_thousands_apart_are_noted() -> None:
    """A column of quoted thousands does not stop anyone, and is told."""
    frame = pd.DataFrame({"x": range(40), "y": ["a", "b"] * 20, "price": ["1,234", "950"] * 20})
    result = workflows.fit(frame, target="y", settings={"max_iter": 2}, out=None)
    assert any(remark.startswith("price: ") for remark in result.remarks)


def test_whole_numbers_of_numpy_are_seeds_and_sizes() -> None:
    """Arguments may come out of arrays."""
    sizes = {"validation": np.int64(15), "test": np.float32(0.2)}
    result = workflows.fit("iris", seed=np.int64(3), settings={"max_iter": 2}, out=None, **sizes)
    assert result.seed == 3
    assert (result.split.validation, result.split.test) == (15, 30)


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_network_worse_than_the_baseline_is_told_so(task: str, seed: int) -> None:
    """Headline and remarks say that a constant answer does better."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=120)
    words = np.where(rng.random(120) < 0.75, "often", "seldom")
    target = numbers if task == "regression" else words
    frame = pd.DataFrame({**{f"x{k}": rng.normal(size=120) for k in range(6)}, "y": target})
    settings = {"max_iter": 200, "early_stopping": False, "learning_rate_init": 0.01}
    result = workflows.fit(frame, task=task, settings=settings, out=None)
    answer = "the mean (" if task == "regression" else "'often'"
    assert f"That is worse than always answering {answer}" in result.metrics.headline
    assert any(f"worse than always answering {answer}" in note for note in result.remarks)


def test_network_that_beats_the_baseline_is_not_doubted(iris_run: RunResult) -> None:
    """Good figures stand alone."""
    assert iris_run.metrics.shortfall == ""
    assert not any("always answering" in remark for remark in iris_run.remarks)


def test_baseline_of_labels_is_the_best_constant_answer(seed: int) -> None:
    """Where every label is rare, answering all of them has the better F1 than none."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(100, 3))
    labels = {f"l{k}": (x[:, k] > 0.5).astype(int) for k in range(3)}
    frame = pd.DataFrame({**{f"x{k}": x[:, k] for k in range(3)}, **labels})
    settings = {"max_iter": 3}
    metrics = workflows.fit(frame, target=list(labels), settings=settings, out=None).metrics
    assert metrics.baseline_answer == "with every label"
    assert metrics.baseline.f1_micro > 0
    assert f"with every label scores 0.0% and {metrics.baseline.f1_micro:.3f}" in metrics.headline
    often = frame.assign(l0=1, l1=(x[:, 1] > -1).astype(int))
    metrics = workflows.fit(often, target=list(labels), settings=settings, out=None).metrics
    assert metrics.baseline_answer == "with l0, l1"


def test_what_is_to_be_learned_is_announced_before_training() -> None:
    """Target, task, rows and columns left out are told, each with its reason."""
    n = 60
    frame = pd.DataFrame(
        {
            "id": [f"k{row}" for row in range(n)],
            "same": 1,
            "x": np.linspace(-1, 1, n),
            "answer": [None, "yes", "no"] * (n // 3),
        }
    )
    lines: list[str] = []

    class First:
        """Notes when training begins."""

        def on_start(self, *_: object) -> None:
            """Note it."""
            lines.append("training")

        def on_epoch(self, *_: object) -> None:
            """Nothing."""

        on_end = on_epoch

    settings = {"max_iter": 1}
    workflows.fit(
        frame,
        settings=settings,
        out=None,
        observers=[First()],
        announce=lambda told: lines.extend(told.splitlines()),
    )
    assert lines[-1] == "training"
    assert lines[0].startswith("Classification, predicting answer. No target was named")
    assert "2 different words" in lines[0]
    assert "20 of 60 left out: Their target (answer) is missing" in lines[1]
    assert lines[2] == "Columns left out: id (identifier), same (constant)."


def test_figures_on_few_rows_are_told_to_be_uncertain(iris_run: RunResult) -> None:
    """Below thirty rows a remark says so, with an interval for an accuracy."""
    few = workflows.fit("iris", test=12, settings={"max_iter": 2}, out=None)
    low, high = few.metrics.test.interval
    expected = "With only 12 test rows the figures are uncertain: the 95 % interval of the "
    expected += f"accuracy is {low:.1%} to {high:.1%}."
    assert expected in few.remarks
    assert not any("uncertain" in remark for remark in iris_run.remarks)
