"""`mlplab export` writes what the writers of mlplab.export write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import mlplab
from mlplab import workflows
from mlplab.cli.app import app


def command(*arguments: object) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run."""
    out = tmp_path_factory.mktemp("export") / "runs"
    made = workflows.fit("iris", hidden=(5,), settings={"max_iter": 30}, out=out)
    assert made.folder is not None
    return made.folder


@pytest.mark.parametrize(
    ("to", "suffix", "words"),
    [
        ("onnx", ".onnx", "ONNX (opset 17)"),
        ("safetensors", ".safetensors", "mlplab's own file"),
        ("python", ".py", "Python, which needs NumPy alone"),
        ("c", ".h", "C99"),
    ],
)
def test_every_format_is_written(
    to: str, suffix: str, words: str, run: Path, tmp_path: Path
) -> None:
    """By its name, or by the suffix of the file; both are the same."""
    if to == "onnx":
        pytest.importorskip("onnx")
    named = command("export", run, "--to", to, "--out", tmp_path / "named")
    assert named.exit_code == 0, named.output
    assert words in named.stdout
    told = command("export", run / "model.safetensors", "--out", tmp_path / f"model{suffix}")
    assert told.exit_code == 0, told.output
    assert (tmp_path / f"model{suffix}").stat().st_size > 500
    alone = command("export", run, "--out", tmp_path / f"alone{suffix}", "--network-only")
    assert "the network alone" in alone.stdout


def test_the_files_predict(run: Path, tmp_path: Path) -> None:
    """The file of Python gives what `mlplab predict` gives; ours loads again."""
    rows = tmp_path / "iris.csv"
    command("data", "get", "iris", "--out", rows)
    command("export", run, "--out", tmp_path / "model.py")
    done = subprocess.run(
        [sys.executable, tmp_path / "model.py", rows], capture_output=True, text=True, check=True
    )
    expected = workflows.predict(run, rows)
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == [
        "prediction",
        *expected["prediction"],
    ]
    command("export", run, "--out", tmp_path / "copy.safetensors")
    again = mlplab.load(tmp_path / "copy.safetensors")
    assert again.predict(expected.assign(**mlplab.data.load("iris").frame)).tolist() == list(
        expected["prediction"]
    )
    command("export", run, "--out", tmp_path / "bare.safetensors", "--network-only")
    assert type(mlplab.load(tmp_path / "bare.safetensors")).__name__ == "MLPClassifier"


def test_headers_of_several_models_go_into_one_program(run: Path, tmp_path: Path) -> None:
    """Their names begin as one says; formats without a name say so."""
    out = tmp_path / "wine.h"
    command("export", run, "--network-only", "--name", "wine", "--out", out)
    assert "void wine_predict(" in out.read_text()
    assert "mlp_predict" not in out.read_text()
    refused = command("export", run, "--name", "wine", "--out", tmp_path / "wine.py")
    assert refused.exit_code == 2
    assert "`name` must be left out for python" in refused.stderr
    wrong = command("export", run, "--network-only", "--name", "my wine", "--out", out)
    assert "letters, digits and underscores" in wrong.stderr


def test_wrong_usage_is_said_in_a_sentence(run: Path, tmp_path: Path) -> None:
    """Exit status 2, the rule and the way out; what has no form exits with 1."""
    for arguments, words in (
        (["--out", tmp_path / "m.pt"], "`to` must be given"),
        (["--to", "onx", "--out", tmp_path / "m"], "Did you mean 'onnx'"),
        (["--out", run / "model.safetensors"], "would be overwritten"),
    ):
        result = command("export", run, *arguments)
        assert result.exit_code == 2, result.output
        assert words in result.stderr
    missing = command("export", tmp_path / "no.safetensors", "--out", tmp_path / "m.h")
    assert missing.exit_code == 1
    assert "no such file" in missing.stderr


def test_help_has_examples() -> None:
    """As every command."""
    text = command("export", "--help").stdout
    assert "mlplab export" in text.split("Examples:")[1]


def test_steps_without_a_form_exit_with_one(tmp_path: Path) -> None:
    """The message names the column, and the option that leaves the preparation out."""
    days = [f"{day:02}.01.2020" for day in range(1, 29)] * 2
    table = "\n".join(f"{day},{'a' if i % 2 else 'b'}" for i, day in enumerate(days))
    (tmp_path / "t.csv").write_text(f"day,y\n{table}\n")
    made = workflows.fit(tmp_path / "t.csv", settings={"max_iter": 2}, out=tmp_path / "runs")
    result = command("export", made.folder, "--out", tmp_path / "m.h")
    assert result.exit_code == 1
    assert "column 'day' holds dates" in result.stderr
    assert "network_only" in result.stderr
