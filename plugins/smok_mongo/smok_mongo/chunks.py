"""Bytes that are too many for one document: chunks under a token that is never used twice.

Whoever stores chunks afterwards writes the one document that names the token; that write is the
commit point. Chunks that no document names are orphans of a crash.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final

from bson import Binary
from pymongo import DeleteOne

from smok_core.errors import StoreError
from smok_mongo.commands import Document, bulk, find, find_one, insert_new, slices
from smok_mongo.ids import join, span
from smok_mongo.store import Store

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
            return {"token": token, "b": Binary(data)}
        owner = {"token": token, "size": len(data)}
        documents = [
            {"_id": chunk_id, "b": Binary(data[n * _CHUNK_BYTES : (n + 1) * _CHUNK_BYTES])}
            for n, chunk_id in enumerate(self._ids(owner))
        ]
        insert_new(self._server, CHUNKS, documents)
        return owner

    def _ids(self, owner: Document) -> list[str]:
        size = owner.get("size", 0)
        count = 0 if size <= INLINE_BYTES else -(-size // _CHUNK_BYTES)
        return [join(self._prefix, owner["token"], f"{number:04x}") for number in range(count)]

    def load(self, owner: Document) -> bytes | None:
        """Return the bytes the document owns; None if they are not all there (any more)."""
        if "b" in owner:
            return bytes(owner["b"])
        parts = []
        for chunk_id in self._ids(owner):
            chunk = find_one(self._server, CHUNKS, {"_id": chunk_id})
            if chunk is None:
                return None
            parts.append(bytes(chunk["b"]))
        return b"".join(parts) if parts else None

    def drop(self, owners: Iterable[Document]) -> None:
        """Remove the chunks of documents that are gone or name another token now.

        What the caller wanted has happened already, so a fault here is left to `sweep`.
        """
        ids = [i for owner in owners for i in self._ids(owner)]
        try:
            self._remove(ids)
        except StoreError:
            return

    def _remove(self, ids: Iterable[str]) -> None:
        """Remove few per command, as they were stored: a slow server takes its time for each."""
        for part in slices(ids, 2):
            bulk(self._server, CHUNKS, [DeleteOne({"_id": chunk_id}) for chunk_id in part])

    def sweep(self) -> int:
        """Remove chunks that had no owner for an hour of this process; tell how many sets.

        Owners are looked for after the chunks: they are written after their chunks.
        """
        ids = self._all(CHUNKS, "_id")
        owned = {token for owner in _OWNERS for token in self._all(owner, "token")}
        orphans = {_token(chunk_id) for chunk_id in ids} - owned
        now = self._monotonic()
        self._suspects = {token: self._suspects.get(token, now) for token in orphans}
        old = {token for token, since in self._suspects.items() if now - since > _ORPHAN_SECONDS}
        self._remove(chunk_id for chunk_id in ids if _token(chunk_id) in old)
        return len(old)

    def _all(self, collection: str, field: str) -> list[str]:
        found = find(self._server, collection, {"_id": span(self._prefix)}, {field: 1})
        return [document[field] for document in found]


def _token(chunk_id: str) -> str:
    return chunk_id.split("|")[1]
