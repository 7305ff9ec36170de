"""The training of one network of a study, its warnings and divergences as sentences."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from mlplab.errors import DivergedError
from mlplab.train import FitObserver
from mlplab.workflows.block_training import fit_by_blocks
from mlplab.workflows.long_runs import Keeper, fit_in_pieces
from mlplab.workflows.parts import Parts

__all__ = ["train"]


def train(
    estimator: Any,
    parts: Parts,
    observers: Sequence[FitObserver],
    kept: Keeper | None,
    *,
    goes_on: bool = False,
) -> tuple[list[str], str | None]:
    """Fit; return what was warned about, and the sentence of a divergence.

    Parameters
    ----------
    estimator : estimator
    parts : Parts
    observers : sequence of FitObserver
    kept : Keeper or None
        Writes checkpoints on the way.
    goes_on : bool, default=False
        Take up the training of the checkpoint.
    """
    if goes_on and kept is not None and parts.stream is None:
        kept.take_up(estimator)
    rows: dict[str, Any] = {}
    if len(parts.watched):
        rows["X_val"] = parts.watched.x
        if parts.task != "autoencoder":
            rows["y_val"] = parts.watched.y
    target = () if parts.task == "autoencoder" else (parts.train.y,)
    diverged = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            if parts.stream is None:
                fit = functools.partial(estimator.fit, parts.train.x, *target, **rows)
                fit_in_pieces(estimator, fit, kept, observers)
            else:
                fit_by_blocks(estimator, parts, kept, observers, goes_on=goes_on)
        except DivergedError as error:
            diverged = str(error)
    estimator.set_callbacks()
    remarks = []
    for warning in caught:
        sentence = str(warning.message)
        if estimator.result_.status.name == "DIVERGED" and "non-finite" in sentence:
            diverged = sentence
        elif not issubclass(warning.category, (ConvergenceWarning, RuntimeWarning)):
            remarks.append(sentence)
    return remarks, diverged
