"""`mlplab run` on a study with a sweep: words, files, exit statuses, and going on."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from mlplab.cli.app import app
from mlplab.cli.sweeping import progress_table, progress_words
from mlplab.results import Cell, CellResult, SweepProgress, Trial

STUDY = """
name = "tiny"
[data]
source = "wine"
[model]
max_iter = 15
learning_rate_init = 0.02
[sweep]
seeds = 2
retrain = { best = 1, seeds = 2 }
[sweep.space]
hidden_layer_sizes = [[2], [8]]
alpha = [0.0001, 0.1]
"""


def mlplab(*arguments: object) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that holds a study and, in `runs`, what became of it."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "tiny.toml").write_text(STUDY)
    result = mlplab("run", folder / "tiny.toml", "--out", folder / "runs")
    assert result.exit_code == 0, result.output
    assert "4 combinations of alpha, hidden_layer_sizes" in result.stderr
    assert "/8 trained" in result.stderr
    assert "hidden_layer_sizes" in result.stdout
    assert "4 configurations, 8 networks trained" in result.stdout
    assert "on the test rows" in result.stdout
    assert "8/8 trained" in result.stderr
    assert "training the best again on all training rows" in result.stderr
    assert "report.html" in result.stdout
    return folder


def test_resumed_nothing_is_trained_again(folder: Path) -> None:
    """And the same is the best."""
    result = mlplab("run", folder / "tiny.toml", "--out", folder / "runs", "--resume", "-q")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert "0 networks trained" in result.stdout
    assert "8 were kept already" in result.stdout
    assert len(list((folder / "runs").iterdir())) == 1


def test_the_best_model_predicts(folder: Path) -> None:
    """As the model of a run does."""
    (swept,) = (folder / "runs").iterdir()
    result = mlplab("predict", swept / "model.safetensors", "wine", "--out", folder / "p.csv")
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv(folder / "p.csv")) == 178


def test_a_storage_is_shared_and_processes_give_the_same(folder: Path, tmp_path: Path) -> None:
    """Workers elsewhere fill the storage, threads find everything there."""
    options = ["--storage", tmp_path / "shared", "--out", tmp_path]
    first = mlplab("run", folder / "tiny.toml", *options, "--backend", "processes", "--jobs", 2)
    assert first.exit_code == 0, first.output
    second = mlplab("run", folder / "tiny.toml", *options, "--jobs", 2, "--retry-failed")
    assert "0 networks trained" in second.stdout
    (swept,) = (folder / "runs").iterdir()
    columns = ["trial", "score.accuracy", "n_epochs"]
    ours, theirs = (pd.read_parquet(f / "trials.parquet") for f in (swept, tmp_path / "shared"))
    pd.testing.assert_frame_equal(ours[columns], theirs[columns])


@pytest.mark.parametrize(
    "options", [["--retry-failed"], ["--jobs", 2], ["--backend", "dask"], ["--storage", "x"]]
)
def test_options_of_sweeps_are_refused_elsewhere(tmp_path: Path, options: list[object]) -> None:
    """The message names the option and the study."""
    (tmp_path / "plain.toml").write_text('[data]\nsource = "iris"')
    result = mlplab("run", tmp_path / "plain.toml", *options)
    assert result.exit_code == 2
    assert f"`{options[0]}` must be left out" in result.stderr
    assert "plain.toml" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--backend", "thread"], "Did you mean 'threads'"),
        (["--jobs", 0], "`--jobs` must be at least 1"),
        (["--address", "tcp://here:1"], "`address` must be left out for threads"),
    ],
)
def test_wrong_options_are_answered(folder: Path, options: list[object], message: str) -> None:
    """Before anything is trained or written."""
    out = folder / "none"
    result = mlplab("run", folder / "tiny.toml", "--out", out, *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not out.exists()


def test_mistakes_in_the_sweep_name_their_line(tmp_path: Path) -> None:
    """As mistakes elsewhere in the study do."""
    (tmp_path / "s.toml").write_text(STUDY.replace("alpha", "alphaa"))
    result = mlplab("run", tmp_path / "s.toml")
    assert result.exit_code == 2
    assert "s.toml, line 13: " in result.stderr
    assert "Did you mean 'alpha'?" in result.stderr


def trial_of(number: int, *scores: float, name: str = "accuracy") -> Trial:
    """Return a trial with these scores, one a seed."""
    configuration = {"hidden_layer_sizes": [64, 32], "solver": "sgd"}
    cells = tuple(
        CellResult(Cell(f"{number}-{k}", configuration, k, 0), "done", {name: score}, 9, 0.1)
        for k, score in enumerate(scores)
    )
    return Trial(number, configuration, cells)


def test_progress_is_told_in_a_line() -> None:
    """What is done, what failed, how fast, how long; the best by the score that decides."""
    progress = SweepProgress(6, 10, 4, 1, None, 2.0)
    words = "6/10 trained, 1 failed, 2 a second, 0:02 so far, 0:02 left"
    assert progress_words(progress) == words
    best = trial_of(3, 0.5, 0.7)
    progress = SweepProgress(1200, 2000, 1200, 0, best, 60.0, "accuracy")
    assert progress_words(progress) == (
        "1,200/2,000 trained, 20 a second, 1:00 so far, 0:40 left, "
        "best accuracy 0.6 ± 0.14 (hidden_layer_sizes = [64, 32], solver = sgd)"
    )
    limited = SweepProgress(1200, 2000, 1200, 0, best, 60.0, "accuracy", limit=65.0)
    assert "0:05 left" in progress_words(limited)
    error = trial_of(3, -2.5, name="neg_mean_absolute_error")
    progress = SweepProgress(1, 2, 1, 0, error, 1.0, "neg_mean_absolute_error")
    assert "best mean absolute error 2.5 (" in progress_words(progress)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_progress_is_told_in_a_table(width: int) -> None:
    """However wide the terminal is, all of it is there, and no line is too long."""
    best = trial_of(3, 0.5, 0.7)
    progress = SweepProgress(120, 192, 110, 3, best, 4.0, "accuracy")
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(progress_table(progress, "DivergedError: the loss is not finite. Lower it."))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(len(line) <= width for line in text.splitlines())
    told = " ".join(text.split())
    for part in ("120 of 192", "accuracy 0.6 ± 0.14", "solver = sgd", "27.5 a second", "failed 3"):
        assert part in told, part
    empty = SweepProgress(0, 0, 0, 0, None, 0.0)
    console.print(progress_table(empty))
    assert "none has a score yet" in console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_in_a_terminal_a_table_lives_and_goes(folder: Path) -> None:
    """It shows the score that decides, and leaves the words and the ten best behind."""
    import pty

    command = [sys.executable, "-m", "mlplab", "run", "tiny.toml", "--out", "live"]
    ours, theirs = pty.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "60"}
    with subprocess.Popen(command, cwd=folder, env=environment, **streams) as process:  # type: ignore[call-overload]
        os.close(theirs)
        chunks = []
        with contextlib.suppress(OSError):  # how a terminal ends
            while chunk := os.read(ours, 65536):
                chunks.append(chunk)
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(chunks).decode())
    assert process.returncode == 0, text
    assert "waiting for the first results" in text
    assert "8 of 8" in text
    assert "best     accuracy" in text
    after = text[text.index("training the best again") :]
    assert "8 of 8" not in after
    assert "configuration" in after  # the narrow table of the ten best
    assert "Report: live" in after


def test_the_report_is_told_and_written_again(folder: Path) -> None:
    """By the command for reports, from the folder of the sweep."""
    (swept,) = (folder / "runs").iterdir()
    page = (swept / "report.html").read_text()
    assert "The best of 4 configurations" in page
    (swept / "report.html").unlink()
    result = mlplab("report", swept)
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == f"Report: {swept / 'report.html'}"
    assert (swept / "report.html").read_text() == page


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    """With the exit status of an interrupt; what was trained is kept."""
    study = STUDY.replace("max_iter = 15", "max_iter = 300\ntol = 0.0\nn_iter_no_change = 300")
    (tmp_path / "long.toml").write_text(study.replace("seeds = 2\n", "seeds = 1000\n"))
    command = [sys.executable, "-m", "mlplab", "run", "long.toml"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    while process.poll() is None:
        if any(path.stat().st_size for path in tmp_path.glob("runs/*/ledger.jsonl")):
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert "To go on: mlplab run long.toml --resume" in told
