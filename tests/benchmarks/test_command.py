"""`mlplab bench` as a command and as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.helpers import made_up
from typer.testing import CliRunner, Result

from mlplab import benchmarks
from mlplab.benchmarks import CASES, PEERS
from mlplab.cli.app import app

HEAVY = ("mlplab.benchmarks", "sklearn", "scipy", "torch", "jax", "matplotlib", "numpy")


def bench(*arguments: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["bench", *map(str, arguments)])


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let nothing be measured; return what the command asked for."""
    asked: dict[str, Any] = {"report": made_up()}

    def measure(cases: Any, peers: Any, **more: Any) -> Any:
        asked.update(cases=cases, peers=peers, **more)
        report = asked["report"]
        more["watcher"].on_start(report)
        for case in report.cases:
            more["watcher"].on_case(report, case)
        return report

    monkeypatch.setattr(benchmarks, "measure", measure)
    return asked


def test_tables_json_and_picture_in_one_go(tmp_path: Path, measured: dict[str, Any]) -> None:
    """Machine first, then every case, then how; the files hold the report."""
    kept, drawn = tmp_path / "speed.json", tmp_path / "speed.png"
    found = bench("--json", kept, "--picture", drawn)
    assert found.exit_code == 0, found.output
    parts = ["Machine: Some CPU", "Engine: native", "tiny-adam: 11-[32,32]-6, Adam", "4.0×",
             "NumPy, by hand: final loss 0.7 is.", "import: import",
             "Medians of 3 rounds"]  # fmt: skip
    places = [found.stdout.index(part) for part in parts]
    assert places == sorted(places)
    assert json.loads(kept.read_text())["machine"]["cpu"] == "Some CPU"
    assert drawn.read_bytes().startswith(b"\x89PNG")
    assert (measured["rounds"], measured["full"]) == (3, False)


def test_full_takes_everything_and_more_rounds(measured: dict[str, Any]) -> None:
    """Quick is the default."""
    assert bench("--full").exit_code == 0
    assert (measured["rounds"], measured["full"]) == (7, True)
    assert len(measured["cases"]) == len(CASES)
    assert len(measured["peers"]) == len(PEERS)
    assert bench("--cases", "tiny, memory", "--peers", "jax", "--rounds", 2).exit_code == 0
    assert [case.name for case in measured["cases"]] == ["tiny-sgd", "tiny-adam", "memory"]
    assert [peer.name for peer in measured["peers"]] == ["mlplab", "jax"]
    assert measured["rounds"] == 2


def test_markdown_in_place_of_tables(measured: dict[str, Any]) -> None:
    """Standard output is Markdown, and nothing else."""
    from mlplab.benchmarks.tables import to_markdown

    assert bench("--markdown").stdout.strip() == to_markdown(measured["report"])


def test_exit_statuses(measured: dict[str, Any]) -> None:
    """130 after Ctrl-C with what there is; 1 where we failed ourselves."""
    measured["report"].interrupted = True
    found = bench()
    assert found.exit_code == 130
    assert "4.0×" in found.stdout
    assert "Interrupted: this is what was measured." in found.stderr
    measured["report"].interrupted = False
    measured["report"].cases[0].measurements[0].status = "failed"
    found = bench()
    assert found.exit_code == 1
    assert "mlplab itself failed" in found.stderr


def test_lists_cases_and_peers() -> None:
    """By the names that the options take."""
    text = bench("--list").stdout
    assert [name for name in (*CASES, *PEERS) if name not in text] == []


USAGE = {
    "case": (["--cases", "tinny-sgd"], "Did you mean 'tiny-sgd'"),
    "peer": (["--peers", "pytorch"], "Did you mean 'torch'"),
    "rounds": (["--rounds", "0"], "`--rounds` must be at least 1"),
    "picture": (["--picture", "x.gif"], "Use 'x.png'"),
}


@pytest.mark.parametrize("name", USAGE)
def test_wrong_usage_exits_with_two(name: str) -> None:
    """Before anything is measured."""
    arguments, part = USAGE[name]
    found = bench(*arguments)
    assert found.exit_code == 2
    assert part in found.stderr


def test_files_are_checked_before_the_work(tmp_path: Path) -> None:
    """Half an hour must not end at a folder that is not there."""
    for path in (tmp_path / "no" / "x.json", tmp_path):
        found = bench("--json", path)
        assert found.exit_code == 1
        assert "Output must be writable" in found.stderr
        assert found.stdout == ""


def _process(*arguments: str, **more: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mlplab", "bench", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
    )


def test_help_loads_nothing_heavy() -> None:
    """And has examples."""
    code = (
        "import sys; from mlplab.cli.app import run; run(['bench', '--help'])\n"
        f"print('LOADED', [n for n in {HEAVY!r} if n in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip().endswith("LOADED []"), done.stdout + done.stderr
    assert "mlplab bench --full --json speed.json" in done.stdout


def test_quick_run_of_one_case_as_a_process(tmp_path: Path) -> None:
    """Progress on standard error, the table on standard output, everything in the file."""
    words = ("--quick", "--cases", "2-2-1-sgd", "--peers", "numpy,sklearn-float32", "--rounds", "2")
    with _process(*words, "--json", "q.json", cwd=tmp_path) as process:
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "2-2-1-sgd: NumPy, by hand" in err
    assert "2-2-1-sgd: 2-2-1, all rows a step, SGD; 1 thread; 500 steps; peak" in out
    assert "scikit-learn, float32" in out
    plain = json.loads((tmp_path / "q.json").read_text())
    (case,) = plain["cases"]
    assert [one["status"] for one in case["measurements"]] == ["measured"] * 3
    assert all(one["derived"]["median"] > 0 for one in case["measurements"])


def test_ctrl_c_shows_what_was_measured(tmp_path: Path) -> None:
    """The rounds until then are medians, too; no process stays behind."""
    words = ("--cases", "2-2-1-sgd", "--peers", "numpy", "--rounds", "100000")
    with _process(*words, cwd=tmp_path) as process:
        assert process.stderr is not None
        while "NumPy" not in process.stderr.readline():
            pass
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Interrupted: this is what was measured." in err
    assert "2-2-1-sgd: 2-2-1" in out
    assert "NumPy, by hand" in out


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_a_terminal_shows_a_bar(tmp_path: Path) -> None:
    """With whose turn it is; it is gone before a table is printed."""
    ours, theirs = os.openpty()
    words = ("--cases", "2-2-1-sgd", "--peers", "numpy", "--rounds", "1")
    environment = {**os.environ, "COLUMNS": "120", "TERM": "xterm"}
    command = [sys.executable, "-m", "mlplab", "bench", *words]
    with subprocess.Popen(
        command, stdout=theirs, stderr=theirs, env=environment, cwd=tmp_path
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:  # Linux says so at the end of a pseudo-terminal
            pass
        process.wait(timeout=60)
    os.close(ours)
    text = shown.decode()
    assert process.returncode == 0, text
    bar, _, table = text.partition("\n2-2-1-sgd: 2-2-1, all rows a step")
    assert "2-2-1-sgd: NumPy, by hand" in bar
    assert bar.startswith("Machine: ")
    assert "\x1b[2K" in bar  # the line of the bar was erased
    assert "NumPy, by hand" in table
