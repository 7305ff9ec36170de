"""What each value of each parameter of a sweep did to the score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab.errors import DataError, did_you_mean
from mlplab.plots.asking import check_kind
from mlplab.plots.scales import robust_low
from mlplab.plots.style import BLUE, GREY, VERMILION, Panels, dress, shortened, take_axes
from mlplab.results import Effect, SweepAnalysis, ValueEffect
from mlplab.results.layout import score_words, value_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EffectDisplay"]

_MOST = 12  # values of a parameter that are drawn


class EffectDisplay:
    """For each value the mean score of the trials with it, their spread, and the best of them.

    Make it with `from_analysis`. A hollow mean is that of a value that never won: it was never
    the best where all else was equal. Of a parameter with more than twelve values those with the
    best means are drawn.

    Parameters
    ----------
    effects : sequence of Effect
        Of one parameter or of several, one below the other; at least one.
    score : str, default="score"

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> from mlplab.results import Effect, ValueEffect
    >>> good = ValueEffect("adam", 9, mean=0.8, best=0.9, spread=0.1, contests=9, wins=9, in_top=2)
    >>> bad = ValueEffect("sgd", 9, mean=0.6, best=0.7, spread=0.1, contests=9, wins=0, in_top=0)
    >>> EffectDisplay([Effect("solver", (good, bad))]).rows
    [('solver', None), ('adam', 0.8), ('sgd', 0.6)]
    """

    ax_: Axes
    figure_: Figure

    def __init__(self, effects: Sequence[Effect], *, score: str = "score") -> None:
        self.effects, self.score = tuple(effects), score
        if not any(effect.by_value for effect in self.effects):
            message = (
                "`effects` must tell of at least one value; got none. A parameter has to take two "
                "values at least in trials with a score."
            )
            raise DataError(message)

    @classmethod
    def from_analysis(
        cls, analysis: SweepAnalysis, parameters: Sequence[str] | None = None
    ) -> EffectDisplay:
        """Take the effects of some parameters, or of all, the most important first.

        Parameters
        ----------
        analysis : SweepAnalysis
            `mlplab.sweeps.analyse` makes one.
        parameters : sequence of str, optional

        Raises
        ------
        DataError
            A parameter did not vary, or none did.
        """
        check_kind(analysis, SweepAnalysis, "analysis", "sweeps.analyse makes one.")
        names = [one.parameter for one in analysis.importances]
        for name in parameters or ():
            if name not in analysis.effects:
                raise DataError(
                    f"`parameters` must have varied in trials with a score; got {name!r}."
                    f"{did_you_mean(name, names) or f' These have: {names}.'}"
                )
        chosen = names if parameters is None else parameters
        return cls([analysis.effects[n] for n in chosen], score=score_words(analysis.score))

    @property
    def rows(self) -> list[tuple[str, float | None]]:
        """What is drawn from top to bottom: parameters, and values with their means."""
        rows: list[tuple[str, float | None]] = []
        for effect in self.effects:
            shown = _shown(effect)
            more = len(effect.by_value) - len(shown)
            rows.append((effect.parameter + (f" ({more} more)" if more else ""), None))
            rows += [(value_words(one.value), one.mean) for one in shown]
        return rows

    @property
    def panels(self) -> Panels:
        """One panel; it grows with the number of values."""
        return Panels(size=(7.2, 1.3 + 0.245 * len(self.rows)))

    def plot(self, ax: Axes | Sequence[Axes] | None = None, **mean_options: Any) -> EffectDisplay:
        """Draw means, spreads and bests.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        **mean_options
            Passed to `Axes.errorbar`.
        """
        (axes,) = take_axes(ax, self.panels)
        low, high = self.limits
        place = 0
        for effect in self.effects:
            place += 1  # the name of the parameter has a row of its own
            for one in _shown(effect):
                self._draw(axes, place, one, low, mean_options)
                place += 1
        axes.set_xlim(low, high)
        axes.set_ylim(place - 0.4, -0.6)
        self._name_rows(axes)
        self._explain(axes)
        told = f"mean {self.score} of the trials, ± their standard deviation"
        dress(axes, x=told, y="value", title="Effect of each value")
        axes.grid(axis="x", alpha=0.25)
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        return self

    @property
    def limits(self) -> tuple[float, float]:
        """From where to where scores are drawn; means far below the others stand at the edge."""
        told = [one for effect in self.effects for one in _shown(effect)]
        high = max(one.best for one in told)
        low = robust_low(np.array([*(one.mean - (one.spread or 0.0) for one in told), high]))
        edge = 0.04 * (high - low) or 0.5
        return low - edge, high + edge

    def _draw(
        self, ax: Axes, place: int, one: ValueEffect, low: float, options: dict[str, Any]
    ) -> None:
        inside = one.mean >= low
        style: dict[str, Any] = {"color": BLUE, "fmt": "o" if inside else "<", "markersize": 6}
        style |= {"markerfacecolor": "white"} if one.never_won else {}
        spread = one.spread if inside else None
        ax.errorbar(
            max(one.mean, low), place, xerr=spread, capsize=2, clip_on=inside, **style | options
        )
        ax.plot(one.best, place, "|", color=VERMILION, markersize=11, markeredgewidth=2)
        told = f"{one.mean:.4g}" + ("" if one.spread is None else f" ± {one.spread:.2g}")
        ax.annotate(
            f"{told}, {one.n} trial{'' if one.n == 1 else 's'}",
            (1.0, place),
            (6, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            color=GREY,
        )

    def _name_rows(self, ax: Axes) -> None:
        rows = self.rows
        ax.set_yticks(range(len(rows)), [shortened(words, 34) for words, _ in rows], fontsize=8.5)
        for label, (_, mean) in zip(ax.get_yticklabels(), rows, strict=True):
            label.set_fontweight("bold" if mean is None else "normal")
        ax.tick_params(axis="y", length=0)

    def _explain(self, ax: Axes) -> None:
        ax.plot([], [], "o", color=BLUE, label="mean")
        if any(one.never_won for effect in self.effects for one in _shown(effect)):
            ax.plot([], [], "o", color=BLUE, markerfacecolor="white", label="never won")
        ax.plot([], [], "|", color=VERMILION, markersize=11, markeredgewidth=2, label="best trial")
        ax.legend(
            frameon=False,
            fontsize=8,
            ncols=3,
            loc="lower left",
            bbox_to_anchor=(1.0, 1.0),
            handletextpad=0.2,
            columnspacing=0.8,
        )


def _shown(effect: Effect) -> tuple[ValueEffect, ...]:
    """Return the values that are drawn, in their order."""
    ranked = sorted(effect.by_value, key=lambda one: -one.mean)[:_MOST]
    return tuple(one for one in effect.by_value if one in ranked)
