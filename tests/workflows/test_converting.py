"""Large files in a form that is quick to read: the same table, in bounded memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.data.test_blocks import mixed, whole
from typer.testing import CliRunner

from mlplab import data, workflows
from mlplab.cli.app import app
from mlplab.data.converting import write_parquet
from mlplab.errors import DataError, OutputError, ParameterError


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Return a file of text with a column of every kind; each type shows late or has gaps."""
    frame = mixed(300)
    frame["late word"] = ["7"] * 290 + ["x"] * 10
    frame["late truth"] = [None] * 290 + [True, False] * 5
    frame["late fraction"] = [7] * 290 + [0.5] * 10
    frame["nothing"] = None
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    return path


def test_text_and_what_is_made_of_it_are_the_same_table(text: Path, tmp_path: Path) -> None:
    """Types, values, gaps and order; a row group for each block."""
    out = tmp_path / "table.parquet"
    with out.open("wb") as file:
        write_parquet(data.blocks(text, block_rows=40), file)
    assert pq.ParquetFile(out).num_row_groups == data.blocks(text, block_rows=40).n_blocks > 5
    before = whole(data.blocks(text, block_rows=40)).reset_index(drop=True)
    after = whole(data.blocks(out, block_rows=40)).reset_index(drop=True)
    for name in before.columns:
        ours = [None if pd.isna(value) else value for value in before[name]]
        theirs = [None if pd.isna(value) else value for value in after[name]]
        assert ours == theirs, name
        assert {type(value) for value in ours} == {type(value) for value in theirs}, name


def test_a_network_learns_the_same_columns_from_both(text: Path, tmp_path: Path) -> None:
    """Kinds, plans and the rows that are dealt to the test."""
    out = tmp_path / "table.parquet"
    assert workflows.data_convert(text, out) == 300
    runs = [
        workflows.fit(
            path, target="y", blocks=True, settings={"max_iter": 2}, hidden=(4,), out=None
        )
        for path in (text, out)
    ]
    plans = [run.model.preparation.plans_ for run in runs]
    assert plans[0] == plans[1]
    assert runs[0].split == runs[1].split


def test_a_folder_becomes_one_file(tmp_path: Path) -> None:
    """Types are those of all files together."""
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "a.csv").write_text("x,y\n1,2\n3,4\n")
    (folder / "b.csv").write_text("x,y\nlast,\n")
    told: list[str] = []
    assert workflows.data_convert(folder, tmp_path / "all.pq", announce=told.append) == 3
    table = pq.read_table(tmp_path / "all.pq")
    assert table.column("x").to_pylist() == ["1", "3", "last"]
    assert table.column("y").to_pylist() == [2.0, 4.0, None]
    assert told == []  # it took no second


def test_parquet_of_one_row_group_becomes_one_that_can_be_shuffled(tmp_path: Path) -> None:
    """With the types that it had."""
    frame = pd.DataFrame({"a": np.arange(150_000), "b": np.float32(1.5), "c": "x"})
    frame.loc[3, "c"] = None
    frame["gap"] = pd.array([None, *range(149_999)], dtype="Int32")
    frame.to_parquet(tmp_path / "one.parquet", row_group_size=10**6)
    workflows.data_convert(tmp_path / "one.parquet", tmp_path / "many.parquet")
    ours, theirs = (pq.ParquetFile(tmp_path / f"{name}.parquet") for name in ("many", "one"))
    assert (ours.num_row_groups, theirs.num_row_groups) == (3, 1)
    assert ours.read().equals(theirs.read().replace_schema_metadata(None))


def test_files_of_a_folder_share_the_widest_types(tmp_path: Path) -> None:
    """No number is narrowed to what the first file had, and whole ones with gaps stay whole."""
    folder = tmp_path / "parts"
    folder.mkdir()
    first = {"real": np.float32([0.5]), "whole": np.int8([1]), "mixed": [1], "gap": [None]}
    second = {"real": [1e300], "whole": [2**40], "mixed": [0.25], "gap": [2**53 + 1]}
    for name, columns in (("a", first), ("b", second)):
        table = pa.table({key: pa.array(values) for key, values in columns.items()})
        pq.write_table(table, folder / f"{name}.parquet")
    workflows.data_convert(folder, tmp_path / "all.parquet")
    assert pq.read_table(tmp_path / "all.parquet").to_pydict() == {
        "real": [0.5, 1e300],
        "whole": [1, 2**40],
        "mixed": [1.0, 0.25],
        "gap": [None, 2**53 + 1],
    }
    pq.write_table(pa.table({key: ["word"] for key in first}), folder / "c.parquet")
    with pytest.raises(DataError, match="columns of the same types"):
        workflows.data_convert(folder, tmp_path / "all.parquet")
    with pytest.raises(ParameterError, match="outside of the folder"):
        workflows.data_convert(folder, folder / "all.parquet")
    assert len(list(folder.iterdir())) == 3


def test_numbers_of_a_text_that_fit_nowhere_are_said(tmp_path: Path) -> None:
    """A type that would hold other numbers is none."""
    (tmp_path / "t.csv").write_text(f"id\n{2**64 - 1}\n3\n")
    with pytest.raises(DataError, match="must fit into int64; those of 'id' do not"):
        workflows.data_convert(tmp_path / "t.csv", tmp_path / "t.parquet")


def test_a_file_that_goes_away_meanwhile_is_said(text: Path, tmp_path: Path) -> None:
    """It is about what is read, not about what is written."""
    blocks = data.blocks(text, block_rows=40)
    text.unlink()
    with (
        pytest.raises(DataError, match="must stay where it is"),
        (tmp_path / "t").open("wb") as file,
    ):
        write_parquet(blocks, file)


def test_what_cannot_be_converted_is_said(text: Path, tmp_path: Path) -> None:
    """Other names, the file itself, no file, a folder that is none; nothing is left behind."""
    for source, out, error, words in (
        (text, "table.csv", ParameterError, "must end in .parquet"),
        (tmp_path / "no.csv", "table.pq", DataError, "found nothing at"),
        (text, "no/table.pq", OutputError, "No such file or directory"),
    ):
        with pytest.raises(error, match=words):
            workflows.data_convert(source, tmp_path / out)
    workflows.data_convert(text, tmp_path / "own.pq")
    with pytest.raises(ParameterError, match="must be another file than the table"):
        workflows.data_convert(tmp_path / "own.pq", tmp_path / "own.pq")
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(DataError, match="line 3"):
        workflows.data_convert(tmp_path / "bad.csv", tmp_path / "bad.pq")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv", "own.pq", "table.csv"]


def test_the_command_takes_what_is_said_about_text(tmp_path: Path) -> None:
    """Separator and decimal mark as everywhere."""
    (tmp_path / "t.csv").write_text("1,5;a\n2,5;b\n")
    out = tmp_path / "t.parquet"
    said = ["--separator", ";", "--decimal", ",", "--no-header"]
    done = CliRunner().invoke(
        app, ["data", "convert", str(tmp_path / "t.csv"), *said, "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{out}: 2 rows, ")
    assert pq.read_table(out).column("x0").to_pylist() == [1.5, 2.5]
