"""LMDB's errors as the core's: the only place where they are told apart."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import lmdb

from smok_core.errors import (
    BackendUnavailable,
    CorruptData,
    ReadOnlyStore,
    StorageFull,
    StoreError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


#: What LMDB raises when a file is not, or not any more, what it wrote.
DAMAGED = (
    lmdb.InvalidError,
    lmdb.CorruptedError,
    lmdb.VersionMismatchError,
    lmdb.PageNotFoundError,
    lmdb.IncompatibleError,
)
_FULL = (lmdb.MapFullError, lmdb.DiskError)
_BUSY = (lmdb.ReadersFullError, lmdb.LockError, lmdb.MapResizedError, lmdb.MemoryError)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise the `StoreError` that stands for what LMDB raised, the cause chained."""
    try:
        yield
    except lmdb.Error as error:
        raise _story(str(path), error) from error
    except OSError as error:
        raise _io_story(str(path), error) from error


def _story(path: str, error: lmdb.Error) -> StoreError:
    if isinstance(error, _FULL):
        return StorageFull(path, "LMDB has no room for it")
    if isinstance(error, DAMAGED):
        return CorruptData(path, f"LMDB cannot read it ({error})")
    if isinstance(error, lmdb.ReadonlyError):
        return ReadOnlyStore(path, "LMDB must not write there")
    detail = f"LMDB says: {error}"
    if isinstance(error, _BUSY):
        return BackendUnavailable(path, detail)
    return StoreError(path, detail, "Look at the path and its rights; `smok check` tries again.")


def _io_story(path: str, error: OSError) -> StoreError:
    if isinstance(error, PermissionError):
        return ReadOnlyStore(path, f"{error.strerror}")
    return StoreError(path, f"{error.strerror or error}", "Look at the path and its rights.")
