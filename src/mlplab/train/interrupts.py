"""Ctrl-C at moments that leave nothing half done."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Self

__all__ = ["InterruptGate"]


class InterruptGate:
    """A context in which Ctrl-C comes through only while the gate is open.

    Elsewhere in the context it waits for the gate to be opened; a second one does not wait. Where
    Ctrl-C does not raise `KeyboardInterrupt` anyway (another thread than the main one, a handler
    of the user's own), nothing changes.

    Attributes
    ----------
    waiting : bool
        Somebody has pressed Ctrl-C and was not heard yet.
    """

    def __init__(self) -> None:
        self.waiting = self._is_open = self._is_ours = False

    def __enter__(self) -> Self:
        in_main = threading.current_thread() is threading.main_thread()
        self._is_ours = in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._is_ours:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Let interrupts through while the block runs, first of all one that waits.

        Raises
        ------
        KeyboardInterrupt
            At any moment from here to the end of the block.
        """
        self._is_open = True
        try:
            if self.waiting:
                self.waiting = False
                raise KeyboardInterrupt
            yield
        finally:
            self._is_open = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._is_open or self.waiting:
            signal.default_int_handler(number, frame)
        self.waiting = True
