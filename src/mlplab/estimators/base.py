"""What all estimators share: from rows to a plan, a training, and fitted attributes.

An estimator translates its parameters into a `TrainingPlan`, calls `train`, and sets fitted
attributes; nothing else. Random numbers are drawn from one generator in scikit-learn's order:
initial weights, validation split, row orders.
"""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from mlplab._typing import AnyArray, Vector
from mlplab.engines import (
    TrainingData,
    TrainingPlan,
    TrainingState,
    select_engine,
)
from mlplab.errors import DataError, ParameterError
from mlplab.estimators.checking import check_rows
from mlplab.estimators.going_on import Standing, is_paused, start_from
from mlplab.estimators.learned import LearnedNetwork
from mlplab.estimators.plans import (
    build_network,
    build_plan,
    hidden_sizes,
    initial_parameters,
    is_stochastic,
    pack_arrays,
    per_hidden_layer,
)
from mlplab.estimators.rows import FitRows, training_data
from mlplab.estimators.rules import check_parameters, parameters_of
from mlplab.estimators.speaking import speak
from mlplab.estimators.validation import set_aside, validation_data
from mlplab.estimators.watching import WatchedFit, observers_of
from mlplab.nn import Loss
from mlplab.results import FitResult
from mlplab.train import ENDED_BY_RULE, RowOrders, Training, train

__all__ = ["BaseMLP"]

ValidateRows = Callable[..., tuple[FitRows, FitRows | None]]


class BaseMLP(WatchedFit, LearnedNetwork):
    """Base of the estimators; use `MLPClassifier`, `MLPRegressor` or `MLPAutoencoder`."""

    _score_name: ClassVar[str]

    # ------------------------------------------------------------------ what subclasses say

    @abstractmethod
    def _validate_rows(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, incremental: bool
    ) -> FitRows:
        """Check rows and targets; encode the targets."""

    @abstractmethod
    def _make_loss(self, n_columns: int) -> Loss:
        """Return the loss that the parameters name."""

    def _weigh_classes(self, rows: FitRows, *, incremental: bool) -> FitRows:  # noqa: ARG002  (subclasses use it)
        """Return the rows with the weights that the parameters give to their targets."""
        return rows

    def _hidden_activations(self, n_hidden: int) -> list[str]:
        return per_hidden_layer("activation", self.activation, n_hidden)

    def _stratify(self, rows: FitRows) -> AnyArray | None:  # noqa: ARG002  (subclasses use it)
        return None

    # ------------------------------------------------------------------ fitting, step by step

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        validation: tuple[Any, Any, Any] | None = None,
        *,
        incremental: bool = False,
    ) -> Self:
        table = X, y, sample_weight
        training = self._prepare(table, validation, incremental=incremental)
        self._finish(training, train(training, observers_of(self, table)))
        return self

    def _prepare(
        self,
        table: tuple[Any, Any, Any],
        validation: tuple[Any, Any, Any] | None,
        *,
        incremental: bool = False,
        validate: ValidateRows | None = None,
    ) -> Training:
        """Go from rows to a training that has not begun; all that is drawn before it is drawn."""
        check_parameters(parameters_of(self))
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        if self.early_stopping and incremental and validation is None:
            message = (
                "partial_fit does not support early_stopping=True without validation rows of "
                "your own. Pass X_val and y_val."
            )
            raise ParameterError(message)
        validate = validate or BaseMLP._validate_tables
        rows, given = validate(self, table, validation, first=first, incremental=incremental)
        rows = self._weigh_classes(rows, incremental=incremental)
        standing = Standing.of(self, first=first)
        rng = standing.random_state(self.random_state)
        self._begin(rows, rng, first=first, incremental=incremental)
        splits = given is None and self._splits_rows()
        standing = standing.dealt(self, rows, rng, sets_aside=splits)
        if standing.order is not None and standing.aside is not None:
            rows, given = set_aside(rows, standing.order, standing.aside)
        self.plan_ = self._plan(rows, watches=given is not None and bool(self.early_stopping))
        training = self._training(rows, given, rng, standing.order, incremental=incremental)
        self._keep_standing(standing, training)
        return training

    def _validate_tables(
        self,
        table: tuple[Any, Any, Any],
        validation: tuple[Any, Any, Any] | None,
        *,
        first: bool,
        incremental: bool,
    ) -> tuple[FitRows, FitRows | None]:
        """Check what is learned from, and validation rows of the user's own."""
        rows = self._validate_rows(*table, reset=first, incremental=incremental)
        if validation is None:
            return rows, None
        return rows, self._validate_given(validation, rows.target.shape[1])

    def _splits_rows(self) -> bool:
        return bool(self.early_stopping) and is_stochastic(self.solver)

    def _validate_given(self, validation: tuple[Any, Any, Any], n_columns: int) -> FitRows:
        """Check validation rows of the user's own against what was seen in fit."""
        X, y, sample_weight = validation
        if X is None or y is None:
            message = "`X_val` and `y_val` go together; got only one of them. Pass both."
            raise ParameterError(message)
        rows = self._validate_rows(X, y, sample_weight, reset=False, incremental=True)
        if rows.target.shape[1] != n_columns:
            message = (
                f"`y_val` must have as many columns as `y`, {n_columns}; got "
                f"{rows.target.shape[1]}. Pass the same targets for both."
            )
            raise DataError(message)
        return rows

    def _begin(self, rows: FitRows, rng: Any, *, first: bool, incremental: bool) -> None:
        """Set up network, loss and state: anew, or from what was fitted before."""
        n_columns = rows.target.shape[1]
        sizes = hidden_sizes(self.hidden_layer_sizes)
        activations = self._hidden_activations(len(sizes))
        dropout = per_hidden_layer("dropout", self.dropout, len(sizes))
        network = build_network(sizes, activations, dropout, rows.x.shape[1], n_columns)
        dtype = str(rows.x.dtype)
        if first:
            parameters = initial_parameters(network, self.init, rng, dtype)
            state = TrainingState(parameters)
            self._dropout_seed = int(rng.randint(2**31 - 1)) if any(dropout) else 0
            self._reset_curves()
        else:
            parameters = pack_arrays(
                network, self.coefs_, self.intercepts_, dtype, "the network fitted before"
            )
            state = getattr(self, "_state", None) or TrainingState(parameters)
            keeps, before = self.warm_start == "state", state.stop
            start_from(state, parameters, keeps=keeps)
            state.begin_training(
                keep_optimiser=incremental or keeps, continues=incremental or is_paused(self)
            )
            if incremental and self.early_stopping and before in ENDED_BY_RULE:
                # The rule has ended this stream of partial fits; the best weights stay.
                state.stop = before
        self._network, self._loss, self._state = network, self._make_loss(n_columns), state
        self.n_outputs_ = n_columns
        self.n_layers_ = len(network.units)
        self.out_activation_ = self._loss.link
        self._expose(parameters)

    def _reset_curves(self) -> None:
        self.loss_curve_: list[float] = []
        self.validation_loss_curve_: list[float] | None = None
        self.validation_scores_: list[float] | None = None
        self.best_validation_score_: float | None = None
        self.n_iter_ = 0
        self.t_ = 0

    def _plan(self, rows: FitRows, *, watches: bool) -> TrainingPlan:
        n_rows = rows.n_rows
        if not isinstance(self.batch_size, str) and self.batch_size > n_rows:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be "
                "clipped",
                stacklevel=6,
            )
        return build_plan(
            self,
            self._network,
            self._loss,
            n_rows=n_rows,
            dtype=str(rows.x.dtype),
            dropout_seed=getattr(self, "_dropout_seed", 0),
            watches_validation=watches,
            score=self._score_name,
        )

    def _training(
        self,
        rows: FitRows,
        given: FitRows | None,
        rng: Any,
        order: AnyArray | None,
        *,
        incremental: bool,
    ) -> Training:
        plan = self.plan_
        self._state.judge_by(f"{plan.stopping.monitor} {self.stopping}")
        engine, reason = select_engine(self.engine, plan, self.n_threads)
        shuffles = bool(self.shuffle) and is_stochastic(self.solver)
        return Training(
            plan=plan,
            data=training_data(rows, plan.dtype, validation_data(self, given, plan)),
            engine=engine,
            engine_reason=reason,
            state=self._state,
            orders=RowOrders(
                rows.n_rows if order is None else order,
                rng,
                shuffle=shuffles,
                batch_size=plan.batch_size,
                # From a number a generator was made for this fit alone.
                shared=not isinstance(self.random_state, Integral),
            ),
            n_epochs=1 if incremental else self._epochs_to_go(),
            n_threads=self.n_threads,
            is_piece=incremental,
        )

    def _epochs_to_go(self) -> int:
        """Return how many epochs a fit makes at the most: to its end, or to where it pauses."""
        done = self._state.epoch - self._state.first_epoch
        pause = getattr(self, "_pause", None)
        end = int(self.max_iter if pause is None else min(self.max_iter, pause))
        return max(0, end - done)

    def _keep_standing(self, standing: Standing | None, training: Training) -> None:
        """Note where generator and rows stand, for a fit that goes on from there."""
        if self.warm_start == "state" and standing is not None:
            self._standing = standing.left_by(training.orders)
        else:
            self.__dict__.pop("_standing", None)
            self._state.last_parameters = None

    def _finish(self, training: Training, result: FitResult) -> None:
        """Set what a fit leaves, then say what there is to say."""
        self._keep_standing(getattr(self, "_standing", None), training)
        self.result_ = result
        self._set_fitted(training.plan, result)
        if not result.n_epochs:
            # L-BFGS may find the start good enough; there is a loss all the same.
            problem = training.plan, self._state.parameters, training.data
            self.loss_ = training.engine.objective(*problem)[1]
        speak(self, result, incremental=training.is_piece)

    # ------------------------------------------------------------------ what a fit leaves

    def _expose(self, parameters: Vector) -> None:
        views = self._network.views(parameters)
        self.coefs_: list[AnyArray] = views[0::2]
        self.intercepts_: list[AnyArray] = views[1::2]

    def _set_fitted(self, plan: TrainingPlan, result: FitResult) -> None:
        state, history = self._state, result.history
        self._expose(state.parameters)
        self.n_iter_ = len(history)
        self.t_ = state.samples_seen
        self.loss_curve_ = [*getattr(self, "loss_curve_", []), *history.loss]
        if len(history):
            self.loss_ = self.loss_curve_[-1]
        watched = plan.stopping.monitor == "validation_score"
        finite = filter(math.isfinite, self.loss_curve_)
        self.best_loss_ = None if watched else min(finite, default=np.inf)
        self._extend_validation(result)

    def _extend_validation(self, result: FitResult) -> None:
        history = result.history
        losses = [loss for loss in history.column("validation_loss") if loss is not None]
        scores = [score for score in history.column("validation_score") if score is not None]
        if losses:
            earlier = getattr(self, "validation_loss_curve_", None) or []
            self.validation_loss_curve_ = [*earlier, *losses]
        if scores:
            earlier = getattr(self, "validation_scores_", None) or []
            self.validation_scores_ = [*earlier, *scores]
            finite = filter(math.isfinite, self.validation_scores_)
            self.best_validation_score_ = max(finite, default=-np.inf)

    # ------------------------------------------------------------------ without training

    def initialize(self, X: Any, y: Any = None) -> Self:
        """Build the network with its initial weights, without training.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Tells the classes, or the number of outputs.

        Returns
        -------
        self
            Ready to predict, and to be trained on from these weights by `partial_fit`, or by
            `fit` with ``warm_start=True``.
        """
        check_parameters(parameters_of(self))
        rows = self._validate_rows(X, y, None, reset=True, incremental=False)
        rows = self._weigh_classes(rows, incremental=False)
        self._begin(rows, check_random_state(self.random_state), first=True, incremental=False)
        self.__dict__.pop("result_", None)
        self.plan_ = self._plan(rows, watches=False)
        return self

    def training_problem(
        self, X: Any, y: Any = None, sample_weight: Any = None
    ) -> tuple[TrainingPlan, TrainingData, Vector]:
        """Return plan, data and present parameters: what gradient checks and traces look at.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        (TrainingPlan, TrainingData, ndarray of shape (n_parameters,))
        """
        check_is_fitted(self, "coefs_")
        rows = self._validate_rows(X, y, sample_weight, reset=False, incremental=True)
        rows = self._weigh_classes(rows, incremental=True)
        plan = self._plan(rows, watches=False)
        return plan, training_data(rows, plan.dtype, None), self._flat()

    def _validated(self, X: Any, y: Any, *, reset: bool, numeric: bool) -> tuple[Any, Any]:
        """Check rows and targets together, in the dtype that was asked for."""
        dtypes = (np.float64, np.float32) if self.dtype == "auto" else np.dtype(self.dtype)
        options = {"accept_sparse": ["csr", "csc"], "multi_output": True, "dtype": dtypes}
        X, y = check_rows(self, X, y, y_numeric=numeric, reset=reset, **options)
        y = y.toarray() if sparse.issparse(y) else y
        return X, y

    def _check_solver(self) -> bool:
        if not is_stochastic(self.solver):
            message = (
                "partial_fit is only available for stochastic optimizers. "
                f"{self.solver} is not stochastic."
            )
            raise AttributeError(message)
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _repr_html_inner(self) -> str:
        """Return scikit-learn's diagram, with the outcome of the fit below it."""
        outcome = f"<p>{self.result_}</p>" if hasattr(self, "result_") else ""
        return f"{super()._repr_html_inner()}{outcome}"
