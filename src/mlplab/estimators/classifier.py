"""A classifier: binary, multi-class, multi-label, and several class variables at once."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.callback import with_callbacks
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call

from mlplab._typing import AnyArray, Matrix
from mlplab.errors import ParameterError
from mlplab.estimators.base import BaseMLP
from mlplab.estimators.checking import comparing_labels, share_right
from mlplab.estimators.class_losses import (
    classification_loss,
    has_probabilities,
    weights_of_labels,
)
from mlplab.estimators.labels import LabelCoder
from mlplab.estimators.rows import (
    FitRows,
    check_row_weights,
    keep_parameters,
    pair_validation,
    weigh_classes,
)
from mlplab.nn import Loss, decide
from mlplab.nn.scores import is_exclusive

__all__ = ["MLPClassifier"]


class MLPClassifier(ClassifierMixin, BaseMLP):
    """Multi-layer perceptron classifier.

    A drop-in for `sklearn.neural_network.MLPClassifier`: same parameters, defaults, attributes
    and warnings, and the same weights from the same integer `random_state`. Everything below
    `max_fun` goes beyond it.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, default=(100,)
        Units of each hidden layer; ``()`` gives a linear model.
    activation : str or list of str, default="relu"
        identity, logistic (or sigmoid), tanh, relu, leaky_relu, elu, selu, gelu, silu, mish,
        softplus, a registered name; or one for each hidden layer.
    solver : str or optimiser, default="adam"
        sgd, adam, adamw, rmsprop, adagrad, nadam, lbfgs, or an object of `mlplab.optim`.
    alpha : float, default=0.0001
        L2 penalty ``½·alpha·Σw²``, divided by the rows of the batch, as in scikit-learn. For a
        penalty that does not depend on the number of rows use `weight_decay`.
    batch_size : int, "auto" or "full", default="auto"
        Rows a step; auto is ``min(200, n_samples)``, full all of them (plain gradient descent).
        1 is stochastic training.
    learning_rate : str or callable, default="constant"
        constant; invscaling and adaptive (for sgd only, as in scikit-learn); plateau (adaptive,
        but compares with the epoch of the last division instead of the best of all), linear,
        cosine, step, exponential, one_cycle for every stochastic solver; or ``f(step) -> rate``.
    learning_rate_init : float, default=0.001
        Initial rate; the peak with one_cycle.
    power_t : float, default=0.5
        Exponent of invscaling.
    max_iter : int, default=200
        Largest number of epochs (iterations with lbfgs).
    shuffle : bool, default=True
        Draw a new order of the rows for each epoch.
    random_state : int, RandomState or None, default=None
        Fixes initial weights, validation split, row orders and dropout.
    tol : float, default=1e-4
        An epoch that improves by less counts as no improvement.
    verbose : bool or int, default=False
        Print a line an epoch.
    warm_start : bool or "state", default=False
        Start from the weights of the last fit. ``"state"``, set before the first fit, goes on in
        everything: two fits of n epochs are one of 2n, bit for bit, with the optimiser's memory,
        the stopping rule's counters, the rows set aside, the order of the rows and the place of
        the generator. Where early stopping shows the best weights, training goes on from the last.
        Another number of rows is dealt anew; another `random_state` begins its own orders;
        schedules with an end (linear, cosine, step, exponential, one_cycle) span each fit, and a
        whole training with `pause_after`. With lbfgs it runs our own routine in place of SciPy's,
        which cannot be resumed.
    momentum, nesterovs_momentum : float, bool, default=0.9, True
        For sgd.
    early_stopping : bool, default=False
        Watch validation rows: `X_val` of `fit`, or a part set aside.
    validation_fraction : float, default=0.1
        Size of the part set aside.
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        For adam and its kin.
    n_iter_no_change : int, default=10
        More epochs in a row without improvement end training; ``np.inf`` never.
    max_fun : int, default=15000
        Largest number of evaluations of the objective with lbfgs.
    loss : str or loss, default="auto"
        auto and log_loss (cross-entropy), focal, hinge (no probabilities), squared_error (of
        probabilities), a registered name, or an object of `mlplab.nn`.
    init : str or (coefs, intercepts), default="auto"
        auto (scikit-learn's), glorot_uniform, glorot_normal, he_uniform, he_normal, lecun_normal,
        uniform, normal, zeros; or the arrays to start from.
    l1 : float, default=0.0
        Penalty ``l1·Σ|w|``, not divided by rows.
    weight_decay : float, default=0.0
        Decoupled weight decay: each step also subtracts ``rate·weight_decay·w``.
    dropout : float or list of float, default=0.0
        Share of hidden units dropped while training.
    clip_norm, clip_value : float or None, default=None
        Limit on the Euclidean norm, or on each entry, of the gradient.
    label_smoothing : float, default=0.0
        Share of each target spread over all classes.
    class_weight : dict, list, "balanced" or None, default=None
        Weights of the classes, as in scikit-learn; for several labels one dict
        ``{0: …, 1: …}`` a label, or one for all.
    learning_rate_final : float or None, default=None
        Where linear, cosine, step, exponential and one_cycle end.
    stopping : str or scorer, default="auto"
        What early stopping watches: auto (accuracy), loss (validation loss), or any scorer.
    engine : str, default="auto"
        Who carries the training out; `result_` tells who did.
    dtype : {"auto", "float32", "float64"}, default="auto"
        auto follows X.
    n_threads : int or None, default=None
        Limit on the threads of the engine; None takes as many as there are processors for, or
        ``OMP_NUM_THREADS``, which the processes of joblib, Dask and Ray are given.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of ndarray
        The classes; a list where each column of y is a class variable of its own.
    coefs_, intercepts_ : list of ndarray
        Weights of shape (fan_in, fan_out) and biases of shape (fan_out,).
    loss_, best_loss_ : float
        Last and smallest value of `loss_curve_`.
    loss_curve_ : list of float
        Objective of each epoch, penalties included.
    validation_loss_curve_, validation_scores_ : list of float or None
        Figures of the validation rows after each epoch.
    best_validation_score_ : float or None
    n_iter_, n_layers_, n_outputs_, t_ : int
    out_activation_ : str
    network_ : NetworkSpec
    plan_ : TrainingPlan
    result_ : FitResult
        History, why training stopped, engine, seconds.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier((16,), solver="lbfgs", random_state=0).fit(X, y)
    >>> clf.predict(X[:2]), clf.out_activation_
    (array([0, 0]), 'softmax')
    """

    _score_name: ClassVar[str] = "accuracy"

    def __init__(
        self,
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
        loss: Any = "auto",
        init: Any = "auto",
        l1: float = 0.0,
        weight_decay: float = 0.0,
        dropout: Any = 0.0,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        label_smoothing: float = 0.0,
        class_weight: Any = None,
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
        """Train on rows and labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, strings or numbers.
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
        classes: Any = None,
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
        classes : array-like, optional
            All classes of the stream; needed in the first call.

        Returns
        -------
        self
        """
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            message = (
                "`class_weight` must be a dict with partial_fit, which never sees all rows; got "
                "'balanced'. Pass {class: weight}."
            )
            raise ParameterError(message)
        if self.__dict__.get("_coder") is None or not hasattr(self, "classes_"):
            self._coder = LabelCoder.of_stream(y, classes)
        elif classes is not None and self._coder.kind != "multioutput":
            _check_partial_fit_first_call(self, classes)
        self.classes_ = self._coder.exposed_classes
        validation = pair_validation(X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation, incremental=True)

    # ------------------------------------------------------------------ targets and loss

    def _validate_rows(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, incremental: bool
    ) -> FitRows:
        X, y = self._validated(X, y, reset=reset, numeric=False)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._coder = LabelCoder.from_targets(y)
            self.classes_ = self._coder.exposed_classes
        elif self.warm_start and not incremental:
            self._coder.check_same_classes(y)
        weight = check_row_weights(sample_weight, X)
        return FitRows(X, self._coder.encode(y), weight, y, weight)

    def _weigh_classes(self, rows: FitRows, *, incremental: bool) -> FitRows:
        if self.class_weight is None or self._coder.kind != "multilabel":
            return weigh_classes(rows, self.class_weight)
        if isinstance(self.class_weight, str) and not incremental:
            # The balance of the rows of the fit; other rows that are looked at do not change it.
            self._label_balance = weights_of_labels("balanced", rows.target.shape[1], rows.y)
        return rows

    def _make_loss(self, n_columns: int) -> Loss:
        weights = None
        if self._coder.kind == "multilabel":
            balanced = isinstance(self.class_weight, str)
            weights = (
                self._label_balance if balanced else weights_of_labels(self.class_weight, n_columns)
            )
        return classification_loss(self.loss, self._coder, self.label_smoothing, weights)

    def _stratify(self, rows: FitRows) -> AnyArray | None:
        # scikit-learn stratifies on what it trains on, and only where that is one column.
        return rows.target if rows.target.shape[1] == 1 else None

    # ------------------------------------------------------------------ prediction

    def predict(self, X: Any) -> AnyArray:
        """Return the predicted labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        raw = self._raw(X)
        if self._coder.kind == "multiclass" and is_exclusive(self._loss):
            # What follows comes to this, by way of a matrix of zeros and ones.
            labels: AnyArray = self._coder.classes[0][raw.argmax(axis=1)]
            return labels
        return self._coder.decode(decide(self._loss, raw))

    @available_if(has_probabilities)
    def predict_proba(self, X: Any) -> Any:
        """Return probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or a list of them
            Columns in the order of `classes_`. With several labels each column is the probability
            of one label; with several class variables there is one array for each.
        """
        p = self._predicted(X)
        if self._coder.kind == "binary":
            return np.concatenate([1 - p, p], axis=1)
        if self._coder.kind == "multioutput":
            return np.split(p, np.cumsum(self._coder.groups)[:-1], axis=1)
        return p

    @available_if(has_probabilities)
    def predict_log_proba(self, X: Any) -> Any:
        """Return logarithms of the probabilities; see `predict_proba`."""
        with np.errstate(divide="ignore"):
            p = self.predict_proba(X)
            return [np.log(part) for part in p] if isinstance(p, list) else np.log(p)

    @available_if(lambda est: not has_probabilities(est))
    def decision_function(self, X: Any) -> Matrix:
        """Return raw predictions of a classifier whose loss has no probabilities, as hinge.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
            Positive on the side of the second class, and ±1 at the margin.
        """
        raw = self._raw(X)
        return raw.ravel() if self._coder.kind == "binary" else raw

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy; with several outputs the share of rows right in all of them."""
        if hasattr(self, "_coder") and self._coder.kind == "multioutput":
            return share_right(self.predict(X), y, sample_weight)
        with comparing_labels():
            return float(super().score(X, y, sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
