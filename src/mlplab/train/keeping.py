"""An observer that keeps the weights of chosen epochs."""

from __future__ import annotations

import bisect
from collections.abc import Iterable

import numpy as np

from mlplab.engines import TrainingPlan, TrainingState
from mlplab.errors import ParameterError
from mlplab.results import EpochRecord, FitResult, Snapshot, Snapshots, StopReason

__all__ = ["WeightKeeper"]

_DIGITS = (1, 2, 5)


class WeightKeeper:
    """Keeps the weights of chosen epochs, for pictures and diagnoses of how a network learned.

    Give it to an estimator by `set_callbacks`. Whatever engine trains, it trains on undisturbed
    between the chosen epochs and ends with the bits that it would have unwatched.

    Parameters
    ----------
    epochs : iterable of int, optional
        Which epochs, counted over the life of the network; 0 is the start. If None: 0, 1, 2, 5,
        10, 20, 50, 100 and so on.
    memory : bool, default=True
        Whether to keep what the optimiser remembers too, so that `explain.health` can tell its
        next step. Without it a snapshot takes a half to a third of the room.

    Attributes
    ----------
    snapshots : Snapshots
        Those epochs of the latest training, and the weights that it left: those of its best epoch
        where they were put back (step, rate and memory are those of its end all the same). A warm
        start and `partial_fit` go on with the same training.

    Examples
    --------
    >>> from mlplab import MLPClassifier
    >>> keeper = WeightKeeper(epochs=[0, 10])
    >>> network = MLPClassifier((2,), max_iter=30, tol=0, random_state=0).set_callbacks(keeper)
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), [0, 1, 0]
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     _ = network.fit(X, y)
    >>> keeper.snapshots.epochs
    (0, 10, 30)
    >>> bool((network.with_parameters(keeper.snapshots.at(30).parameters).predict(X)
    ...      == network.predict(X)).all())
    True
    """

    def __init__(self, epochs: Iterable[int] | None = None, *, memory: bool = True) -> None:
        self._epochs = None if epochs is None else _checked(epochs)
        self._memory = memory
        self._state: TrainingState | None = None
        self._kept: dict[int, Snapshot] = {}
        self._final: Snapshot | None = None
        self._rate: float | None = None

    @property
    def snapshots(self) -> Snapshots:
        """What was kept so far, in the order of the epochs."""
        final = {} if self._final is None else {self._final.epoch: self._final}
        kept = sorted((self._kept | final).items())
        return Snapshots(
            tuple(snapshot for _, snapshot in kept),
            None if self._final is None else self._final.epoch,
        )

    def next_epoch(self, epoch: int) -> int | None:
        """Return the first of the chosen epochs after this one."""
        if self._epochs is None:
            return _round_number_after(epoch)
        place = bisect.bisect_right(self._epochs, epoch)
        return self._epochs[place] if place < len(self._epochs) else None

    def on_start(self, plan: TrainingPlan, state: TrainingState) -> None:  # noqa: ARG002  (the protocol's signature)
        """Begin anew with a new network; keep the start where it is wanted."""
        if state.epoch == 0:
            self._kept, self._rate = {}, None
        self._state, self._final = state, None
        if self.next_epoch(state.epoch - 1) == state.epoch:
            self._keep(state)

    def on_epoch(self, record: EpochRecord, state: TrainingState) -> None:
        """Keep the weights of a chosen epoch.

        Raises
        ------
        ParameterError
            Another training that this keeper watches has begun in the meantime.
        """
        if state is not self._state:
            message = (
                "A WeightKeeper must watch one training at a time; got epochs of two. Give each "
                "estimator a keeper of its own."
            )
            raise ParameterError(message)
        self._rate = record.learning_rate
        self._keep(state)

    def on_end(self, result: FitResult) -> None:
        """Keep the weights that training leaves."""
        state = self._state
        # After divergence they are those of the start or of some epoch, which nobody knows.
        if state is None or result.status is StopReason.DIVERGED:
            return
        if result.history:
            self._rate = result.history[-1].learning_rate
        put_back = result.restored_best and result.best_epoch is not None
        self._final = self._taken(state, result.best_epoch if put_back else state.epoch)

    def _keep(self, state: TrainingState) -> None:
        self._kept[state.epoch] = self._taken(state, state.epoch)

    def _taken(self, state: TrainingState, epoch: int | None) -> Snapshot:
        memory = {name: np.array(slot) for name, slot in state.slots.items()}
        return Snapshot(
            epoch=state.epoch if epoch is None else epoch,
            parameters=state.parameters.copy(),
            step=state.step,
            learning_rate=self._rate,
            memory=memory if self._memory else {},
        )


def _checked(epochs: Iterable[int]) -> list[int]:
    chosen = sorted(set(epochs))
    if not chosen or chosen[0] < 0 or any(int(epoch) != epoch for epoch in chosen):
        message = (
            f"`epochs` must be whole numbers, none below 0 and at least one; got {chosen}. "
            "Pass range(0, 101, 10), for example."
        )
        raise ParameterError(message)
    return [int(epoch) for epoch in chosen]


def _round_number_after(epoch: int) -> int:
    """Return the next of 0, 1, 2, 5, 10, 20, 50, 100 and so on."""
    if epoch < 0:
        return 0
    power: int = 10 ** (len(str(epoch)) - 1)
    return next(n for n in (*(d * power for d in _DIGITS), 10 * power) if n > epoch)
