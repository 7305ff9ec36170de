"""Every trial of a sweep as a line across its parameters, to its score."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlplab._optional import require
from mlplab.errors import DataError
from mlplab.plots.asking import check_kind
from mlplab.plots.scales import Scale, parameter_scale, score_scale
from mlplab.plots.style import (
    BLACK,
    GREY,
    SHADES,
    VERMILION,
    Panels,
    shortened,
    take_axes,
)
from mlplab.results import NOT_SET, SweepResult, Trial
from mlplab.results.layout import score_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ParallelCoordinatesDisplay"]

_MOST = 12  # axes that are drawn
_LINES = 600
_APART = 0.09  # how wide lines that share a value are spread, the better above the worse


class ParallelCoordinatesDisplay:
    """A line for each trial, from axis to axis: its values, and last its score.

    Make it with `from_result`. The better a score, the darker the line; the best is drawn apart.
    Lines through one value of many are spread a little, the better above the worse. Of more than
    600 trials some are drawn, at even distances between the best and the worst.

    Parameters
    ----------
    trials : sequence of int
        Numbers of the trials, the best first; at least one.
    scales : sequence of Scale
        Those of the parameters.
    score : Scale
        That of the score.

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.
    """

    ax_: Axes
    figure_: Figure

    def __init__(self, trials: Sequence[int], scales: Sequence[Scale], score: Scale) -> None:
        self.trials, self.scales, self.score = tuple(trials), tuple(scales), score
        lengths = {len(scale.places) for scale in (*scales, score)}
        if lengths != {len(self.trials)} or not self.trials:
            message = (
                "`scales` must have a place for each of at least one trial; got places for "
                f"{sorted(lengths)} of {len(self.trials)} trials. Use "
                "ParallelCoordinatesDisplay.from_result(result)."
            )
            raise DataError(message)

    @classmethod
    def from_result(
        cls,
        result: SweepResult,
        *,
        score: str | None = None,
        parameters: Sequence[str] | None = None,
    ) -> ParallelCoordinatesDisplay:
        """Take values and mean scores of all trials that have one.

        Parameters
        ----------
        result : SweepResult
        score : str, optional
            The one that decides, if left out.
        parameters : sequence of str, optional
            Which, in which order; those that vary, at most twelve, in the order of the space, if
            left out.

        Raises
        ------
        DataError
            No trial has a score.

        Examples
        --------
        >>> from mlplab.results import Cell, CellResult, SweepStop, Trial
        >>> def trial(number, alpha, score):
        ...     cell = Cell(str(number), {"alpha": alpha}, 0, 0)
        ...     done = CellResult(cell, "done", {"accuracy": score}, 9, 0.1)
        ...     return Trial(number, {"alpha": alpha}, (done,))
        >>> trials = trial(0, 0.1, 0.5), trial(1, 1.0, 0.9)
        >>> result = SweepResult(("accuracy",), trials, SweepStop.COMPLETE, 0.2, 2, 2, 2)
        >>> display = ParallelCoordinatesDisplay.from_result(result)
        >>> display.trials, display.scales[0].places.tolist(), display.score.places.tolist()
        ((1, 0), [1.0, 0.0], [1.0, 0.0])
        """
        check_kind(result, SweepResult, "result", "sweeps.run gives one.")
        name = score or result.score
        # By score alone: what was paused may be above what went on.
        scored = [(trial.mean(name) or 0.0, trial) for trial in result.ranking(name)]
        scored.sort(key=lambda pair: -pair[0])
        ranking = [trial for _, trial in scored]
        if not ranking:
            raise DataError(
                f"`result` must have a trial with the score {name!r}; got none of "
                f"{len(result.trials)} trials. Look at `result.failed` for the reasons."
            )
        scores = np.array([mean for mean, _ in scored])
        names = dict.fromkeys(name for trial in result.trials for name in trial.configuration)
        scales = [
            _scale(one, ranking) for one in (tuple(names) if parameters is None else parameters)
        ]
        if parameters is None:
            scales = [scale for scale in scales if len(scale.ticks) > 1][:_MOST]
        return cls(
            [trial.number for trial in ranking], scales, score_scale(score_words(name), scores)
        )

    @property
    def panels(self) -> Panels:
        """One panel; it grows with the number of axes."""
        return Panels(size=(max(5.0, 1.2 + 1.3 * (len(self.scales) + 1)), 4.2))

    @property
    def places(self) -> NDArray[np.float64]:
        """Where the lines cross the axes, of shape (trials, axes): spread where they share."""
        columns = []
        for scale in self.scales:
            gap = 1 / max(1, len(set(scale.places.tolist())) - 1)
            spread = min(_APART, 0.5 * gap) * (self.score.places - 0.5)
            columns.append(scale.places + spread if scale.even else scale.places)
        return np.stack([*columns, self.score.places], axis=1)

    @property
    def drawn(self) -> NDArray[np.intp]:
        """The places of the trials that get a line."""
        n = len(self.trials)
        return np.linspace(0, n - 1, min(n, _LINES)).round().astype(np.intp)

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **line_options: Any
    ) -> ParallelCoordinatesDisplay:
        """Draw the lines.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        **line_options
            Passed to `matplotlib.collections.LineCollection`.
        """
        collections = require("matplotlib.collections", "lab", "Drawing")
        (axes,) = take_axes(ax, self.panels)
        places = self.places[self.drawn][::-1]  # the best last, above the others
        across = np.arange(places.shape[1])
        lines = [np.column_stack([across, row]) for row in places]
        shades = np.minimum((places[:, -1] * len(SHADES)).astype(int), len(SHADES) - 1)
        colours = [SHADES[shade] for shade in shades]
        width = 1.2 if len(lines) <= 200 else 0.6
        style = {"colors": colours, "linewidths": width, "alpha": 0.75, **line_options}
        axes.add_collection(collections.LineCollection(lines, **style))
        axes.plot(*lines[-1].T, color=VERMILION, linewidth=2.4, zorder=4)
        self._draw_axes(axes)
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        return self

    def _draw_axes(self, ax: Axes) -> None:
        scales = (*self.scales, self.score)
        for place, scale in enumerate(scales):
            ax.axvline(place, color=BLACK, linewidth=0.8, zorder=3)
            for height, words in scale.ticks:
                ax.annotate(
                    shortened(words, 15),
                    (place, height),
                    (3, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=7.5,
                    zorder=5,
                    bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.8},
                )
        ax.set_xlim(-0.1, len(scales) - 0.35)
        ax.set_ylim(-0.06, 1.06)
        ax.set_yticks([])
        names = [shortened(scale.name, 20) for scale in scales]
        ax.set_xticks(range(len(scales)), names, fontsize=8)
        ax.xaxis.tick_top()
        ax.tick_params(axis="x", length=0)
        ax.spines[:].set_visible(False)
        n, drawn = len(self.trials), len(self.drawn)
        told = f"{n:,} trials" if drawn == n else f"{drawn:,} of {n:,} trials"
        told = f"{told}: the darker, the better; the best in orange" if n > 1 else "one trial"
        ax.set_xlabel(told, color=GREY, fontsize=8.5)
        ax.set_ylabel("value of each parameter", color=GREY, fontsize=8.5)
        ax.set_title("Trials across parameters", pad=24)


def _scale(name: str, ranking: Sequence[Trial]) -> Scale:
    """Return the scale of a parameter; words stand in the order in which the search took them."""
    order = np.argsort([trial.number for trial in ranking])
    found = parameter_scale(
        name, [ranking[k].configuration.get(name, NOT_SET) for k in order.tolist()]
    )
    places = np.empty(len(ranking))
    places[order] = found.places
    return dataclasses.replace(found, places=places)
