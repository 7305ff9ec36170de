"""Every engine goes through the suites of this folder."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest
from tests.shapes import unchecked_shapes

from mlplab.engines import ENGINES, Engine


@pytest.fixture(scope="module", params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    """Return an engine of this installation; a new one joins by its name in `ENGINES`."""
    if request.param == "torch" and importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")
    module, cls = ENGINES[request.param]
    made: Engine = getattr(importlib.import_module(module), cls)(None)
    return made


@pytest.fixture(autouse=True)
def _fast() -> Iterator[None]:
    """Make thousands of steps affordable; `tests/engines` runs with shapes checked."""
    with unchecked_shapes():
        yield
