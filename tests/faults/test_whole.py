"""The catalogue is whole: no public door is without a row, and no row without its door."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.faults.doors import ESTIMATORS, NO_DOORS, doors
from tests.faults.of_commands import COMMANDS
from tests.faults.test_catalogue import ROWS

ROOT = Path(__file__).parents[2]

# Doors that are tried elsewhere, and where.
ELSEWHERE = {
    "export.from_bytes": "tests/export/test_forged_files.py::test_ten_thousand_altered_files",
    "sweeps.Space": "tests/sweeps/test_space.py::test_mistakes_name_key_rule_and_way_out",
    "workflows.Study": "tests/workflows/test_study_file.py::test_mistake_is_answered_with_its",
    "workflows.TabularModel": "tests/workflows/test_bad_input.py::test_mistakes_are_told_by_the",
}
# Methods that all estimators have from one class are tried with one of them.
SHARED = {
    *("activations", "initialize", "partial_fit", "pause_after", "set_callbacks", "snapshot"),
    *("to_sklearn", "to_torch", "training_problem", "transform", "with_parameters"),
}


def known() -> set[str]:
    """Return the doors that have rows."""
    tried = {row.door for row in ROWS} | {command.door for command in COMMANDS} | set(ELSEWHERE)
    shared = {f"{name}.{method}" for name in ESTIMATORS for method in SHARED}
    first = {method for method in SHARED if f"MLPClassifier.{method}" in tried}
    return tried | {door for door in shared if door.partition(".")[2] in first}


def test_every_public_door_has_a_row() -> None:
    """Whoever opens a door writes down what it answers to damage."""
    assert sorted(doors() - known()) == []


def test_no_row_has_lost_its_door() -> None:
    """A door that was renamed takes its rows along."""
    tried = {row.door for row in ROWS} | {command.door for command in COMMANDS} | set(ELSEWHERE)
    assert sorted(tried - doors()) == []


def test_what_is_no_door_exists() -> None:
    """The list of exceptions names public things only."""
    from tests.faults.doors import ROOMS

    public = {f"{name}.{one}" for name, room in ROOMS.items() for one in room.__all__}
    assert sorted(NO_DOORS - public) == []


@pytest.mark.parametrize("place", ELSEWHERE.values())
def test_tests_elsewhere_exist(place: str) -> None:
    """What is named stands there."""
    path, _, name = place.partition("::")
    assert re.search(rf"def {name}", (ROOT / path).read_text(encoding="utf-8"))


def test_rows_are_unique() -> None:
    """No row of the catalogue hides another one."""
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))
