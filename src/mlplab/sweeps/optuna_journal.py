"""A sweep as a journal of Optuna, which `optuna-dashboard` opens."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlplab._files import output_error, path_of
from mlplab._optional import require
from mlplab.errors import OutputError
from mlplab.results import CellResult, SweepResult, Trial
from mlplab.sweeps.checks import is_number
from mlplab.sweeps.contract import Ledger
from mlplab.sweeps.identity import canonical
from mlplab.sweeps.levels import Levels, levels_of

__all__ = ["export_to_optuna"]

# Fewer distinct numbers than this are choices, more are a range.
_CHOICES = 12


def export_to_optuna(
    result: SweepResult,
    path: str | Path,
    *,
    name: str = "sweep",
    ledger: Ledger | None = None,
    curve: str | None = None,
) -> None:
    """Write a journal; open it with ``optuna-dashboard PATH``.

    Paused trials are pruned ones there, trials that failed or diverged are failed ones; means and
    spreads of all scores, seconds and reasons are attributes.

    Parameters
    ----------
    result : SweepResult
    path : str or Path
        A new file.
    name : str
        Of the study.
    ledger : Ledger, optional
        Where learning curves are; without it there are none.
    curve : str, optional
        Which column of them, in the first cell of each trial; by default the validation score or
        else the loss.

    Raises
    ------
    OutputError
        The file is there already, or cannot be written.
    MissingExtraError
        Optuna is not installed.
    """
    path = path_of(path)
    if path.exists():
        raise OutputError(f"A journal must be a new file; got {str(path)!r}. Choose another name.")
    optuna = require("optuna", "search", "A journal of Optuna")
    journal = require("optuna.storages.journal", "search", "A journal of Optuna")
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        storage = optuna.storages.JournalStorage(journal.JournalFileBackend(str(path)))
        study = optuna.create_study(study_name=name, storage=storage, direction="maximize")
        study.add_trials(list(_trials(optuna, result, ledger, curve)))
    except OSError as cause:
        raise output_error(path, cause) from cause
    finally:
        optuna.logging.set_verbosity(before)


def _trials(
    optuna: Any, result: SweepResult, ledger: Ledger | None, curve: str | None
) -> Iterator[Any]:
    levels = {one.parameter: one for one in levels_of(result.trials)}
    axes = {name: _distribution(optuna, one) for name, one in levels.items()}
    firsts = [trial.cells[0].cell.key for trial in result.trials]
    curves = {} if ledger is None else {one.cell.key: one for one in ledger.read(firsts)}
    for trial in result.trials:
        params = {name: trial.configuration[name] for name in axes if name in trial.configuration}
        mean = trial.mean(result.score)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # numbers beside texts in one list
            yield optuna.create_trial(
                state=_state(optuna, trial),
                value=None if trial.status != "done" else mean,
                params={
                    key: v if key in axes and _is_range(levels[key]) else _plain(v)
                    for key, v in params.items()
                },
                distributions={key: axes[key] for key in params},
                user_attrs=_attributes(result, trial),
                intermediate_values=_steps(curves.get(trial.cells[0].cell.key), curve),
            )


def _is_range(levels: Levels) -> bool:
    return levels.numeric and len(levels.values) > _CHOICES


def _distribution(optuna: Any, levels: Levels) -> Any:
    if not _is_range(levels):
        given = levels.values[:-1] if levels.conditional else levels.values
        return optuna.distributions.CategoricalDistribution([_plain(v) for v in given])
    numbers = [value for value in levels.values if is_number(value)]
    low, high = min(numbers), max(numbers)
    whole = all(isinstance(value, int) for value in numbers)
    kinds = optuna.distributions
    kind = kinds.IntDistribution if whole else kinds.FloatDistribution
    return kind(low, high, log=low > 0 and high / low >= 100)


def _plain(value: Any) -> Any:
    """Return what Optuna can choose: numbers, texts, truth values; others as text."""
    plain = canonical(value)
    return plain if plain is None or isinstance(plain, (bool, int, float, str)) else str(plain)


def _state(optuna: Any, trial: Trial) -> Any:
    states = optuna.trial.TrialState
    if trial.status != "done":
        return states.FAIL
    return states.COMPLETE if trial.epochs is None else states.PRUNED


def _attributes(result: SweepResult, trial: Trial) -> dict[str, Any]:
    told: dict[str, Any] = {"seconds": trial.seconds, "epochs": trial.n_epochs}
    for score in result.scores:
        told[f"{score} (mean)"] = trial.mean(score)
        told[f"{score} (spread)"] = trial.spread(score)
    if trial.reason:
        told["reason"] = trial.reason
    return told


def _steps(kept: CellResult | None, curve: str | None) -> dict[int, float]:
    columns: Mapping[str, Any] = (kept and kept.curve) or {}
    names = [curve] if curve else ["validation_score", "loss"]
    column = next((columns[name] for name in names if name in columns), None)
    if kept is None or column is None:
        return {}
    first = kept.n_epochs - len(column) + 1
    return {first + k: float(v) for k, v in enumerate(column) if math.isfinite(v)}
