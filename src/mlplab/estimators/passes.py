"""Training on more rows than memory holds: passes over all rows, a window of them at a time.

A window is learned from by `partial_fit`; a pass over all of them is one epoch to everybody else:
one record, one look at the validation rows, one turn of the stopping rule. Everything that decides
how training goes on is in an artifact, also in the middle of a pass.
"""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Mapping
from typing import Any

from mlplab._typing import AnyArray
from mlplab.engines import TrainingPlan, TrainingState
from mlplab.engines.stopping import EpochFigures, close_epoch
from mlplab.errors import DivergedError, ModelFileError, ParameterError
from mlplab.estimators.plans import build_plan, is_stochastic
from mlplab.estimators.rows import FitRows
from mlplab.estimators.validation import validation_data
from mlplab.results import EpochRecord, FitResult, History, ModelArtifact, StopReason
from mlplab.results.stored import check_fields

__all__ = ["Passes", "check_passes"]

_RATES = ("constant", "invscaling")
_COUNTERS = ("epoch", "no_improvement", "best_figure", "figure_to_beat", "best_epoch")


def check_passes(estimator: Any) -> None:
    """Raise `ParameterError` if an estimator cannot learn from windows of rows."""
    if not is_stochastic(estimator.solver):
        raise ParameterError(
            f"`solver` must take steps on few rows to learn in blocks; got {estimator.solver!r}, "
            "which needs all rows at once. Use 'adam'."
        )
    if estimator.learning_rate not in _RATES:
        raise ParameterError(
            f"`learning_rate` must be 'constant' or 'invscaling' to learn in blocks; got "
            f"{estimator.learning_rate!r}, which counts epochs of rows in memory. Use one of them."
        )
    if isinstance(getattr(estimator, "class_weight", None), str):
        raise ParameterError(
            "`class_weight` must name a weight for each class to learn in blocks; got "
            f"{estimator.class_weight!r}, which needs all rows at once. Pass {{class: weight}}."
        )


@dataclasses.dataclass(slots=True)
class _Sums:
    """What was measured in the present pass.

    Attributes
    ----------
    window, rows : int
        How many windows are done, and rows that were learned from.
    loss, norm : float
        Sums over the rows.
    rate, seconds : float
    """

    window: int = 0
    rows: int = 0
    loss: float = 0.0
    norm: float = 0.0
    rate: float = 0.0
    seconds: float = 0.0


class Passes:
    """A training of an estimator in passes over windows of rows.

    Parameters
    ----------
    estimator : estimator
        Gets initial weights from its `random_state`, and learns.
    X : ndarray of shape (rows, n_features)
        A few rows, of the dtype and width of all.
    y : ndarray or None
        Their targets; of classes every one has to occur.
    n_rows : int
        Rows of a pass.
    validation : tuple of (X, y), or None
        Rows that are looked at after each pass.

    Attributes
    ----------
    plan : TrainingPlan
        Its epochs are passes.
    state : TrainingState
        As after the last whole pass.
    sums : _Sums
        Of the pass that is under way.
    """

    def __init__(
        self, estimator: Any, X: AnyArray, y: Any, *, n_rows: int,
        validation: tuple[AnyArray, Any] | None = None,
    ) -> None:  # fmt: skip
        check_passes(estimator)
        self._estimator = estimator
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there are fewer of these rows than a batch has
            estimator.initialize(X, y)
        self._look: FitRows | None = None
        if validation is not None:
            self._look = estimator._validate_rows(  # noqa: SLF001  (passes are part of estimators)
                *validation, None, reset=False, incremental=True
            )
        self.plan: TrainingPlan = self._plan(n_rows)
        self.state = TrainingState(estimator._flat().copy())  # noqa: SLF001  (same)
        self.sums = _Sums()

    def _plan(self, n_rows: int) -> TrainingPlan:
        est = self._estimator
        return build_plan(
            est, est._network, est._loss,  # noqa: SLF001  (same)
            n_rows=n_rows, dtype=est.plan_.dtype, dropout_seed=est.plan_.dropout_seed,
            watches_validation=self._look is not None and bool(est.early_stopping),
            score=est._score_name,  # noqa: SLF001  (same)
        )  # fmt: skip

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to learn."""
        return self.state.stop is not None

    def learn(self, X: AnyArray, y: Any, seed: int) -> None:
        """Learn from a window, once from each row.

        Parameters
        ----------
        X : ndarray of shape (rows, n_features)
        y : ndarray of shape (rows,) or (rows, n_outputs), or None
        seed : int
            Decides the order of the rows.

        Raises
        ------
        DivergedError
            Weights became non-finite; the best finite ones of the window were kept.
        """
        est, began = self._estimator, time.perf_counter()
        mine = {"early_stopping": False, "stopping": "auto", "random_state": seed}
        mine["batch_size"] = min(self.plan.batch_size, len(X))
        asked = {name: getattr(est, name) for name in mine}
        est.set_params(**mine)
        try:
            est.partial_fit(*((X,) if y is None else (X, y)))
        except DivergedError:
            self.state.stop = StopReason.DIVERGED
            raise
        finally:
            est.set_params(**asked)
        self._count(est.result_, len(X), time.perf_counter() - began)

    def _count(self, result: FitResult, n_rows: int, seconds: float) -> None:
        if result.status is StopReason.INTERRUPTED:
            self.state.stop = StopReason.INTERRUPTED
            return
        record, sums = result.history[-1], self.sums
        sums.loss += record.loss * n_rows
        sums.norm += record.gradient_norm * n_rows
        sums.rate = record.learning_rate
        sums.rows += n_rows
        sums.seconds += seconds

    def next_window(self) -> None:
        """Note that a window is done."""
        self.sums.window += 1

    def close(self, seconds: float) -> EpochRecord:
        """End a pass: look at the validation rows, and ask the stopping rule.

        Parameters
        ----------
        seconds : float
            What the pass took.
        """
        est, sums, state = self._estimator, self.sums, self.state
        inner = est._state  # noqa: SLF001  (passes are part of estimators)
        state.parameters = est._flat().copy()  # noqa: SLF001  (same)
        state.step, state.samples_seen, state.slots = inner.step, inner.samples_seen, inner.slots
        rows = max(sums.rows, 1)
        figures = EpochFigures(sums.loss / rows, sums.rate, sums.norm / rows, seconds)
        look = validation_data(est, self._look, self.plan)
        record = close_epoch(self.plan, state, figures, look, lambda part: est._raw(part.x))  # noqa: SLF001  (same)
        self.sums = _Sums()
        return record

    def leave(self, history: History, seconds: float) -> FitResult:
        """Set what the training leaves: the best weights where they are wanted, curves, a result.

        Parameters
        ----------
        history : History
            A record a pass.
        seconds : float
            What all took, reading included.
        """
        est, state = self._estimator, self.state
        stopping = self.plan.stopping
        best = state.best_epoch is not None and (
            stopping.restore_best or state.stop is StopReason.DIVERGED
        )
        if best:
            est._state.parameters = state.best_parameters.copy()  # noqa: SLF001  (same)
            est._expose(est._state.parameters)  # noqa: SLF001  (same)
        before = est.result_ if hasattr(est, "result_") else None
        result = FitResult(
            history=history,
            status=state.stop or StopReason.MAX_EPOCHS,
            engine=before.engine if before else "",
            engine_reason=before.engine_reason if before else "nothing was learned",
            seconds=seconds,
            best_epoch=state.best_epoch,
            restored_best=best,
            n_parameters=self.plan.network.n_parameters,
            dtype=self.plan.dtype,
            n_threads=est.n_threads,
        )
        est.plan_ = self.plan
        est._reset_curves()  # noqa: SLF001  (same)
        est.result_ = result
        est._set_fitted(self.plan, result)  # noqa: SLF001  (same)
        return result

    # ------------------------------------------------------------------ kept and taken up

    def to_artifact(self, history: History) -> tuple[ModelArtifact, ModelArtifact]:
        """Return the estimator as it stands, and where the passes stand."""
        state = {name: getattr(self.state, name) for name in _COUNTERS}
        header = {
            "state": state,
            "sums": dataclasses.asdict(self.sums),
            "history": history.to_columns(),
        }
        arrays = {"best_parameters": self.state.best_parameters}
        return self._estimator.to_artifact(), ModelArtifact("Passes", header, arrays)

    def take_up(self, estimator: ModelArtifact, passes: ModelArtifact) -> History:
        """Go on from `to_artifact`; return the history of the passes before.

        Raises
        ------
        ModelFileError
            The artifacts do not belong to this training.
        """
        est = self._estimator
        paused = type(est).from_artifact(estimator)
        try:
            history = self._restore(passes.header, passes.arrays)
        except (KeyError, TypeError, ValueError, AttributeError) as cause:
            message = f"A checkpoint must belong to its training; this one does not: {cause!r}."
            raise ModelFileError(message) from cause
        asked = est.get_params(deep=False)
        vars(est).update(vars(paused))
        est.set_params(**asked)
        return history

    def _restore(self, header: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> History:
        check_fields(TrainingState, header["state"])
        check_fields(_Sums, header["sums"])
        best = arrays["best_parameters"]
        if best.shape != self.state.parameters.shape:
            message = f"it has {best.size} parameters"
            raise ValueError(message)
        for name in _COUNTERS:
            setattr(self.state, name, header["state"][name])
        self.state.best_parameters = best
        self.sums = _Sums(**header["sums"])
        return History(**{name: tuple(column) for name, column in header["history"].items()})
