"""What the operating system refuses a command, as errors with codes and a way out."""

import errno
from typing import ClassVar, Final

from smok_core.errors import SmokError


class FileError(SmokError):
    """A file or directory that a command was given cannot be used.

    Args:
        cause: What the operating system said.
    """

    code = "SMOK-F01"
    remedy: ClassVar[str] = "Check the path."

    def __init__(self, cause: OSError) -> None:
        self.path = None if cause.filename is None else str(cause.filename)
        place = f"{self.path}: " if self.path else ""
        super().__init__(f"{place}{cause.strerror or cause}. {self.remedy}")


class NotThere(FileError):
    """There is no such file or directory."""

    code = "SMOK-F02"
    remedy = "Check the path; a relative one counts from the working directory."


class NoPermission(FileError):
    """The user must not do that there, or the file system is read-only."""

    code = "SMOK-F03"
    remedy = "Run it as the user who owns it, or give this one the right."


class DiskFull(FileError):
    """There is no room for what a command writes; the stores have `StorageFull` for theirs."""

    code = "SMOK-F04"
    remedy = "Free some space or write elsewhere; what is stored is not affected."


class AddressTaken(FileError):
    """Another process listens on the address, or this machine does not have it."""

    code = "SMOK-F05"
    remedy = "Give another port, or stop the process that has it."


_KINDS: Final = {
    errno.ENOENT: NotThere,
    errno.EACCES: NoPermission,
    errno.EPERM: NoPermission,
    errno.EROFS: NoPermission,
    errno.ENOSPC: DiskFull,
    errno.EDQUOT: DiskFull,
    errno.EFBIG: DiskFull,
    errno.EADDRINUSE: AddressTaken,
    errno.EADDRNOTAVAIL: AddressTaken,
}


def from_os_error(cause: OSError) -> FileError:
    """Return the error of a command for one of the operating system."""
    return _KINDS.get(cause.errno or 0, FileError)(cause)
