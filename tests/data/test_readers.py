"""Reading tables from files, and from what other libraries hold."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from mlplab.data import check_rows, read, to_frame
from mlplab.errors import DataError, ParameterError

TABLE = "size,colour\n1.5,red\n,blue\n2.5,?\n"


def write(folder: Path, text: str | bytes, name: str = "table.csv") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_csv_with_missing_values(tmp_path: Path) -> None:
    """Empty cells and question marks are missing values."""
    frame = read(write(tmp_path, TABLE))
    assert frame.columns.tolist() == ["size", "colour"]
    assert frame["size"].isna().tolist() == [False, True, False]
    assert frame["colour"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_recognised(tmp_path: Path, separator: str) -> None:
    """All four separators give the same table, also where quoted cells hold another one."""
    lines = [["a", "b", "c"], ["1", '"x, y; z"', "2"], ["3", '"u"', "4"]]
    text = "\n".join(separator.join(line) for line in lines)
    frame = read(write(tmp_path, text))
    assert frame["b"].tolist() == ["x, y; z", "u"]
    assert frame["c"].tolist() == [2, 4]


def test_decimal_commas(tmp_path: Path) -> None:
    """Between semicolons, 1,5 is a number."""
    frame = read(write(tmp_path, "a;b\n1,5;2\n-0,25;3\n"))
    assert frame["a"].tolist() == [1.5, -0.25]


def test_gzip_and_byte_order_marks(tmp_path: Path) -> None:
    """Gzipped files, UTF-16 and UTF-8 with a byte order mark are read without asking."""
    expected = read(write(tmp_path, TABLE))
    packed = write(tmp_path, gzip.compress(TABLE.encode()), "table.csv.gz")
    for path in (
        packed,
        write(tmp_path, TABLE.encode("utf-16"), "wide.csv"),
        write(tmp_path, TABLE.encode("utf-8-sig"), "marked.csv"),
    ):
        pd.testing.assert_frame_equal(read(path), expected)


def test_parquet_round_trip(tmp_path: Path) -> None:
    """A Parquet file gives the table that was written."""
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    frame.to_parquet(tmp_path / "table.parquet")
    read_back = read(tmp_path / "table.parquet")
    assert read_back.to_dict("list") == frame.to_dict("list")


def test_without_header(tmp_path: Path) -> None:
    """A file of numbers alone is refused with the way out, and read when that is taken."""
    path = write(tmp_path, "1,2\n3,4\n")
    with pytest.raises(DataError, match=r"begins with the numbers 1, 2.*header=False"):
        read(path)
    assert read(path, header=False).to_dict("list") == {"x0": [1, 3], "x1": [2, 4]}


def test_nameless_column_gets_a_name(tmp_path: Path) -> None:
    """The row numbers that pandas writes come back under the name that pandas gives them."""
    assert read(write(tmp_path, ",a\n0,5\n1,6\n")).columns.tolist() == ["Unnamed: 0", "a"]


def test_one_column(tmp_path: Path) -> None:
    """A table may have a single column."""
    assert read(write(tmp_path, "a\n1\n2\n")).shape == (2, 1)


def test_one_row_is_read_but_does_not_train(tmp_path: Path) -> None:
    """A table of one row can be read; training on it is refused in words."""
    frame = read(write(tmp_path, "a,b\n1,2\n"))
    with pytest.raises(DataError, match="Training needs at least 2 rows; got 1"):
        check_rows(frame)


def test_missing_file_suggests_the_nearest_name(tmp_path: Path) -> None:
    """The message names a file of the folder that is spelled alike."""
    write(tmp_path, TABLE, "housing.csv")
    with pytest.raises(DataError, match=r"Did you mean 'housing.csv'"):
        read(tmp_path / "houssing.csv")
    with pytest.raises(DataError, match="found a folder"):
        read(tmp_path)
    with pytest.raises(DataError, match="Check the path"):
        read(tmp_path / "no" / "such.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "must not be empty"),
        (" \n\n", "must not be empty"),
        ("a,b\n", "only the names of its 2 columns"),
        ("a,b,a\n1,2,3\n", "got 'a' 2 times"),
        ("a,b\n1,2,3\n4,5,6\n", "2 names and 3 values"),
        ("a,b\n1,2\n3,4,5\n", "must have 2 values"),
        (b"a,b\n\xff\xe4,2\n", "byte 4 of table.csv.*latin-1"),
        (b"a,b\n1,\x002\n", "binary data"),
        (b"PK\x03\x04rest", "another format"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-6], "must be complete"),
        ("a,b\n" + "x" * 200_000 + ",1\n", "must be CSV or TSV"),
    ],
)
def test_bad_files(tmp_path: Path, content: str | bytes, message: str) -> None:
    """Whatever is wrong with a file is said in one sentence."""
    with pytest.raises(DataError, match=message):
        read(write(tmp_path, content))


def test_latin_1_by_request(tmp_path: Path) -> None:
    """The way out of an undecodable file works, and a wrong encoding is named."""
    path = write(tmp_path, "Größe,b\n1,2\n".encode("latin-1"))
    assert read(path, encoding="latin-1").columns[0] == "Größe"
    with pytest.raises(DataError, match="`encoding` must be the name"):
        read(path, encoding="latn")


def test_broken_parquet(tmp_path: Path) -> None:
    """A file that only claims to be Parquet is named."""
    with pytest.raises(DataError, match=r"broken\.parquet is not"):
        read(write(tmp_path, "a,b\n1,2\n", "broken.parquet"))


def test_tables_of_other_libraries() -> None:
    """Frames of polars, tables of pyarrow, mappings and lazy frames give the same pandas frame."""
    columns = {"a": [1.0, 2.0], "b": ["x", "y"]}
    expected = pd.DataFrame(columns).to_dict("list")
    tables = (pl.DataFrame(columns), pl.LazyFrame(columns), pa.table(columns), columns)
    for table in tables:
        assert to_frame(table).to_dict("list") == expected


def test_arrays_get_names() -> None:
    """Columns of an array are called x0, x1, …; other shapes are refused."""
    assert to_frame(np.zeros((2, 3))).columns.tolist() == ["x0", "x1", "x2"]
    with pytest.raises(DataError, match=r"reshape\(-1, 1\)"):
        to_frame(np.zeros(3))


def test_the_callers_frame_stays_as_it_is() -> None:
    """Numbered columns and a foreign index are changed in the copy only."""
    frame = pd.DataFrame({0: [1, 2]}, index=[7, 9])
    made = to_frame(frame)
    assert made.columns.tolist() == ["0"]
    assert made.index.tolist() == [0, 1]
    assert frame.columns.tolist() == [0]
    assert frame.index.tolist() == [7, 9]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"a": [1], "b": [1, 2]}, "'a': 1, 'b': 2"),
        ("text", "got str"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "got 'a' 2 times"),
    ],
)
def test_tables_that_are_none(table: object, message: str) -> None:
    """What cannot be a table is refused in words."""
    with pytest.raises(DataError, match=message):
        to_frame(table)


def test_a_line_with_too_many_values_is_told_in_one_line(tmp_path: Path) -> None:
    """What pandas says does not break the sentence."""
    with pytest.raises(DataError, match="Expected 2 fields in line 3") as caught:
        read(write(tmp_path, "a,b\n1,2\n2,3,4\n"))
    assert "\n" not in str(caught.value)


def test_separator_and_decimal_by_request(tmp_path: Path) -> None:
    """What was said is believed, also where something else would have been found."""
    path = write(tmp_path, "a:b\n1,5:2\n2,5:3\n")
    assert read(path, separator=":").to_dict("list") == {"a": [1.5, 2.5], "b": [2, 3]}
    words = read(path, separator=":", decimal=".")["a"]
    assert words.tolist() == ["1,5", "2,5"]
    one_column = write(tmp_path, "a\n1,5\n2,5\n")
    assert read(one_column, decimal=",")["a"].tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"separator": ""}, "`separator` must be one character"),
        ({"separator": "::"}, "`separator` must be one character"),
        ({"separator": 5}, "`separator` must be one character"),
        ({"decimal": ";"}, "`decimal` must be '.' or ','"),
        ({"decimal": ",", "separator": ","}, "must be two characters"),
        ({"encoding": "utf-99"}, "`encoding` must be the name of an encoding"),
        ({"encoding": 8}, "`encoding` must be the name of an encoding"),
        ({"encoding": "a\0b"}, "`encoding` must be the name of an encoding"),
    ],
)
def test_options_of_reading_are_checked(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    """Each option has a rule."""
    with pytest.raises(ValueError, match=message):
        read(write(tmp_path, "a;b\n1;2\n"), **options)


def test_options_about_text_are_refused_for_parquet(tmp_path: Path) -> None:
    """They would be passed over in silence."""
    pd.DataFrame({"a": [1.0]}).to_parquet(tmp_path / "t.parquet")
    for options in ({"separator": ";"}, {"decimal": ","}, {"encoding": "cp1252"}):
        with pytest.raises(ParameterError, match="must be left out where a file is no text"):
            read(tmp_path / "t.parquet", **options)
    with pytest.raises(ParameterError, match="`header` must be left out"):
        read(tmp_path / "t.parquet", header=False)
