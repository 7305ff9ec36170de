"""Tables in blocks: every row once, whole types, the same learning as in memory."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder

from mlplab import data
from mlplab.data import Preparation
from mlplab.data.blocks import Block, Blocks
from mlplab.data.learning import Recipe
from mlplab.data.streaming import Moments, learn_in_blocks, rare_words
from mlplab.data.windows import plan_windows, read_ahead, row_draws
from mlplab.errors import DataError, ParameterError


def mixed(n_rows: int = 500, seed: int = 0) -> pd.DataFrame:
    """Return a table with a column of every kind, with gaps."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "id": np.arange(n_rows),
            "size": rng.normal(5, 3, n_rows),
            "count": rng.integers(0, 9, n_rows).astype(float),
            "whole": rng.integers(0, 1000, n_rows),
            "colour": rng.choice(["red", "green", "blue", "grün, hell", 'a "b"'], n_rows),
            "code": rng.choice(["01", "02", "A3"], n_rows, p=[0.6, 0.39, 0.01]),
            "on": rng.choice([True, False], n_rows).astype(object),
            "day": pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, n_rows), "D"),
            "always": 1,
            "y": rng.choice(["no", "yes"], n_rows),
        }
    )
    for name in ("size", "count", "colour", "on"):
        frame.loc[rng.random(n_rows) < 0.1, name] = None
    return frame


def written(frame: pd.DataFrame, folder: Path, suffix: str, *, group: int = 70) -> Path:
    """Write a table and return where it is."""
    path = folder / f"table{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path, row_group_size=group)
    else:
        frame.to_csv(path, index=False)
    return path


def whole(blocks: Blocks) -> pd.DataFrame:
    """Return all blocks as one table."""
    return pd.concat([block.frame for block in blocks])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("block_rows", [1, 7, 64, 10_000])
def test_blocks_hold_what_the_file_holds(tmp_path: Path, suffix: str, block_rows: int) -> None:
    """One after another they are the table that is read at once: values, types, order."""
    path = written(mixed(200), tmp_path, suffix)
    blocks = data.blocks(path, block_rows=block_rows)

    assert blocks.n_rows == 200
    assert sum(1 for _ in blocks) == blocks.n_blocks
    pd.testing.assert_frame_equal(whole(blocks), data.read(path), check_index_type=False)


def test_a_type_belongs_to_the_whole_column(tmp_path: Path) -> None:
    """Numbers in one block stay the words that they are in the file."""
    path = tmp_path / "codes.csv"
    rows = [f"{k:03},{k},{'' if k == 15 else k},{k % 2 == 0}" for k in range(20)]
    rows[-1] = "A19,19.5,19,2"
    path.write_text("\n".join(["code,size,gaps,truth", *rows]))
    blocks = data.blocks(path, block_rows=3)
    first = next(iter(blocks)).frame

    assert first["code"].tolist()[0] == "000"
    assert first["truth"].tolist()[0] == "True"
    assert [first[name].dtype.kind for name in ("size", "gaps")] == ["f", "f"]
    pd.testing.assert_frame_equal(whole(blocks), data.read(path), check_index_type=False)


def test_quoted_values_may_hold_line_ends(tmp_path: Path) -> None:
    """A block does not end within a value, and the last line needs no end."""
    path = tmp_path / "quoted.csv"
    path.write_text("a,b\n" + '"one\ntwo",1\n' * 9 + '\n"x ""y""\n\n",2')
    blocks = data.blocks(path, block_rows=1)

    assert blocks.n_blocks > 3
    pd.testing.assert_frame_equal(whole(blocks), data.read(path), check_index_type=False)


def test_files_of_a_folder_are_one_table(tmp_path: Path) -> None:
    """Rows follow each other in the order of the names, and types belong to all files."""
    (tmp_path / "b.csv").write_text("a,b\nx,1.5\n")
    (tmp_path / "a.csv").write_text("a,b\n01,1\n02,2\n")
    (tmp_path / ".hidden.csv").write_text("c\n1\n")
    frame = whole(data.blocks(tmp_path))

    assert frame["a"].tolist() == ["01", "02", "x"]
    assert frame["b"].tolist() == [1.0, 2.0, 1.5]
    assert frame.index.tolist() == [0, 1, 2]
    (tmp_path / "c.csv").write_text("a,z\n01,1\n")
    with pytest.raises(DataError, match="same columns in the same order; c"):
        data.blocks(tmp_path)


def test_integers_with_gaps_are_floats_in_every_block(tmp_path: Path) -> None:
    """As in the whole table, also where the file tells no number of missing values."""
    frame = pd.DataFrame({"n": pd.array([*range(9), None], dtype="Int64")})
    path = tmp_path / "gaps.parquet"
    for known in (True, False):
        table = pq.ParquetFile(written(frame, tmp_path, ".parquet")).read()
        pq.write_table(table.replace_schema_metadata(None), path, 3, write_statistics=known)
        kinds = {block.frame["n"].dtype.kind for block in data.blocks(path)}
        assert kinds == {"f"}


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"a,b\n1,2\n3,4,5\n", "must have 2 values; .* lines 3 to 3"),
        ("a.csv", b"a,b\n" + b"1,2\n" * 8 + b"3,4,5\n", "must have 2 values; .* lines 10 to 10"),
        ("a.csv", b"a,b\n1,22222222\n" + b"1,2\n" * 4 + b"3,4,5\n1,2\n", "must have.* line 7,"),
        ("a.csv", b"", "must not be empty"),
        ("a.csv", b"a,b\n", "at least one row"),
        ("a.csv", b"\x1f\x8b\x08\x00rest", "compressed"),
        ("a.csv", "a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        ("a.csv", b"a,b\n" + b"1,2\n" * 9 + b"\xff,4\n", "byte 40 of a.csv"),
        ("a.parquet", b"PAR1 no", "readable by pyarrow; a.parquet is not"),
        ("a.csv", b"a,a\n1,2\n", "name of its own"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    """A sentence says the rule, the place in the file, and the way out."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        data.blocks(path, block_rows=2)


def test_wrong_options_are_named(tmp_path: Path) -> None:
    """Numbers of rows, unknown options, places without a table."""
    path = written(mixed(10), tmp_path, ".csv")
    with pytest.raises(ParameterError, match="`block_rows` must be a number of rows from 1; got 0"):
        data.blocks(path, block_rows=0)
    with pytest.raises(ParameterError, match="`sep` is no option of reading"):
        data.blocks(path, sep=";")
    with pytest.raises(DataError, match="must be a file; found nothing"):
        data.blocks(tmp_path / "tables.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds none"):
        data.blocks(tmp_path / "empty")


def test_a_row_is_named_by_its_place_in_the_file(tmp_path: Path) -> None:
    """Errors in a later block tell row and line of the table, or the row group."""
    frame = pd.DataFrame({"size": [*map(str, range(40))]})
    frame.loc[33, "size"] = "big"
    sample = Preparation(kinds={"size": "numeric"}).fit(frame[:30])
    for suffix, place in ((".csv", r"row 34 \(line 35 of"), (".parquet", "row 34 .row group 4 of")):
        blocks = data.blocks(written(frame, tmp_path, suffix, group=10), block_rows=4)
        with pytest.raises(DataError, match=f"number in every row; {place} .*holds 'big'"):
            learn_in_blocks(sample, blocks)


# ---------------------------------------------------------------------- orders


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=12),
    window=st.integers(1, 6),
    seed=st.integers(0, 99),
    epoch=st.integers(0, 9),
)
def test_every_block_is_read_once(sizes: list[int], window: int, seed: int, epoch: int) -> None:
    """In the order of its run; windows are full but for the last; equal seeds, equal orders."""
    plan = plan_windows(sizes, window=window, seed=seed, epoch=epoch)
    pieces = list(itertools.chain(*plan))

    assert sorted(pieces) == [(run, at) for run, n in enumerate(sizes) for at in range(n)]
    assert all(len(part) == window for part in plan[:-1])
    assert plan == plan_windows(sizes, window=window, seed=seed, epoch=epoch)
    for run in range(len(sizes)):
        places = [at for found, at in pieces if found == run]
        assert places == sorted(places)


def test_runs_are_read_side_by_side() -> None:
    """A window of long runs holds a block of each; epochs differ."""
    plan = plan_windows([100] * 8, window=8, seed=1, epoch=0)
    single = [plan_windows([1] * 50, window=8, seed=1, epoch=epoch) for epoch in (0, 1)]

    assert all(len({piece.run for piece in pieces}) == 8 for pieces in plan)
    assert single[0] != single[1]


@pytest.mark.parametrize("group", [7, 40, 300])
def test_windows_can_be_begun_anywhere(tmp_path: Path, group: int) -> None:
    """What is read from the k-th window on is what a whole epoch reads there."""
    blocks = data.blocks(written(mixed(300), tmp_path, ".parquet", group=group), block_rows=10)

    def rows(start: int) -> list[list[int]]:
        found = blocks.windows(seed=3, epoch=2, window=4, start=start)
        return [[row for block in part for row in block.frame.index] for part in found]

    everything = rows(0)
    assert sorted(itertools.chain(*everything)) == list(range(300))
    assert len(everything) == blocks.count_windows(4)
    for start in (1, 3, len(everything)):
        assert rows(start) == everything[start:]


def test_shuffled_rows_are_all_rows(tmp_path: Path) -> None:
    """Each once, in another order each epoch, the same with the same seed."""
    blocks = data.blocks(written(mixed(100), tmp_path, ".csv"), block_rows=9)
    orders = [
        pd.concat(list(blocks.shuffled(seed=seed, epoch=epoch, window=3)))
        for seed, epoch in ((0, 0), (0, 0), (0, 1), (1, 0))
    ]

    for frame in orders:
        assert sorted(frame["id"]) == list(range(100))
        assert frame["id"].tolist() == frame.index.tolist()
    assert orders[0].index.tolist() == orders[1].index.tolist()
    assert orders[0].index.tolist() != orders[2].index.tolist()
    assert orders[0].index.tolist() != orders[3].index.tolist()


def test_draws_belong_to_rows() -> None:
    """However the rows are cut; uniform; other seeds draw others."""
    everything = row_draws(0, 100_000, seed=5)
    parts = [row_draws(at, 999, seed=5) for at in range(0, 99_900, 999)]

    np.testing.assert_array_equal(np.concatenate(parts), everything[:99_900])
    counts = np.histogram(everything, bins=20, range=(0, 1))[0]
    assert abs(counts - 5_000).max() < 5 * np.sqrt(5_000)
    assert abs(np.corrcoef(everything, row_draws(0, 100_000, seed=6))[0, 1]) < 0.02


def test_reading_ahead_gives_items_in_order_and_errors_in_place() -> None:
    """An error comes after the items before it."""

    def items() -> Any:
        yield from range(3)
        raise DataError("the fourth")

    found: list[int] = []
    with pytest.raises(DataError, match="the fourth"):
        found.extend(read_ahead(items()))
    assert found in ([], [0, 1, 2])  # extend may keep what came before
    ahead = read_ahead(items())
    assert [next(ahead), next(ahead)] == [0, 1]


# ---------------------------------------------------------------------- learning


def refined(frame: pd.DataFrame, folder: Path, **parameters: Any) -> tuple[Preparation, Any]:
    """Return what is learned in blocks beside what is learned at once."""
    path = written(frame, folder, ".parquet")
    at_once = Preparation(**parameters).fit(data.read(path))
    return learn_in_blocks(at_once, data.blocks(path, block_rows=13)), at_once


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"scaling": "minmax", "indicator": True},
        {"scaling": "robust", "numeric_imputation": "median"},
        {"scaling": "none", "indicator": False, "rare": 0},
        {"numeric_imputation": "median", "max_categories": 2},
        {"numeric_imputation": "most_frequent", "rare": 130},
        {"scaling": "pixels", "kinds": {"whole": "categorical"}, "rare": 1},
    ],
)
def test_blocks_teach_what_the_whole_table_teaches(
    tmp_path: Path, parameters: dict[str, Any]
) -> None:
    """The same plans, choices and features, but for the rounding of sums."""
    frame = mixed().drop(columns="y")
    ours, at_once = refined(frame, tmp_path, **parameters)

    assert ours.choices_ == at_once.choices_
    assert ours.get_feature_names_out().tolist() == at_once.get_feature_names_out().tolist()
    np.testing.assert_allclose(
        ours.transform(frame), at_once.transform(frame), rtol=1e-12, atol=1e-12
    )


def test_all_rows_are_asked_not_only_the_sample(tmp_path: Path) -> None:
    """Means, extremes, gaps and rare words come from rows that the sample lacks."""
    frame = mixed(2_000)
    path = written(frame.drop(columns="y"), tmp_path, ".csv")
    sample = data.read(path)[:200]
    at_once = Preparation(scaling="minmax").fit(data.read(path))
    ours = learn_in_blocks(Preparation(scaling="minmax").fit(sample), data.blocks(path))

    assert ours.choices_[-1] == at_once.choices_[-1]
    np.testing.assert_allclose(ours.transform(sample), at_once.transform(sample), rtol=1e-12)


@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=12),
    rare=st.one_of(st.integers(1, 12), st.floats(0.01, 0.6)),
    most=st.one_of(st.none(), st.integers(2, 8)),
)
@settings(max_examples=60)
def test_rare_words_are_those_of_scikit_learn(
    counts: list[int], rare: float, most: int | None
) -> None:
    """Whatever the counts, the same categories are merged."""
    words = [f"w{at:02}" for at in range(len(counts))]
    column = np.repeat(np.array(words, dtype=object), counts)[:, np.newaxis]
    encoder = OneHotEncoder(
        min_frequency=rare, max_categories=most, handle_unknown="infrequent_if_exist"
    ).fit(column)
    merged = encoder.infrequent_categories_[0]
    found = [words[at] for at in rare_words(counts, Recipe("mean", "auto", "none", rare, most))]

    assert found == ([] if merged is None else merged.tolist())


@given(
    parts=st.lists(
        st.lists(st.floats(-1e6, 1e6, width=32), max_size=20), min_size=1, max_size=6
    ).filter(any)
)
def test_moments_of_parts_are_moments_of_all(parts: list[list[float]]) -> None:
    """Mean, deviation and extremes do not depend on the cuts."""
    moments = Moments(1)
    for part in parts:
        moments.add(0, np.array(part))
    values = np.concatenate([np.array(part) for part in parts])

    assert moments.count[0] == len(values)
    assert (moments.low[0], moments.high[0]) == (values.min(), values.max())
    np.testing.assert_allclose(moments.mean[0], values.mean(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        moments.squares[0], ((values - values.mean()) ** 2).sum(), rtol=1e-6, atol=1e-3
    )


def test_words_without_end_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A column that was taken for categories and never repeats is named."""
    monkeypatch.setattr("mlplab.data.streaming.MOST_WORDS", 50)
    frame = pd.DataFrame({"who": [f"w{k % 9 if k < 100 else k}" for k in range(300)]})
    sample = Preparation().fit(frame[:100])
    with pytest.raises(DataError, match="'who' holds more than 50 different ones"):
        learn_in_blocks(sample, data.blocks(written(frame, tmp_path, ".parquet")))


def test_some_rows_of_a_block_keep_their_names(tmp_path: Path) -> None:
    """A part of a block tells the same rows."""
    blocks = data.blocks(written(mixed(30), tmp_path, ".csv"), block_rows=10)
    block = list(blocks)[1]
    part: Block = block.take(block.frame["id"].to_numpy() % 2 == 0)

    assert part.frame.index.tolist() == [k for k in block.frame.index if k % 2 == 0]
