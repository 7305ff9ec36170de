"""The figures in the report of a sweep: pictures that stand, and numbers for those that move."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from mlplab._typing import AnyArray
from mlplab.plots import (
    PALETTE,
    Display,
    EffectDisplay,
    ImportanceDisplay,
    InteractionDisplay,
    ParallelCoordinatesDisplay,
    SweepCurvesDisplay,
    to_svg,
)
from mlplab.plots.style import SHADES
from mlplab.plots.sweep_curves import CURVE_WORDS
from mlplab.results import SweepAnalysis, Trial
from mlplab.results.layout import score_words
from mlplab.workflows.sweep_kept import KeptSweep
from mlplab.workflows.sweep_scores import WATCHED
from mlplab.workflows.sweep_table import Column
from mlplab.workflows.sweep_words import configuration_words

__all__ = ["Picture", "SweepDisplays", "figures_of", "moving_data"]

_INTERACTIONS = 2
# So many numbers are enough for all curves of a kind; a trial has no fewer than that.
_POINTS, _FEWEST, _MOST = 30_000, 16, 100


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A figure of the page.

    Attributes
    ----------
    svg : Markup
    caption : str
    """

    svg: Markup
    caption: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class SweepDisplays:
    """What is drawn twice: as a picture that stands, and by the script of the page.

    Attributes
    ----------
    curves : SweepCurvesDisplay or None
        None without learning curves.
    parallel : ParallelCoordinatesDisplay or None
        None of fewer than two trials.
    """

    curves: SweepCurvesDisplay | None
    parallel: ParallelCoordinatesDisplay | None

    @classmethod
    def of(cls, kept: KeptSweep) -> SweepDisplays:
        """Make what there are data for."""
        ranked, curves, parallel = kept.result.ranking(), None, None
        if any(trial.has_curve(name) for trial in ranked for name in CURVE_WORDS):
            score = WATCHED[kept.about.task]
            curves = SweepCurvesDisplay.from_result(kept.result, score_name=score)
        if len(ranked) > 1:
            parallel = ParallelCoordinatesDisplay.from_result(kept.result)
        return cls(curves, parallel)


def figures_of(kept: KeptSweep, displays: SweepDisplays) -> dict[str, list[Picture]]:
    """Return the pictures by section; a section without data has none."""
    found: dict[str, list[Picture]] = {"curves": [], "parallel": [], "what": []}
    if displays.curves is not None:
        title = f"{displays.curves.name} over the epochs"
        found["curves"].append(_picture(displays.curves, title))
    if displays.parallel is not None:
        title = "All trials across their parameters"
        found["parallel"].append(_picture(displays.parallel, title))
    if kept.analysis is not None and kept.analysis.effects:
        found["what"] = _what_mattered(kept.analysis)
    return found


def _what_mattered(analysis: SweepAnalysis) -> list[Picture]:
    pictures, words = [], score_words(analysis.score)
    if any(one.share for one in analysis.importances):
        display = ImportanceDisplay.from_analysis(analysis)
        pictures.append(
            _picture(
                display,
                "Importance of each parameter",
                f"Which share of the variance of {words} over all combinations of the values is "
                f"due to each parameter alone, estimated by a forest; lines: standard deviation "
                f"over its trees. {display.rest:.0%} are due to parameters together, or to chance.",
            )
        )
    effects = EffectDisplay.from_analysis(analysis)
    caption = "Hollow: never the best where all else was equal, or, where it never was, never "
    hollow = any(one.never_won for e in analysis.effects.values() for one in e.by_value)
    told = f"{caption}among the best tenth." if hollow else ""
    pictures.append(_picture(effects, "Effect of each value", told))
    for one in analysis.interactions[:_INTERACTIONS]:
        first, second = one.parameters
        pictures.append(
            _picture(
                InteractionDisplay(one, score=words),
                f"{first} and {second} together",
                f"{first} and {second}: {one.share:.1%} of the variance is due to both together "
                "and to neither alone.",
            )
        )
    return pictures


def _picture(display: Display, title: str, caption: str = "") -> Picture:
    # The SVG is ours; Matplotlib escapes the words in it.
    return Picture(Markup(to_svg(display, title=title)), caption)  # noqa: S704  (see above)


def moving_data(
    kept: KeptSweep, displays: SweepDisplays, trials: Sequence[Trial], columns: Sequence[Column]
) -> Markup:
    """Return what the script of the page works on, as JSON that can stand in it.

    Parameters
    ----------
    kept : KeptSweep
    displays : SweepDisplays
    trials : sequence of Trial
        Those of the table, in its order.
    columns : sequence of Column
    """
    score = kept.result.score
    row_of = {trial.number: row for row, trial in enumerate(trials)}
    shown = displays.curves.curves if displays.curves is not None else ()
    data = {
        "numbers": [trial.number for trial in trials],
        "words": [configuration_words(trial.configuration) for trial in trials],
        "score": score_words(score),
        "means": [_short(trial.mean(score)) for trial in trials],
        "columns": [
            {
                "sort": [_short(value, 9) for value in column.sort],
                "number": column.number,
                "choices": column.choices,
            }
            for column in columns
        ],
        "curves": _curve_data(kept, trials),
        "chosen": [row_of[curve.trial] for curve in shown if curve.trial in row_of],
        "axes": [] if displays.parallel is None else _axes(displays.parallel, row_of),
        "shades": SHADES,
        "palette": PALETTE,
    }
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # Nothing in a name may end the element that holds the data.
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704  (see above)


def _short(value: float | None, digits: int = 5) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.{digits}g}")


def _curve_data(kept: KeptSweep, trials: Sequence[Trial]) -> dict[str, Any]:
    score = score_words(WATCHED[kept.about.task])
    names = [name for name in CURVE_WORDS if any(trial.has_curve(name) for trial in trials)]
    n_points = min(_MOST, max(_FEWEST, _POINTS // max(1, len(trials))))
    return {
        "names": {name: CURVE_WORDS[name].replace("score", score, 1) for name in names},
        "trials": [
            {name: points for name in names if (points := _points(trial, name, n_points))}
            for trial in trials
        ],
    }


def _points(trial: Trial, name: str, n_points: int) -> list[Any] | None:
    """Return first and last epoch, and the means at even distances between them."""
    curve = trial.curve(name)
    if curve is None:
        return None
    places = thinned(len(curve.epochs), n_points)
    first, last = int(curve.epochs[0]), int(curve.epochs[-1])
    return [first, last, [_short(float(v), 4) for v in curve.mean[places]]]


def thinned(n: int, most: int) -> AnyArray:
    """Return at most so many places among n, the first and the last of them included."""
    places: AnyArray = np.linspace(0, n - 1, min(n, most)).round().astype(int)
    return places


def _axes(display: ParallelCoordinatesDisplay, row_of: dict[int, int]) -> list[dict[str, Any]]:
    """Return the axes of the parallel coordinates: names, ticks, a place for each row."""
    axes = []
    for scale, places in zip((*display.scales, display.score), display.places.T, strict=True):
        by_row: list[float | None] = [None] * len(row_of)
        for number, place in zip(display.trials, places, strict=True):
            if number in row_of:
                by_row[row_of[number]] = round(float(place), 4)
        ticks = [[round(float(place), 4), words] for place, words in scale.ticks]
        axes.append({"name": scale.name, "ticks": ticks, "places": by_row})
    return axes
