"""One row of the catalogue: a door, a damage, and pieces of the sentence that answers it."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from mlplab.errors import MLPLabError

LONGEST = 1_500
HANGS_AFTER = 120
# What a sentence never holds: traces, addresses of objects, reprs of frames of the interpreter.
INSIDE = re.compile(r"Traceback|object at 0x|File \"|\bline \d+, in \w|--debug shows where")
RULE = re.compile(
    r"(?i)\b(must|needs?|cannot|can be|belongs?|may|only|has no|is no|no key|about|requires?|expect"
    r"|Expected|required|should|contains|could not|Found|does not|do not|is not|are not|divergence"
    r"|produced|appear|can't|unknown|Unknown|inconsistent|different|expected|expecting|has|nothing)\b"
)


@dataclass(frozen=True)
class Row:
    """A door of the package, what is done to its input, and what the answer says.

    Attributes
    ----------
    door : str
        As `doors.py` lists it.
    damage : str
        In a few words; with the door it is unique.
    call : callable
        Is given the `Kit`.
    words : str
        A regular expression that the sentence holds.
    """

    door: str
    damage: str
    call: Callable[[Any], Any]
    words: str

    @property
    def name(self) -> str:
        """The name of the test."""
        return f"{self.door}: {self.damage}"


@contextmanager
def no_hang() -> Iterator[None]:
    """Fail where a call does not come back."""

    def late(*_: object) -> None:
        raise TimeoutError(f"no answer after {HANGS_AFTER} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(HANGS_AFTER)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def refused(call: Callable[[], Any]) -> str:
    """Call, and return the sentence of the error that must come.

    An error is one of mlplab's own, or a ValueError as scikit-learn words it.
    """
    with no_hang(), pytest.raises((MLPLabError, ValueError)) as caught:
        call()
    check_form(caught.value)
    return str(caught.value)


def check_form(error: BaseException) -> None:
    """Check that an error is named, and that its message is sentences for people."""
    message = str(error)
    named = isinstance(error, MLPLabError) or _of_scikit_learn(error)
    assert named, f"{type(error).__name__} is no error of ours: {message}"
    check_sentence(message)


def check_sentence(message: str) -> None:
    """Check that a message says a rule, in sentences, and nothing of the inside."""
    assert 15 < len(message) < LONGEST, message
    assert not INSIDE.search(message), message
    assert RULE.search(message), message


def _of_scikit_learn(error: BaseException) -> bool:
    """Tell whether scikit-learn's checks raised an error: estimators speak as its own do."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    module = "" if last is None else str(last.tb_frame.f_globals.get("__name__", ""))
    return type(error).__module__.startswith("sklearn") or module.startswith("sklearn")
