"""Files that are whole at every moment: the old one, or the new one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mlplab.errors import OutputError, ParameterError

__all__ = ["output_error", "path_of", "write_atomically", "written_atomically"]

_WAYS_OUT = {
    errno.ENOSPC: "Free some space, or choose a folder on another disk.",
    errno.EDQUOT: "Free some space, or choose a folder on another disk.",
    errno.EACCES: "Choose a folder that you may write to.",
    errno.EPERM: "Choose a folder that you may write to.",
    errno.EROFS: "Choose a folder that you may write to.",
    errno.ENOENT: "Create the folder first.",
    errno.ENOTDIR: "A file stands where a folder should be; choose another name.",
    errno.EEXIST: "A file stands where a folder should be; choose another name.",
    errno.EISDIR: "A folder stands where the file should be; choose another name.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}


_LONGEST_NAME = 255  # bytes, on every file system that is usual


def path_of(given: object, name: str = "path") -> Path:
    """Return what was given as a path, with the user's folder for ``~``.

    Raises
    ------
    ParameterError
        It is no path, or no file can be called so; `name` is the parameter.
    """
    if not isinstance(given, (str, os.PathLike)):
        raise ParameterError(
            f"`{name}` must be a path; got {given!r:.80}. Pass a text or a pathlib.Path."
        )
    text = os.fspath(given)
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    longest = max((len(part.encode(errors="replace")) for part in text.split("/")), default=0)
    if "\0" in text or not text or longest > _LONGEST_NAME:
        raise ParameterError(
            f"`{name}` must be a path that can exist; got {text!r:.80}, which is empty, holds a "
            f"null byte or a name of more than {_LONGEST_NAME} bytes. Choose another name."
        )
    return Path(text).expanduser()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a kill or a full disk leaves the old file or the new one.

    The bytes go to a temporary file in the same folder, are forced to the disk, and take the
    name of the file in one step.

    Raises
    ------
    OutputError
        The file cannot be written; no temporary file stays behind.
    """
    with written_atomically(path) as file:
        file.write(content)


@contextlib.contextmanager
def written_atomically(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write to, which takes its name where the block ends without an error.

    Raises
    ------
    OutputError
        As `write_atomically`.
    """
    temporary = path.with_name(f".{path.name[:40]}-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as cause:
        raise output_error(path, cause) from cause
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()  # gone already if all went well


def output_error(path: Path, cause: OSError) -> OutputError:
    """Return the sentence for a file or folder that cannot be written."""
    reason = cause.strerror or str(cause)
    way_out = _WAYS_OUT.get(cause.errno or 0, "Choose another folder.")
    return OutputError(f"Output must be writable; got {str(path)!r}: {reason}. {way_out}")
