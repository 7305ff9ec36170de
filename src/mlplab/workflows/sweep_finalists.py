"""The configurations that did best, trained again on all training rows, and tested."""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlplab.errors import MLPLabError
from mlplab.estimators import fit_many
from mlplab.results import RunMetrics, StopReason, SweepResult, Trial
from mlplab.workflows.judging import judge
from mlplab.workflows.model import TabularModel
from mlplab.workflows.parts import Parts
from mlplab.workflows.study import RetrainTable
from mlplab.workflows.sweep_scores import score_on
from mlplab.workflows.sweep_space import split_configuration
from mlplab.workflows.sweep_trainer import Rows, new_estimator, rows_of

__all__ = ["Finalist", "retrain"]


@dataclass(frozen=True, slots=True, eq=False)
class Finalist:
    """A configuration trained again on all training rows, from several seeds.

    Attributes
    ----------
    trial : Trial
        As the sweep knows it.
    seeds : tuple of int
    scores : mapping of str to tuple of float
        On the test rows, for each seed: what the sweep asks for, and the usual scores; empty
        without test rows.
    metrics : RunMetrics
        Of `model`.
    model : TabularModel
        From the first seed that could be trained: test rows choose nothing.
    """

    trial: Trial
    seeds: tuple[int, ...]
    scores: Mapping[str, tuple[float, ...]]
    metrics: RunMetrics
    model: TabularModel

    def mean(self, score: str) -> float | None:
        """Return the mean of a score over the seeds; None without test rows."""
        values = self.scores.get(score, ())
        return statistics.fmean(values) if values else None

    def spread(self, score: str) -> float | None:
        """Return the sample standard deviation over the seeds; None of fewer than two."""
        values = self.scores.get(score, ())
        return statistics.stdev(values) if len(values) > 1 else None


def retrain(
    result: SweepResult, rows: Rows, base: Mapping[str, Any], wanted: RetrainTable
) -> tuple[tuple[Finalist, ...], tuple[str, ...]]:
    """Train the best again, and test them.

    Parameters
    ----------
    result : SweepResult
    rows : Rows
    base : mapping
        The parameters of the network that do not vary.
    wanted : RetrainTable

    Returns
    -------
    (tuple of Finalist, tuple of str)
        In the order of the sweep's ranking, and what could not be trained, in sentences.

    Raises
    ------
    KeyboardInterrupt
        Somebody interrupted.
    """
    seeds = tuple(range(rows.study.seed, rows.study.seed + wanted.seeds))
    finalists, remarks = [], []
    for trial in result.best(wanted.best):
        model, options = split_configuration(trial.configuration)
        try:
            parts = rows.prepared(options)
            trained, failed = _train({**base, **model}, parts, seeds)
        except MLPLabError as error:
            trained, failed = {}, [str(error)]
        if failed:
            remarks.append(
                f"Trial {trial.number} could not be trained again from {len(failed)} of "
                f"{len(seeds)} seeds: {failed[0]}"
            )
        if trained:
            finalists.append(_finalist(trial, parts, trained, result.scores))
    return tuple(finalists), tuple(remarks)


def _train(
    parameters: Mapping[str, Any], parts: Parts, seeds: Sequence[int]
) -> tuple[dict[int, Any], list[str]]:
    """Return the trained networks by seed, and why others could not be trained."""
    networks = [new_estimator(parameters, parts, seed) for seed in seeds]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same as in the sweep
        ends = fit_many(networks, fits=[rows_of(parts.train, parts.task)] * len(seeds))
    trained, failed = {}, []
    for seed, end in zip(seeds, ends, strict=True):
        if end.error is not None:
            failed.append(str(end.error))
        elif end.result is None or end.result.status is StopReason.INTERRUPTED:
            raise KeyboardInterrupt
        else:
            trained[seed] = end.estimator
    return trained, failed


def _finalist(
    trial: Trial, parts: Parts, trained: Mapping[int, Any], names: Sequence[str]
) -> Finalist:
    first = next(iter(trained.values()))
    model = TabularModel(parts.preparation, first, parts.encoding, parts.task, parts.choices)
    scores: dict[str, tuple[float, ...]] = {}
    if len(parts.test):
        each = [score_on(names, one, parts, parts.test) for one in trained.values()]
        scores = {name: tuple(one[name] for one in each) for name in each[0]}
    return Finalist(trial, tuple(trained), scores, judge(model, parts), model)
