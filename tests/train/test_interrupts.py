"""Ctrl-C waits for the gate, once."""

from __future__ import annotations

import signal
import threading

import pytest

from mlplab.train.interrupts import InterruptGate


def _press() -> None:
    signal.raise_signal(signal.SIGINT)


def test_an_open_gate_lets_interrupts_through() -> None:
    """At once, and the gate is closed again afterwards."""
    with InterruptGate() as gate:
        with pytest.raises(KeyboardInterrupt), gate.open():
            _press()
        _press()
        assert gate.waiting


def test_a_closed_gate_keeps_one_waiting() -> None:
    """It is heard when the gate is opened, before anything is done."""
    with InterruptGate() as gate:
        _press()
        assert gate.waiting
        with pytest.raises(KeyboardInterrupt), gate.open():
            pytest.fail("the block must not run")
        assert not gate.waiting
        with gate.open():
            pass


def test_a_second_one_does_not_wait() -> None:
    """Whoever presses twice means it."""
    with InterruptGate():
        _press()
        with pytest.raises(KeyboardInterrupt):
            _press()


def test_the_handler_comes_back() -> None:
    """Also where the block raises."""
    with pytest.raises(KeyboardInterrupt), InterruptGate() as gate, gate.open():
        _press()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_handlers_of_others_are_left_alone() -> None:
    """A user's own handler, and threads that may not set one."""
    pressed: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        with InterruptGate() as gate:
            _press()
            with gate.open():
                _press()
            assert not gate.waiting
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert pressed == [signal.SIGINT] * 2

    entered: list[bool] = []

    def elsewhere() -> None:
        with InterruptGate() as gate, gate.open():
            entered.append(signal.getsignal(signal.SIGINT) is signal.default_int_handler)

    worker = threading.Thread(target=elsewhere)
    worker.start()
    worker.join()
    assert entered == [True]
