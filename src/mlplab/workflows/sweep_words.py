"""What a sweep has taught, in sentences: for the terminal, the summary and the report."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any

from mlplab.results import NOT_SET, SweepAnalysis, SweepResult, Trial
from mlplab.results.layout import score_words, value_words

__all__ = [
    "configuration_words",
    "counts",
    "failures",
    "how_sure",
    "never_won",
    "never_won_words",
    "told_score",
    "with_spread",
]

_MOST_REASONS = 3


def configuration_words(configuration: Mapping[str, Any]) -> str:
    """Return a configuration as people write it.

    Examples
    --------
    >>> configuration_words({"hidden_layer_sizes": [64, 32], "solver": "sgd"})
    'hidden_layer_sizes = [64, 32], solver = sgd'
    """
    return ", ".join(f"{name} = {value_words(value)}" for name, value in configuration.items())


def with_spread(mean: float | None, spread: float | None) -> str:
    """Return a mean with its standard deviation, if there is one.

    Examples
    --------
    >>> with_spread(0.96481, 0.0234), with_spread(0.5, None), with_spread(None, None)
    ('0.9648 ± 0.023', '0.5', '')
    """
    if mean is None:
        return ""
    return f"{mean:.4g}" if spread is None else f"{mean:.4g} ± {spread:.2g}"


def told_score(name: str, value: float) -> tuple[str, float]:
    """Return what a score is called and how much it is: errors are told of as errors.

    Examples
    --------
    >>> told_score("neg_mean_absolute_error", -2.5), told_score("accuracy", 0.9)
    (('mean absolute error', 2.5), ('accuracy', 0.9))
    """
    if name.startswith("neg_"):
        return score_words(name.removeprefix("neg_")), -value
    return score_words(name), value


def counts(result: SweepResult, *, interrupted: bool) -> str:
    """Return how many configurations and trainings there were, how fast, and why it ended."""
    there = result.n_cells - result.n_trained
    known = f"; {there:,} were kept already" if there > 0 and not interrupted else ""
    rate = result.n_trained / result.seconds if result.seconds > 0 else 0.0
    speed = f" ({rate:.3g} a second)" if result.n_trained else ""
    return (
        f"{len(result.trials):,} configurations, {result.n_trained:,} networks trained in "
        f"{result.seconds:.1f} s{speed}{known}. {result.stop.sentence}"
    )


def failures(result: SweepResult) -> list[str]:
    """Return how many configurations have no score, and why; nothing if all have one."""
    if not result.failed:
        return []
    total = f"{len(result.failed):,} of {len(result.trials):,} configurations have no score"
    kinds = Counter(_reason(trial) for trial in result.failed)
    firsts = {_reason(trial): trial for trial in reversed(result.failed)}
    told = [
        f"{n:,} {status}: {reason} (the first is trial {firsts[status, reason].number})"
        for (status, reason), n in kinds.most_common(_MOST_REASONS)
    ]
    more = len(kinds) - _MOST_REASONS
    told += [f"and {more} further reasons"] if more > 0 else []
    return [f"{total}: {'; '.join(told)}."]


def _reason(trial: Trial) -> tuple[str, str]:
    """Return status and reason without what differs from trial to trial."""
    return trial.status, (trial.reason or "no reason is known").split(". ")[0].rstrip(".")


def how_sure(analysis: SweepAnalysis) -> list[str]:
    """Return how sure it is that the best is the best."""
    found = analysis.certainty
    if found is None:
        return []
    _, mean = told_score(analysis.score, found.mean)
    sentences = [dataclasses.replace(found, mean=mean).sentence]
    if found.gap is not None and found.standard_error is not None:
        sentences.append(
            f"Its lead over the next is {found.gap:.2g}, with a standard error of "
            f"{found.standard_error:.2g}."
        )
    return sentences


def never_won(analysis: SweepAnalysis) -> dict[str, tuple[list[str], list[str]]]:
    """Return for each parameter the values that never won, in words.

    Returns
    -------
    dict of str to (list of str, list of str)
        Those that lost every comparison in which all else was equal, and those that were in none
        and are not among the best tenth.
    """
    found = {}
    for name, effect in analysis.effects.items():
        # What the best configuration has was perhaps compared elsewhere only, and lost there.
        highest = max((one.best for one in effect.by_value), default=0.0)
        losers = [
            one
            for one in effect.by_value
            if one.never_won and one.value != NOT_SET and one.best < highest
        ]
        if 0 < len(losers) < len(effect.by_value):
            lost = [value_words(one.value) for one in losers if one.contests]
            far = [value_words(one.value) for one in losers if not one.contests]
            found[name] = lost, far
    return found


def never_won_words(analysis: SweepAnalysis, *, so_far: bool) -> list[str]:
    """Return the values that never won, in sentences.

    Parameters
    ----------
    analysis : SweepAnalysis
    so_far : bool
        Whether the sweep is to go on.
    """
    found = never_won(analysis)
    sentences = []
    for place, start in enumerate(
        ("Never the best where all else was equal", "Never among the best tenth")
    ):
        told = [f"{name} = {', '.join(both[place])}" for name, both in found.items() if both[place]]
        words = f"So far {start.lower()}" if so_far else start
        sentences += [f"{words}: {'; '.join(told)}."] if told else []
    return sentences
