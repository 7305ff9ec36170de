"""Every row of the catalogue: the door answers the damage in a sentence, by name."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.kit import Kit
from tests.faults.row import Row, refused

ROOMS = ("estimators", "models", "tables", "studies", "figures")
ROWS = [row for room in ROOMS for row in importlib.import_module(f"tests.faults.of_{room}").ROWS]

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:A column-vector y was passed"
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """Return good things, made once."""
    return Kit(tmp_path_factory.mktemp("faults"))


@pytest.fixture
def kit(shared: Kit, tmp_path: Path) -> Iterator[Kit]:
    """Return good things, and a folder for the files of one row."""
    shared.tmp = tmp_path
    yield shared
    shared.tmp = shared.shared


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_damage_is_answered_by_name(row: Row, kit: Kit) -> None:
    """With an error of ours, in sentences that hold the words of the catalogue."""
    message = refused(lambda: row.call(kit))
    assert re.search(row.words, message), message
