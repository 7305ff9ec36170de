"""Several Displays in one figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlplab.errors import DataError
from mlplab.plots.rendering import Display
from mlplab.plots.style import Panels, as_written, take_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["GridDisplay"]


class GridDisplay:
    """Displays side by side: three boundaries, or a loss curve beside a boundary.

    Each gets one panel; one that has several shows the first, as in a single Axes.

    Parameters
    ----------
    displays : sequence of Display
        At least one.
    titles : sequence of str, optional
        In place of the Displays' own.
    columns : int, default=3
        Panels a row, at the most.
    size : (width, height), default=(4.2, 4.0)
        Of a panel, in inches.

    Attributes
    ----------
    ax_ : Axes, or list of Axes if there are several displays
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> from mlplab.plots import ConfusionMatrixDisplay
    >>> two = [ConfusionMatrixDisplay([[1, 0], [0, 1]])] * 2
    >>> GridDisplay(two, titles=["train", "test"]).panels.count
    2
    """

    ax_: Axes | list[Axes]
    figure_: Figure

    def __init__(
        self,
        displays: Sequence[Display],
        *,
        titles: Sequence[str] | None = None,
        columns: int = 3,
        size: tuple[float, float] = (4.2, 4.0),
    ) -> None:
        self.displays = tuple(displays)
        self.titles = None if titles is None else tuple(titles)
        self.columns, self.size = columns, size
        n_titles = len(self.displays) if self.titles is None else len(self.titles)
        if not self.displays or n_titles != len(self.displays) or columns < 1:
            message = (
                "`displays` must hold at least one, with as many `titles` if any, in at least one "
                f"column; got {len(self.displays)} displays, {n_titles} titles and {columns} "
                "columns."
            )
            raise DataError(message)

    @property
    def panels(self) -> Panels:
        """A panel for each display."""
        return Panels.grid(len(self.displays), *self.size, columns=self.columns)

    def plot(self, ax: Axes | Sequence[Axes] | None = None, **options: Any) -> GridDisplay:
        """Draw the displays.

        Parameters
        ----------
        ax : Axes, sequence of Axes, or None
            Where to draw; None makes a figure. In a single Axes the first alone is drawn.
        **options
            Passed to the `plot` of every display.
        """
        axes = take_axes(ax, self.panels)
        for place, (panel, display) in enumerate(zip(axes, self.displays, strict=False)):
            display.plot(ax=panel, **options)
            if self.titles is not None:
                panel.set_title(as_written(self.titles[place]))
        self.ax_ = axes if len(axes) > 1 else axes[0]
        self.figure_ = axes[0].figure  # type: ignore[assignment]  # panels live in whole figures
        return self
