"""Bytes that are too many for one document: chunks under a token that is never used twice.

Whoever stores chunks afterwards writes the one document that names the token; that write is the
commit point. Chunks that no document names are orphans of a crash.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from bson import Binary

from smok_core.errors import StoreError
from smok_mongo.commands import Document, delete, find, insert_new
from smok_mongo.ids import join, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from smok_mongo.store import Store

__all__ = ["INLINE_BYTES", "Chunks"]

#: Up to this many bytes lie in the document itself.
INLINE_BYTES: Final = 1 << 20
CHUNKS: Final = "smok_chunks"
_OWNERS: Final = ("smok_blobs", "smok_batches")
_CHUNK_BYTES: Final = 4 << 20
#: How long chunks must have been seen without an owner; longer than any operation may take.
_ORPHAN_SECONDS: Final = 3600.0


class Chunks:
    """The chunks of one device."""

    def __init__(self, store: Store, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._server, self._prefix = store.server, store.device
        self._monotonic, self._suspects = monotonic, dict[str, float]()

    def store(self, token: str, data: bytes) -> Document:
        """Store; give the fields by which `load` finds the bytes again."""
        if len(data) <= INLINE_BYTES:
            return {"token": token, "size": len(data), "b": Binary(data)}
        prefix = join(self._prefix, token)
        parts = range(0, len(data), _CHUNK_BYTES)
        documents = [
            {"_id": join(prefix, f"{number:04x}"), "b": Binary(data[at : at + _CHUNK_BYTES])}
            for number, at in enumerate(parts)
        ]
        insert_new(self._server, CHUNKS, documents)
        return {"token": token, "size": len(data)}

    def load(self, owner: Document) -> bytes | None:
        """Give the bytes the document owns; None if its chunks are not all there (any more)."""
        if "b" in owner:
            return bytes(owner["b"])
        query = {"_id": span(join(self._prefix, owner["token"]))}
        found = find(self._server, CHUNKS, query)
        data = b"".join(bytes(chunk["b"]) for chunk in found)
        return data if len(data) == owner["size"] else None

    def drop(self, owners: Iterable[Document]) -> None:
        """Remove the chunks of documents that are gone or name another token now.

        What the caller wanted has happened already, so a fault here is left to `sweep`.
        """
        try:
            for owner in owners:
                if owner["size"] > INLINE_BYTES:
                    self._remove(owner["token"])
        except StoreError:
            return

    def _remove(self, token: str) -> None:
        query = {"_id": span(join(self._prefix, token))}
        delete(self._server, CHUNKS, query)

    def sweep(self) -> int:
        """Remove chunks that had no owner for an hour of this process; tell how many sets.

        Owners are looked for after the chunks: they are written after their chunks.
        """
        stored = {chunk_id.split("|")[1] for chunk_id in self._all(CHUNKS, "_id")}
        orphans = stored - {token for owner in _OWNERS for token in self._all(owner, "token")}
        now = self._monotonic()
        self._suspects = {token: self._suspects.get(token, now) for token in orphans}
        old = [token for token, since in self._suspects.items() if now - since > _ORPHAN_SECONDS]
        for token in old:
            self._remove(token)
        return len(old)

    def _all(self, collection: str, field: str) -> list[str]:
        found = find(self._server, collection, {"_id": span(self._prefix)}, {field: 1})
        return [document[field] for document in found]
