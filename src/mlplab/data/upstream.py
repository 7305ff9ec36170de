"""From the form in which a source publishes its files to the form in which mlplab keeps them.

Every function takes the downloaded parts and returns one text file; the checksum of the result is
tested afterwards, so that a source that changed is noticed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

__all__ = ["UPSTREAM"]

_ADULT_NAMES = (
    b"age,workclass,fnlwgt,education,education-num,marital-status,occupation,relationship,race,"
    b"sex,capital-gain,capital-loss,hours-per-week,native-country,income\n"
)
_ATTRIBUTE = re.compile(rb"@attribute\s+('[^']+'|\"[^\"]+\"|\S+)", re.IGNORECASE)

_TRUTH = re.compile(rb"(,\d+,\d+,)(TRUE|FALSE),")


def as_published(parts: Sequence[bytes]) -> bytes:
    """Return the only part."""
    (content,) = parts
    return content


def semicolons(parts: Sequence[bytes]) -> bytes:
    """Write commas for semicolons, and names without quotes."""
    (content,) = parts
    names, _, rows = content.partition(b"\n")
    return (names.replace(b'"', b"") + b"\n" + rows).replace(b";", b",")


def adult(parts: Sequence[bytes]) -> bytes:
    """Add the names; leave out blanks, the first line of the test part and its full stops."""
    (content,) = parts
    lines = [line.rstrip(b".") for line in content.replace(b", ", b",").split(b"\n")]
    rows = [line for line in lines if line and not line.startswith(b"|")]
    return _ADULT_NAMES + b"\n".join(rows) + b"\n"


def arff(parts: Sequence[bytes]) -> bytes:
    """Write an ARFF file as CSV."""
    (content,) = parts
    names: list[bytes] = []
    rows: list[bytes] = []
    for raw in content.splitlines():
        line = raw.strip()
        found = _ATTRIBUTE.match(line)
        if found:
            names.append(found[1].strip(b"'\""))
        elif line and not line.startswith((b"@", b"%")):
            rows.append(line)
    return b",".join(names) + b"\n" + b"\n".join(rows) + b"\n"


def numbered_parts(parts: Sequence[bytes]) -> bytes:
    """Join tables of equal columns, number their rows, and write True and False as Python does.

    A truth value follows two whole numbers; this tells it from a song that is called TRUE.
    """
    names = parts[0].partition(b"\n")[0].rstrip(b"\r")
    rows = [line for part in parts for line in part.splitlines()[1:] if line]
    spelled = (_TRUTH.sub(lambda found: found[1] + found[2].title() + b",", row) for row in rows)
    numbered = (b"%d,%s" % (number, row) for number, row in enumerate(spelled))
    return b"," + names + b"\n" + b"\n".join(numbered) + b"\n"


UPSTREAM: dict[str, Callable[[Sequence[bytes]], bytes]] = {
    "": as_published,
    "adult": adult,
    "arff": arff,
    "numbered_parts": numbered_parts,
    "semicolons": semicolons,
}
"""The functions by the names that `mlplab.data.sources` uses."""
