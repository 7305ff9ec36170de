"""Draw the pictures of the gallery: ``python docs/gallery.py``.

The page `gallery.md` is the only source: its examples are run in order, and where it shows a
picture, the latest ``display`` (for a GIF the latest ``film``) is written under that name. Needs
the extra ``lab``.
"""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path
from typing import Any

from mlplab.plots import to_png

PAGE = Path(__file__).parent / "gallery.md"
_PICTURE = re.compile(r"!\[[^\]]*\]\((gallery/[\w.-]+)\)")
COLOURS = 128  # a picture of few colours is a third of the size


def draw(folder: Path = PAGE.parent) -> list[Path]:
    """Run the page and write its pictures; return where they lie.

    Parameters
    ----------
    folder : Path
        Where the folder ``gallery`` lies or is made.
    """
    written = []
    names: dict[str, Any] = {}
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    text = PAGE.read_text(encoding="utf-8")
    parts = _PICTURE.split(text)
    for place, (examples, picture) in enumerate(zip(parts[::2], parts[1::2], strict=False)):
        line = text[: text.index(picture)].count("\n")
        test = parser.get_doctest(examples, names, f"part {place}", str(PAGE), line)
        runner.run(test, clear_globs=False)
        names = test.globs
        target = folder / picture
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(names["film"] if target.suffix == ".gif" else small(names["display"]))
        written.append(target)
    if runner.summarize(verbose=False).failed:
        sys.exit("Some examples of gallery.md do not give what they say; see above.")
    return written


def small(display: Any) -> bytes:
    """Return a picture of a Display in few bytes."""
    return to_png(display, dpi=72, colours=COLOURS)


if __name__ == "__main__":
    for path in draw():
        print(f"{path.relative_to(PAGE.parent.parent)}  {path.stat().st_size / 1000:.0f} kB")
