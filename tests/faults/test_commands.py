"""The rows of the command line: exit status, one sentence, nothing of the inside."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from tests.faults.kit import Kit
from tests.faults.of_commands import COMMANDS, Command
from tests.faults.row import check_sentence, no_hang
from typer.testing import CliRunner

from mlplab.cli.app import app


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """Return good things, made once."""
    return Kit(tmp_path_factory.mktemp("commands"))


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.line)
def test_wrong_usage_is_answered(row: Command, kit: Kit, tmp_path: Path) -> None:
    """With the status of the row; what Typer itself finds is told in its own words."""
    for name, content in row.files:
        (tmp_path / name).write_text(content, encoding="utf-8")
    line = row.line.format(tmp=tmp_path, model=kit.model_file, bare=kit.bare_file)
    with no_hang():
        found = CliRunner().invoke(app, shlex.split(line))
    said = re.sub(r"[\s│╭╮╰╯─]+", " ", found.stderr)
    assert found.exit_code == row.status, said
    assert re.search(row.words, said), said
    if "Usage:" not in said:
        assert "mlplab: " in said
        check_sentence(said)
    assert not (tmp_path / "p.csv").exists()
