"""The exceptions of mlplab.

Every exception derives from `MLPLabError` and from the built-in that a caller expects, so
that both ``except MLPLabError`` and ``except ValueError`` do what one would think::

    MLPLabError                     catch it to catch everything that mlplab raises
    ├── ParameterError              ValueError, TypeError   a parameter is out of range
    ├── DataError                   ValueError   a table, a column, a row or a target is unusable
    │   └── DataTypeError           TypeError    it holds, or is, something else than numbers
    ├── DivergedError               ValueError   training left the finite numbers
    ├── GradientError               ValueError   a derivative does not fit its function
    ├── EngineError                 RuntimeError an engine cannot carry out a plan
    ├── ExportError                 ValueError   a model has no form in another format
    ├── ModelFileError              ValueError   a model file is truncated, altered or foreign
    ├── StudyError                  ValueError   a study file breaks a rule
    ├── OutputError                 OSError      a folder or file cannot be written
    └── MissingExtraError           ImportError  an optional dependency is not installed

A message has three parts: the rule, what was received, the way out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "NON_FINITE_WEIGHTS",
    "DataError",
    "DataTypeError",
    "DivergedError",
    "EngineError",
    "ExportError",
    "GradientError",
    "MLPLabError",
    "MissingExtraError",
    "ModelFileError",
    "OutputError",
    "ParameterError",
    "StudyError",
    "did_you_mean",
]

NON_FINITE_WEIGHTS = (
    "Solver produced non-finite parameter weights. The input data may contain large values "
    "and need to be preprocessed."
)
"""The sentence that users of scikit-learn know; code that looks for it keeps working."""


class MLPLabError(Exception):
    """Base of every exception that mlplab raises on purpose."""


class ParameterError(MLPLabError, ValueError, TypeError):
    """A parameter is out of its range, of the wrong kind, or unknown.

    scikit-learn raises one error that is both a ValueError and a TypeError; so do we.
    """


class DataError(MLPLabError, ValueError):
    """A table, a column, a row or a target cannot be used as it is."""


class DataTypeError(DataError, TypeError):
    """Rows or targets are, or hold, something that is no number and cannot become one.

    scikit-learn raises a TypeError there; other faults of rows are ValueErrors.
    """


class DivergedError(MLPLabError, ValueError):
    """Training left the finite numbers; the best finite weights were kept."""


class GradientError(MLPLabError, ValueError):
    """A derivative does not agree with central differences of its function."""


class EngineError(MLPLabError, RuntimeError):
    """An engine cannot carry out a plan."""


class ExportError(MLPLabError, ValueError):
    """A model, or a step of it, has no form in another format or library."""


class ModelFileError(MLPLabError, ValueError):
    """A model file is truncated, altered, or not one of ours."""


class StudyError(MLPLabError, ValueError):
    """A study file breaks a rule; the message names line, rule and nearest valid name."""


class OutputError(MLPLabError, OSError):
    """A folder or a file cannot be written."""


class MissingExtraError(MLPLabError, ImportError):
    """An optional dependency is missing; the message names the extra to install."""


# Share of equal letters from which on a name is taken for a misspelling of another.
_CLOSE = 0.6


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the nearest valid name, or an empty string.

    Examples
    --------
    >>> did_you_mean("rleu", ["relu", "tanh"])
    " Did you mean 'relu'?"
    >>> did_you_mean("acc", ["f1_macro", "accuracy"])
    " Did you mean 'accuracy'?"
    >>> did_you_mean("zzz", ["relu", "tanh"])
    ''
    """
    by_lower = {candidate.lower(): candidate for candidate in valid}
    wanted = name.lower()
    close = difflib.get_close_matches(wanted, list(by_lower), n=1, cutoff=_CLOSE)
    begun = [
        candidate for candidate in by_lower if len(wanted) > 1 and candidate.startswith(wanted)
    ]
    found = close or begun[:1]
    return f" Did you mean {by_lower[found[0]]!r}?" if found else ""
