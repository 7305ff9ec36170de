"""Documentation that runs: every example in README.md and docs/ gives what it says."""

from __future__ import annotations

import doctest
import inspect
import re
from pathlib import Path

import pytest

import mlplab
from mlplab.estimators.rules import RULES, SCHEDULES, SOLVERS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_give_what_they_say(page: Path) -> None:
    """Every example of a page runs and prints what stands below it."""
    for needed in re.findall(r"<!-- needs: (\w+) -->", page.read_text(encoding="utf-8")):
        pytest.importorskip(needed)
    failed, _ = doctest.testfile(str(page), module_relative=False)

    assert failed == 0


def test_every_solver_and_schedule_is_documented() -> None:
    """The page on solvers has a row for each name that estimators accept."""
    text = (ROOT / "docs" / "solvers.md").read_text(encoding="utf-8")
    missing = [name for name in (*SOLVERS, *SCHEDULES) if f"| `{name}` |" not in text]

    assert missing == []


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "MLPAutoencoder"])
def test_every_parameter_is_documented_and_has_a_rule(name: str) -> None:
    """Each parameter of an estimator stands in its docstring and in the table of rules."""
    estimator = getattr(mlplab, name)
    parameters = set(inspect.signature(estimator).parameters)
    described = estimator.__doc__.partition("Attributes\n")[0]

    assert [p for p in parameters if p not in described] == []
    assert parameters - set(RULES) == {"loss"}


def test_every_wish_is_answered() -> None:
    """The page for scikit-learn's users and the tests name the same wishes, 1 to 25."""
    text = (ROOT / "docs" / "from-scikit-learn.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ")]
    named = {int(n) for row in rows for n in row.split(",") if n.strip().isdigit()}
    tests = (ROOT / "tests" / "estimators" / "test_wishes.py").read_text(encoding="utf-8")

    assert named == set(range(1, 26))
    assert all(f"def test_{n:02d}_" in tests for n in named)


def test_every_row_of_the_sources_is_shown() -> None:
    """The table of sources names each row once, with studies, tests and pictures that exist."""
    text = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([A-E]\d+) \|", text, re.MULTILINE)
    counts = {"A": 7, "B": 7, "C": 8, "D": 8, "E": 11}
    files = [
        ROOT / name for name in re.findall(r"((?:studies|benchmarks|tests)/[\w./-]+\.\w+)`", text)
    ]
    pictures = [ROOT / "docs" / name for name in re.findall(r"\]\(([\w./-]+\.png)\)", text)]

    assert rows == [f"{letter}{n + 1}" for letter, count in counts.items() for n in range(count)]
    assert [path for path in (*files, *pictures) if not path.is_file()] == []
