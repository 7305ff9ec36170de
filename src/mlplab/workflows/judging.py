"""The figures of a run, beside what knowing nothing would score."""

from __future__ import annotations

import numpy as np

from mlplab._typing import AnyArray
from mlplab.results import ClassificationMetrics, Metrics, RegressionMetrics, RunMetrics
from mlplab.results.run import readable
from mlplab.workflows.metrics import (
    classification_metrics,
    multilabel_metrics,
    regression_metrics,
)
from mlplab.workflows.model import STANDARDISED, TabularModel, standardise
from mlplab.workflows.parts import Part, Parts

__all__ = ["doubts", "judge"]

FEW_ROWS = 30
"""Figures on fewer rows are told to be uncertain."""


def judge(model: TabularModel, parts: Parts) -> RunMetrics:
    """Return the figures of a model on all its parts."""
    judged = next(part for part in (parts.test, parts.validation, parts.train) if len(part))
    baseline, answer = _baseline(model, parts.train.truth, judged.truth)
    standardised = standardised_baseline = None
    if model.task == "regression" and model.encoding is not None and model.encoding.mean:
        figures = model.judge(judged.x, judged.truth, standardised=True)
        standardised = figures if isinstance(figures, RegressionMetrics) else None
        # The mean of the training rows is zero on this scale.
        scaled = standardise(model.encoding, judged.truth)
        standardised_baseline = regression_metrics(
            scaled, np.zeros_like(scaled), scale=STANDARDISED
        )
    return RunMetrics(
        task=model.task,
        train=model.judge(parts.train.x, parts.train.truth),
        validation=_judged(model, parts.validation),
        test=_judged(model, parts.test),
        baseline=baseline,
        baseline_answer=answer,
        standardised=standardised,
        standardised_baseline=standardised_baseline,
        validation_chose=len(parts.watched) > 0 and model.estimator.result_.restored_best,
    )


def doubts(metrics: RunMetrics) -> list[str]:
    """Return what speaks against trusting the figures, in sentences."""
    sentences = []
    if metrics.shortfall:
        sentences.append(
            f"On the {metrics.judged_name} rows the network is {metrics.shortfall}. Train on more "
            "rows or for longer, try other settings, or ask whether the columns tell the target."
        )
    judged = metrics.judged
    if judged.n_rows < FEW_ROWS:
        rows = f"{judged.n_rows} {metrics.judged_name} row{'s' * (judged.n_rows != 1)}"
        fact = f"With only {rows} the figures are uncertain"
        if isinstance(judged, ClassificationMetrics):
            low, high = judged.interval
            fact += f": the 95 % interval of the accuracy is {low:.1%} to {high:.1%}"
        sentences.append(f"{fact}.")
    return sentences


def _judged(model: TabularModel, part: Part) -> Metrics | None:
    return model.judge(part.x, part.truth) if len(part) else None


def _baseline(model: TabularModel, train: AnyArray, truth: AnyArray) -> tuple[Metrics, str]:
    """Answer with what was most frequent, or with the mean, in training."""
    if model.task == "classification":
        values, counts = np.unique(train, return_counts=True)
        answer = values[counts.argmax()]
        figures: ClassificationMetrics = classification_metrics(
            truth, np.full(len(truth), answer), labels=model.classes
        )
        return figures, f"{answer.item()!r}, the most frequent class,"
    if model.task == "multilabel":
        answer, said = _usual_labels(train, [str(name) for name in model.classes])
        guess = np.tile(answer, (len(truth), 1))
        return multilabel_metrics(truth, guess, list(model.classes)), said
    mean = train.mean(axis=0)
    said = "the mean" if train.ndim > 1 else f"the mean ({readable(float(mean))})"
    return regression_metrics(truth, np.broadcast_to(mean, truth.shape)), said


def _usual_labels(train: AnyArray, names: list[str]) -> tuple[AnyArray, str]:
    """Return the constant answer with the best F1 over all entries in training, in words too.

    Labels that most rows carry, or, where labels are rare, every label: no label at all has the
    F1 zero, which anything beats.
    """
    usual = (train.mean(axis=0) > 0.5).astype(int)
    every = np.ones_like(usual)
    scores = [
        multilabel_metrics(train, np.tile(answer, (len(train), 1))).f1_micro
        for answer in (usual, every)
    ]
    if usual.all() or scores[1] > scores[0]:
        return every, "with every label"
    said = [name for name, on in zip(names, usual, strict=True) if on]
    return usual, f"with {', '.join(said)}" if said else "with no label"
