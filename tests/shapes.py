"""Switch the checking of shapes off where a test makes thousands of steps.

Every call of a checked function costs some fifty microseconds and every pullback is a new
function, which makes a step a hundred times slower than without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import jaxtyping

# Whatever is first imported while the check is off would never be checked afterwards.
import mlplab.engines.reference
import mlplab.nn
import mlplab.optim  # noqa: F401

__all__ = ["unchecked_shapes"]


@contextmanager
def unchecked_shapes() -> Iterator[None]:
    """Call functions without a look at the shapes of their arrays."""

    def leave_alone(**_: Any) -> Callable[[Any], Any]:
        return lambda function: function

    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        with mock.patch.object(jaxtyping, "jaxtyped", leave_alone):
            yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)
