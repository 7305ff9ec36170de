"""The verbs: what the command line, a notebook or a page can do with data and models.

=================================  ==========================================================
`fit`                              from a table to a trained network, figures and a report
`run`                              what a study file says
`sweep`                            many configurations, as a study's table [sweep] says
`save`, `load`                     a model as one file, without pickle
`export`                           a model for other programs: ONNX, Python, C
`predict`, `evaluate`              with a saved model; `predict_file` for files of any size
`describe`, `check`, `trace`       explain a network
`report`                           write the report of a run again
`data_list`, `data_get`            named data sets
`data_convert`                     large files as Parquet, which is quick to read in blocks
=================================  ==========================================================

Nothing here prints; progress is told to the observers that are passed in. Each verb is loaded
when it is first used, so that loading a bare estimator needs no table library.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "ProgressObserver": "mlplab.workflows.progress",
    "Study": "mlplab.workflows.study",
    "TabularModel": "mlplab.workflows.model",
    "check": "mlplab.workflows.explaining",
    "data_convert": "mlplab.workflows.catalogue",
    "data_get": "mlplab.workflows.catalogue",
    "data_list": "mlplab.workflows.catalogue",
    "describe": "mlplab.workflows.explaining",
    "evaluate": "mlplab.workflows.predicting",
    "export": "mlplab.workflows.exporting",
    "fit": "mlplab.workflows.fitting",
    "load": "mlplab.workflows.saving",
    "predict": "mlplab.workflows.predicting",
    "predict_file": "mlplab.workflows.predicting_files",
    "read_study": "mlplab.workflows.study_file",
    "report": "mlplab.workflows.reporting",
    "run": "mlplab.workflows.fitting",
    "save": "mlplab.workflows.saving",
    "sweep": "mlplab.workflows.sweeping",
    "trace": "mlplab.workflows.explaining",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605  (one table of names)


def __getattr__(name: str) -> Any:
    """Load a verb when it is first used."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
