"""Tables that cannot be learned from are answered in a sentence; poor ones are learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlplab import workflows
from mlplab.errors import DataError, OutputError, ParameterError

N = 40
GOOD = pd.DataFrame({"x": np.linspace(-1, 1, N), "y": ["a", "b"] * (N // 2)})

BAD = {
    "one row": (GOOD.head(1), {}, "at least 2 rows; got 1"),
    "one class": (GOOD.assign(y="a"), {"target": "y", "task": "classification"}, "two classes"),
    "absent target": (GOOD, {"target": "yy"}, "Did you mean 'y'"),
    "strings among numbers": (
        GOOD.assign(y=[*np.linspace(0, 1, N - 1).round(4).astype(str), "oops"]),
        {"target": "y", "task": "regression"},
        "'oops' in row 40",
    ),
    "words as numbers": (GOOD, {"target": "y", "task": "regression"}, "must hold numbers"),
    "infinite feature": (GOOD.assign(x=[np.inf, *range(N - 1)]), {}, "finite numbers"),
    "infinite target": (
        GOOD.assign(y=[np.inf, *np.linspace(0, 1, N - 1)]),
        {"target": "y", "task": "regression"},
        "finite numbers",
    ),
    "no target at all": (GOOD.assign(y=None), {"target": "y"}, "empty in every row"),
    "no usable column": (GOOD.assign(x=1.0), {"target": "y"}, "at least one column"),
    "only the target": (GOOD[["y"]], {"target": "y"}, "at least one other column"),
    "parts larger than the table": (
        GOOD,
        {"validation": 0.6, "test": 0.5},
        "leave rows for training",
    ),
    "rows of different number": ((np.ones((3, 1)), np.ones(4)), {}, "as many rows; got 3 and 4"),
    "target of three axes": ((np.ones((3, 1)), np.ones((3, 1, 1))), {}, "one or two axes"),
    "target named like a column": (
        (GOOD, pd.Series(range(N), name="x")),
        {},
        "a name of its own",
    ),
    "no table": (42, {}, "must be a frame"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_table_is_answered(name: str, runs: Path) -> None:
    """The message says what rule is broken; no folder is left behind."""
    table, options, message = BAD[name]
    with pytest.raises(DataError, match=message):
        workflows.fit(table, out=runs, **options)
    assert not runs.exists()


PARAMETERS = {
    "unknown": ({"settings": {"learning_rte": "cosine"}}, "Did you mean 'learning_rate'"),
    "of the preparation": ({"settings": {"scalng": "robust"}}, "Did you mean 'scaling'"),
    "out of range": ({"settings": {"momentum": 2}}, r"`momentum` must be a number in \[0, 1\]"),
    "wrong choice": ({"settings": {"scaling": "robut"}}, "Did you mean 'robust'"),
    "unlike anything": (
        {"settings": {"qqqq": 1}},
        r"`qqqq` is no setting of a network or preparation\. See `mlplab fit --help`\.$",
    ),
    "random state": ({"settings": {"random_state": 3}}, "Use `seed`"),
    "hidden": ({"hidden": (0,)}, "`hidden_layer_sizes` must be positive"),
    "task": ({"task": "classificatn"}, "Did you mean 'classification'"),
    "part": ({"validation": 1.5}, "`validation` must be"),
    "seed": ({"seed": -1}, "`seed` must be"),
    "code": ({"settings": {"activation": np.tanh}}, "`activation` must be"),
    "class weight": (
        {"settings": {"class_weight": {"setsa": 2.0}}},
        "Did you mean 'setosa'",
    ),
    "of another task": (
        {"settings": {"code_layer": 0}},
        "`code_layer` is no parameter of the classifier; it belongs to the autoencoder",
    ),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_bad_parameter_is_answered(name: str) -> None:
    """The message names the parameter, the rule and the nearest valid name."""
    options, message = PARAMETERS[name]
    with pytest.raises(ParameterError, match=message):
        workflows.fit("iris", out=None, **options)


def test_poor_columns_are_dropped_with_a_reason() -> None:
    """All-missing and constant columns do not stop anyone; gaps are filled."""
    frame = GOOD.assign(empty=np.nan, same=3, gaps=[np.nan, 1.0] * (N // 2))
    result = workflows.fit(frame, target="y", settings={"max_iter": 2}, out=None)
    kinds = {choice.subject: choice.value for choice in result.column_choices}
    assert kinds["empty"] == "missing"
    assert kinds["same"] == "constant"
    assert "gaps (missing)" in result.model.describe().features


def test_missing_file_suggests_the_nearest(tmp_path: Path) -> None:
    """A slip in a path, or in the name of a data set, is noticed."""
    GOOD.to_csv(tmp_path / "houses.csv", index=False)
    with pytest.raises(DataError, match=r"Did you mean 'houses.csv'"):
        workflows.fit(tmp_path / "house.csv", out=None)
    with pytest.raises(DataError, match="Did you mean 'iris'"):
        workflows.fit("irs", out=None)


def test_empty_file_is_answered(tmp_path: Path) -> None:
    """A file without a byte is no table."""
    (tmp_path / "empty.csv").touch()
    with pytest.raises(DataError, match="empty"):
        workflows.fit(tmp_path / "empty.csv", out=None)


def test_output_that_cannot_be_written_is_answered_before_training(tmp_path: Path) -> None:
    """A file where the folder should be is noticed, and nobody waits for a training."""
    (tmp_path / "runs").touch()

    class Never:
        """Fails if training begins."""

        def on_start(self, *_: object) -> None:
            """Fail."""
            raise AssertionError

        on_epoch = on_end = on_start

    with pytest.raises(OutputError, match="A file stands where a folder should be"):
        workflows.fit("iris", out=tmp_path / "runs", observers=[Never()])


def test_categories_that_only_the_test_rows_hold_are_a_remark(seed: int) -> None:
    """A word that training never saw is counted in the report, not warned about."""
    frame = GOOD.assign(word=["common", "usual"] * (N // 2), when=range(N))
    frame.loc[N - 1, "word"] = "new"
    study = workflows.Study.model_validate(
        {
            "seed": seed,
            "data": {"source": "(in memory)", "target": "y", "split": {"time": "when"}},
            "preparation": {"kinds": {"word": "categorical"}},
            "model": {"max_iter": 2},
        }
    )
    result = workflows.run(study, data=frame, out=None)
    assert any("never saw ('new')" in remark for remark in result.remarks)


def test_groups_stay_together_and_are_no_feature() -> None:
    """The column of groups only deals rows."""
    frame = GOOD.assign(patient=np.repeat(np.arange(10.0), 4))
    study = workflows.Study.model_validate(
        {
            "data": {"source": "(in memory)", "target": "y", "split": {"groups": "patient"}},
            "model": {"max_iter": 2},
        }
    )
    result = workflows.run(study, data=frame, out=None)
    assert result.split.how == "grouped"
    assert result.model.describe().features == ("x",)
    split = study.data.split.model_copy(update={"groups": "pateint"})
    wrong = study.model_copy(update={"data": study.data.model_copy(update={"split": split})})
    with pytest.raises(DataError, match="Did you mean 'patient'"):
        workflows.run(wrong, data=frame, out=None)


@pytest.mark.parametrize("seed", range(4))
def test_mistakes_are_told_by_the_row_of_the_table(seed: int) -> None:
    """Rows are numbered as the user does: neither the split nor rows left out shift them."""
    x = np.random.default_rng(seed).normal(size=60)
    frame = pd.DataFrame({"x": x, "y": [None, "a", "b"] * 20})
    frame.loc[50, "x"] = np.inf
    with pytest.raises(DataError, match=r"'x' holds inf in row 51\."):
        workflows.fit(frame, target="y", seed=seed, out=None)
    numbers = pd.DataFrame({"x": x, "y": [None, 0.5, 1.5] * 20})
    numbers.loc[50, "y"] = -np.inf
    with pytest.raises(DataError, match=r"'y' holds -inf in row 51\."):
        workflows.fit(numbers, target="y", task="regression", seed=seed, out=None)


def test_predictions_name_the_rows_of_the_table(runs: Path) -> None:
    """Rows without a target are left out, and shift no number."""
    frame = GOOD.assign(y=[None if row % 4 == 0 else word for row, word in enumerate(GOOD["y"])])
    result = workflows.fit(frame, target="y", settings={"max_iter": 2}, out=runs)
    kept = pd.read_parquet(result.folder / "predictions.parquet")
    assert max(kept["row"]) > 0.75 * N
    assert kept["true y"].tolist() == frame["y"][kept["row"] - 1].tolist()


def test_column_of_labels_is_learned_with_its_empty_cells() -> None:
    """Rows without a label are rows to learn from, and to judge."""
    words = ["red;light green", "red", None, "light green"]
    frame = pd.DataFrame({"x": np.tile([3.0, 1.0, -3.0, -1.0], N), "y": words * N})
    result = workflows.fit(frame, task="multilabel", settings={"max_iter": 30}, out=None)
    assert result.split.train + result.split.validation + result.split.test == 4 * N
    assert result.model.classes == ("light green", "red")
    assert set(result.model.predict(frame)) <= {"light green;red", "red", "light green", ""}
    assert workflows.evaluate(result.model, frame).n_rows == 4 * N
