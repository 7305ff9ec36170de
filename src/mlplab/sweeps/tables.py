"""Trials and learning curves as Parquet, each readable with pandas in one line."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlplab._files import path_of, write_atomically
from mlplab._optional import require
from mlplab._typing import AnyArray
from mlplab.errors import ParameterError
from mlplab.results import CellResult, SweepResult, Trial
from mlplab.sweeps.contract import Ledger
from mlplab.sweeps.identity import canonical

__all__ = [
    "ABOUT",
    "CURVES",
    "TRIALS",
    "curves_table",
    "trials_table",
    "with_curves",
    "write_tables",
]

TRIALS, CURVES = "trials.parquet", "curves.parquet"
ABOUT = b"mlplab.sweep"
"""Under this name the table of trials says in JSON what its columns do not."""

_PURPOSE = "Keeping a sweep as tables"
_COLUMNS = frozenset(
    {"trial", "seed", "fold", "paused_at", "status", "reason", "n_epochs", "seconds", "key"}
)
_WHERE = frozenset({"trial", "seed", "fold", "epoch"})


def write_tables(result: SweepResult, ledger: Ledger, folder: Path) -> tuple[Path, Path]:
    """Write ``trials.parquet`` and ``curves.parquet``; both are whole at every moment.

    Parameters
    ----------
    result : SweepResult
    ledger : Ledger
        Where the curves are.
    folder : Path

    Returns
    -------
    tuple of Path
        Read them with ``pandas.read_parquet(path)``, or both together with `read_result`.
    """
    parquet = require("pyarrow.parquet", "lab", _PURPOSE)
    folder = path_of(folder, "folder")
    paths = folder / TRIALS, folder / CURVES
    for path, table in zip(
        paths, (trials_table(result), curves_table(result, ledger)), strict=True
    ):
        sink = io.BytesIO()
        parquet.write_table(table, sink)
        write_atomically(path, sink.getvalue())
    return paths


def trials_table(result: SweepResult) -> Any:
    """Return a table of PyArrow with a row for each cell.

    Columns are ``trial``, the parameters by name, ``seed``, ``fold``, ``paused_at``, ``status``,
    ``reason``, the scores as ``score.<name>``, ``n_epochs`` and ``seconds``, both from the start
    of the training, and ``key``. Values that are neither numbers nor texts are written as JSON.
    """
    pyarrow = require("pyarrow", "lab", _PURPOSE)
    rows = [(trial, cell) for trial in result.trials for cell in trial.cells]
    names = dict.fromkeys(name for trial in result.trials for name in trial.configuration)
    parameters = {name: _Column.of(name, result.trials) for name in names}
    scores = dict.fromkeys((*result.scores, *(name for _, cell in rows for name in cell.scores)))
    columns: dict[str, Any] = {"trial": [trial.number for trial, _ in rows]}
    for name, column in parameters.items():
        columns[column.name] = [column.value(trial.configuration, name) for trial, _ in rows]
    columns |= {
        "seed": [r.cell.seed for _, r in rows],
        "fold": [r.cell.fold for _, r in rows],
        "paused_at": pyarrow.array([r.cell.epochs for _, r in rows], pyarrow.int64()),
        "status": [r.status for _, r in rows],
        "reason": pyarrow.array([r.reason for _, r in rows], pyarrow.string()),
        **{f"score.{name}": [r.scores.get(name) for _, r in rows] for name in scores},
        "n_epochs": [r.n_epochs for _, r in rows],
        "seconds": [_seconds(trial, r) for trial, r in rows],
        "key": [r.cell.key for _, r in rows],
    }
    return pyarrow.table(columns, metadata={ABOUT: _about(result, parameters)})


def _seconds(trial: Trial, result: CellResult) -> float:
    """Return how long a training took, before pauses too."""
    who = result.cell.seed, result.cell.fold
    before = (r.seconds for r in trial.earlier if (r.cell.seed, r.cell.fold) == who)
    return result.seconds + sum(before)


def _about(result: SweepResult, parameters: Mapping[str, _Column]) -> str:
    """Return what the columns do not say."""
    names = ("scores", "seconds", "n_combinations", "n_cells", "n_trained")
    about = {name: getattr(result, name) for name in names}
    columns = {name: dataclasses.asdict(column) for name, column in parameters.items()}
    return json.dumps({**about, "stop": result.stop.name, "parameters": columns})


@dataclass(frozen=True, slots=True)
class _Column:
    """A parameter as a column.

    Attributes
    ----------
    name : str
        Of the column.
    texts : dict of str to object, or None
        What texts stand for, as JSON says it; None where values are written as they are.
    """

    name: str
    texts: dict[str, Any] | None

    @classmethod
    def of(cls, parameter: str, trials: Sequence[Trial]) -> _Column:
        """Take values as they are where one type holds them all, else write them as texts."""
        column = f"parameter.{parameter}" if parameter in _COLUMNS else parameter
        values = [t.configuration[parameter] for t in trials if parameter in t.configuration]
        kinds = {type(value) for value in values}
        if (len(kinds) == 1 and kinds <= {bool, int, float, str}) or kinds <= {int, float}:
            return cls(column, None)
        return cls(column, {_as_text(value): canonical(value) for value in values})

    def value(self, configuration: Mapping[str, Any], parameter: str) -> Any:
        """Return what stands in the column."""
        if parameter not in configuration:
            return None
        value = configuration[parameter]
        return value if self.texts is None else _as_text(value)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(canonical(value), ensure_ascii=False)


def curves_table(result: SweepResult, ledger: Ledger) -> Any:
    """Return a table of PyArrow with a row for each epoch of each training.

    Columns are ``trial``, ``seed``, ``fold``, ``epoch`` (from 1) and those of the curves. A
    training that paused is in it once, from its first epoch to its last.
    """
    pyarrow = require("pyarrow", "lab", _PURPOSE)
    kept = _kept(result, ledger)
    parts = [part for trial in result.trials for part in _curves(trial, kept)]
    names = dict.fromkeys(("trial", "seed", "fold", "epoch"))
    names |= dict.fromkeys(name for part in parts for name in part)
    return pyarrow.table({name: _joined(name, parts) for name in names})


def with_curves(result: SweepResult, ledger: Ledger) -> SweepResult:
    """Return the result with the curve of every training, from its first epoch to its last."""
    kept = _kept(result, ledger)
    trials = tuple(_with_curves(trial, kept) for trial in result.trials)
    return dataclasses.replace(result, trials=trials)


def _with_curves(trial: Trial, kept: Mapping[str, CellResult]) -> Trial:
    parts = list(_curves(trial, kept))
    cells = []
    for cell in trial.cells:
        who = cell.cell.seed, cell.cell.fold
        own = [part for part in parts if (part["seed"][0], part["fold"][0]) == who]
        names = [name for name in (own[-1] if own else ()) if name not in _WHERE]
        curve = {name: _joined(name, own) for name in names}
        cells.append(dataclasses.replace(cell, curve=curve if cell.status == "done" else None))
    return dataclasses.replace(trial, cells=tuple(cells))


def _kept(result: SweepResult, ledger: Ledger) -> dict[str, CellResult]:
    keys = [cell.cell.key for trial in result.trials for cell in (*trial.earlier, *trial.cells)]
    kept = {cell.cell.key: cell for cell in ledger.read(keys)}
    if any(key not in kept for key in keys):
        raise ParameterError(
            f"`ledger` must be the one of the sweep; got one with {len(kept)} of its {len(keys)} "
            "trainings. Open it with sweeps.open_ledger(storage)."
        )
    return kept


def _curves(trial: Trial, kept: Mapping[str, CellResult]) -> Iterator[dict[str, AnyArray]]:
    """Yield the curves of a trial, a part for each time that a training went on."""
    reached: dict[tuple[int, int], int] = {}
    for cell in (*trial.earlier, *trial.cells):
        result = kept[cell.cell.key]
        who = result.cell.seed, result.cell.fold
        length = min((len(column) for column in (result.curve or {}).values()), default=0)
        new = min(length, result.n_epochs - reached.get(who, 0))
        if new > 0:
            reached[who] = result.n_epochs
            yield {
                "trial": np.full(new, trial.number),
                "seed": np.full(new, who[0]),
                "fold": np.full(new, who[1]),
                "epoch": np.arange(result.n_epochs - new, result.n_epochs) + 1,
                **{name: column[-new:] for name, column in (result.curve or {}).items()},
            }


def _joined(name: str, parts: Sequence[Mapping[str, AnyArray]]) -> AnyArray:
    columns = [part.get(name, np.full(len(part["epoch"]), np.nan)) for part in parts]
    return np.concatenate(columns) if columns else np.empty(0, dtype=np.int64)
