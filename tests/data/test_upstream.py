"""Downloads in the form of their source, brought into ours."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

from mlplab.data.sources import PUBLIC
from mlplab.data.upstream import UPSTREAM


def test_arff_becomes_csv() -> None:
    """Names and rows of an ARFF file survive, comments and declarations do not."""
    text = b"""% comment
@relation 'r'
@attribute 'a b' numeric
@ATTRIBUTE c {0,1}  % trailing

@data
1.50,0
2,1
"""
    assert UPSTREAM["arff"]([text]) == b"a b,c\n1.50,0\n2,1\n"


def test_upstream_forms_of_uci(data_folder: Path) -> None:
    """The published files, rebuilt from ours by the published checksum, come out as ours."""
    published = {
        "wine_quality/winequality-red.csv": (
            "4a402cf041b025d4566d954c3b9ba8635a3a8a01e039005d97d6a710278cf05e"
        ),
        "wine_quality/winequality-white.csv": (
            "76c3f809815c17c07212622f776311faeb31e87610d52c26d87d6e361b169836"
        ),
        "adult/adult_train.csv.gz": (
            "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d"
        ),
        "adult/adult_test.csv.gz": (
            "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05"
        ),
    }
    for name in ("wine_quality", "adult"):
        for file in (*PUBLIC[name].files, *PUBLIC[name].test_files):
            raw = (data_folder / file.path).read_bytes()
            ours = gzip.decompress(raw) if file.path.endswith(".gz") else raw
            names, _, rows = ours.partition(b"\n")
            if name == "wine_quality":
                quoted = b";".join(b'"%s"' % column for column in names.split(b","))
                upstream = quoted + b"\n" + rows.replace(b",", b";")
            else:
                upstream = rows.replace(b",", b", ") + b"\n"
                if "test" in file.path:
                    upstream = b"|1x3 Cross validator\n" + upstream.replace(b"K\n", b"K.\n")
            assert hashlib.sha256(upstream).hexdigest() == published[file.path]
            assert UPSTREAM[file.upstream]([upstream]) == ours


def test_yeast_from_arff(data_folder: Path) -> None:
    """The published ARFF file of yeast, rebuilt, comes out as our CSV file."""
    (file,) = PUBLIC["yeast"].files
    ours = gzip.decompress((data_folder / file.path).read_bytes())
    names, _, rows = ours.partition(b"\n")
    declared = b"\n".join(b"@attribute %s numeric" % name for name in names.split(b","))
    assert UPSTREAM["arff"]([b"@relation 'Yeast'\n\n%s\n\n@data\n%s" % (declared, rows)]) == ours


def test_spotify_from_its_genres(data_folder: Path) -> None:
    """The published tables, one a genre, rebuilt, come out as our file."""
    (file,) = PUBLIC["spotify"].files
    ours = gzip.decompress((data_folder / file.path).read_bytes())
    names, *rows = ours.rstrip(b"\n").split(b"\n")
    assert len(rows) == 1_000 * len(file.urls)
    parts = []
    for number, url in enumerate(file.urls):
        genre = url.rpartition("/")[2].removesuffix(".csv").encode()
        lines = [row.partition(b",")[2] for row in rows[1_000 * number : 1_000 * (number + 1)]]
        assert all(line.endswith(b"," + genre) for line in lines)
        # The truth value stands 14 columns from the end, where no text can hold a comma.
        cut = [line.rsplit(b",", 14) for line in lines]
        published = [b",".join([row[0], row[1].upper(), *row[2:]]) for row in cut]
        parts.append(b"\n".join([names[1:], *published]) + b"\n")
    assert UPSTREAM[file.upstream](parts) == ours
