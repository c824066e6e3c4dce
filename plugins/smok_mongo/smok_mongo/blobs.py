"""Blobs: one document per key with version and data; large data lies in chunks beside it.

Writing the document is the commit point: version and the token of the chunks change together.
"""

from typing import Any, Final

from pymongo import ReplaceOne

from smok_core.engine.base import Blobs
from smok_core.errors import BackendUnavailable, CorruptData
from smok_mongo.chunks import Chunks
from smok_mongo.client import OperationLock
from smok_mongo.commands import Document, bulk, delete, find, find_one, insert_one
from smok_mongo.ids import base_text, join, segment, span, unsegment
from smok_mongo.store import Store

BLOBS: Final = "smok_blobs"
_TRIES: Final = 50


class MongoBlobs(Blobs):
    """The blobs of one name of one device."""

    def __init__(self, store: Store, chunks: Chunks, name: str) -> None:
        self._store, self._server, self._chunks, self._name = store, store.server, chunks, name
        self._prefix = join(store.device, segment(name))
        self._operation_lock = OperationLock(store.server)

    def put(self, key: str, data: bytes, version: int) -> int | None:
        with self._operation_lock():
            old = self._head(key)
            if old is not None and _version(old) >= version:
                return _version(old)
            token = base_text(self._store.sequence.take()) + self._server.owner
            fields = {"version": str(version), **self._chunks.store(token, data)}
            for _ in range(_TRIES):
                if self._write(key, old, fields) or self._is_mine(key, token):
                    self._chunks.drop([old] if old else [])
                    return None
                old = self._head(key)
                if old is not None and _version(old) >= version:
                    self._chunks.drop([fields])
                    return _version(old)
        raise self._contended()

    def _write(self, key: str, old: Document | None, fields: Document) -> bool:
        """Insert or replace the document, if it still is as it was read."""
        blob_id = self._id(key)
        if old is None:
            return insert_one(self._server, BLOBS, {"_id": blob_id, **fields})
        replacement = ReplaceOne({"_id": blob_id, "token": old["token"]}, fields)
        return bool(bulk(self._server, BLOBS, [replacement]))

    def _is_mine(self, key: str, token: str) -> bool:
        """Tell whether the write happened and only its answer was lost."""
        head = self._head(key)
        return head is not None and head["token"] == token

    def get(self, key: str) -> tuple[bytes, int] | None:
        token = None
        with self._server.operation():
            for _ in range(_TRIES):
                document = self._find(key, None)
                if document is None:
                    return None
                data = self._chunks.load(document)
                if data is not None:
                    return data, _version(document)
                if document["token"] == token:
                    raise CorruptData(self._server.store, f"chunks of a {self._name} are missing")
                token = document["token"]  # it was replaced while its chunks were read
        raise self._contended()

    def version(self, key: str) -> int | None:
        head = self._head(key)
        return None if head is None else _version(head)

    def versions(self) -> dict[str, int]:
        found = find(self._server, BLOBS, {"_id": span(self._prefix)}, {"version": 1})
        return {unsegment(d["_id"].rpartition("|")[2]): _version(d) for d in found}

    def delete(self, key: str) -> bool:
        tried: list[Document] = []
        with self._operation_lock():
            for _ in range(_TRIES):
                old = self._head(key)
                if old is None:
                    self._chunks.drop(tried)
                    return bool(tried)
                tried.append(old)
                delete(self._server, BLOBS, {"_id": self._id(key), "token": old["token"]})
        raise self._contended()

    def _head(self, key: str) -> Document | None:
        return self._find(key, {"version": 1, "token": 1, "size": 1})

    def _find(self, key: str, fields: dict[str, Any] | None) -> Document | None:
        return find_one(self._server, BLOBS, {"_id": self._id(key)}, fields)

    def _id(self, key: str) -> str:
        return join(self._prefix, segment(key, self._name))

    def _contended(self) -> BackendUnavailable:
        return BackendUnavailable(self._server.store, "other processes keep changing the blob")


def _version(document: Document) -> int:
    """Return the version; it is stored as text because it may have more than 64 bits."""
    return int(document["version"])
