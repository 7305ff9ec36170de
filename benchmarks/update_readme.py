"""Write the figures of a full run into the README: ``python benchmarks/update_readme.py [JSON]``.

Without a file everything is measured first, which takes about half an hour; with one, the report
that ``mlplab bench --full --json FILE`` kept is used. Writes the table between the marks of
README.md, the picture ``docs/speed.png`` and every figure in ``docs/speed.md``.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from mlplab.benchmarks import Report
from mlplab.benchmarks.picture import save_picture
from mlplab.benchmarks.tables import busy_remark, summary_markdown, to_markdown

ROOT = Path(__file__).resolve().parents[1]
MARKED = re.compile(r"(<!-- speed -->\n).*?(<!-- /speed -->)", re.DOTALL)
SHOWN = (
    *("tiny-sgd", "tiny-adam", "mnist-adam-1", "mnist-adam-2", "2-8-2-sgd", "wide-adam"),
    *("many-adam", "predict-1", "predict-100000", "memory"),
)
"""Cases in the picture; all are in the table."""


def measure() -> Report:
    """Run the command in full and return its report."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "speed.json"
        command = [sys.executable, "-m", "mlplab", "bench", "--full", "--json", str(kept)]
        subprocess.run(command, check=True)
        return read(kept)


def read(kept: Path) -> Report:
    """Return a report that was kept."""
    return Report.from_dict(json.loads(kept.read_text(encoding="utf-8")))


def block(report: Report) -> str:
    """Return what stands between the marks."""
    machine, words = report.machine, summary_markdown(report)
    load = "" if report.load_before is None else f", load {report.load_before:.2f}"
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return (
        f"![How many times as long the others take](docs/speed.png)\n\n"
        f"{machine.cpu}, {machine.n_cpus} cores, {machine.isa}, {machine.date}{load}"
        f"{busy_remark(report.load_before)}; {versions}.\n"
        f"Medians of {report.rounds} alternating rounds; `×` is how many times as long a peer "
        "takes, without its compiling. Every figure: [docs/speed.md](docs/speed.md).\n\n"
        f"{words}\n"
    )


def update(report: Report, root: Path = ROOT) -> None:
    """Write table, picture and all figures below a folder."""
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    if not MARKED.search(text):
        sys.exit(f"{readme.name} must hold <!-- speed --> and <!-- /speed -->; it does not.")
    content = block(report)
    readme.write_text(MARKED.sub(lambda m: m[1] + content + m[2], text), encoding="utf-8")
    shown = [case for case in report.cases if case.name in SHOWN]
    save_picture(dataclasses.replace(report, cases=shown), root / "docs" / "speed.png")
    page = f"# Speed\n\nWritten by `python benchmarks/update_readme.py`.\n\n{to_markdown(report)}\n"
    (root / "docs" / "speed.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    update(read(Path(sys.argv[1])) if len(sys.argv) > 1 else measure())
