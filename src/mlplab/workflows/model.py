"""A model of a table: preparation, network and target as one thing that predicts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab import explain
from mlplab._typing import AnyArray
from mlplab.data import Preparation, TargetEncoding, check_rows, to_frame
from mlplab.errors import ModelFileError, ParameterError
from mlplab.estimators import MLPAutoencoder, MLPClassifier, MLPRegressor
from mlplab.export import join, split
from mlplab.results import Choice, Metrics, ModelArtifact, ModelDescription, Task
from mlplab.results.portable import Answer, PortableModel
from mlplab.results.stored import built
from mlplab.workflows.metrics import (
    classification_metrics,
    multilabel_metrics,
    regression_metrics,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TabularModel"]

STANDARDISED = "the standardised scale"
_ESTIMATORS: dict[str, Any] = {
    cls.__name__: cls for cls in (MLPAutoencoder, MLPClassifier, MLPRegressor)
}


@dataclass(frozen=True, slots=True, eq=False)
class TabularModel:
    """What `fit` and `run` leave: it takes tables as they are and answers in their words.

    Attributes
    ----------
    preparation : Preparation
        From columns to numbers.
    estimator : MLPClassifier, MLPRegressor or MLPAutoencoder
        From numbers to predictions.
    encoding : TargetEncoding or None
        From the target to numbers and back; None for an autoencoder.
    task : Task
    choices : tuple of Choice
        What was chosen automatically for this model, and why; the preparation has its own.
    """

    preparation: Preparation
    estimator: Any
    encoding: TargetEncoding | None
    task: Task
    choices: tuple[Choice, ...] = ()

    @property
    def target(self) -> tuple[str, ...]:
        """Names of the target columns."""
        return () if self.encoding is None else self.encoding.names

    @property
    def classes(self) -> tuple[Any, ...]:
        """The classes, in the order of the columns of `predict_proba`; empty for numbers."""
        if self.task == "classification":
            return tuple(self.estimator.classes_.tolist())
        return () if self.encoding is None else self.encoding.classes

    def features(self, table: Any) -> AnyArray:
        """Return what the network gets for a table, shape (rows, features).

        Raises
        ------
        DataError
            There is no row, a column is not there, or holds what training did not allow.
        """
        frame = to_frame(table)
        check_rows(frame, 1, "Predicting")
        return self.preparation.transform(frame)

    def predict(self, table: Any) -> AnyArray:
        """Predict in the words or units of the table.

        Parameters
        ----------
        table : table of shape (rows, columns)
            Must have the columns that were trained on; others are ignored.

        Returns
        -------
        ndarray
            Classes or labels, shape (rows,); numbers, shape (rows,) or (rows, targets); an
            autoencoder's reconstruction of the prepared columns, shape (rows, features).

        Raises
        ------
        DataError
            A column is not there, or holds what training did not allow.
        """
        return self.predict_features(self.features(table))

    def predict_features(self, x: AnyArray) -> AnyArray:
        """Predict as `predict` does from what `features` returned, shape (rows, features)."""
        if self.task == "autoencoder":
            return np.asarray(self.estimator.reconstruct(x))
        predicted = np.asarray(self.estimator.predict(x))
        if self.encoding is None or self.task == "classification":
            return predicted
        return self.encoding.decode(predicted)

    def predict_proba(self, table: Any) -> AnyArray:
        """Return probabilities, shape (rows, classes); columns in the order of `classes`.

        Raises
        ------
        ParameterError
            The model predicts numbers, or its loss knows no probabilities.
        """
        if not self.has_probabilities:
            message = (
                f"`predict_proba` needs a classifier whose loss has probabilities; got "
                f"{type(self.estimator).__name__} for {self.task}. Use predict."
            )
            raise ParameterError(message)
        return np.asarray(self.estimator.predict_proba(self.features(table)))

    @property
    def has_probabilities(self) -> bool:
        """Whether `predict_proba` works."""
        return hasattr(self.estimator, "predict_proba")

    def score(self, table: Any) -> float:
        """Return the accuracy (all labels right, of several), or R²."""
        metrics = self.evaluate(table)
        for name in ("accuracy", "subset_accuracy", "r2"):
            if hasattr(metrics, name):
                value = getattr(metrics, name)
                return float("nan") if value is None else float(value)
        raise AssertionError(metrics)

    def truth(self, table: Any) -> AnyArray:
        """Return the target of a table as the metrics want it: classes, indicators, or numbers."""
        if self.encoding is None:
            return self.features(table)
        return true_values(self.encoding, to_frame(table))

    def evaluate(self, table: Any) -> Metrics:
        """Return the figures of this model on a table that holds the target.

        Raises
        ------
        DataError
            The target is not there, or holds a class that training never saw.
        """
        return self.judge(self.features(table), self.truth(table))

    def judge(self, x: AnyArray, truth: AnyArray, *, standardised: bool = False) -> Metrics:
        """Return the figures on prepared rows.

        Parameters
        ----------
        x : ndarray of shape (rows, features)
        truth : ndarray
            As `truth` returns it.
        standardised : bool, default=False
            Measure errors of a regression on the scale that the network learned.
        """
        if self.task == "classification":
            proba = self.estimator.predict_proba(x) if self.has_probabilities else None
            return classification_metrics(truth, self.estimator.predict(x), proba, self.classes)
        if self.task == "multilabel":
            return multilabel_metrics(truth, self.estimator.predict(x), list(self.classes))
        if self.task == "autoencoder" or self.encoding is None:
            names = [str(name) for name in self.preparation.get_feature_names_out()]
            return regression_metrics(
                truth,
                self.estimator.reconstruct(x),
                scale="the scale of the prepared columns",
                output_names=names,
            )
        predicted = np.asarray(self.estimator.predict(x))
        names = list(self.encoding.names)
        if standardised:
            truth = standardise(self.encoding, truth)
            predicted = predicted.reshape(len(truth), -1)
            return regression_metrics(truth, predicted, scale=STANDARDISED, output_names=names)
        return regression_metrics(truth, self.encoding.decode(predicted), output_names=names)

    def describe(self) -> ModelDescription:
        """Return network, preparation, target, and what was chosen and why."""
        network = explain.describe(self.estimator)
        return ModelDescription(
            kind=type(self.estimator).__name__,
            task=self.task,
            target=_target_words(self.encoding),
            network=network,
            choices=(*self.choices, *self.preparation.choices_),
            features=tuple(str(name) for name in self.preparation.get_feature_names_out()),
            training=network.training,
        )

    def to_artifact(self) -> ModelArtifact:
        """Return everything as JSON-ready header and arrays."""
        header = {
            "task": self.task,
            "encoding": None if self.encoding is None else self.encoding.to_dict(),
            "choices": [dataclasses.asdict(choice) for choice in self.choices],
        }
        parts = {
            "preparation": self.preparation.to_artifact(),
            "estimator": self.estimator.to_artifact(),
        }
        return join(parts, kind="TabularModel", header=header)

    def to_portable(self) -> PortableModel:
        """Return the steps of the prediction: what `mlplab.export` writes in other formats.

        Raises
        ------
        ExportError
            The network holds something that other formats do not know.
        """
        network: PortableModel = self.estimator.to_portable()
        answer = _answer(network.answer, self.encoding)
        preparation = self.preparation.to_portable()
        return dataclasses.replace(network, preparation=preparation, answer=answer)

    @classmethod
    def from_artifact(cls, artifact: ModelArtifact) -> TabularModel:
        """Build the model from `to_artifact`.

        Raises
        ------
        ModelFileError
            The artifact is of another kind or incomplete.
        """
        try:
            parts, header = split(artifact), artifact.header
            network = parts["estimator"]
            model = cls(
                preparation=Preparation.from_artifact(parts["preparation"]),
                estimator=_ESTIMATORS[network.kind].from_artifact(network),
                encoding=_encoding(header),
                task=header["task"],
                choices=tuple(built(Choice, choice) for choice in header["choices"]),
            )
            _check(model)
        except ModelFileError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as cause:
            message = (
                f"A saved model of a table must be complete; reading it failed with {cause!r}. "
                "Save the model again."
            )
            raise ModelFileError(message) from cause
        return model

    def __repr__(self) -> str:
        return f"<TabularModel for {self.task}: {type(self.estimator).__name__}>"


def true_values(encoding: TargetEncoding, frame: pd.DataFrame) -> AnyArray:
    """Return a target as classes, indicators, or numbers on their own scale."""
    encoded = encoding.encode(frame)
    return encoded if encoding.kind in {"labels", "label columns"} else encoding.decode(encoded)


def standardise(encoding: TargetEncoding, truth: AnyArray) -> AnyArray:
    """Return a target of numbers on the scale that the network learned, (rows, targets)."""
    mean, scale = (np.array(v) for v in (encoding.mean, encoding.scale))
    scaled: AnyArray = (truth.reshape(len(truth), -1) - mean) / scale
    return scaled


def _encoding(header: Mapping[str, Any]) -> TargetEncoding | None:
    values = header["encoding"]
    return None if values is None else TargetEncoding.from_dict(values)


_NETWORKS: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "classification": (MLPClassifier, ("classes",)),
    "multilabel": (MLPClassifier, ("labels", "label columns")),
    "regression": (MLPRegressor, ("numbers",)),
    "autoencoder": (MLPAutoencoder, ()),
}
"""For each task the estimator, and the kinds of target."""


def _check(model: TabularModel) -> None:
    """Raise ValueError if preparation, network and target of a file do not belong together."""
    network, encoding = model.estimator, model.encoding
    cls, kinds = _NETWORKS[model.task]
    if type(network) is not cls or (encoding.kind if encoding else None) not in (kinds or (None,)):
        raise ValueError(f"a {type(network).__name__} with such a target is not for {model.task}")
    if len(model.preparation.get_feature_names_out()) != network.n_features_in_:
        raise ValueError("the network takes other features than the preparation makes")
    if encoding is None:
        return
    if model.task == "classification":
        # A class may have had rows outside the training part only.
        fits = set(network.classes_.tolist()) <= set(encoding.classes)
    else:
        n = len(encoding.classes) if model.task == "multilabel" else len(encoding.names)
        fits = n == (len(network.classes_) if cls is MLPClassifier else network.n_outputs_)
    if not fits:
        raise ValueError("the network has other outputs than the target")


def _answer(answer: Answer, encoding: TargetEncoding | None) -> Answer:
    """Return what the network answers in the words and units of the table."""
    if encoding is None:
        return answer
    if encoding.kind == "classes":
        return dataclasses.replace(answer, names=encoding.names)
    if encoding.kind == "numbers":
        mean = np.array(encoding.mean) if encoding.mean else None
        scale = np.array(encoding.scale) if encoding.scale else None
        return dataclasses.replace(answer, names=encoding.names, mean=mean, scale=scale)
    separator = encoding.separator if encoding.kind == "labels" else None
    classes = (np.array(encoding.classes),)
    return dataclasses.replace(answer, names=encoding.names, classes=classes, separator=separator)


def _target_words(encoding: TargetEncoding | None) -> str:
    if encoding is None:
        return "its own input"
    names = ", ".join(encoding.names)
    if encoding.kind == "numbers":
        return f"{names} (standardised for training)" if encoding.mean else names
    listed = ", ".join(map(str, encoding.classes[:12]))
    more = ", …" if len(encoding.classes) > 12 else ""
    noun = "classes" if encoding.kind == "classes" else "labels"
    return f"{names} ({len(encoding.classes)} {noun}: {listed}{more})"
