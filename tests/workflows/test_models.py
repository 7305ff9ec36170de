"""Saved models: whole, without pickle, the same answers in another process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mlplab
from mlplab import workflows
from mlplab.errors import DataError, ModelFileError, OutputError, ParameterError
from mlplab.export import write_artifact
from mlplab.results import ModelArtifact, RunResult
from mlplab.workflows.study import Study


def test_model_of_a_table_answers_bit_for_bit_after_loading(
    mixed_run: RunResult, mixed_frame: pd.DataFrame, tmp_path: Path
) -> None:
    """Preparation, network and target come back from one file."""
    model = mixed_run.model
    again = mlplab.load(mlplab.save(tmp_path / "m.safetensors", model))
    assert np.array_equal(again.predict_proba(mixed_frame), model.predict_proba(mixed_frame))
    assert again.predict(mixed_frame).tolist() == model.predict(mixed_frame).tolist()
    assert again.classes == model.classes == ("no", "yes & <b>sure</b>")
    assert again.score(mixed_frame) == model.score(mixed_frame) > 0.7
    assert again.describe() == model.describe()


def test_regression_answers_on_the_scale_of_the_table(diabetes_run: RunResult) -> None:
    """A standardised target is an affair of the training."""
    frame = mlplab.data.load("diabetes").frame
    predicted = workflows.load(diabetes_run.folder).predict(frame)
    assert 100 < predicted.mean() < 200
    with pytest.raises(ParameterError, match="Use predict"):
        diabetes_run.model.predict_proba(frame)


def test_bare_estimator_loads_without_table_libraries(tmp_path: Path) -> None:
    """Whoever only uses the estimators needs no extra to load them in a new process."""
    X = np.linspace(-1, 1, 20)[:, None]
    model = mlplab.MLPClassifier((3,), solver="lbfgs", random_state=0).fit(X, X[:, 0] > 0)
    path = mlplab.save(tmp_path / "bare.safetensors", model)
    code = (
        "import sys\n"
        "absent = 'pandas pyarrow pydantic typer rich jinja2 matplotlib pooch'\n"
        "sys.modules.update(dict.fromkeys(absent.split()))\n"
        "import mlplab\n"
        f"model = mlplab.load({str(path)!r})\n"
        "print(model.predict([[-0.5], [0.5]]).tolist(), 'pickle' in type(model).__module__)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[False, True] False"


def test_cut_file_is_refused(iris_run: RunResult, tmp_path: Path) -> None:
    """Half a file is no model."""
    content = (iris_run.folder / "model.safetensors").read_bytes()
    for size in (0, 5, len(content) // 2, len(content) - 1):
        (tmp_path / "cut.safetensors").write_bytes(content[:size])
        with pytest.raises(ModelFileError):
            mlplab.load(tmp_path / "cut.safetensors")


def test_altered_file_is_refused(iris_run: RunResult, tmp_path: Path) -> None:
    """A single changed byte is noticed, wherever it is."""
    content = (iris_run.folder / "model.safetensors").read_bytes()
    for place in (3, 100, len(content) // 2, len(content) - 10):
        changed = bytearray(content)
        changed[place] ^= 1
        (tmp_path / "altered.safetensors").write_bytes(bytes(changed))
        with pytest.raises(ModelFileError):
            mlplab.load(tmp_path / "altered.safetensors")


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    """Other files, and models of kinds that do not exist, are named for what they are."""
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(ModelFileError, match="must be a file that mlplab saved"):
        mlplab.load(tmp_path / "notes.txt")
    write_artifact(ModelArtifact("MLPClasifier", {}, {}), tmp_path / "odd.safetensors")
    with pytest.raises(ModelFileError, match="Did you mean 'MLPClassifier'"):
        mlplab.load(tmp_path / "odd.safetensors")
    write_artifact(ModelArtifact("TabularModel", {"parts": []}, {}), tmp_path / "half.safetensors")
    with pytest.raises(ModelFileError, match="must be complete"):
        mlplab.load(tmp_path / "half.safetensors")
    with pytest.raises(ModelFileError, match="no such file"):
        mlplab.load(tmp_path / "missing.safetensors")


def test_what_cannot_be_saved_is_refused(tmp_path: Path, iris_run: RunResult) -> None:
    """Other objects, swapped arguments and folders that are files are answered."""
    with pytest.raises(ParameterError, match="The path comes first"):
        mlplab.save(iris_run.model, "model.safetensors")
    with pytest.raises(ParameterError, match="got dict"):
        mlplab.save(tmp_path / "m", {})
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="must be writable"):
        mlplab.save(tmp_path / "file" / "m.safetensors", iris_run.model)


def test_predictions_keep_identifiers_and_give_probabilities(
    mixed_run: RunResult, mixed_frame: pd.DataFrame, tmp_path: Path
) -> None:
    """The file tells which row each prediction belongs to."""
    out = tmp_path / "p.csv"
    frame = workflows.predict(mixed_run.folder, mixed_frame.drop(columns="answer"), out)
    assert frame["customer_id"].tolist() == mixed_frame["customer_id"].tolist()
    shares = frame[["probability_no", "probability_yes & <b>sure</b>"]]
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1)
    read = pd.read_csv(out)
    assert read["prediction"].tolist() == frame["prediction"].tolist()


def test_predictions_count_rows_where_nothing_names_them(
    diabetes_run: RunResult, tmp_path: Path
) -> None:
    """Without identifiers rows are numbered; Parquet is written by its suffix."""
    frame = workflows.predict(diabetes_run.model, "diabetes", tmp_path / "p.parquet")
    assert list(frame.columns) == ["row", "prediction"]
    assert frame["row"].tolist() == list(range(1, 443))
    assert pd.read_parquet(tmp_path / "p.parquet").equals(frame)
    kept = workflows.predict(diabetes_run.model, "diabetes", keep="age")
    assert list(kept.columns) == ["age", "prediction"]
    with pytest.raises(DataError, match="Did you mean 'age'"):
        workflows.predict(diabetes_run.model, "diabetes", keep="agee")


def test_unknown_categories_are_counted(mixed_run: RunResult, mixed_frame: pd.DataFrame) -> None:
    """A colour that training never saw is predicted, with a warning that counts."""
    strange = mixed_frame.head(5).assign(colour=["red", "mauve", "mauve", "blue", "teal"])
    with pytest.warns(UserWarning, match="'colour' holds 3 values that training never saw"):
        assert len(workflows.predict(mixed_run.model, strange)) == 5


def test_missing_column_suggests_the_nearest(
    mixed_run: RunResult, mixed_frame: pd.DataFrame
) -> None:
    """A column under another name is named."""
    renamed = mixed_frame.rename(columns={"colour": "color"})
    with pytest.raises(DataError, match=r"'colour' is not there\. Did you mean 'color'"):
        workflows.predict(mixed_run.model, renamed)


def test_evaluation_needs_the_target(mixed_run: RunResult, mixed_frame: pd.DataFrame) -> None:
    """Rows without the target cannot be judged; a slip in its name is noticed."""
    renamed = mixed_frame.rename(columns={"answer": "ansswer"})
    with pytest.raises(DataError, match="Did you mean 'ansswer'"):
        workflows.evaluate(mixed_run.model, renamed)
    other = mixed_frame.assign(answer="perhaps")
    with pytest.raises(DataError, match="a class that training saw"):
        workflows.evaluate(mixed_run.model, other)
    assert workflows.evaluate(mixed_run.folder, mixed_frame).n_rows == 160


def test_bare_estimator_is_no_model_of_a_table(tmp_path: Path) -> None:
    """Predicting a table needs the preparation too."""
    model = mlplab.MLPRegressor(hidden_layer_sizes=(2,), solver="lbfgs", random_state=0).fit(
        [[0.0], [1.0]], [0, 1]
    )
    path = mlplab.save(tmp_path / "bare.safetensors", model)
    with pytest.raises(ParameterError, match="got a bare MLPRegressor"):
        workflows.predict(path, "iris")


def test_empty_table_is_answered(mixed_run: RunResult, mixed_frame: pd.DataFrame) -> None:
    """Nothing can be predicted for no row."""
    for verb in (workflows.predict, workflows.evaluate):
        with pytest.raises(DataError, match="Predicting needs at least 1 row; got 0"):
            verb(mixed_run.model, mixed_frame.head(0))


def test_identifiers_survive_beside_answers_of_the_same_name() -> None:
    """A column of identifiers called `prediction` is not overwritten."""
    names = [f"id{k}" for k in range(60)]
    frame = pd.DataFrame({"prediction": names, "x": range(60), "y": ["a", "b"] * 30})
    model = workflows.fit(frame, target="y", settings={"max_iter": 2}, out=None).model
    found = workflows.predict(model, frame)
    assert found["prediction (given)"].tolist() == names
    assert set(found["prediction"]) <= {"a", "b"}


def test_tables_are_written_by_their_suffix(mixed_run: RunResult, tmp_path: Path) -> None:
    """Tabs stand in .tsv; what no way of writing belongs to is refused before any work."""
    workflows.data_get("iris", tmp_path / "iris.tsv")
    assert pd.read_csv(tmp_path / "iris.tsv", sep="\t").shape == (150, 5)
    for path in (tmp_path / "iris.zip", tmp_path / "iris"):
        with pytest.raises(ParameterError, match=r"`out` must end in .* Use 'iris\.csv'"):
            workflows.data_get("iris", path)
        with pytest.raises(ParameterError, match="`out` must end in"):
            workflows.predict(mixed_run.model, "no such data", path)
    assert [path.name for path in tmp_path.iterdir()] == ["iris.tsv"]


def test_predictions_never_overwrite_what_they_are_made_from(
    iris_run: RunResult, tmp_path: Path
) -> None:
    """Rows and model are refused as the place to write, under whatever path they are named."""
    rows = tmp_path / "rows.csv"
    mlplab.data.load("iris").frame.to_csv(rows, index=False)
    before = rows.read_bytes()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.csv").symlink_to(rows)
    for out in (rows, tmp_path / "folder" / ".." / "rows.csv", tmp_path / "link.csv"):
        with pytest.raises(ParameterError, match="`out` must be another file than the table"):
            workflows.predict(iris_run.folder, rows, out)
    model = tmp_path / "model.csv"
    model.write_bytes((iris_run.folder / "model.safetensors").read_bytes())
    with pytest.raises(ParameterError, match="another file than the model"):
        workflows.predict(model, rows, model)
    assert rows.read_bytes() == before
    assert len(workflows.predict(iris_run.folder, rows, tmp_path / "rows-predictions.csv")) == 150


def test_a_class_that_only_test_rows_have_does_not_keep_a_model_from_loading(
    tmp_path: Path,
) -> None:
    """The network knows the classes that it learned from; evaluation counts the others as wrong."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=60), "t": np.arange(60), "y": ["p", "q"] * 30})
    frame.loc[58, "y"] = "rare"
    table = {"source": "(in memory)", "target": "y", "split": {"time": "t", "test": 0.2}}
    study = Study.model_validate({"data": table, "model": {"max_iter": 3}})
    run = workflows.run(study, data=frame, out=tmp_path)
    assert run.folder is not None
    path = run.folder / "model.safetensors"
    loaded = mlplab.load(path)
    assert loaded.classes == ("p", "q")
    predicted = workflows.predict(path, frame)["prediction"]
    assert set(predicted) <= {"p", "q"}
    found = workflows.evaluate(path, frame)
    assert found.accuracy == (predicted == frame["y"]).mean()
