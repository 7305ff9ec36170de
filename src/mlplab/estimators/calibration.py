r"""Calibrated probabilities: one temperature for all logits.

A network that has learned its training rows by heart is surer than it is right. Dividing its
logits by a temperature `T`, chosen so that rows it did not learn from become most likely, changes
no decision and usually makes the probabilities honest. The last layer makes the logits, so its
weights and biases divided by `T` are the calibrated network: it is stored, exported and served as
any other.

References
----------
Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, 2017,
https://arxiv.org/abs/1706.04599
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from mlplab._typing import AnyArray
from mlplab.errors import DataError, ParameterError
from mlplab.estimators.class_losses import has_probabilities
from mlplab.estimators.classifier import MLPClassifier
from mlplab.nn import BinaryCrossEntropy, CategoricalCrossEntropy

__all__ = ["calibrate"]

BOUNDS = (-10.0, 10.0)
"""Of the logarithm of the temperature."""


def calibrate(
    classifier: MLPClassifier, X: Any, y: Any, sample_weight: Any = None
) -> MLPClassifier:
    """Return a copy of a classifier whose probabilities are calibrated.

    scikit-learn's ``CalibratedClassifierCV(FrozenEstimator(…), method="temperature")`` works on
    logarithms of probabilities, to which it adds 1e-12; this works on the logits themselves, which
    differs for networks that are surer than that, and leaves a network.

    Parameters
    ----------
    classifier : MLPClassifier
        Fitted, with one class variable or labels, and a loss that has probabilities. It stays as
        it is.
    X, y, sample_weight
        Rows that it did not learn from. Validation rows that chose the epoch will do; test rows
        must stay apart, or they are no test any more.

    Returns
    -------
    MLPClassifier
        It predicts the same classes; ``temperature_`` tells what its logits were divided by.

    Raises
    ------
    ParameterError
        It is no such classifier.
    DataError
        Every row is classified rightly, so that no temperature is the best.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.metrics import log_loss
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = MLPClassifier((64,), solver="lbfgs", alpha=0.0, random_state=0).fit(X[:600], y[:600])
    >>> calibrated = calibrate(clf, X[600:1200], y[600:1200])
    >>> before, after = (log_loss(y[1200:], c.predict_proba(X[1200:])) for c in (clf, calibrated))
    >>> bool(after < before)
    True
    """
    _check(classifier)
    y = np.asarray(y)
    if np.array_equal(classifier.predict(X), y):
        raise DataError(
            f"Calibrating needs rows that the network does not all classify rightly; got {len(y)} "
            "without a mistake, for which the best temperature is zero. Use more rows."
        )
    coder = classifier._coder  # noqa: SLF001  (its own room)
    logits = classifier._raw(X).astype(np.float64)  # noqa: SLF001  (same)
    target = coder.encode(y).astype(np.float64)
    weight = _check_sample_weight(sample_weight, logits)
    loss = CategoricalCrossEntropy() if coder.kind == "multiclass" else BinaryCrossEntropy()

    def mean_loss(log_temperature: float) -> float:
        values: AnyArray = loss.values(logits / np.exp(log_temperature), target)
        return float(np.average(values, weights=weight))

    found = minimize_scalar(mean_loss, bounds=BOUNDS, options={"xatol": 1e-6})
    return _with_temperature(classifier, float(np.exp(found.x)))


def _check(classifier: Any) -> None:
    if not isinstance(classifier, MLPClassifier):
        raise ParameterError(
            f"`classifier` must be an MLPClassifier; got {type(classifier).__name__}. For others "
            'use scikit-learn: CalibratedClassifierCV(FrozenEstimator(…), method="temperature").'
        )
    check_is_fitted(classifier, "coefs_")
    kind = classifier._coder.kind  # noqa: SLF001  (its own room)
    if kind == "multioutput" or not has_probabilities(classifier):
        raise ParameterError(
            "`classifier` must have one class variable or labels, and a loss with probabilities; "
            f"got {kind} with the loss {classifier.loss!r}. Use loss='log_loss'."
        )


def _with_temperature(classifier: MLPClassifier, temperature: float) -> MLPClassifier:
    """Return a copy whose last layer is divided by a temperature."""
    parameters = classifier._flat().copy()  # noqa: SLF001  (its own room)
    last = classifier.coefs_[-1].size + classifier.intercepts_[-1].size
    parameters[-last:] /= temperature
    calibrated = classifier.with_parameters(parameters)
    if hasattr(classifier, "feature_names_in_"):
        calibrated.feature_names_in_ = classifier.feature_names_in_
    calibrated.temperature_ = temperature
    return calibrated
