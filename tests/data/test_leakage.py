"""Signs of leakage are told before training, and honest tables raise none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlplab import data, workflows
from mlplab.data import find_leaks
from mlplab.workflows.parts import Parts, deal_parts
from mlplab.workflows.sources import read_source
from mlplab.workflows.study import DataTable, Study

# These hold the same rows many times over, which their users often overlook.
REPEATING = frozenset({"wine_quality", "wine_qt", "spotify"})
LARGE = frozenset({"mnist", "fashion_mnist"})


@pytest.fixture
def table() -> pd.DataFrame:
    """Return an honest table: numbers, words, classes that they tell roughly."""
    rng = np.random.default_rng(0)
    n = 200
    size = rng.normal(size=n)
    return pd.DataFrame(
        {
            "size": size,
            "rooms": rng.integers(1, 9, n),
            "colour": rng.choice(["red", "blue", "green"], n),
            "answer": np.where(size + rng.normal(size=n) > 0, "yes", "no"),
            "price": size * 3 + rng.normal(size=n),
        }
    )


def dealt(table: pd.DataFrame, target: str = "answer", **more: Any) -> Parts:
    """Return the parts of a table, as `fit` deals them."""
    source = read_source(table)
    return deal_parts(Study(data=DataTable(source="(in memory)", target=target, **more)), source)


def test_an_honest_table_raises_no_sign(table: pd.DataFrame) -> None:
    """Of classes and of numbers."""
    assert dealt(table.drop(columns="price")).leaks == ()
    assert dealt(table.drop(columns="answer"), "price").leaks == ()
    assert dealt(table, task="autoencoder").leaks == ()


def test_copied_rows_are_counted(table: pd.DataFrame) -> None:
    """As many as there are; a single one is no news."""
    twice = pd.concat([table, table.iloc[:60]])
    parts = dealt(twice)
    train = pd.concat(parts.frames[:2])
    n = int(parts.frames[2].apply(tuple, axis=1).isin(set(train.apply(tuple, axis=1))).sum())
    (sentence,) = parts.leaks
    assert n > 5
    assert sentence.startswith(f"{n} of {len(parts.frames[2])} test rows")
    assert "Remove the copies" in sentence
    assert dealt(pd.concat([table, table.iloc[:1]])).leaks == ()


def test_tables_of_few_categories_repeat_by_nature(table: pd.DataFrame) -> None:
    """Where hardly two rows differ, repeated rows say nothing."""
    assert dealt(table[["rooms", "colour", "answer"]].assign(rooms=1)).leaks == ()


@pytest.mark.parametrize(
    "copy",
    [
        lambda t: t["answer"].map({"yes": 1, "no": 0}),
        lambda t: t["answer"].map({"yes": "approved", "no": "refused"}),
        lambda t: t["answer"] == "yes",
    ],
)
def test_a_copy_of_the_class_is_found(table: pd.DataFrame, copy: Any) -> None:
    """However it is written; with a sentence that drops it."""
    honest = table.drop(columns="price")
    leaks = dealt(honest.assign(code=copy)).leaks
    sentence = (
        "The column 'code' tells the target 'answer' one-to-one. If it is made from the target or "
        "known only after it, leave it out: drop = ['code']."
    )
    assert leaks == (sentence,)
    assert dealt(honest.assign(code=copy), drop=["code"]).leaks == ()
    flipped = honest.assign(code=copy)
    flipped.loc[3, "answer"] = "no" if flipped.loc[3, "answer"] == "yes" else "yes"
    assert dealt(flipped).leaks == ()


@pytest.mark.parametrize("make", [lambda p: p * 1.19 + 5, lambda p: -p, np.exp, np.cbrt])
def test_a_copy_of_the_number_is_found(table: pd.DataFrame, make: Any) -> None:
    """In other units, or through a function that only rises or falls."""
    honest = table.drop(columns="answer")
    leaks = dealt(honest.assign(gross=make(honest["price"])), "price").leaks
    assert len(leaks) == 1
    assert "'gross' tells the target 'price'" in leaks[0]
    noisy = make(honest["price"]) + np.random.default_rng(1).normal(size=len(honest)) * 0.1
    assert dealt(honest.assign(gross=noisy), "price").leaks == ()


def test_a_counter_without_the_name_of_one_is_found(table: pd.DataFrame) -> None:
    """Shuffled or not; large numbers that merely differ are none."""
    honest = table.drop(columns="price")
    rng = np.random.default_rng(2)
    counter = rng.permutation(len(table)) + 50_000
    leaks = dealt(honest.assign(account=counter)).leaks
    assert len(leaks) == 1
    assert "'account' holds another whole number in every row" in leaks[0]
    population = rng.choice(10**6, len(table), replace=False)
    assert dealt(honest.assign(population=population)).leaks == ()
    assert dealt(honest.assign(customer_id=counter)).leaks == ()  # is no feature anyway


@pytest.mark.parametrize("name", ["sold", "year"])
def test_rows_in_the_order_of_time_are_told(table: pd.DataFrame, name: str) -> None:
    """Unless the split is by time, or the rows are in no order."""
    honest = table.drop(columns="price")
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(len(table)) // 2, "D")
    when: Any = np.arange(len(table)) // 5 + 1980 if name == "year" else days
    leaks = dealt(honest.assign(**{name: when})).leaks
    assert len(leaks) == 1
    assert f"in the order of {name!r}" in leaks[0]
    by_time = dealt(honest.assign(**{name: when}), split={"time": name})
    assert by_time.leaks == ()
    mixed = honest.assign(**{name: when}).sample(frac=1, random_state=0)
    assert dealt(mixed).leaks == ()


def test_signs_are_said_before_training_and_kept(table: pd.DataFrame) -> None:
    """Among the opening lines, and in the remarks of the run."""
    said: list[str] = []
    leaky = table.drop(columns="price").assign(code=table["answer"].str.upper())
    settings = {"max_iter": 2}
    result = workflows.fit(
        leaky, target="answer", settings=settings, out=None, announce=said.append
    )
    assert "Leakage? The column 'code' tells the target 'answer'" in said[0]
    assert any("'code' tells" in remark for remark in result.remarks)


def test_gaps_and_strange_values_do_no_harm() -> None:
    """Missing values, one row, no test rows, columns of mixed types."""
    frame = pd.DataFrame({"a": [1, None, "x", 2.5] * 10, "y": [0, 1] * 20})
    plans = data.Preparation(kinds={"a": "categorical"}).fit(frame[["a"]]).plans_
    assert find_leaks(frame, frame[:0], plans=plans, target=["y"]) == []
    assert find_leaks(frame[:1], frame[:0], plans=plans, target=["y"]) == []


@pytest.mark.parametrize(
    "name", [i.name if i.name not in LARGE else pytest.param(i.name, marks=pytest.mark.slow)
             for i in data.names()],
)  # fmt: skip
def test_named_data_sets_raise_no_false_alarm(name: str, data_folder: Path) -> None:
    """Three of them do repeat rows in large numbers; nothing else is told of any."""
    assert data_folder.is_dir()
    source = read_source(name)
    leaks = deal_parts(Study(data=DataTable(source=name)), source).leaks
    if name in REPEATING:
        (sentence,) = leaks
        assert "are equal in every column" in sentence
    else:
        assert leaks == ()
