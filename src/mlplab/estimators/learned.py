"""What a fitted or initialised network can be asked for, whatever it was fitted to."""

from __future__ import annotations

import copy
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from mlplab._typing import Matrix, Vector
from mlplab.engines import Engine
from mlplab.errors import ParameterError
from mlplab.estimators import storage
from mlplab.estimators.checking import check_rows, in_dtype
from mlplab.estimators.plans import pack_arrays
from mlplab.estimators.portable import portable
from mlplab.estimators.predicting import prepared
from mlplab.nn import NetworkSpec, apply_link, forward_pass
from mlplab.results import ModelArtifact, Snapshot
from mlplab.results.portable import PortableModel

__all__ = ["LearnedNetwork"]


class LearnedNetwork(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Raw predictions, values of hidden layers, storage.

    Every estimator is a transformer too: `transform` gives the values of a hidden layer, so a
    fitted network can stand in the middle of a pipeline as a maker of features.
    """

    def _fitted_attributes(self, parameters: Vector | None) -> dict[str, Any]:
        """Return what makes a copy predict with these parameters (with its own for None)."""
        if parameters is None:
            return {}
        if np.shape(parameters) != (self._network.n_parameters,):
            raise ParameterError(
                f"`parameters` must be one vector of {self._network.n_parameters} numbers; got "
                f"shape {np.shape(parameters)}. `snapshot().parameters` is such a vector."
            )
        views = self._network.views(parameters.copy())
        return {"coefs_": views[0::2], "intercepts_": views[1::2]}

    def with_parameters(self, parameters: Vector) -> Self:
        """Return a copy that predicts with other parameters: those of an epoch under way.

        Parameters
        ----------
        parameters : ndarray of shape (n_parameters,)
            Laid out as in `network_`; `TrainingState` holds such a vector.

        Returns
        -------
        estimator
            Without feature names, as it is asked with plain arrays.

        Raises
        ------
        ParameterError
            It is another number of parameters.
        """
        snapshot = copy.copy(self)
        for name, value in self._fitted_attributes(parameters).items():
            setattr(snapshot, name, value)
        # Scorers hand over plain arrays; names would be missed in them.
        snapshot.__dict__.pop("feature_names_in_", None)
        return snapshot

    def snapshot(self) -> Snapshot:
        """Return where the network stands: its weights, and what its optimiser remembers.

        Returns
        -------
        Snapshot
            `with_parameters` makes an estimator of its weights. Without memory where the network
            was not trained here: initialised only, or loaded from a file.
        """
        check_is_fitted(self, "coefs_")
        state, result = getattr(self, "_state", None), getattr(self, "result_", None)
        return Snapshot(
            epoch=int(getattr(self, "n_iter_", 0)) if state is None else state.epoch,
            parameters=self._flat(),
            step=0 if state is None else state.step,
            learning_rate=result.history[-1].learning_rate if result and result.n_epochs else None,
            memory={} if state is None else dict(state.slots),
        )

    @property
    def network_(self) -> NetworkSpec:
        """The layers of the fitted or initialised network."""
        check_is_fitted(self, "coefs_")
        network: NetworkSpec = self._network
        return network

    def _check_rows(self, X: Any) -> Any:
        """Check rows for prediction; returns an ndarray or CSR matrix of the fitted dtype."""
        check_is_fitted(self, "coefs_")
        X = check_rows(self, X, accept_sparse=["csr", "csc"], reset=False)
        return in_dtype(X, self.coefs_[0].dtype)

    def _flat(self) -> Vector:
        # Users may set coefs_; what they see is what predicts.
        return pack_arrays(
            self._network, self.coefs_, self.intercepts_, self.coefs_[0].dtype, "`coefs_`"
        )

    def _outputs(self, X: Any, *, through_link: bool) -> Matrix:
        """Return predictions of shape (rows, n_columns); raw predictions without the link."""
        if not hasattr(self, "coefs_"):
            check_is_fitted(self, "coefs_")
        ready = prepared(self)
        if ready.predictor is None:
            return self._outputs_of_engine(ready.engine, X, through_link=through_link)
        # Whoever was fitted with names of features is told where they are missing.
        if not hasattr(self, "feature_names_in_"):
            plain: Matrix | None = ready.predictor.predict_plain(X, through_link=through_link)
            if plain is not None:
                return plain
        checked: Matrix = ready.predictor.predict(self._check_rows(X), through_link=through_link)
        return checked

    def _outputs_of_engine(self, engine: Engine, X: Any, *, through_link: bool) -> Matrix:
        raw = engine.raw_predictions(self._network, self._flat(), self._check_rows(X))
        if not through_link:
            return raw
        with np.errstate(over="ignore"):
            return apply_link(self._loss.link, raw, self._loss.groups)

    def _raw(self, X: Any) -> Matrix:
        """Return raw predictions of shape (rows, n_columns)."""
        return self._outputs(X, through_link=False)

    def _predicted(self, X: Any) -> Matrix:
        """Return predictions through the link."""
        return self._outputs(X, through_link=True)

    def transform(self, X: Any, layer: int = -1) -> Matrix:
        """Return the values of the units of a hidden layer.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        layer : int
            Which hidden layer: 0 is the first, -1 the last.

        Returns
        -------
        ndarray of shape (n_samples, n_units)

        Raises
        ------
        ParameterError
            There is no such hidden layer.
        """
        return self._hidden(self._check_rows(X), layer)

    def _hidden(self, rows: Any, layer: int) -> Matrix:
        ends = self._network.hidden_ends
        if not ends:
            message = (
                "`transform` needs a hidden layer; this network has none. Give "
                "`hidden_layer_sizes` at least one."
            )
            raise ParameterError(message)
        if not isinstance(layer, Integral) or not -len(ends) <= layer < len(ends):
            message = (
                f"`layer` must name one of the {len(ends)} hidden layers, from 0 or from the end "
                f"with -1; got {layer}."
            )
            raise ParameterError(message)
        return forward_pass(self._network, self._flat(), rows, stop=ends[layer])[0]

    @property
    def _n_features_out(self) -> int:
        # The width of what `transform` returns; a linear model has no hidden layer to return.
        return int(self._network.units[-2])

    def activations(self, X: Any) -> list[Matrix]:
        """Return the values of all layers: the input, every hidden layer, the prediction.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        list of ndarray of shape (n_samples, n_units)
        """
        rows = self._check_rows(X)
        hidden = [self._hidden(rows, layer) for layer in range(len(self._network.hidden_ends))]
        return [rows, *hidden, self._predicted(X)]

    def to_artifact(self) -> ModelArtifact:
        """Return the estimator as plain data: JSON-ready header and named arrays.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            There is nothing to store yet.
        """
        check_is_fitted(self, "coefs_")
        return storage.to_artifact(self)

    @classmethod
    def from_artifact(cls, artifact: ModelArtifact) -> Self:
        """Return the estimator that `to_artifact` stored, ready to predict and to train on.

        Raises
        ------
        ModelFileError
            The artifact is of another kind, or does not hold together.
        """
        estimator: Self = storage.from_artifact(cls, artifact)
        return estimator

    def to_portable(self) -> PortableModel:
        """Return the steps of the prediction: what `mlplab.export` writes in other formats.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            There is nothing learned yet.
        ExportError
            The network holds something that other formats do not know.
        """
        check_is_fitted(self, "coefs_")
        return portable(self)

    def to_sklearn(self) -> Any:
        """Return the network as scikit-learn's, where there is a counterpart.

        Returns
        -------
        sklearn.neural_network.MLPClassifier or MLPRegressor
            An autoencoder becomes a regressor whose `predict` reproduces the rows. Predictions
            are the same to rounding; `partial_fit` goes on with the optimiser's memory.

        Raises
        ------
        ExportError
            scikit-learn has no such activation, loss or kind of target; the message names it.

        Warns
        -----
        UserWarning
            The network was trained with something that scikit-learn lacks and prediction does
            not need, dropout for example.
        """
        from mlplab.estimators.writing_sklearn import to_sklearn  # noqa: PLC0415  (loads theirs)

        check_is_fitted(self, "coefs_")
        return to_sklearn(self)

    def to_torch(self, *, raw: bool = False) -> Any:
        """Return the network as `torch.nn.Sequential`, in evaluation mode.

        Parameters
        ----------
        raw : bool, default=False
            Leave the link out: the outputs are then raw predictions, for losses of PyTorch that
            want them.

        Returns
        -------
        torch.nn.Sequential
            With copies of the weights, in their precision. Its outputs are those of `predict` of
            a regressor and of `predict_proba` of a classifier; for two classes there is one, the
            probability of the second. `train()` lets dropout act.

        Raises
        ------
        ExportError
            An activation is your own.
        MissingExtraError
            PyTorch is not installed.
        """
        from mlplab.estimators.torch_bridge import to_torch  # noqa: PLC0415  (only here)

        check_is_fitted(self, "coefs_")
        return to_torch(self, raw=raw)
