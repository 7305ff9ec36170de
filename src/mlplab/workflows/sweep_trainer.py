"""What trains the cells of a study's sweep: networks on tables, many of them together."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mlplab._typing import AnyArray
from mlplab.data import group_codes, time_ranks
from mlplab.errors import ParameterError
from mlplab.estimators import fit_many
from mlplab.results import Configuration, FitOutcome, SplitSizes, StopReason
from mlplab.sweeps import Done, Fold, Job, Outcome, Paused, Sweep, deal_rows, fold_fingerprints
from mlplab.workflows.choosing import match_class_weight
from mlplab.workflows.parts import Part, Parts, kind_of, prepare_parts
from mlplab.workflows.settings import check_preparation, estimator_class
from mlplab.workflows.sources import Source
from mlplab.workflows.study import Study
from mlplab.workflows.sweep_scores import score_on
from mlplab.workflows.sweep_space import DATA, split_configuration
from mlplab.workflows.sweep_stretches import Training, is_endless, trainings_of

__all__ = ["NetworkTrainer", "Rows", "new_estimator", "rows_of", "without_rows"]

# What makes networks of different speed or shape; the others train together well.
_GROUPING = ("hidden_layer_sizes", "activation", "solver", "batch_size", "max_iter", "dropout")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows that a sweep may look at, and those for the test at its end.

    Attributes
    ----------
    study : Study
    source : Source
        Without its rows.
    parts : Parts
        Prepared as the study says: training rows, no validation rows, test rows.
    """

    study: Study
    source: Source
    parts: Parts

    def prepared(
        self, options: Mapping[str, Any], train: AnyArray | None = None, judged: Any = None
    ) -> Parts:
        """Return parts whose preparation has learned from some of the training rows alone.

        Parameters
        ----------
        options : mapping
            Of the preparation, in place of what the study says.
        train, judged : ndarray of int, optional
            Rows to learn from, and rows to judge on (as test part); all training rows and the
            test rows if left out.
        """
        rows, nothing, test = self.parts.frames
        frames = (rows, nothing, test)
        if train is not None:
            frames = (rows.iloc[train], nothing, rows.iloc[judged])
        table = check_preparation({**self.study.preparation.model_dump(), **options})
        study = self.study.model_copy(update={"preparation": table})
        sizes = self.parts.split
        if train is not None:
            sizes = SplitSizes("fold of a sweep", len(frames[0]), 0, len(frames[2]))
        return prepare_parts(
            study, self.source, self.parts.found, frames, frame=self.parts.frame, sizes=sizes
        )

    def deal(self, sweep: Sweep) -> tuple[Fold, ...]:
        """Deal the training rows to the folds of a sweep.

        Raises
        ------
        ParameterError
            There are too few rows, groups or times.
        """
        assert self.study.data is not None  # noqa: S101  (there are rows)
        split = self.study.data.split
        if sweep.folds == 1 and not split.validation:
            raise ParameterError(
                "`data.split.validation` must be above 0 where a sweep has one validation split; "
                "got 0. Set it to 0.2, or `sweep.folds` to 5."
            )
        y = self.parts.train.y
        stratify = self.parts.task == "classification" and split.stratify is not False
        if stratify:  # as long as every fold can have each class
            stratify = np.unique(y, return_counts=True)[1].min() >= max(2, sweep.folds)
        frame = self.parts.frames[0]
        groups = None if split.groups is None else group_codes(frame[split.groups], len(frame))
        times = None if split.time is None else time_ranks(frame[split.time], len(frame))
        try:
            return deal_rows(
                sweep,
                y,
                stratify=stratify,
                validation=split.validation,
                groups=groups,
                times=times,
            )
        except ValueError as cause:
            raise ParameterError(
                f"`data.split` and `sweep.folds` must leave rows of every class, whole groups and "
                f"times on either side; got {split.validation} and {sweep.folds} for {len(y)} "
                f"rows: {cause}. Choose fewer folds or another share."
            ) from cause


class NetworkTrainer:
    """Trains networks together with `fit_many`.

    A paused network goes on from where it is. One that cannot pause (lbfgs) ends early instead,
    and is trained again from the start. Which of the two costs time and nothing else.

    Parameters
    ----------
    rows : Rows
    sweep : Sweep
    base : mapping
        The parameters of the network that do not vary.
    n_threads : int, optional
    """

    def __init__(
        self, rows: Rows, sweep: Sweep, base: Mapping[str, Any], n_threads: int | None = None
    ) -> None:
        self._rows, self._base, self._n_threads = rows, dict(base), n_threads
        self._scores = sweep.scores
        self._dealt = rows.deal(sweep)
        parts = rows.parts
        data = rows.study.data
        drop = [] if data is None else data.drop
        told = [parts.found.names, parts.task, drop, rows.study.preparation.kinds]
        self._folds = fold_fingerprints(self._dealt, parts.frames[0], told)
        self._cache: dict[str, Parts] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave what can be computed again out of what travels to other processes."""
        return {**self.__dict__, "_cache": {}}

    @property
    def folds(self) -> Sequence[str]:
        """Fingerprints of data and folds."""
        return self._folds

    def group(self, configuration: Configuration) -> Hashable:
        """Return what makes networks of one shape and speed."""
        merged = {**self._base, **configuration}
        # Lengths of one training have to be claimed together, to be trained together.
        names = [n for n in _GROUPING if n != "max_iter" or not is_endless(merged)]
        data = sorted((k, repr(v)) for k, v in configuration.items() if k.startswith(DATA))
        return (*(repr(merged.get(name)) for name in names), *data)

    def train(self, jobs: Sequence[Job], done: Done) -> None:
        """Train all together, and tell of each as soon as it is over."""
        trainings = trainings_of(jobs, self._base)
        while trainings:
            tell = partial(_tell, trainings, done)
            self._train_together([training.next_job() for training in trainings], tell)
            trainings = [training for training in trainings if not training.is_over]

    def _train_together(self, jobs: Sequence[Job], done: Done) -> None:
        told: set[int] = set()

        def tell(place: int, outcome: Outcome) -> None:
            told.add(place)
            done(place, outcome)

        begun: list[tuple[int, Any, Parts]] = []
        for place, job in enumerate(jobs):
            try:
                estimator, parts = self._prepare(job)
                if _is_over(estimator):
                    tell(place, self._outcome(job, estimator, parts, 0.0))
                else:
                    begun.append((place, estimator, parts))
            except Exception as error:  # noqa: BLE001  # recorded as the reason
                tell(place, Outcome.of_error(error))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of hundreds of trainings nobody reads them
            fit_many(
                [estimator for _, estimator, _ in begun],
                fits=[_fit_arguments(estimator, parts) for _, estimator, parts in begun],
                n_threads=self._n_threads,
                on_done=lambda at, end: self._judge(jobs, *begun[at], end, tell),
            )
        if len(told) < len(jobs):
            raise KeyboardInterrupt  # which fit_many has answered

    def _prepare(self, job: Job) -> tuple[Any, Parts]:
        """Return the network that is to be trained, and its rows."""
        model, options = split_configuration(job.configuration)
        key = repr((job.fold, sorted(options.items())))
        if key not in self._cache:
            fold = self._dealt[job.fold]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the study's own preparation has said it
                self._cache[key] = self._rows.prepared(options, fold.train, fold.validate)
        parts = self._as_trained(key, {**self._base, **model}.get("dtype", "auto"))
        estimator = None if job.state is None else job.state.take()
        if estimator is None:
            estimator = new_estimator({**self._base, **model}, parts, job.seed)
        return _set_to_pause(estimator, job), parts

    def _as_trained(self, key: str, dtype: str) -> Parts:
        """Return parts whose rows all networks of this type read where they lie, uncopied."""
        parts, name = self._cache[key], f"{key} {dtype}"
        if dtype not in {"float32", "float64"}:
            return parts
        if name not in self._cache:
            train, test = (
                dataclasses.replace(part, x=part.x.astype(dtype, copy=False))
                for part in (parts.train, parts.test)
            )
            self._cache[name] = dataclasses.replace(parts, train=train, test=test)
        return self._cache[name]

    def _judge(
        self, jobs: Sequence[Job], place: int, estimator: Any, parts: Parts, end: FitOutcome,
        tell: Done,
    ) -> None:  # fmt: skip
        if end.error is not None:
            tell(place, Outcome.of_error(end.error, end.seconds))
        elif end.result is not None and end.result.status is not StopReason.INTERRUPTED:
            try:
                outcome = self._outcome(jobs[place], estimator, parts, end.seconds)
            except Exception as error:  # noqa: BLE001  # recorded as the reason
                outcome = Outcome.of_error(error, end.seconds)
            tell(place, outcome)

    def _outcome(self, job: Job, estimator: Any, parts: Parts, seconds: float) -> Outcome:
        return Outcome(
            scores=score_on(self._scores, estimator, parts, parts.test),
            n_epochs=len(estimator.loss_curve_),
            seconds=seconds,
            curve=curve_of(estimator),
            state=Paused(estimator) if job.pauses and _can_pause(estimator) else None,
        )


def _tell(trainings: Sequence[Training], done: Done, at: int, outcome: Outcome) -> None:
    trainings[at].tell(outcome, done)


def new_estimator(parameters: Mapping[str, Any], parts: Parts, seed: int) -> Any:
    """Return a network that has not been trained."""
    classes = np.unique(parts.train.y) if parts.task == "classification" else ()
    settings = match_class_weight(dict(parameters), classes)
    return estimator_class(kind_of(parts.task))(**{**settings, "random_state": seed})


def rows_of(part: Part, task: str) -> dict[str, Any]:
    """Return the arguments of `fit`."""
    return {"X": part.x} if task == "autoencoder" else {"X": part.x, "y": part.y}


def _fit_arguments(estimator: Any, parts: Parts) -> dict[str, Any]:
    """Return the arguments of `fit`, with the rows that judge for the network to look at.

    Looking changes no bit of the training, and choosing by them would be wrong: with early
    stopping, which chooses, it looks at rows of its own.
    """
    fit = rows_of(parts.train, parts.task)
    chooses = estimator.early_stopping or estimator.stopping not in {"auto", "loss"}
    if chooses or not _all_known(parts):
        return fit
    return fit | {f"{name}_val": rows for name, rows in rows_of(parts.test, parts.task).items()}


def _all_known(parts: Parts) -> bool:
    """Tell whether the network will know every class of the rows that judge."""
    if parts.task != "classification":
        return True
    columns = (part.y.reshape(len(part), -1).T for part in (parts.train, parts.test))
    return all(np.isin(np.unique(b), a).all() for a, b in zip(*columns, strict=True))


def curve_of(estimator: Any) -> dict[str, AnyArray]:
    """Return what a network remembers of its epochs.

    What it saw on the rows that judge is ``validation_score`` and ``validation_loss``; what it
    saw on rows that it had set aside to choose the epoch is ``stopping_score`` and
    ``stopping_loss``.
    """
    columns = {"loss": np.asarray(estimator.loss_curve_)}
    rows = "stopping" if estimator.early_stopping else "validation"
    watched = {
        f"{rows}_score": estimator.validation_scores_,
        f"{rows}_loss": estimator.validation_loss_curve_,
    }
    for name, values in watched.items():
        if values is not None and len(values) == len(estimator.loss_curve_):
            columns[name] = np.asarray(values)
    return columns


def _can_pause(estimator: Any) -> bool:
    return hasattr(estimator, "pause_after")


def _set_to_pause(estimator: Any, job: Job) -> Any:
    """Return a network, set to pause where the job does."""
    if _can_pause(estimator):
        if job.pauses:
            estimator.set_params(warm_start="state")
        return estimator.pause_after(job.epochs)
    if job.epochs is not None:
        estimator.set_params(max_iter=min(job.epochs, estimator.max_iter))
    return estimator


def _is_over(estimator: Any) -> bool:
    """Tell whether a paused network had come to its end before the pause."""
    result = getattr(estimator, "result_", None)
    return result is not None and result.status is not StopReason.PAUSED


def without_rows(source: Source) -> Source:
    """Return a source that knows its columns only."""
    return dataclasses.replace(source, frame=source.frame.iloc[:0], test_frame=None)
