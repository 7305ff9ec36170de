"""A sweep from the tables in its folder."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlplab._files import path_of
from mlplab._optional import require
from mlplab._typing import AnyArray
from mlplab.errors import DataError
from mlplab.results import Cell, CellResult, Configuration, Curve, SweepResult, SweepStop, Trial
from mlplab.sweeps.tables import ABOUT, CURVES, TRIALS

__all__ = ["read_result"]

_Who = tuple[int, int, int]


def read_result(folder: str | Path, *, curves: bool = True) -> SweepResult:
    """Read a sweep from its folder.

    Parameters
    ----------
    folder : str or Path
        With ``trials.parquet`` and ``curves.parquet``.
    curves : bool, default=True
        Read the learning curve of every training too.

    Returns
    -------
    SweepResult
        What `run` gave, but for what paused trainings had been before their pauses: their seconds
        are counted with the last of them.

    Raises
    ------
    DataError
        There are no such tables, or something else stands in them.
    """
    path = path_of(folder, "folder")
    parquet = require("pyarrow.parquet", "lab", "Reading a sweep")
    pyarrow = require("pyarrow", "lab", "Reading a sweep")
    try:
        table = parquet.read_table(path / TRIALS)
        about = json.loads(table.schema.metadata[ABOUT])
        drawn = _curves(parquet.read_table(path / CURVES)) if curves else {}
        return _result(table.to_pylist(), about, drawn)
    except (pyarrow.ArrowException, OSError, KeyError, TypeError, ValueError) as cause:
        raise DataError(
            f"The folder of a sweep must hold {TRIALS} and {CURVES} as they were written; reading "
            f"them in {str(path)!r} failed with {cause!r}. Run the sweep again with --resume; "
            "what is in its ledger is not trained again."
        ) from cause


def _result(
    rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any], curves: Mapping[_Who, Curve]
) -> SweepResult:
    by_trial: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_trial[row["trial"]].append(row)
    return SweepResult(
        scores=tuple(about["scores"]),
        trials=tuple(_trial(own, about["parameters"], curves) for own in by_trial.values()),
        stop=SweepStop[about["stop"]],
        seconds=about["seconds"],
        n_combinations=about["n_combinations"],
        n_cells=about["n_cells"],
        n_trained=about["n_trained"],
    )


def _trial(
    rows: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any], curves: Mapping[_Who, Curve]
) -> Trial:
    first = rows[0]
    configuration = {
        name: first[column["name"]]
        if column["texts"] is None
        else column["texts"][first[column["name"]]]
        for name, column in parameters.items()
        if first[column["name"]] is not None
    }
    cells = tuple(_cell(row, configuration, curves) for row in rows)
    return Trial(first["trial"], configuration, cells, first["paused_at"])


def _cell(
    row: Mapping[str, Any], configuration: Configuration, curves: Mapping[_Who, Curve]
) -> CellResult:
    names = ("seed", "fold", "paused_at")
    scores = {
        name.removeprefix("score."): value
        for name, value in row.items()
        if name.startswith("score.") and value is not None
    }
    return CellResult(
        Cell(row["key"], configuration, *(row[name] for name in names)),
        row["status"],
        scores,
        row["n_epochs"],
        seconds=row["seconds"],
        reason=row["reason"],
        curve=curves.get((row["trial"], row["seed"], row["fold"])),
    )


def _curves(table: Any) -> dict[_Who, Curve]:
    """Return the curve of each training; a training that paused lies in several places."""
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    where = [columns.pop(name) for name in ("trial", "seed", "fold")]
    del columns["epoch"]
    if not len(where[0]):
        return {}
    changes = np.flatnonzero(np.any([np.diff(one) != 0 for one in where], axis=0)) + 1
    starts = [0, *changes.tolist()]
    parts: dict[_Who, list[slice]] = defaultdict(list)
    for start, end in zip(starts, [*starts[1:], len(where[0])], strict=True):
        trial, seed, fold = (int(one[start]) for one in where)
        parts[trial, seed, fold].append(slice(start, end))
    return {who: _curve(columns, own) for who, own in parts.items()}


def _curve(columns: Mapping[str, AnyArray], parts: Sequence[slice]) -> Curve:
    joined = {
        name: np.concatenate([column[part] for part in parts]) for name, column in columns.items()
    }
    # What this training has no such curve of was filled up for the sake of the others.
    return {name: values for name, values in joined.items() if not np.isnan(values).all()}
