"""Rows as documents: their ids, their places in the queue, and when one may be written."""

from collections.abc import Iterable

from bson import Binary

from smok_core.engine.base import Ack, Row, When
from smok_core.errors import CorruptData
from smok_mongo.commands import Document
from smok_mongo.ids import among, join, segment, seq_text, unsegment
from smok_mongo.table_versions import ROWS, TableVersions


class Places:
    """Where the rows of a table are, in the version of it that was seen last."""

    def __init__(self, table_versions: TableVersions, role: str) -> None:
        self._versions, self._role = table_versions, role

    def id_of(self, key: str) -> str:
        """Return the id of a row."""
        return join(self._versions.seen_prefix, segment(key, self._role))

    def place(self, seq: int, key: str) -> str:
        """Return a place in the queue; the key keeps equal seqs of two processes apart."""
        return join(self._versions.seen_prefix, seq_text(seq), segment(key, self._role))

    def pending(self, acks: Iterable[Ack]) -> Document:
        """Make the query for rows that still wait with the seq that was handed out."""
        return {"q": among([self.place(done.seq, done.key) for done in acks])}


def tag_bytes(tag: str | None) -> Binary | None:
    """Return the tag as bytes: a server that stores JSON refuses some texts."""
    return None if tag is None else Binary(tag.encode())


def row_of(document: Document) -> Row:
    """Make the row that a document holds.

    Raises:
        CorruptData: Somebody else has changed the document.
    """
    tag = document.get("tag")
    try:
        return Row(
            unsegment(document["_id"].rpartition("|")[2]),
            bytes(document["v"]),
            float(document["stamp"]),
            int(document["seq"]),
            "q" in document,
            None if tag is None else bytes(tag).decode(),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptData(ROWS, f"the row {document['_id']} cannot be read") from error


def may_write(old: Row | None, stamp: float, when: When, expected_seq: int | None) -> bool:
    """Tell whether the conditions of `Table.put` hold."""
    if expected_seq is not None and (old is None or old.seq != expected_seq):
        return False
    if when is When.ABSENT:
        return old is None
    return when is When.ALWAYS or old is None or stamp > old.stamp
