"""The training of a network on a table in blocks: read ahead, kept on the way, told of."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np

from mlplab.data.windows import read_ahead
from mlplab.errors import DivergedError
from mlplab.estimators.passes import Passes
from mlplab.export import join, split
from mlplab.results import History, StopReason
from mlplab.train import FitObserver
from mlplab.train.observers import Watch
from mlplab.workflows import long_runs
from mlplab.workflows.long_runs import Keeper
from mlplab.workflows.parts import Part, Parts
from mlplab.workflows.row_streams import RowStream

__all__ = ["fit_by_blocks"]


def fit_by_blocks(
    estimator: Any,
    parts: Parts,
    keeper: Keeper | None,
    observers: Sequence[FitObserver] = (),
    *,
    goes_on: bool = False,
) -> None:
    """Fit an estimator on the stream of its parts.

    Parameters
    ----------
    estimator : estimator
    parts : Parts
        With a stream.
    keeper : Keeper or None
        Writes checkpoints, between two windows.
    observers : sequence of FitObserver
        Are told of every epoch; those that have `on_rows` also after every window.
    goes_on : bool, default=False
        Take up the training of the checkpoint.

    Raises
    ------
    DivergedError
        Weights became non-finite; the best finite ones were kept.
    """
    assert parts.stream is not None  # noqa: S101  (training has looked)
    _BlockTraining(estimator, parts, parts.stream, keeper, observers).run(goes_on=goes_on)


class _BlockTraining:
    """One training, from its first row to its result."""

    def __init__(
        self, estimator: Any, parts: Parts, stream: RowStream, keeper: Keeper | None,
        observers: Sequence[FitObserver],
    ) -> None:  # fmt: skip
        self._estimator, self._stream, self._keeper = estimator, stream, keeper
        self._observers, self._autoencodes = observers, parts.task == "autoencoder"
        x, y = self._first_rows(parts.train)
        look = parts.watched
        validation = (look.x, None if self._autoencodes else look.y) if len(look) else None
        self._passes = Passes(estimator, x, y, n_rows=stream.n_rows, validation=validation)
        self._earlier = History()
        self._kept_at = time.monotonic()

    def _first_rows(self, train: Part) -> tuple[Any, Any]:
        """Return a few rows that tell the network its inputs and outputs."""
        dtype = "float64" if self._estimator.dtype == "auto" else self._estimator.dtype
        if self._stream.classes is not None:
            classes = self._stream.classes
            return train.x[np.zeros(len(classes), dtype=int)].astype(dtype), classes
        return train.x[:2].astype(dtype), None if self._autoencodes else train.y[:2]

    def run(self, *, goes_on: bool) -> None:
        """Train; what was learned is set whatever ends it."""
        if goes_on and self._keeper is not None:
            self._take_up(self._keeper)
        passes = self._passes
        self._watch = Watch(passes.state, self._observers)
        for observer in self._observers:
            observer.on_start(passes.plan, passes.state)
        self._began, failure = time.perf_counter(), None
        try:
            while not passes.is_over:
                self._one_pass()
        except KeyboardInterrupt:
            passes.state.stop = StopReason.INTERRUPTED
        except DivergedError as error:
            failure = error
        seconds = time.perf_counter() - self._began
        result = passes.leave(self._history(), seconds + sum(self._earlier.seconds))
        for observer in self._observers:
            observer.on_end(result)
        if failure is not None:
            raise failure

    def _history(self) -> History:
        return History.joined([self._earlier, self._watch.history])

    def _one_pass(self) -> None:
        passes, began = self._passes, time.perf_counter()
        epoch, shuffle = passes.state.epoch, bool(self._estimator.shuffle)
        dtype = passes.plan.dtype
        windows = self._stream.windows(epoch, passes.sums.window, dtype, shuffle=shuffle)
        earlier = passes.sums.seconds
        with closing(read_ahead(windows)) as ahead:
            for window in ahead:
                if len(window.x):
                    passes.learn(window.x, window.y, self._seed(epoch, passes.sums.window))
                if passes.is_over:
                    return
                passes.next_window()
                self._tell_rows(epoch)
                self._keep()
        record = passes.close(earlier + time.perf_counter() - began)
        self._watch.tell(History.of([record]))

    def _seed(self, epoch: int, window: int) -> int:
        sequence = np.random.SeedSequence((self._stream.seed, epoch, window))
        return int(sequence.generate_state(1)[0])

    def _tell_rows(self, epoch: int) -> None:
        for observer in self._observers:
            tell = getattr(observer, "on_rows", None)
            if tell is not None:
                tell(epoch + 1, self._passes.sums.rows, self._stream.n_rows)

    def _keep(self) -> None:
        if self._keeper is None or time.monotonic() - self._kept_at < long_runs.PIECE_SECONDS:
            return
        estimator, passes = self._passes.to_artifact(self._history())
        self._keeper.write(join({"estimator": estimator, "passes": passes}, kind="Passes"))
        self._kept_at = time.monotonic()

    def _take_up(self, keeper: Keeper) -> None:
        parts = split(keeper.read())
        self._earlier = self._passes.take_up(parts["estimator"], parts["passes"])
        sums = self._passes.sums
        keeper.tell(f"{len(self._earlier):,} epochs and {sums.rows:,} rows of the next are done")
