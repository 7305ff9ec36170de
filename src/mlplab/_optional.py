"""Optional dependencies: imported late, missed in one sentence."""

from __future__ import annotations

import importlib
from types import ModuleType

from mlplab.errors import MissingExtraError

__all__ = ["require"]


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import a module of an extra, or say which extra to install.

    Parameters
    ----------
    module : str
        Dotted name, ``"matplotlib.pyplot"`` for example.
    extra : str
        The extra of this package that brings it.
    purpose : str
        What needs it, as the subject of a sentence: ``"Drawing"``.

    Raises
    ------
    MissingExtraError
        The module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        package = module.partition(".")[0]
        message = (
            f"{purpose} needs {package}, which is not installed. "
            f"Install the extra: pip install 'mlplab[{extra}]'"
        )
        raise MissingExtraError(message, name=package) from missing
