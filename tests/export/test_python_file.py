"""The file of Python needs NumPy alone and gives what the model gives."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.export.portable_models import (
    ESTIMATORS,
    PIPELINES,
    TABLES,
    Case,
    mixed_table,
    trained,
)

from mlplab import export, workflows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NAMES = [
    *(f"estimator: {name}" for name in ESTIMATORS),
    *(f"pipeline: {name}" for name in PIPELINES),
    *(f"table: {name}" for name in TABLES),
]


def written(model: Any, folder: Path, **options: Any) -> Any:
    """Write a model and import the file."""
    path = export.to_python(model, folder / "predictor.py", **options)
    spec = importlib.util.spec_from_file_location("predictor", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def quietly(function: Any, rows: Any) -> Any:
    """Call a function that may warn of categories that training never saw."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return function(rows)


def same(found: Any, expected: Any, dtype: Any) -> None:
    """Compare to the last digits; equal where there are words."""
    assert np.shape(found) == np.shape(expected)
    if np.asarray(expected).dtype.kind != "f":
        assert np.asarray(found).astype(str).tolist() == np.asarray(expected).astype(str).tolist()
        return
    scale = max(1.0, float(np.abs(expected).max()))
    limit = 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=limit, atol=limit * scale)


def check(case: Case, module: Any, rows: Any) -> None:
    """Compare all answers of the file with those of the model."""
    dtype = case.estimator.coefs_[0].dtype
    if hasattr(case.model, "predict"):
        same(module.predict(rows), quietly(case.model.predict, case.rows), dtype)
    else:
        inner = case.model[:-1].transform(case.rows) if hasattr(case.model, "steps") else case.rows
        same(module.predict(rows), case.estimator.reconstruct(inner), dtype)
        same(module.codes(rows), case.estimator.transform(inner), dtype)
    if hasattr(case.estimator, "predict_proba"):
        found = module.predict_proba(rows)
        expected = quietly(case.model.predict_proba, case.rows)
        for one, other in zip(found, expected, strict=True):
            same(one, other, dtype)
    else:
        with pytest.raises(ValueError, match="no probabilities"):
            module.predict_proba(rows)


@pytest.mark.parametrize("name", NAMES)
def test_the_file_answers_as_the_model(name: str, tmp_path: Path) -> None:
    """Every answer to rounding, gaps and unseen categories among the rows."""
    case = trained(name)
    check(case, written(case.model, tmp_path), case.rows)


def test_rows_come_in_any_form(tmp_path: Path) -> None:
    """A frame, a dict of columns, a list of dicts and an array mean the same."""
    case = trained("table: mixed")
    module = written(case.model, tmp_path)
    names = [name for name, _ in module.MODEL["columns"]]
    for rows in (
        {name: case.rows[name].tolist() for name in names},
        case.rows.to_dict("records"),
        case.rows[names].to_numpy(dtype=object),
        case.rows[names].to_numpy(dtype=object).tolist(),
        case.rows.convert_dtypes(),
    ):
        check(case, module, rows)


def test_a_process_without_mlplab_reads_a_table(tmp_path: Path) -> None:
    """The file runs where nothing but NumPy is, and writes what `mlplab predict` writes."""
    frame = mixed_table().drop(columns=["price", "tags"])
    frame.to_csv(tmp_path / "rows.csv", index=False, na_rep="NA", sep=";")
    model = trained("table: mixed").model
    path = export.to_python(model, tmp_path / "predictor.py")
    script = (
        "import sys, runpy\n"
        "absent = 'mlplab sklearn scipy pandas safetensors torch onnx'\n"
        "sys.modules.update(dict.fromkeys(absent.split()))\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    arguments = [path, tmp_path / "rows.csv", tmp_path / "out.csv"]
    subprocess.run([sys.executable, "-I", "-c", script, *arguments], check=True)
    found = pd.read_csv(tmp_path / "out.csv")
    expected = workflows.predict(model, tmp_path / "rows.csv").drop(columns="row")
    pd.testing.assert_frame_equal(found, expected, rtol=1e-12)
    shown = subprocess.run(
        [sys.executable, "-I", *arguments[:2]], check=True, capture_output=True, text=True
    )
    assert shown.stdout == (tmp_path / "out.csv").read_text()


def test_mistakes_are_told_in_a_sentence(tmp_path: Path) -> None:
    """Columns that are missing, words for numbers and refused files end with a message."""
    module = written(trained("table: mixed").model, tmp_path)
    rows = mixed_table()
    with pytest.raises(ValueError, match="must have the column 'colour'"):
        module.predict(rows.drop(columns="colour"))
    with pytest.raises(ValueError, match="'rooms' must hold numbers; row 1 holds 'many'"):
        module.predict(rows.assign(rooms="many"))
    with pytest.raises(ValueError, match="finite"):
        module.predict(rows.assign(rooms=np.inf))
    with pytest.raises(ValueError, match=r"shape \(rows, 6\); got shape \(3, 2\)"):
        module.predict(np.zeros((3, 2)))
    dated = written(trained("table: dates").model, tmp_path)
    with pytest.raises(ValueError, match="'day' must hold dates; row 1 holds 'soon'"):
        dated.predict(trained("table: dates").rows.assign(day="soon"))
    done = subprocess.run(
        [sys.executable, tmp_path / "predictor.py", tmp_path / "no.csv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "No such file" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_source_is_plain_literals_and_functions(tmp_path: Path) -> None:
    """Names from the data are data: no text of a column can become code or end a comment."""
    name = '"""\n*/ __import__("os") \\'
    frame = mixed_table().rename(columns={"colour": name})[[name, "rooms", "answer"]]
    model = workflows.fit(frame, target="answer", settings={"max_iter": 2}, out=None).model
    path = export.to_python(model, tmp_path / "x.py")
    tree = ast.parse(path.read_text())
    (made,) = (n for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "MODEL")
    assert name in [column for column, _ in ast.literal_eval(made.value)["columns"]]
    assert "noqa" not in path.read_text()
    written(model, tmp_path).predict(frame)


def test_a_network_alone_takes_features(tmp_path: Path) -> None:
    """The preparation is left out where that is asked for."""
    case = trained("table: mixed")
    module = written(case.model, tmp_path, network_only=True)
    features = quietly(case.model.features, case.rows)
    assert module.predict(features).tolist() == case.estimator.predict(features).tolist()


def test_a_refused_category_is_an_error(tmp_path: Path) -> None:
    """Where the encoder raises an error, so does the file."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    from mlplab import MLPClassifier

    words = np.array([["a"], ["b"]] * 20, dtype=object)
    model = make_pipeline(OneHotEncoder(), MLPClassifier((2,), max_iter=2)).fit(words, [0, 1] * 20)
    module = written(model, tmp_path)
    assert module.predict([["a"], ["b"]]).tolist() == model.predict([["a"], ["b"]]).tolist()
    with pytest.raises(ValueError, match="'x0' holds 'c', which training never saw"):
        module.predict([["c"]])
