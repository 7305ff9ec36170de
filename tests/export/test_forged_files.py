"""Whatever a model file holds, reading it gives a model that answers, or an error by name.

Two kinds of damage: bytes that were altered, which the checksum tells; and files whose writer
altered what he liked and computed the checksum anew, which only the checks of every part tell.
"""

from __future__ import annotations

import copy
import json
import random
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.export.portable_models import trained

import mlplab
from mlplab import MLPClassifier, MLPEnsemble
from mlplab.errors import MLPLabError, ModelFileError, ParameterError
from mlplab.export import from_bytes, to_bytes
from mlplab.results import ModelArtifact

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _keeps_all() -> tuple[Any, Any]:
    """Return a network with everything that going on needs, and its rows."""
    X = np.random.default_rng(0).normal(size=(60, 4))
    settings: dict[str, Any] = {"warm_start": "state", "early_stopping": True, "dropout": 0.1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = X[:, 0] + X[:, 1] > 0
        model = MLPClassifier(
            (3,), max_iter=4, random_state=0, class_weight={0: 1, 1: 2}, **settings
        )
        return model.fit(X, y), X


def _models() -> dict[str, tuple[Any, Any]]:
    """Return models of every kind that can be saved, each with rows."""
    names = ("table: mixed", "table: dates", "table: mixed, tags", "estimator: class variables")
    names += ("estimator: autoencoder", "estimator: huber")
    found = {name: (trained(name).model, trained(name).rows) for name in names}
    table = trained("table: mixed")
    found["preparation"] = (table.model.preparation, table.rows)
    found["standing"], rows = _keeps_all(), _keeps_all()[1]
    members = MLPEnsemble(MLPClassifier((3,), max_iter=2, random_state=0), 2)
    found["ensemble"] = (members.fit(rows, rows[:, 0] > 0), rows)
    return found


@pytest.fixture(scope="module")
def models() -> dict[str, tuple[Any, Any]]:
    """Models of every kind, with rows."""
    return _models()


def _answers(model: Any, rows: Any) -> list[Any]:
    """Ask a model for everything that it has to say."""
    asked = ["predict", "reconstruct", "transform"]
    if getattr(model, "has_probabilities", True):
        asked.append("predict_proba")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [getattr(model, name)(rows) for name in asked if hasattr(model, name)]


# ---------------------------------------------------------------------- altered bytes


def _altered_bytes(
    models: dict[str, tuple[Any, Any]], count: int, seed: int, path: Path
) -> Counter[str]:
    """Alter bytes of files: each is refused, or answers as the model did."""
    rng = random.Random(seed)  # noqa: S311  # no secrets here
    files = {name: to_bytes(model.to_artifact()) for name, (model, _) in models.items()}
    outcomes: Counter[str] = Counter()
    for _ in range(count):
        name = rng.choice(list(files))
        altered = bytearray(files[name])
        for _ in range(rng.choice((1, 1, 1, 2, 8))):
            # The table comes first and decides all, so every second place is in it.
            end = len(altered) if rng.random() < 0.5 else min(len(altered), 4000)
            altered[rng.randrange(end)] ^= rng.randrange(1, 256)
        if rng.random() < 0.1:
            del altered[rng.randrange(len(altered)) :]
        path.write_bytes(altered)
        try:
            again = mlplab.load(path)
        except ModelFileError:
            outcomes["refused"] += 1
            continue
        outcomes["answered as before"] += 1
        model, rows = models[name]
        for one, other in zip(_answers(again, rows), _answers(model, rows), strict=True):
            np.testing.assert_array_equal(one, other)
    assert outcomes["refused"] > 0.9 * count
    return outcomes


def test_altered_bytes_are_noticed(
    models: dict[str, tuple[Any, Any]], seed: int, tmp_path: Path
) -> None:
    """200 files of real models."""
    _altered_bytes(models, 200, seed, tmp_path / "m.safetensors")


@pytest.mark.slow
def test_ten_thousand_altered_files_are_noticed(
    models: dict[str, tuple[Any, Any]], seed: int, tmp_path: Path, record_property: Any
) -> None:
    """10,000 files of real models."""
    found = _altered_bytes(models, 10_000, seed, tmp_path / "m.safetensors")
    for outcome, count in found.items():
        record_property(outcome, count)


# ---------------------------------------------------------------------- forged files

STRANGE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    3,
    10**6,
    10**30,
    -(10**30),
    1e308,
    float("inf"),
    float("nan"),
    0.5,
    "",
    "x",
    "relu",
    "float64",
    "U1000000000",
    "predict",
    "__class__",
    [],
    [1],
    ["a"],
    [[1]],
    {},
    {"a": 1},
    {"$optimiser": "adam"},
    {"$loss": {"name": "huber"}},
    {"$pairs": [[1, 2]]},
    {"kind": "dense", "fan_in": 10**9, "fan_out": 10**9},
    {"dtype": "U100000000", "values": ["a"]},
    list(range(700)),
    "a" * 10_000,
)
KINDS = (
    "MLPEnsemble",
    "MLPClassifier",
    "MLPRegressor",
    "MLPAutoencoder",
    "Preparation",
    "TabularModel",
    "X",
)
ARRAYS = ("slot/x", "rows/order", "rows/aside", "generator/key", "best_parameters", "q")


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths to all values of a header, and to the first ones of lists."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else ()
    items = list(enumerate(value[:6])) if isinstance(value, list) else items
    for key, inner in items:
        yield from _places(inner, (*path, key))


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _alter_header(header: dict[str, Any], rng: random.Random) -> None:
    path = rng.choice(list(_places(header)))
    parent, key = _at(header, path[:-1]), path[-1]
    strange = copy.deepcopy(rng.choice(STRANGE))
    how = rng.random()
    if how < 0.15:
        del parent[key]
    elif how < 0.25 and isinstance(parent, dict):
        parent[rng.choice(("predict", "coefs_", "kind", "x"))] = strange
    elif how < 0.45 and type(parent[key]) in {int, float}:
        parent[key] = parent[key] * rng.choice((-1, 2, 0.5, 1000))
    else:
        parent[key] = strange


def _alter_arrays(arrays: dict[str, Any], rng: random.Random) -> None:
    name = rng.choice(list(arrays))
    array, how = arrays[name], rng.random()
    if how < 0.2:
        del arrays[name]
    elif how < 0.4:
        arrays[name] = np.zeros(rng.choice([(0,), (1,), (2, 2), (3, 0), (), (1, 1, 1)]))
    elif how < 0.6 and array.dtype.kind != "U":
        with np.errstate(all="ignore"):
            kind = rng.choice(["int8", "float16", "float32", "bool", "complex64"])
            arrays[name] = array.astype(kind)
    elif how < 0.7:
        arrays[name] = np.array(["a", "b"])
    elif how < 0.85 and array.dtype in {np.dtype("float32"), np.dtype("float64")}:
        arrays[name] = np.full_like(array, rng.choice([np.nan, np.inf, 1e30]))
    else:
        other = rng.choice(
            [np.zeros(3), np.arange(5), np.zeros((2, 3)), np.arange(10**6, 10**6 + 60)]
        )
        arrays[rng.choice(ARRAYS)] = other


def _forged(artifact: ModelArtifact, rng: random.Random) -> ModelArtifact:
    """Return an artifact with one or two parts replaced by something else."""
    header, arrays, kind = (
        json.loads(json.dumps(artifact.header)),
        dict(artifact.arrays),
        artifact.kind,
    )
    for _ in range(rng.choice((1, 1, 1, 2))):
        what = rng.random()
        if what < 0.75 and header:
            _alter_header(header, rng)
        elif what < 0.97 and arrays:
            _alter_arrays(arrays, rng)
        else:
            kind = rng.choice(KINDS)
    return ModelArtifact(kind, header, arrays)


def _forge(models: dict[str, tuple[Any, Any]], count: int, seed: int, path: Path) -> Counter[str]:
    """Forge files: each is refused by name, or its model answers or refuses by name."""
    rng = random.Random(seed)  # noqa: S311  # no secrets here
    artifacts = {name: model.to_artifact() for name, (model, _) in models.items()}
    outcomes: Counter[str] = Counter()
    for _ in range(count):
        name = rng.choice(list(artifacts))
        try:
            path.write_bytes(to_bytes(_forged(artifacts[name], rng)))
        except ParameterError:
            continue  # no file can hold it
        try:
            again = mlplab.load(path)
        except ModelFileError:
            outcomes["refused"] += 1
            continue
        try:
            _answers(again, models[name][1])
            outcomes["answered"] += 1
        except MLPLabError:
            outcomes["refused later"] += 1
    assert outcomes["refused"] > 0.6 * count
    assert outcomes["refused later"] < 0.05 * count
    return outcomes


def test_forged_files_are_refused_or_answer(
    models: dict[str, tuple[Any, Any]], seed: int, tmp_path: Path
) -> None:
    """300 files with right checksums and wrong content."""
    _forge(models, 300, seed, tmp_path / "m.safetensors")


@pytest.mark.slow
def test_ten_thousand_forged_files_are_refused_or_answer(
    models: dict[str, tuple[Any, Any]], seed: int, tmp_path: Path, record_property: Any
) -> None:
    """10,000 files with right checksums and wrong content."""
    found = _forge(models, 10_000, seed, tmp_path / "m.safetensors")
    for outcome, count in found.items():
        record_property(outcome, count)


FORGERIES = {
    "an attribute that is a method": (("fitted", "predict"), "x"),
    "a class of a billion letters": (
        ("labels", "classes"),
        [{"dtype": "U999999999", "values": ["a", "b"]}],
    ),
    "a class of objects": (("labels", "classes"), [{"dtype": "V999999999", "values": ["a", "b"]}]),
    "classes of another number": (("labels", "classes"), [{"dtype": "<i8", "values": [1, 2, 3]}]),
    "a layer of a billion units": (
        ("network",),
        [
            {"kind": "dense", "fan_in": 4, "fan_out": 10**9},
            {"kind": "dense", "fan_in": 10**9, "fan_out": 1},
        ],
    ),
    "layers that do not follow": (
        ("network",),
        [
            {"kind": "dense", "fan_in": 4, "fan_out": 3},
            {"kind": "dense", "fan_in": 4, "fan_out": 1},
        ],
    ),
    "a loss for numbers": (("loss",), {"name": "huber", "delta": 1.0}),
    "a step before the first": (("plan", "n_rows"), -1),
    "a parameter that is none": (("parameters", "solver"), "adm"),
    "a name that is a number": (("feature_names",), [1, 2, 3, 4]),
    "rows that nobody has": (("standing", "n_rows"), 10**9),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused(name: str) -> None:
    """Those that would take memory, or be noticed late, by name."""
    model, _ = _keeps_all()
    artifact = model.to_artifact()
    header = json.loads(json.dumps(artifact.header))
    path, value = FORGERIES[name]
    _at(header, path[:-1])[path[-1]] = value
    content = to_bytes(ModelArtifact(artifact.kind, header, artifact.arrays))
    with pytest.raises(ModelFileError):
        MLPClassifier.from_artifact(from_bytes(content))
