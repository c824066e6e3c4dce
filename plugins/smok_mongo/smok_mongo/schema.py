"""The schema document of a device: what version its data has. Newer data is not touched."""

from typing import Final

from bson import Int64

from smok_core.errors import CorruptData, SchemaTooNew
from smok_mongo.batches import BATCHES
from smok_mongo.client import Server
from smok_mongo.commands import find_one, insert_one, update_one
from smok_mongo.table_versions import ROWS

META: Final = "smok_meta"
#: Version 3: README.md, "What lies in the database". What 1 and 2 left in a series is read on, and
#: continued by the first append to it (`older.py`).
VERSION: Final = 3


def check_schema(server: Server, document_id: str) -> int | None:
    """Return the version of what is stored, None if there is nothing; change nothing.

    Raises:
        SchemaTooNew: A newer release wrote it.
    """
    found = find_one(server, META, {"_id": document_id})
    if found is None:
        return None
    version = found.get("schema")
    if not isinstance(version, int):
        raise CorruptData(server.store, "its schema document names no version")
    if version > VERSION:
        raise SchemaTooNew(server.store, version, VERSION)
    return int(version)


def prepare_schema(server: Server, document_id: str) -> None:
    """Write the schema document where it is not of this version, and the secondary indexes.

    It is an acknowledged write like any other, so it also proves that the server takes them.
    """
    if (version := check_schema(server, document_id)) is None:
        insert_one(server, META, {"_id": document_id, "schema": VERSION, "seq": Int64(0)})
        version = check_schema(server, document_id)  # if somebody else was faster
    if version != VERSION:
        update_one(server, META, {"_id": document_id}, {"$max": {"schema": VERSION}})
    server.run(lambda db: db[BATCHES].create_index("d", name="smok_d", sparse=True))
    server.run(lambda db: db[ROWS].create_index("q", name="smok_q", sparse=True))
    server.run(lambda db: db[ROWS].create_index("s", name="smok_s", sparse=True, unique=True))
