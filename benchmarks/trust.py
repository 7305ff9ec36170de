"""What was tried to break it: ``python benchmarks/trust.py`` tests it and writes docs/trust.md.

Every row of a table is a test; the test counts what it did and says what came of it
(`record_property`), pytest measures the seconds, and a row is written if the test has passed.
``python benchmarks/trust.py kills`` runs one table alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "trust.md"


@dataclass(frozen=True)
class Row:
    """A line of a table: what was done, the tests that did it, and what they show if they pass.

    Without `shows` the tests say it themselves.
    """

    what: str
    tests: str
    shows: str = ""


@dataclass(frozen=True)
class Outcome:
    """What tests showed."""

    passed: int
    counts: dict[str, int]
    words: str
    seconds: float


TABLES: dict[str, list[Row]] = {
    "faults": [
        Row(
            "rows of the catalogue, a door and a damage each",
            "tests/faults/test_catalogue.py",
            "an error by name, with the words of the row",
        ),
        Row(
            "wrong command lines",
            "tests/faults/test_commands.py",
            "a sentence and the right exit status",
        ),
        Row(
            "rules for input that Hypothesis draws, 60 to 300 examples each",
            "tests/faults/test_random_input.py",
            "a sound answer, or an error by name",
        ),
        Row(
            "checks of the catalogue itself",
            "tests/faults/test_whole.py",
            "no public door is without a row",
        ),
    ],
    "fuzz": [
        Row(
            "bytes altered, or the file cut",
            "tests/export/test_forged_files.py::test_ten_thousand_altered_files_are_noticed",
        ),
        Row(
            "content altered, the checksum computed anew",
            "tests/export/test_forged_files.py"
            "::test_ten_thousand_forged_files_are_refused_or_answer",
        ),
    ],
    "kills": [
        Row("SIGKILL, one long run", "tests/workflows/test_long_runs.py::test_twelve_kills"),
        Row(
            "SIGKILL, three sweeps",
            "tests/sweeps/test_kills.py::test_sweeps_that_are_killed_all_the_time_lose_nothing",
        ),
        Row(
            "Ctrl-C, at every line on the way from an engine to results, in trainings of three",
            "tests/train/test_interrupted_anywhere.py",
        ),
        Row(
            "processes that go on with one run at once",
            "tests/workflows/test_long_runs.py::test_ten_processes_never_share_a_folder",
        ),
    ],
    "disks": [
        Row(
            "model, predictions, export, data set, converted table, run",
            "tests/faults/test_full_disks.py::test_files_that_were_there_stay",
        ),
        Row(
            "in the middle of a training",
            "tests/faults/test_full_disks.py::test_a_training_ends_and_its_model_is_kept",
        ),
        Row(
            "in the middle of a sweep",
            "tests/faults/test_full_disks.py::test_a_sweep_keeps_what_it_had",
        ),
        Row(
            "folders that may not be written to",
            "tests/faults/test_full_disks.py::test_folders_that_may_not_be_written_to",
        ),
    ],
}


def run(row: Row) -> Outcome:
    """Run the tests of a row and read what they say.

    Raises
    ------
    SystemExit
        A test failed, or none was run.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        # Properties are written in the older form of these reports only.
        command = [sys.executable, "-m", "pytest", "-q", "-o", "junit_family=xunit1"]
        command += ["-m", "slow or not slow"]
        done = subprocess.run(
            [*command, f"--junitxml={report}", row.tests], cwd=ROOT, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"{row.tests} did not pass:\n{done.stdout[-3000:]}")
        cases = list(ET.parse(report).iter("testcase"))  # noqa: S314  (pytest wrote it)
    skipped = [case for case in cases if case.find("skipped") is not None]
    if skipped or not cases:
        sys.exit(f"{row.tests} was skipped:\n{done.stdout[-3000:]}")
    counts: dict[str, int] = {}
    words = ""
    for case in cases:
        for told in case.iter("property"):
            name, value = told.attrib["name"], told.attrib["value"]
            if name == "outcome":
                words = value
            else:
                counts[name] = counts.get(name, 0) + int(value)
    seconds = sum(float(case.attrib["time"]) for case in cases)
    return Outcome(len(cases), counts, words, seconds)


def table(name: str) -> list[str]:
    """Run a table and return its lines."""
    lines = ["| what was done | how often | what came of it | seconds |", "|---|---:|---|---:|"]
    for row in TABLES[name]:
        print(row.tests, flush=True)
        found = run(row)
        lines.append(_line(name, row, found))
        print(lines[-1], flush=True)
    tests = sorted({row.tests.partition("::")[0] for row in TABLES[name]})
    date = time.strftime("%Y-%m-%d")
    machine = f"{os.cpu_count()} processors, Linux, {date}; the machine did other work too"
    about = f"`python benchmarks/trust.py {name}` ({machine}), which runs {_listed(tests)}."
    return [about, "", *lines]


def _line(name: str, row: Row, found: Outcome) -> str:
    if name == "fuzz":
        often = sum(found.counts.values())
        words = ", ".join(f"{count:,} {what}" for what, count in found.counts.items())
    else:
        often = sum(found.counts.values()) or found.passed
        words = row.shows or found.words
    return f"| {row.what} | {often:,} | {words} | {found.seconds:,.0f} |"


def _listed(tests: list[str]) -> str:
    return ", ".join(f"`{test}`" for test in tests)


def write(name: str, lines: list[str]) -> None:
    """Put a table between its marks in docs/trust.md."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = PAGE.read_text(encoding="utf-8")
    head, tail = text.split(start)[0], text.split(end)[1]
    PAGE.write_text("\n".join([f"{head}{start}", *lines, f"{end}{tail}"]), encoding="utf-8")


def main() -> None:
    """Run the tables that are asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", choices=[[], *TABLES], help="all if none is named")
    asked = parser.parse_args()
    for name in asked.tables or TABLES:
        write(name, table(name))


if __name__ == "__main__":
    main()
