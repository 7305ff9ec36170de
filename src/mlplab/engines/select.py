"""Which engine carries a plan out, and why.

A new engine is a module with an ``Engine`` in its table below; nothing else has to change.
"""

from __future__ import annotations

import importlib

from mlplab._config import preferred_engine
from mlplab.engines.contract import Engine, TrainingPlan
from mlplab.errors import EngineError, ParameterError, did_you_mean

__all__ = ["ENGINES", "engine_names", "select_engine"]

ENGINES: dict[str, tuple[str, str]] = {
    "reference": ("mlplab.engines.reference", "ReferenceEngine"),
}
"""Module and class of each engine, imported when chosen. ``auto`` takes the first that can."""


def engine_names() -> list[str]:
    """Return what `engine` may be."""
    return ["auto", *ENGINES]


def _make(name: str, n_threads: int | None) -> Engine:
    module, cls = ENGINES[name]
    engine: Engine = getattr(importlib.import_module(module), cls)(n_threads)
    return engine


def select_engine(
    name: str, plan: TrainingPlan, n_threads: int | None = None
) -> tuple[Engine, str]:
    """Return an engine for the plan, and the reason in words.

    Parameters
    ----------
    name : str
        ``"auto"`` or the name of an engine.
    plan : TrainingPlan
    n_threads : int or None

    Raises
    ------
    ParameterError
        There is no engine of this name in this installation.
    EngineError
        The engine cannot carry the plan out.
    """
    if name not in engine_names():
        known = engine_names()
        message = (
            f"`engine` must be one of {', '.join(known)} in this installation; got {name!r}."
            f"{did_you_mean(name, known)}"
        )
        raise ParameterError(message)
    if name != "auto":
        engine = _make(name, n_threads)
        refusal = engine.refuses(plan)
        if refusal is not None:
            message = f"engine={name!r} cannot carry this plan out: {refusal} Use engine='auto'."
            raise EngineError(message)
        return engine, "asked for by name"
    preferred = preferred_engine()
    candidates = [preferred] if preferred in ENGINES else []
    for candidate in (*candidates, *ENGINES):
        engine = _make(candidate, n_threads)
        if engine.refuses(plan) is None:
            how = "named by MLPLAB_ENGINE" if candidate == preferred else "the fastest that can"
            return engine, how
    message = "no engine of this installation can carry the plan out."
    raise EngineError(message)
