"""The door of the command line: errors as sentences, warnings as notes, exit statuses."""

from __future__ import annotations

import functools
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import typer

from mlplab.errors import MissingExtraError, MLPLabError, ParameterError, StudyError

__all__ = ["FAILED", "INTERRUPTED", "USAGE", "door", "note", "settings"]

FAILED, USAGE, INTERRUPTED = 1, 2, 130
"""Exit statuses: the run failed; wrong usage; interrupted (as shells count Ctrl-C)."""

P = ParamSpec("P")
T = TypeVar("T")


class _Settings:
    """What options before the command say."""

    debug = False


settings = _Settings()


def note(sentence: str) -> None:
    """Write a sentence to standard error."""
    typer.echo(sentence, err=True)


def door(command: Callable[P, T]) -> Callable[P, T]:
    """Let a command fail in one sentence, with the right exit status."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _show_warning
            try:
                return command(*args, **kwargs)
            except (ParameterError, StudyError, MissingExtraError) as error:
                raise typer.Exit(_tell(str(error), USAGE)) from error
            except MLPLabError as error:
                raise typer.Exit(_tell(str(error), FAILED)) from error
            except KeyboardInterrupt as error:
                # Whoever had kept something by then says where.
                sentence = str(error) or "interrupted before the work was done."
                raise typer.Exit(_tell(sentence, INTERRUPTED)) from error
            except BrokenPipeError as error:
                # Whoever read our output has seen enough.
                raise typer.Exit(0) from error
            except (typer.Exit, typer.Abort):
                raise
            except Exception as error:  # the outermost door
                sentence = f"{type(error).__name__}: {' '.join(str(error).split())}"
                raise typer.Exit(_tell(f"{sentence} (--debug shows where)", FAILED)) from error

    return guarded


def _tell(sentence: str, status: int) -> int:
    if settings.debug:
        traceback.print_exc(file=sys.stderr)
    typer.secho(f"mlplab: {sentence}", err=True, fg=typer.colors.RED)
    return status


def _show_warning(message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, UserWarning):
        note(f"Note: {message}")
