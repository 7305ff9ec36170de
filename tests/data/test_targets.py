"""Targets: found, judged, encoded and decoded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplab.data import TargetEncoding, drop_unlabelled, find_target, load, to_frame
from mlplab.errors import DataError, ModelFileError, ParameterError


def table(**columns: Any) -> pd.DataFrame:
    """Return a frame with a feature in front."""
    rows = len(next(iter(columns.values())))
    return pd.DataFrame({"feature": np.arange(rows, dtype=float), **columns})


def task_of(values: Any) -> str:
    """Return the task that is inferred for one target column."""
    return find_target(table(result=values)).task


def test_the_target_is_found_by_name_or_place() -> None:
    """A usual name wins over the last column; either choice is explained."""
    by_name = find_target({"Class": ["a", "b"], "size": [1, 2]})
    assert by_name.names == ("Class",)
    assert "name" in by_name.choices[0].reason
    by_place = find_target({"size": [1.5, 2.5], "price": [0.5, 0.7]})
    assert by_place.names == ("price",)
    assert "last column" in by_place.choices[0].reason
    named = find_target({"size": [1, 2], "price": [0.5, 0.7]}, "size")
    assert [choice.subject for choice in named.choices] == ["task"]


def test_absent_target_suggests_the_nearest() -> None:
    """A misspelled target is answered with the nearest column, another with all of them."""
    with pytest.raises(DataError, match=r"got 'qualty'. Did you mean 'quality'"):
        find_target(table(quality=[1, 2]), "qualty")
    with pytest.raises(DataError, match="The columns are feature, quality"):
        find_target(table(quality=[1, 2]), "zzz")


def test_a_table_needs_features() -> None:
    """A target alone is no table to learn from."""
    with pytest.raises(DataError, match="at least one other column"):
        find_target({"y": [1, 2]})
    with pytest.raises(DataError, match="must have columns"):
        find_target(pd.DataFrame())


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b", "a"], "classification"),
        ([True, False, True], "classification"),
        ([0, 1, 0], "classification"),
        ([0.0, 1.0, np.nan], "classification"),
        ([3, 4, 5, 6] * 5, "classification"),
        (["1", "2", "1", "2"], "classification"),
        (pd.Categorical([1.5, 2.5, 1.5]), "classification"),
        ([0.5, 1.5, 2.5], "regression"),
        (list(range(50)), "regression"),
        ([1, 2, 3, 4, 5], "regression"),
        (["NEAR BAY", "INLAND", "NEAR OCEAN", "<1H OCEAN"], "classification"),
        (["very good", "good", "fair", "bad", "very bad"], "classification"),
        (["a b", "b c", "a c", "a", "b", "c"], "multilabel"),
    ],
)
def test_tasks(values: Any, task: str) -> None:
    """The task follows from the values."""
    assert task_of(values) == task


def test_several_columns() -> None:
    """Columns of 0 and 1 are labels, other numbers a regression, words are refused."""
    frame = table(a=[0, 1, 1], b=[1, 0, 1], c=[0.5, 1.5, 2.5], d=["x", "y", "z"])
    assert find_target(frame, ["a", "b"]).task == "multilabel"
    assert find_target(frame, ["a", "c"]).task == "regression"
    with pytest.raises(DataError, match="'d' holds 'x' in row 1"):
        find_target(frame, ["a", "d"])
    with pytest.raises(DataError, match="one target column; got 2"):
        find_target(frame, ["a", "b"], "classification")
    with pytest.raises(DataError, match="only 0 and 1"):
        find_target(frame, ["a", "c"], "multilabel")


def test_asked_tasks() -> None:
    """A task can be asked for; what cannot be is refused."""
    frame = table(q=[3, 4, 5, 3], r=[0.5, 0.7, 0.9, 1.1])
    assert find_target(frame, "q", "regression").task == "regression"
    assert find_target(frame, "q", "regression").choices == ()
    assert find_target(frame, task="autoencoder").names == ()
    with pytest.raises(DataError, match=r"holds fractions, such as 0\.5"):
        find_target(frame, "r", "classification")
    with pytest.raises(ParameterError, match="Did you mean 'regression'"):
        find_target(frame, "q", "regressien")
    with pytest.raises(DataError, match="empty in every row"):
        find_target(table(y=[None, None]))


def test_rows_without_target_are_left_out() -> None:
    """They are counted, explained, and gone; the others keep their numbers."""
    frame = table(y=["a", None, "b", None])
    kept, choice = drop_unlabelled(frame, ["y"])
    assert kept["feature"].tolist() == [0.0, 2.0]
    assert kept.index.tolist() == [0, 2]
    assert choice is not None
    assert choice.value == "2 of 4 left out"
    assert drop_unlabelled(kept, ["y"]) == (kept, None)
    with pytest.raises(DataError, match="empty in every row"):
        drop_unlabelled(table(y=[None, None]), ["y"])


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (["b", "a", "b"], ("a", "b")),
        ([5, 3, 5], (3, 5)),
        ([5.0, 3.0, 5.0], (3, 5)),
        ([True, False, True], (False, True)),
        (pd.Categorical(["u", "v", "u"]), ("u", "v")),
        (pd.array([2, 1, 2], dtype="Int64"), (1, 2)),
    ],
)
def test_classes_round_trip(values: Any, classes: tuple[Any, ...]) -> None:
    """Classes are sorted, encoded as their place, and come back; also by way of JSON."""
    frame = table(y=values)
    encoding = TargetEncoding.learn(frame, ["y"], "classification")
    assert encoding.classes == classes
    again = TargetEncoding.from_dict(json.loads(json.dumps(encoding.to_dict())))
    assert again == encoding
    codes = again.encode(frame)
    assert codes.dtype == np.int64
    assert again.decode(codes).tolist() == list(values)


def test_labels_in_words() -> None:
    """Labels cut by blanks become columns of 0 and 1, and words again."""
    frame = table(y=["a b", "c", "b c", "a", "b", "a c"])
    encoding = TargetEncoding.learn(frame, ["y"], "multilabel")
    matrix = encoding.encode(frame)
    assert matrix[:2].tolist() == [[1, 1, 0], [0, 0, 1]]
    assert encoding.decode(matrix).tolist() == frame["y"].tolist()
    with pytest.raises(DataError, match="row 1 holds 'd'"):
        encoding.encode(table(y=["a d"]))


def test_label_columns() -> None:
    """Columns of 0 and 1 stay what they are; another number is named."""
    frame = table(a=[0, 1], b=[1, 1])
    encoding = TargetEncoding.learn(frame, ["a", "b"], "multilabel")
    assert encoding.encode(frame).tolist() == [[0, 1], [1, 1]]
    assert encoding.decode(encoding.encode(frame)).tolist() == [[0, 1], [1, 1]]
    with pytest.raises(DataError, match="'b' holds 2 in row 1"):
        TargetEncoding.learn(table(a=[0], b=[2]), ["a", "b"], "multilabel")


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20), standardise=st.booleans())
def test_numbers_round_trip(values: list[float], *, standardise: bool) -> None:
    """Numbers come back to rounding, standardised or not, in one column or two."""
    frame = table(y=values, z=values[::-1])
    one = TargetEncoding.learn(frame, ["y"], "regression", standardise=standardise)
    np.testing.assert_allclose(one.decode(one.encode(frame)), values, rtol=1e-9, atol=1e-6)
    two = TargetEncoding.learn(frame, ["y", "z"], "regression", standardise=standardise)
    assert two.encode(frame).shape == (len(values), 2)
    np.testing.assert_allclose(
        two.decode(two.encode(frame)), frame[["y", "z"]], rtol=1e-9, atol=1e-6
    )


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        (["a", "a", "a"], "classification", "at least two classes; 'y' holds only 'a' in 3 rows"),
        ([1.0, None, 2.0], "regression", "misses 1, the first in row 2"),
        ([1.0, np.inf], "regression", "'y' holds inf in row 2"),
        ([1.0, np.inf], "classification", "'y' holds inf in row 2"),
        (["1.5", "12 kg"], "regression", "'y' holds '12 kg' in row 2"),
    ],
)
def test_bad_targets(values: Any, task: str, message: str) -> None:
    """What is wrong with a target is said with column, row and value."""
    with pytest.raises(DataError, match=message):
        TargetEncoding.learn(table(y=values), ["y"], task)


def test_a_few_words_among_numbers_are_named() -> None:
    """Numbers with a mistake are a regression, and reading them names the row at fault."""
    values = [str(number / 7) for number in range(40)]
    values[9] = "unknown"
    frame = table(y=values)
    assert find_target(frame).task == "regression"
    with pytest.raises(DataError, match="'unknown' in row 10"):
        TargetEncoding.learn(frame, ["y"], "regression")


def test_encoding_other_tables() -> None:
    """An absent target and an unknown class are named."""
    encoding = TargetEncoding.learn(table(y=["a", "b"]), ["y"], "classification")
    with pytest.raises(DataError, match="must have the target 'y'"):
        encoding.encode({"x": [1]})
    with pytest.raises(DataError, match="row 2 holds 'c'"):
        encoding.encode(table(y=["a", "c"]))


def test_altered_encodings_are_refused() -> None:
    """A saved target with missing parts or of another kind is refused."""
    with pytest.raises(ModelFileError, match="must be complete"):
        TargetEncoding.from_dict({"kind": "classes"})
    whole = TargetEncoding("numbers", ("y",)).to_dict()
    with pytest.raises(ModelFileError, match="got 'magic'"):
        TargetEncoding.from_dict({**whole, "kind": "magic"})


def test_real_targets(data_folder: Path) -> None:  # noqa: ARG001
    """The task inferred for every public table is the one that its source gives."""
    for name in ("wine_qt", "boston_housing", "advertisement", "yeast", "emotions", "adult"):
        data = load(name)
        found = find_target(data.frame, data.target)
        assert found.task == data.task, name
        encoding = TargetEncoding.learn(data.frame, found.names, found.task)
        assert len(encoding.encode(data.frame)) == len(data.frame)
    labels = TargetEncoding.learn(load("advertisement").frame, ["labels"], "multilabel")
    assert labels.classes[0] == "beauty"
    assert labels.encode(load("advertisement").frame).sum(axis=0)[-1] == 362


def test_any_table_will_do() -> None:
    """Targets are found in mappings as in frames."""
    assert find_target(to_frame({"a": [1, 2], "y": [0, 1]})) == find_target(
        {"a": [1, 2], "y": [0, 1]}
    )


BOOLEANS = {
    "bool": [True, False, True],
    "object with gaps": np.array([True, False, None], dtype=object),
    "nullable": pd.array([True, False, None], dtype="boolean"),
    "nullable without gaps": pd.array([True, False, True], dtype="boolean"),
    "of pyarrow": pd.array([True, False, None], dtype="bool[pyarrow]"),
    "categories": pd.Categorical([True, False, None]),
}


@pytest.mark.parametrize("name", BOOLEANS)
def test_truth_values_are_two_classes_whatever_their_dtype(name: str) -> None:
    """Columns of true and false, with and without gaps, are found and encoded as booleans."""
    frame = pd.DataFrame({"x": range(3), "y": BOOLEANS[name]})
    found = find_target(frame, "y")
    assert (found.task, found.choices[0].reason) == (
        "classification",
        "The target holds 2 classes.",
    )
    kept, _ = drop_unlabelled(frame, found.names)
    assert TargetEncoding.learn(kept, ["y"], "classification").classes == (False, True)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (pd.date_range("2020", periods=60), "holds dates. Turn them into numbers of days"),
        ([f"{1 + k % 28}.01.2020" for k in range(60)], "holds dates"),
        ([f"name {k}" for k in range(60)], "holds 60 different words in 60 rows"),
        ([f"{k},234" for k in range(1, 61)], "Write numbers like '1,234' without"),
    ],
)
def test_words_that_hardly_repeat_are_classes_only_if_asked_for(values: Any, words: str) -> None:
    """Dates, names and badly written numbers are refused until somebody names the task."""
    frame = pd.DataFrame({"x": range(60), "y": values})
    with pytest.raises(DataError, match="`target` must hold numbers, or classes that repeat") as no:
        find_target(frame, "y")
    assert words in str(no.value)
    assert "ask for the task 'classification'" in str(no.value)
    assert find_target(frame, "y", "classification").task == "classification"


def test_few_words_may_all_differ() -> None:
    """A table of a few rows is learned from, whatever its classes."""
    assert find_target(table(x=[1, 2, 3], y=["a", "b", "c"]), "y").task == "classification"


def test_numbers_too_large_to_standardise_name_their_column() -> None:
    """A target whose squares overflow is answered with its name."""
    frame = table(y=[1e300, -1e300, 2.0])
    with pytest.raises(DataError, match=r"'y' reaches 1\.0e\+300"):
        TargetEncoding.learn(frame, ["y"], "regression", standardise=True)


@pytest.mark.parametrize("mark", ["|", "; ", ",", " "])
def test_labels_are_cut_by_what_stands_between_them(mark: str) -> None:
    """The separator is found, remarked and kept; an empty cell is a row without a label."""
    first = "light green" if mark != " " else "green"
    frame = table(y=[f"{first}{mark}red", "red", None, first])
    found = find_target(frame, "y", "multilabel")
    values = {choice.subject: choice.value for choice in found.choices}
    kept = mark.strip() or " "
    assert values["separator of labels"] == (repr(kept) if kept != " " else "a blank")
    assert values["rows without a label"] == "1 of 4"
    assert found.needed == ()
    encoding = TargetEncoding.learn(frame, found.names, found.task)
    assert encoding.classes == (first, "red")
    assert encoding.encode(frame).tolist() == [[1, 1], [0, 1], [0, 0], [1, 0]]
    again = TargetEncoding.from_dict(encoding.to_dict())
    assert again == encoding
    assert again.decode(np.array([[1, 1], [0, 0]])).tolist() == [f"{first}{kept}red", ""]


def test_column_of_labels_without_any_is_refused() -> None:
    """There is nothing to learn."""
    with pytest.raises(DataError, match="'y' is empty in every row"):
        TargetEncoding.learn(table(y=[None, None]), ["y"], "multilabel")
