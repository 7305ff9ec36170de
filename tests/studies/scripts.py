"""Scripts of studies as modules: their names hold hyphens, so `import` cannot."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

STUDIES = Path(__file__).parents[2] / "studies"


def script(name: str) -> ModuleType:
    """Return the script of this name as a module, not yet run."""
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), STUDIES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
