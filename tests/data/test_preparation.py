"""From tables to features."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

from mlplab.data import Preparation, load
from mlplab.errors import DataError, ModelFileError, ParameterError
from mlplab.results import ModelArtifact

SCALERS = {"standard": StandardScaler, "robust": RobustScaler, "minmax": MinMaxScaler}


@pytest.fixture
def table(seed: int) -> pd.DataFrame:
    """Return a table with every kind of column and missing values."""
    generator = np.random.default_rng(seed)
    n_rows = 60
    size = generator.normal(3.0, 2.0, n_rows)
    size[::7] = np.nan
    colour = generator.choice(["red", "green", "blue"], n_rows).astype(object)
    colour[::9] = None
    days = pd.to_datetime("2023-11-05") + pd.to_timedelta(generator.integers(0, 400, n_rows), "D")
    return pd.DataFrame(
        {
            "id": range(n_rows),
            "size": size,
            "colour": colour,
            "sold": generator.choice(["yes", "no"], n_rows),
            "day": days.strftime("%d.%m.%Y"),
            "unit": "cm",
            "empty": np.nan,
            "name": [f"item {row} of the list" for row in range(n_rows)],
        }
    )


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent"])
@pytest.mark.parametrize("scaling", ["standard", "robust", "minmax"])
def test_numbers_as_scikit_learn(strategy: Any, scaling: Any, seed: int) -> None:
    """Imputation and scaling agree with a pipeline of scikit-learn."""
    generator = np.random.default_rng(seed)
    values = generator.integers(0, 9, (50, 3)) * 1.5
    values[generator.random((50, 3)) < 0.2] = np.nan
    oracle = make_pipeline(SimpleImputer(strategy=strategy), SCALERS[scaling]())
    ours = Preparation(numeric_imputation=strategy, scaling=scaling, indicator=False)
    new = generator.normal(size=(5, 3))
    new[0, 0] = np.nan
    np.testing.assert_allclose(ours.fit_transform(values), oracle.fit_transform(values), atol=1e-12)
    np.testing.assert_allclose(ours.transform(new), oracle.transform(new), atol=1e-12)


@pytest.mark.parametrize(("rare", "most"), [(1, None), (0.1, None), (8, 50), (1, 3), (0, 4)])
def test_categories_as_scikit_learn(rare: float, most: int | None, seed: int) -> None:
    """Categories and merged ones agree with scikit-learn's encoder, unknown ones included."""
    counts = [32, 16, 12, 8, 6, 4, 2]
    words = np.random.default_rng(seed).permutation(np.repeat(list("abcdefg"), counts))
    new = np.array(["a", "g", "never", "c"])
    oracle = OneHotEncoder(
        min_frequency=rare or 1,
        max_categories=most,
        handle_unknown="infrequent_if_exist",
        sparse_output=False,
    ).fit(words[:, np.newaxis])
    ours = Preparation(rare=rare, max_categories=most).fit({"word": words})
    np.testing.assert_array_equal(
        ours.transform({"word": words}), oracle.transform(words[:, np.newaxis])
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        expected = oracle.transform(new[:, np.newaxis])
    with pytest.warns(UserWarning, match="1 value that training never saw"):
        np.testing.assert_array_equal(ours.transform({"word": new}), expected)


def test_every_kind_of_column(table: pd.DataFrame) -> None:
    """Each kind becomes the features that its name promises; the rest is dropped with reasons."""
    preparation = Preparation()
    features = preparation.fit_transform(table)
    names = preparation.get_feature_names_out().tolist()
    assert names == [
        "size",
        "size (missing)",
        "colour_blue",
        "colour_green",
        "colour_red",
        "colour (missing)",
        "sold",
        "day_year",
        "day_month",
        "day_day_of_week",
        "day_days",
    ]
    assert features.shape == (60, len(names))
    assert np.isfinite(features).all()
    kinds = {c.subject: c.value for c in preparation.choices_}
    assert kinds["id"] == "identifier"
    assert kinds["unit"] == "constant"
    assert kinds["empty"] == "missing"
    assert kinds["name"] == "text"
    assert kinds["missing values of size"].startswith("mean")
    np.testing.assert_array_equal(features[:, 6], (table["sold"] == "yes").astype(float))
    np.testing.assert_array_equal(features[:, 1], table["size"].isna().astype(float))


def test_dates_become_their_parts() -> None:
    """Parts of a date are those of the calendar, missing dates are imputed."""
    when = ["2024-02-29 12:30:05", "2023-01-01 00:00:00", None]
    preparation = Preparation(scaling="none", indicator=False)
    features = preparation.fit_transform({"when": when})
    assert preparation.get_feature_names_out().tolist() == [
        "when_year",
        "when_month",
        "when_day_of_week",
        "when_second_of_day",
        "when_days",
    ]
    assert features[0, :4].tolist() == [2024, 2, 3, 45005]
    assert features[2, 0] == 2023.5
    assert features[1, 4] == 19358.0


def test_indicator_is_chosen_by_share() -> None:
    """Auto adds an indicator from five per cent on, and says why either way."""
    values = np.arange(100.0)
    few, many = values.copy(), values.copy()
    few[:4] = np.nan
    many[:5] = np.nan
    preparation = Preparation().fit({"few": few, "many": many})
    assert preparation.get_feature_names_out().tolist() == ["few", "many", "many (missing)"]
    chosen = {c.subject: c.value for c in preparation.choices_ if "indicator" in c.subject}
    assert chosen == {"indicator of few": "no", "indicator of many": "yes"}


def test_pixels_are_divided_and_kept() -> None:
    """Pixels keep constant columns, so that the features still make an image."""
    image = np.array([[0, 255, 51], [0, 102, 0]], dtype=np.uint8)
    features = Preparation(scaling="pixels").fit_transform(image)
    np.testing.assert_allclose(features, image / 255.0)


def test_numbers_in_text_and_forced_kinds() -> None:
    """Text that is numbers is numeric; whole numbers can be forced to be categories."""
    frame = {"text": ["1", "2", "4"], "code": [10, 20, 10]}
    preparation = Preparation(kinds={"code": "categorical"}, scaling="none").fit(frame)
    assert preparation.get_feature_names_out().tolist() == ["text", "code_10", "code_20"]
    # One missing value turns integers into floats; the categories stay the same.
    again = preparation.transform({"text": ["8", "1"], "code": [20.0, 10.0]})
    assert again.tolist() == [[8, 0, 1], [1, 1, 0]]


def test_unknown_categories_warn_with_a_count(table: pd.DataFrame) -> None:
    """Unknown categories get zeros, and one warning counts them for each column."""
    preparation = Preparation().fit(table)
    new = table.iloc[[1, 2, 3]].assign(colour=["pink", "pink", "mauve"])
    with pytest.warns(UserWarning, match=r"'colour' holds 3 values.*'pink', 'mauve'"):
        features = preparation.transform(new)
    assert not features[:, 2:6].any()


def test_missing_category_at_prediction_only() -> None:
    """A value that is missing for the first time at prediction counts as unknown."""
    preparation = Preparation().fit({"c": ["a", "b", "a"]})
    with pytest.warns(UserWarning, match="missing values"):
        assert preparation.transform({"c": [None, "a"]}).tolist() == [[0, 0], [1, 0]]


def test_order_and_extra_columns_do_not_matter(table: pd.DataFrame) -> None:
    """Columns are found by name; columns that were dropped need not come back."""
    preparation = Preparation().fit(table)
    shuffled = table[["day", "sold", "colour", "size"]].assign(more=1)
    np.testing.assert_array_equal(preparation.transform(shuffled), preparation.transform(table))


def test_absent_column_is_named_with_the_nearest(table: pd.DataFrame) -> None:
    """A renamed column is found in the message."""
    preparation = Preparation().fit(table)
    with pytest.raises(DataError, match=r"'size' is not there. Did you mean 'sizes'"):
        preparation.transform(table.rename(columns={"size": "sizes"}))


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinities_are_refused(value: float) -> None:
    """Infinities are named with column and row, in training and at prediction."""
    good = {"a": [1.0, 2.0, 3.0]}
    bad = {"a": [1.0, value, 3.0]}
    with pytest.raises(DataError, match=r"'a' holds -?inf in row 2"):
        Preparation().fit(bad)
    with pytest.raises(DataError, match=r"'a' holds -?inf in row 2"):
        Preparation().fit(good).transform(bad)


def test_strings_in_numbers_are_refused() -> None:
    """Text in a numeric column is named with column, row and value."""
    good, bad = {"a": [1.0, 2.0]}, {"a": ["1", "two"]}
    with pytest.raises(DataError, match="'a' must hold a number in every row; row 2 holds 'two'"):
        Preparation(kinds={"a": "numeric"}).fit(bad)
    with pytest.raises(DataError, match="row 2 holds 'two'"):
        Preparation().fit(good).transform(bad)


def test_other_kinds_refuse_what_they_cannot_read() -> None:
    """A date that is none, and a truth value that is none, are named."""
    preparation = Preparation().fit({"d": ["2024-01-01", "2024-05-01"], "b": [True, False]})
    with pytest.raises(DataError, match="'d' must hold a date in every row; row 1 holds 'soon'"):
        preparation.transform({"d": ["soon"], "b": [True]})
    with pytest.raises(DataError, match="'b' must hold true or false in every row; row 2"):
        Preparation(kinds={"b": "boolean"}).fit({"b": ["yes", "perhaps"]})


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"a": []}, "at least 1 row; got 0"),
        ({"a": [1, 1], "b": [None, None]}, "'a': constant; 'b': missing"),
        (pd.DataFrame(index=[0, 1]), "a table without columns"),
    ],
)
def test_tables_without_features(frame: Any, message: str) -> None:
    """A table from which nothing can be learned is refused with the reasons."""
    with pytest.raises(DataError, match=message):
        Preparation().fit(frame)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"scaling": "standord"}, "Did you mean 'standard'"),
        ({"numeric_imputation": "mode"}, "`numeric_imputation` must be one of"),
        ({"indicator": "yes"}, "`indicator` must be"),
        ({"rare": -1}, "`rare` must be"),
        ({"rare": 1.5}, "`rare` must be"),
        ({"max_categories": 1}, "`max_categories` must be"),
    ],
)
def test_parameters_are_checked(parameters: dict[str, Any], message: str) -> None:
    """Parameters out of their range are named with the way out."""
    with pytest.raises(ParameterError, match=message):
        Preparation(**parameters).fit({"a": [1, 2]})


def test_drop_by_wish(table: pd.DataFrame) -> None:
    """Columns can be left out by name; a wrong name is answered with the nearest."""
    preparation = Preparation(drop=["size", "day"]).fit(table)
    assert not any("size" in name for name in preparation.get_feature_names_out())
    with pytest.raises(DataError, match="Did you mean 'size'"):
        Preparation(drop=["sizze"]).fit(table)


def test_only_rare_categories_are_dropped() -> None:
    """A column of rare categories alone is dropped with its reason."""
    words = [f"w{row // 2}" for row in range(40)]
    preparation = Preparation(rare=3).fit({"w": words, "x": range(40)})
    assert preparation.get_feature_names_out().tolist() == ["x"]
    assert any(c.subject == "w" and c.value == "dropped" for c in preparation.choices_)


def test_it_is_an_estimator(table: pd.DataFrame) -> None:
    """It clones, refuses to transform unfitted, and gives frames by scikit-learn's set_output."""
    preparation = clone(Preparation(rare=0.05))
    assert preparation.rare == 0.05
    with pytest.raises(NotFittedError):
        preparation.transform(table)
    made = preparation.set_output(transform="pandas").fit_transform(table)
    assert made.columns.tolist() == preparation.get_feature_names_out().tolist()
    assert preparation.n_features_in_ == table.shape[1]


def test_names_of_features_never_clash() -> None:
    """Two features that would have one name get two."""
    preparation = Preparation().fit({"a_b": [1.0, 2.0, 3.0], "a": ["b", "c", "b"]})
    assert preparation.get_feature_names_out().tolist() == ["a_b", "a_b_", "a_c"]


def test_polars_and_pandas_agree(table: pd.DataFrame) -> None:
    """The same columns from polars give the same features."""
    known = table[["size", "colour", "sold", "day"]]
    preparation = Preparation().fit(known)
    other = pl.from_pandas(known)
    np.testing.assert_array_equal(preparation.transform(other), preparation.transform(known))


WORDS = st.one_of(st.none(), st.text(alphabet="ab é\n\"'", min_size=1, max_size=3))
NUMBERS = st.one_of(st.none(), st.floats(-1e12, 1e12), st.integers(-5, 5))
TABLES = st.integers(2, 12).flatmap(
    lambda n_rows: st.fixed_dictionaries(
        {
            "number": st.lists(NUMBERS, min_size=n_rows, max_size=n_rows),
            "word": st.lists(WORDS, min_size=n_rows, max_size=n_rows),
            "truth": st.lists(st.booleans(), min_size=n_rows, max_size=n_rows),
            "sure": st.just(list(range(n_rows))),
        }
    )
)


@given(
    columns=TABLES,
    scaling=st.sampled_from(["standard", "robust", "minmax", "none"]),
    imputation=st.sampled_from(["mean", "median", "most_frequent"]),
    rare=st.sampled_from([0.01, 0.3, 2]),
)
@settings(max_examples=60, deadline=None)
def test_round_trip_through_json(
    columns: dict[str, list[Any]], scaling: Any, imputation: Any, rare: float
) -> None:
    """A saved preparation transforms any table bit for bit as the one that was saved."""
    preparation = Preparation(scaling=scaling, numeric_imputation=imputation, rare=rare)
    features = preparation.fit_transform(columns)
    assert np.isfinite(features).all()
    artifact = preparation.to_artifact()
    header = json.loads(json.dumps(artifact.header))
    again = Preparation.from_artifact(ModelArtifact("Preparation", header, artifact.arrays))
    assert again.transform(columns).tobytes() == features.tobytes()
    assert again.choices_ == preparation.choices_
    assert again.get_feature_names_out().tolist() == preparation.get_feature_names_out().tolist()
    assert clone(again).get_params() == again.get_params()


def test_saved_preparation_in_a_new_process(table: pd.DataFrame, tmp_path: Path) -> None:
    """Header and arrays alone give the same bits in another process."""
    preparation = Preparation().fit(table)
    artifact = preparation.to_artifact()
    (tmp_path / "header.json").write_text(json.dumps(artifact.header))
    np.savez(tmp_path / "arrays.npz", **artifact.arrays)
    table.to_parquet(tmp_path / "table.parquet")
    code = """
import json, sys
import numpy as np, pandas as pd
from mlplab.data import Preparation
from mlplab.results import ModelArtifact
folder = sys.argv[1]
header = json.load(open(folder + "/header.json"))
arrays = dict(np.load(folder + "/arrays.npz"))
preparation = Preparation.from_artifact(ModelArtifact("Preparation", header, arrays))
table = pd.read_parquet(folder + "/table.parquet")
sys.stdout.write(preparation.transform(table).tobytes().hex())
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert done.stdout == preparation.transform(table).tobytes().hex()


def test_altered_artifacts_are_refused() -> None:
    """An artifact of another kind, or with missing parts, is refused as a model file."""
    artifact = Preparation().fit({"a": [1.0, 2.0], "b": ["x", "y"]}).to_artifact()
    with pytest.raises(ModelFileError, match="kind 'Preparation'"):
        Preparation.from_artifact(ModelArtifact("Other", artifact.header, artifact.arrays))
    for damaged in (
        ModelArtifact("Preparation", {}, artifact.arrays),
        ModelArtifact("Preparation", artifact.header, {}),
        ModelArtifact("Preparation", artifact.header, {"numbers": np.zeros((2, 1))}),
        ModelArtifact("Preparation", artifact.header, {"numbers": np.zeros((3, 0))}),
        ModelArtifact("Preparation", {**artifact.header, "plans": [{}]}, artifact.arrays),
    ):
        with pytest.raises(ModelFileError, match="must be complete"):
            Preparation.from_artifact(damaged)


@pytest.mark.parametrize(
    ("name", "n_features"), [("boston_housing", 13), ("wine_qt", 11), ("adult", None)]
)
def test_real_tables(name: str, n_features: int | None, data_folder: Path) -> None:  # noqa: ARG001
    """Public tables become finite features; standardised numbers have mean 0 and variance 1."""
    data = load(name)
    frame = data.frame[list(data.features)]
    preparation = Preparation()
    features = preparation.fit_transform(frame)
    assert np.isfinite(features).all()
    if n_features is not None:
        assert features.shape[1] == n_features
        np.testing.assert_allclose(features.mean(axis=0), 0.0, atol=1e-9)
        np.testing.assert_allclose(features.std(axis=0), 1.0, atol=1e-9)
    else:
        test = data.test_frame
        assert test is not None
        assert preparation.transform(test).shape == (16_281, features.shape[1])
        assert "workclass (missing)" in preparation.get_feature_names_out()


@pytest.mark.parametrize("scaling", ["standard", "minmax"])
def test_numbers_too_large_to_scale_name_their_column(scaling: str) -> None:
    """A column whose squares, or whose span, overflow is answered with its name."""
    frame = {"small": [1.0, 2.0, 3.0], "huge": [1.5e308, -1.5e308, 1e300]}
    with pytest.raises(DataError, match=r"'huge' reaches 1\.5e\+308"):
        Preparation(scaling=scaling).fit(frame)


def test_word_that_is_no_truth_counts_as_missing_at_prediction() -> None:
    """One strange word gives a note, as an unknown category does, and refuses no table."""
    preparation = Preparation(scaling="none").fit(
        {"x": [0.0, 1.0, 2.0, 3.0], "b": ["yes", "no", "yes", "yes"]}
    )
    assert {choice.value for choice in preparation.choices_} == {"numeric", "boolean"}
    with pytest.warns(
        UserWarning, match=r"'b' holds 1 value .*'maybe'.*it is taken for missing"
    ) as told:
        found = preparation.transform({"x": [0.0, 1.0], "b": ["maybe", "no"]})
    assert found[:, 1].tolist() == [1.0, 0.0]
    assert told[0].filename == __file__


# Rows to learn from, and others like them


def test_more_rows_tell_kinds_and_nothing_else() -> None:
    """Statistics are those of the training rows, and what these cannot teach is left out."""
    like = pd.DataFrame(
        {
            "number": ["1", "2", "3", "4", "x"] * 8,
            "day": ["1/2/2024", "3/4/2024", "5/6/2024", "7/8/2024", "25/12/2024"] * 8,
            "same": [0, 0, 0, 0, 7] * 8,
            "gone": [None, None, None, None, 7.0] * 8,
            "size": [1.0, 2.0, 3.0, 4.0, 100.0] * 8,
        }
    )
    rows = like[like["size"] < 100]
    preparation = Preparation().fit(rows, like=like)
    kinds = {choice.subject: choice for choice in preparation.choices_}
    assert {name: kinds[name].value for name in like} == {
        "number": "categorical",
        "day": "date",
        "same": "constant",
        "gone": "missing",
        "size": "numeric",
    }
    assert kinds["same"].reason == "Every training row holds the same value, 0."
    plans = {plan.name: plan for plan in preparation.plans_}
    assert plans["day"].form == "%d/%m/%Y"  # by the training rows it could be months first
    assert plans["size"].center == (2.5,)
    assert plans["number"].categories == ("1", "2", "3", "4")
    # Without the others all this is told by what is there.
    alone = {choice.subject: choice.value for choice in Preparation().fit(rows).choices_}
    assert alone["number"] == "numeric"


def test_more_rows_must_be_of_the_same_table() -> None:
    """A column that is not there is named."""
    rows = pd.DataFrame({"size": [1.0, 2.0], "colour": ["red", "blue"]})
    with pytest.raises(DataError, match=r"`like` must have the columns .* 'colour' is not there"):
        Preparation().fit(rows, like=rows.rename(columns={"colour": "color"}))


def test_kinds_asked_for_stay() -> None:
    """Also where training rows have nothing to tell."""
    rows = pd.DataFrame({"a": [1, 1, 1], "b": [1.0, 2.0, 4.0]})
    preparation = Preparation(kinds={"a": "numeric"}).fit(rows, like=rows)
    assert [plan.name for plan in preparation.plans_] == ["a", "b"]
