"""The command that runs all studies: every one by its own command, told with its time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.studies.scripts import STUDIES, script


def test_every_study_has_a_command() -> None:
    """Files with [trace] are traced, others run; scripts are run by Python."""
    every = script("all")
    told = {path.name: every.command(path, "runs") for path in every.studies()}
    files = {path.name for ending in ("toml", "py") for path in STUDIES.glob(f"*.{ending}")}

    assert set(told) == files - {"all.py"}
    assert told["by-hand-relu.toml"] == ["mlplab", "trace", "studies/by-hand-relu.toml"]
    assert told["xor.toml"] == ["mlplab", "run", "studies/xor.toml", "--out", "runs"]
    assert told["housing-splits.py"] == ["python", "studies/housing-splits.py", "runs"]


def test_times_are_told_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line a study and the sum; what a study prints lies in the folder."""
    every = script("all")
    assert every.main([str(tmp_path), "--only", "by-hand-relu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (one,) = json.loads((tmp_path / "times.json").read_text())

    assert lines[0].endswith(" s  mlplab trace studies/by-hand-relu.toml")
    assert "all, one after another" in lines[1]
    assert one["succeeded"]
    assert one["seconds"] > 0.1
    assert "w₁ ← w₁ - η·∂L/∂w₁" in (tmp_path / "by-hand-relu-toml.txt").read_text()
    table = every.table([one], 0.2)
    assert f"| `mlplab trace studies/by-hand-relu.toml` | {one['seconds']:.1f} |" in table
    assert "load 0.2 before the first" in table


def test_a_study_that_fails_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command ends with 1, and writes no table."""
    every = script("all")
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit(3)")
    monkeypatch.setattr(every, "studies", lambda: [broken])
    monkeypatch.setattr(every, "HERE", tmp_path / "studies")
    (tmp_path / "studies").mkdir()
    broken.rename(tmp_path / "studies" / "broken.py")
    page = tmp_path / "sources.md"
    page.write_text("<!-- times -->\nold\n<!-- /times -->\n")
    monkeypatch.setattr(every, "PAGE", page)

    assert every.main([str(tmp_path / "out"), "--write"]) == 1
    assert "failed: python studies/broken.py" in capsys.readouterr().err
    assert "old" in page.read_text()
    (tmp_path / "studies" / "broken.py").write_text("print('all is well')")
    assert every.main([str(tmp_path / "out"), "--write"]) == 0
    assert "old" not in page.read_text()
    assert "`python studies/broken.py`" in page.read_text()
