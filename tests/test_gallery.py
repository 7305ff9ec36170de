"""The gallery shows every figure, by pictures that are there and small."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from PIL import Image

from mlplab import plots

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery.md"
TEXT = PAGE.read_text(encoding="utf-8")
PICTURES = re.findall(r"!\[([^\]]*)\]\((gallery/[\w.-]+)\)", TEXT)
OF_SWEEPS = {
    "EffectDisplay",
    "ImportanceDisplay",
    "InteractionDisplay",
    "ParallelCoordinatesDisplay",
    "SweepCurvesDisplay",
}


def test_every_display_is_shown() -> None:
    """Those of sweeps have a page of their own."""
    displays = {name for name in plots.__all__ if name.endswith("Display")} - {"Display"}
    missing = {name for name in displays if f"plots.{name}" not in TEXT}
    assert missing == OF_SWEEPS


@pytest.mark.parametrize(("words", "path"), PICTURES, ids=[path for _, path in PICTURES])
def test_pictures_are_there_described_and_small(words: str, path: str) -> None:
    """Less than 70 kB each, with words for those who do not see them."""
    file = PAGE.parent / path
    assert len(words) > 15
    assert file.stat().st_size < 70_000
    with Image.open(file) as picture:
        assert min(picture.size) > 100


def test_no_picture_is_left_over() -> None:
    """The folder holds what the page shows, each once."""
    shown = [Path(path).name for _, path in PICTURES]
    assert sorted(path.name for path in (PAGE.parent / "gallery").iterdir()) == sorted(shown)


def test_the_script_writes_the_latest_display(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a page of its own; a wrong example is told."""
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "docs" / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    gallery = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gallery)
    page = tmp_path / "gallery.md"
    make = ">>> from mlplab.plots import *\n>>> display = ClassScatterDisplay.from_data("
    page.write_text(
        f"{make}[[0, 1], [1, 2]], [0, 1])\n\n![Two points](gallery/two.png)\n", encoding="utf-8"
    )
    monkeypatch.setattr(gallery, "PAGE", page)
    assert gallery.draw(tmp_path) == [tmp_path / "gallery" / "two.png"]
    with Image.open(tmp_path / "gallery" / "two.png") as picture:
        assert picture.format == "PNG"
    page.write_text(f"{make}[[0, 1]], [0])\n>>> 1\n2\n\n![One](gallery/one.png)\n", "utf-8")
    with pytest.raises(SystemExit, match="do not give"):
        gallery.draw(tmp_path)
