"""A network in several variants, trained together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlplab.results.sections import Section

__all__ = ["Variant", "Variants"]


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant, trained from one seed or from several.

    Attributes
    ----------
    name : str
    settings : mapping
        What it changes of the network of the study.
    parameter : str
        The one parameter that varies; empty for a variant with a name of its own.
    epochs, loss, train_score, score : float
        Medians over the restarts: epochs made, last training loss, score on the training rows and
        on the rows that judge. NaN where every restart failed.
    best_score, worst_score : float
        Of the restarts, on the rows that judge.
    seconds : float
        Of the trainings of all restarts, added up.
    validation_score : float
        Median of the score on the validation rows; NaN where there are none, or where they judge.
    successes : int or None
        Restarts whose training score reached what the study calls success.
    failures : tuple of str
        Why restarts failed, each reason once.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    parameter: str = ""
    epochs: float = math.nan
    loss: float = math.nan
    train_score: float = math.nan
    score: float = math.nan
    best_score: float = math.nan
    worst_score: float = math.nan
    seconds: float = 0.0
    validation_score: float = math.nan
    successes: int | None = None
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variants:
    """All variants of a study.

    Attributes
    ----------
    variants : tuple of Variant
    restarts : int
        From how many seeds each was trained.
    score_name : str
        ``"accuracy"``, for example.
    judged_name : str
        Which rows judge.
    success : float or None
        The training score that counts as success.
    seconds : float
        Wall time of all trainings together.
    """

    variants: tuple[Variant, ...]
    restarts: int
    score_name: str
    judged_name: str
    success: float | None = None
    seconds: float = 0.0

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was trained, and how often it succeeded."""
        n, restarts = len(self.variants), self.restarts
        each = "once" if restarts == 1 else f"from {restarts:,} seeds"
        noun = "variant" if n == 1 else "variants"
        total = f"{n * restarts:,} trainings in {self.seconds:.1f} seconds"
        told = [f"{n} {noun} of the network, each trained {each}: {total}."]
        if restarts > 1:
            told.append("Figures are medians over the seeds.")
        if self.success is not None:
            told.append(
                f"A training succeeds where the {self.score_name} on the training rows is at "
                f"least {self.success:g}."
            )
        failed = {f"{one.name}: {why}" for one in self.variants for why in one.failures}
        return (*told, *sorted(failed))

    def section(self) -> Section:
        """Return sentences, table and figures for a report."""
        several, counted = self.restarts > 1, self.success is not None
        headers = ["variant", "epochs", "last loss", f"{self.score_name}, training"]
        headers += [f"{self.score_name}, validation"] if self._has_validation else []
        headers.append(f"{self.score_name}, {self.judged_name}")
        headers += ["worst to best"] if several else []
        headers += ["successes"] if counted else []
        headers.append("seconds")
        return Section(
            "variants",
            "Variants of the network",
            self.sentences,
            tuple(headers),
            tuple(self._cells(one) for one in self.variants),
            tuple(range(1, len(headers))),
            (
                "variant_losses", "variant_effects", "variant_boundaries",
                "variant_boundaries_zoomed", "variant_estimates", "disagreement",
            ),
        )  # fmt: skip

    @property
    def _has_validation(self) -> bool:
        return any(not math.isnan(one.validation_score) for one in self.variants)

    def _cells(self, one: Variant) -> tuple[str, ...]:
        cells = [one.name, _figure(one.epochs, "{:,.0f}"), _figure(one.loss, "{:.5f}")]
        scores = [one.train_score, one.score]
        scores[1:1] = [one.validation_score] if self._has_validation else []
        cells += [_figure(score, "{:.4f}") for score in scores]
        if self.restarts > 1:
            low, high = (_figure(x, "{:.4f}") for x in (one.worst_score, one.best_score))
            cells.append(f"{low} to {high}")
        if self.success is not None:
            share = (one.successes or 0) / self.restarts
            cells.append(f"{one.successes or 0} of {self.restarts} ({share:.0%})")
        return (*cells, f"{one.seconds:.3g}")


def _figure(value: float, form: str) -> str:
    return "–" if math.isnan(value) else form.format(value)
