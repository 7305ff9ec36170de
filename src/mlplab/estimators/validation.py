"""Rows that an estimator looks at while it trains, and the figure it takes from them."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer
from sklearn.model_selection import train_test_split

from mlplab._typing import AnyArray, Matrix
from mlplab.engines import TrainingPlan, ValidationData
from mlplab.errors import DataError
from mlplab.estimators.rows import FitRows, cast

__all__ = ["draw_places", "set_aside", "takes_weights", "validation_data"]


def draw_places(
    rows: FitRows, rng: np.random.RandomState, fraction: float, stratify: AnyArray | None
) -> tuple[AnyArray, AnyArray]:
    """Draw which rows are set aside, as scikit-learn draws them.

    Parameters
    ----------
    rows : FitRows
    rng : numpy.random.RandomState
    fraction : float
        Size of the part that is set aside.
    stratify : ndarray of shape (rows,) or None
        Classes that both parts hold in the same proportions.

    Returns
    -------
    (int array of shape (n_learn,), int array of shape (n_look,))
        The places of the rows to learn from, and of those to look at.

    Raises
    ------
    DataError
        The part is too small.
    """
    learn, look = train_test_split(
        np.arange(rows.x.shape[0]), random_state=rng, test_size=fraction, stratify=stratify
    )
    if len(look) < 2:
        message = (
            "The validation set is too small. Increase 'validation_fraction' or the size of "
            "your dataset."
        )
        raise DataError(message)
    return learn, look


def set_aside(rows: FitRows, learn: AnyArray, look: AnyArray) -> tuple[FitRows, FitRows]:
    """Set validation rows aside.

    Parameters
    ----------
    rows : FitRows
    learn, look : int array of shape (n_learn,) and (n_look,)
        Places of the rows.

    Returns
    -------
    (FitRows, FitRows)
        To learn from, which are the same arrays with the places of the rows, and to look at,
        which are copied: most rows are learned from, and those should not need their memory twice.

    Raises
    ------
    DataError
        All rows of a part have weight zero.
    """
    for places, name in ((learn, "training"), (look, "validation")):
        if rows.score_weight is not None and not rows.score_weight[places].sum() > 0:
            message = (
                f"`sample_weight` must leave the {name} part some weight; the split put only rows "
                "of weight zero there. Leave such rows out, or pass X_val and y_val."
            )
            raise DataError(message)
    return dataclasses.replace(rows, places=learn), rows.take(look)


def takes_weights(scorer: Any) -> bool:
    """Whether a scorer, or the metric inside it, knows sample weights."""
    metric = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in inspect.signature(metric).parameters


def validation_data(
    estimator: Any, given: FitRows | None, plan: TrainingPlan
) -> ValidationData | None:
    """Return validation rows as engines take them, with a scorer of one's own where asked for.

    Parameters
    ----------
    estimator : estimator
        Its ``stopping`` names the figure; a scorer sees a copy with the weights of the epoch.
    given : FitRows or None
    plan : TrainingPlan
    """
    if given is None:
        return None
    score = None
    if estimator.stopping not in {"auto", "loss"}:
        score = _scorer(estimator, given)
    target, weight = given.target.astype(plan.dtype), cast(given.score_weight, plan.dtype)
    return ValidationData(given.x, target, weight, score)


def _scorer(estimator: Any, given: FitRows) -> Callable[[Matrix], float]:
    named = isinstance(estimator.stopping, str)
    scorer = get_scorer(estimator.stopping) if named else estimator.stopping
    weighted = given.score_weight is not None and takes_weights(scorer)
    weights = {"sample_weight": given.score_weight} if weighted else {}

    def score(_: Matrix) -> float:
        snapshot = estimator.with_parameters(estimator._state.parameters)  # noqa: SLF001  (its own)
        return float(scorer(snapshot, given.x, given.y, **weights))

    return score
