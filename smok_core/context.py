"""What a backend is given to open a store, and a role to open on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from smok_core.settings import StoreSettings


class StoreContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a backend may need to open one store. Fields may be added, never removed."""

    store: str  #: name of the store in the config
    device: str  #: id of the device; every byte stored belongs to it alone (contract G9)
    options: Any  #: instance of the backend's options Struct
    settings: StoreSettings = StoreSettings()
    base_dir: Path = Path()  #: relative paths in options are relative to this
    roles: frozenset[str] = frozenset()  #: the roles the config gives this store
    looking: bool = False  #: only look: make, heal, migrate and move nothing (`smok status`)
    clock: Callable[[], float] = time.time  #: seconds since the epoch
