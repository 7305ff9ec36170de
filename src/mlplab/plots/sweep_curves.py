"""How the trials of a sweep learned, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab.errors import DataError
from mlplab.plots.asking import check_kind
from mlplab.plots.style import PALETTE, Panels, as_written, dress, take_axes
from mlplab.results import SweepResult, Trial, TrialCurve
from mlplab.results.layout import score_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CURVE_WORDS", "SweepCurvesDisplay"]

CURVE_WORDS = {
    "validation_score": "validation score",
    "validation_loss": "validation loss",
    "stopping_score": "score of the rows that stop",
    "stopping_loss": "loss of the rows that stop",
    "loss": "training loss",
}
"""What the curves of a sweep are called; the first that there is says most."""

_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 3)))
_BEST = 3
_ORDINALS = ("best", "second", "third")
_FAR, _EDGE = 10.0, 0.15
_FEW = 12  # up to here every epoch gets a marker


class SweepCurvesDisplay:
    """Learning curves of some trials, means over seeds and folds, with their range.

    Make it with `from_result`.

    Parameters
    ----------
    curves : sequence of TrialCurve
        At least one.
    labels : sequence of str
        What each is called.
    name : str
        What was measured.

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.
    """

    ax_: Axes
    figure_: Figure

    def __init__(self, curves: Sequence[TrialCurve], labels: Sequence[str], *, name: str) -> None:
        self.curves, self.labels, self.name = tuple(curves), tuple(labels), name
        if not self.curves or len(self.curves) != len(self.labels):
            message = (
                "`labels` must name each of at least one curve; got "
                f"{len(self.labels)} labels for {len(self.curves)} curves. Use "
                "SweepCurvesDisplay.from_result(result)."
            )
            raise DataError(message)

    @classmethod
    def from_result(
        cls,
        result: SweepResult,
        *,
        trials: Sequence[int] | None = None,
        curve: str | None = None,
        score_name: str = "score",
    ) -> SweepCurvesDisplay:
        """Take the curves of some trials.

        Parameters
        ----------
        result : SweepResult
            With curves: of a sweep that was kept nowhere, or from `mlplab.sweeps.read_result`.
        trials : sequence of int, optional
            Their numbers; the three best, the median and the worst, if left out.
        curve : str, optional
            ``"validation_score"``, ``"validation_loss"``, ``"loss"`` …; the first that there is,
            if left out.
        score_name : str, default="score"
            Which score was taken after each epoch.

        Raises
        ------
        DataError
            No trial has such a curve, or one of `trials` has none.
        """
        check_kind(result, SweepResult, "result", "sweeps.run gives one.")
        names = CURVE_WORDS if curve is None else (curve,)
        ranked = result.ranking()
        found = next((n for n in names if any(trial.has_curve(n) for trial in ranked)), None)
        if found is None:
            raise DataError(
                f"`result` must have trials with a curve{f' {curve!r}' if curve else ''}; got none "
                f"among {len(result.trials)}. Read it with mlplab.sweeps.read_result(folder)."
            )
        drawn = [trial for trial in ranked if trial.has_curve(found)]
        chosen = _notable(drawn) if trials is None else _named(drawn, trials)
        words = CURVE_WORDS.get(found, found).replace("score", score_words(score_name), 1)
        curves = [one for trial in chosen.values() if (one := trial.curve(found)) is not None]
        return cls(curves, list(chosen), name=words)

    @property
    def panels(self) -> Panels:
        """One panel, with room for the names beside it."""
        return Panels(size=(7.6, 3.8))

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **line_options: Any
    ) -> SweepCurvesDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        **line_options
            Passed to `Axes.plot`.
        """
        (axes,) = take_axes(ax, self.panels)
        for k, (curve, label) in enumerate(zip(self.curves, self.labels, strict=True)):
            colour, dash = PALETTE[k % len(PALETTE)], _DASHES[k // len(PALETTE) % len(_DASHES)]
            dash = _DASHES[k % len(_DASHES)] if k < len(PALETTE) else dash
            marker = "o" if len(curve.epochs) <= _FEW else None
            style = {"color": colour, "linestyle": dash, "marker": marker, "markersize": 3.5}
            told = label if self._is_visible(curve) else f"{label} (too far away)"
            axes.plot(curve.epochs, curve.mean, label=as_written(told), **style | line_options)
            if (curve.low < curve.high).any():
                axes.fill_between(
                    curve.epochs, curve.low, curve.high, color=colour, alpha=0.12, linewidth=0
                )
        axes.set_ylim(*self.limits)
        dress(axes, x="epoch", y=as_written(self.name), title="Learning curves")
        axes.locator_params(axis="x", integer=True)
        axes.grid(axis="y", alpha=0.25)
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8.5)
        if any((curve.low < curve.high).any() for curve in self.curves):
            axes.set_xlabel("epoch (means over seeds and folds, with their range)")
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        return self

    @property
    def limits(self) -> tuple[float, float]:
        """The heights between which the curves lie, but for first epochs and curves far away."""
        whole = [np.concatenate([curve.low, curve.mean, curve.high]) for curve in self.curves]
        drawn = [finite for values in whole if len(finite := values[np.isfinite(values)])]
        if not drawn:
            return 0.0, 1.0
        each = np.array([np.quantile(values, (0.05, 0.5, 0.95)) for values in drawn])
        low, high = np.quantile(each[:, 1], (0.25, 0.75))
        reach = _FAR * max(high - low, np.median(each[:, 2] - each[:, 0])) or np.inf
        is_near = (each[:, 1] >= low - reach) & (each[:, 1] <= high + reach)
        low, high = each[is_near, 0].min(), each[is_near, 2].max()
        edge = _EDGE * (high - low) or 0.5
        near = [values for values, one in zip(drawn, is_near, strict=True) if one]
        least, most = min(map(np.min, near)), max(map(np.max, near))
        return float(max(low - edge, least - edge / 3)), float(min(high + edge, most + edge / 3))

    def _is_visible(self, curve: TrialCurve) -> bool:
        low, high = self.limits
        return bool(((curve.mean >= low) & (curve.mean <= high)).any())


def _notable(ranked: Sequence[Trial]) -> dict[str, Trial]:
    """Return the best few, the median and the worst, by what they are called."""
    chosen: dict[int, str] = {k: _ORDINALS[k] for k in range(min(_BEST, len(ranked)))}
    for k, name in ((len(ranked) // 2, "median"), (len(ranked) - 1, "worst")):
        chosen.setdefault(k, name)
    return {f"{name}: trial {ranked[k].number}": ranked[k] for k, name in chosen.items()}


def _named(ranked: Sequence[Trial], numbers: Sequence[int]) -> dict[str, Trial]:
    known = {trial.number: trial for trial in ranked}
    for number in numbers:
        if number not in known:
            raise DataError(
                f"`trials` must be numbers of trials with a score and a curve; got {number!r}. "
                f"The best is {ranked[0].number}."
            )
    return {f"trial {number}": known[number] for number in numbers}
