"""What two parameters of a sweep did together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlplab.errors import DataError
from mlplab.plots.asking import check_kind
from mlplab.plots.scales import robust_low
from mlplab.plots.style import SEQUENTIAL, Panels, as_written, shortened, take_axes
from mlplab.results import Interaction, SweepAnalysis
from mlplab.results.layout import score_words, value_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

__all__ = ["InteractionDisplay"]

_MOST = 14  # rows and columns that are drawn
_LONG = 9  # characters of a value that still fit below a column


class InteractionDisplay:
    """The mean score of every pair of values of two parameters, as a table in colours.

    Make it with `from_analysis`. A pair that no trial had is grey. Of a parameter with more than
    fourteen values those that most trials had are drawn.

    Parameters
    ----------
    interaction : Interaction
        At least one pair.
    score : str, default="score"

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> from mlplab.results import Interaction
    >>> pair = Interaction(("a", "b"), 0.1, (1, 2), ("x",), ((0.5,), (None,)), ((3,), (0,)))
    >>> InteractionDisplay(pair).texts
    [['0.5'], ['–']]
    """

    ax_: Axes
    figure_: Figure

    def __init__(self, interaction: Interaction, *, score: str = "score") -> None:
        self.interaction, self.score = _shown(interaction), score
        if not np.isfinite(self.means).any():
            message = (
                "`interaction` must have a mean score of at least one pair of values; got none. "
                "Use InteractionDisplay.from_analysis(analysis)."
            )
            raise DataError(message)

    @classmethod
    def from_analysis(
        cls, analysis: SweepAnalysis, parameters: tuple[str, str] | None = None
    ) -> InteractionDisplay:
        """Take the table of two parameters; of those that do most together, if left out.

        Parameters
        ----------
        analysis : SweepAnalysis
            `mlplab.sweeps.analyse` makes one.
        parameters : tuple of two str, optional
            The first varies from row to row, the second from column to column.

        Raises
        ------
        DataError
            Not both have varied.
        """
        check_kind(analysis, SweepAnalysis, "analysis", "sweeps.analyse makes one.")
        found = [
            one
            for one in analysis.interactions
            if parameters is None or set(one.parameters) == set(parameters)
        ]
        if not found:
            known = sorted(analysis.effects)
            raise DataError(
                "`parameters` must be two that varied in trials with a score; got "
                f"{parameters}. These have varied: {', '.join(known) or 'none'}."
            )
        first = found[0]
        turned = parameters is not None and first.parameters != tuple(parameters)
        return cls(_turned(first) if turned else first, score=score_words(analysis.score))

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean scores, of shape (rows, columns); NaN where there was no trial."""
        return np.array(self.interaction.means, dtype=float)

    @property
    def texts(self) -> list[list[str]]:
        """What stands in the cells."""
        return [
            ["–" if mean is None else f"{mean:.3g}" for mean in row]
            for row in self.interaction.means
        ]

    @property
    def panels(self) -> Panels:
        """One panel; it grows with the number of values."""
        rows, columns = self.means.shape
        names = 0.075 * max(map(len, self._names(self.interaction.rows)))
        below = 0.075 * max(map(len, self._names(self.interaction.columns))) * self._leaning
        return Panels(size=(2.1 + names + max(2.2, 0.62 * columns), 1.5 + below + 0.36 * rows))

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **mesh_options: Any
    ) -> InteractionDisplay:
        """Draw the table.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        **mesh_options
            Passed to `Axes.pcolormesh`, ``cmap="Greens"`` for example.
        """
        (axes,) = take_axes(ax, self.panels)
        means = self.means
        low, high = robust_low(means), float(np.nanmax(means))
        options: dict[str, Any] = {"cmap": SEQUENTIAL, "vmin": low, "vmax": max(high, low + 1e-9)}
        options |= {"edgecolors": "white", "linewidth": 0.8, **mesh_options}
        axes.set_facecolor("#eeeeee")
        mesh = axes.pcolormesh(np.ma.masked_invalid(means), **options)
        self._write(axes, mesh)
        axes.invert_yaxis()
        axes.spines[:].set_visible(False)
        first, second = self.interaction.parameters
        rows, columns = (self._names(v) for v in (self.interaction.rows, self.interaction.columns))
        axes.set_yticks(np.arange(len(rows)) + 0.5, rows, fontsize=8.5)
        leaning: dict[str, Any] = {"rotation": 90} if self._leaning else {}
        axes.set_xticks(np.arange(len(columns)) + 0.5, columns, fontsize=8.5, **leaning)
        axes.tick_params(length=0)
        axes.set_xlabel(as_written(second))
        axes.set_ylabel(as_written(first))
        axes.set_title(as_written(f"Mean {self.score}"), fontsize="medium")
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        below = "min" if float(np.nanmin(means)) < low else "neither"
        bar = self.figure_.colorbar(mesh, ax=axes, shrink=0.9, aspect=22, extend=below)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=8)
        return self

    @staticmethod
    def _names(values: Sequence[Any]) -> list[str]:
        return [shortened(value_words(value), 24) for value in values]

    @property
    def _leaning(self) -> bool:
        """Whether the names of the columns are too long to stand side by side."""
        return max(map(len, self._names(self.interaction.columns))) > _LONG

    def _write(self, ax: Axes, mesh: QuadMesh) -> None:
        means = self.means
        for i, row in enumerate(self.texts):
            for j, text in enumerate(row):
                red, green, blue, _ = mesh.to_rgba(means[i, j])
                dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
                white = dark and np.isfinite(means[i, j])
                colour = "white" if white else "black"
                place: dict[str, Any] = {
                    "ha": "center",
                    "va": "center",
                    "fontsize": 8.5,
                    "color": colour,
                }
                ax.text(j + 0.5, i + 0.5, text, **place)


def _turned(one: Interaction) -> Interaction:
    """Return the table with rows and columns exchanged."""
    first, second = one.parameters
    return Interaction(
        (second, first),
        one.share,
        one.columns,
        one.rows,
        tuple(zip(*one.means, strict=True)),
        tuple(zip(*one.counts, strict=True)),
    )


def _shown(one: Interaction) -> Interaction:
    """Return the part of the table that is drawn."""
    counts = np.array(one.counts)
    rows, columns = _most(counts.sum(axis=1)), _most(counts.sum(axis=0))
    return Interaction(
        one.parameters,
        one.share,
        tuple(one.rows[i] for i in rows),
        tuple(one.columns[j] for j in columns),
        tuple(tuple(one.means[i][j] for j in columns) for i in rows),
        tuple(tuple(one.counts[i][j] for j in columns) for i in rows),
    )


def _most(counts: NDArray[np.int_]) -> list[int]:
    """Return the places of the greatest counts, in their order."""
    return sorted(np.argsort(-counts, kind="stable")[:_MOST].tolist())
