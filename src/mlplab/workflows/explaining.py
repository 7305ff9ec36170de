"""Explaining a network: its description, its gradients, every number of a pass."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from mlplab import explain
from mlplab._typing import AnyArray
from mlplab.data.frames import telling_rows
from mlplab.engines import TrainingData, TrainingPlan
from mlplab.errors import ParameterError, StudyError, did_you_mean
from mlplab.nn import LOSSES, NetworkSpec, find_activation, multilayer
from mlplab.optim import SGD, Constant
from mlplab.results import GradientReport, ModelDescription, Trace
from mlplab.workflows.model import TabularModel
from mlplab.workflows.predicting import labelled, tabular
from mlplab.workflows.saving import load
from mlplab.workflows.sources import read_source
from mlplab.workflows.study import Study, TraceTable
from mlplab.workflows.study_file import read_study

__all__ = ["check", "describe", "trace"]

_BATCH = 16


def describe(model: str | Path | Any) -> ModelDescription:
    """Describe a model: network, preparation, what was chosen and why, engine.

    Parameters
    ----------
    model : str, Path, TabularModel or estimator

    Raises
    ------
    ModelFileError
        The file cannot be read.
    """
    found = load(model) if isinstance(model, (str, Path)) else model
    if isinstance(found, TabularModel):
        return found.describe()
    network = explain.describe(found)
    kind = type(found).__name__
    return ModelDescription(kind, _task_of(found), "", network, training=network.training)


def _task_of(estimator: Any) -> str:
    name = type(estimator).__name__
    tasks = {"MLPClassifier": "classification", "MLPRegressor": "regression"}
    return tasks.get(name, "autoencoder")


def check(
    model: str | Path | Any, data: Any = None, *, seed: int = 0, tolerance: float = 1e-7
) -> GradientReport:
    """Compare the gradient of a model with differences, layer by layer.

    Parameters
    ----------
    model : str, Path, TabularModel or estimator
    data : optional
        Labelled rows for a model of a table. Without any a small batch is drawn from the seed:
        a derivative is right or wrong whatever the rows are.
    seed : int, default=0
    tolerance : float, default=1e-7
        Largest relative difference of an array that counts as agreement.

    Returns
    -------
    GradientReport
        Its notes say on which rows.

    Raises
    ------
    DataError
        The data hold no target, or a class that training never saw.
    """
    found = load(model) if isinstance(model, (str, Path)) else model
    if data is None:
        estimator = found.estimator if isinstance(found, TabularModel) else found
        if not hasattr(estimator, "n_features_in_"):
            raise ParameterError(
                "`model` must be a fitted model, its file or the folder of a run; got "
                f"{type(estimator).__name__}. Fit it first, or pass its file."
            )
        x, y = _synthetic(estimator, seed)
        note = (
            f"The rows are {_BATCH} drawn at random from the seed {seed}: derivatives are right "
            "or wrong whatever the rows are. Pass data to check on rows of your own."
        )
    else:
        table = tabular(found)
        estimator = table.estimator
        x, y = _rows(table, data)
        note = "The rows are those that were passed, prepared as in training."
    with warnings.catch_warnings():
        # The batch size of the training is no matter here.
        warnings.filterwarnings("ignore", message="Got `batch_size`")
        report = explain.gradient_check(estimator, x, y, tolerance=tolerance, seed=seed)
    return dataclasses.replace(report, notes=(*report.notes, note))


def _rows(model: TabularModel, given: Any) -> tuple[AnyArray, Any]:
    frame = read_source(given).frame
    if model.encoding is None:
        return model.features(frame), None
    frame = labelled(model, frame, "checked")
    with telling_rows(frame):
        encoded = model.encoding.encode(frame)
        if model.encoding.kind == "classes":
            encoded = model.encoding.decode(encoded)
        return model.features(frame), encoded


def _synthetic(estimator: Any, seed: int) -> tuple[AnyArray, Any]:
    """Return a small batch of the right width with targets that the loss allows."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(_BATCH, estimator.n_features_in_))
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        if _task_of(estimator) == "autoencoder":
            return x, None
        y = rng.normal(size=(_BATCH, estimator.n_outputs_))
        y = np.abs(y) if estimator.loss == "poisson" else y
        return x, y[:, 0] if estimator.n_outputs_ == 1 else y
    if isinstance(classes, list):
        return x, np.column_stack([_each_class(values, rng) for values in classes])
    if estimator.out_activation_ == "logistic" and estimator.n_outputs_ > 1:
        return x, rng.integers(0, 2, size=(_BATCH, estimator.n_outputs_))
    return x, _each_class(classes, rng)


def _each_class(classes: AnyArray, rng: np.random.Generator) -> AnyArray:
    drawn = rng.choice(len(classes), size=_BATCH)
    return np.asarray(classes)[drawn]


def trace(study: str | Path | Study) -> Trace:
    """Return every number of the passes that a study's table ``[trace]`` describes.

    Parameters
    ----------
    study : str, Path or Study

    Raises
    ------
    StudyError
        There is no such table, or its parts do not fit together.
    """
    read = study if isinstance(study, Study) else read_study(study)
    if read.trace is None:
        raise StudyError(
            "A study must have a table [trace] to be traced: network, weights, samples and rate; "
            "this one has none. See studies/by-hand-relu.toml."
        )
    wanted = read.trace
    network = _network(wanted)
    plan = TrainingPlan(
        network,
        _loss(wanted),
        SGD(momentum=0.0),
        Constant(wanted.rate),
        batch_size=wanted.batch,
    )
    x = _matrix("trace.samples", wanted.samples, wanted.inputs)
    y = _matrix("trace.targets", wanted.targets, wanted.outputs)
    if len(x) != len(y):
        raise StudyError(
            f"`trace.targets` must have a row for each sample; got {len(y)} for {len(x)}. "
            "Add or remove rows."
        )
    return explain.trace(
        plan,
        TrainingData(x, y),
        _parameters(wanted, network),
        batch=wanted.batch,
        n_steps=wanted.steps,
        updates=wanted.updates,
        notation=wanted.notation,
    )


def _network(wanted: TraceTable) -> NetworkSpec:
    names = [wanted.activation] if isinstance(wanted.activation, str) else wanted.activation
    for name in names:
        if find_activation(name) is None:
            from mlplab.nn import ACTIVATIONS, ALIASES  # noqa: PLC0415  # for the hint alone

            hint = did_you_mean(name, [*ACTIVATIONS, *ALIASES]) or " Use 'relu'."
            raise StudyError(f"`trace.activation` must name an activation; got {name!r}.{hint}")
    if not isinstance(wanted.activation, str) and len(names) != len(wanted.hidden):
        raise StudyError(
            f"`trace.activation` must name one for each of the {len(wanted.hidden)} hidden "
            f"layers; got {len(names)}. A single text stands for all."
        )
    return multilayer(wanted.inputs, wanted.hidden, wanted.outputs, wanted.activation)


def _loss(wanted: TraceTable) -> Any:
    if wanted.loss not in LOSSES:
        hint = did_you_mean(wanted.loss, LOSSES) or f" The losses are {', '.join(LOSSES)}."
        raise StudyError(f"`trace.loss` must name a loss; got {wanted.loss!r}.{hint}")
    return LOSSES[wanted.loss]()


def _parameters(wanted: TraceTable, network: NetworkSpec) -> AnyArray:
    units = network.units
    biases = wanted.biases or [[0.0] * size for size in units[1:]]
    for name, given in (("weights", wanted.weights), ("biases", biases)):
        if len(given) != len(units) - 1:
            raise StudyError(
                f"`trace.{name}` must have one entry for each of the {len(units) - 1} layers; got "
                f"{len(given)}. The network is {'-'.join(map(str, units))}."
            )
    arrays: list[AnyArray] = []
    for k, (rows, bias) in enumerate(zip(wanted.weights, biases, strict=True), start=1):
        fan_in, fan_out = units[k - 1], units[k]
        weight = _matrix(f"trace.weights, layer {k}", rows, fan_in, fan_out)
        arrays += [weight.T, _matrix(f"trace.biases, layer {k}", [bias], fan_out)[0]]
    return network.pack(arrays, np.float64)


def _matrix(
    name: str, rows: list[list[float]], columns: int, n_rows: int | None = None
) -> AnyArray:
    wrong = next((row for row in rows if len(row) != columns), None)
    if wrong is not None or not rows or (n_rows is not None and len(rows) != n_rows):
        wanted = f"{n_rows} rows" if n_rows is not None else "rows"
        got = f"a row of {len(wrong)}" if wrong is not None else f"{len(rows)} rows"
        raise StudyError(
            f"`{name}` must have {wanted} of {columns} number{'s' * (columns != 1)}; got {got}. "
            "In `weights`, each row belongs to a unit that receives."
        )
    return np.array(rows, dtype=np.float64)
