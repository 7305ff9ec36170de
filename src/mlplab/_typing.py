"""Names of types that several rooms share."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float, Int

__all__ = ["AnyArray", "Matrix", "Order", "Rows", "Vector"]

AnyArray: TypeAlias = np.ndarray[Any, np.dtype[Any]]
"""An array about which nothing is promised."""

Vector: TypeAlias = Float[np.ndarray, "parameters"]
"""All parameters of a network, or something with one number for each of them."""

Matrix: TypeAlias = Float[np.ndarray, "batch width"]
"""One row a sample, one column a unit."""

Rows: TypeAlias = Float[Any, "batch features"]
"""Input rows: an ndarray, or a SciPy CSR matrix or array."""

Order: TypeAlias = Int[np.ndarray, "epochs rows"]
"""For each epoch the order in which the rows are visited."""
