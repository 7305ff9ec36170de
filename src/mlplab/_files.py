"""Files that are whole at every moment: the old one, or the new one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

from mlplab.errors import OutputError

__all__ = ["output_error", "write_atomically"]

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


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a kill or a full disk leaves the old file or the new one.

    The bytes go to a temporary file in the same folder, are forced to the disk, and take the
    name of the file in one step.

    Raises
    ------
    OutputError
        The file cannot be written; no temporary file stays behind.
    """
    temporary = path.with_name(f".{path.name[:40]}-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
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
