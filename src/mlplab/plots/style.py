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
from typing import TYPE_CHECKING, Any

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
    "label_outer",
    "label_with_unit",
    "legend_below",
    "legend_under",
    "mixed",
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
    used : int or None
        How many of the grid's panels there are, the last row being shorter; None for all.
    """

    size: tuple[float, float]
    rows: int = 1
    columns: int = 1
    height_ratios: tuple[float, ...] | None = None
    share_x: bool = False
    used: int | None = None

    @classmethod
    def grid(cls, count: int, width: float, height: float, *, columns: int = 4) -> Panels:
        """Return so many panels of one size, row by row."""
        columns = min(count, columns)
        rows = -(-count // columns)
        # Rows that are filled evenly: 5 panels are 3 and 2, not 4 and 1.
        columns = -(-count // rows)
        return cls((columns * width, rows * height), rows, columns, used=count)

    @property
    def count(self) -> int:
        """Number of panels."""
        return self.rows * self.columns if self.used is None else self.used

    def of(self, figure: Figure) -> list[Axes]:
        """Create the panels in a figure, row by row."""
        grid = figure.subplots(
            self.rows,
            self.columns,
            sharex=self.share_x,
            height_ratios=self.height_ratios,
            squeeze=False,
        )
        axes = list(grid.flat)
        for surplus in axes[self.count :]:
            surplus.remove()
        return axes[: self.count]


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


def legend_below(ax: Axes, handles: Sequence[Any], *, columns: int = 4) -> None:
    """Put a legend under the label of the horizontal axis, where it covers nothing."""
    from matplotlib.transforms import ScaledTranslation  # noqa: PLC0415  # drawing alone needs it

    below = ScaledTranslation(0, -38 / 72, ax.figure.dpi_scale_trans)
    ax.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=ax.transAxes + below,
        ncols=min(columns, len(handles)),
        frameon=False,
        fontsize="small",
        borderaxespad=0.0,
        handletextpad=0.3,
        columnspacing=1.2,
    )


def legend_under(axes: Sequence[Axes], handles: Sequence[Any], *, note: str = "") -> None:
    """Put one legend under all panels of a figure, with a note above it."""
    figure: Any = axes[0].figure
    figure.legend(
        handles=handles,
        title=note or None,
        loc="outside lower center",
        ncols=min(5, len(handles)),
        frameon=False,
        fontsize="small",
        title_fontsize="small",
        handletextpad=0.3,
        columnspacing=1.2,
    )


def label_outer(axes: Sequence[Axes], columns: int) -> None:
    """Label the axes of panels that share them at the left and at the bottom only."""
    for place, ax in enumerate(axes):
        if place % columns:
            ax.set_ylabel("")
        if place + columns < len(axes):
            ax.set_xlabel("")


def mixed(colour: str, share: float) -> tuple[float, float, float]:
    """Return a colour thinned with white.

    Examples
    --------
    >>> mixed("#000000", 0.5), mixed("#FF0000", 1.0)
    ((0.5, 0.5, 0.5), (1.0, 0.0, 0.0))
    """
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (1 - share * (1 - part) for part in parts)
    return red, green, blue


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
