"""All studies one after another, each by its own command, and how long each took.

``MLPLAB_DATA=… python studies/all.py [FOLDER] [--write]`` runs every file of this folder: a table
``[trace]`` by ``mlplab trace``, other TOML files by ``mlplab run``, scripts by ``python``. Reports
go into FOLDER, which is ``runs`` if none is named, and ``times.json`` beside them. ``--write`` puts
the table of times into docs/sources.md as well. Names of studies after ``--only`` run these alone.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mlplab.benchmarks.machine import describe_machine, load

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "sources.md"
MARKED = re.compile(r"(<!-- times -->\n).*?(<!-- /times -->)", re.DOTALL)


def studies() -> list[Path]:
    """Return every study of this folder: TOML files and scripts."""
    found = (path for path in HERE.iterdir() if path.suffix in {".toml", ".py"})
    return sorted(path for path in found if path != HERE / Path(__file__).name)


def command(study: Path, folder: str) -> list[str]:
    """Return what a user would type, program first."""
    name = f"studies/{study.name}"
    if study.suffix == ".py":
        return ["python", name, folder]
    is_trace = "trace" in tomllib.loads(study.read_text(encoding="utf-8"))
    return ["mlplab", "trace", name] if is_trace else ["mlplab", "run", name, "--out", folder]


def run(study: Path, folder: Path) -> dict[str, Any]:
    """Run a study in a process of its own; return its command, seconds and whether it succeeded.

    What it prints goes into a file of its name.
    """
    words = command(study, str(folder))
    program = [sys.executable] if words[0] == "python" else [sys.executable, "-m", "mlplab"]
    told = folder / f"{study.stem}{study.suffix.replace('.', '-')}.txt"
    began = time.perf_counter()
    with told.open("w", encoding="utf-8") as out:
        done = subprocess.run(  # noqa: S603  (the studies of this folder)
            [*program, *words[1:]], cwd=HERE.parent, stdout=out, stderr=out, check=False
        )
    return {
        "command": " ".join(words[: 3 if words[0] == "mlplab" else 2]),
        "seconds": time.perf_counter() - began,
        "succeeded": done.returncode == 0,
    }


def run_all(chosen: Iterable[Path], folder: Path) -> Iterator[dict[str, Any]]:
    """Run studies one after another, and tell of each as it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    for study in chosen:
        told = run(study, folder.resolve())
        mark = "" if told["succeeded"] else "   failed"
        print(f"{told['seconds']:8.1f} s  {told['command']}{mark}", flush=True)
        yield told


def table(told: list[dict[str, Any]], before: float | None) -> str:
    """Return the times as Markdown, with what they depend on."""
    machine = describe_machine([])
    words = [machine.cpu, f"{machine.n_cpus} cores", f"the {machine.engine} engine", machine.date]
    words += [] if before is None else [f"load {before:.1f} before the first"]
    lines = [
        f"{', '.join(words)}.",
        "",
        "| command | seconds |",
        "|---|---:|",
        *(f"| `{one['command']}` | {one['seconds']:.1f} |" for one in told),
        f"| **all, one after another** | **{minutes(total(told))}** |",
    ]
    return "\n".join(lines)


def total(told: list[dict[str, Any]]) -> float:
    """Return the seconds of all."""
    return float(sum(one["seconds"] for one in told))


def minutes(seconds: float) -> str:
    """Return seconds as minutes and seconds.

    Examples
    --------
    >>> minutes(61.4), minutes(3.6)
    ('1 min 1 s', '4 s')
    """
    whole, rest = divmod(round(seconds), 60)
    return f"{whole} min {rest} s" if whole else f"{rest} s"


def main(words: list[str]) -> int:
    """Run what is asked for; return 1 if a study failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", default="runs", type=Path)
    parser.add_argument("--write", action="store_true", help="put the table into docs/sources.md")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="names of studies")
    asked = parser.parse_args(words)
    chosen = [path for path in studies() if not asked.only or path.stem in asked.only]
    before = load()
    told = list(run_all(chosen, asked.folder))
    print(f"{total(told):8.1f} s  all, one after another: {minutes(total(told))}")
    (asked.folder / "times.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    failed = [one["command"] for one in told if not one["succeeded"]]
    if failed:
        print(f"failed: {', '.join(failed)}; see the files in {asked.folder}", file=sys.stderr)
    elif asked.write:
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(MARKED.sub(lambda m: f"{m[1]}{table(told, before)}\n{m[2]}", text), "utf-8")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
