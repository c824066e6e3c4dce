"""Reading small credential files: bounded, regular files only, and who else can read them."""

import os
import stat
from pathlib import Path
from typing import Final

from smok_cloud.errors import InvalidCredentials

MAX_CREDENTIAL_BYTES: Final = 64 * 1024


def read_credential(path: str | Path) -> bytes:
    """Return the content of a credential file of at most 64 KiB.

    Raises:
        InvalidCredentials: It cannot be read, is not a regular file or is too large.
    """
    try:
        return _read_regular(path)
    except OSError as error:
        raise InvalidCredentials(
            "unreadable", path, f"cannot be read: {error.strerror or error}",
            "Correct the path, or give the process the right to read the file.",
        ) from error  # fmt: skip


def _read_regular(path: str | Path) -> bytes:
    # O_NONBLOCK: opening a FIFO must not wait for somebody to write into it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is not a regular file")
        content = file.read(MAX_CREDENTIAL_BYTES + 1)
    if len(content) > MAX_CREDENTIAL_BYTES:
        raise InvalidCredentials(
            "too-large", path, f"is larger than {MAX_CREDENTIAL_BYTES} bytes",
            "A certificate or key is a few KiB: check that the path names the right file.",
        )  # fmt: skip
    return content


def is_exposed(path: str | Path) -> bool:
    """Tell whether others than the owner can read or change the file (group counts as others)."""
    return bool(Path(path).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
