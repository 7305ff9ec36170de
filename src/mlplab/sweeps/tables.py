"""Trials and learning curves as Parquet, each readable with pandas in one line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlplab._files import write_atomically
from mlplab._optional import require
from mlplab._typing import AnyArray
from mlplab.results import CellResult, SweepResult, Trial
from mlplab.sweeps.contract import Ledger
from mlplab.sweeps.identity import canonical

__all__ = ["curves_table", "trials_table", "write_tables"]

_PURPOSE = "Keeping a sweep as tables"


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
        Read them with ``pandas.read_parquet(path)``.
    """
    parquet = require("pyarrow.parquet", "lab", _PURPOSE)
    paths = folder / "trials.parquet", folder / "curves.parquet"
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
    ``reason``, the scores as ``score.<name>``, ``n_epochs`` and ``seconds``. Values that are
    neither numbers nor texts are written as JSON.
    """
    pyarrow = require("pyarrow", "lab", _PURPOSE)
    rows = [(trial, cell) for trial in result.trials for cell in trial.cells]
    names = dict.fromkeys(name for trial in result.trials for name in trial.configuration)
    columns: dict[str, Any] = {"trial": [trial.number for trial, _ in rows]}
    for name in names:
        columns[name] = _column([trial.configuration.get(name) for trial, _ in rows])
    columns |= {
        "seed": [r.cell.seed for _, r in rows],
        "fold": [r.cell.fold for _, r in rows],
        "paused_at": pyarrow.array([r.cell.epochs for _, r in rows], pyarrow.int64()),
        "status": [r.status for _, r in rows],
        "reason": pyarrow.array([r.reason for _, r in rows], pyarrow.string()),
        **{f"score.{name}": [r.scores.get(name) for _, r in rows] for name in result.scores},
        "n_epochs": [r.n_epochs for _, r in rows],
        "seconds": [r.seconds for _, r in rows],
    }
    return pyarrow.table(columns)


def _column(values: list[Any]) -> list[Any]:
    """Return values as one type: as they are if they are alike, else as JSON."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1 and kinds <= {bool, int, float, str}:
        return values
    if kinds <= {int, float}:
        return [None if value is None else float(value) for value in values]
    return [None if value is None else _as_text(value) for value in values]


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(canonical(value), ensure_ascii=False)


def curves_table(result: SweepResult, ledger: Ledger) -> Any:
    """Return a table of PyArrow with a row for each epoch of each training.

    Columns are ``trial``, ``seed``, ``fold``, ``epoch`` (from 1) and those of the curves. A
    training that paused is in it once, from its first epoch to its last.
    """
    pyarrow = require("pyarrow", "lab", _PURPOSE)
    keys = [cell.cell.key for trial in result.trials for cell in (*trial.earlier, *trial.cells)]
    kept = {cell.cell.key: cell for cell in ledger.read(keys)}
    parts = [part for trial in result.trials for part in _curves(trial, kept)]
    names = dict.fromkeys(("trial", "seed", "fold", "epoch"))
    names |= dict.fromkeys(name for part in parts for name in part)
    return pyarrow.table({name: _joined(name, parts) for name in names})


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
