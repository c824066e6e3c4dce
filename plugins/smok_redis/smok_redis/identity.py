"""The file that remembers which store this device has seen on the server."""

import os
from pathlib import Path

from smok_core.errors import CorruptData, ReadOnlyStore

_REMEDY = "Make the file of the option 'remember' readable and writable, or drop the option."


def recall(store: str, path: Path | None) -> str:
    """Return the remembered id, or ''.

    Raises:
        CorruptData: There is a file and it holds no id.
    """
    if path is None:
        return ""
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise CorruptData(store, f"{path.name} cannot be read", _REMEDY) from error
    if len(text) != 32 or not text.isalnum():
        raise CorruptData(store, f"{path.name} holds no store id", f"Delete {path.name}.")
    return text


def remember(store: str, path: Path | None, store_id: str) -> None:
    """Write the id, so that a power cut leaves the old file or the new one."""
    if path is None or recall(store, path) == store_id:
        return
    staging = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with staging.open("w", encoding="ascii") as file:
            file.write(f"{store_id}\n")
            file.flush()
            os.fsync(file.fileno())
        staging.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise ReadOnlyStore(store, f"{path.name} cannot be written", _REMEDY) from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
