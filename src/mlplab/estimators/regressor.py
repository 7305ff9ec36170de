"""A regressor: one or several outputs, robust and count losses."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from sklearn.base import RegressorMixin
from sklearn.callback import with_callbacks
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from mlplab._typing import AnyArray
from mlplab.errors import DataError, ParameterError
from mlplab.estimators.base import BaseMLP
from mlplab.estimators.rows import FitRows, check_row_weights, keep_parameters, pair_validation
from mlplab.estimators.rules import check_loss
from mlplab.nn import (
    CUSTOM_LOSSES,
    AbsoluteError,
    BinaryHinge,
    CategoricalHinge,
    Huber,
    Loss,
    Poisson,
    SquaredError,
)

__all__ = ["MLPRegressor", "check_counts", "regression_loss"]

LOSSES = ("squared_error", "absolute_error", "huber", "poisson")
LINKS = ("identity", "exp")


def regression_loss(name: Any, n_columns: int) -> Loss:
    """Return the loss of this name, or the loss that was given.

    Raises
    ------
    ParameterError
        There is no loss of this name, or it is one for classes.
    """
    check_loss(name, [*LOSSES, *CUSTOM_LOSSES])
    if not isinstance(name, str) or name in CUSTOM_LOSSES:
        given: Loss = name if not isinstance(name, str) else CUSTOM_LOSSES[name]
        if given.link not in LINKS or isinstance(given, (BinaryHinge, CategoricalHinge)):
            message = (
                f"`loss` must be one for numbers, with link {' or '.join(map(repr, LINKS))}; got "
                f"{given.name!r} with link {given.link!r}. Use loss='squared_error', or "
                "MLPClassifier."
            )
            raise ParameterError(message)
        return given
    if name == "squared_error":
        return SquaredError(reported_scale=1 / n_columns)
    losses: dict[str, Loss] = {
        "absolute_error": AbsoluteError(),
        "huber": Huber(),
        "poisson": Poisson(),
    }
    return losses[name]


def check_counts(what: str, target: AnyArray, loss: Loss) -> None:
    """Check that targets are not negative where the loss is Poisson's.

    Raises
    ------
    DataError
        Some are.
    """
    if loss.name == Poisson.name and (target < 0).any():
        message = (
            f"`{what}` must not be negative with loss='poisson'; got {float(target.min()):g}. Use "
            "another loss, or shift it."
        )
        raise DataError(message)


class MLPRegressor(RegressorMixin, BaseMLP):
    """Multi-layer perceptron regressor.

    A drop-in for `sklearn.neural_network.MLPRegressor`: same parameters, defaults, attributes and
    warnings, and the same weights from the same integer `random_state`.

    Parameters
    ----------
    loss : str or loss, default="squared_error"
        squared_error (½Σ over the outputs; reported as the mean over them, as in scikit-learn),
        absolute_error, huber (δ = 1), poisson (log link, y ≥ 0), a registered name, or an object
        of `mlplab.nn`, ``Huber(delta=2.0)`` for example.
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, \
power_t, max_iter, shuffle, random_state, tol, verbose, warm_start, momentum, \
nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon, \
n_iter_no_change, max_fun, init, l1, weight_decay, dropout, clip_norm, clip_value, \
learning_rate_final, engine, dtype, n_threads
        As for `MLPClassifier`.
    stopping : str or scorer, default="auto"
        What early stopping watches: auto (R²), loss (validation loss), or any scorer.

    Attributes
    ----------
    coefs_, intercepts_, loss_, best_loss_, loss_curve_, validation_loss_curve_, \
validation_scores_, best_validation_score_, n_iter_, n_layers_, n_outputs_, t_, \
out_activation_, network_, plan_, result_
        As for `MLPClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", max_iter=50, random_state=0)
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     _ = reg.fit(X, y)
    >>> reg.predict(X).shape
    (442,)
    """

    _score_name: ClassVar[str] = "r2"

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: Any = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: Any = 10,
        max_fun: int = 15000,
        init: Any = "auto",
        l1: float = 0.0,
        weight_decay: float = 0.0,
        dropout: Any = 0.0,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        learning_rate_final: float | None = None,
        stopping: Any = "auto",
        engine: str = "auto",
        dtype: str = "auto",
        n_threads: int | None = None,
    ) -> None:
        keep_parameters(self, locals())

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train on rows and numbers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional
        X_val, y_val, sample_weight_val : optional
            Validation rows of your own: looked at after each epoch, used for early stopping in
            place of a part of X, never learned from.

        Returns
        -------
        self

        Raises
        ------
        DivergedError
            Weights became non-finite; the best finite ones were kept.
        ParameterError
            A parameter is out of its range.
        ValueError
            X or y cannot be used.
        """
        validation = pair_validation(X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation)

    @available_if(lambda est: est._check_solver())  # noqa: SLF001  (its own method)
    @with_callbacks
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train for one epoch on these rows.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, sample_weight_val
            As for `fit`. With validation rows early stopping works here too: once patience has
            run out the best weights are put back, and further calls change nothing.

        Returns
        -------
        self
        """
        validation = pair_validation(X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation, incremental=True)

    def _validate_rows(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        reset: bool,
        incremental: bool,  # noqa: ARG002  (the signature of all)
    ) -> FitRows:
        X, y = self._validated(X, y, reset=reset, numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        target = y.reshape(len(y), -1)
        check_counts("y", target, self._make_loss(target.shape[1]))
        weight = check_row_weights(sample_weight, X)
        return FitRows(X, target, weight, y, weight)

    def _make_loss(self, n_columns: int) -> Loss:
        return regression_loss(self.loss, n_columns)

    def predict(self, X: Any) -> AnyArray:
        """Return predictions.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        predicted = self._predicted(X)
        return predicted.ravel() if predicted.shape[1] == 1 else predicted
