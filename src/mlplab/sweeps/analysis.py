"""What a sweep has taught, as plain data; pictures are drawn elsewhere."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from mlplab._typing import AnyArray
from mlplab.errors import ParameterError, did_you_mean
from mlplab.results import (
    Certainty,
    Effect,
    Importance,
    Interaction,
    SweepAnalysis,
    SweepResult,
    Trial,
    ValueEffect,
)
from mlplab.sweeps.importance import Shares, variance_shares
from mlplab.sweeps.levels import Levels, levels_of

__all__ = ["analyse", "certainty"]

# Intervals for people, and for the forest, whose work grows with their square.
_BINS, _FINE_BINS = 8, 32
_TOP = 10
_FAR = 10.0


def analyse(
    result: SweepResult,
    score: str | None = None,
    *,
    validation_share: float | None = None,
    seed: int = 0,
) -> SweepAnalysis:
    """Return the effects of all values, importances, interactions, and how sure the best is.

    Trials without a score do not count. Numbers of which many occurred are told of in intervals.
    A training that went wrong may score R² = -1000, and would be all that there is to tell; such
    scores count as the `floor` of the analysis.

    Parameters
    ----------
    result : SweepResult
    score : str, optional
        The one that decides, if left out.
    validation_share : float, optional
        See `certainty`.
    seed : int
        Of the forest that estimates importances.
    """
    name = score or result.score
    trials = result.ranking(name)
    levels = [one.binned(_FINE_BINS) for one in levels_of(trials)]
    found = np.array([trial.mean(name) for trial in trials], dtype=np.float64)
    floor = _floor(found)
    scores = found if floor is None else np.maximum(found, floor)
    shares = variance_shares(levels, scores, seed=seed) if levels else None
    told = [one.binned(_BINS) for one in levels_of(trials)]
    return SweepAnalysis(
        name,
        len(trials),
        certainty(result, name, validation_share=validation_share),
        {one.parameter: Effect(one.parameter, _effects(one, told, scores)) for one in told},
        _importances(levels, shares) if shares else (),
        _interactions(told, scores, shares) if shares else (),
        floor,
    )


def _score_of(result: SweepResult, score: str | None) -> str:
    if score is not None and score not in result.scores:
        hint = did_you_mean(str(score), result.scores) or " Leave it out for the one that decides."
        raise ParameterError(
            f"`score` must be one of the sweep's: {', '.join(result.scores)}; got {score!r}.{hint}"
        )
    return score or result.score


def _floor(scores: AnyArray) -> float | None:
    """Return below which score trainings went wrong; None if none did.

    That is far below the lower quartile, measured by how the better half differs.
    """
    if not len(scores):
        return None
    low, middle, high = np.quantile(scores, (0.25, 0.5, 0.75))
    best = scores.max()
    spread = max(high - low, best - middle)
    if spread == 0:
        spread = best - max(scores[scores < best], default=best)
    floor = float(low - _FAR * spread)
    return floor if scores.min() < floor else None


def _effects(
    levels: Levels, everything: Sequence[Levels], scores: AnyArray
) -> tuple[ValueEffect, ...]:
    contests, wins = _contests(levels, everything, scores)
    top = max(1, math.ceil(len(scores) / _TOP))
    found = []
    for code, value in enumerate(levels.values):
        here = levels.codes == code
        own = scores[here]
        found.append(
            ValueEffect(
                value,
                n=len(own),
                mean=float(own.mean()),
                best=float(own.max()),
                spread=float(own.std(ddof=1)) if len(own) > 1 else None,
                contests=contests[code],
                wins=wins[code],
                in_top=int(here[:top].sum()),  # the scores are ranked
            )
        )
    return tuple(found)


def _contests(
    levels: Levels, everything: Sequence[Levels], scores: AnyArray
) -> tuple[list[int], list[int]]:
    """Count for each value how often it met others, and how often it was the best of them.

    Trials meet if all parameters agree that every trial has; of several with one value, which
    differ in something that depends on it, the best competes.
    """
    others = [one.codes for one in everything if one is not levels and not one.conditional]
    arenas: dict[tuple[int, ...], dict[int, float]] = defaultdict(dict)
    for place, code in enumerate(levels.codes):
        if not (levels.conditional and code == len(levels.values) - 1):
            arena = arenas[tuple(int(codes[place]) for codes in others)]
            arena[int(code)] = max(arena.get(int(code), -math.inf), float(scores[place]))
    contests, wins = [0] * len(levels.values), [0] * len(levels.values)
    for arena in arenas.values():
        if len(arena) > 1:
            best = max(arena.values())
            for code, own in arena.items():
                contests[code] += 1
                wins[code] += own == best
    return contests, wins


def _importances(levels: Sequence[Levels], shares: Shares) -> tuple[Importance, ...]:
    found = [
        Importance(one.parameter, float(share.mean()), float(share.std()))
        for one, share in zip(levels, shares.alone.T, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: -one.share))


def _interactions(
    levels: Sequence[Levels], scores: AnyArray, shares: Shares
) -> tuple[Interaction, ...]:
    found = [
        _interaction(levels[j], levels[k], scores, max(0.0, float(share.mean())))
        for (j, k), share in shares.together.items()
    ]
    return tuple(sorted(found, key=lambda one: -one.share))


def _interaction(first: Levels, second: Levels, scores: AnyArray, share: float) -> Interaction:
    shape = len(first.values), len(second.values)
    place = np.ravel_multi_index((first.codes, second.codes), shape)
    counts = np.bincount(place, minlength=shape[0] * shape[1]).reshape(shape)
    sums = np.bincount(place, weights=scores, minlength=shape[0] * shape[1]).reshape(shape)
    means = tuple(
        tuple(float(s / n) if n else None for s, n in zip(*pair, strict=True))
        for pair in zip(sums, counts, strict=True)
    )
    return Interaction(
        (first.parameter, second.parameter),
        share,
        first.values,
        second.values,
        means,
        tuple(tuple(int(n) for n in row) for row in counts),
    )


def certainty(
    result: SweepResult, score: str | None = None, *, validation_share: float | None = None
) -> Certainty | None:
    """Return how sure it is that the best trial is the best; None if no trial has a score.

    Trials are compared cell by cell: on the same folds, from the same seeds.

    Parameters
    ----------
    result : SweepResult
    score : str, optional
    validation_share : float, optional
        Which share of the rows validates, in cross-validation. Folds share most of their training
        rows, so that their differences vary too little; with it the standard error is corrected
        (Nadeau and Bengio, Inference for the generalization error, Machine Learning 52, 2003).
    """
    name = _score_of(result, score)
    ranking = result.ranking(name)
    if not ranking:
        return None
    best, *others = ranking
    # Trials that were paused earlier had less training; they are no rivals.
    fair = [trial for trial in others if trial.reach == best.reach]
    distances = [_distance(best, trial, name, validation_share) for trial in fair]
    return Certainty(
        best.number,
        mean=best.mean(name) or 0.0,
        spread=best.spread(name),
        n_cells=len(best.cells),
        gap=distances[0][0] if distances else None,
        standard_error=distances[0][1] if distances else None,
        rivals=tuple(
            trial.number
            for trial, (gap, error) in zip(fair, distances, strict=True)
            if error is not None and gap <= 2 * error
        ),
    )


def _distance(
    best: Trial, other: Trial, score: str, validation_share: float | None
) -> tuple[float, float | None]:
    """Return the mean lead of the best and its standard error."""
    pairs = zip(best.values(score), other.values(score), strict=True)
    leads = [one - two for one, two in pairs]
    n = len(leads)
    if n < 2:
        return leads[0], None
    share = validation_share or 0.0
    factor = math.sqrt(1 / n + share / (1 - share))
    return statistics.fmean(leads), statistics.stdev(leads) * factor
