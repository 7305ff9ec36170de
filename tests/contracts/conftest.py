"""Every engine goes through the suites of this folder."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest
from tests.shapes import unchecked_shapes

from mlplab.engines import ENGINES, Engine


@pytest.fixture(scope="module", params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    """Return an engine of this installation; a new one joins by its name in `ENGINES`."""
    module, cls = ENGINES[request.param]
    made: Engine = getattr(importlib.import_module(module), cls)(None)
    return made


@pytest.fixture(autouse=True)
def _fast() -> Iterator[None]:
    """Make thousands of steps affordable; `tests/engines` runs with shapes checked."""
    with unchecked_shapes():
        yield
