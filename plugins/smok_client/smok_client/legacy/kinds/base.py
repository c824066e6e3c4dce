"""What every kind of legacy file has in common: entries that are converted, looked up, stored."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from smok_client.legacy.nodes import Node
from smok_client.legacy.plain import PlainReader
from smok_core.engine.base import Ack, Table
from smok_core.roles.base import Database, OnEngine

V = TypeVar("V")


class Kind(ABC, Generic[V]):
    """One kind of file that smok 0.21.0 writes; an instance imports one such file.

    Args:
        database: The role's database that takes the entries.
        plain: Reads users' data within the file's bounds.
    """

    role: ClassVar[str]
    #: What the file is, for people.
    title: ClassVar[str]
    #: Parts of usual file names; they decide only where content alone cannot.
    hints: ClassVar[tuple[str, ...]]

    def __init__(self, database: Any, plain: PlainReader) -> None:
        self.database, self.plain = database, plain

    @classmethod
    @abstractmethod
    def fits(cls, root: Node) -> bool:
        """Tell whether a file with this content can be of this kind."""

    @abstractmethod
    def entries(self, root: Node) -> Sequence[Any]:
        """Return the entries of a file.

        Raises:
            LegacyRefused: The file is of another kind.
        """

    @abstractmethod
    def label(self, entry: Any) -> str:
        """Name an entry in a report; its content is not checked yet."""

    @abstractmethod
    def convert(self, entry: Any) -> V:
        """Check every field and give what is stored.

        Raises:
            EntryRefused, InvalidKey, InvalidType, InvalidValue: The entry cannot be taken over.
        """

    @abstractmethod
    def has(self, value: V) -> bool:
        """Tell whether storing this changes nothing; what is stored already stays."""

    @abstractmethod
    def put(self, value: V) -> None:
        """Store it."""

    def finish(self) -> None:
        """Store what is written all at once; called after the last `put`."""


def table_of(database: Database, name: str) -> Table | None:
    """Return a table of a role's engine; None if the backend keeps the role in its own way."""
    return database.engine.table(name) if isinstance(database, OnEngine) else None


class LateAck:
    """Ends the wait of rows that the cloud has already, a page at a time.

    A crash in between leaves them pending: they are uploaded once more, with the uuid the cloud
    gave them, and nothing is lost.
    """

    def __init__(self, table: Table | None) -> None:
        self._table, self._keys = table, list[str]()

    def add(self, key: str) -> None:
        """Remember a row that shall not wait."""
        self._keys.append(key)
        if len(self._keys) >= 1000:
            self.flush()

    def flush(self) -> None:
        """Acknowledge what was remembered."""
        keys, self._keys = self._keys, []
        if self._table is not None and keys:
            rows = self._table.get_many(keys)
            self._table.acknowledge([Ack(row.key, row.seq) for row in rows.values()])
