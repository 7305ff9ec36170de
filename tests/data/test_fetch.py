"""Files of public data sets: found, checked, downloaded, brought into our form."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mlplab._config import cache_folder
from mlplab.data import load
from mlplab.data.fetch import content_of, find_file
from mlplab.data.sources import PublicFile
from mlplab.errors import DataError, OutputError

TABLE = b"a,b\n1,2\n3,4\n"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Keep the output of the tests clean."""


@pytest.fixture
def website(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve a folder on this machine; return the folder and its address."""
    folder = tmp_path / "website"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _no_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test names its own data folder, or none."""
    monkeypatch.delenv("MLPLAB_DATA", raising=False)


def public_file(urls: tuple[str, ...], content: bytes = TABLE, upstream: str = "") -> PublicFile:
    """Describe a file whose content is known."""
    return PublicFile("set/table.csv.gz", hashlib.sha256(content).hexdigest(), urls, upstream)


@pytest.mark.parametrize("packed", [False, True])
def test_download_is_kept(website: tuple[Path, str], packed: bool) -> None:
    """A download, gzipped or not, is checked and kept; the second time nothing is fetched."""
    folder, address = website
    (folder / "table.csv").write_bytes(gzip.compress(TABLE) if packed else TABLE)
    file = public_file((f"{address}/table.csv",))
    assert content_of(file) == TABLE
    assert find_file(file) == cache_folder() / "data" / "set" / "table.csv.gz"
    (folder / "table.csv").unlink()
    assert content_of(file) == TABLE
    assert [path.name for path in (cache_folder() / "data" / "set").iterdir()] == ["table.csv.gz"]


def test_download_in_parts(website: tuple[Path, str]) -> None:
    """Parts are joined in order and brought into our form before they are checked."""
    folder, address = website
    (folder / "one.csv").write_bytes(b"a,b,c,d,e\nTRUE,1,2,TRUE,x\n")
    (folder / "two.csv").write_bytes(b'a,b,c,d,e\r\n"x,TRUE,y",3,4,FALSE,y\r\n')
    wanted = b',a,b,c,d,e\n0,TRUE,1,2,True,x\n1,"x,TRUE,y",3,4,False,y\n'
    file = public_file((f"{address}/one.csv", f"{address}/two.csv"), wanted, "numbered_parts")
    assert content_of(file) == wanted


def test_changed_download_is_refused(website: tuple[Path, str]) -> None:
    """A source that serves something else is named, and nothing is kept."""
    folder, address = website
    (folder / "table.csv").write_bytes(b"other")
    file = public_file((f"{address}/table.csv",))
    with pytest.raises(DataError, match=r"the source has changed.*MLPLAB_DATA"):
        content_of(file)
    assert find_file(file) is None


def test_failing_download_tells_about_the_folder(website: tuple[Path, str]) -> None:
    """Without a network, or with a dead address, the message says where to put the file."""
    _, address = website
    for url in (f"{address}/none.csv", "http://127.0.0.1:9/table.csv", "http://no.invalid/a"):
        with pytest.raises(DataError, match=r"set/table\.csv\.gz into a folder.*MLPLAB_DATA"):
            content_of(public_file((url,)))


def test_load_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """`load` passes the sentence on."""

    def fail(*_: Any, **__: Any) -> str:
        raise ConnectionError("no network")

    monkeypatch.setattr("pooch.retrieve", fail)
    with pytest.raises(DataError, match=r"no network.*MLPLAB_DATA"):
        load("pima")


def test_data_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data folder is searched before the cache, with or without gzip."""
    file = public_file(())
    for folder in (tmp_path / "data", cache_folder() / "data"):
        (folder / "set").mkdir(parents=True)
    (cache_folder() / "data" / "set" / "table.csv.gz").write_bytes(gzip.compress(TABLE))
    assert content_of(file) == TABLE
    plain = tmp_path / "data" / "set" / "table.csv"
    plain.write_bytes(TABLE)
    monkeypatch.setenv("MLPLAB_DATA", str(tmp_path / "data"))
    assert find_file(file) == plain
    assert content_of(file) == TABLE


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"altered", mtime=0), "checksum.*Delete it"),
        (gzip.compress(TABLE, mtime=0)[:-5], "must be readable"),
    ],
)
def test_wrong_checksum(
    content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An altered or truncated file is named, not read."""
    monkeypatch.setenv("MLPLAB_DATA", str(tmp_path))
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "table.csv.gz").write_bytes(content)
    with pytest.raises(DataError, match=message):
        content_of(public_file(()))


def test_unwritable_cache(
    website: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache that cannot be written is named with the way out."""
    folder, address = website
    (folder / "table.csv").write_bytes(TABLE)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MLPLAB_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="MLPLAB_CACHE"):
        content_of(public_file((f"{address}/table.csv",)))
