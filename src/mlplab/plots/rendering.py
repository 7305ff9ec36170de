"""Displays and figures as SVG text and PNG bytes, without a screen and in any thread.

Matplotlib names clip paths and markers inside an SVG by hashes with a random salt, stamps it with
the date, and writes a style for ``*``: two figures in one page would redefine each other's
parts, and the same figure would never give the same text. Here every identifier is numbered in
the order in which it appears, behind a prefix drawn from the picture itself, and the style is
kept inside its own figure. Matplotlib's global parameters are not touched.
"""

from __future__ import annotations

import copy
import hashlib
import html
import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from mlplab._optional import require
from mlplab.errors import ParameterError
from mlplab.plots.style import Panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Display", "to_figure", "to_png", "to_svg"]

_ID = re.compile(r'(?<=\sid=")([^"]+)(?=")')
_REFERENCE = re.compile(r'(url\(#|href="#)([^)"]+)')
_ROOT = re.compile(r'<svg\b[^>]*?\swidth="([0-9.]+)pt"[^>]*?\sviewBox="([^"]+)"[^>]*>')
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


@runtime_checkable
class Display(Protocol):
    """The numbers of a figure, with a way to draw them."""

    @property
    def panels(self) -> Panels:
        """The panels that the figure needs."""

    def plot(self, ax: Axes | Sequence[Axes] | None = None, **options: Any) -> Display:
        """Draw into the given axes, or into a new figure."""


def to_figure(display: Display, **options: Any) -> Figure:
    """Draw a display into a figure of its own, which pyplot does not know.

    Parameters
    ----------
    display : Display
        Stays as it is: its `ax_` and `figure_` are not set.
    **options
        Passed to the display's `plot`.
    """
    if not isinstance(display, Display) or isinstance(display, type):
        raise ParameterError(
            f"`display` must be a Display; got {type(display).__name__}. The from_… methods of "
            "mlplab.plots make them."
        )
    module = require("matplotlib.figure", "lab", "Drawing")
    figure: Figure = module.Figure(figsize=display.panels.size, layout="constrained")
    copy.copy(display).plot(ax=display.panels.of(figure), **options)
    return figure


def to_svg(
    source: Display | Figure, *, title: str | None = None, prefix: str | None = None, **options: Any
) -> str:
    """Return a figure as SVG text that can be put into an HTML page as it is.

    The same figure gives the same text. Identifiers do not clash with those of other figures in
    the page, and the picture shrinks with a narrow page.

    Parameters
    ----------
    source : Display or matplotlib Figure
        What to draw.
    title : str, optional
        Said by screen readers.
    prefix : str, optional
        Start of all identifiers; drawn from the picture if None. Pass one to put two equal
        figures into one page. Letters, digits, hyphens and underscores, a letter first.
    **options
        Passed to the display's `plot`.

    Raises
    ------
    ParameterError
        `source` is no figure, or `prefix` cannot start an identifier.
    """
    if prefix is not None and not re.fullmatch(r"[A-Za-z][\w-]*", prefix, re.ASCII):
        message = (
            f"`prefix` must be letters, digits, hyphens and underscores, a letter first; "
            f"got {prefix!r}. Leave it out to have one made."
        )
        raise ParameterError(message)
    buffer = io.StringIO()
    _figure_of(source, options).savefig(
        buffer, format="svg", metadata=_NO_METADATA, facecolor="white"
    )
    return _for_a_page(buffer.getvalue(), title, prefix)


def to_png(
    source: Display | Figure, *, dpi: float = 150.0, colours: int | None = None, **options: Any
) -> bytes:
    """Return a figure as the bytes of a PNG file.

    Parameters
    ----------
    source : Display or matplotlib Figure
        What to draw.
    dpi : float, default=150
        Pixels per inch.
    colours : int from 2 to 256, optional
        Keep the nearest of so many colours: a third of the size, and hardly seen on a chart.
    **options
        Passed to the display's `plot`.

    Raises
    ------
    ParameterError
        `source` is no figure, or `colours` is out of its range.
    """
    if colours is not None and not 2 <= colours <= 256:
        message = (
            f"`colours` must be an integer from 2 to 256; got {colours!r}. "
            "Leave it out to keep all colours."
        )
        raise ParameterError(message)
    buffer = io.BytesIO()
    # The name of the program and its version would make equal pictures differ.
    _figure_of(source, options).savefig(
        buffer, format="png", dpi=dpi, metadata={"Software": None}, facecolor="white"
    )
    return buffer.getvalue() if colours is None else _with_colours(buffer, colours)


def _with_colours(png: io.BytesIO, colours: int) -> bytes:
    image = require("PIL.Image", "lab", "Drawing")  # comes with matplotlib
    # Without dithering: dots instead of plain areas are uglier, and larger.
    few = image.open(png).convert("RGB").quantize(colours, dither=image.Dither.NONE)
    buffer = io.BytesIO()
    few.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _figure_of(source: Display | Figure, options: dict[str, Any]) -> Figure:
    module = require("matplotlib.figure", "lab", "Drawing")
    if isinstance(source, module.Figure):
        figure: Figure = source
        return figure
    if isinstance(source, Display):
        return to_figure(source, **options)
    message = (
        f"`source` must be a Display or a matplotlib Figure; got {type(source).__name__}. "
        "Make a Display first, with LossCurvesDisplay.from_history(history) for example."
    )
    raise ParameterError(message)


def _for_a_page(svg: str, title: str | None, prefix: str | None) -> str:
    """Rewrite Matplotlib's document: no prologue, own root element, numbered identifiers."""
    _, width, box, body = _ROOT.split(svg, maxsplit=1)
    body = body.rstrip() + "\n"
    numbers: dict[str, str] = {}
    for name in _ID.findall(body):
        numbers.setdefault(name, str(len(numbers)))
    # Numbers first, then the digest: Matplotlib's own names change from run to run.
    neutral = _renamed(body, numbers, "\0")
    prefix = prefix or "mlp" + hashlib.sha256(neutral.encode()).hexdigest()[:10]
    body = neutral.replace("\0", f"{prefix}-").replace(">*{", f">#{prefix} *{{", 1)
    label = f' aria-label="{html.escape(title)}"' if title else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'id="{prefix}" role="img"{label} viewBox="{box}" '
        f'style="width:{width}pt;max-width:100%;height:auto">{body}'
    )


def _renamed(body: str, numbers: dict[str, str], prefix: str) -> str:
    body = _ID.sub(lambda match: prefix + numbers[match[1]], body)
    return _REFERENCE.sub(lambda match: match[1] + prefix + numbers.get(match[2], match[2]), body)
