"""Dropout masks from a counter-based hash.

Whether a unit is dropped depends on ``(seed, step, layer, index)`` alone, where ``index`` counts
the elements of the layer's value row by row. No generator advances, so every engine computes the
same masks, in any order and on any number of threads.

The hash is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014), applied once a coordinate.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, UInt64

__all__ = ["keep_mask"]

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 0xFFFFFFFFFFFFFFFF


def _mix_int(value: int) -> int:
    """One number through SplitMix64's finaliser, in Python's integers."""
    value = (value + _GOLDEN) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def _mix(value: UInt64[np.ndarray, " n"]) -> UInt64[np.ndarray, " n"]:
    """Many numbers through SplitMix64's finaliser; unsigned arithmetic wraps as it should."""
    value = value + np.uint64(_GOLDEN)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def keep_mask(
    rate: float, shape: tuple[int, int], *, seed: int, step: int, layer: int
) -> Bool[np.ndarray, "batch width"]:
    """Return which elements stay: each with probability ``1 − rate``.

    Parameters
    ----------
    rate : float in [0, 1)
        Share of the elements that is dropped.
    shape : (batch, width)
        Shape of the layer's value.
    seed, step, layer : int
        Coordinates of the hash; ``step`` counts updates over the life of the network.

    Examples
    --------
    >>> mask = keep_mask(0.25, (1000, 8), seed=0, step=1, layer=1)
    >>> bool(0.72 < mask.mean() < 0.78)
    True
    """
    key = _mix_int(_mix_int(_mix_int(seed & _MASK) ^ step) ^ layer)
    counters = np.arange(shape[0] * shape[1], dtype=np.uint64)
    # 53 bits make a fraction in [0, 1) that a double holds exactly.
    threshold = np.uint64(round(rate * 2**53))
    draws = _mix(counters ^ np.uint64(key)) >> np.uint64(11)
    return (draws >= threshold).reshape(shape)
