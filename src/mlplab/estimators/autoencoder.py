"""An autoencoder: a network that reproduces its input through a narrow layer."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
from scipy import sparse
from sklearn.callback import with_callbacks
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from mlplab._typing import Matrix
from mlplab.errors import DataError, ParameterError
from mlplab.estimators.base import BaseMLP
from mlplab.estimators.checking import check_codes, check_rows
from mlplab.estimators.plans import hidden_sizes, per_hidden_layer
from mlplab.estimators.regressor import check_counts, regression_loss
from mlplab.estimators.rows import FitRows, check_row_weights, keep_parameters, pair_validation
from mlplab.estimators.rules import DEFAULTS
from mlplab.nn import Loss, NetworkSpec, apply_link, forward_pass, settle_constant_columns

__all__ = ["MLPAutoencoder"]


class MLPAutoencoder(BaseMLP):
    """Multi-layer perceptron that learns to reproduce its input.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, default=(12, 9, 12)
        Units of the hidden layers; the narrowest is the code.
    activation : str or list of str, default="relu"
        Activation of the hidden layers but the code; a list names the code's too.
    code_activation : str, default="identity"
        Activation of the code, where `activation` is one name.
    code_layer : int or None, default=None
        Which hidden layer is the code, counted from 0. None takes the narrowest; of several the
        one nearest the middle, and of two as near the first.
    loss : str or loss, default="squared_error"
        As for `MLPRegressor`.
    solver, alpha, batch_size, learning_rate, learning_rate_init, power_t, max_iter, shuffle, \
random_state, tol, verbose, warm_start, momentum, nesterovs_momentum, early_stopping, \
validation_fraction, beta_1, beta_2, epsilon, n_iter_no_change, max_fun, init, l1, \
weight_decay, dropout, clip_norm, clip_value, learning_rate_final, stopping, engine, dtype, \
n_threads
        As for `MLPRegressor`.

    Attributes
    ----------
    code_layer_ : int
        The hidden layer that is the code.
    coefs_, intercepts_, loss_, loss_curve_, n_iter_, network_, plan_, result_
        As for `MLPRegressor`.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> X = scale(load_wine().data)
    >>> coder = MLPAutoencoder((3,), solver="lbfgs", random_state=0).fit(X)
    >>> coder.transform(X).shape, coder.inverse_transform(coder.transform(X)).shape
    ((178, 3), (178, 13))
    """

    _score_name: ClassVar[str] = "r2"

    def __init__(
        self,
        hidden_layer_sizes: Any = (12, 9, 12),
        activation: Any = "relu",
        *,
        code_activation: str = "identity",
        code_layer: int | None = None,
        loss: Any = "squared_error",
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
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train to reproduce the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : ignored
            Present for pipelines.
        sample_weight : array-like of shape (n_samples,), optional
        X_val, sample_weight_val : optional
            Validation rows of your own, never learned from.

        Returns
        -------
        self
        """
        validation = pair_validation(X_val, X_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation)

    @available_if(lambda est: est._check_solver())  # noqa: SLF001  (its own method)
    @with_callbacks
    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train for one epoch on these rows; parameters as for `fit`."""
        validation = pair_validation(X_val, X_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation, incremental=True)

    def _validate_rows(
        self,
        X: Any,
        y: Any,  # noqa: ARG002  (the signature of all)
        sample_weight: Any,
        *,
        reset: bool,
        incremental: bool,  # noqa: ARG002  (same)
    ) -> FitRows:
        dtypes = (np.float64, np.float32) if self.dtype == "auto" else np.dtype(self.dtype)
        X = check_rows(self, X, accept_sparse=["csr", "csc"], dtype=dtypes, reset=reset)
        target = X.toarray() if sparse.issparse(X) else X
        check_counts("X", target, self._make_loss(target.shape[1]))
        weight = check_row_weights(sample_weight, X)
        return FitRows(X, target, weight, target, weight)

    def _make_loss(self, n_columns: int) -> Loss:
        return regression_loss(self.loss, n_columns)

    def _find_code_layer(self, sizes: list[int]) -> int:
        if not sizes:
            message = (
                "`hidden_layer_sizes` must name at least one hidden layer, the code; got (). "
                "Pass (n_codes,)."
            )
            raise ParameterError(message)
        if self.code_layer is not None:
            if self.code_layer >= len(sizes):
                message = (
                    f"`code_layer` must be one of the {len(sizes)} hidden layers, counted from "
                    f"0; got {self.code_layer}. Pass {len(sizes) - 1} for the last, or None."
                )
                raise ParameterError(message)
            return int(self.code_layer)
        narrowest = [i for i, size in enumerate(sizes) if size == min(sizes)]
        return min(narrowest, key=lambda i: (abs(2 * i - (len(sizes) - 1)), i))

    def _hidden_activations(self, n_hidden: int) -> list[str]:
        self.code_layer_ = self._find_code_layer(hidden_sizes(self.hidden_layer_sizes))
        names = per_hidden_layer("activation", self.activation, n_hidden)
        if isinstance(self.activation, str):
            names[self.code_layer_] = self.code_activation
        elif self.code_activation != DEFAULTS["code_activation"]:
            message = (
                "`code_activation` must be left at its default where `activation` is a list, which "
                f"names the code's too; got {self.code_activation!r}. Write it into the list."
            )
            raise ParameterError(message)
        return names

    @property
    def _n_features_out(self) -> int:
        return int(self._network.units[self.code_layer_ + 1])

    def transform(self, X: Any, layer: int | None = None) -> Matrix:
        """Return the codes, or the values of another hidden layer.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        layer : int, optional
            Which hidden layer; the code if not given.

        Returns
        -------
        ndarray of shape (n_samples, n_units)
        """
        check_is_fitted(self, "coefs_")
        return super().transform(X, self.code_layer_ if layer is None else layer)

    def inverse_transform(self, X: Any) -> Matrix:
        """Return the rows that codes stand for.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_codes)
            Codes.

        Returns
        -------
        ndarray of shape (n_samples, n_features)

        Raises
        ------
        DataError
            The codes have another width.
        """
        check_is_fitted(self, "coefs_")
        codes = check_codes(X, self.coefs_[0].dtype)
        if codes.shape[1] != self._n_features_out:
            message = (
                f"`X` must have one column for each of the {self._n_features_out} units of the "
                f"code; got shape {codes.shape}. Pass what transform returned."
            )
            raise DataError(message)
        decoder = NetworkSpec(self._network.layers[self._network.hidden_ends[self.code_layer_] :])
        # The parameters lie layer by layer, so the decoder's are the last ones.
        raw, _ = forward_pass(decoder, self._flat()[-decoder.n_parameters :], codes)
        return apply_link(self._loss.link, raw)

    def reconstruct(self, X: Any) -> Matrix:
        """Return the rows as the network reproduces them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        return self._predicted(X)

    def reconstruction_error(self, X: Any, per: Literal["row", "column"] = "row") -> Matrix:
        """Return the mean squared error of the reconstruction, on the scale of `X`.

        Rows with a large error are unlike those that the network learned from; columns with a
        large one did not get through the code.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        per : {"row", "column"}, default="row"
            One figure a row, the mean over its columns; or one a column, the mean over the rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_features,), float64
            The square of the unit of `X`; the mean of either is the error of all.

        Raises
        ------
        ParameterError
            `per` is something else.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from sklearn.preprocessing import scale
        >>> X = scale(load_wine().data)
        >>> coder = MLPAutoencoder((3,), solver="lbfgs", random_state=0).fit(X)
        >>> coder.reconstruction_error(X).shape, coder.reconstruction_error(X, "column").shape
        ((178,), (13,))
        """
        if per not in {"row", "column"}:
            message = f"`per` must be 'row' or 'column'; got {per!r}. Leave it out for rows."
            raise ParameterError(message)
        rows = self._check_rows(X)
        dense = rows.toarray() if sparse.issparse(rows) else rows
        squares = (np.asarray(dense, dtype=np.float64) - self.reconstruct(X)) ** 2
        error: Matrix = squares.mean(axis=1 if per == "row" else 0)
        return error

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: ARG002  (y is there for pipelines)
        """Return R² of the reconstruction, averaged over the columns.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
        """
        rows = self._check_rows(X)
        dense = rows.toarray() if sparse.issparse(rows) else rows
        steady = settle_constant_columns(dense)
        return float(r2_score(steady, self.reconstruct(X), sample_weight=sample_weight))
