"""The command line: every command × wrong usage, answered with a sentence and an exit status.

`{tmp}` is a folder of the row, `{model}` a model file, `{run}` the folder of a run.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COMMANDS", "Command"]

FAILED, USAGE = 1, 2


@dataclass(frozen=True)
class Command:
    """A command line, its exit status, and what it says on standard error."""

    line: str
    status: int
    words: str
    files: tuple[tuple[str, str], ...] = ()

    @property
    def door(self) -> str:
        """The command, with its group."""
        words = self.line.split()
        return " ".join(["mlplab", *words[: 2 if words[0] == "data" else 1]])


TABLE = "size,answer\n" + "".join(f"{n},{'yes' if n % 2 else 'no'}\n" for n in range(30))
STUDY = '[data]\nsource = "iris"\n[model]\nmax_iter = 2\n'
SWEEP = f"{STUDY}[sweep]\nspace = {{ alpha = [0.1, 0.2] }}\n"

COMMANDS = [
    Command("fit {tmp}/none.csv", FAILED, "found nothing at"),
    Command("fit irs", FAILED, "Did you mean 'iris'"),
    Command("fit {tmp}", FAILED, "folder"),
    Command("fit {tmp}/t.csv", FAILED, "must not be empty", (("t.csv", ""),)),
    Command("fit {tmp}/t.csv --target answr", FAILED, "Did you mean", (("t.csv", TABLE),)),
    Command("fit {tmp}/t.csv --drop sizee", FAILED, "Did you mean 'size'", (("t.csv", TABLE),)),
    Command("fit {tmp}/t.csv --encoding utf-99", FAILED, "`encoding`", (("t.csv", TABLE),)),
    Command("fit {tmp}/t.csv --separator ::", USAGE, "`separator`", (("t.csv", TABLE),)),
    Command("fit {tmp}/t.csv --decimal x", USAGE, "`decimal`", (("t.csv", TABLE),)),
    Command("fit iris --no-header", USAGE, "about reading a file"),
    Command("fit iris --set solver=adm --out {tmp}", USAGE, "Did you mean 'adam'"),
    Command("fit iris --set solver --out {tmp}", USAGE, "must be written as key=value"),
    Command("fit iris --hidden 64,x --out {tmp}", USAGE, "`--hidden` must"),
    Command("fit iris --seed -1 --out {tmp}", USAGE, "`--seed` must"),
    Command("fit iris --test 1.5 --out {tmp}", USAGE, "`test` must"),
    Command("fit iris --task classificatn --out {tmp}", USAGE, "Did you mean 'classification'"),
    Command("fit iris --out {tmp}/f", FAILED, "where a folder should be", (("f", "x"),)),
    Command("fit iris --track nothing --out {tmp}", USAGE, "mlflow"),
    Command("fit", USAGE, "Missing argument"),
    Command("fit iris --fast", USAGE, "No such option"),
    Command("run {tmp}/none.toml", USAGE, "found nothing at"),
    Command("run {tmp}/s.toml", USAGE, "line 1: a study must be TOML", (("s.toml", "x"),)),
    Command("run {tmp}/s.toml", USAGE, "line 2", (("s.toml", '[data]\nsorce = "x"'),)),
    Command("run {tmp}/s.toml --jobs 2", USAGE, "`--jobs`", (("s.toml", STUDY),)),
    Command("run {tmp}/s.toml --jobs 0", USAGE, "`--jobs` must", (("s.toml", SWEEP),)),
    Command("run {tmp}/s.toml --backend x", USAGE, "backend", (("s.toml", SWEEP),)),
    Command(
        "run {tmp}/s.toml --storage {tmp}/f", FAILED, "folder", (("s.toml", SWEEP), ("f", "x"))
    ),
    Command("predict {tmp}/none {tmp}/t.csv --out {tmp}/p.csv", FAILED, "file"),
    Command("predict {model} {tmp}/none.csv --out {tmp}/p.csv", FAILED, "found nothing at"),
    Command("predict {model} iris --out {tmp}/p.csv", FAILED, "is not there"),
    Command("predict {model} iris --out {tmp}/p.zip", USAGE, "`out` must end in"),
    Command("predict {model} iris", USAGE, "Missing option"),
    Command(
        "predict {tmp}/m.safetensors iris --out {tmp}/p.csv",
        FAILED,
        "not a safetensors file",
        (("m.safetensors", "hello, hello"),),
    ),
    Command("evaluate {model} iris", FAILED, "must hold the target"),
    Command("evaluate {tmp}/none iris", FAILED, "file"),
    Command("evaluate {bare} iris", USAGE, "must be a model of a table"),
    Command("describe {tmp}/none", FAILED, "file"),
    Command("describe {tmp}/m", FAILED, "it is empty", (("m", ""),)),
    Command("check {tmp}/none", FAILED, "file"),
    Command("check {model} {tmp}/none.csv", FAILED, "found nothing at"),
    Command("trace {tmp}/none.toml", USAGE, "found nothing at"),
    Command("trace {tmp}/s.toml", USAGE, "trace", (("s.toml", STUDY),)),
    Command("trace {tmp}/s.toml --format word", USAGE, "`--format` must", (("s.toml", STUDY),)),
    Command("export {model} --out {tmp}/m.zip", USAGE, "`to` must be given"),
    Command("export {model} --to onx --out {tmp}/m", USAGE, "Did you mean 'onnx'"),
    Command("export {model} --out {tmp}/no/m.py", FAILED, "Create the folder first"),
    Command("export {tmp}/none --out {tmp}/m.py", FAILED, "file"),
    Command("serve {tmp}/none", FAILED, "file"),
    Command("serve {bare}", USAGE, "must be a model of a table"),
    Command("serve {model} --workers 0", USAGE, "`workers` must"),
    Command("serve {model} --timeout 0", USAGE, "positive limit"),
    Command("serve {model} --port 1000000", USAGE, "`host` and `port` must"),
    Command("report {tmp}/none", FAILED, "must be the folder of a run"),
    Command("report {tmp}", FAILED, "must be a complete folder"),
    Command("bench --cases nothing", USAGE, "tiny|cases"),
    Command("bench --rounds 0", USAGE, "rounds"),
    Command("data get irs", FAILED, "Did you mean 'iris'"),
    Command("data get iris --out {tmp}/x.zip", USAGE, "`out` must end in"),
    Command("data convert {tmp}/no.csv --out {tmp}/x.pq", FAILED, "found nothing at"),
    Command("data convert {tmp} --out {tmp}/x.csv", USAGE, "must end in .parquet"),
    Command("data list now", USAGE, "unexpected extra argument"),
]
