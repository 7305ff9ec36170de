"""Description of tables."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlplab.data import describe, load
from mlplab.errors import DataError


def test_figures_as_pandas(seed: int) -> None:
    """Count, mean, std, quartiles, minimum and maximum are those of pandas."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(generator.normal(size=(50, 3)), columns=list("abc"))
    frame.loc[::4, "b"] = np.nan
    oracle = frame.describe()
    names = {"std": "std", "25%": "q25", "50%": "median", "75%": "q75"}
    for column in describe(frame).columns:
        for row in oracle.index:
            ours = getattr(column, names.get(row, row))
            assert ours == pytest.approx(oracle.loc[row, column.name], rel=1e-12)


def test_words_and_remarks() -> None:
    """Columns of words have their most frequent values; what stands out is said."""
    frame = pd.DataFrame(
        {
            "id": range(60),
            "colour": ["red"] * 40 + ["blue"] * 19 + [None],
            "unit": "cm",
            "void": np.nan,
            "y": ["a"] * 59 + ["b"],
        }
    )
    described = describe(pd.concat([frame, frame.iloc[[0]]]), target="y")
    colour = described.column("colour")
    assert colour.top == (("red", 41), ("blue", 19))
    assert (colour.count, colour.missing, colour.n_distinct) == (60, 1, 2)
    assert described.labels == (("a", 60), ("b", 1))
    assert described.n_duplicate_rows == 1
    remarks = " ".join(described.remarks)
    for words in (
        "1 of 61 rows repeat",
        "only one value: unit",
        "no value at all: void",
        "colour (1)",
        "less than 20% of the average rows: b (1)",
    ):
        assert words in remarks
    with pytest.raises(KeyError):
        described.column("size")


def test_description_is_plain_data() -> None:
    """A description can be written as JSON."""
    described = describe({"x": [1, 2, 2], "day": ["2024-01-01", "2024-01-02", None]}, "x")
    assert json.loads(json.dumps(dataclasses.asdict(described)))["n_rows"] == 3
    assert described.labels == (("1", 1), ("2", 2))


def test_edges() -> None:
    """Empty tables, single rows and infinities are described, not refused; a target must exist."""
    assert describe(pd.DataFrame()).columns == ()
    one = describe({"a": [2.0]}).column("a")
    assert (one.mean, one.std) == (2.0, None)
    assert describe({"a": [1.0, np.inf, 3.0]}).column("a").max == 3.0
    with pytest.raises(DataError, match="Did you mean 'ab'"):
        describe({"ab": [1, 2], "c": [1, 2]}, "abb")


def test_real_tables(data_folder: Path) -> None:  # noqa: ARG001
    """Row E1: the figures of WineQT, Boston housing and the label counts of the sources."""
    wine = load("wine_qt")
    described = describe(wine.frame, wine.target)
    assert described.labels == (
        ("3", 6),
        ("4", 33),
        ("5", 483),
        ("6", 462),
        ("7", 143),
        ("8", 16),
    )
    without_id = describe(wine.frame.drop(columns="Id"), wine.target)
    assert without_id.n_duplicate_rows == 125
    boston = describe(load("boston_housing").frame, "MEDV")
    assert boston.column("MEDV").mean == pytest.approx(22.533, abs=1e-3)
    assert [c.missing for c in boston.columns if c.missing] == [20] * 6
    assert boston.labels == ()
    labels = dict(describe(load("advertisement").frame, "labels").labels)
    assert labels["sports"] == 362
    emotions = load("emotions")
    counts = [count for _, count in describe(emotions.frame, emotions.target).labels]
    assert counts == [173, 166, 264, 148, 168, 189]


@pytest.mark.parametrize(
    "column",
    [
        np.array([True, False, None] * 4, dtype=object),
        pd.array([True, False, None] * 4, dtype="boolean"),
        pd.array([True, False, True] * 4, dtype="boolean"),
        pd.array([True, False, None] * 4, dtype="bool[pyarrow]"),
        pd.Categorical([True, False, None] * 4),
    ],
    ids=["object", "nullable", "nullable without gaps", "pyarrow", "categories"],
)
def test_truth_values_are_labels_whatever_their_dtype(column: object) -> None:
    """A boolean target with gaps is counted as one without."""
    described = describe(pd.DataFrame({"x": range(12), "y": column}), target="y")
    counts = dict(described.labels)
    assert list(counts) == ["False", "True"]
    assert counts["False"] == 4


def test_numbers_with_thousands_apart_are_a_remark() -> None:
    """Quoted thousands are words; somebody should know."""
    frame = {"price": ["1,234", "950", "12,000"] * 4, "size": ["1.234,5", "3.000", "2,5"] * 4}
    remarks = " ".join(describe(frame).remarks)
    assert "price: It holds 3 different words in 12 rows. Its values look like numbers" in remarks
    assert "('1,234')" in remarks
    assert "('1.234,5')" in remarks
    assert "thousands" not in " ".join(describe({"a": ["v1,234", "x", "1"] * 4}).remarks)


def test_huge_numbers_are_described() -> None:
    """Squares that overflow warn nobody."""
    assert describe({"a": [1e300, -1e300]}).column("a").max == 1e300
