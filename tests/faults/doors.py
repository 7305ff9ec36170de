"""Every public door of the package, found by looking at it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import typer.main

import mlplab
from mlplab import data, explain, export, plots, serving, sweeps, workflows
from mlplab.cli.app import app

__all__ = ["ESTIMATORS", "NO_DOORS", "doors"]

ESTIMATORS = ("MLPClassifier", "MLPRegressor", "MLPAutoencoder", "MLPEnsemble")
ROOMS = {
    "data": data,
    "explain": explain,
    "export": export,
    "serving": serving,
    "sweeps": sweeps,
    "workflows": workflows,
}
# Public names that take nothing from users: nouns that the package makes, contracts to fulfil,
# lists without arguments, and what scikit-learn brings.
NO_DOORS = {
    *("data.FoundTarget", "data.NameInfo", "data.Split", "data.names"),
    *("data.Blocks", "data.find_leaks"),
    *("explain.GradientReport", "explain.GradientRow", "explain.HealthFinding"),
    *("explain.HealthLimits", "explain.HealthReport", "explain.LayerDescription"),
    *("explain.NetworkDescription", "explain.PosesProblem", "explain.RemembersTraining"),
    *("explain.Trace", "explain.TraceLine"),
    *("export.FORMAT", "export.FORMAT_VERSION"),
    *("sweeps.SEARCHES", "sweeps.Asking", "sweeps.Done", "sweeps.Fold", "sweeps.Grid"),
    *("sweeps.Job", "sweeps.Ledger", "sweeps.MemoryLedger", "sweeps.Outcome", "sweeps.Paused"),
    *("sweeps.Proposal", "sweeps.Random", "sweeps.Search", "sweeps.SweepObserver"),
    *("sweeps.Trainer", "sweeps.fingerprint", "sweeps.fold_fingerprints"),
    *("workflows.ProgressObserver", "workflows.data_list"),
}
_OF_SCIKIT_LEARN = {
    *("fit_transform", "get_feature_names_out", "get_metadata_routing", "get_params"),
    *("set_output", "set_params"),
}
# What rooms ask of estimators; model files go through all of it (tests/export).
_BETWEEN_ROOMS = {"from_artifact", "to_artifact", "to_portable", "network_"}


def doors() -> set[str]:
    """Return the names of all doors."""
    return {*_of_rooms(), *_of_estimators(), *_of_plots(), *_of_commands()} - NO_DOORS


def _of_rooms() -> Iterator[str]:
    for name, room in ROOMS.items():
        yield from (f"{name}.{public}" for public in room.__all__)
    front = set(mlplab.__all__) - set(ESTIMATORS) - {"__version__"}
    for name in front:
        if not inspect.ismodule(getattr(mlplab, name)):
            yield f"mlplab.{name}"


def _of_estimators() -> Iterator[str]:
    for name in ESTIMATORS:
        for method in dir(getattr(mlplab, name)):
            request = method.startswith("set_") and method.endswith("_request")
            between = method.startswith("_") or method in _OF_SCIKIT_LEARN | _BETWEEN_ROOMS
            if not request and not between:
                yield f"{name}.{method}"


def _of_plots() -> Iterator[str]:
    for name in plots.__all__:
        public = getattr(plots, name)
        if name.startswith("to_"):
            yield f"plots.{name}"
        for method in dir(public) if inspect.isclass(public) else ():
            if method.startswith("from_"):
                yield f"plots.{name}.{method}"


def _of_commands() -> Iterator[str]:
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        yield from (f"mlplab {name} {one}" for one in inner) if inner else (f"mlplab {name}",)
