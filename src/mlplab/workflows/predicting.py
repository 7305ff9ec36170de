"""Using a saved model: predictions as a table, figures on labelled rows."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab import data as data_room
from mlplab._files import path_of, write_atomically
from mlplab.data.frames import telling_rows
from mlplab.errors import DataError, ParameterError, StudyError, did_you_mean
from mlplab.results import Metrics
from mlplab.workflows.keeping import PREDICTIONS
from mlplab.workflows.model import TabularModel
from mlplab.workflows.saving import load
from mlplab.workflows.sources import IN_MEMORY, Source, checked_options, read_source
from mlplab.workflows.study_file import read_study

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "answer",
    "check_out",
    "check_suffix",
    "evaluate",
    "labelled",
    "predict",
    "tabular",
    "write_table",
]

_SUFFIXES = (".csv", ".tsv", ".parquet", ".pq")
_OF_RUNS = frozenset({PREDICTIONS, "history.parquet", "trials.parquet", "curves.parquet"})


def predict(
    model: str | Path | TabularModel,
    data: Any,
    out: str | Path | None = None,
    *,
    keep: str | None = None,
    reading: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Predict every row of a table.

    Parameters
    ----------
    model : str, Path or TabularModel
        A model file, the folder of a run, or the model itself.
    data : str, Path, Dataset or table
        The rows; columns that the model does not use are ignored.
    out : str or Path, optional
        Where to write: a name that ends in .csv, .tsv, .parquet or .pq.
    keep : str, optional
        A column to copy beside the predictions. Left out: the columns that training took for
        identifiers, else the number of the row, from 1. Where its name is that of an answer,
        it is followed by ``(given)``.
    reading : mapping, optional
        How a text file is written, as for `fit`.

    Returns
    -------
    pandas.DataFrame
        Identifiers, predictions, and for classifiers the probability of each class. For an
        autoencoder the codes and the squared error of the reconstruction.

    Raises
    ------
    DataError
        There is no row, a column is not there (with the nearest name), or holds what training
        did not allow.
    ModelFileError
        The model cannot be read, or is no model of a table.
    ParameterError
        `out` has another suffix, or is the file of the rows, of the model, or of a run.
    OutputError
        The file cannot be written.

    Warns
    -----
    UserWarning
        A column holds categories that training never saw; says how many.
    """
    if out is not None:
        check_out(path_of(out, "out"), {"table": data, "model": model})
    used = tabular(model)
    source = read_source(data, reading=checked_options(reading))
    answers = answer(used, source.frame, keep)
    if out is not None:
        write_table(answers, Path(out).expanduser())
    return answers


def answer(model: TabularModel, frame: pd.DataFrame, keep: str | None) -> pd.DataFrame:
    """Return what `predict` writes for the rows of a table; its index tells their places."""
    found = _answers(model, frame)
    given = _identifiers(model, frame, keep)
    kept = {f"{name} (given)" if name in found else name: rows for name, rows in given.items()}
    return data_room.to_frame({**kept, **found})


def evaluate(
    model: str | Path | TabularModel, data: Any, *, reading: Mapping[str, Any] | None = None
) -> Metrics:
    """Judge a model on labelled rows.

    Parameters
    ----------
    model : str, Path or TabularModel
    data : str, Path, Dataset or table
        Must hold the target. Of a named data set with a test part of its own, that part.
    reading : mapping, optional
        How a text file is written, as for `fit`.

    Raises
    ------
    DataError
        The target is not there, or holds a class that training never saw.

    Warns
    -----
    UserWarning
        The rows are those of the run that the model lies in.
    """
    used = tabular(model)
    source = read_source(data, reading=checked_options(reading))
    if source.test_frame is None and _is_of_run(model, source):
        warnings.warn(
            "These are the rows that the run was made of: it has learned from most of them, and "
            "the figures flatter it. Its report has the figures of its test rows.",
            stacklevel=2,
        )
    rows = source.frame if source.test_frame is None else source.test_frame
    frame = labelled(used, rows, "evaluated")
    with telling_rows(frame):
        return used.evaluate(frame)


def _is_of_run(model: Any, source: Source) -> bool:
    """Tell whether rows come from where the run of a model had its own."""
    if not isinstance(model, (str, Path)) or source.where == IN_MEMORY:
        return False
    path = path_of(model, "model")
    study = (path if path.is_dir() else path.parent) / "study.toml"
    try:
        table = read_study(study).data if study.is_file() else None
    except StudyError:
        return False
    return table is not None and table.source == source.where


def labelled(model: TabularModel, frame: pd.DataFrame, purpose: str) -> pd.DataFrame:
    """Return the rows of a table that have a target.

    Parameters
    ----------
    model : TabularModel
    frame : pandas.DataFrame
    purpose : str
        What is to be done to the table: ``"evaluated"``.

    Raises
    ------
    DataError
        The target is not there, or missing in every row.
    """
    for name in model.target:
        if name not in frame.columns:
            raise DataError(
                f"The table must hold the target {name!r} to be {purpose}; it does not."
                f"{did_you_mean(name, frame.columns)} Use predict for rows without it."
            )
    # In a column of labels an empty cell says that there is none.
    labels = model.encoding is not None and model.encoding.kind == "labels"
    return frame if labels else data_room.drop_unlabelled(frame, model.target)[0]


def tabular(model: str | Path | TabularModel) -> TabularModel:
    """Return the model of a table, from its file if need be.

    Raises
    ------
    ParameterError
        It is another kind of model.
    """
    found = load(model) if isinstance(model, (str, Path)) else model
    if not isinstance(found, TabularModel):
        raise ParameterError(
            f"`model` must be a model of a table, as `mlplab fit` saves it; got a bare "
            f"{type(found).__name__}. Load it in Python and call its predict."
        )
    return found


def _identifiers(model: TabularModel, frame: pd.DataFrame, keep: str | None) -> dict[str, Any]:
    if keep is not None:
        if keep not in frame.columns:
            hint = did_you_mean(keep, frame.columns) or " Check the name."
            raise DataError(f"`keep` must name a column of the table; got {keep!r}.{hint}")
        return {keep: frame[keep].to_numpy()}
    known = [
        choice.subject for choice in model.preparation.choices_ if choice.value == "identifier"
    ]
    present = [name for name in known if name in frame.columns]
    if present:
        return {name: frame[name].to_numpy() for name in present}
    return {"row": frame.index.to_numpy() + 1}


def _answers(model: TabularModel, frame: pd.DataFrame) -> dict[str, Any]:
    x = model.features(frame)
    predicted = model.predict_features(x)
    if model.task == "autoencoder":
        codes = np.asarray(model.estimator.transform(x))
        named: dict[str, Any] = {f"code_{k + 1}": codes[:, k] for k in range(codes.shape[1])}
        return {**named, "reconstruction_error": ((predicted - x) ** 2).mean(axis=1)}
    if predicted.ndim == 1:
        answers: dict[str, Any] = {"prediction": predicted}
    else:
        pairs = zip(model.target, predicted.T, strict=True)
        answers = {f"prediction_{name}": column for name, column in pairs}
    if model.has_probabilities:
        shares = np.asarray(model.estimator.predict_proba(x))
        pairs = zip(model.classes, shares.T, strict=True)
        answers |= {f"probability_{name}": column for name, column in pairs}
    return answers


def check_suffix(path: Path) -> None:
    """Raise `ParameterError` if no way of writing a table belongs to the name of a file."""
    if path.suffix.lower() not in _SUFFIXES:
        raise ParameterError(
            f"`out` must end in {', '.join(_SUFFIXES[:-1])} or {_SUFFIXES[-1]}; got "
            f"{path.name!r}. Use {path.stem + '.csv'!r}."
        )


def check_out(out: Path, read: Mapping[str, Any]) -> None:
    """Check where predictions go.

    Parameters
    ----------
    out : Path
    read : mapping of str to object
        What is read, by what it is called.

    Raises
    ------
    ParameterError
        No way of writing belongs to the name; or it is the file of what is read, or one that a
        run keeps in its own folder.
    """
    check_suffix(out)
    if out.name in _OF_RUNS and (out.parent / "environment.json").is_file():
        raise ParameterError(
            f"`out` must not be a file of a run; got {str(out)!r}, which the run in that folder "
            f"keeps for its report. Use {str(out.with_stem('new-predictions'))!r}."
        )
    for what, given in read.items():
        path = path_of(given, what) if isinstance(given, (str, Path)) else None
        if path is not None and path.exists() and out.exists() and path.samefile(out):
            raise ParameterError(
                f"`out` must be another file than the {what}; got {str(out)!r}, which would be "
                f"overwritten. Use {str(out.with_stem(f'{out.stem}-predictions'))!r}."
            )


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table, in the way that its suffix says; the file is whole at every moment.

    Raises
    ------
    ParameterError
        The suffix says nothing.
    OutputError
        The file cannot be written.
    """
    check_suffix(path)
    if path.suffix.lower() in {".parquet", ".pq"}:
        buffer = io.BytesIO()
        frame.to_parquet(buffer, engine="pyarrow", index=False)
        content = buffer.getvalue()
    else:
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        content = frame.to_csv(index=False, lineterminator="\n", sep=separator).encode()
    write_atomically(path, content)
