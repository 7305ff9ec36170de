"""How every figure looks: colours, sizes and panels, in one place.

The colours are those of Okabe and Ito, which people with any of the common colour vision
deficiencies can tell apart; lines differ in dash or marker too, so that a black-and-white print
stays readable. Settings are given to the artists and not to Matplotlib's global parameters,
because figures are drawn in several threads at once.

References
----------
Okabe, M. and Ito, K. (2008). Color Universal Design. https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlplab._optional import require
from mlplab.errors import ParameterError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "PALETTE",
    "PURPLE",
    "SEQUENTIAL",
    "SHADES",
    "SKY",
    "VERMILION",
    "YELLOW",
    "Panels",
    "as_written",
    "dress",
    "fitting_font",
    "label_with_unit",
    "shortened",
    "take_axes",
]

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#6E6E6E"

PALETTE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK)
"""Colours of the first, second … series. Yellow is left out: it is faint on white paper."""

SEQUENTIAL = "Blues"
"""Map from little to much: one hue, light to dark, so it survives a grey print."""

SHADES = ("#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b")
"""Some colours of that map from little to much, all of them visible on white paper."""

_ASPECT_OF_A_DIGIT = 0.62  # width of a digit of DejaVu Sans over the size of the font


@dataclass(frozen=True, slots=True)
class Panels:
    """The panels that a figure needs.

    Attributes
    ----------
    size : tuple of two floats
        Width and height of the whole figure, in inches.
    rows, columns : int
        The grid of panels.
    height_ratios : tuple of float or None
        Relative heights of the rows; None makes them equal.
    share_x : bool
        Whether all panels have one horizontal axis.
    """

    size: tuple[float, float]
    rows: int = 1
    columns: int = 1
    height_ratios: tuple[float, ...] | None = None
    share_x: bool = False

    @property
    def count(self) -> int:
        """Number of panels."""
        return self.rows * self.columns

    def of(self, figure: Figure) -> list[Axes]:
        """Create the panels in a figure, row by row."""
        grid = figure.subplots(
            self.rows,
            self.columns,
            sharex=self.share_x,
            height_ratios=self.height_ratios,
            squeeze=False,
        )
        return list(grid.flat)


def take_axes(ax: Axes | Sequence[Axes] | None, panels: Panels) -> list[Axes]:
    """Return the axes to draw in: those that were passed, or those of a new pyplot figure.

    Raises
    ------
    ParameterError
        A sequence with another number of axes than the figure has panels.
    """
    if ax is None:
        pyplot = require("matplotlib.pyplot", "lab", "Drawing")
        return panels.of(pyplot.figure(figsize=panels.size, layout="constrained"))
    axes = list(np.ravel(np.asarray(ax, dtype=object)))
    if len(axes) not in {1, panels.count}:
        message = (
            f"`ax` must be one Axes or a sequence of {panels.count}; got {len(axes)}. "
            "Pass None to have a figure made."
        )
        raise ParameterError(message)
    return axes


def dress(ax: Axes, *, x: str, y: str, title: str | None = None) -> None:
    """Label both axes and take away the frame where it says nothing."""
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.spines[["top", "right"]].set_visible(False)
    if title:
        ax.set_title(title)


def label_with_unit(name: str, unit: str | None) -> str:
    """Return the label of an axis.

    Examples
    --------
    >>> label_with_unit("price", "k€"), label_with_unit("price", None)
    ('price (k€)', 'price')
    """
    return as_written(f"{name} ({unit})" if unit else name)


def as_written(text: object) -> str:
    r"""Return a text on one line of which Matplotlib makes no formula.

    Examples
    --------
    >>> as_written("$5 to\n$10")
    '\\$5 to \\$10'
    """
    return " ".join(str(text).split()).replace("$", r"\$")


def shortened(text: object, limit: int = 18) -> str:
    """Return a label that fits beside an axis.

    Examples
    --------
    >>> shortened("Pinot Grigio delle Venezie", 12)
    'Pinot Grigi…'
    """
    words = " ".join(str(text).split())
    return as_written(words if len(words) <= limit else words[: limit - 1] + "…")


def fitting_font(longest: int, width: float, *, largest: float = 10.0, least: float = 4.5) -> float:
    """Return the size of a font, in points, so that so many digits fit into a width in points."""
    return max(least, min(largest, 0.9 * width / (_ASPECT_OF_A_DIGIT * max(longest, 1))))
