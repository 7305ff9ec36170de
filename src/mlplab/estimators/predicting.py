"""What an estimator predicts with: engine and memory, looked up once and kept beside it.

A small network predicts a row in a microsecond or two; choosing the engine, packing the weights
and checking the row as scikit-learn does take a hundred. So what was chosen is kept for as long
as the arrays in `coefs_` and `intercepts_` are the same objects (what is written into them is
seen all the same), and rows that are plainly right are told by the native library on the way.
It is kept beside the estimator, not in it: there is nothing to pickle or to copy, and it goes
when the estimator goes.
"""

from __future__ import annotations

from operator import is_
from typing import Any
from weakref import WeakKeyDictionary

from mlplab.engines import Engine, select_engine
from mlplab.errors import EngineError, ParameterError

__all__ = ["Prepared", "prepared"]


class Prepared:
    """The engine that predicts for an estimator, and what it needs.

    Parameters
    ----------
    estimator : estimator
        Fitted or initialised.

    Attributes
    ----------
    engine : Engine
    predictor : object or None
        What predicts with the arrays where they lie, where the engine offers it and they fit.
    """

    def __init__(self, estimator: Any) -> None:
        self._coefs, self._intercepts = [*estimator.coefs_], [*estimator.intercepts_]
        self._n_threads = estimator.n_threads
        self.engine = _engine_of(estimator)
        arrays = [
            array for pair in zip(self._coefs, self._intercepts, strict=False) for array in pair
        ]
        make = getattr(self.engine, "predictor", None)
        self.predictor = (
            make(estimator._network, arrays, estimator._loss) if make is not None else None  # noqa: SLF001  (part of the estimator)
        )

    def serves(self, estimator: Any) -> bool:
        """Whether nothing of what was prepared has been replaced since."""
        coefs, intercepts = estimator.coefs_, estimator.intercepts_
        return (
            len(coefs) == len(self._coefs)
            and len(intercepts) == len(self._intercepts)
            and all(map(is_, coefs, self._coefs))
            and all(map(is_, intercepts, self._intercepts))
            and estimator.n_threads == self._n_threads
        )


_PREPARED: WeakKeyDictionary[Any, Prepared] = WeakKeyDictionary()


def prepared(estimator: Any) -> Prepared:
    """Return what a fitted or initialised estimator predicts with."""
    found = _PREPARED.get(estimator)
    if found is None or not found.serves(estimator):
        found = _PREPARED[estimator] = Prepared(estimator)
    return found


def _engine_of(estimator: Any) -> Engine:
    """Return the engine that trained, or another where that one is not to be had here."""
    name = estimator.result_.engine if hasattr(estimator, "result_") else "auto"
    try:
        return select_engine(name, estimator.plan_, estimator.n_threads)[0]
    except (ParameterError, EngineError):
        return select_engine("auto", estimator.plan_, estimator.n_threads)[0]
