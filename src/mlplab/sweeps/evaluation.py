"""How configurations are judged: rows dealt to folds, and scikit-learn's scorers by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
)

from mlplab._typing import AnyArray
from mlplab.errors import ParameterError, did_you_mean
from mlplab.sweeps.identity import fingerprint
from mlplab.sweeps.sweep import Sweep

__all__ = ["Fold", "check_scores", "deal_rows", "fold_fingerprints", "scorer_of"]


@dataclass(frozen=True, slots=True)
class Fold:
    """Which rows train and which validate.

    Attributes
    ----------
    train, validate : ndarray of int of shape (rows,)
    """

    train: AnyArray
    validate: AnyArray


def deal_rows(
    sweep: Sweep,
    y: AnyArray,
    *,
    stratify: bool,
    validation: float = 0.2,
    groups: AnyArray | None = None,
    times: AnyArray | None = None,
) -> tuple[Fold, ...]:
    """Deal rows as a sweep says: one split, k folds, or repeated k folds.

    In the order of time every fold validates on what comes after that from which it learns.

    Parameters
    ----------
    sweep : Sweep
    y : array-like of shape (rows,) or (rows, outputs)
        The targets.
    stratify : bool
        Keep the shares of the classes in `y`.
    validation : float
        Share of the rows that validate, or of the groups, where there is one split; from 1 on
        their number.
    groups : ndarray of int of shape (rows,), optional
        Rows of one group stay on one side.
    times : ndarray of int of shape (rows,), optional
        Places in the order of time; rows of the same time stay on one side.

    Raises
    ------
    ValueError
        There are too few rows, groups or times for the folds.
    """
    if times is not None:
        return tuple(_folds_in_time(sweep, times, validation))
    rows = np.zeros(len(y))
    splitters = [_splitter(sweep, validation, stratify=stratify)]
    if groups is not None:
        splitters = _splitters_of_groups(sweep, validation, stratify=stratify)
    parts = (part for one in splitters for part in one.split(rows, y, groups))
    return tuple(Fold(train, validate) for train, validate in parts)


def _folds_in_time(sweep: Sweep, times: AnyArray, validation: float) -> Iterator[Fold]:
    """Yield folds, each of which learns from what lies before that on which it validates."""
    if sweep.repeats > 1:
        raise ValueError("rows in the order of time can be dealt in one way only")
    moments = np.unique(times)
    if sweep.folds == 1:
        n = validation if validation >= 1 else max(1, round(validation * len(times)))
        if n >= len(times):
            raise ValueError("no rows would be left to learn from")
        first = np.sort(times)[len(times) - int(n)]
        parts = [(moments[moments < first], moments[moments >= first])]
    else:
        splits = TimeSeriesSplit(sweep.folds).split(moments)
        parts = [(moments[before], moments[after]) for before, after in splits]
    for before, after in parts:
        fold = Fold(*(np.flatnonzero(np.isin(times, part)) for part in (before, after)))
        if not len(fold.train):
            raise ValueError("too many rows have the first time")
        yield fold


def _splitters_of_groups(sweep: Sweep, validation: float, *, stratify: bool) -> list[Any]:
    if sweep.folds == 1:
        return [GroupShuffleSplit(1, test_size=validation, random_state=sweep.seed)]
    kind = StratifiedGroupKFold if stratify else GroupKFold
    seeds = [sweep.seed + n if sweep.shuffle else None for n in range(sweep.repeats)]
    return [kind(sweep.folds, shuffle=sweep.shuffle, random_state=seed) for seed in seeds]


def _splitter(sweep: Sweep, validation: float, *, stratify: bool) -> Any:
    if sweep.folds == 1:
        one = StratifiedShuffleSplit if stratify else ShuffleSplit
        return one(n_splits=1, test_size=validation, random_state=sweep.seed)
    if sweep.repeats > 1:
        many = RepeatedStratifiedKFold if stratify else RepeatedKFold
        return many(n_splits=sweep.folds, n_repeats=sweep.repeats, random_state=sweep.seed)
    plain = StratifiedKFold if stratify else KFold
    seed = sweep.seed if sweep.shuffle else None
    return plain(n_splits=sweep.folds, shuffle=sweep.shuffle, random_state=seed)


def fold_fingerprints(folds: Sequence[Fold], *data: Any) -> tuple[str, ...]:
    """Return for each fold a hash of the data and of its rows, as `Trainer.folds` wants them."""
    whole = fingerprint(*data)
    return tuple(fingerprint(whole, fold.train, fold.validate) for fold in folds)


def check_scores(names: Sequence[str]) -> None:
    """Raise `ParameterError` for the first name that scikit-learn does not know."""
    valid = get_scorer_names()
    for name in names:
        if name not in valid:
            raise ParameterError(
                f"`sweep.score` must be the name of a scorer of scikit-learn; got {name!r}."
                f"{did_you_mean(name, valid) or _LISTED}"
            )


def scorer_of(names: Sequence[str]) -> Callable[[Any, Any, Any], Mapping[str, float]]:
    """Return a function of a fitted model, rows and targets that gives all scores.

    Predictions are shared among the scorers. Higher is better, so that errors are negative.

    Raises
    ------
    ParameterError
        A name is unknown, or there is none.
    """
    if isinstance(names, str) or not names:
        raise ParameterError(
            f"`sweep.scores` must name at least one scorer of scikit-learn, in a tuple; got "
            f"{names!r}. For example: ('accuracy',)"
        )
    check_scores(names)
    scoring = check_scoring(scoring=list(names))

    def scores(model: Any, X: Any, y: Any) -> Mapping[str, float]:
        with warnings.catch_warnings():
            # A class that is never predicted has no precision; scikit-learn takes zero.
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            return {name: float(value) for name, value in scoring(model, X, y).items()}

    return scores


_LISTED = " See sklearn.metrics.get_scorer_names()."
