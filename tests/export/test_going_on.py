"""Files give estimators that can go on training, bit for bit where the memory was stored."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.export.portable_models import ESTIMATORS, Case, trained

import mlplab
from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor, export
from mlplab.errors import ModelFileError
from mlplab.optim import SGD

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = np.random.default_rng(0).normal(size=(90, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
SETTINGS: dict[str, dict[str, Any]] = {
    "adam": {"solver": "adam", "dropout": 0.2},
    "sgd": {"solver": "sgd", "learning_rate": "adaptive"},
    "object": {"solver": SGD(0.5, nesterov=False), "learning_rate": "cosine"},
    "nadam": {"solver": "nadam", "l1": 0.01, "clip_norm": 1.0},
    "early": {"solver": "rmsprop", "early_stopping": True, "stopping": "loss"},
    "float32": {"solver": "adagrad", "dtype": "float32"},
    "lbfgs": {"solver": "lbfgs"},
}


def same(one: Any, other: Any) -> None:
    """Compare the bits of all weights, and what the fits have told."""
    for name in ("coefs_", "intercepts_"):
        for mine, yours in zip(getattr(one, name), getattr(other, name), strict=True):
            np.testing.assert_array_equal(mine, yours)
    assert one.loss_curve_ == other.loss_curve_


@pytest.mark.parametrize("name", SETTINGS)
def test_a_warm_start_goes_on_from_a_file(name: str, tmp_path: Path) -> None:
    """Two fits with a file in between are two fits."""
    settings = {"max_iter": 6, "random_state": 0, "warm_start": "state", **SETTINGS[name]}
    kept = MLPClassifier((5,), **settings).fit(X, Y)
    again = mlplab.load(mlplab.save(tmp_path / "m.safetensors", kept))
    same(again.fit(X, Y), kept.fit(X, Y))


@pytest.mark.parametrize("name", [name for name in SETTINGS if name not in {"lbfgs", "early"}])
def test_a_stream_goes_on_from_a_file(name: str, tmp_path: Path) -> None:
    """Partial fits do not notice the file between them."""
    kept: Any
    for kept in (
        MLPClassifier((5,), random_state=0, **SETTINGS[name]).partial_fit(X, Y, classes=[0, 1, 2]),
        MLPRegressor(hidden_layer_sizes=(5,), random_state=0, **SETTINGS[name]).partial_fit(X, Y),
        MLPAutoencoder((3,), random_state=0, **SETTINGS[name]).partial_fit(X),
    ):
        again = mlplab.load(mlplab.save(tmp_path / "m.safetensors", kept))
        for _ in range(3):
            same(again.partial_fit(X, Y), kept.partial_fit(X, Y))


def seen(case: Case) -> Any:
    """Return which rows hold nothing that training never saw."""
    colours = case.rows["colour"].isin(["red", "blue", "green", None])
    return colours & (case.rows["member"] != "?!") & (case.rows["word_number"] != "9")


def test_the_network_of_a_table_goes_on(tmp_path: Path) -> None:
    """What `mlplab fit` saves holds the optimiser's memory too."""
    case = trained("table: mixed, numbers")
    again = mlplab.load(mlplab.save(tmp_path / "m.safetensors", case.model))
    rows = case.model.preparation.transform(case.rows[seen(case)])
    for model in (again, case.model):
        model.estimator.set_params(early_stopping=False, stopping="auto")
        model.estimator.partial_fit(rows, rows[:, 0])
    same(again.estimator, case.model.estimator)


SCRIPT = """
import builtins, pickle, sys
import mlplab
mlplab.load(sys.argv[1]).predict([[0.0, 0.0, 0.0, 0.0]])  # everything is imported now
def refuse(*_, **__):
    raise AssertionError("code")
for module, name in ((pickle, "loads"), (pickle, "load"), (pickle, "Unpickler")):
    setattr(module, name, refuse)
builtins.eval = builtins.exec = builtins.compile = refuse
real = builtins.__import__
def known(name, *rest):
    assert name in sys.modules, name
    return real(name, *rest)
builtins.__import__ = known
print(mlplab.load(sys.argv[1]).predict([[0.0, 0.0, 0.0, 0.0]]).shape)
"""


def test_loading_runs_nothing_of_a_file(tmp_path: Path) -> None:
    """Without eval, exec, compile, import and pickle a model loads all the same."""
    path = mlplab.save(tmp_path / "m.safetensors", trained("estimator: three classes").model)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, path], capture_output=True, text=True, check=True
    )
    assert done.stdout == "(1,)\n"


# ---------------------------------------------------------------------- from a file of Python


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != "classes of dates"])
def test_a_file_of_python_gives_its_network_back(name: str, tmp_path: Path) -> None:
    """The same predictions bit for bit, and it can be trained on."""
    case = trained(f"estimator: {name}")
    again = mlplab.load(export.to_python(case.model, tmp_path / "m.py"))
    assert type(again) is type(case.model)
    for asked in ("predict", "predict_proba", "decision_function", "transform", "reconstruct"):
        if hasattr(case.model, asked) and not (asked == "transform" and name == "linear"):
            found, expected = (getattr(m, asked)(case.rows) for m in (again, case.model))
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)
    target = case.model.predict(case.rows) if hasattr(again, "predict") else None
    before = again.coefs_[0].copy()
    again.partial_fit(case.rows, target)
    assert not np.array_equal(again.coefs_[0], before)


def test_the_file_of_a_table_gives_the_network_alone(tmp_path: Path) -> None:
    """Its `prepare` makes the rows that the network takes."""
    case = trained("table: mixed, numbers")
    again = mlplab.load(export.to_python(case.model, tmp_path / "m.py"))
    features = case.model.features(case.rows[seen(case)])
    np.testing.assert_array_equal(again.predict(features), case.model.estimator.predict(features))


def test_a_file_of_python_is_read_and_not_run(tmp_path: Path) -> None:
    """Code that was put into it does nothing."""
    path = export.to_python(trained("estimator: linear").model, tmp_path / "m.py")
    marker = tmp_path / "ran"
    path.write_text(f"open({str(marker)!r}, 'w').close()\n" + path.read_text())
    mlplab.load(path)
    assert not marker.exists()


def _altered(source: str, old: str, new: str) -> str:
    assert old in source
    return source.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("MODEL = {", "MODEL = print({})"),
        ("MODEL = {", "OTHER = {"),
        ("'MLPClassifier'", "'TabularModel'"),
        ("'MLPClassifier'", "'Unknown'"),
        ("'softmax'", "3"),
        ("'softmax'", "'identity'"),
        ("'identity'", "'rleu'"),
        ("'f8'", "'O'"),
        ("'f8'", "'f4'"),
        ("(4, 3)", "(4, 3000000000)"),
        ("(4, 3)", "(-4, -3)"),
        ("(4, 3)", "(3, 4)"),
        ("[[0, 1, 2]]", "[[0, 1]]"),
        ("[[0, 1, 2]]", "[]"),
        ("import csv", "import csv ("),
    ],
)
def test_a_file_of_python_that_was_altered_is_refused(old: str, new: str, tmp_path: Path) -> None:
    """By name, whatever was altered."""
    path = export.to_python(trained("estimator: linear").model, tmp_path / "m.py")
    path.write_text(_altered(path.read_text(), old, new))
    with pytest.raises(ModelFileError):
        mlplab.load(path)


def test_other_files_of_python_are_refused(tmp_path: Path) -> None:
    """The message says what was expected."""
    (tmp_path / "other.py").write_text("print('hello')\n")
    with pytest.raises(ModelFileError, match=r"must be one that mlplab\.export wrote"):
        mlplab.load(tmp_path / "other.py")
    with pytest.raises(ModelFileError, match="there is no"):
        mlplab.load(tmp_path / "no.py")
