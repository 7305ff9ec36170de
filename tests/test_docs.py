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
