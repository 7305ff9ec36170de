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
    "native": ("mlplab.engines.native", "NativeEngine"),
    "reference": ("mlplab.engines.reference", "ReferenceEngine"),
    "torch": ("mlplab.engines.pytorch", "TorchEngine"),
}
"""Module and class of each engine, imported when chosen; ``auto`` takes the first that can."""


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
        There is no engine of this name.
    EngineError
        The engine is not to be had in this installation, or cannot carry the plan out.
    """
    if name not in engine_names():
        known = engine_names()
        message = (
            f"`engine` must be one of {', '.join(known)}; got {name!r}.{did_you_mean(name, known)}"
        )
        raise ParameterError(message)
    if name == "auto":
        return _first_that_can(plan, n_threads)
    engine = _make(name, n_threads)
    refusal = engine.refuses(plan)
    if refusal is not None:
        message = f"engine={name!r} cannot carry this plan out: {refusal} Use engine='auto'."
        raise EngineError(message)
    return engine, "asked for by name"


def _first_that_can(plan: TrainingPlan, n_threads: int | None) -> tuple[Engine, str]:
    """Return the first engine that is there and can, and why those before it were passed over."""
    preferred = preferred_engine()
    order = [*([preferred] if preferred in ENGINES else []), *ENGINES]
    passed_over = [] if preferred in {None, *ENGINES} else [f"there is no engine {preferred!r}"]
    for candidate in order:
        try:
            engine = _make(candidate, n_threads)
        except EngineError as missing:
            passed_over.append(str(missing))
            continue
        refusal = engine.refuses(plan)
        if refusal is None:
            how = "named by MLPLAB_ENGINE" if candidate == preferred else "the fastest that can"
            return engine, "; ".join([how, *passed_over])
        passed_over.append(f"{candidate}: {refusal}")
    message = f"no engine of this installation can carry the plan out: {'; '.join(passed_over)}"
    raise EngineError(message)
