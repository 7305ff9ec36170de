"""Tables, from files and from memory: reading, describing, splitting, preparing, learning."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from tests.faults.kit import Kit, N
from tests.faults.row import Row

from mlplab import data, workflows

Call = Callable[[Kit], Any]


def _fit(table: Any, **options: Any) -> Any:
    brief = {"settings": {"max_iter": 2}, "hidden": (2,), "out": None}
    return workflows.fit(table, **{"target": "answer", **brief, **options})


# Damage of a file: how it is written, and what is said of it.
FILES: dict[str, tuple[Call, str]] = {
    "there is no file": (lambda k: k.tmp / "tablee.csv", "found nothing at"),
    "a folder": (lambda k: k.tmp, "found a folder|A folder of a table"),
    "an empty file": (lambda k: k.file("t.csv", ""), "must not be empty"),
    "names only": (lambda k: k.file("t.csv", "a,b\n"), "only the names of its 2 columns"),
    "no names": (lambda k: k.file("t.csv", "1,2\n3,4\n"), "must hold the names"),
    "names twice": (lambda k: k.file("t.csv", "a,b,a\n1,2,3\n"), "got 'a' 2 times"),
    "more values than names": (lambda k: k.file("t.csv", "a,b\n1,2,3\n"), "2 names and 3 values"),
    "a line that is longer": (lambda k: k.file("t.csv", "a,b\n1,2\n1,2,3\n"), "2 values"),
    "an open quote": (lambda k: k.file("t.csv", 'a,b\n1,2\n"x,3\n4,5\n'), "values|CSV"),
    "another encoding": (lambda k: k.file("t.csv", "grö,b\n1,2\n".encode("cp1252")), "latin-1"),
    "binary data": (lambda k: k.file("t.csv", b"a,b\n1,\x002\n"), "binary data"),
    "Excel": (lambda k: k.file("t.xlsx", b"PK\x03\x04rest"), "another format"),
    "half of a gzipped file": (
        lambda k: k.file("t.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99)[:-6]),
        "must be complete|is compressed",
    ),
    "text called Parquet": (lambda k: k.file("t.parquet", "a,b\n1,2\n"), "readable by pyarrow"),
    "half of a Parquet file": (lambda k: k.cut(_parquet(k)), "readable by pyarrow"),
    "an empty Parquet file": (lambda k: k.file("t.parquet", ""), "readable by pyarrow"),
    "a null byte in the name": (lambda _: "a\0.csv", "null byte"),
    "a name that is too long": (lambda _: "a" * 5000 + ".csv", "more than 255 bytes"),
}


def _parquet(k: Kit) -> Any:
    path = k.tmp / "whole.parquet"
    k.table.to_parquet(path)
    return path


FILE_DOORS: dict[str, Callable[[Kit, Any], Any]] = {
    "data.read": lambda _, path: data.read(path),
    "workflows.fit": lambda _, path: _fit(path),
    "workflows.predict": lambda k, path: workflows.predict(k.model_file, path),
    "workflows.evaluate": lambda k, path: workflows.evaluate(k.model_file, path),
    "workflows.data_convert": lambda k, path: workflows.data_convert(
        path, k.tmp / "no" / "made.pq"
    ),
    "workflows.check": lambda k, path: workflows.check(k.model_file, path),
    "data.blocks": lambda _, path: list(data.blocks(path)),
    "workflows.predict_file": lambda k, path: workflows.predict_file(
        k.model_file, path, k.tmp / "p.csv", blocks=True
    ),
}

# Damage of a table in memory.
TABLES: dict[str, tuple[Callable[[pd.DataFrame], Any], str]] = {
    "no table": (lambda _: 5, "A table must be a frame"),
    "a list of dicts": (lambda t: t.to_dict("records"), "A table must be a frame"),
    "three axes": (lambda _: np.zeros((3, 3, 3)), "two axes"),
    "names twice": (lambda t: pd.concat([t, t], axis=1), "got 'size' 2 times"),
    "lists in a column": (lambda t: t.assign(size=[[1, 2]] * N), "single values|a number in every"),
}
TABLE_DOORS: dict[str, Callable[[Kit, Any], Any]] = {
    "workflows.fit": lambda _, t: _fit(t),
    "workflows.predict": lambda k, t: workflows.predict(k.model_file, t),
    "workflows.evaluate": lambda k, t: workflows.evaluate(k.model_file, t),
    "data.describe": lambda _, t: data.describe(t),
    "data.infer_kinds": lambda _, t: data.infer_kinds(t),
    "data.Preparation": lambda _, t: data.Preparation().fit(t),
}
# Damage that only what was learned shows.
UNLIKE: dict[str, tuple[Callable[[pd.DataFrame], Any], str]] = {
    "no rows": (lambda t: t.head(0), "at least 1 row|must hold values|empty in every row"),
    "a column is missing": (lambda t: t.drop(columns="age"), "'age' is not there"),
    "a column is misspelt": (lambda t: t.rename(columns={"age": "agee"}), "'age' is not there"),
    "words among numbers": (lambda t: t.assign(size=[1, "a"] * (N // 2)), "'size' must hold a num"),
    "infinity": (lambda t: t.assign(size=np.inf), "must hold finite numbers"),
    "dates for numbers": (lambda t: t.assign(size=pd.Timestamp("2020")), "must hold a number"),
    "periods for numbers": (
        lambda t: t.assign(size=pd.period_range("2020", periods=N)),
        "must hold a number",
    ),
    "complex numbers": (lambda t: t.assign(size=1j), "must hold a number"),
    "huge integers": (lambda t: t.assign(size=[10**400] * N), "finite numbers"),
}


def _empty_folder(k: Kit) -> Any:
    """Return a folder that holds no table."""
    folder = k.tmp / "empty"
    folder.mkdir(exist_ok=True)
    return folder


def _text(k: Kit) -> Any:
    """Return a good file of text."""
    path = k.tmp / "rows.csv"
    k.table.to_csv(path, index=False)
    return path


def _rows() -> list[Row]:
    found = [
        Row(door, f"file: {damage}", lambda k, ask=ask, make=make: ask(k, make(k)), words)
        for door, ask in FILE_DOORS.items()
        for damage, (make, words) in FILES.items()
    ]
    found += [
        Row(door, f"table: {damage}", lambda k, ask=ask, make=make: ask(k, make(k.table)), words)
        for door, ask in TABLE_DOORS.items()
        for damage, (make, words) in TABLES.items()
        if (door, damage) not in _WITHOUT_TARGET
    ]
    return found + [
        Row(door, damage, lambda k, ask=TABLE_DOORS[door], m=make: ask(k, m(k.table)), words)
        for door in ("workflows.predict", "workflows.evaluate")
        for damage, (make, words) in UNLIKE.items()
    ]


# These are asked for the target first, which such tables have not.
_WITHOUT_TARGET = {
    ("workflows.evaluate", "three axes"),
    ("data.describe", "lists in a column"),
}

MORE = [
    Row("data.read", "no such encoding",
        lambda k: data.read(k.file("t.csv", "a\n1\n"), encoding="utf-99"), "`encoding` must"),
    Row("data.read", "two characters as separator",
        lambda k: data.read(k.file("t.csv", "a\n1\n"), separator="::"), "`separator` must"),
    Row("data.blocks", "no rows a block",
        lambda k: data.blocks(k.csv(), block_rows=0), "`block_rows` must"),
    Row("data.blocks", "no files", lambda _: data.blocks([]), "must"),
    Row("data.blocks", "files with other columns",
        lambda k: data.blocks([k.csv("a.csv"), k.file("b.csv", "x,y\n1,2\n")]), "column"),
    Row("workflows.predict_file", "an unknown suffix",
        lambda k: workflows.predict_file(k.model_file, k.csv(), k.tmp / "p.zip"), "must end in"),
    Row("workflows.predict_file", "no path",
        lambda k: workflows.predict_file(k.model_file, k.csv(), 5), "`out` must be a path"),
    Row("workflows.predict_file", "a column is missing",
        lambda k: workflows.predict_file(
            k.model_file, k.file("t.csv", "size,colour\n1,red\n"), k.tmp / "p.csv", blocks=True),
        "'age' is not there"),
    Row("data.load", "no such data set", lambda _: data.load("irs"), "Did you mean 'iris'"),
    Row("data.load", "no name", lambda _: data.load(5), "must be|no data set|got 5"),
    Row("data.find_target", "a target that is not there",
        lambda k: data.find_target(k.table, "answr"), "Did you mean 'answer'"),
    Row("data.find_target", "no such task",
        lambda k: data.find_target(k.table, "answer", "regressionn"), "Did you mean 'regression'"),
    Row("data.infer_kinds", "a kind that is none",
        lambda k: data.infer_kinds(k.table, {"size": "numric"}), "Did you mean 'numeric'"),
    Row("data.Preparation", "a scaling that is none",
        lambda k: data.Preparation(scaling="robut").fit(k.table), "robust"),
    Row("data.Preparation", "nothing that could be a feature",
        lambda k: data.Preparation().fit(k.table[["colour"]].assign(colour="x")), "at least one"),
    Row("data.Preparation", "other columns than in fit",
        lambda k: data.Preparation().fit(k.table).transform(k.table[["age"]]), "is not there"),
    Row("data.to_frame", "a text", lambda _: data.to_frame("x"), "A table must be a frame"),
    Row("data.to_frame", "columns of different length",
        lambda _: data.to_frame({"a": [1], "b": [1, 2]}), "'a': 1, 'b': 2"),
    Row("data.check_rows", "one row", lambda k: data.check_rows(k.table.head(1)), "at least 2"),
    Row("data.split_rows", "no rows", lambda _: data.split_rows(0), "row"),
    Row("data.split_rows", "parts larger than the whole",
        lambda _: data.split_rows(10, validation=0.6, test=0.6), "leave rows for training"),
    Row("data.split_rows", "classes of other rows",
        lambda _: data.split_rows(10, stratify=[1, 2]), "10|rows"),
    Row("data.split_rows", "times that are none",
        lambda _: data.split_rows(3, time=["2024-01-01", "soon", "2024-01-03"]), "time"),
    Row("data.group_codes", "groups of other rows",
        lambda _: data.group_codes(["a", "b"], 3), "one value a row"),
    Row("data.group_codes", "lists as groups",
        lambda _: data.group_codes(np.array([None, [1], [2]], object), 3), "must"),
    Row("data.time_ranks", "times of other rows",
        lambda _: data.time_ranks([1.0, 2.0], 3), "one value a row"),
    Row("data.time_ranks", "a time is missing", lambda _: data.time_ranks([1.0, None], 2), "time"),
    Row("data.time_ranks", "words as times", lambda _: data.time_ranks(["x", "y"], 2), "time"),
    Row("data.drop_unlabelled", "a column that is not there",
        lambda k: data.drop_unlabelled(k.table.assign(answer=None), ["answer"]), "hold values"),
    Row("data.TargetEncoding", "classes that training never saw",
        lambda k: k.run.model.encoding.encode(k.table.assign(answer="maybe")), "training saw"),
    Row("workflows.fit", "one row", lambda k: _fit(k.table.head(1)), "at least 2 rows"),
    Row("workflows.fit", "one class", lambda k: _fit(k.table.assign(answer="yes")),
        "at least two classes"),
    Row("workflows.fit", "a target that is not there", lambda k: _fit(k.table, target="answr"),
        "Did you mean 'answer'"),
    Row("workflows.fit", "a target without values", lambda k: _fit(k.table.assign(answer=None)),
        "empty in every row"),
    Row("workflows.fit", "another class in every row",
        lambda k: _fit(k.table.assign(answer=[f"w{n}" for n in range(N)])), "classes that repeat"),
    Row("workflows.fit", "constant columns alone",
        lambda k: _fit(k.table.assign(size=1, age=1, colour="x")), "at least one column"),
    Row("workflows.fit", "infinity in a column",
        lambda k: _fit(k.table.assign(size=[np.inf, *range(N - 1)])), "finite numbers"),
    Row("workflows.fit", "words as numbers",
        lambda k: _fit(k.table, task="regression"), "must hold numbers"),
    Row("workflows.fit", "a column to drop that is not there",
        lambda k: _fit(k.table, drop=["agee"]), "Did you mean 'age'"),
    Row("workflows.fit", "the target to drop", lambda k: _fit(k.table, drop=["answer"]),
        "must not name the target"),
    Row("workflows.fit", "an unknown way of reading",
        lambda k: _fit(k.csv(), reading={"separatorr": ";"}), "Did you mean 'separator'"),
    Row("workflows.fit", "a way of reading what is in memory",
        lambda k: _fit(k.table, reading={"separator": ";"}), "about reading a file"),
    Row("workflows.fit", "rows and targets of different number",
        lambda k: workflows.fit((k.X, k.y[:3]), out=None), "got 40 and 3"),
    Row("workflows.fit", "a negative seed", lambda k: _fit(k.table, seed=-1), "`seed` must"),
    Row("workflows.fit", "a share beyond one", lambda k: _fit(k.table, test=1.5), "`test` must"),
    Row("workflows.fit", "an unknown setting",
        lambda k: _fit(k.table, settings={"alphaa": 1}), "Did you mean 'alpha'"),
    Row("workflows.fit", "an unknown tracker", lambda k: _fit(k.table, track=["mlfow"]),
        "mlflow"),
    Row("workflows.fit", "a file where the folder should be",
        lambda k: _fit(k.table, out=k.file("runs", "x")), "where a folder should be"),
    Row("workflows.fit", "a loss that diverges",
        lambda k: _fit(k.table.assign(answer=k.X[:, 0] * 1e3), settings={
            "solver": "sgd", "learning_rate_init": 1e9, "standardise_target": False}),
        "non-finite"),
    Row("workflows.evaluate", "classes that training never saw",
        lambda k: workflows.evaluate(k.model_file, k.table.assign(answer="maybe")),
        "a class that training saw"),
    Row("workflows.evaluate", "no target",
        lambda k: workflows.evaluate(k.model_file, k.table.drop(columns="answer")),
        "must hold the target"),
    Row("workflows.data_get", "no such data set", lambda _: workflows.data_get("irs"),
        "Did you mean 'iris'"),
    Row("workflows.data_get", "an unknown suffix",
        lambda k: workflows.data_get("iris", k.tmp / "x.zip"), "`out` must end in"),
    Row("workflows.data_get", "no such folder",
        lambda k: workflows.data_get("iris", k.tmp / "no" / "x.csv"), "Create the folder first"),
    Row("workflows.data_convert", "an unknown suffix",
        lambda k: workflows.data_convert(k.tmp, k.tmp / "x.csv"), "must end in .parquet"),
    Row("workflows.data_convert", "nothing to read",
        lambda k: workflows.data_convert(k.tmp / "no.csv", k.tmp / "x.pq"), "found nothing at"),
    Row("workflows.data_convert", "a folder without tables",
        lambda k: workflows.data_convert(_empty_folder(k), k.tmp / "x.pq"), "holds none"),
    Row("workflows.data_convert", "a number for a path",
        lambda k: workflows.data_convert(7, k.tmp / "x.pq"), "must be a path"),
    Row("workflows.data_convert", "into the folder that is read",
        lambda k: workflows.data_convert(k.tmp, k.tmp / "x.pq"), "outside of the folder"),
    Row("workflows.data_convert", "an unknown way of reading",
        lambda k: workflows.data_convert(_text(k), k.tmp / "x.pq", reading={"sep": ";"}),
        "separator"),
    Row("workflows.data_convert", "no such folder",
        lambda k: workflows.data_convert(_text(k), k.tmp / "no" / "x.pq"),
        "Create the folder first"),
]  # fmt: skip

ROWS = [*_rows(), *MORE]
