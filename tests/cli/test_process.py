"""The command line as a process: what it loads, how it ends, what it needs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAVY = (
    *("sklearn", "scipy", "pandas", "matplotlib", "torch", "polars"),
    *("pyarrow", "narwhals", "jinja2", "pooch", "safetensors"),
    *("mlplab.data", "mlplab.estimators", "mlplab.workflows"),
)


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new process."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["fit", "--help"], ["--version"]])
def test_import_and_help_load_nothing_heavy(arguments: list[str]) -> None:
    """Import time is a feature, of the package and of the command."""
    code = "import atexit, sys\nimport mlplab\n"
    code += f"loaded = lambda: print('LOADED', [n for n in {HEAVY!r} if n in sys.modules])\n"
    code += "atexit.register(loaded)\n"
    if arguments:
        code += f"sys.argv = ['mlplab', *{arguments!r}]\n"
        code += "from mlplab.__main__ import main\nmain()\n"
    found = python(code)
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip().endswith("LOADED []"), found.stdout + found.stderr


@pytest.mark.parametrize("missing", ["typer", "rich", "pandas", "pydantic"])
def test_without_the_extra_its_name_is_told(missing: str) -> None:
    """Exit status 2, and one sentence that says what to install."""
    found = python(
        f"import sys\nsys.modules[{missing!r}] = None\nsys.argv = ['mlplab', '--help']\n"
        "from mlplab.__main__ import main\nmain()"
    )
    assert found.returncode == 2
    assert f"needs {missing}" in found.stderr
    assert "pip install 'mlplab[lab]'" in found.stderr
    assert "Traceback" not in found.stderr


def test_module_runs_and_debug_may_stand_anywhere(tmp_path: Path) -> None:
    """`python -m mlplab` is the command; `--debug` after a command counts too."""
    command = [sys.executable, "-m", "mlplab", "fit", "irs", "--debug"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert found.returncode == 1
    assert "Traceback" in found.stderr
    assert "mlplab: " in found.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_terminal_shows_a_bar(tmp_path: Path) -> None:
    """On a terminal the epochs move in one line, with losses and the time left."""
    ours, theirs = os.openpty()
    settings = ["--set", "max_iter=40", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "mlplab", "fit", "digits", *settings]
    environment = {**os.environ, "COLUMNS": "120", "TERM": "xterm"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:  # Linux says so at the end of a pseudo-terminal
            pass
        process.communicate(timeout=60)
    os.close(ours)
    text = shown.decode()
    assert process.returncode == 0, text
    for part in ("/40", "loss ", "validation loss ", "left", "epochs in"):
        assert part in text


def test_ctrl_c_keeps_what_was_learned(tmp_path: Path) -> None:
    """A training that is interrupted ends with a complete run and exit status 130."""
    forever = ["max_iter=1000000", "n_iter_no_change=1000000", "early_stopping=false"]
    options = [word for setting in forever for word in ("--set", setting)]
    command = [sys.executable, "-m", "mlplab", "fit", "iris", *options, "--out", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    ) as process:
        assert process.stderr is not None
        said = [process.stderr.readline() for _ in range(3)]
        assert said[0].startswith("Classification, predicting species.")
        line = said[-1]
        assert line.startswith("epoch 1 of at most 1000000"), line
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "\nfinishing: keeping what was learned\n" in err
    assert "Interrupted: the run keeps what had been learned." in err
    assert "test rows" in out
    (folder,) = tmp_path.iterdir()
    assert "interrupted" in (folder / "report.html").read_text()
    assert (folder / "model.safetensors").is_file()


def _checkpoints(out: Path) -> list[int]:
    """Return when the checkpoints of all runs were written."""
    return [path.stat().st_mtime_ns for path in out.glob("*/checkpoint.safetensors")]


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    """With the command that takes up the last checkpoint, and does."""
    study = tmp_path / "long.toml"
    settings = "max_iter = 1000000, n_iter_no_change = 1000000, early_stopping = false"
    study.write_text(f'data = {{ source = "iris" }}\nmodel = {{ {settings} }}')
    out = tmp_path / "runs"
    command = [sys.executable, "-m", "mlplab", "run", str(study), "--out", str(out)]
    errors = []
    for again in ([], ["--resume"]):
        before = _checkpoints(out)
        with subprocess.Popen([*command, *again], stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            while not process.stderr.readline().startswith("epoch "):
                assert process.poll() is None
            # In the middle of training: it has written a checkpoint of its own.
            while _checkpoints(out) == before:
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            errors.append(process.communicate(timeout=60)[1])
        assert process.returncode == 130
    way = f"To go on from its last checkpoint: mlplab run {study} --resume --out {out}"
    assert all(way in error for error in errors)
    assert len(list(out.iterdir())) == 1
