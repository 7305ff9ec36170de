"""What a peer hands over to be timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Task"]


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work, made ready.

    Attributes
    ----------
    run : callable
        Does the whole work, from the start each time; this is timed.
    losses : callable
        Turns what `run` returned into final losses, one for each network that is checked; this is
        not timed.
    compile_seconds : float
        What making ready cost that a first user would wait for.
    """

    run: Callable[[], Any]
    losses: Callable[[Any], list[float]]
    compile_seconds: float = 0.0
