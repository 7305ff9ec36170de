"""Which engine is chosen, and what is said about it."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from mlplab import nn, optim
from mlplab.engines import ENGINES, Engine, TrainingPlan, engine_names, select, select_engine
from mlplab.engines.reference import ReferenceEngine
from mlplab.errors import EngineError, ParameterError

PLAN = TrainingPlan(
    network=nn.multilayer(1, [], 1),
    loss=nn.SquaredError(),
    optimiser=optim.SGD(),
    schedule=optim.Constant(0.1),
)


class _Willing(ReferenceEngine):
    """An engine that takes every plan."""

    name = "willing"


class _Fussy(ReferenceEngine):
    """An engine that takes none."""

    name = "fussy"

    def refuses(self, plan: TrainingPlan) -> str | None:  # noqa: ARG002
        """Refuse."""
        return "it only knows Sundays."


class _Unbuilt(ReferenceEngine):
    """An engine whose library is not there."""

    def __init__(self, n_threads: int | None = None) -> None:  # noqa: ARG002
        message = "it was not built here."
        raise EngineError(message)


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that leaves only these engines in the table, in this order."""
    module: Any = types.ModuleType("mlplab_engines_of_the_test")
    module.willing, module.fussy, module.unbuilt = _Willing, _Fussy, _Unbuilt
    module.reference = ReferenceEngine
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def leave(*names: str) -> None:
        table = {name: (module.__name__, name) for name in names}
        # The order counts; put back one by one the engines would stand in another.
        monkeypatch.setattr(select, "ENGINES", table)

    return leave


def test_every_engine_of_the_table_can_be_made() -> None:
    """Its module is there, it keeps the protocol, and it bears its own name."""
    assert "reference" in ENGINES
    assert engine_names() == ["auto", *ENGINES]
    for name in ENGINES:
        try:
            engine, reason = select_engine(name, PLAN)
        except EngineError:  # it may refuse even so small a plan
            continue
        assert isinstance(engine, Engine)
        assert engine.name == name
        assert reason == "asked for by name"


def test_auto_takes_the_first_that_can(only: Any) -> None:
    """In the order of the table; who refuses or is not built is passed over, and named."""
    only("fussy", "unbuilt", "willing", "reference")
    engine, reason = select_engine("auto", PLAN)
    assert engine.name == "willing"
    assert reason == "the fastest that can; fussy: it only knows Sundays.; it was not built here."
    with pytest.raises(EngineError, match="not built"):
        select_engine("unbuilt", PLAN)


def test_auto_always_finds_the_reference() -> None:
    """It refuses nothing."""
    assert ReferenceEngine().refuses(PLAN) is None
    assert select_engine("auto", PLAN)[0].name in ENGINES


def test_environment_names_the_engine_of_auto(only: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLPLAB_ENGINE goes before the order of the table, but not before a name."""
    only("willing", "reference")
    monkeypatch.setenv("MLPLAB_ENGINE", "reference")
    engine, reason = select_engine("auto", PLAN)
    assert (engine.name, reason) == ("reference", "named by MLPLAB_ENGINE")
    assert select_engine("willing", PLAN)[0].name == "willing"


@pytest.mark.parametrize("preferred", ["fussy", "absent", ""])
def test_environment_cannot_force_what_is_impossible(
    only: Any, monkeypatch: pytest.MonkeyPatch, preferred: str
) -> None:
    """An engine that refuses, is not installed or is empty leaves the choice to the table."""
    only("fussy", "willing")
    monkeypatch.setenv("MLPLAB_ENGINE", preferred)
    engine, reason = select_engine("auto", PLAN)
    assert engine.name == "willing"
    assert reason.startswith("the fastest that can")
    assert (preferred == "absent") == ("there is no engine 'absent'" in reason)


def test_unknown_name_is_answered_with_the_nearest() -> None:
    """Rule, what was received, the way out."""
    with pytest.raises(ParameterError, match=r"`engine` must be one of auto, .*'REFERENCE'.*Did"):
        select_engine("REFERENCE", PLAN)


def test_refusal_by_name_is_told(only: Any) -> None:
    """With the engine's own reason and the way out."""
    only("fussy", "reference")
    with pytest.raises(EngineError, match=r"'fussy' cannot .* Sundays. Use engine='auto'"):
        select_engine("fussy", PLAN)


def test_nobody_can(only: Any) -> None:
    """An installation whose engines all refuse says so."""
    only("fussy")
    with pytest.raises(EngineError, match="no engine"):
        select_engine("auto", PLAN)


def test_threads_are_handed_on() -> None:
    """The limit reaches the engine."""
    engine: Any = select_engine("reference", PLAN, n_threads=1)[0]
    assert engine.n_threads == 1
