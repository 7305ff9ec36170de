"""ONNX files give in onnxruntime what the models give here."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PowerTransformer
from tests.export.portable_models import ESTIMATORS, PIPELINES, TABLES, Case, trained

import mlplab
from mlplab import MLPClassifier, MLPEnsemble, calibrate, export, workflows
from mlplab.errors import ExportError, ParameterError
from mlplab.nn import ActivationFunction, register, unregister
from mlplab.workflows import TabularModel

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NAMES = [
    *(f"estimator: {name}" for name in ESTIMATORS),
    *(f"pipeline: {name}" for name in PIPELINES),
    *(f"table: {name}" for name in TABLES if name != "dates"),
]


def session(model: Any, path: Path, **options: Any) -> Any:
    """Write a model and open it in onnxruntime."""
    made = export.to_onnx(model, path, **options)
    onnx.checker.check_model(str(made), full_check=True)
    return runtime.InferenceSession(str(made), providers=["CPUExecutionProvider"])


def given(opened: Any, rows: Any) -> dict[str, Any]:
    """Return rows as the inputs of an opened model want them."""
    inputs = opened.get_inputs()
    if [one.name for one in inputs] == ["X"]:
        columns = json.loads(opened.get_modelmeta().custom_metadata_map["columns"])
        if isinstance(rows, pd.DataFrame):
            rows = rows[[column["name"] for column in columns]].to_numpy()
        return {"X": np.asarray(rows, dtype=np.float32)}
    made = {}
    for one in inputs:
        column = rows[one.name.removesuffix("_2")].to_numpy(dtype=object)[:, None]
        if one.type == "tensor(string)":
            gaps = pd.isna(column)
            made[one.name] = np.where(gaps, "", column).astype(str).astype(object)
        else:
            made[one.name] = column.astype(np.float32)
    return made


def answers(opened: Any, rows: Any) -> dict[str, Any]:
    """Return all outputs by their names."""
    names = [one.name for one in opened.get_outputs()]
    return dict(zip(names, opened.run(None, given(opened, rows)), strict=True))


def quietly(function: Any, rows: Any) -> Any:
    """Call a function that may warn of categories that training never saw."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return function(rows)


def close(found: Any, expected: Any) -> None:
    """Compare to the precision of float32."""
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * scale)


def check(case: Case, found: dict[str, Any]) -> None:
    """Compare outputs of ONNX with those of the model."""
    kind = type(case.estimator).__name__
    if kind == "MLPAutoencoder":
        check_autoencoder(case, found)
        return
    predicted = quietly(case.model.predict, case.rows)
    if kind == "MLPRegressor":
        assert found["prediction"].shape == np.shape(predicted)
        close(found["prediction"], predicted)
        return
    shares = None
    if hasattr(case.estimator, "predict_proba"):
        shares = quietly(case.model.predict_proba, case.rows)
    if "label_0" in found:
        for i, share in enumerate(shares):
            assert found[f"label_{i}"].tolist() == predicted[:, i].tolist()
            close(found[f"probabilities_{i}"], share)
        return
    check_labels(case, found["label"], predicted)
    if shares is None:
        close(found["scores"], case.model.decision_function(case.rows))
    else:
        close(found["probabilities"], shares)


def check_labels(case: Case, found: Any, predicted: Any) -> None:
    """Compare labels; those that a table joins by a separator are ones and zeros in ONNX."""
    model = case.model
    if isinstance(model, TabularModel) and model.encoding.kind == "labels":
        named = np.array(model.encoding.classes)
        found = [model.encoding.separator.join(named[row > 0]) for row in found]
        assert found == predicted.tolist()
        return
    assert np.shape(found) == np.shape(predicted)
    if predicted.dtype.kind == "M":
        predicted = predicted.astype(str)
    assert np.asarray(found).tolist() == predicted.tolist()


def check_autoencoder(case: Case, found: dict[str, Any]) -> None:
    """Compare reconstruction and codes."""
    if isinstance(case.model, TabularModel):
        prepared = case.model.features(case.rows)
    else:
        prepared = case.model[:-1].transform(case.rows) if hasattr(case.model, "steps") else None
    rows = case.rows if prepared is None else prepared
    close(found["reconstruction"], case.estimator.reconstruct(rows))
    close(found["code"], case.estimator.transform(rows))


@pytest.mark.parametrize("name", NAMES)
def test_onnxruntime_answers_as_the_model(name: str, tmp_path: Path) -> None:
    """The same rows, gaps and unseen categories among them, give the same to float32."""
    case = trained(name)
    opened = session(case.model, tmp_path / "model.onnx")
    check(case, answers(opened, case.rows))


def test_words_as_a_table_gives_them_are_understood(tmp_path: Path) -> None:
    """Text of missing values, whole numbers with a point and truth in capitals count as meant."""
    case = trained("table: mixed")
    opened = session(case.model, tmp_path / "model.onnx")
    plain = given(opened, case.rows)
    odd = {name: values.copy() for name, values in plain.items()}
    odd["colour"][plain["colour"] == ""] = "nan"
    odd["member"] = np.char.upper(plain["member"].astype(str)).astype(object)
    odd["word_number"][plain["word_number"] == "1"] = "1.0"
    assert all((odd[name] != plain[name]).any() for name in ("colour", "member", "word_number"))
    for one, other in zip(opened.run(None, plain), opened.run(None, odd), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    """Opset, producer, classes, columns and targets stand in the file."""
    made = onnx.load(export.to_onnx(trained("table: mixed").model, tmp_path / "m.onnx", name="n"))
    assert {one.domain: one.version for one in made.opset_import} == {"": 17, "ai.onnx.ml": 3}
    assert (made.producer_name, made.graph.name, made.ir_version) == ("mlplab", "n", 8)
    told = {one.key: one.value for one in made.metadata_props}
    assert json.loads(told["classes"]) == ["no", "yes"]
    assert json.loads(told["targets"]) == ["answer"]
    assert {"name": "colour", "holds": "word"} in json.loads(told["columns"])
    assert told["kind"] == "MLPClassifier"


def test_equal_models_give_equal_files(tmp_path: Path) -> None:
    """A file can be compared by its checksum."""
    model = trained("table: mixed").model
    one, other = (export.to_onnx(model, tmp_path / name) for name in ("a.onnx", "b.onnx"))
    assert one.read_bytes() == other.read_bytes()


def test_the_network_alone_takes_features(tmp_path: Path) -> None:
    """Where a step has no form, the network can be had without the preparation."""
    case = trained("table: dates")
    with pytest.raises(ExportError, match=r"dates of column 'day' has none.*network_only=True"):
        export.to_onnx(case.model, tmp_path / "m.onnx")
    opened = session(case.model, tmp_path / "m.onnx", network_only=True)
    features = case.model.features(case.rows).astype(np.float32)
    close(opened.run(None, {"X": features})[0], case.model.predict(case.rows))


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (PowerTransformer(), r"step 'powertransformer' \(PowerTransformer\) has none"),
        (FunctionTransformer(np.log1p), "calls a function of Python"),
    ],
)
def test_steps_without_a_form_are_named(step: Any, words: str, tmp_path: Path) -> None:
    """Nothing is left out in silence, and nothing is written."""
    X = np.abs(np.random.default_rng(0).normal(size=(40, 2)))
    model = make_pipeline(step, MLPClassifier((2,), max_iter=2)).fit(X, X[:, 0] > 0.5)
    with pytest.raises(ExportError, match=words):
        export.to_onnx(model, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())
    opened = session(model, tmp_path / "m.onnx", network_only=True)
    close(
        opened.run(["probabilities"], {"X": model[:-1].transform(X).astype(np.float32)})[0],
        model.predict_proba(X),
    )


def test_a_refused_category_gives_no_number(tmp_path: Path) -> None:
    """Where the encoder would raise an error, ONNX, which cannot, gives NaN."""
    from sklearn.preprocessing import OneHotEncoder

    words = np.array([["a"], ["b"]] * 20, dtype=object)
    model = make_pipeline(OneHotEncoder(), MLPClassifier((2,), max_iter=2)).fit(words, [0, 1] * 20)
    opened = session(model, tmp_path / "m.onnx")
    shares = opened.run(["probabilities"], {"x0": np.array([["a"], ["c"]], dtype=object)})[0]
    close(shares[0], model.predict_proba([["a"]])[0])
    assert np.isnan(shares[1]).all()


def test_functions_of_ones_own_have_no_form(tmp_path: Path) -> None:
    """The message names the function."""
    register(ActivationFunction("square", "z²", lambda z: z * z, lambda z, _: 2 * z))
    try:
        X = np.random.default_rng(0).normal(size=(40, 2))
        clf = MLPClassifier((2,), "square", max_iter=2).fit(X, X[:, 0] > 0)
        for write in (export.to_onnx, export.to_python, export.to_c):
            with pytest.raises(ExportError, match="'square' is a function of your own"):
                write(clf, tmp_path / "m")
    finally:
        unregister("square")


def test_calibrated_probabilities_are_exported(tmp_path: Path) -> None:
    """The temperature is in the last layer, so it goes along; saved files keep its number too."""
    X = np.random.default_rng(0).normal(size=(90, 3))
    y = (X[:, 0] + np.random.default_rng(1).normal(size=90) > 0).astype(int)
    plain = MLPClassifier((20,), max_iter=300, alpha=0, random_state=0).fit(X[:50], y[:50])
    model = calibrate(plain, X[50:], y[50:])
    assert abs(model.temperature_ - 1) > 0.1
    opened = session(model, tmp_path / "m.onnx")
    found = opened.run(["probabilities"], {"X": X.astype(np.float32)})[0]
    close(found, model.predict_proba(X))
    assert np.abs(found - plain.predict_proba(X)).max() > 0.01
    again = mlplab.load(mlplab.save(tmp_path / "m.safetensors", model))
    assert again.temperature_ == model.temperature_


@pytest.mark.parametrize("name", ["boston_housing", "advertisement", "adult"])
def test_real_tables_go_in_raw(
    name: str,
    data_folder: Path,  # noqa: ARG001  (the test is skipped where there is none)
    tmp_path: Path,
) -> None:
    """Numbers, words and gaps of real tables, 2,000 rows at the most."""
    rows = mlplab.data.load(name).frame.head(2000)
    settings = {"max_iter": 2, "hidden_layer_sizes": [16]}
    model = workflows.fit(name, settings=settings, out=None).model
    opened = session(model, tmp_path / "m.onnx")
    check(Case(model, rows), answers(opened, rows))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    """The message says what to do instead."""
    from sklearn.neural_network import MLPClassifier as Theirs

    X = np.random.default_rng(0).normal(size=(40, 2))
    ensemble = MLPEnsemble(MLPClassifier((2,), max_iter=2), 2).fit(X, X[:, 0] > 0)
    for model, words in (
        (ensemble, "got MLPEnsemble. Pass its `estimators_` one by one"),
        (Theirs(), "mlplab.from_sklearn"),
        (tmp_path / "m.safetensors", "mlplab.load"),
        (make_pipeline(FunctionTransformer(), Theirs()), "mlplab.from_sklearn"),
        ({"a": 1}, "got dict"),
    ):
        with pytest.raises(ParameterError, match=words):
            export.to_onnx(model, tmp_path / "m.onnx")
