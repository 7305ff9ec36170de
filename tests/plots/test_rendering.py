"""SVG text can be put into a page, is the same every time, and needs neither screen nor pyplot."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mlplab.errors import ParameterError
from mlplab.plots import (
    ConfusionMatrixDisplay,
    LabelHistogramDisplay,
    PredictionErrorDisplay,
    to_figure,
    to_png,
    to_svg,
)

MATRIX = ConfusionMatrixDisplay([[8, 2], [0, 5]], labels=["no", "yes"])
ERRORS = PredictionErrorDisplay([1.0, 2.0, 3.0], [1.0, 2.5, 2.5], residuals=True)
BARS = LabelHistogramDisplay.from_predictions([0, 1, 1], [1, 1, 1])  # has hatches

_SCRIPT = """
import hashlib, sys
from mlplab.plots import *
d = LabelHistogramDisplay.from_predictions([0, 1, 1], [1, 1, 1])
sys.stdout.write(hashlib.sha256(to_svg(d).encode()).hexdigest())
assert "matplotlib.pyplot" not in sys.modules
"""


def test_svg_is_the_same_text_every_time() -> None:
    """Two calls give the same text, whatever was drawn between, and also with a salt set."""
    first = to_svg(BARS)
    to_svg(MATRIX)
    with mpl.rc_context({"svg.hashsalt": "other"}):
        assert to_svg(BARS) == first
    assert to_png(BARS) == to_png(BARS)


def test_a_picture_of_few_colours_is_small() -> None:
    """The size in pixels stays; `colours` outside of 2 to 256 is refused."""
    whole, few = to_png(MATRIX), to_png(MATRIX, colours=16)
    pictures = [Image.open(io.BytesIO(png)) for png in (whole, few)]
    assert pictures[0].size == pictures[1].size
    assert len(pictures[1].convert("RGB").getcolors()) <= 16
    assert len(few) < 0.6 * len(whole)
    with pytest.raises(ParameterError, match="from 2 to 256; got 1"):
        to_png(MATRIX, colours=1)


def test_svg_is_the_same_text_in_another_process_without_pyplot() -> None:
    """A new process with another hash seed gives the same text and loads no pyplot."""
    done = [
        subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            env={"PYTHONHASHSEED": hash_seed, "PATH": "", "HOME": "/nowhere"} | _folders(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert done[0] == done[1]
    assert len(done[0]) == 64


def _folders() -> dict[str, str]:
    return {"MPLCONFIGDIR": mpl.get_configdir()}


def test_svg_is_well_formed_and_has_neither_date_nor_prologue() -> None:
    """The text is one svg element."""
    svg = to_svg(MATRIX, title='counts of "a" & <b>')
    root = ET.fromstring(svg)  # noqa: S314  # our own text
    assert svg.startswith("<svg ")
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("aria-label") == 'counts of "a" & <b>'
    assert "<?xml" not in svg
    assert "DOCTYPE" not in svg
    assert "<metadata" not in svg
    assert not re.search(r"20\d\d-\d\d-\d\d", svg)


def test_several_svgs_live_in_one_page() -> None:
    """No identifier occurs twice, every reference is met in its own figure, styles stay inside."""
    svgs = [to_svg(display) for display in (MATRIX, ERRORS, BARS)]
    svgs.append(to_svg(MATRIX, prefix="again"))
    everything = [set(re.findall(r'\sid="([^"]+)"', svg)) for svg in svgs]
    assert sum(map(len, everything)) == len(set().union(*everything))
    for svg, ids in zip(svgs, everything, strict=True):
        used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
        assert used
        assert used <= ids
        (style,) = re.findall(r"<style[^>]*>([^<]*)", svg)
        assert style.startswith(f"#{ET.fromstring(svg).get('id')} ")  # noqa: S314  # our own text


def test_hatches_survive_the_renaming() -> None:
    """A pattern is still found by the bars that it fills."""
    svg = to_svg(BARS)
    (name,) = set(re.findall(r'<pattern id="([^"]+)"', svg)) or {None}
    assert f"fill: url(#{name})" in svg


@pytest.mark.parametrize("prefix", ["", "1a", "a b", "ä", 'a"'])
def test_prefix_that_cannot_start_an_identifier_is_refused(prefix: str) -> None:
    """The text would not be valid."""
    with pytest.raises(ParameterError, match="`prefix`"):
        to_svg(MATRIX, prefix=prefix)


def test_a_figure_of_the_users_is_taken_too() -> None:
    """Any Matplotlib figure can be turned into text."""
    figure = Figure()
    figure.subplots().plot([1, 2])
    assert to_svg(figure) == to_svg(figure)
    assert to_png(figure).startswith(b"\x89PNG")


def test_something_else_is_refused_in_a_sentence() -> None:
    """A list is no figure."""
    with pytest.raises(ParameterError, match="got list"):
        to_svg([1, 2])  # type: ignore[arg-type]


def test_drawing_leaves_display_and_parameters_alone() -> None:
    """`to_figure` sets nothing on the display, and Matplotlib's parameters stay."""
    display = ConfusionMatrixDisplay([[1, 0], [0, 1]])
    before = dict(mpl.rcParams)
    figure = to_figure(display, colorbar=False)
    assert len(figure.axes) == 1
    assert not hasattr(display, "ax_")
    assert dict(mpl.rcParams) == before


def test_threads_draw_at_once() -> None:
    """Figures drawn in several threads are those drawn one after the other."""
    displays = [ConfusionMatrixDisplay(np.eye(n, dtype=int)) for n in range(2, 8)] * 2
    alone = [to_svg(display) for display in displays]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(to_svg, displays)) == alone


def test_importing_the_room_loads_no_matplotlib() -> None:
    """Matplotlib is loaded when something is drawn."""
    script = (
        "import sys, mlplab.plots as p; p.ConfusionMatrixDisplay([[1]]);"
        "assert not {'matplotlib', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
