"""From a study with a table ``[sweep]`` to its trials, and to the best network, tested."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mlplab._files import output_error, path_of
from mlplab.errors import MLPLabError, ParameterError, StudyError
from mlplab.export import to_bytes
from mlplab.results import SweepResult, SweepStop
from mlplab.sweeps import SweepObserver, analyse, open_ledger, run, write_tables
from mlplab.sweeps.backends import BackendName, open_backend
from mlplab.tracking import RunFolder, TrackedSweep, environment, json_text
from mlplab.workflows.announcing import opening
from mlplab.workflows.choosing import choose_parameters
from mlplab.workflows.keeping import MODEL, REPORT
from mlplab.workflows.parts import deal_parts, kind_of
from mlplab.workflows.settings import check_model
from mlplab.workflows.sources import IN_MEMORY, Source, options_of, read_source
from mlplab.workflows.study import Study
from mlplab.workflows.study_file import naming_lines, read_study
from mlplab.workflows.study_text import study_to_toml
from mlplab.workflows.sweep_finalists import retrain
from mlplab.workflows.sweep_kept import STUDY, SUMMARY, read_sweep
from mlplab.workflows.sweep_report import render_sweep
from mlplab.workflows.sweep_space import sweep_of
from mlplab.workflows.sweep_summary import StudySweep, SweepAbout
from mlplab.workflows.sweep_trainer import NetworkTrainer, Rows, without_rows
from mlplab.workflows.sweep_words import configuration_words
from mlplab.workflows.tracked import keep_sweep, open_tracked

__all__ = ["sweep"]

ENVIRONMENT = "environment.json"
_URLS = ("postgresql://", "postgres://")


def sweep(
    study: str | Path | Study,
    *,
    data: Any = None,
    out: str | Path | None = "runs",
    resume: bool = False,
    storage: str | Path | None = None,
    backend: BackendName = "threads",
    jobs: int | None = None,
    address: str | None = None,
    retry_failed: bool = False,
    observers: Sequence[SweepObserver] = (),
    announce: Callable[[str], Any] | None = None,
) -> StudySweep:
    """Train what a study's table ``[sweep]`` asks for, and the best again on all training rows.

    Test rows are set aside first, and looked at last. Each fold is prepared by what its own
    training rows tell. A network with ``early_stopping`` sets a part of these rows aside.

    Parameters
    ----------
    study : str, Path or Study
        A file, or what `read_study` gave.
    data : optional
        The data, in place of those that the study names.
    out : str or Path or None, default="runs"
        The folder of all runs; None keeps nothing, unless `storage` says where.
    resume : bool, default=False
        Go on with the latest sweep of this name in `out`, if there is one.
    storage : str or Path, optional
        A folder for this sweep, or the URL of a PostgreSQL database. What it holds is not trained
        again, and several processes may work on it at once.
    backend : {"threads", "processes", "dask", "ray"}
    jobs : int, optional
        Threads or workers; as many as processors if left out, of this machine or of the cluster.
    address : str, optional
        Of a running scheduler of Dask or Ray; one is started on this machine if left out.
    retry_failed : bool, default=False
        Train again what failed earlier.
    observers : sequence of SweepObserver
    announce : callable, optional
        Gets a few lines before the first training.

    Returns
    -------
    StudySweep
        Also where somebody interrupted; then nothing was trained again, and there is no model.

    Raises
    ------
    StudyError
        The file breaks a rule, or has no table ``[sweep]``.
    DataError, ParameterError
        Rows or values that cannot be used.
    OutputError
        Folder or storage cannot be written.

    Examples
    --------
    >>> from mlplab.workflows.study_file import parse_study
    >>> study = parse_study('''
    ... data = { source = "iris" }
    ... model = { max_iter = 60, learning_rate_init = 0.01 }
    ... [sweep]
    ... folds = 5
    ... space = { hidden_layer_sizes = [[1], [16]] }
    ... ''')
    >>> swept = sweep(study, out=None)
    >>> swept.result.best()[0].configuration
    {'hidden_layer_sizes': [16]}
    """
    path = None if isinstance(study, Study) else path_of(study, "study")
    study, source = _read(study, path, data)
    with naming_lines(path):
        plan = _Plan(study, source, jobs if backend == "threads" else 1)
    open_backend(backend, plan.trainer, jobs, address)  # finds wrong names before there is a folder
    where = _Where(plan.study, out, storage, resume=resume)
    if announce is not None:
        announce("\n".join(plan.opening(where.folder)))
    folder = None if where.folder is None else RunFolder(where.folder)
    with open_tracked(plan.study, folder, out, announce, "trained") as tracked:
        result = run(
            plan.sweep,
            plan.trainer,
            storage=where.storage,
            backend=backend,
            jobs=None if backend == "threads" else jobs,
            address=address,
            retry_failed=retry_failed,
            observers=[*observers, *map(TrackedSweep, tracked.observers)],
        )
        swept = _finish(plan, result, where)
        keep_sweep(tracked, swept)
    return swept


class _Plan:
    """Everything that has to be right before the first training."""

    def __init__(self, study: Study, source: Source, n_threads: int | None) -> None:
        assert study.data is not None  # noqa: S101  (callers have looked)
        # Each fold deals its own validation rows.
        split = study.data.split.model_copy(update={"validation": 0})
        table = study.data.model_copy(update={"split": split})
        self.parts = deal_parts(study.model_copy(update={"data": table}), source)
        kind = kind_of(self.parts.task)
        self.study = study.model_copy(
            update={"model": study.model.model_copy(update={"kind": kind})}
        )
        self.base, self.choices = choose_parameters(self.parts, study.model.parameters)
        check_model(kind, self.base)
        self.sweep = sweep_of(self.study, self.parts.task, self.base)
        self.rows = Rows(self.study, without_rows(source), self.parts)
        self.trainer = NetworkTrainer(self.rows, self.sweep, self.base, n_threads)

    @property
    def about(self) -> SweepAbout:
        """What is swept."""
        assert self.study.sweep is not None  # noqa: S101  (callers have looked)
        search = self.study.sweep.search.get("search", "grid")
        limited = self.sweep.trials is not None or self.sweep.seconds is not None
        return SweepAbout(
            task=self.parts.task,
            target=self.parts.found.names,
            source=self.rows.source.words,
            n_rows=len(self.parts.train),
            n_test=len(self.parts.test),
            search=search if isinstance(search, str) else configuration_words(search),
            n_folds=self.sweep.n_folds,
            n_seeds=self.sweep.seeds,
            validation_share=self.validation_share,
            is_whole=search == "grid" and not limited,
        )

    def opening(self, folder: Path | None) -> list[str]:
        """Return what is said before the first training."""
        varied = {parameter.name for parameter in self.sweep.space.parameters}
        fixed = [choice for choice in self.choices if choice.subject not in varied]
        n = self.sweep.space.n_combinations
        many = "A space without end" if n is None else f"{n:,} combinations"
        cells = self.sweep.n_folds * self.sweep.seeds
        each = "once" if cells == 1 else f"{cells} times (folds × seeds)"
        what = (
            f"{many} of {', '.join(sorted(varied))}; each that differs is trained {each} and "
            f"judged by {self.sweep.scores[0]} on rows kept out of its training."
        )
        lines = [*opening(self.parts, (*self.parts.choices, *fixed)), what]
        return lines if folder is None else [*lines, f"Sweep: {folder}"]

    @property
    def validation_share(self) -> float:
        """Of the rows of a fold those that validate."""
        fold = self.rows.deal(self.sweep)[0]
        return len(fold.validate) / (len(fold.train) + len(fold.validate))


class _Where:
    """Where a sweep is kept: its folder, and the storage of its trainings."""

    def __init__(
        self, study: Study, out: str | Path | None, storage: str | Path | None, *, resume: bool
    ) -> None:
        self.remote = storage is not None and str(storage).startswith(_URLS)
        self.folder: Path | None = None
        if storage is not None and not self.remote:
            self.folder = _made(path_of(storage, "storage"))
        elif out is not None:
            base, name = path_of(out, "out"), str(study.name)
            self.folder = _latest(base, study) if resume else None
            now = datetime.now().astimezone()
            self.folder = self.folder or RunFolder.create(base, name, now=now).path
        self.storage = storage if self.remote else self.folder
        self.write(STUDY, study_to_toml(study).encode())
        self.write(ENVIRONMENT, json_text(environment()).encode())

    def write(self, name: str, content: bytes) -> None:
        """Write a file, if anything is kept."""
        if self.folder is not None:
            RunFolder(self.folder).write_bytes(name, content)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise output_error(folder, cause) from cause
    return folder


def _latest(base: Path, study: Study) -> Path | None:
    """Return the folder of the latest sweep of a name."""
    for path in sorted(base.glob(f"*/{STUDY}"), reverse=True):
        with contextlib.suppress(MLPLabError):
            found = read_study(path)
            if found.sweep is not None and found.name == study.name:
                return path.parent
    return None


def _read(study: str | Path | Study, path: Path | None, data: Any) -> tuple[Study, Source]:
    """Return the study, with its name and its data written out, and the data."""
    study = study if isinstance(study, Study) else read_study(study)
    if study.sweep is None or study.data is None:
        raise StudyError(
            "A study must have tables [data] and [sweep] to be swept; got one without. "
            "Use `mlplab run` or `workflows.run` with it."
        )
    if study.data.blocks:
        raise StudyError(
            "A sweep must have its rows in memory; `data.blocks` is true. Leave it out, or fit one "
            "network."
        )
    given = study.data.source if data is None else data
    if isinstance(given, str) and given == IN_MEMORY:
        raise StudyError(
            f"`data.source` must name a file or a data set; got {IN_MEMORY!r}. Pass the rows: "
            "sweep(study, data=table)."
        )
    base = None if path is None or data is not None else path.parent
    with naming_lines(path, ("data", "source")):
        test = study.data.test_source if data is None else None
        how = options_of(study.data.reading) if isinstance(given, (str, Path)) else {}
        source = read_source(given, seed=study.seed, base=base, test=test, reading=how)
    stem = path.stem if path is not None and path.stem != "study" else source.name
    table = study.data.model_copy(update=source.places)
    return study.model_copy(update={"name": study.name or stem, "data": table}), source


def _finish(plan: _Plan, result: SweepResult, where: _Where) -> StudySweep:
    """Analyse, train the best again, and keep all that."""
    assert plan.study.sweep is not None  # noqa: S101  (`sweep` has looked)
    scored, about = bool(result.ranking()), plan.about
    analysis = analyse(result, validation_share=about.validation_share) if scored else None
    swept = StudySweep(str(plan.study.name), about, where.folder, result, analysis)
    if result.stop is not SweepStop.INTERRUPTED:
        with _saying_what_is_kept(where.folder):
            best, remarks = retrain(result, plan.rows, plan.base, plan.study.sweep.retrain)
        swept = StudySweep(swept.name, about, where.folder, result, analysis, best, remarks)
    if where.folder is not None:
        _keep(swept, where)
    if not scored and result.stop is SweepStop.COMPLETE:
        reason = result.failed[0].reason if result.failed else "there are no trials"
        raise ParameterError(
            f"A sweep must have a configuration that can be trained; none has a score: {reason} "
            "Change [sweep.space] or [model]."
        )
    return swept


@contextlib.contextmanager
def _saying_what_is_kept(folder: Path | None) -> Iterator[None]:
    """Let an interrupt after the sweep say what is left of it."""
    try:
        yield
    except KeyboardInterrupt as stop:
        kept = "" if folder is None else f" The sweep is kept in {folder}; --resume goes on."
        message = f"interrupted before the best were trained again.{kept}"
        raise KeyboardInterrupt(message) from stop


def _keep(swept: StudySweep, where: _Where) -> None:
    folder = RunFolder(swept.folder or Path())
    if where.remote and where.storage is not None:
        with contextlib.closing(open_ledger(where.storage)) as ledger:
            write_tables(swept.result, ledger, folder.path)
    if swept.model is not None:
        folder.write_bytes(MODEL, to_bytes(swept.model.to_artifact()))
    folder.write_json(SUMMARY, swept.to_dict())
    folder.write_text(REPORT, render_sweep(read_sweep(folder.path, swept.analysis)))
