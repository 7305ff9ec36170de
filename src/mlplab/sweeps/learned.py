"""Searches that learn from results: Optuna's samplers, asked and told.

Optuna keeps nothing here; the ledger does. A search that was interrupted asks again from its
beginning with the same seed, is told what the ledger remembers, and so comes to the same place.
"""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass
from typing import Any, Literal

from mlplab._optional import require
from mlplab.sweeps.checks import check_integer, check_name
from mlplab.sweeps.contract import Asking, Proposal
from mlplab.sweeps.space import Parameter, Space, Values

__all__ = ["Learned"]

_PURPOSE = "A search that learns"


@dataclass(frozen=True, slots=True)
class Learned:
    """Configurations that look good by what is known so far.

    Attributes
    ----------
    sampler : {"tpe", "gp"}
        Tree-structured Parzen estimator, or Gaussian processes (which need PyTorch).
    batch : int
        Configurations that are asked for at once, before the scores of any of them are known.
        More of them train faster, fewer learn faster.

    References
    ----------
    Bergstra, Bardenet, Bengio and Kégl, Algorithms for hyper-parameter optimization, NIPS 2011.
    Akiba, Sano, Yanase, Ohta and Koyama, Optuna, KDD 2019.
    """

    sampler: Literal["tpe", "gp"] = "tpe"
    batch: int = 8

    def __post_init__(self) -> None:
        check_integer("search.batch", self.batch, 1)
        check_name("search.sampler", self.sampler, ("tpe", "gp"))

    def ends(self, space: Space) -> bool:  # noqa: ARG002
        """Tell that it does not end: it may ask for the same again, even in a finite space."""
        return False

    def ask(self, space: Space, limit: int | None, seed: int) -> Asking:
        """Ask batch by batch; failed configurations are told as failed."""
        optuna = require("optuna", "search", _PURPOSE)
        study = _quiet_study(optuna, self.sampler, seed)
        for start in itertools.count(0, self.batch):
            size = self.batch if limit is None else min(self.batch, limit - start)
            if size <= 0:
                return
            trials = [study.ask() for _ in range(size)]
            scores = yield [Proposal(_suggest(trial, space)) for trial in trials]
            for trial, score in zip(trials, scores, strict=True):
                state = optuna.trial.TrialState.FAIL if score is None else None
                study.tell(trial, score, state=state)


def _quiet_study(optuna: Any, sampler: str, seed: int) -> Any:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.create_study(
                direction="maximize", sampler=_sampler(optuna, sampler, seed)
            )
    finally:
        optuna.logging.set_verbosity(before)


def _sampler(optuna: Any, name: str, seed: int) -> Any:
    if name == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    require("torch", "torch", "A search by Gaussian processes")
    return optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False)


def _suggest(trial: Any, space: Space) -> dict[str, Any]:
    """Return the configuration at the point that a trial of Optuna chooses."""
    chosen: dict[str, Any] = {}
    for parameter in space.in_order:
        if parameter.active({**(space.fixed or {}), **chosen}):
            chosen[parameter.name] = _value(trial, parameter)
    return space.as_written(chosen)


def _value(trial: Any, parameter: Parameter) -> Any:
    """Choose among values that have no order, or along an axis, by the place on it."""
    name, domain = parameter.name, parameter.domain
    if isinstance(domain, Values):
        places = range(len(domain.values))
        return domain.values[trial.suggest_categorical(name, list(places))]
    if domain.stepped:
        numbers = domain.grid() or ()
        return numbers[trial.suggest_int(name, 0, len(numbers) - 1)]
    return domain.at(trial.suggest_float(name, 0.0, 1.0))
