"""Trainings of many steps run without a look at shapes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.shapes import unchecked_shapes


@pytest.fixture(autouse=True)
def _fast() -> Iterator[None]:
    """Make thousands of steps affordable."""
    with unchecked_shapes():
        yield
