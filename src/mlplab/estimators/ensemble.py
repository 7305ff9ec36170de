"""Deep ensembles: networks that differ in their seed alone, and what they agree on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from mlplab._typing import AnyArray
from mlplab.errors import ModelFileError, ParameterError
from mlplab.estimators.base import BaseMLP
from mlplab.estimators.checking import comparing_labels, reading_rows
from mlplab.estimators.class_losses import has_probabilities
from mlplab.estimators.classifier import MLPClassifier
from mlplab.estimators.many import fit_many
from mlplab.estimators.regressor import MLPRegressor
from mlplab.results import ModelArtifact

__all__ = ["MLPEnsemble"]

_MEMBERS: Mapping[str, type[BaseMLP]] = {
    "MLPClassifier": MLPClassifier,
    "MLPRegressor": MLPRegressor,
}
_SEEDS = np.iinfo(np.int32).max


def _is_classifier(ensemble: Any) -> bool:
    return bool(is_classifier(ensemble.estimator))


def _check_alike(members: list[Any]) -> None:
    """Raise ValueError if members of a file cannot be averaged."""
    said = {
        (type(one), one.n_features_in_, one.n_outputs_, repr(getattr(one, "classes_", None)))
        for one in members
    }
    if len(said) != 1 or not all(
        hasattr(one, "predict_proba") for one in members if hasattr(one, "classes_")
    ):
        raise ValueError("its members do not belong together")


class MLPEnsemble(MetaEstimatorMixin, BaseEstimator):
    r"""Networks from several seeds, fitted at once: their mean predicts, their spread doubts.

    .. math:: p(y \mid x) = \frac{1}{M} \sum_m p_m(y \mid x)

    Every member learns from all rows; members differ in initial weights, row orders and, with
    early stopping, in the rows that they set aside. The mean is usually better than a member, and
    where members disagree, none should be trusted. The spread tells what training leaves open, not
    the noise of the target; for intervals that hold a stated share of the targets, see conformal
    prediction in the documentation.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        The parameters of every member.
    n_members : int, default=5
        Lakshminarayanan et al. use five.
    random_state : int, RandomState or None, default=None
        Draws the seeds of the members.
    n_threads : int or None, default=None
        As for `fit_many`; bits do not depend on it.

    Attributes
    ----------
    estimators_ : list of estimators
        The fitted members.
    classes_ : ndarray of shape (n_classes,)
        Of a classifier.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where X had names.

    References
    ----------
    Lakshminarayanan, Pritzel, Blundell: Simple and Scalable Predictive Uncertainty Estimation
    using Deep Ensembles, 2017, https://arxiv.org/abs/1612.01474. The mean of the predictions is
    theirs; adversarial examples and a learned variance are left out.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-1, 1, 50)[:, np.newaxis]
    >>> member = MLPRegressor(hidden_layer_sizes=(16,), solver="lbfgs", max_iter=300)
    >>> ensemble = MLPEnsemble(member, random_state=0).fit(x, np.sin(3 * x[:, 0]))
    >>> within, outside = ensemble.spread([[0.0], [4.0]])
    >>> bool(outside > 10 * within)
    True
    """

    def __init__(
        self,
        estimator: Any,
        n_members: int = 5,
        *,
        random_state: Any = None,
        n_threads: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_members = n_members
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit all members together.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional

        Raises
        ------
        ParameterError
            A parameter is out of its range, or the targets are several class variables.
        KeyboardInterrupt
            The fit was interrupted before every member had begun.

        Other errors are those of the first member that fails.
        """
        with reading_rows():
            self._check(y)
        rng = check_random_state(self.random_state)
        seeds = rng.randint(_SEEDS, size=self.n_members).tolist()
        members = [clone(self.estimator).set_params(random_state=seed) for seed in seeds]
        outcomes = fit_many(members, X, y, sample_weight, n_threads=self.n_threads)
        # What several members warn of is told once.
        told = {(type(one), str(one)): one for outcome in outcomes for one in outcome.warnings}
        for warning in told.values():
            warnings.warn(warning, stacklevel=2)
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
            if outcome.result is None:
                raise KeyboardInterrupt
        return self._take(members)

    def predict(self, X: Any) -> AnyArray:
        """Return the class or labels of the mean probability, or the mean of the values."""
        check_is_fitted(self, "estimators_")
        if not _is_classifier(self):
            return self._mean("predict", X)
        p = self.predict_proba(X)
        if self._multilabel:
            labels: AnyArray = (p > 0.5).astype(np.int64)
            return labels
        classes: AnyArray = self.classes_[p.argmax(axis=1)]
        return classes

    @available_if(_is_classifier)
    def predict_proba(self, X: Any) -> AnyArray:
        """Return the mean probabilities, shape (n_samples, n_classes)."""
        return self._mean("predict_proba", X)

    def spread(self, X: Any) -> AnyArray:
        """Return the standard deviation over the members, in the shape of what has a mean.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray
            Of the probabilities of a classifier, shape (n_samples, n_classes), or of the values
            of a regressor, shape (n_samples,) or (n_samples, n_outputs).
        """
        method = "predict_proba" if _is_classifier(self) else "predict"
        spread: AnyArray = self._stacked(method, X).std(axis=0)
        return spread

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy, or R²."""
        score = accuracy_score if _is_classifier(self) else r2_score
        predicted = self.predict(X)
        with comparing_labels():
            return float(score(y, predicted, sample_weight=sample_weight))

    def to_artifact(self) -> ModelArtifact:
        """Return all members as JSON-ready header and arrays."""
        check_is_fitted(self, "estimators_")
        stored = [member.to_artifact() for member in self.estimators_]
        header = {
            "members": [{"kind": one.kind, "header": dict(one.header)} for one in stored],
            "multilabel": self._multilabel,
        }
        arrays = {
            f"{place}/{name}": array
            for place, one in enumerate(stored)
            for name, array in one.arrays.items()
        }
        return ModelArtifact("MLPEnsemble", header, arrays)

    @classmethod
    def from_artifact(cls, artifact: ModelArtifact) -> Self:
        """Build the ensemble from `to_artifact`; its parameters are those of the first member.

        Raises
        ------
        ModelFileError
            The artifact is of another kind or incomplete.
        """
        try:
            arrays: list[dict[str, AnyArray]] = [{} for _ in artifact.header["members"]]
            for name, array in artifact.arrays.items():
                place, _, own = name.partition("/")
                arrays[int(place)][own] = array
            members = [
                _MEMBERS[one["kind"]].from_artifact(ModelArtifact(one["kind"], one["header"], own))
                for one, own in zip(artifact.header["members"], arrays, strict=True)
            ]
            _check_alike(members)
            ensemble = cls(clone(members[0]).set_params(random_state=None), len(members))
            ensemble._multilabel = bool(artifact.header["multilabel"])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as cause:
            raise ModelFileError(
                f"A saved ensemble must be complete; reading it failed with {cause!r}. Save the "
                "ensemble again."
            ) from cause
        return ensemble._take(members)

    def _check(self, y: Any) -> None:
        if type(self.estimator).__name__ not in _MEMBERS:
            raise ParameterError(
                "`estimator` must be an MLPClassifier or MLPRegressor; got "
                f"{type(self.estimator).__name__}. Put pipelines around the ensemble, not in it."
            )
        if not isinstance(self.n_members, int | np.integer) or self.n_members < 1:
            raise ParameterError(
                f"`n_members` must be a whole number from 1; got {self.n_members!r}. Use 5."
            )
        shape = np.asarray(y).shape
        several = _is_classifier(self) and len(shape) == 2 and shape[1] > 1
        kind = type_of_target(y) if several else ""
        uncertain = not _is_classifier(self) or has_probabilities(self.estimator)
        if kind == "multiclass-multioutput" or not uncertain:
            raise ParameterError(
                "An ensemble averages probabilities, so `estimator` must have them and y one class "
                f"variable; got {kind or 'one'} with the loss {self.estimator.loss!r}. Use "
                "loss='log_loss', and an ensemble for each variable."
            )
        self._multilabel = kind == "multilabel-indicator"

    def _take(self, members: list[Any]) -> Self:
        self.estimators_ = members
        self.n_features_in_ = members[0].n_features_in_
        for name in ("classes_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(members[0], name):
                setattr(self, name, getattr(members[0], name))
        return self

    def _mean(self, method: str, X: Any) -> AnyArray:
        mean: AnyArray = self._stacked(method, X).mean(axis=0)
        return mean

    def _stacked(self, method: str, X: Any) -> AnyArray:
        """Return what every member answers, shape (members, n_samples, …)."""
        check_is_fitted(self, "estimators_")
        return np.stack([getattr(member, method)(X) for member in self.estimators_])

    def __sklearn_tags__(self) -> Any:
        tags, own = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type = own.estimator_type
        tags.classifier_tags, tags.regressor_tags = own.classifier_tags, own.regressor_tags
        tags.target_tags, tags.input_tags = own.target_tags, own.input_tags
        return tags
