"""Documentation that runs: every example in README.md and docs/ gives what it says."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mlplab
from mlplab.estimators.rules import RULES, SCHEDULES, SOLVERS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
STUDY_PAGES = sorted((ROOT / "docs" / "studies").glob("*.md"))


@pytest.mark.parametrize("page", [*PAGES, *STUDY_PAGES], ids=lambda page: page.name)
def test_examples_give_what_they_say(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every example of a page runs and prints what stands below it."""
    monkeypatch.chdir(ROOT)  # pages name the studies as whoever stands there does
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
    cells = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in text.splitlines()
        if re.match(r"\| [A-E]\d+ \|", line)
    ]
    rows = [row[0] for row in cells]
    counts = {"A": 7, "B": 7, "C": 8, "D": 8, "E": 11}
    files = [
        ROOT / name
        for name in re.findall(r"(?<!/)((?:studies|benchmarks|tests)/[\w./-]+\.\w+)`", text)
    ]
    pictures = [ROOT / "docs" / name for name in re.findall(r"\]\(([\w./-]+\.png)\)", text)]
    lacking = [
        row[0]
        for row in cells
        if len(row) != 5
        or not ("`" in row[2] or row[2].startswith("the same"))
        or "`tests/" not in row[3]
        or ".png)" not in row[4]
    ]

    assert rows == [f"{letter}{n + 1}" for letter, count in counts.items() for n in range(count)]
    assert [path for path in (*files, *pictures) if not path.is_file()] == []
    assert lacking == []


@pytest.mark.parametrize("page", STUDY_PAGES, ids=lambda page: page.name)
def test_pages_of_studies_name_what_is_there(page: Path) -> None:
    """A command of a study that is there, its test, and pictures with words that are shown once."""
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:studies|benchmarks|tests)/[\w./-]+\.(?:py|toml)", text))
    pictures = re.findall(r"!\[([^\]]*)\]\(([\w.-]+)\)", text)

    assert any(name.startswith("studies/") for name in named)
    assert any(name.startswith("tests/") for name in named)
    assert [name for name in named if not (ROOT / name).is_file()] == []
    assert pictures
    assert all(len(words) > 15 for words, _ in pictures)
    assert [path for _, path in pictures if not (page.parent / path).is_file()] == []


def test_no_picture_of_a_study_is_left_over() -> None:
    """Every picture beside the pages stands in one of them, and has less than 100 kB."""
    shown = {
        name
        for page in STUDY_PAGES
        for name in re.findall(r"\]\(([\w.-]+\.png)\)", page.read_text(encoding="utf-8"))
    }
    there = {path.name: path.stat().st_size for path in (ROOT / "docs" / "studies").glob("*.png")}

    assert set(there) == shown
    assert max(there.values()) < 100_000


@pytest.mark.slow
def test_the_pages_build_without_warnings(tmp_path: Path) -> None:
    """`scripts/docs` makes the pages for the browser; a warning is an error."""
    pytest.importorskip("sphinx")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run(
        [*command, ROOT / "docs", tmp_path], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "studies" / "xor.html").is_file()
