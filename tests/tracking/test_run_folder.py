"""A run's folder is its own, its files are whole, and what cannot be is said in a sentence."""

from __future__ import annotations

import builtins
import errno
import json
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pyarrow.parquet as pq
import pytest

from mlplab.errors import DataError, OutputError
from mlplab.results import EpochRecord, History
from mlplab.tracking import RunFolder, environment

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
HISTORY = History.of(
    (
        EpochRecord(1, 0.1 + 0.2, None, 0.5, 1e-3, 2.0, 0.01),
        EpochRecord(2, math.inf, 1 / 3, None, 5e-324, 0.0, 0.02),
    )
)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Return a new folder."""
    return RunFolder.create(tmp_path / "runs", "a run", now=NOW)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Wine quality", "wine-quality"),
        ("  Größe: 2/3 ", "grosse-2-3"),
        ("../../etc/passwd", "etc-passwd"),
        ("葡萄酒", "run"),
        ("", "run"),
        ("x" * 300, "x" * 40),
    ],
)
def test_folder_is_named_by_time_and_slug(tmp_path: Path, name: str, slug: str) -> None:
    """Any words give a safe name directly below the base."""
    folder = RunFolder.create(tmp_path, name, now=NOW)
    assert folder.path == tmp_path / f"20260304-050607-{slug}"
    assert folder.path.is_dir()


def test_runs_of_one_second_have_their_own_folders(tmp_path: Path) -> None:
    """Many threads that start at once get different folders."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: RunFolder.create(tmp_path, "a", now=NOW).path, range(20)))
    assert len(set(made)) == 20
    assert {path.name for path in made} == {
        "20260304-050607-a",
        *(f"20260304-050607-a-{number}" for number in range(2, 21)),
    }


def test_runs_of_two_processes_have_their_own_folders(tmp_path: Path) -> None:
    """The file system decides between processes."""
    script = (
        "import sys; from datetime import datetime; from pathlib import Path\n"
        "from mlplab.tracking import RunFolder\n"
        "for _ in range(10):\n"
        "    f = RunFolder.create(Path(sys.argv[1]), 'a', now=datetime(2026, 1, 1))\n"
        "    print(f.path.name)"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    names = [name for process in both for name in process.communicate()[0].split()]
    assert len(names) == len(set(names)) == 20


def test_history_comes_back_to_the_last_bit(folder: RunFolder) -> None:
    """None stays None, infinity stays infinity, and others can read the file."""
    path = folder.write_history(HISTORY)
    assert folder.read_history() == HISTORY
    table = pq.read_table(path)
    assert table.column_names == list(HISTORY.to_columns())
    assert str(table.schema.field("epoch").type) == "int64"


def test_empty_history_comes_back(folder: RunFolder) -> None:
    """No epoch is a history too."""
    folder.write_history(History())
    assert folder.read_history() == History()


def test_texts_bytes_and_json_come_back(folder: RunFolder) -> None:
    """What is written is read, in UTF-8."""
    assert folder.write_text("a.txt", "σ ≤ 1\n").read_bytes() == "σ ≤ 1\n".encode()
    folder.write_bytes("b.bin", b"\0\xff")
    assert folder.read_bytes("b.bin") == b"\0\xff"
    folder.write_json("c.json", {"σ": [1, math.nan]})
    assert folder.read_json("c.json") == {"σ": [1, None]}


def test_open_finds_a_folder_and_what_it_needs(folder: RunFolder) -> None:
    """A complete folder opens as the same noun."""
    folder.write_history(HISTORY)
    assert RunFolder.open(folder.path, needs=["history.parquet"]) == folder


def test_open_says_what_is_wrong(folder: RunFolder, tmp_path: Path) -> None:
    """Absent, misspelt, a file, foreign and incomplete folders are told apart."""
    with pytest.raises(DataError, match=rf"where nothing is. Did you mean '{folder.path.name}'"):
        RunFolder.open(folder.path.with_name("20260304-050607-a-rum"))
    with pytest.raises(DataError, match="where nothing is"):
        RunFolder.open(tmp_path / "neither" / "nor")
    with pytest.raises(DataError, match="where a file is"):
        RunFolder.open(folder.path / "environment.json")
    with pytest.raises(DataError, match=r"without environment\.json"):
        RunFolder.open(tmp_path)
    with pytest.raises(DataError, match=r"without history\.parquet, metrics\.json"):
        RunFolder.open(folder.path, needs=["history.parquet", "metrics.json"])


def test_unreadable_files_are_said_in_a_sentence(folder: RunFolder) -> None:
    """Missing and broken files raise DataError, whatever they hold."""
    with pytest.raises(DataError, match=r"its history\.parquet.*No such file"):
        folder.read_history()
    with pytest.raises(DataError, match=r"Did you mean 'environment\.json'"):
        folder.read_json("environments.json")
    for content in (b"", b"{", b"\xff\xfe", b"[" * 100_000):
        folder.write_bytes("metrics.json", content)
        with pytest.raises(DataError, match="must be JSON"):
            folder.read_json("metrics.json")
    whole = folder.write_history(HISTORY).read_bytes()
    for content in (b"", b"PAR1", whole[:-20], whole[len(whole) // 2 :], b"x" * 500):
        folder.write_bytes("history.parquet", content)
        with pytest.raises(DataError, match="must be a Parquet file"):
            folder.read_history()


def test_parquet_of_something_else_is_no_history(folder: RunFolder) -> None:
    """A table without the columns of a history is refused."""
    import pyarrow as pa

    pq.write_table(pa.table({"epoch": [1]}), folder.path / "history.parquet")
    with pytest.raises(DataError, match="columns epoch, loss"):
        folder.read_history()


def test_environment_names_versions_and_neither_host_nor_user() -> None:
    """Versions are there; nothing says whose machine it was."""
    import platform

    import numpy as np

    told = environment()
    assert told["numpy"] == np.__version__
    assert told["python"] == platform.python_version()
    assert set(told) >= {"mlplab", "scipy", "scikit-learn", "platform", "cpu_count"}
    assert platform.node() not in told.values()
    assert str(Path.home()) not in json.dumps(told)


def test_new_folder_holds_its_environment(folder: RunFolder) -> None:
    """A run that was killed at once can still be told apart from another folder."""
    assert folder.read_json("environment.json") == environment()


@pytest.mark.parametrize("base", ["file", "file/below"])
def test_a_file_in_the_way_is_said_in_a_sentence(tmp_path: Path, base: str) -> None:
    """The output folder cannot be a file, nor below one."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="A file stands where a folder should be"):
        RunFolder.create(tmp_path / base, "a", now=NOW)


def test_a_folder_in_the_way_of_a_file_is_said_in_a_sentence(folder: RunFolder) -> None:
    """The temporary file is taken away again."""
    (folder.path / "metrics.json").mkdir()
    with pytest.raises(OutputError, match=r"metrics\.json.*Is a directory"):
        folder.write_json("metrics.json", {})
    assert sorted(p.name for p in folder.path.iterdir()) == ["environment.json", "metrics.json"]


def test_a_read_only_folder_is_said_in_a_sentence(
    tmp_path: Path, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither folder nor file can be made; superusers may write anywhere, so it is acted."""

    def refuse(path: Path, *_args: object, **_options: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(OutputError, match=r"Permission denied\. Choose a folder that you"):
        RunFolder.create(tmp_path, "a", now=NOW)
    with pytest.raises(OutputError, match=r"Permission denied\. Choose a folder that you"):
        folder.write_text("a.txt", "x")


class _FullDisk:
    """A file on a disk that fills up in the middle of a write."""

    def __init__(self, file: object) -> None:
        self.file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, content: bytes) -> None:
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_old_file(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is half written, no temporary file stays, and the sentence says what to do."""
    path = folder.write_text("metrics.json", "old")
    open_ = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *args: _FullDisk(open_(self, *args)))
    with pytest.raises(OutputError, match=r"No space left on device\. Free some space"):
        folder.write_text("metrics.json", "new and longer")
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert sorted(p.name for p in folder.path.iterdir()) == ["environment.json", "metrics.json"]


def test_a_disk_that_fails_to_sync_leaves_the_old_file(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file takes its name only when the disk has it."""

    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = folder.write_text("a.txt", "old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="Input/output error"):
        folder.write_text("a.txt", "new")
    assert path.read_text() == "old"


def test_an_interrupt_while_writing_leaves_no_temporary_file(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control-C passes through, and cleans up."""

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        folder.write_text("a.txt", "new")
    assert [p.name for p in folder.path.iterdir()] == ["environment.json"]


_KILLED = """
import os, sys
from pathlib import Path
from mlplab.tracking import RunFolder
folder = RunFolder(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(10**9):
    folder.write_text("metrics.json", str(number % 10) * 200_000)
"""


def test_a_killed_process_leaves_a_whole_file(folder: RunFolder) -> None:
    """Whenever the process is killed, the file is one of those written, from end to end."""
    for delay in (0.0, 0.003, 0.01, 0.03):
        process = subprocess.Popen(
            [sys.executable, "-c", _KILLED, str(folder.path)], stdout=subprocess.PIPE
        )
        process.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(delay + 0.02)
        process.kill()
        process.communicate()
        path = folder.path / "metrics.json"
        if path.exists():
            content = path.read_text()
            assert content == content[0] * 200_000


def test_files_can_be_read_by_others(folder: RunFolder) -> None:
    """Permissions follow the user's mask, as for any file."""
    plain = folder.path / "plain"
    with builtins.open(plain, "w", encoding="utf-8"):  # noqa: PTH123  # the usual way
        pass
    assert folder.write_text("a.txt", "x").stat().st_mode == plain.stat().st_mode
