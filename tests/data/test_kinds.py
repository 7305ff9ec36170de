"""Kinds of columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlplab.data import infer_kinds, load
from mlplab.errors import DataError, ParameterError

MANY = 40


def kind(values: Any, name: str = "column") -> tuple[str, str]:
    """Return kind and reason of one column."""
    choice = infer_kinds(pd.DataFrame({name: values}))[name]
    return choice.value, choice.reason


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.5, 2.5, np.nan], "numeric"),
        ([1, 2, 1, 3], "numeric"),
        (["1", "2.5", "-3e2"], "numeric"),
        (pd.to_timedelta([1, 2], unit="s"), "numeric"),
        (pd.array([1, None, 3], dtype="Int64"), "numeric"),
        ([True, False, True], "boolean"),
        (["yes", "no", None], "boolean"),
        (["True", "False", "True"], "boolean"),
        (pd.array([True, None, False], dtype="boolean"), "boolean"),
        (["red", "blue", "red"], "categorical"),
        (pd.Categorical([1, 2, 1]), "categorical"),
        (["only", None, "only"], "categorical"),
        (pd.to_datetime(["2024-01-01", "2024-01-02"]), "date"),
        (["2024-01-31", "2023-02-28"], "date"),
        (["31.01.2024", "28.02.2023"], "date"),
        (["2024-01-31T10:00:00+01:00", "2024-01-31T10:00:00+02:00"], "date"),
        ([5, 5, 5], "constant"),
        (["a", "a"], "constant"),
        ([None, None], "missing"),
        ([np.nan, np.nan], "missing"),
        ([f"k{row:03d}" for row in range(MANY)], "identifier"),
        ([f"a comment on {row}" for row in range(MANY)], "text"),
        ([f"k{row // 2 * 2 if row < 8 else row}" for row in range(MANY)], "text"),
    ],
)
def test_kinds(values: Any, expected: str) -> None:
    """Each kind is recognised, and the reason is a sentence."""
    found, reason = kind(values)
    assert found == expected
    assert reason.endswith(".")


@pytest.mark.parametrize("name", ["Id", "id", "customer_id", "Unnamed: 0", "index", "userId"])
def test_row_counters(name: str) -> None:
    """Whole numbers that never repeat are an identifier only if the name says so."""
    assert kind(range(10), name)[0] == "identifier"
    assert kind(range(10), "grid")[0] == "numeric"
    assert kind([1, 1, 2, 3], name)[0] == "numeric"


def test_stray_text_among_numbers_is_shown() -> None:
    """A column that is numeric but for one value names its row and the value."""
    values = [str(number % 7) for number in range(MANY)]
    values[17] = "3,5x"
    found, reason = kind(values)
    assert found == "categorical"
    assert "row 18 holds '3,5x'" in reason


def test_a_stray_word_among_dates_is_shown() -> None:
    """As among numbers; what is no date at all is not spoken of."""
    days = [f"2024-{1 + number % 12:02}-{1 + number % 28:02}" for number in range(MANY)]
    days[30] = "2024-02-31"
    found, reason = kind(days)
    assert found == "text"
    assert reason.endswith(
        "row 31 holds '2024-02-31': correct the value if the column is meant to hold dates."
    )
    days = [f"{1 + number % 28}.{1 + number % 12}.2024" for number in range(MANY)]
    assert kind(days)[0] == "date"
    days[3] = "soon"
    assert "row 4 holds 'soon'" in kind(days)[1]
    days[: MANY // 2] = ["soon"] * (MANY // 2)
    assert "dates" not in kind(days)[1]


def test_rows_are_named_by_their_numbers_in_the_file() -> None:
    """A part of a table keeps them in its index; another index means nothing."""
    values = pd.Series([str(number % 7) for number in range(MANY)], dtype=object)
    values[17] = "x"
    part = pd.DataFrame({"a": values}).iloc[10:]
    assert "row 18 holds 'x'" in infer_kinds(part)["a"].reason
    part.index = [f"day {number}" for number in range(len(part))]
    assert "row 8 holds 'x'" in infer_kinds(part)["a"].reason


def test_no_date_is_guessed_from_numbers() -> None:
    """Words with digits are no dates, and an impossible month makes no date."""
    assert kind(["1-2-x", "2-3-y"])[0] == "categorical"
    assert kind(["99/99/2024", "31/31/2024"])[0] == "categorical"


def test_lists_and_complex_numbers_are_refused() -> None:
    """What is no single real value is named with its column."""
    with pytest.raises(DataError, match="'column' holds lists"):
        kind([[1], [2]])
    with pytest.raises(DataError, match="complex"):
        kind([1j, 2j])


def test_forced_kinds() -> None:
    """A forced kind wins; unknown kinds and columns are answered with the nearest."""
    frame = pd.DataFrame({"zip": [1, 2, 1]})
    assert infer_kinds(frame, {"zip": "categorical"})["zip"].value == "categorical"
    with pytest.raises(ParameterError, match="Did you mean 'numeric'"):
        infer_kinds(frame, {"zip": "numerical"})
    with pytest.raises(DataError, match="Did you mean 'zip'"):
        infer_kinds(frame, {"zipp": "numeric"})


@pytest.mark.parametrize(
    ("name", "dropped"),
    [
        ("wine_qt", {"Id": "identifier"}),
        ("advertisement", {"city": "text", "labels": "categorical"}),
        ("adult", {"native-country": "categorical", "age": "numeric"}),
        ("spotify", {"Unnamed: 0": "identifier", "track_name": "text", "explicit": "boolean"}),
        ("boston_housing", {"CHAS": "numeric", "RAD": "numeric"}),
        ("california_housing", {"ocean_proximity": "categorical"}),
    ],
)
def test_kinds_of_real_data(
    name: str,
    dropped: dict[str, str],
    data_folder: Path,  # noqa: ARG001
) -> None:
    """Columns of public data sets get the kind that a person would give them."""
    kinds = infer_kinds(load(name).frame)
    assert {column: kinds[column].value for column in dropped} == dropped
