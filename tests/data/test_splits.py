"""Splits of rows."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplab.data import Split, split_rows
from mlplab.errors import DataError, ParameterError


def check_partition(split: Split, n_rows: int) -> None:
    """Every row is in exactly one part."""
    rows = np.concatenate([split.train, split.validation, split.test])
    assert sorted(rows.tolist()) == list(range(n_rows))


@given(
    n_rows=st.integers(3, 200),
    validation=st.floats(0.0, 0.4),
    test=st.floats(0.0, 0.4),
    seed=st.integers(0, 99),
)
def test_random_split(n_rows: int, validation: float, test: float, seed: int) -> None:
    """Parts are disjoint and complete, of the sizes asked for, and follow the seed."""
    split = split_rows(n_rows, validation=validation, test=test, seed=seed)
    check_partition(split, n_rows)
    assert abs(len(split.validation) - validation * n_rows) <= 1
    assert abs(len(split.test) - test * n_rows) <= 1
    again = split_rows(n_rows, validation=validation, test=test, seed=seed)
    assert split.train.tolist() == again.train.tolist()


def test_shares_of_few_rows_leave_some_for_training() -> None:
    """Where both would be rounded up to all rows, they are rounded down."""
    split = split_rows(4, validation=0.375, test=0.375)
    assert [len(split.train), len(split.validation), len(split.test)] == [2, 1, 1]


def test_generators_advance() -> None:
    """A generator that is passed advances, so that two splits differ."""
    generator = np.random.default_rng(0)
    first, second = (split_rows(50, seed=generator).test.tolist() for _ in range(2))
    assert first != second


@given(
    counts=st.lists(st.integers(1, 40), min_size=2, max_size=6),
    validation=st.floats(0.05, 0.4),
    test=st.floats(0.05, 0.4),
    seed=st.integers(0, 9),
)
def test_stratified_split(counts: list[int], validation: float, test: float, seed: int) -> None:
    """Every class keeps its share in each part to within a row, and a row for training."""
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    n_rows = len(labels)
    if n_rows < 5:
        return
    split = split_rows(n_rows, validation=validation, test=test, stratify=labels, seed=seed)
    check_partition(split, n_rows)
    for label in range(len(counts)):
        assert (labels[split.train] == label).any() or split.how == "random"
    if min(counts) >= 3:
        assert split.how == "stratified"
        assert not split.remarks
        assert abs(len(split.test) - max(1, round(test * n_rows))) <= 1
        for label, count in enumerate(counts):
            share = (labels[split.test] == label).sum()
            assert abs(share - count * len(split.test) / n_rows) <= 1.0 + 1e-9


def test_small_classes_train_with_a_remark() -> None:
    """A class too small for every part stays in training, and the split says so."""
    labels = ["a"] * 30 + ["b"] * 30 + ["c"] * 2
    split = split_rows(62, stratify=labels)
    assert {60, 61} <= set(split.train.tolist())
    assert "1 of 3 classes" in split.remarks[0]
    alone = split_rows(5, stratify=list("abcde"))
    assert alone.how == "random"
    assert "at random" in alone.remarks[0]


@given(
    sizes=st.lists(st.integers(1, 12), min_size=3, max_size=30),
    seed=st.integers(0, 99),
)
def test_grouped_split(sizes: list[int], seed: int) -> None:
    """No group is in two parts, and no part that was asked for is empty."""
    groups = np.repeat([f"g{number}" for number in range(len(sizes))], sizes)
    split = split_rows(len(groups), validation=0.2, test=0.2, groups=groups, seed=seed)
    check_partition(split, len(groups))
    parts = [set(groups[part]) for part in (split.train, split.validation, split.test)]
    assert all(parts)
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


def test_too_few_groups() -> None:
    """Two groups cannot fill three parts; missing groups stand alone."""
    with pytest.raises(DataError, match="at least one group for every part; got 2"):
        split_rows(6, groups=list("aaabbb"))
    split = split_rows(4, groups=[None, None, None, "a"], validation=1, test=1)
    check_partition(split, 4)


@given(
    times=st.lists(st.integers(0, 30), min_size=4, max_size=60),
    seed=st.integers(0, 9),
)
def test_split_by_time(times: list[int], seed: int) -> None:
    """Every training row is earlier than every later part."""
    if len(set(times)) < 4:
        return
    try:
        split = split_rows(len(times), validation=0.2, test=0.2, time=times, seed=seed)
    except DataError as error:
        assert "the first time" in str(error)  # noqa: PT017
        return
    check_partition(split, len(times))
    moment = np.array(times)
    later = [part for part in (split.train, split.validation, split.test) if len(part)]
    for before, after in itertools.pairwise(later):
        assert moment[before].max() < moment[after].min()


@pytest.mark.parametrize(
    "time",
    [
        pd.to_datetime(["2024-03-01", "2024-01-01", "2024-02-01", "2024-04-01"]),
        ["01.03.2024", "01.01.2024", "01.02.2024", "01.04.2024"],
        [3.0, 1.0, 2.0, 4.0],
    ],
)
def test_times_may_be_dates(time: Any) -> None:
    """Dates, dates as text and numbers give the same split."""
    split = split_rows(4, validation=1, test=1, time=time)
    assert [p.tolist() for p in (split.train, split.validation, split.test)] == [[1, 2], [0], [3]]


def test_bad_times() -> None:
    """A missing time, a word, and one single time are refused."""
    with pytest.raises(DataError, match="row 2 has none"):
        split_rows(3, time=[1, None, 2], validation=1, test=1)
    with pytest.raises(DataError, match="row 2 holds 'soon'"):
        split_rows(3, time=["1", "soon", "2"], validation=1, test=1)
    with pytest.raises(DataError, match="the first time"):
        split_rows(4, time=[1, 1, 1, 1], validation=0, test=1)
    with pytest.raises(ParameterError, match="one value a row; got 2 for 3"):
        split_rows(3, time=[1, 2])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_rows": 4, "validation": 2, "test": 2}, DataError, "leave rows for training"),
        ({"n_rows": 0}, DataError, "of 0 rows"),
        ({"n_rows": 1, "validation": 0, "test": 1}, DataError, "of 1 rows"),
        ({"n_rows": 9, "test": -1}, ParameterError, "`test` must be a share"),
        ({"n_rows": 9, "validation": 1.5}, ParameterError, "`validation` must be a share"),
        ({"n_rows": 2, "stratify": [0, 1], "groups": [0, 1]}, ParameterError, "one way"),
        ({"n_rows": 3, "stratify": [0, 1]}, ParameterError, r"shape \(3,\); got shape \(2,\)"),
    ],
)
def test_bad_splits(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """What cannot be split is refused with the way out."""
    with pytest.raises(error, match=message):
        split_rows(**arguments)


def test_shares_of_any_float_are_shares() -> None:
    """A float of NumPy is a share too; what is no number is refused."""
    assert split_rows(100, validation=np.float32(0.2), test=np.float64(0.1)).validation.size == 20
    with pytest.raises(ParameterError, match="`validation` must be a share"):
        split_rows(100, validation=float("nan"))
