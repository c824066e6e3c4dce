"""The files around a store: where they are, whose they are, and what was put aside."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from smok_core.errors import ForeignData

_MARKS: Final = (".corrupt-", ".rescued-")
#: What the kernel keeps there looks like directories, and takes no file.
_KERNELS: Final = ("/proc", "/sys")
_COMPANIONS: Final = ("-wal", "-shm", "-journal")


def resolved(path: Path) -> Path:
    """Return the file that ``path`` leads to: SQLite's log lies beside that one, not beside a link.

    Raises:
        ForeignData: A link leads nowhere, and somebody else may have planted it; or there is a
            pipe, a device or a socket, of which reading may never end.
    """
    if path.is_symlink() and not path.exists() and not _is_trusted(path):
        raise ForeignData(
            str(path), f"it is a link to {path.readlink()}, which does not exist, in a directory "
            "that others can write to",
            "Make the file it should lead to, or remove the link.",
        )  # fmt: skip
    found = path.resolve()
    if found.exists() and not found.is_file() and not found.is_dir():
        raise ForeignData(
            str(path), "a pipe, a device or a socket lies there",
            "Give the path of a file: a store is one file.",
        )  # fmt: skip
    return found


def _is_trusted(link: Path) -> bool:
    """Tell whether only this user, or root, can have made the link."""
    mine = {0, os.geteuid()}
    folder, made = link.parent.stat(), link.lstat()
    return {folder.st_uid, made.st_uid} <= mine and not folder.st_mode & 0o022


def sibling(path: Path, suffix: str) -> Path:
    """Return ``path`` with ``suffix`` behind its whole name."""
    return path.with_name(path.name + suffix)


def make_parents(path: Path) -> None:
    """Make the missing directories above ``path``, for this user only, whatever the umask is."""
    if path.is_dir():
        raise ForeignData(
            str(path), "it is a directory", "Give the path of a file: a store is one file."
        )
    missing = [parent for parent in path.parents if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(mode=0o700, exist_ok=True)
        restrict(parent, 0o700)
        give_to_owner(parent, parent.parent)


def check_place(path: Path) -> None:
    """Raise the OSError that making the file would raise, as far as can be told without trying."""
    above = next(parent for parent in path.parents if parent.exists())
    if not above.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(above))
    kernels = {Path(place).stat().st_dev for place in _KERNELS if Path(place).is_mount()}
    if above.stat().st_dev in kernels:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))


def make_for(path: Path, part: Path) -> int:
    """Open ``part``, a file of the store at ``path``, or make it; give its descriptor.

    Only the store's owner may read it, whatever the umask is, and a link is never followed: in a
    directory that others can write to, it may lead anywhere.

    Raises:
        ForeignData: A link or something else that is no file lies there.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    _refuse_strange(part)
    owner = path if path.exists() else path.parent
    try:
        return os.open(part, flags)
    except FileNotFoundError:
        handle = os.open(part, flags | os.O_CREAT | os.O_EXCL, 0o600)
    restrict(handle, 0o600)
    give_to_owner(handle, owner)
    return handle


def refuse_strange_companions(path: Path) -> None:
    """Raise ForeignData if SQLite cannot keep its files there; a pipe is read for ever."""
    for suffix in _COMPANIONS:
        _refuse_strange(sibling(path, suffix))


def _refuse_strange(part: Path) -> None:
    if part.is_symlink() or (part.exists() and not part.is_file()):
        raise ForeignData(
            str(part), "a link, or something else that is no file, lies there",
            "Remove it: the store keeps a file of its own at this place.",
        )  # fmt: skip


def secure(path: Path) -> None:
    """Make the file, if it is missing, and let only its owner read it.

    SQLite gives ``-wal`` and ``-shm`` the mode and the owner of the file itself. The descriptor
    is closed: no connection of this process may have the file open.
    """
    handle = make_for(path, path)
    try:
        if stat.S_IMODE(os.fstat(handle).st_mode) & 0o077:
            restrict(handle, 0o600)
    finally:
        os.close(handle)


def restrict(made: int | Path, mode: int) -> None:
    """Set who may use what was made; FAT and some shares know no rights, and stay as mounted.

    `smok check` warns of a store that others can read.
    """
    with contextlib.suppress(PermissionError):
        os.chmod(made, mode)  # noqa: PTH101 - it may be a descriptor


def give_to_owner(made: int | Path, like: Path) -> None:
    """Let what root has made belong to the user whose store it is part of.

    Otherwise one `smok status` of an administrator locks the service out.
    """
    owner = like.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        with contextlib.suppress(PermissionError):  # the file system keeps no owners
            os.chown(made, owner.st_uid, owner.st_gid)


def stamped(path: Path, mark: str) -> Path:
    """Return a name beside ``path`` that tells since when, and is not taken."""
    return sibling(path, mark + datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ"))


def places(path: Path) -> Iterator[Path]:
    """Name what a copy of the store is called beside it, and in each directory above."""
    for folder in path.parents:
        yield folder / "_".join(path.relative_to(folder).parts)


def put_aside_name(path: Path) -> Path:
    """Return the name under which the damaged file at ``path`` is kept: the one it has already."""
    found = path.stat()
    for known in _marked(path, _MARKS[0]):
        if known.stat().st_ino == found.st_ino:
            return known
    return stamped(path, _MARKS[0])


def beside(path: Path) -> dict[str, list[Path]]:
    """Return what was put aside or rescued and still waits for somebody to look, by its mark."""
    corrupt, rescued = _MARKS
    above = (copy for place in places(path) for copy in _marked(place, rescued))
    return {"corrupt": sorted(_marked(path, corrupt)), "rescued": sorted(above)}


def _marked(path: Path, mark: str) -> Iterator[Path]:
    try:
        found = list(path.parent.iterdir())
    except OSError:
        return
    for file in found:
        extra = file.name.endswith((*_COMPANIONS, ".page1", ".log", ".part"))
        if file.name.startswith(path.name + mark) and not extra:
            yield file
