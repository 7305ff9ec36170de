"""Whatever is new in `nn` or `optim` has to join the tables that the tests run over."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

from tests.strategies import LOSS_CASES, OPTIMISERS, SCHEDULES

from mlplab import nn, optim
from mlplab.optim import recipes, schedules


def _classes(module: Any) -> set[type]:
    """Return the public classes that a module defines, without its protocols."""
    return {
        value
        for name in module.__all__
        if inspect.isclass(value := getattr(module, name))
        and not getattr(value, "_is_protocol", False)
    }


def _losses() -> set[type]:
    """Return every class of `mlplab.nn` that has values and a gradient, in whatever module."""
    modules = [
        importlib.import_module(f"mlplab.nn.{found.name}")
        for found in pkgutil.iter_modules(nn.__path__)
    ]
    return {
        cls
        for module in modules
        for cls in _classes(module)
        if hasattr(cls, "values") and hasattr(cls, "gradient")
    }


def test_every_loss_is_in_the_table() -> None:
    """A loss without an entry in `LOSS_CASES` would be tested by nothing."""
    assert {type(case.loss) for case in LOSS_CASES.values()} == _losses()


def test_every_loss_keeps_the_protocol() -> None:
    """Each offers what `Loss` promises."""
    assert all(isinstance(case.loss, nn.Loss) for case in LOSS_CASES.values())


def test_every_optimiser_is_in_the_table() -> None:
    """L-BFGS, which has no transform, is tested in its own file."""
    tested = {type(recipe) for recipe, _ in OPTIMISERS.values()}
    assert tested | {optim.LBFGS} == _classes(recipes)
    assert all(isinstance(recipe, optim.Optimiser) for recipe, _ in OPTIMISERS.values())


def test_every_schedule_is_in_the_table() -> None:
    """`Moment` is what schedules read, not a schedule."""
    made = [make(0.1) for make in SCHEDULES.values()]
    assert {type(schedule) for schedule in made} | {optim.Moment} == _classes(schedules)
    assert all(isinstance(schedule, optim.Schedule) for schedule in made)


def test_every_layer_is_in_the_table_of_kinds() -> None:
    """A layer that is not in `LAYER_KINDS` could not be read back from a file."""
    tested = {nn.Dense, nn.Activation, nn.Dropout}
    defined = {
        value
        for value in vars(nn.layers).values()
        if inspect.isclass(value)
        and value.__module__ == "mlplab.nn.layers"
        and hasattr(value, "forward")
        and not getattr(value, "_is_protocol", False)
    }
    assert defined == set(nn.LAYER_KINDS.values()) == tested


def test_names_are_unique() -> None:
    """Files and messages tell things apart by their names."""
    for classes in (_losses(), _classes(recipes), _classes(schedules) - {optim.Moment}):
        assert len({cls.name for cls in classes}) == len(classes)  # type: ignore[attr-defined]
