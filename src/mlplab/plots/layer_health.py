"""Activations, gradients and updates, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlplab.plots.asking import check_kind
from mlplab.plots.style import (
    GREEN,
    GREY,
    SHADES,
    VERMILION,
    Panels,
    dress,
    legend_under,
    take_axes,
)
from mlplab.results import EpochHealth, HealthReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["LayerHealthDisplay"]

_MOST_EPOCHS = 7
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_GOOD = 1e-3
_ROUNDING = 1e-12  # what is left of rows that all get the same


class LayerHealthDisplay:
    """What the layers give, which of their units are flat, their gradients and their updates.

    Make it with `from_report` and what `explain.health` returns. A line is an epoch, the darker
    the later; of more than seven epochs seven are drawn, with the first and the last. In the
    panel of updates the dashed line is at a thousandth, about which a step is as large as it
    should be, and the dotted one where it is called too large. Zeros, which a logarithmic axis
    cannot show, are triangles at its foot.

    Parameters
    ----------
    epochs : sequence of EpochHealth
        At least one.
    large_update : float, default=0.5
        From where on a step is called too large.

    Attributes
    ----------
    ax_ : list of four Axes, or the Axes that was given
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> from mlplab import MLPClassifier, explain
    >>> X, y = np.eye(4), [0, 1, 0, 1]
    >>> network = MLPClassifier((3, 3), random_state=0).initialize(X, y)
    >>> display = LayerHealthDisplay.from_report(explain.health(network, X, y))
    >>> display.layers, display.flat_share.shape
    (('hidden 1', 'hidden 2', 'output'), (1, 3))
    """

    ax_: Axes | list[Axes]
    figure_: Figure

    def __init__(self, epochs: Sequence[EpochHealth], *, large_update: float = 0.5) -> None:
        places = np.arange(len(epochs))
        if len(epochs) > _MOST_EPOCHS:
            places = np.unique(np.linspace(0, len(epochs) - 1, _MOST_EPOCHS).round().astype(int))
        self.n_epochs = len(epochs)
        self.moments = tuple(epochs[int(place)] for place in places)
        self.layers = tuple(layer.layer for layer in self.moments[0].layers)
        self.large_update = large_update

    @classmethod
    def from_report(cls, report: HealthReport) -> LayerHealthDisplay:
        """Take the figures of a report."""
        check_kind(report, HealthReport, "report", "explain.health makes one.")
        return cls(report.epochs, large_update=report.limits.large_update)

    def _figures(self, name: str) -> NDArray[np.float64]:
        """Return a figure of each epoch and layer; NaN where there is none."""
        table = [[getattr(layer, name) for layer in moment.layers] for moment in self.moments]
        return np.array(table, dtype=float)

    @property
    def flat_share(self) -> NDArray[np.float64]:
        """Share of the units that are dead or saturated, by epoch and layer."""
        return (self._figures("dead") + self._figures("saturated")) / self._figures("n_units")

    @property
    def deviation(self) -> NDArray[np.float64]:
        """Standard deviation over the rows of what the units give, by epoch and layer."""
        found = self._figures("deviation")
        return np.where(found < _ROUNDING, 0.0, found)

    @property
    def signal(self) -> NDArray[np.float64]:
        """What the backward pass brings to each layer, by epoch and layer."""
        return self._figures("signal")

    @property
    def update_ratio(self) -> NDArray[np.float64]:
        """Change of the weights in the next step over the weights, by epoch and layer."""
        return self._figures("update_ratio")

    @property
    def panels(self) -> Panels:
        """Four panels."""
        wide = max(8.4, 2.4 + 0.9 * len(self.layers))
        return Panels(size=(wide, 6.6), rows=2, columns=2)

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **line_options: Any
    ) -> LayerHealthDisplay:
        """Draw the panels.

        Parameters
        ----------
        ax : Axes, sequence of four Axes, or None
            Where to draw; None makes a figure. In a single Axes the signal alone is drawn.
        **line_options
            Passed to every line.
        """
        axes = take_axes(ax, self.panels)
        if len(axes) == 1:
            self._draw_signal(axes[0], line_options)
            axes[0].legend(handles=self._handles(), frameon=False, fontsize="small")
        else:
            self._draw_logarithmic(axes[0], self.deviation, line_options)
            dress(
                axes[0], x="layer", y="standard deviation", title="How units differ over the rows"
            )
            self._draw_lines(axes[1], self.flat_share, line_options)
            dress(axes[1], x="layer", y="share of units", title="Dead or saturated units")
            axes[1].set_ylim(-0.03, 1.03)
            self._draw_signal(axes[2], line_options)
            self._draw_updates(axes[3], line_options)
            shown = len(self.moments)
            note = f"{shown} of {self.n_epochs} epochs" if shown < self.n_epochs else ""
            legend_under(axes, [*self._handles(), *self._limit_handles()], note=note)
        self.ax_ = axes if len(axes) > 1 else axes[0]
        self.figure_ = axes[0].figure  # type: ignore[assignment]  # panels live in whole figures
        return self

    def _draw_signal(self, ax: Axes, options: dict[str, Any]) -> None:
        self._draw_logarithmic(ax, self.signal, options)
        dress(ax, x="layer", y="root mean square of ∂ℓ/∂z", title="Signal of the backward pass")

    def _draw_logarithmic(
        self, ax: Axes, table: NDArray[np.float64], options: dict[str, Any]
    ) -> None:
        ax.set_yscale("log")
        self._draw_lines(ax, table, options)
        low, high = ax.get_ylim()
        # Less than two decades would show rounding as if it were something.
        reach = max(1.0, 10.0 / (high / low) ** 0.5)
        ax.set_ylim(low / reach, high * reach)

    def _draw_updates(self, ax: Axes, options: dict[str, Any]) -> None:
        ax.set_yscale("log")
        self._draw_lines(ax, self.update_ratio, options)
        for level, style in self._limits().items():
            ax.axhline(level, linewidth=1.3, zorder=1, **style)
        dress(ax, x="layer", y="update / weight", title="Next step")
        if np.isnan(self.update_ratio).all():
            words: dict[str, Any] = {"ha": "center", "va": "center", "color": GREY}
            ax.text(0.5, 0.3, "no single step, or weights of 0", transform=ax.transAxes, **words)

    def _draw_lines(self, ax: Axes, table: NDArray[np.float64], options: dict[str, Any]) -> None:
        places = np.arange(len(self.layers))
        is_log = ax.get_yscale() == "log"
        for row, style in zip(table, self._styles(), strict=True):
            shown = np.where(row > 0, row, np.nan) if is_log else row
            ax.plot(places, shown, **{**style, **options})
            zeros = places[row == 0]
            if is_log and len(zeros):
                foot: dict[str, Any] = {"marker": "v", "linestyle": "none", "clip_on": False}
                foot |= {"color": style["color"], "markersize": 6, "zorder": 4}
                ax.plot(zeros, np.zeros(len(zeros)), transform=ax.get_xaxis_transform(), **foot)
        few = len(self.layers) <= 4
        names = [name if few or name == "output" else name.split()[-1] for name in self.layers]
        ax.set_xticks(places, names)
        ax.set_xlim(-0.4, len(places) - 0.6)
        ax.grid(axis="y", alpha=0.25)

    def _styles(self) -> list[dict[str, Any]]:
        n = len(self.moments)
        # The lightest shade is hard to see as a line; a single epoch is dark.
        shades = [SHADES[round(1 + k * (len(SHADES) - 2) / max(1, n - 1))] for k in range(n)]
        shades[-1] = SHADES[-1]
        return [
            {"color": shade, "marker": _MARKERS[k], "markersize": 5, "linewidth": 1.5}
            for k, shade in enumerate(shades)
        ]

    def _handles(self) -> list[Any]:
        from matplotlib.lines import Line2D  # noqa: PLC0415  # drawing alone needs it

        return [
            Line2D([], [], label=f"epoch {moment.epoch:,}", **style)
            for moment, style in zip(self.moments, self._styles(), strict=True)
        ]

    def _limits(self) -> dict[float, dict[str, Any]]:
        return {
            _GOOD: {"color": GREEN, "linestyle": "--"},
            self.large_update: {"color": VERMILION, "linestyle": ":"},
        }

    def _limit_handles(self) -> list[Any]:
        from matplotlib.lines import Line2D  # noqa: PLC0415  # drawing alone needs it

        names = (f"good: {_GOOD:g}", f"too large: {self.large_update:g}")
        styles = self._limits().values()
        return [Line2D([], [], label=n, **style) for n, style in zip(names, styles, strict=True)]
