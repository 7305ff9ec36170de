"""From data to a trained network with figures, a folder and a report."""

from __future__ import annotations

import contextlib
import functools
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from mlplab import explain
from mlplab._files import path_of
from mlplab.data.kinds import NEARLY_ALL
from mlplab.errors import DivergedError, StudyError
from mlplab.estimators.passes import check_passes
from mlplab.results import RunResult, TableDescription
from mlplab.tracking import RunFolder
from mlplab.train import FitObserver, WeightKeeper
from mlplab.workflows.announcing import opening
from mlplab.workflows.block_parts import deal_blocks, describe_rows
from mlplab.workflows.choosing import choose_parameters, match_class_weight
from mlplab.workflows.closer import Closer, look_closer
from mlplab.workflows.judging import doubts, judge
from mlplab.workflows.keeping import MODEL, Checkpoints, keep_run, keep_training
from mlplab.workflows.long_runs import Keeper, unfinished_run, without_company
from mlplab.workflows.model import TabularModel
from mlplab.workflows.parts import Parts, deal_parts, kind_of
from mlplab.workflows.pictures import check_pictures
from mlplab.workflows.reporting import report
from mlplab.workflows.resolving import remarks_on, resolve
from mlplab.workflows.settings import check_model, checked, estimator_class, split_settings
from mlplab.workflows.sources import IN_MEMORY, Source, options_of, read_source
from mlplab.workflows.study import (
    DataTable,
    ModelTable,
    PreparationTable,
    ReadingTable,
    SplitTable,
    Study,
)
from mlplab.workflows.study_file import naming_lines, read_study
from mlplab.workflows.study_text import study_to_toml
from mlplab.workflows.tracked import keep_outcome, open_tracked, track_table
from mlplab.workflows.training import train
from mlplab.workflows.varying import check_variants

__all__ = ["fit", "run"]


def fit(
    data: Any,
    *,
    target: str | Sequence[str] | None = None,
    task: str = "auto",
    hidden: Sequence[int] | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    validation: float = 0.1,
    test: float | None = None,
    drop: Sequence[str] = (),
    reading: Mapping[str, Any] | None = None,
    blocks: bool | None = None,
    name: str | None = None,
    out: str | Path | None = "runs",
    track: Collection[str] | Mapping[str, Any] | None = None,
    observers: Sequence[FitObserver] = (),
    announce: Callable[[str], Any] | None = None,
) -> RunResult:
    """Train a network on a table, judge it on rows it never saw, and keep the run.

    Parameters
    ----------
    data : str, Path, Dataset, table, or (X, y)
        A file, the name of a data set, or rows in memory.
    target : str or sequence of str, optional
        The columns to predict; found if None.
    task : str, default="auto"
        auto, classification, multilabel, regression or autoencoder.
    hidden : sequence of int, optional
        Units of the hidden layers; chosen if None.
    settings : mapping, optional
        Parameters of the estimator and of the preparation, by name.
    seed : int, default=0
        Of the split, the initial weights and the row orders.
    validation : float or int, default=0.1
        Share or number of rows that choose the epoch to keep; 0 goes without.
    test : float or int, optional
        Share or number of rows for the honest figure. None takes the data's own test part, else
        a fifth.
    drop : sequence of str
        Columns that must not become features.
    reading : mapping, optional
        How a text file is written, where that is not found by itself: `separator`, `decimal`,
        `encoding` and `header`, as for `mlplab.data.read`.
    blocks : bool, optional
        Read a file, or a folder of files, in blocks; None does so where it is larger than memory
        allows.
    name : str, optional
        Of the run; the name of the data if None.
    out : str or Path or None, default="runs"
        The folder of all runs; None keeps nothing.
    track : collection of str, or mapping, optional
        Tools that keep the run too, mlflow, wandb and tensorboard, or the table ``[track]``.
    observers : sequence of FitObserver
        Are told of every epoch.
    announce : callable, optional
        Gets a few lines before the training: what is to be learned, and what is left out.

    Returns
    -------
    RunResult
        Its `model` predicts.

    Raises
    ------
    DataError
        The table cannot be learned from.
    ParameterError
        A setting is unknown or out of its range.
    DivergedError
        Training left the finite numbers; the run is kept all the same.
    OutputError
        The folder cannot be written.

    Examples
    --------
    >>> from mlplab import workflows
    >>> result = workflows.fit("iris", hidden=(8,), out=None)
    >>> result.metrics.test.accuracy > 0.8
    True
    """
    written = None if reading is None else checked(ReadingTable, reading)
    source = read_source(data, seed=seed, reading=options_of(written), blocks=blocks)
    model, preparation = split_settings(settings or {})
    if hidden is not None:
        model["hidden_layer_sizes"] = list(hidden)
    check_model("auto", model)
    split = checked(SplitTable, {"validation": _plain(validation), "test": _plain(test)})
    wanted = target if target is None or isinstance(target, str) else list(target)
    where = {"source": source.where, "reading": written, "blocks": blocks, "drop": list(drop)}
    table = checked(DataTable, {**where, "target": wanted, "task": task, "split": split})
    contents = {
        "name": name or source.name,
        "seed": _plain(seed),
        "data": table,
        "preparation": checked(PreparationTable, preparation),
        "model": ModelTable(**model),
        "track": track_table(track),
    }
    study = checked(Study, contents)
    return carry_out(study, source, out, observers, announce)


def _plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python."""
    return value.item() if isinstance(value, np.generic) else value


def run(
    study: str | Path | Study,
    *,
    data: Any = None,
    out: str | Path | None = "runs",
    resume: bool = False,
    observers: Sequence[FitObserver] = (),
    announce: Callable[[str], Any] | None = None,
) -> RunResult:
    """Do what a study says.

    Parameters
    ----------
    study : str, Path or Study
        A file, or what `read_study` gave.
    data : optional
        The data, in place of those that the study names; needed where they were in memory.
    resume : bool, default=False
        Go on with the latest run of this study in `out` that was killed or interrupted, if there
        is one: it ends in the weights of a run that was not.
    out, observers, announce
        As for `fit`.

    Raises
    ------
    StudyError
        The file breaks a rule.
    DataError, DivergedError, OutputError
        As for `fit`.
    """
    path = None
    if not isinstance(study, Study):
        path = path_of(study, "study")
        name = path.stem if path.stem != "study" else None
        study = read_study(path)
        study = study if study.name or not name else study.model_copy(update={"name": name})
    if study.sweep is not None:
        raise StudyError(
            "A study must have no table [sweep] to be run as one training; this one has. "
            "Use `workflows.sweep`, or `mlplab run`."
        )
    if study.data is None:
        raise StudyError(
            "A study must have a table [data] to be run; this one only traces. "
            "Use `mlplab trace` with it."
        )
    if data is None and study.data.source == IN_MEMORY:
        raise StudyError(
            f"`data.source` must name a file or a data set; got {IN_MEMORY!r}, for the data of "
            "this run were not read from a file. Pass them: run(study, data=table)."
        )
    given = study.data.source if data is None else data
    base = None if path is None or data is not None else path.parent
    with naming_lines(path, ("data", "source")):
        test = study.data.test_source if data is None else None
        how = options_of(study.data.reading) if isinstance(given, (str, Path)) else {}
        source = read_source(
            given, seed=study.seed, base=base, test=test, reading=how, blocks=study.data.blocks
        )
    with naming_lines(path):
        return carry_out(study, source, out, observers, announce, resume=resume)


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """What stands before training begins."""

    study: Study  # with everything written out
    parts: Parts
    parameters: dict[str, Any]
    make: Callable[[Any], Any]
    model: TabularModel
    table: TableDescription


def _prepared(study: Study, source: Source) -> _Prepared:
    """Whatever could fail about study and data fails here, before hours of training."""
    parts = deal_parts(study, source) if source.blocks is None else deal_blocks(study, source)
    check_pictures(study, parts)
    parameters, chosen = choose_parameters(parts, study.model.parameters)
    check_model(kind_of(parts.task), parameters)
    resolved, choices = resolve(study, source, parts, parameters, (*parts.choices, *chosen))
    make = functools.partial(_variant, study, parts, parameters)
    check_variants(study.variants, make)
    model = TabularModel(parts.preparation, make({}), parts.encoding, parts.task, choices)
    return _Prepared(resolved, parts, parameters, make, model, describe_rows(parts))


def carry_out(
    study: Study,
    source: Source,
    out: str | Path | None,
    observers: Sequence[FitObserver],
    announce: Callable[[str], Any] | None = None,
    *,
    resume: bool = False,
) -> RunResult:
    """Prepare, train, judge and keep; what `fit` and `run` share."""
    began, ready = time.perf_counter(), _prepared(study, source)
    parts, model, make = ready.parts, ready.model, ready.make
    old = unfinished_run(out, _text_of(ready.study)) if resume else None
    folder = old or (None if out is None else _open_folder(out, ready.study))
    _announce(announce, opening(parts, model.choices))
    kept = None if folder is None else Keeper(folder, parts, announce)
    keeper = WeightKeeper(study.figures.epochs or [0], memory=False)
    keepers = (keeper,) if folder is None else (keeper, Checkpoints(folder, model))
    with (
        without_company(folder),
        _telling_where(folder),
        open_tracked(ready.study, folder, out, announce) as tracked,
    ):
        watchers = (*observers, *tracked.observers, *keepers)
        remarks, diverged = train(model.estimator, parts, watchers, kept, goes_on=old is not None)
        if folder is not None:
            keep_training(folder, model)
        closer = Closer() if diverged else look_closer(study, parts, model, keeper.snapshots, make)
        result = RunResult(
            folder=None if folder is None else folder.path,
            settings=ready.parameters,
            **closer.nouns,
            **_told(ready.study, source, ready.table, time.perf_counter() - began),
            **_outcome(model, parts, [*remarks, *closer.remarks, *_kind_remarks(ready.table)]),
        )
        _keep(folder, result, parts, study.figures.show)
        keep_outcome(tracked, result)
        _forget(kept, result)
    _tell_divergence(diverged, folder)
    return result


def _keep(folder: RunFolder | None, result: RunResult, parts: Parts, show: Sequence[str]) -> None:
    if folder is not None:
        keep_run(folder, result, parts, figures=tuple(show))
        report(folder.path)


def _forget(kept: Keeper | None, result: RunResult) -> None:
    if kept is not None and not result.interrupted:
        kept.forget()


def _announce(announce: Callable[[str], Any] | None, lines: Sequence[str]) -> None:
    if announce is not None:
        announce("\n".join(lines))


def _variant(study: Study, parts: Parts, parameters: dict[str, Any], changed: Any) -> Any:
    """Return the network of a study with some parameters changed."""
    return _estimator(study, parts, {**parameters, **changed})


def _tell_divergence(sentence: str | None, folder: RunFolder | None) -> None:
    if sentence is not None:
        kept = "" if folder is None else f" What was learned is kept in {folder.path}."
        raise DivergedError(f"{sentence}{kept}")


def _told(study: Study, source: Source, table: TableDescription, seconds: float) -> dict[str, Any]:
    """Return what a result says about the study and its rows."""
    return {
        "name": str(study.name),
        "notes": study.notes or "",
        "source": source.words,
        "seed": study.seed,
        "table": table,
        "seconds": seconds,
    }


def _outcome(model: TabularModel, parts: Parts, remarks: Sequence[str]) -> dict[str, Any]:
    """Return what a result says about the trained model."""
    metrics = judge(model, parts)
    return {
        "model": model,
        "remarks": (*doubts(metrics), *parts.split.remarks, *remarks),
        "target": parts.found.names,
        "split": parts.split,
        "network": explain.describe(model.estimator),
        "fit": model.estimator.result_,
        "metrics": metrics,
        "choices": model.choices,
        "column_choices": parts.preparation.choices_,
    }


def _kind_remarks(table: TableDescription) -> list[str]:
    return [remark for remark in table.remarks if NEARLY_ALL in remark]


def _open_folder(out: str | Path, study: Study) -> RunFolder:
    now = datetime.now().astimezone()
    text = _text_of(study)
    folder = RunFolder.create(path_of(out, "out"), str(study.name), now=now)
    folder.write_text("study.toml", text)
    return folder


def _text_of(study: Study) -> str:
    return study_to_toml(study, remarks_on(study))


@contextlib.contextmanager
def _telling_where(folder: RunFolder | None) -> Iterator[None]:
    """Let an interrupt that ends a run say what is left of it."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if folder is None:
            raise
        kept = "the model is kept" if (folder.path / MODEL).exists() else "there is no model yet"
        message = f"interrupted before the run was complete; {kept} in {folder.path}"
        raise KeyboardInterrupt(message) from stop


def _estimator(study: Study, parts: Parts, parameters: dict[str, Any]) -> Any:
    """Return the network, after it has shown that it can be built for these rows."""
    classes = np.unique(parts.train.y) if parts.task == "classification" else ()
    if parts.stream is not None and parts.stream.classes is not None:
        classes = parts.stream.classes
    settings = match_class_weight(parameters, classes)
    settings = {**settings, "random_state": study.seed}
    make = estimator_class(kind_of(parts.task))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the training says the same again
        # What is wrong with a parameter is noticed before there is a folder.
        trial = make(**settings)
        if parts.stream is not None:
            check_passes(trial)
        trial.initialize(parts.train.x, parts.train.y)
    return make(**settings)
