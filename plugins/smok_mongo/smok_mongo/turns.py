"""Turns among writers of one series: who was overtaken twice asks, and others let it go first.

Who plans longest loses its place to whoever is quicker, again and again: a large batch, a slow
machine. A document says that somebody is waiting; writers see it where they ask for the floor, and
before their next commit wait until it is gone, for a second at the most. No commit depends on it:
whoever is killed while it asks costs each of the others that second once.
"""

import contextlib
import time
import uuid
from collections.abc import Iterable
from typing import Final

from smok_core.errors import StoreError
from smok_mongo.client import Server
from smok_mongo.commands import Document, delete, find_all, insert_one
from smok_mongo.ids import join

SERIES_METADATA: Final = "smok_heads"
#: Sorts before every digit, so the floors come first where both are read backwards.
_MARK: Final = "!"
_PATIENCE: Final = 1.0
_PAUSE: Final = 0.03


class Turns:
    """Asking for a turn and giving it; the caller holds the operation lock of the series."""

    def __init__(self, server: Server, prefix: str) -> None:
        self._server, self._prefix = server, join(prefix, _MARK)
        self._mine: str | None = None
        self._asking = set[str]()  #: seen, and not yet let go first
        self._given = set[str]()

    def note(self, documents: Iterable[Document]) -> list[Document]:
        """Note who asks; give the other documents."""
        asking = {d["_id"] for d in documents if d["_id"].startswith(self._prefix)}
        self._asking = asking - self._given - {self._mine or ""}
        return [d for d in documents if d["_id"] not in asking]

    def ask(self) -> None:
        """Ask to go first, until `end` is called."""
        if self._mine is None:
            self._mine = self._prefix + uuid.uuid4().hex
            insert_one(self._server, SERIES_METADATA, {"_id": self._mine})

    def end(self) -> None:
        """Ask no more."""
        if self._mine is not None:
            with contextlib.suppress(StoreError):
                delete(self._server, SERIES_METADATA, {"_id": {"$in": [self._mine]}})
            self._mine = None

    def give(self) -> None:
        """Wait for those who ask; each is waited for once."""
        end = time.monotonic() + _PATIENCE
        while self._asking and time.monotonic() < end:
            time.sleep(_PAUSE)
            self._asking = {
                found["_id"] for found in find_all(self._server, SERIES_METADATA, self._asking)
            }
        self._given |= self._asking
        self._asking = set()
