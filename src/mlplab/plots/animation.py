"""Films: the pictures of a Display one after another, as a GIF or as a page of its own.

Matplotlib's own page of an animation loads its icons from the network; the page here is one file
that needs nothing, can be stepped through by keyboard, and does not move by itself where the
reader's system asks for less motion.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from string import Template
from typing import Any, Protocol, runtime_checkable

from mlplab._optional import require
from mlplab.errors import ParameterError
from mlplab.plots.rendering import Display, to_png

__all__ = ["Film", "to_gif", "to_html"]


@runtime_checkable
class Film(Protocol):
    """A Display that is a row of pictures of one size."""

    @property
    def frames(self) -> Sequence[Display]:
        """The pictures, in order."""


def to_gif(
    film: Film, *, seconds: float = 0.7, dpi: float = 80.0, colours: int = 64, **options: Any
) -> bytes:
    """Return a film as the bytes of a GIF file that repeats; the last picture stays longer.

    Parameters
    ----------
    film : Film
        A Display with `frames`: `BoundaryEpochsDisplay` or `HiddenSpaceDisplay`.
    seconds : float, default=0.7
        How long a picture is shown.
    dpi : float, default=80
        Pixels per inch.
    colours : int, default=64
        2 to 256; fewer make smaller files.
    **options
        Passed to the `plot` of every picture.

    Raises
    ------
    ParameterError
        There is no film, or an argument is out of its range.
    """
    _check(film, seconds)
    if not 2 <= colours <= 256:
        message = f"`colours` must be 2 to 256; got {colours}. The default is 64."
        raise ParameterError(message)
    pillow = require("PIL.Image", "lab", "Making a GIF")
    pictures = [
        pillow.open(io.BytesIO(to_png(frame, dpi=dpi, **options))).convert("RGB")
        for frame in film.frames
    ]
    # One table of colours, made from all pictures, so that nothing flickers.
    height = sum(picture.height for picture in pictures)
    strip = pillow.new("RGB", (max(picture.width for picture in pictures), height), "white")
    top = 0
    for picture in pictures:
        strip.paste(picture, (0, top))
        top += picture.height
    table = strip.quantize(colours)
    first, *others = [picture.quantize(palette=table, dither=0) for picture in pictures]
    milliseconds = round(1000 * seconds)
    buffer = io.BytesIO()
    first.save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=others,
        duration=[*[milliseconds] * len(others), 3 * milliseconds],
        loop=0,
        optimize=True,
    )
    return buffer.getvalue()


def to_html(
    film: Film,
    *,
    title: str = "Training, epoch by epoch",
    seconds: float = 0.7,
    dpi: float = 130.0,
    **options: Any,
) -> str:
    """Return a film as one HTML page with a slider, which needs no other file and no network.

    Parameters
    ----------
    film : Film
        A Display with `frames`.
    title : str
        Heading of the page; the pictures' description for screen readers.
    seconds : float, default=0.7
        How long a picture is shown.
    dpi : float, default=130
        Pixels per inch.
    **options
        Passed to the `plot` of every picture.

    Raises
    ------
    ParameterError
        There is no film, or `seconds` is not positive.
    """
    _check(film, seconds)
    pictures = [
        base64.b64encode(to_png(frame, dpi=dpi, **options)).decode() for frame in film.frames
    ]
    images = "\n".join(
        f'<img alt="{html.escape(title)}, picture {number} of {len(pictures)}"'
        f'{"" if number == 1 else " hidden"} src="data:image/png;base64,{picture}">'
        for number, picture in enumerate(pictures, start=1)
    )
    return _PAGE.substitute(
        title=html.escape(title),
        images=images,
        last=len(pictures) - 1,
        milliseconds=round(1000 * seconds),
    )


def _check(film: Film, seconds: float) -> None:
    if not isinstance(film, Film) or not film.frames:
        message = (
            f"`film` must be a Display with `frames`; got {type(film).__name__}. "
            "BoundaryEpochsDisplay and HiddenSpaceDisplay have them."
        )
        raise ParameterError(message)
    if not seconds > 0:
        message = f"`seconds` must be positive; got {seconds}. The default is 0.7."
        raise ParameterError(message)


_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.25rem; }
img { max-width: 100%; height: auto; background: white; border-radius: 4px; }
.controls { display: flex; gap: .75rem; align-items: center; margin-top: .75rem; }
input { flex: 1; min-width: 0; }
button { font: inherit; min-width: 5.5rem; padding: .25rem .75rem; }
output { font-variant-numeric: tabular-nums; }
</style>
</head>
<body>
<h1>$title</h1>
<div id="film">
$images
</div>
<div class="controls">
<button id="play" type="button">Play</button>
<input id="place" type="range" min="0" max="$last" value="0" aria-label="picture">
<output id="number"></output>
</div>
<script>
const pictures = document.querySelectorAll("#film img");
const place = document.getElementById("place"), play = document.getElementById("play");
let timer = null;
function show() {
  pictures.forEach((picture, k) => { picture.hidden = k !== Number(place.value); });
  document.getElementById("number").value = (Number(place.value) + 1) + " of " + pictures.length;
}
function stop() { clearInterval(timer); timer = null; play.textContent = "Play"; }
function start() {
  if (place.value === place.max) place.value = 0;
  play.textContent = "Pause";
  timer = setInterval(() => {
    place.value = Number(place.value) + 1;
    show();
    if (place.value === place.max) stop();
  }, $milliseconds);
  show();
}
play.addEventListener("click", () => timer === null ? start() : stop());
place.addEventListener("input", () => { stop(); show(); });
show();
if (!matchMedia("(prefers-reduced-motion: reduce)").matches) start();
</script>
</body>
</html>
""")
