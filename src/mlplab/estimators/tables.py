"""What many estimators are fitted to: arguments of each fit, rows validated once for all."""

from __future__ import annotations

import dataclasses
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlplab.errors import ParameterError, did_you_mean
from mlplab.estimators.autoencoder import MLPAutoencoder
from mlplab.estimators.labels import LabelCoder
from mlplab.estimators.rows import FitRows, pair_validation

__all__ = ["FitTable", "SharedRows", "fit_tables"]


@dataclass(frozen=True, slots=True)
class FitTable:
    """The arguments of one `fit`."""

    X: Any
    y: Any = None
    sample_weight: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None

    @property
    def learned_from(self) -> tuple[Any, Any, Any]:
        """What is learned from: X, y, sample_weight."""
        return self.X, self.y, self.sample_weight

    def validation(self, estimator: Any) -> tuple[Any, Any, Any] | None:
        """Return the validation rows; an autoencoder reproduces them."""
        target = self.X_val if isinstance(estimator, MLPAutoencoder) else self.y_val
        return pair_validation(self.X_val, target, self.sample_weight_val)

    def identity(self) -> tuple[int, ...]:
        """Return what is equal for tables of the same objects."""
        return tuple(id(getattr(self, field.name)) for field in dataclasses.fields(self))


def fit_tables(
    n: int, X: Any, y: Any, sample_weight: Any, fits: Sequence[Mapping[str, Any]] | None
) -> list[FitTable]:
    """Return the arguments of each fit: the same for all, or what stands in ``fits``.

    Raises
    ------
    ParameterError
        Both are given or none, there is not one for each, or a name is not known.
    """
    if (X is None) == (fits is None):
        message = (
            f"Either `X` or `fits` must be given; got {'neither' if fits is None else 'both'}. "
            "Pass X and y for all estimators, or a list with the arguments of each fit."
        )
        raise ParameterError(message)
    if fits is None:
        return [FitTable(X, y, sample_weight)] * n
    if len(fits) != n:
        message = (
            f"`fits` must hold the arguments of {n} fits, one for each estimator; got {len(fits)}."
            " Pass as many, or X and y for all."
        )
        raise ParameterError(message)
    names = [field.name for field in dataclasses.fields(FitTable)]
    for name in (name for fit in fits for name in fit if name not in names):
        message = (
            f"`fits` must name arguments of fit: {', '.join(names)}; got {name!r}."
            f"{did_you_mean(name, names)}"
        )
        raise ParameterError(message)
    return [FitTable(**{"X": None, **fit}) for fit in fits]


@dataclass(frozen=True, slots=True)
class _Validated:
    rows: tuple[FitRows, FitRows | None]
    left: dict[str, Any]
    warnings: list[Any]

    def serves(self, estimator: Any) -> bool:
        """Whether it is what the estimator's own validation would come to.

        One that goes on compares the rows with the columns and classes that it knows.
        """
        if not _goes_on(estimator):
            return True
        own = vars(estimator)
        same = all(_is_same(own.get(name), self.left.get(name)) for name in SharedRows.LEFT)
        # What a fit left that came to nothing is for its own validation to judge.
        return same and "coefs_" in own


def _goes_on(estimator: Any) -> bool:
    """Tell whether an estimator keeps what it was fitted to before."""
    return bool(estimator.warm_start) and hasattr(estimator, "n_features_in_")


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, LabelCoder) and isinstance(other, LabelCoder):
        return one.kind == other.kind and _is_same([*one.classes], [*other.classes])
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return type(one) is type(other) and bool(one == other)


class SharedRows:
    """Validates rows that several estimators share once.

    Parameters
    ----------
    keys : iterable
        Of all fits to come: what is needed no more is not kept.
    """

    # What validation leaves on an estimator.
    LEFT = ("n_features_in_", "feature_names_in_", "_coder", "classes_")

    def __init__(self, keys: Iterable[tuple[Any, ...]]) -> None:
        self._uses = Counter(keys)
        self._known: dict[tuple[Any, ...], _Validated] = {}

    @staticmethod
    def key(estimator: Any, table: FitTable) -> tuple[Any, ...]:
        """Return what validation depends on."""
        kind = type(estimator), _goes_on(estimator)
        return (*kind, str(estimator.dtype), repr(estimator.loss), table.identity())

    def validate(
        self, estimator: Any, table: FitTable, validate: Callable[[], Any]
    ) -> tuple[FitRows, FitRows | None]:
        """Return the rows of an estimator, and leave on it what their validation leaves."""
        key = self.key(estimator, table)
        self._uses[key] -= 1
        known = self._known.pop(key, None)
        if known is None or not known.serves(estimator):
            with warnings.catch_warnings(record=True) as caught:
                rows = validate()
            left = {name: vars(estimator)[name] for name in self.LEFT if name in vars(estimator)}
            known = _Validated(rows, left, [warning.message for warning in caught])
        if self._uses[key] > 0:
            self._known[key] = known
        if not _goes_on(estimator):
            for name in self.LEFT:
                vars(estimator).pop(name, None)
            vars(estimator).update(known.left)
        for message in known.warnings:
            warnings.warn(message, stacklevel=2)
        return known.rows
