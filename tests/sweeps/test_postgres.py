"""The ledger in PostgreSQL, on a real server that is started here."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.sweeps.ledgers import LedgerSuite, Open, result
from tests.sweeps.synthetic import ROOT, Walk, comparable, killable_sweep

from mlplab import sweeps
from mlplab.errors import MissingExtraError, OutputError

slow = pytest.mark.slow


def programs() -> Path:
    """Return the folder of initdb and postgres, where Debian puts them, or skip."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    return found[-1].parent


def as_other_user(folder: Path) -> list[str]:
    """Return what to put before a command, as the server refuses to run as root."""
    if os.geteuid() != 0:
        return []
    if shutil.which("runuser") is None:
        pytest.skip("PostgreSQL does not run as root, and there is no runuser")
    shutil.chown(folder, "nobody")
    return ["runuser", "-u", "nobody", "--"]


def free_port() -> int:
    """Return a port that nobody listens to."""
    with contextlib.closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Start a server in a folder of its own, and return its URL."""
    psycopg = pytest.importorskip("psycopg")
    # Not below pytest's folder, which only its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="mlplab-postgres-"))
    bin_folder, before, port = programs(), as_other_user(folder), free_port()

    def command(*words: str) -> Sequence[str]:
        return [*before, str(bin_folder / words[0]), "-D", str(folder / "data"), *words[1:]]

    subprocess.run(
        command("initdb", "-A", "trust", "-U", "tester", "-N"),
        check=True,
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    options = ["-p", str(port), "-k", str(folder), "-h", "127.0.0.1"]
    log = (folder / "log").open("w")
    process = subprocess.Popen(command("postgres", *options), cwd=folder, stdout=log, stderr=log)
    url = f"postgresql://tester@127.0.0.1:{port}/postgres"
    try:
        for _ in range(100):
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(url).close()
                break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(server: str) -> str:
    """Return the URL of a server without anything in it."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop table if exists mlplab_cells")
    return server


@slow
class TestPostgresLedger(LedgerSuite):
    """In a database."""

    @pytest.fixture
    def opened(self, url: str) -> Open:
        """Open the same database again and again."""
        return lambda: sweeps.open_ledger(url)


@slow
def test_sweeps_go_on_in_a_database(url: str) -> None:
    """As in a folder."""
    sweep = killable_sweep("random")
    whole = sweeps.run(sweep, Walk())
    short = sweeps.Sweep(sweep.space, sweep.search, sweep.scores, trials=30, seeds=2)
    assert sweeps.run(short, Walk(), storage=url).n_trained == 60
    result = sweeps.run(sweep, Walk(), storage=url)
    assert result.n_trained == 140
    assert comparable(result) == comparable(whole)


def start(url: str, search: str = "random") -> subprocess.Popen[str]:
    """Start a sweep of slow trainings in a process of its own."""
    command = [sys.executable, "-m", "tests.sweeps.synthetic", url, search]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@slow
def test_processes_divide_the_cells(url: str) -> None:
    """Nobody trains what another one has."""
    processes = [start(url) for _ in range(2)]
    told = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert [one["stop"] for one in told] == ["COMPLETE", "COMPLETE"]
    assert sum(one["n_trained"] for one in told) == 200


@slow
def test_claims_of_killed_processes_are_free(url: str) -> None:
    """The server sees that they are gone."""
    import psycopg

    processes = [start(url, "slowly") for _ in range(2)]
    with psycopg.connect(url, autocommit=True) as connection:
        claimed = "select count(distinct owner) from mlplab_cells"
        while True:
            with contextlib.suppress(psycopg.errors.UndefinedTable):
                if connection.execute(claimed).fetchone() == (2,):
                    break
            assert any(process.poll() is None for process in processes)
            time.sleep(0.005)
    processes[1].kill()
    processes[1].communicate()
    output, _ = processes[0].communicate(timeout=60)
    assert json.loads(output)["stop"] == "COMPLETE"
    last = sweeps.run(killable_sweep("slowly"), Walk(), storage=url)
    assert last.n_trained == 0
    assert comparable(last) == comparable(sweeps.run(killable_sweep("slowly"), Walk()))


@slow
def test_files_and_databases_merge(url: str, tmp_path: Path) -> None:
    """In both directions."""
    file, database = sweeps.FileLedger(tmp_path), sweeps.open_ledger(url)
    file.append([result("a")])
    database.append([result("b")])
    assert sweeps.merge_ledgers(database, [file]) == 1
    assert sweeps.merge_ledgers(file, [database]) == 1
    assert set(database.find("ab")) == set(file.find("ab")) == {"a", "b"}
    file.close()
    database.close()


def test_servers_that_are_not_there_are_named() -> None:
    """Without the password."""
    pytest.importorskip("psycopg")
    with pytest.raises(OutputError, match=r"reached; got 'postgresql://127.0.0.1:1/x'") as caught:
        sweeps.open_ledger("postgresql://me:secret@127.0.0.1:1/x")
    assert "secret" not in str(caught.value)


def test_missing_psycopg_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"needs psycopg.*mlplab\[postgres\]"):
        sweeps.open_ledger("postgresql://127.0.0.1/x")
