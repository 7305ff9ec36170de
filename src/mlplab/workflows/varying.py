"""A network in variants: named ones, and one parameter at a time; all trained together."""

from __future__ import annotations

import dataclasses
import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlplab.errors import ParameterError
from mlplab.estimators import fit_many
from mlplab.results import FitOutcome, StopReason, Variant, Variants
from mlplab.results.layout import value_words
from mlplab.workflows.model import TabularModel
from mlplab.workflows.parts import Parts
from mlplab.workflows.scoring import judged_part, score_name, score_of
from mlplab.workflows.study import VariantsTable

__all__ = ["TrainedVariant", "check_variants", "named_settings", "train_variants"]


@dataclass(frozen=True, slots=True, eq=False)
class TrainedVariant:
    """A variant and the models of its restarts, without those that failed.

    Attributes
    ----------
    variant : Variant
    models : list of TabularModel
    """

    variant: Variant
    models: list[TabularModel] = field(default_factory=list)


def named_settings(table: VariantsTable) -> list[tuple[str, str, dict[str, Any]]]:
    """Return name, varied parameter (or nothing) and settings of every variant of a study."""
    named = [(name, "", dict(settings)) for name, settings in table.networks.items()]
    varied = [
        (f"{parameter} = {value_words(value)}", parameter, {parameter: value})
        for parameter, values in table.vary.items()
        for value in values
    ]
    return named + varied


def check_variants(table: VariantsTable | None, make: Callable[[dict[str, Any]], Any]) -> None:
    """Build every variant once, so that what is wrong with one is told before any training.

    Raises
    ------
    ParameterError
        A variant cannot be built for these rows.
    """
    for name, _, settings in named_settings(table or VariantsTable()):
        try:
            make(settings)
        except ParameterError as cause:
            raise ParameterError(f"`variants`, {name!r}: {cause}") from cause


def train_variants(
    model: TabularModel,
    parts: Parts,
    seed: int,
    table: VariantsTable,
    make: Callable[[dict[str, Any]], Any],
) -> tuple[Variants, list[TrainedVariant]]:
    """Train all variants from all seeds at once.

    Parameters
    ----------
    model : TabularModel
        Of the study: preparation and target encoding are shared.
    parts : Parts
    seed : int
        Of the first restart; the others have the numbers after it.
    table : VariantsTable
    make : callable
        ``make(settings)`` returns a network of the study with these settings changed.
    """
    wanted = named_settings(table)
    estimators = [
        make(settings).set_params(random_state=seed + restart)
        for _, _, settings in wanted
        for restart in range(table.restarts)
    ]
    rows = {"X": parts.train.x}
    if parts.task != "autoencoder":
        rows["y"] = parts.train.y
    if len(parts.watched):
        rows |= {"X_val": parts.watched.x}
        rows |= {} if parts.task == "autoencoder" else {"y_val": parts.watched.y}
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # outcomes keep them; a table of variants tells enough
        outcomes = fit_many(estimators, fits=[rows] * len(estimators))
    seconds = time.perf_counter() - began
    if any(one.error is None and _interrupted(one) for one in outcomes):
        raise KeyboardInterrupt
    n = table.restarts
    trained = [
        _variant(name, parameter, settings, outcomes[k * n : (k + 1) * n], model, parts, table)
        for k, (name, parameter, settings) in enumerate(wanted)
    ]
    judged = judged_part(parts)[0]
    told = tuple(one.variant for one in trained)
    return Variants(told, n, score_name(parts.task), judged, table.success, seconds), trained


def _variant(
    name: str,
    parameter: str,
    settings: dict[str, Any],
    outcomes: Sequence[FitOutcome],
    model: TabularModel,
    parts: Parts,
    table: VariantsTable,
) -> TrainedVariant:
    fitted = [one for one in outcomes if one.error is None and one.result is not None]
    models = [dataclasses.replace(model, estimator=one.estimator) for one in fitted]
    train = [score_of(one, parts.train) for one in models]
    scores = [score_of(one, judged_part(parts)[1]) for one in models]
    between = judged_part(parts)[0] == "test" and len(parts.validation) > 0
    watched = [score_of(one, parts.validation) for one in models if between]
    losses = [float(one.estimator.loss_) for one in fitted]
    epochs = [float(one.estimator.n_iter_) for one in fitted]
    successes = None
    if table.success is not None:
        successes = sum(score >= table.success for score in train)
    failures = dict.fromkeys(str(one.error) for one in outcomes if one.error is not None)
    variant = Variant(
        name, settings, parameter, _median(epochs), _median(losses), _median(train),
        _median(scores), max(scores, default=math.nan), min(scores, default=math.nan),
        sum(one.seconds for one in outcomes), _median(watched), successes, tuple(failures),
    )  # fmt: skip
    return TrainedVariant(variant, models)


def _interrupted(outcome: FitOutcome) -> bool:
    return outcome.result is None or outcome.result.status is StopReason.INTERRUPTED


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else math.nan
