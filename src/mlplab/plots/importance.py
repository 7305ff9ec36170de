"""Which parameters of a sweep mattered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab.errors import DataError
from mlplab.plots.asking import check_kind
from mlplab.plots.style import BLUE, GREY, Panels, dress, shortened, take_axes
from mlplab.results import Importance, SweepAnalysis
from mlplab.results.layout import score_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ImportanceDisplay"]

_MOST = 20


class ImportanceDisplay:
    """Bars: which share of the variance of the score is due to each parameter alone.

    Make it with `from_analysis`. Lines tell how uncertain a share is. Of more than twenty
    parameters the greatest are drawn.

    Parameters
    ----------
    importances : sequence of Importance
        At least one, the greatest first.
    score : str, default="score"

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> from mlplab.results import Importance
    >>> display = ImportanceDisplay([Importance("alpha", 0.7, 0.1), Importance("init", 0.1, 0.1)])
    >>> round(display.rest, 3)
    0.2
    """

    ax_: Axes
    figure_: Figure

    def __init__(self, importances: Sequence[Importance], *, score: str = "score") -> None:
        self.importances, self.score = tuple(importances), score
        if not self.importances:
            message = (
                "`importances` must tell of at least one parameter; got none. A parameter has to "
                "take two values at least in trials with a score."
            )
            raise DataError(message)

    @classmethod
    def from_analysis(cls, analysis: SweepAnalysis) -> ImportanceDisplay:
        """Take the shares of an analysis; `mlplab.sweeps.analyse` makes one."""
        check_kind(analysis, SweepAnalysis, "analysis", "sweeps.analyse makes one.")
        return cls(analysis.importances, score=score_words(analysis.score))

    @property
    def rest(self) -> float:
        """What is due to no parameter alone."""
        return max(0.0, 1.0 - sum(one.share for one in self.importances))

    @property
    def panels(self) -> Panels:
        """One panel; it grows with the number of parameters."""
        return Panels(size=(6.8, 1.3 + 0.3 * min(len(self.importances), _MOST)))

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **bar_options: Any
    ) -> ImportanceDisplay:
        """Draw the bars.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        **bar_options
            Passed to `Axes.barh`.
        """
        (axes,) = take_axes(ax, self.panels)
        shown = self.importances[:_MOST]
        places = np.arange(len(shown))
        shares = np.array([100 * one.share for one in shown])
        spreads = np.array([100 * one.spread for one in shown])
        axes.barh(places, shares, **{"color": BLUE, "height": 0.62, **bar_options})
        low = np.minimum(spreads, shares)  # no share is negative
        axes.errorbar(shares, places, xerr=(low, spreads), fmt="none", ecolor=GREY, capsize=2)
        for place, share, spread in zip(places, shares, spreads, strict=True):
            told = f"{share:.0f} %" if share >= 0.5 else "less than 0.5 %"
            axes.annotate(
                told,
                (share + spread, place),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8.5,
            )
        axes.set_yticks(places, [shortened(one.parameter, 26) for one in shown])
        axes.invert_yaxis()
        axes.set_xlim(0, max(5.0, 1.25 * float((shares + spreads).max())))
        told = f"share of the variance of {self.score}, in %"
        dress(axes, x=told, y="", title="Importance of each parameter alone")
        axes.set_ylabel("parameter")
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        return self
