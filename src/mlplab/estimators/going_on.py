"""Going on with a training: what ``warm_start="state"`` keeps besides the state.

Weights, the optimiser's memory and every counter are in the `TrainingState`. What else decides how
training goes on is kept here: where the generator stands, in which order the rows were gone
through last, and which of them were set aside. Rows are known by their places: other rows of the
same number take the places of those before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from mlplab._typing import AnyArray, Vector
from mlplab.engines import TrainingState
from mlplab.estimators.rows import FitRows
from mlplab.estimators.validation import draw_places
from mlplab.results import StopReason
from mlplab.train import RowOrders

__all__ = ["Standing", "is_paused", "start_from"]


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Where generator and rows of an estimator stand; at first nowhere.

    Attributes
    ----------
    n_rows : int or None
        How many rows `fit` was given.
    share : float or None
        Share of the rows that were set aside; None for none.
    order : int array of shape (n_rows - n_aside,), or None
        The rows to learn from, in the order of the last epoch; None for all, as they stand.
    aside : int array of shape (n_aside,), or None
        The rows that were set aside.
    seed : int or None
        The number from which the generator was made. One of the user's own goes on by itself.
    generator : mapping or None
        Where that generator stands, as ``RandomState.get_state(legacy=False)`` gives it.
    """

    n_rows: int | None = None
    share: float | None = None
    order: AnyArray | None = None
    aside: AnyArray | None = None
    seed: int | None = None
    generator: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, estimator: Any, *, first: bool) -> Standing:
        """Return where an estimator stands that is to go on from there; nowhere for others."""
        goes_on = not first and estimator.warm_start == "state"
        return getattr(estimator, "_standing", cls()) if goes_on else cls()

    def random_state(self, wanted: Any) -> np.random.RandomState:
        """Return the generator that is drawn from next.

        Parameters
        ----------
        wanted : int, RandomState or None
            The parameter of the estimator. Another number than before begins its own sequence.
        """
        if self.generator is None or _number(wanted) != self.seed:
            own: np.random.RandomState = check_random_state(wanted)
            return own
        generator = np.random.RandomState(np.random.MT19937(0))
        generator.set_state(dict(self.generator))
        return generator

    def dealt(
        self, estimator: Any, rows: FitRows, rng: np.random.RandomState, *, sets_aside: bool
    ) -> Standing:
        """Return where the rows stand before a training: as they were left, or dealt anew.

        Parameters
        ----------
        estimator : estimator
        rows : FitRows
        rng : numpy.random.RandomState
            Draws the rows that are set aside, where they are dealt anew.
        sets_aside : bool
            Whether some are to be set aside.
        """
        share = float(estimator.validation_fraction) if sets_aside else None
        seed = _number(estimator.random_state)
        if (self.n_rows, self.share) == (rows.n_rows, share):
            order, aside = _wide(self.order), _wide(self.aside)
            return dataclasses.replace(self, order=order, aside=aside, seed=seed)
        order, aside = None, None
        if share is not None:
            order, aside = draw_places(rows, rng, share, estimator._stratify(rows))  # noqa: SLF001  (its own)
        return Standing(rows.n_rows, share, order, aside, seed)

    def left_by(self, orders: RowOrders) -> Standing:
        """Return where all stands after what was drawn from these orders."""
        generator, order = orders.standing()
        moved = orders.permutes or self.order is not None
        return dataclasses.replace(
            self,
            order=_compact(order) if moved else None,
            aside=_compact(self.aside),
            generator=None if self.seed is None else generator,
        )


def _number(random_state: Any) -> int | None:
    """Return the number that a generator is made from; None for one of the user's own."""
    return int(random_state) if isinstance(random_state, Integral) else None


def _compact(places: AnyArray | None) -> AnyArray | None:
    """Return a copy in the smallest type of integers: one is kept for every paused network."""
    return None if places is None else places.astype(np.min_scalar_type(places.max(initial=0)))


def _wide(places: AnyArray | None) -> AnyArray | None:
    return None if places is None else places.astype(np.int64)


def is_paused(estimator: Any) -> bool:
    """Tell whether the next fit takes up the training of the last one, which has paused."""
    result = getattr(estimator, "result_", None)
    paused = result is not None and result.status is StopReason.PAUSED
    return paused and estimator.warm_start == "state"


def start_from(state: TrainingState, shown: Vector, *, keeps: bool) -> None:
    """Set the parameters from which training goes on.

    Parameters
    ----------
    state : TrainingState
    shown : ndarray of shape (n_parameters,)
        What the estimator shows: what the last training left, or what the user has put there.
    keeps : bool
        Where the best weights are shown, take those after the last epoch.
    """
    last = state.last_parameters
    untouched = last is not None and np.array_equal(shown, state.best_parameters)
    state.parameters = last.astype(shown.dtype) if keeps and untouched else shown  # type: ignore[union-attr]
