"""Fitting many estimators at once: each ends as its own `fit` would leave it."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import numbers
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sklearn.callback import with_callbacks
from sklearn.utils import check_random_state

from mlplab.engines import Engine, select_engine
from mlplab.errors import ParameterError
from mlplab.estimators.base import BaseMLP
from mlplab.estimators.rows import FitRows
from mlplab.estimators.rules import check_parameters
from mlplab.estimators.tables import FitTable, SharedRows, fit_tables
from mlplab.estimators.watching import observers_of
from mlplab.results import FitOutcome, FitResult, StopReason
from mlplab.train import FitObserver, Training, train_many

__all__ = ["fit_many"]

OnDone = Callable[[int, FitOutcome], None]


def fit_many(
    estimators: Sequence[Any],
    X: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    *,
    fits: Sequence[Mapping[str, Any]] | None = None,
    n_threads: int | None = None,
    on_done: OnDone | None = None,
) -> list[FitOutcome]:
    """Fit many networks together: restarts, seeds, folds, the cells of a grid.

    Each estimator ends as its own `fit` would leave it, bit for bit, whatever it was fitted
    beside. Networks of one shape on the same rows gain most. Rows that several estimators share
    (the same object) are validated once.

    Parameters
    ----------
    estimators : sequence of MLPClassifier, MLPRegressor or MLPAutoencoder
        Fitted in place. Estimators that draw from one generator (the same ``RandomState`` object,
        or ``random_state=None``, which is NumPy's global one) are fitted one after another, in
        the order of the list; give each an integer, and they go together.
    X, y, sample_weight
        As for `fit`, for all of them.
    fits : sequence of mappings, optional
        In place of `X` and `y`: for each estimator the arguments of its own `fit`, by name: ``X``,
        ``y``, ``sample_weight``, ``X_val``, ``y_val``, ``sample_weight_val``.
    n_threads : int, optional
        Threads for the networks of those whose own `n_threads` is None; not given, those of the
        process. Bits do not depend on it.
    on_done : callable, optional
        ``on_done(index, outcome)`` is called as soon as an estimator is fitted or has failed. It
        may raise KeyboardInterrupt to end all.

    Returns
    -------
    list of FitOutcome
        In the order of the estimators. What one of them raises or warns of stands in its outcome
        and does not hold the others up. After an interrupt those under way are fitted to what
        they had learned, their results say ``StopReason.INTERRUPTED``, and those that had not
        begun have neither result nor error.

    Raises
    ------
    ParameterError
        Something that is no network of mlplab is among the estimators, or the arguments do not go
        together.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> from mlplab import MLPClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> X = scale(X)
    >>> seeds = [MLPClassifier((8,), learning_rate_init=0.02, random_state=n) for n in range(5)]
    >>> outcomes = fit_many(seeds, X, y)
    >>> {outcome.result.status.name for outcome in outcomes}, min(clf.score(X, y) for clf in seeds)
    ({'LOSS_PLATEAU'}, 1.0)
    """
    if isinstance(estimators, (str, Mapping, type)) or not isinstance(estimators, Iterable):
        raise ParameterError(
            f"`estimators` must be a list of networks of mlplab; got "
            f"{type(estimators).__name__}. Put them in a list."
        )
    estimators = list(estimators)
    _check_estimators(estimators)
    check_parameters({"n_threads": n_threads})
    tables = fit_tables(len(estimators), X, y, sample_weight, fits)
    fitting = _Fitting(estimators, tables, n_threads, on_done)
    fitting.run()
    return fitting.outcomes


def _check_estimators(estimators: Sequence[Any]) -> None:
    for index, estimator in enumerate(estimators):
        if not isinstance(estimator, BaseMLP):
            message = (
                "`estimators` must be networks of mlplab; got "
                f"{type(estimator).__name__} at {index}. Fit others by joblib, for example."
            )
            raise ParameterError(message)


def _sharing_a_generator(estimators: Sequence[Any]) -> set[int]:
    """Return the places of those that draw from a generator that another draws from too."""
    sources = [_source(estimator) for estimator in estimators]
    counts = Counter(sources)
    return {index for index, source in enumerate(sources) if counts[source] > 1}


def _source(estimator: Any) -> int:
    """Return what two estimators have in common that share a generator, or are the same."""
    try:
        if isinstance(estimator.random_state, numbers.Integral):
            return id(estimator)
        return id(check_random_state(estimator.random_state))
    except ValueError:  # told when it is fitted
        return id(estimator)


class _Fitting:
    """The estimators, what they are fitted to, and what came of it so far."""

    def __init__(
        self,
        estimators: Sequence[Any],
        tables: Sequence[FitTable],
        n_threads: int | None,
        on_done: OnDone | None,
    ) -> None:
        self.outcomes = [FitOutcome(estimator, None) for estimator in estimators]
        self._estimators, self._tables = estimators, tables
        self._n_threads, self._on_done = n_threads, on_done
        self._rows = SharedRows(map(SharedRows.key, estimators, tables))
        self._engines: dict[tuple[str, int | None], Engine] = {}
        self._first_with: dict[int, int] = {}
        self._interrupted = False

    def run(self) -> None:
        """Fit all."""
        alone = _sharing_a_generator(self._estimators)
        together = [index for index in range(len(self._estimators)) if index not in alone]
        self._fit(sorted(together, key=self._likeness))
        for index in sorted(alone):
            if not self._interrupted:
                self._fit([index])

    def _likeness(self, index: int) -> tuple[Any, ...]:
        """Return what brings together those that an engine trains together fastest."""
        estimator, table = self._estimators[index], self._tables[index]
        names = ("hidden_layer_sizes", "activation", "solver", "batch_size", "max_iter", "dropout")
        alike = (repr(getattr(estimator, name)) for name in names)
        rows = self._first_with.setdefault(id(table.X), index)
        return (type(estimator).__name__, rows, *alike)

    def _fit(self, indices: Sequence[int]) -> None:
        """Fit these, preparing each when there is room for its training."""
        begun: dict[int, tuple[int, Training]] = {}
        observers: dict[int, Sequence[FitObserver]] = {}
        places = itertools.count()

        def trainings() -> Iterator[Training]:
            for index in indices:
                if self._interrupted:
                    return
                prepared = self._prepare(index)
                if prepared is not None:
                    place = next(places)
                    begun[place] = index, prepared[0]
                    observers[place] = prepared[1]
                    yield prepared[0]

        try:
            train_many(
                trainings(),
                observers,
                on_done=lambda place, result: self._finish(*begun.pop(place), result),
                on_error=lambda place, error: self._fail(begun.pop(place)[0], error),
            )
        except KeyboardInterrupt:
            self._interrupted = True

    def _prepare(self, index: int) -> tuple[Training, Sequence[FitObserver]] | None:
        estimator, table = self._estimators[index], self._tables[index]
        try:
            with self._noting(index):
                validation = table.validation(estimator)
                given = table.learned_from
                training = estimator._prepare(given, validation, validate=self._validate(table))  # noqa: SLF001  (its own room)
                return self._with_shared_engine(training), observers_of(estimator, given)
        except Exception as error:  # noqa: BLE001  (it stands in the outcome)
            self._fail(index, error)
            return None

    def _validate(self, table: FitTable) -> Callable[..., tuple[FitRows, FitRows | None]]:
        """Return how rows are validated: once for all that share them."""

        def validate(estimator: Any, *tables: Any, **how: Any) -> tuple[FitRows, FitRows | None]:
            def plainly() -> tuple[FitRows, FitRows | None]:
                return BaseMLP._validate_tables(estimator, *tables, **how)  # noqa: SLF001  (its own room)

            return self._rows.validate(estimator, table, plainly)

        return validate

    def _with_shared_engine(self, training: Training) -> Training:
        """Return the training with the engine that all of its kind have, to go together."""
        own = training.n_threads
        key = training.engine.name, self._n_threads if own is None else own
        if key not in self._engines:
            same = key[1] == own
            engine = training.engine if same else select_engine(key[0], training.plan, key[1])[0]
            self._engines[key] = engine
        return dataclasses.replace(training, engine=self._engines[key])

    def _finish(self, index: int, training: Training, result: FitResult) -> None:
        self._interrupted |= result.status is StopReason.INTERRUPTED
        error = None
        try:
            with self._noting(index):
                _end_fit(self._estimators[index], training, result)
        except Exception as raised:  # noqa: BLE001  (it stands in the outcome)
            error = raised
        seconds = self.outcomes[index].seconds + result.seconds
        self._note(index, result=result, error=error, seconds=seconds)
        self._tell(index)

    def _fail(self, index: int, error: Exception) -> None:
        with self._noting(index), contextlib.suppress(Exception):
            _tear_callbacks_down(self._estimators[index])
        self._note(index, error=error)
        self._tell(index)

    @contextlib.contextmanager
    def _noting(self, index: int) -> Iterator[None]:
        """Write down how long the block takes, and what it warns of."""
        began = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            try:
                yield
            finally:
                before = self.outcomes[index]
                messages = (warning.message for warning in caught)
                self._note(
                    index,
                    seconds=before.seconds + time.perf_counter() - began,
                    warnings=(*before.warnings, *messages),
                )

    def _note(self, index: int, **changes: Any) -> None:
        self.outcomes[index] = dataclasses.replace(self.outcomes[index], **changes)

    def _tell(self, index: int) -> None:
        if self._on_done is None:
            return
        try:
            self._on_done(index, self.outcomes[index])
        except KeyboardInterrupt:
            self._interrupted = True
            raise


@with_callbacks
def _end_fit(estimator: Any, training: Training, result: FitResult) -> None:
    """Set what a fit leaves; scikit-learn's callbacks end with it, whatever happens."""
    estimator._finish(training, result)  # noqa: SLF001  (its own room)


@with_callbacks
def _tear_callbacks_down(estimator: Any) -> None:
    """Do nothing but what happens at the end of a fit."""
