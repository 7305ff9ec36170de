"""Commands do what their words say, with the right exit status and messages for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
import typer.rich_utils
from typer.testing import CliRunner, Result

from mlplab import __version__
from mlplab.cli.app import app
from mlplab.workflows import read_study

STUDIES = Path(__file__).parents[2] / "studies"
COMMANDS = ("fit", "run", "predict", "evaluate", "describe", "check", "trace", "report")


def mlplab(*arguments: object) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run that `mlplab fit` made."""
    out = tmp_path_factory.mktemp("cli") / "runs"
    options = ["--hidden", "8", "--set", "max_iter=30", "--out", out, "--seed", 3]
    result = mlplab("fit", "iris", *options)
    assert result.exit_code == 0, result.output
    (folder,) = out.iterdir()
    return folder


def test_fit_shows_progress_figures_and_where_the_report_lies(tmp_path: Path) -> None:
    """Progress goes to standard error, figures to standard output."""
    result = mlplab("fit", "iris", "--out", tmp_path, "--set", "max_iter=5")
    assert result.exit_code == 0
    assert "epoch 1 of at most 5: loss" in result.stderr
    assert "test rows are classified rightly" in result.stdout
    assert "baseline (test)" in result.stdout
    (folder,) = tmp_path.iterdir()
    assert f"Report: {folder / 'report.html'}" in result.stdout
    assert (folder / "report.html").is_file()


def test_quiet_shows_no_progress(tmp_path: Path) -> None:
    """Only the summary is left."""
    result = mlplab("fit", "iris", "--quiet", "--out", tmp_path, "--set", "max_iter=2")
    assert result.stderr == ""
    assert "test rows" in result.stdout


def test_options_reach_the_study(run: Path) -> None:
    """What was said stands in study.toml."""
    text = (run / "study.toml").read_text()
    assert "seed = 3" in text
    assert "hidden_layer_sizes = [8]" in text
    assert "max_iter = 30" in text


def test_run_repeats_a_run(run: Path, tmp_path: Path) -> None:
    """The study of a run gives the same figures."""
    result = mlplab("run", run / "study.toml", "--out", tmp_path, "-q")
    assert result.exit_code == 0, result.output
    (again,) = tmp_path.iterdir()
    assert (again / "metrics.json").read_bytes() == (run / "metrics.json").read_bytes()


def test_predict_writes_a_table(run: Path, tmp_path: Path) -> None:
    """A prediction and three probabilities for each row."""
    out = tmp_path / "p.csv"
    result = mlplab("predict", run / "model.safetensors", "iris", "--out", out)
    assert result.exit_code == 0, result.output
    assert "150 predictions" in result.stdout
    frame = pd.read_csv(out)
    assert list(frame.columns)[:2] == ["row", "prediction"]
    assert len(frame) == 150


def test_evaluate_prints_figures_for_people_and_for_programs(run: Path) -> None:
    """JSON holds what the sentence says."""
    words = mlplab("evaluate", run, "iris")
    assert words.exit_code == 0
    assert "Accuracy 0." in words.stdout
    figures = json.loads(mlplab("evaluate", run, "iris", "--json").stdout)
    assert f"{figures['accuracy']:.4f}" in words.stdout


def test_describe_check_and_report(run: Path) -> None:
    """A model is described, its gradients agree, its report is written again."""
    assert "4-8-3 network" in mlplab("describe", run).stdout
    checked = mlplab("check", run)
    assert checked.exit_code == 0
    assert "gradient check passed" in checked.stdout
    assert "drawn at random" in checked.stdout
    assert "were passed" in mlplab("check", run, "iris").stdout
    assert mlplab("report", run).stdout.strip() == f"Report: {run / 'report.html'}"


@pytest.mark.parametrize(
    ("form", "part"),
    [("text", "w₁ ← w₁"), ("markdown", "| ---"), ("table", "| ---"), ("latex", r"\begin{align*}")],
)
def test_trace_in_every_form(form: str, part: str) -> None:
    """The same numbers as text, table and LaTeX."""
    result = mlplab("trace", STUDIES / "by-hand-relu.toml", "--format", form)
    assert result.exit_code == 0, result.output
    assert part in result.stdout
    assert "1.058328" in result.stdout


def test_trace_into_a_file(tmp_path: Path) -> None:
    """A long trace is kept."""
    out = tmp_path / "t.md"
    result = mlplab("trace", STUDIES / "by-hand-2-2-1.toml", "--format", "markdown", "--out", out)
    assert "numbers in" in result.stdout
    assert "δ₃" in out.read_text()


def test_data_list_and_get(tmp_path: Path) -> None:
    """Named data sets are listed, and written to a file."""
    listed = mlplab("data", "list").stdout
    for name in ("breast_cancer", "xor", "mnist", "wine_quality"):
        assert name in listed
    out = tmp_path / "iris.csv"
    result = mlplab("data", "get", "iris", "--out", out)
    assert "150 rows" in result.stdout
    assert len(pd.read_csv(out)) == 150


def test_version_and_help() -> None:
    """Every command has help with an example."""
    assert mlplab("--version").stdout.strip() == f"mlplab {__version__}"
    for command in (*COMMANDS, "data"):
        text = mlplab(command, "--help").stdout
        assert f"mlplab {command}" in text.split("Examples:")[1]
    for command in ("list", "get", "convert"):
        assert f"Example: mlplab data {command}" in mlplab("data", command, "--help").stdout


def every_command() -> dict[str, Any]:
    """Return all commands by the words that call them."""
    group = typer.main.get_command(app)
    data = group.commands.pop("data")
    inner = {f"data {name}": command for name, command in data.commands.items()}
    return {**group.commands, **inner}


@pytest.mark.parametrize("name", sorted(every_command()))
def test_help_shows_every_word_that_was_written(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in a help text, a bracket for example, is lost to markup."""
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr(typer.rich_utils, "MAX_WIDTH", 250)
    command = every_command()[name]
    written = [command.help or "", *(getattr(p, "help", "") or "" for p in command.params)]
    shown = mlplab(*name.split(), "--help").stdout
    missing = [w for text in written for w in text.split() if w.replace("\\[", "[") not in shown]
    assert not missing


USAGE = {
    "unknown setting": (["fit", "iris", "--set", "activatn=relu"], "Did you mean 'activation'"),
    "wrong value": (["fit", "iris", "--set", "activation=rleu"], "Did you mean 'relu'"),
    "value of another type": (["fit", "iris", "--set", "max_iter=many"], "`max_iter` must be"),
    "no equals sign": (["fit", "iris", "--set", "alpha"], "key=value"),
    "hidden in words": (["fit", "iris", "--hidden", "two"], "`--hidden` must be numbers"),
    "hidden of zero": (["fit", "iris", "--hidden", "8,0"], "must be positive integers"),
    "task": (["fit", "iris", "--task", "regressn"], "Did you mean 'regression'"),
    "seed": (["fit", "iris", "--seed", "-1"], "`--seed` must be"),
    "format": (["trace", "x.toml", "--format", "latx"], "Did you mean 'latex'"),
    "unknown option": (["fit", "iris", "--hiden", "8"], "--hidden"),
    "study that is not there": (["run", "no.toml"], "found nothing"),
    "suffix": (["data", "get", "iris", "--out", "x.zip"], "Use 'x.csv'"),
}


@pytest.mark.parametrize("name", USAGE)
def test_wrong_usage_exits_with_two(name: str, tmp_path: Path) -> None:
    """Nothing was run; the message says what would be right."""
    arguments, part = USAGE[name]
    more = ["--out", tmp_path / "runs"] if arguments[0] == "fit" else []
    result = mlplab(*arguments, *more)
    assert result.exit_code == 2
    assert part in result.stderr
    assert not (tmp_path / "runs").exists()


def test_failures_exit_with_one(tmp_path: Path, run: Path) -> None:
    """Bad data, models and folders fail in one sentence on standard error."""
    one_row = tmp_path / "one.csv"
    one_row.write_text("x,y\n1,2\n")
    (tmp_path / "cut.safetensors").write_bytes((run / "model.safetensors").read_bytes()[:500])
    (tmp_path / "file").touch()
    failures = {
        ("fit", "irs"): "Did you mean 'iris'",
        ("fit", str(one_row)): "at least 2 rows; got 1",
        ("fit", "iris", "--target", "specis"): "Did you mean 'species'",
        ("fit", "iris", "--out", str(tmp_path / "file")): "A file stands where a folder should be",
        ("describe", str(tmp_path / "cut.safetensors")): "must be a file that mlplab saved",
        ("predict", str(run), str(one_row), "--out", "p.csv"): "is not there",
        ("data", "get", "irs"): "Did you mean 'iris'",
        ("report", str(tmp_path)): "complete folder of a run",
    }
    for arguments, part in failures.items():
        result = mlplab(*arguments)
        assert result.exit_code == 1, arguments
        assert part in result.stderr, result.stderr
        assert result.stderr.startswith("mlplab: ")
        assert "Traceback" not in result.stderr
        assert result.stdout == ""


def test_divergence_exits_with_one_and_keeps_the_run(tmp_path: Path) -> None:
    """A training that explodes says at which epoch and what to change."""
    settings = ["--set", "learning_rate_init=1e6", "--set", "solver=sgd"]
    result = mlplab("fit", "diabetes", *settings, "--out", tmp_path, "-q")
    assert result.exit_code == 1
    assert "non-finite parameter weights" in result.stderr
    assert "epoch" in result.stderr
    (folder,) = tmp_path.iterdir()
    assert (folder / "history.parquet").is_file()
    assert mlplab("describe", folder).exit_code == 0


def test_unknown_categories_are_a_note(tmp_path: Path) -> None:
    """Predicting goes on; the note counts what training never saw."""
    rows = [f"{k / 40},{'red' if k % 3 else 'blue'},{'a' if k % 2 else 'b'}" for k in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["x,colour,y", *rows]))
    (tmp_path / "n.csv").write_text("x,colour\n0.5,mauve\n0.1,red\n")
    made = mlplab("fit", tmp_path / "t.csv", "--out", tmp_path / "runs", "--set", "max_iter=2")
    assert made.exit_code == 0, made.output
    (folder,) = (tmp_path / "runs").iterdir()
    result = mlplab("predict", folder, tmp_path / "n.csv", "--out", tmp_path / "p.csv")
    assert result.exit_code == 0
    assert "Note: Column 'colour' holds 1 value that training never saw ('mauve')" in result.stderr


def test_debug_shows_the_traceback() -> None:
    """Tracebacks are for those who ask."""
    result = mlplab("--debug", "fit", "irs")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr


def test_interrupt_outside_the_training_says_where_things_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while figures are computed keeps the model, and the message names the folder."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mlplab.workflows.fitting.judge", stop)
    result = mlplab("fit", "iris", "-q", "--set", "max_iter=2", "--out", tmp_path)
    assert result.exit_code == 130
    (folder,) = tmp_path.iterdir()
    assert f"kept in {folder}" in result.stderr
    assert mlplab("describe", folder).exit_code == 0
    monkeypatch.setattr("mlplab.workflows.fitting.deal_parts", stop)
    early = mlplab("fit", "iris", "-q", "--out", tmp_path)
    assert early.stderr.strip() == "mlplab: interrupted before the work was done."


@pytest.mark.parametrize(
    ("step", "kept"), [("report", "the model is kept in"), ("keep_training", "no model yet in")]
)
def test_second_interrupt_tells_whether_there_is_a_model(
    step: str, kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is written before anything else; the message is true at either side of it."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"mlplab.workflows.fitting.{step}", stop)
    result = mlplab("fit", "iris", "-q", "--set", "max_iter=2", "--out", tmp_path)
    assert result.exit_code == 130
    (folder,) = tmp_path.iterdir()
    assert f"{kept} {folder}" in result.stderr
    assert (folder / "model.safetensors").exists() == (step == "report")


def test_a_strange_file_is_read_as_it_is_said(tmp_path: Path) -> None:
    """Separator, decimal mark, encoding and missing names are options of all that read rows."""
    path = tmp_path / "maße.csv"
    lines = [f"{k},5:{-k},25:{k}:{'größer' if k > 15 else 'kleiner'}" for k in range(30)]
    path.write_text("\n".join(lines), encoding="latin-1")
    how = ["--separator", ":", "--decimal", ",", "--encoding", "latin-1", "--no-header"]
    few = ["--set", "max_iter=3", "--hidden", "4", "--quiet"]
    done = mlplab("fit", path, "--target", "x3", "--drop", "x2", *how, *few, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (run,) = (one for one in tmp_path.iterdir() if one.is_dir())
    study = read_study(run / "study.toml")
    assert study.data is not None
    assert study.data.drop == ["x2"]
    assert study.data.reading is not None
    assert study.data.reading.encoding == "latin-1"
    again = mlplab("run", run / "study.toml", "--quiet", "--out", tmp_path / "again")
    assert again.exit_code == 0, again.output
    judged = mlplab("evaluate", run, path, *how)
    assert judged.exit_code == 0, judged.output
    predicted = mlplab("predict", run, path, *how, "--out", tmp_path / "p.csv")
    assert predicted.exit_code == 0, predicted.output
    assert set(pd.read_csv(tmp_path / "p.csv")["prediction"]) <= {"größer", "kleiner"}
    wrong = mlplab("fit", path, "--encoding", "latin-1", "--decimal", ";")
    assert wrong.exit_code == 2
    assert "`decimal` must be '.' or ','" in wrong.stderr
    named = mlplab("fit", "iris", "--separator", ";")
    assert "`separator` is about reading a file; got the data set 'iris'" in named.stderr
