"""Models as one file each, without pickle."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from mlplab._files import path_of
from mlplab.errors import ModelFileError, ParameterError, did_you_mean
from mlplab.export import read_artifact, read_python, write_artifact

__all__ = ["load", "save"]

_CLASSES = {
    "MLPAutoencoder": "mlplab.estimators",
    "MLPClassifier": "mlplab.estimators",
    "MLPEnsemble": "mlplab.estimators",
    "MLPRegressor": "mlplab.estimators",
    "Preparation": "mlplab.data",
    "TabularModel": "mlplab.workflows.model",
}


def save(path: str | Path, model: Any) -> Path:
    """Write a model to one safetensors file.

    Parameters
    ----------
    path : str or Path
        Where to; the file is whole at every moment.
    model : estimator, Preparation or TabularModel
        Fitted.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    ParameterError
        It is no model of mlplab.
    OutputError
        The file cannot be written.

    Examples
    --------
    >>> import mlplab, tempfile
    >>> model = mlplab.MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", random_state=0)
    >>> model = model.fit([[0.0], [1.0]], [0, 1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = mlplab.load(mlplab.save(f"{folder}/line.safetensors", model))
    >>> bool((again.predict([[0.5]]) == model.predict([[0.5]])).all())
    True
    """
    if type(model).__name__ not in _CLASSES or not hasattr(model, "to_artifact"):
        message = (
            f"`model` must be one of {', '.join(sorted(_CLASSES))}; got "
            f"{type(model).__name__}. Save the fitted estimator itself."
        )
        if isinstance(model, (str, Path)):
            message += " The path comes first: save(path, model)."
        raise ParameterError(message)
    return write_artifact(model.to_artifact(), path)


def load(path: str | Path) -> Any:
    """Read a model that `save` wrote, or that a run left in its folder.

    Parameters
    ----------
    path : str or Path
        The file, or the folder of a run. Of a file that `mlplab.export.to_python` wrote the
        network is read, without preparation and memory of the optimiser; the file is not run.

    Returns
    -------
    estimator, Preparation or TabularModel

    Raises
    ------
    ModelFileError
        The file is missing, truncated, altered, or not one of ours.
    """
    path = path_of(path)
    if (path / "model.safetensors").is_file():
        path /= "model.safetensors"
    if path.suffix == ".py":
        return _of_python(path)
    artifact = read_artifact(path)
    home = _CLASSES.get(artifact.kind)
    if home is None:
        message = (
            f"A model must be of a kind that this version knows ({', '.join(sorted(_CLASSES))}); "
            f"{str(path)!r} holds {artifact.kind!r}.{did_you_mean(artifact.kind, _CLASSES)} "
            "Use a newer version of mlplab."
        )
        raise ModelFileError(message)
    cls = getattr(importlib.import_module(home), artifact.kind)
    return cls.from_artifact(artifact)


def _of_python(path: Path) -> Any:
    from mlplab.estimators.assembling import from_portable  # noqa: PLC0415  (only here)

    model = read_python(path)
    try:
        home = _CLASSES[model.kind]
        return from_portable(getattr(importlib.import_module(home), model.kind), model)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as cause:
        message = f"The network in {str(path)!r} does not hold together: {cause!r}."
        raise ModelFileError(message) from cause
