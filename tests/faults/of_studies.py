"""Study files, runs and sweeps: what a file says wrongly, folders, ledgers, spaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tests.faults.kit import Kit
from tests.faults.row import Row

from mlplab import sweeps, workflows

Call = Callable[[Kit], Any]

GOOD = '[data]\nsource = "iris"\n[model]\nmax_iter = 2\n'
SWEEP = GOOD + "[sweep]\nspace = { alpha = [0.1, 0.2] }\n"

# Damage of a study file.
FILES: dict[str, tuple[Call, str]] = {
    "there is no file": (lambda k: k.tmp / "none.toml", "found nothing at"),
    "a folder": (lambda k: k.tmp, "Is a directory"),
    "an empty file": (lambda k: k.study(""), "an empty file"),
    "no TOML": (lambda k: k.study("[data\n"), "line 1: a study must be TOML"),
    "half of a file": (lambda k: k.study('[data]\nsource = "ir'), "line 2: a study must be TOML"),
    "another encoding": (lambda k: k.file("s.toml", 'name = "ü"'.encode("cp1252")), "not UTF-8"),
    "a null byte in the name": (lambda _: "a\0.toml", "null byte"),
    "no path": (lambda _: 5, "`study` must be a path"),
    "an unknown key": (lambda k: k.study('[data]\nsorce = "iris"\n'), "Did you mean 'source'"),
    "a value of another type": (lambda k: k.study(f'seed = "x"\n{GOOD}'), "`seed` must be"),
    "a value out of its range": (lambda k: k.study(f"{GOOD}alpha = -1\n"), "`alpha` must"),
    "an unknown name": (lambda k: k.study(f'{GOOD}solver = "adm"\n'), "Did you mean 'adam'"),
    "numbers beyond all bounds": (lambda k: k.study(f"seed = {10**30}\n{GOOD}"), "`seed` must"),
    "nothing to do": (lambda k: k.study('name = "x"\n'), r"must have a table \[data\]"),
}
FILE_DOORS: dict[str, Callable[[Any], Any]] = {
    "workflows.read_study": workflows.read_study,
    "workflows.run": lambda path: workflows.run(path, out=None),
    "workflows.sweep": lambda path: workflows.sweep(path, out=None),
    "workflows.trace": workflows.trace,
}


def _space(**table: Any) -> Any:
    return sweeps.space_from_table(table)


def _trainer(k: Kit, sweep: Any) -> Any:
    return sweeps.EstimatorTrainer(k.classifier(), k.X, k.y, sweep)


def _sweep(**options: Any) -> Any:
    return sweeps.Sweep(_space(alpha=[0.1, 0.2]), **{"scores": ("accuracy",), **options})


def _torn(k: Kit, name: str) -> Any:
    folder = k.tmp / "sweep"
    folder.mkdir()
    sweeps.write_tables(k.swept, k.ledger, folder)
    (folder / name).write_bytes((folder / name).read_bytes()[:100])
    return folder


def _rows() -> list[Row]:
    return [
        Row(door, f"file: {damage}", lambda k, ask=ask, make=make: ask(make(k)), words)
        for door, ask in FILE_DOORS.items()
        for damage, (make, words) in FILES.items()
    ]


MORE = [
    Row("workflows.run", "a sweep", lambda k: workflows.run(k.study(SWEEP), out=None),
        r"must have no table \[sweep\]"),
    Row("workflows.run", "data that are not there",
        lambda k: workflows.run(k.study(GOOD.replace("iris", "irs")), out=None), "line 2.*'iris'"),
    Row("workflows.run", "rows that were in memory",
        lambda k: workflows.run(k.study(GOOD.replace("iris", "(in memory)")), out=None),
        "Pass them: run"),
    Row("workflows.run", "a file where the folder should be",
        lambda k: workflows.run(k.study(GOOD), out=k.file("runs", "x")), "where a folder should"),
    Row("workflows.run", "a column to drop that is not there",
        lambda k: workflows.run(k.study(GOOD.replace("\n[model]", '\ndrop = ["x"]\n[model]')),
                                out=None), "`drop` must name columns"),
    Row("workflows.sweep", "no sweep", lambda k: workflows.sweep(k.study(GOOD), out=None),
        r"tables \[data\] and \[sweep\]"),
    Row("workflows.sweep", "an unknown parameter",
        lambda k: workflows.sweep(k.study(SWEEP.replace("alpha", "alphaa")), out=None),
        "Did you mean 'alpha'"),
    Row("workflows.sweep", "no values",
        lambda k: workflows.sweep(k.study(SWEEP.replace("[0.1, 0.2]", "[]")), out=None), "alpha"),
    Row("sweeps.merge_ledgers", "a ledger that is none",
        lambda _: sweeps.merge_ledgers(sweeps.MemoryLedger(), [sweeps.open_ledger(5)]), "a path"),
    Row("workflows.sweep", "an unknown backend",
        lambda k: workflows.sweep(k.study(SWEEP), out=None, backend="thread"),
        "Did you mean 'threads'"),
    Row("workflows.sweep", "no threads",
        lambda k: workflows.sweep(k.study(SWEEP), out=None, jobs=0), "`jobs`|`n_threads` must"),
    Row("workflows.sweep", "a file where the storage should be",
        lambda k: workflows.sweep(k.study(SWEEP), out=None, storage=k.file("s", "x")),
        "where a folder should be|must be a folder"),
    Row("workflows.trace", "nothing to trace", lambda k: workflows.trace(k.study(GOOD)),
        r"\[trace\]"),
    Row("workflows.report", "no folder", lambda k: workflows.report(k.tmp / "none"),
        "must be the folder of a run"),
    Row("workflows.report", "an empty folder", lambda k: workflows.report(k.tmp),
        "must be a complete folder"),
    Row("workflows.report", "a file", lambda k: workflows.report(k.file("x", "x")),
        "must be the folder of a run"),
    Row("workflows.report", "a record that was cut", lambda k: workflows.report(_cut_run(k)),
        "must be JSON"),
    Row("sweeps.Space", "no list of values", lambda _: _space(alpha=5), "alpha"),
    Row("sweeps.Range", "upside down", lambda _: sweeps.Range(1.0, 0.0), "`low`|low|must"),
    Row("sweeps.Range", "a logarithm from zero", lambda _: sweeps.Range(0.0, 1.0, log=True), "log"),
    Row("sweeps.Range", "not a number", lambda _: sweeps.Range(np.nan, 1.0), "must"),
    Row("sweeps.Values", "none", lambda _: sweeps.Values(()), "must|at least"),
    Row("sweeps.Parameter", "no name", lambda _: sweeps.Parameter("", sweeps.Values((1,))), "must"),
    Row("sweeps.Sweep", "no folds", lambda _: _sweep(folds=0), "folds"),
    Row("sweeps.Sweep", "nothing that varies", lambda _: sweeps.Sweep(_space()), "at least one"),
    Row("sweeps.Sweep", "no end", lambda _: _sweep(search=sweeps.Learned()), "trials"),
    Row("sweeps.Halving", "a factor of one", lambda _: sweeps.Halving(factor=1), "factor"),
    Row("sweeps.Hyperband", "no rounds", lambda _: sweeps.Hyperband(rounds=0), "rounds"),
    Row("sweeps.QuasiRandom", "an unknown sequence", lambda _: sweeps.QuasiRandom("sobl"), "sobol"),
    Row("sweeps.Learned", "an unknown sampler", lambda _: sweeps.Learned("tpee"), "tpe"),
    Row("sweeps.space_from_table", "a table that is none",
        lambda _: sweeps.space_from_table({"alpha": {"from": 1}}), "alpha"),
    Row("sweeps.sweep_from_table", "an unknown key",
        lambda _: sweeps.sweep_from_table({"spaec": {}}), "Did you mean 'space'"),
    Row("sweeps.check_scores", "no such score", lambda _: sweeps.check_scores(["accuracyy"]),
        "Did you mean 'accuracy'"),
    Row("sweeps.scorer_of", "no score", lambda _: sweeps.scorer_of(()), "at least one scorer"),
    Row("sweeps.scorer_of", "a text", lambda _: sweeps.scorer_of("accuracy"), "in a tuple"),
    Row("sweeps.EstimatorTrainer", "no score",
        lambda k: _trainer(k, _sweep(scores=())), "at least one scorer"),
    Row("sweeps.deal_rows", "more folds than rows",
        lambda _: sweeps.deal_rows(_sweep(folds=9), np.zeros(3), stratify=False), "splits"),
    Row("sweeps.run", "an unknown backend",
        lambda k: k.sweep_of({"alpha": [1.0, 2.0]}, backend="x"), "backend"),
    Row("sweeps.run", "a file as storage",
        lambda k: k.sweep_of({"alpha": [1.0, 2.0]}, storage=k.file("s", "x")), "folder"),
    Row("sweeps.run", "no path as storage",
        lambda k: k.sweep_of({"alpha": [1.0, 2.0]}, storage=5), "`storage` must be a path"),
    Row("sweeps.open_ledger", "no path", lambda _: sweeps.open_ledger(5), "must be a path"),
    Row("sweeps.FileLedger", "a file where the folder should be",
        lambda k: sweeps.FileLedger(k.file("s", "x")), "folder"),
    Row("sweeps.read_result", "no folder", lambda k: sweeps.read_result(k.tmp / "none"),
        "must hold trials.parquet"),
    Row("sweeps.read_result", "a table that was cut",
        lambda k: sweeps.read_result(_torn(k, "trials.parquet")), "must hold trials.parquet"),
    Row("sweeps.write_tables", "a file where the folder should be",
        lambda k: sweeps.write_tables(k.swept, k.ledger, k.file("s", "x")), "folder"),
    Row("sweeps.write_tables", "another ledger",
        lambda k: sweeps.write_tables(k.swept, sweeps.MemoryLedger(), k.tmp), "the one of the sw"),
    Row("sweeps.analyse", "an unknown score", lambda k: sweeps.analyse(k.swept, "acc"), "accuracy"),
    Row("sweeps.certainty", "an unknown score", lambda k: sweeps.certainty(k.swept, "acc"),
        "accuracy"),
    Row("sweeps.export_to_optuna", "a file that is there",
        lambda k: sweeps.export_to_optuna(k.swept, k.file("j", "x")), "must be a new file"),
]  # fmt: skip


def _cut_run(k: Kit) -> Any:
    import shutil

    folder = k.tmp / "run"
    shutil.copytree(k.run.folder, folder)
    (folder / "run.json").write_text('{"fit": ')
    return folder


ROWS = [*_rows(), *MORE]
