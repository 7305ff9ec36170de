"""Ledgers in memory and in files."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sweeps.ledgers import LedgerSuite, Open, result

from mlplab.errors import OutputError
from mlplab.sweeps import FileLedger, MemoryLedger, merge_ledgers, open_ledger
from mlplab.sweeps.records import from_line, to_line


class TestFileLedger(LedgerSuite):
    """In a folder."""

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Open:
        """Open the same folder again and again."""
        return lambda: FileLedger(tmp_path / "sweep")


def test_memory_ledger_remembers() -> None:
    """As long as it lives."""
    ledger = MemoryLedger()
    ledger.append([result("a")])
    assert ledger.find("ab") == {"a": result("a")}
    assert ledger.claim({"a": 1, "b": 1, "c": 1}, 1) == ["b"]
    assert [one.cell.key for one in ledger.read()] == ["a"]


@given(cut=st.integers(0), flip=st.integers(0), bit=st.integers(0, 7))
def test_damaged_lines_are_seen(cut: int, flip: int, bit: int) -> None:
    """A line that ends early, or of which one bit is another, counts as never written."""
    line = to_line(result("a"))
    assert from_line(line) == result("a")
    assert from_line(line[: cut % (len(line) - 1)]) is None
    damaged = bytearray(line.rstrip())
    damaged[flip % len(damaged)] ^= 1 << bit
    assert from_line(bytes(damaged)) is None


# Between opening a file and entering its context nobody can close it but the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_interrupted_look_forgets_nothing(tmp_path: Path) -> None:
    """Ctrl-C between any two lines of the code that reads: the next look finds every result."""
    with contextlib.closing(FileLedger(tmp_path)) as writer:
        writer.append([result(key) for key in "abc"])
    n_lines, moment, interrupted = 0, 1, True
    while interrupted:
        with contextlib.closing(FileLedger(tmp_path)) as ledger:
            interrupted = _interrupt_refresh(ledger, moment)
            assert [*ledger.find("abc")] == ["a", "b", "c"], f"after {moment} lines"
        moment, n_lines = moment + 1, moment
    assert n_lines > 10


def _interrupt_refresh(ledger: FileLedger, moment: int) -> bool:
    """Look, and interrupt before line `moment` of the method is run; tell if it was reached."""
    seen = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal seen
        if frame.f_code is not FileLedger._refresh.__code__:
            return None
        seen += event == "line"
        if event == "line" and seen == moment:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        ledger.find("abc")
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("left", [1, 40, 200, -2, -1])
def test_torn_lines_do_no_harm(tmp_path: Path, left: int) -> None:
    """Somebody was killed while writing: what stands before and what comes after is kept."""
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(to_line(result("a")) + to_line(result("b"))[:left])
    ledger = FileLedger(tmp_path)
    whole = left == -1  # only the newline is missing: that a reader cannot know yet
    assert set(ledger.find("abc")) == {"a"}
    assert ledger.claim({"b": 1}, 1) == ["b"]
    ledger.append([result("c")])
    assert set(ledger.find("abc")) == ({"a", "b", "c"} if whole else {"a", "c"})
    ledger.close()


def test_claims_of_the_dead_are_free(tmp_path: Path) -> None:
    """Nobody holds the lock beside them; files that say so are cleared away."""
    (tmp_path / "claims").mkdir(parents=True)
    (tmp_path / "claims" / "123-dead.txt").write_text("a\nb", encoding="ascii")
    ledger = FileLedger(tmp_path)
    assert ledger.claim({"a": 1, "b": 1}, 9) == ["a", "b"]
    assert len(list((tmp_path / "claims").glob("*.txt"))) == 1
    ledger.close()
    assert not list((tmp_path / "claims").iterdir())


def test_ledgers_are_lines_of_json(tmp_path: Path) -> None:
    """Any other tool can read them."""
    ledger = FileLedger(tmp_path)
    ledger.append([result("a"), result("b")])
    ledger.close()
    frame = pd.read_json(tmp_path / "ledger.jsonl", lines=True)
    assert frame["key"].tolist() == ["a", "b"]
    assert frame["scores"][0]["accuracy"] == 0.1 + 0.2


def test_ledgers_of_several_machines_merge(tmp_path: Path) -> None:
    """What worked somewhere replaces what failed; the rest is taken once, with its curves."""
    here, there = FileLedger(tmp_path / "here"), FileLedger(tmp_path / "there")
    here.append([result("a"), result("b", status="failed"), result("d", status="failed")])
    there.append([result("b"), result("c"), result("a", status="failed")])
    assert merge_ledgers(here, [there]) == 2
    assert merge_ledgers(here, [there]) == 0
    found = here.find("abcd")
    assert [found[key].status for key in "abcd"] == ["done", "done", "done", "failed"]
    assert all(one.curve for one in here.read("abc"))
    for ledger in (here, there):
        ledger.close()


def test_storage_that_is_a_file_is_named(tmp_path: Path) -> None:
    """A folder was expected."""
    (tmp_path / "sweep").write_text("", encoding="ascii")
    with pytest.raises(OutputError, match=r"Output must be writable; got .*sweep"):
        open_ledger(tmp_path / "sweep")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_storage_that_may_not_be_written_to_is_named(tmp_path: Path) -> None:
    """With the way out."""
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match=r"Choose a folder that you may write to"):
        open_ledger(tmp_path / "sweep")
    tmp_path.chmod(0o700)
