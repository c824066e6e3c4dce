"""Tells when a configuration, or a secret it points to, is open to people it should not be."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["readable_secret", "writable_config"]


def readable_secret(path: Path) -> str | None:
    """Warn if others than the owner can read the file of a secret."""
    if not _bits(path, stat.S_IROTH | stat.S_IRGRP | stat.S_IWOTH | stat.S_IWGRP):
        return None
    return f"{path} holds a secret, and others can read it (mode {_mode(path)}): chmod 600 {path}"


def writable_config(path: Path) -> str | None:
    """Warn if others can write the configuration: who can, decides where the data go."""
    if not _bits(path, stat.S_IWOTH | stat.S_IWGRP):
        return None
    return f"{path} can be written by others (mode {_mode(path)}): chmod go-w {path}"


def _bits(path: Path, bits: int) -> int:
    try:
        return path.stat().st_mode & bits
    except OSError:
        return 0


def _mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"
