"""`mlplab run` on a study with a sweep: words, files, exit statuses, and going on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from mlplab.cli.app import app
from mlplab.cli.sweeping import progress_words
from mlplab.results import SweepProgress

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
    "options", [["--resume"], ["--jobs", 2], ["--backend", "dask"], ["--storage", "x"]]
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


def test_progress_is_told_in_a_line() -> None:
    """What is done, what failed, how fast, how long."""
    progress = SweepProgress(6, 10, 4, 1, None, 2.0)
    assert progress_words(progress) == "6/10 trained, 1 failed, 2.0 a second, 2 s left"


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
