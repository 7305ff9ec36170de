"""Multi-layer perceptrons from end to end.

One import gives estimators (`MLPClassifier`, `MLPRegressor`, `MLPAutoencoder`), the building
blocks they are made of (`nn`, `optim`), named data sets (`data`), pictures (`plots`) and
explanations (`explain`). Everything is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "MLPAutoencoder": "mlplab.estimators",
    "MLPClassifier": "mlplab.estimators",
    "MLPEnsemble": "mlplab.estimators",
    "MLPRegressor": "mlplab.estimators",
    "calibrate": "mlplab.estimators",
    "fit_many": "mlplab.estimators",
    "from_sklearn": "mlplab.estimators.reading_sklearn",
    "from_torch": "mlplab.estimators.torch_bridge",
    "load": "mlplab.workflows",
    "save": "mlplab.workflows",
}
_ROOMS = (
    "data",
    "engines",
    "errors",
    "explain",
    "export",
    "nn",
    "optim",
    "plots",
    "results",
    "serving",
    "sweeps",
    "train",
    "workflows",
)

__all__ = [
    "MLPAutoencoder",
    "MLPClassifier",
    "MLPEnsemble",
    "MLPRegressor",
    "__version__",
    "calibrate",
    "data",
    "engines",
    "errors",
    "explain",
    "export",
    "fit_many",
    "from_sklearn",
    "from_torch",
    "load",
    "nn",
    "optim",
    "plots",
    "results",
    "save",
    "serving",
    "sweeps",
    "train",
    "workflows",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"mlplab.{name}")
    message = f"module 'mlplab' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
