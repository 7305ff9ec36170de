"""Model files, and everything that takes a model: load, save, export, explain, serve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tests.faults.kit import Kit
from tests.faults.row import Row

import mlplab
from mlplab import explain, export, serving, workflows

Call = Callable[[Kit], Any]

# Doors that read a model file, and how they are asked.
READERS: dict[str, Callable[[Kit, Any], Any]] = {
    "mlplab.load": lambda _, path: mlplab.load(path),
    "workflows.load": lambda _, path: workflows.load(path),
    "export.read_artifact": lambda _, path: export.read_artifact(path),
    "workflows.predict": lambda k, path: workflows.predict(path, k.table),
    "workflows.evaluate": lambda k, path: workflows.evaluate(path, k.table),
    "workflows.describe": lambda _, path: workflows.describe(path),
    "workflows.check": lambda _, path: workflows.check(path),
    "workflows.export": lambda k, path: workflows.export(path, k.tmp / "out.py"),
    "serving.build_app": lambda _, path: serving.build_app(path),
    "serving.serve": lambda _, path: serving.serve(path, port=0),
}
FILES: dict[str, tuple[Call, str]] = {
    "there is no file": (lambda k: k.tmp / "none.safetensors", "must be a file|there is no"),
    "a folder": (lambda k: k.tmp, "it is a folder"),
    "an empty file": (lambda k: k.file("e.safetensors", ""), "it is empty"),
    "the first half of a file": (lambda k: k.cut(k.model_file), "it was cut off"),
    "a file without its last byte": (lambda k: k.cut(k.model_file, 0.9999), "cut off|altered"),
    "a changed byte": (lambda k: k.altered(k.model_file), "it was altered"),
    "a pickle": (lambda k: k.file("m.safetensors", b"\x80\x04K\x01."), "looks like a pickle"),
    "a file of text": (lambda k: k.file("m.safetensors", "hello"), "not a safetensors file"),
    "a null byte in the name": (lambda _: "a\0b.safetensors", "holds a null byte"),
    "a name that is too long": (lambda _: "a" * 5000, "more than 255 bytes"),
}
# Doors that write a file, and how they are asked.
WRITERS: dict[str, Callable[[Kit, Any], Any]] = {
    "mlplab.save": lambda k, path: mlplab.save(path, k.fitted),
    "workflows.save": lambda k, path: workflows.save(path, k.fitted),
    "export.to_safetensors": lambda k, path: export.to_safetensors(k.fitted, path),
    "export.write_artifact": lambda k, path: export.write_artifact(k.fitted.to_artifact(), path),
    "export.to_onnx": lambda k, path: export.to_onnx(k.fitted, path),
    "export.to_python": lambda k, path: export.to_python(k.fitted, path),
    "export.to_c": lambda k, path: export.to_c(k.fitted, path),
}
PLACES: dict[str, tuple[Call, str]] = {
    "no such folder": (lambda k: k.tmp / "no" / "model.h", "Create the folder first"),
    "a folder in its place": (lambda k: k.tmp, "A folder stands where the file should be"),
    "a file as the folder": (lambda k: k.file("f", "x") / "model.h", "where a folder should be"),
    "no path": (lambda _: None, "`path` must be a path"),
    "a null byte": (lambda _: "a\0b", "holds a null byte"),
    "a name that is too long": (lambda k: k.tmp / ("a" * 300), "more than 255 bytes"),
}
# Doors that take a model itself.
TAKERS: dict[str, Callable[[Kit, Any], Any]] = {
    "mlplab.save": lambda k, model: mlplab.save(k.tmp / "m.safetensors", model),
    "export.to_safetensors": lambda k, model: export.to_safetensors(model, k.tmp / "m"),
    "export.to_onnx": lambda k, model: export.to_onnx(model, k.tmp / "m.onnx"),
    "export.to_python": lambda k, model: export.to_python(model, k.tmp / "m.py"),
    "export.to_c": lambda k, model: export.to_c(model, k.tmp / "m.h"),
    "explain.describe": lambda _, model: explain.describe(model),
    "explain.gradient_check": lambda k, model: explain.gradient_check(model, k.X, k.y),
    "explain.health": lambda k, model: explain.health(model, k.X, k.y),
    "explain.trace": lambda k, model: explain.trace(model, k.X, k.y),
    "workflows.describe": lambda _, model: workflows.describe(model),
    "workflows.check": lambda _, model: workflows.check(model),
    "workflows.evaluate": lambda k, model: workflows.evaluate(model, k.table),
    "workflows.predict": lambda k, model: workflows.predict(model, k.table),
    "serving.build_app": lambda _, model: serving.build_app(model),
}
STRANGERS: dict[str, Any] = {"a number": 5, "a class": mlplab.MLPClassifier, "a dict": {}}


def _rows() -> list[Row]:
    found = [
        Row(door, damage, lambda k, ask=ask, make=make: ask(k, make(k)), words)
        for door, ask in READERS.items()
        for damage, (make, words) in FILES.items()
    ]
    found += [
        Row(door, f"written to: {damage}", lambda k, ask=ask, make=make: ask(k, make(k)), words)
        for door, ask in WRITERS.items()
        for damage, (make, words) in PLACES.items()
    ]
    found += [
        Row(door, f"of {what}", lambda k, ask=ask, model=model: ask(k, model), "must be")
        for door, ask in TAKERS.items()
        for what, model in STRANGERS.items()
    ]
    # A class with methods of its own is no network that was trained.
    return found


MORE = [
    Row("mlplab.save", "not fitted", lambda k: mlplab.save(k.tmp / "m", k.classifier()),
        "not fitted yet"),
    Row("mlplab.load", "a file of Python that is none",
        lambda k: mlplab.load(k.file("m.py", "import os")), "must be one that mlplab.export"),
    Row("export.read_python", "a file of Python that is none",
        lambda k: export.read_python(k.file("m.py", "(((")), "must be one that mlplab.export"),
    Row("export.read_python", "no file", lambda k: export.read_python(k.tmp / "m.py"),
        "must be a file"),
    Row("export.to_bytes", "no artifact", lambda _: export.to_bytes(5), "must be a ModelArtifact"),
    Row("export.from_bytes", "no bytes", lambda _: export.from_bytes("x"), "must be the bytes"),
    Row("export.join", "no mapping", lambda _: export.join([]), "must be a mapping"),
    Row("export.split", "no artifact", lambda _: export.split(5), "must be a ModelArtifact"),
    Row("export.split", "a model that was not joined",
        lambda k: export.split(k.fitted.to_artifact()), "must list its parts"),
    Row("export.to_c", "a name that is none in C",
        lambda k: export.to_c(k.fitted, k.tmp / "m.h", name="2 x"), "`name`"),
    Row("export.to_c", "a dtype that C lacks",
        lambda k: export.to_c(k.fitted, k.tmp / "m.h", dtype="float16"), "`dtype`"),
    Row("workflows.export", "no such format",
        lambda k: workflows.export(k.model_file, k.tmp / "m.onnx", "onx"), "Did you mean 'onnx'"),
    Row("workflows.export", "a name that tells no format",
        lambda k: workflows.export(k.model_file, k.tmp / "m.zip"), "`to` must be given"),
    Row("workflows.export", "over the model itself",
        lambda k: workflows.export(_copied(k), _copied(k)), "another file than the model"),
    Row("workflows.predict", "a bare network", lambda k: workflows.predict(k.bare_file, k.table),
        "must be a model of a table"),
    Row("workflows.predict", "written over the rows",
        lambda k: workflows.predict(k.model_file, k.csv("t.csv"), k.tmp / "t.csv"),
        "another file than the table"),
    Row("workflows.predict", "a column to keep that is not there",
        lambda k: workflows.predict(k.model_file, k.table, keep="agee"), "Did you mean 'age'"),
    Row("workflows.predict", "an unknown suffix",
        lambda k: workflows.predict(k.model_file, k.table, k.tmp / "p.zip"), "`out` must end in"),
    Row("workflows.describe", "not fitted", lambda k: workflows.describe(k.tmp / "x"),
        "must be a file|there is no"),
    Row("explain.gradient_check", "X holds NaN",
        lambda k: explain.gradient_check(k.fitted, k.spoiled(np.nan), k.y), "contains NaN"),
    Row("explain.gradient_check", "no rows", lambda k: explain.gradient_check(k.fitted),
        "must be given"),
    Row("explain.gradient_check", "a tolerance of nothing",
        lambda k: explain.gradient_check(k.fitted, k.X, k.y, tolerance=0), "`tolerance`"),
    Row("explain.health", "X holds NaN",
        lambda k: explain.health(k.fitted, k.spoiled(np.nan), k.y), "contains NaN"),
    Row("explain.health", "no rows at most",
        lambda k: explain.health(k.fitted, k.X, k.y, max_rows=0), "`max_rows` must"),
    Row("explain.trace", "rows that are not there",
        lambda k: explain.trace(k.fitted, k.X, k.y, rows=[99]), "row"),
    Row("explain.trace", "letters that nobody writes",
        lambda k: explain.trace(k.fitted, k.X, k.y, notation="x"), "notation"),
    Row("explain.trace", "a network that is too large",
        lambda k: explain.trace(_wide(k), k.X, k.y), "20,000|lines"),
    Row("serving.build_app", "a bare network", lambda k: serving.build_app(k.bare_file),
        "must be a model of a table"),
    Row("serving.Limits", "no time", lambda _: serving.Limits(seconds=0), "positive limit"),
    Row("serving.serve", "no workers", lambda k: serving.serve(k.model_file, workers=0),
        "`workers` must"),
    Row("serving.serve", "a port beyond the last",
        lambda k: serving.serve(k.model_file, port=10**6), "`host` and `port` must"),
    Row("serving.serve", "an address of nobody",
        lambda k: serving.serve(k.model_file, host="256.1.1.1"), "`host` and `port` must"),
]  # fmt: skip


def _copied(k: Kit) -> Any:
    path = k.tmp / "copy.safetensors"
    return path if path.exists() else k.copy(k.model_file)


def _wide(k: Kit) -> Any:
    return k.classifier(hidden_layer_sizes=(400, 400), max_iter=1).fit(k.X, k.y)


ROWS = [*_rows(), *MORE]
