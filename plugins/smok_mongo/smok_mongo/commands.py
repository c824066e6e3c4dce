"""The commands the primitives are made of; each may be sent twice, and `Server.run` may do so."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from bson import Int64
from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from smok_mongo.client import Server
from smok_mongo.errors import DUPLICATE_KEY

Document = dict[str, Any]
_T = TypeVar("_T")

#: Ids in one ``$in``: keeps each command short and far below 16 MiB.
SLICE: Final = 1000
#: Updates in one command. FerretDB 1 keeps a connection for each and stops for ever at 100.
_UPDATES: Final = 32
#: Payload of one insert command.
_COMMAND_BYTES: Final = 8 << 20


def slices(items: Iterable[_T], size: int = SLICE) -> Iterator[list[_T]]:
    """Cut into lists of at most ``size``."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part


# --- reading -------------------------------------------------------------------------------------


def find_one(
    server: Server, collection: str, query: Document, fields: Document | None = None
) -> Document | None:
    """Return the document, or None."""
    return server.run(lambda db: db[collection].find_one(query, fields))


def find(
    server: Server,
    collection: str,
    query: Document,
    fields: Document | None = None,
    *,
    sort: str = "_id",
    direction: int = 1,
    limit: int = 0,
) -> list[Document]:
    """Return the documents in the order of a field; ``limit`` 0 is no limit."""

    def work(db: Any) -> list[Document]:
        found = db[collection].find(query, fields, limit=limit, batch_size=limit)
        return list(found.sort(sort, direction))

    return server.run(work)


def find_all(
    server: Server, collection: str, ids: Iterable[str], fields: Document | None = None
) -> list[Document]:
    """Return the documents that exist among ``ids``, in order within each thousand."""
    found: list[Document] = []
    for part in slices(ids):
        found += find(server, collection, {"_id": {"$in": part}}, fields)
    return found


def count(server: Server, collection: str, query: Document) -> int:
    """Count documents."""
    return server.run(lambda db: db[collection].count_documents(query))


# --- writing -------------------------------------------------------------------------------------


def insert_one(server: Server, collection: str, document: Document) -> bool:
    """Insert; tell whether the ``_id`` was free. After a lost answer that may be False."""
    return not _insert_part(server, collection, [document])


def insert_new(server: Server, collection: str, documents: Sequence[Document]) -> list[Document]:
    """Insert; give back those whose ``_id`` was there already, which are left as they are."""
    taken: list[Document] = []
    for part in _parts(documents):
        taken += _insert_part(server, collection, part)
    return taken


def _insert_part(server: Server, collection: str, documents: list[Document]) -> list[Document]:
    return server.run(lambda db: _insert_many(db[collection], documents))


def _insert_many(collection: Collection[Document], documents: list[Document]) -> list[Document]:
    try:
        collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        return [documents[fault["index"]] for fault in _duplicates(error)]
    return []


def _duplicates(error: BulkWriteError) -> list[Document]:
    """Return the write errors if a unique index is all there is to them, else raise the error.

    What is there already may be this command's own work whose answer got lost; it holds only if a
    majority has it, so an answer that reports an unmet concern beside it is no success. (The
    driver's exception for a single insert leaves that out: everything is sent as a bulk.)
    """
    faults: list[Document] = error.details["writeErrors"]
    others = any(fault["code"] != DUPLICATE_KEY for fault in faults)
    if others or error.details["writeConcernErrors"]:
        raise error
    return faults


def _parts(documents: Sequence[Document]) -> Iterator[list[Document]]:
    part: list[Document] = []
    size = 0
    for document in documents:
        weight = sum(len(value) for value in document.values() if isinstance(value, bytes | str))
        if part and size + weight > _COMMAND_BYTES:
            yield part
            part, size = [], 0
        part.append(document)
        size += weight
    if part:
        yield part


def update_one(server: Server, collection: str, query: Document, change: Document) -> bool:
    """Change a document; tell whether the query matched. After a lost answer that may be False."""
    return server.run(lambda db: bool(db[collection].update_one(query, change).matched_count))


def update_unique(server: Server, collection: str, query: Document, change: Document) -> bool:
    """Change a document as `update_one` does; False also if a unique index forbids it."""
    return server.run(lambda db: _update_unique(db[collection], query, change))


def _update_unique(collection: Collection[Document], query: Document, change: Document) -> bool:
    try:
        return bool(collection.bulk_write([UpdateOne(query, change)]).matched_count)
    except BulkWriteError as error:
        return not _duplicates(error)


def set_number(server: Server, collection: str, document_id: str, field: str, value: int) -> None:
    """Set a number, made if need be."""
    query, change = {"_id": document_id}, {"$set": {field: Int64(value)}}
    if not update_one(server, collection, query, change):
        insert_one(server, collection, {**query, field: Int64(value)})


def update(
    server: Server, collection: str, query: Document, change: Document, meant: int = 0
) -> int:
    """Change documents; tell how many were changed (see `_counted` for ``meant``)."""
    return _counted(
        server, lambda db: db[collection].update_many(query, change).modified_count, meant
    )


def delete(server: Server, collection: str, query: Document, meant: int = 0) -> int:
    """Remove documents; tell how many there were (see `_counted` for ``meant``)."""
    return _counted(server, lambda db: db[collection].delete_many(query).deleted_count, meant)


def _counted(server: Server, work: Callable[[Any], int], meant: int) -> int:
    """Do work that counts; at least ``meant`` if it was sent twice.

    The second answer does not count what the first has done. Who must know better looks again.
    """
    attempts = 0

    def attempt(db: Any) -> int:
        nonlocal attempts
        attempts += 1
        return work(db)

    found = server.run(attempt)
    return max(found, meant) if attempts > 1 else found


def bulk(server: Server, collection: str, operations: Iterable[Any]) -> int:
    """Send updates and deletions that do not depend on each other; tell how many matched."""
    return sum(_bulk_part(server, collection, part) for part in slices(operations, _UPDATES))


def _bulk_part(server: Server, collection: str, operations: list[Any]) -> int:
    done = server.run(lambda db: db[collection].bulk_write(operations, ordered=False))
    return done.matched_count + done.deleted_count
