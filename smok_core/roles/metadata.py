"""Metadata: texts by key, kept in step with the cloud; the later write wins."""

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

from smok_core.engine.base import Engine, Row, When
from smok_core.engine.plain import check_plain
from smok_core.errors import InvalidType, NotFound
from smok_core.roles.base import BATCH, Database, OnEngine
from smok_core.roles.checks import check_key, check_number
from smok_core.roles.outbox import Batch, StoredBatch, TableOutbox
from smok_core.settings import StoreContext


class PlainChange(NamedTuple):
    """A local change that the cloud shall learn of."""

    key: str
    value: str | None  #: None: the key was deleted
    timestamp: float  #: when it was written, in seconds since the epoch


class BasePlainSynchronization(Batch):
    """A batch of local metadata changes on its way to the cloud."""

    @property
    def changes(self) -> list[PlainChange]:
        """The changes, oldest first; of each key only the newest."""
        return list(self.values)

    def to_json(self) -> list[Any]:
        """Return the changes as dicts; each is a request of its own (PUT or DELETE)."""
        return [change._asdict() for change in self.changes]


class BaseMetadataDatabase(Database):
    """Keep texts by key (contract ME). Timestamps are seconds since the epoch; any thread."""

    role = "metadata"

    @abstractmethod
    def put_plain(self, key: str, value: str, timestamp: float | None = None) -> None:
        """Write locally, whatever is stored, and queue it for the cloud.

        Args:
            key: Rule G5.
            value: A text; the empty text is a value, not a deletion.
            timestamp: When it was written; None is now, and never older than what is stored.

        Raises:
            InvalidKey, InvalidType, InvalidValue: Nothing has been changed.
            QueueFull: ``max_pending`` is reached and the policy is ``refuse``; likewise.
        """

    @abstractmethod
    def get_plain(self, key: str) -> str:
        """Return the value. Raises NotFound: there is none, or it was deleted (a KeyError)."""

    @abstractmethod
    def update_plain(self, key: str, value: str, timestamp: float) -> None:
        """Take over what the cloud has, only if it is strictly newer than what is stored."""

    @abstractmethod
    def delete_plain(self, key: str) -> None:
        """Delete locally and queue the deletion for the cloud; a missing key is left alone.

        Raises QueueFull: ``max_pending`` is reached, the policy is ``refuse``; it is still there.
        """

    @abstractmethod
    def get_all_plain(self) -> Iterator[tuple[str, str, float]]:
        """Stream ``(key, value, timestamp)`` of all that is not deleted."""

    def get_plain_to_sync(self, limit: int = BATCH) -> BasePlainSynchronization | None:  # noqa: ARG002 - the role's signature
        """Return the local changes to upload, or None; the published client queues them itself."""
        return None


class PlainSynchronization(StoredBatch[PlainChange], BasePlainSynchronization):
    """The batch of `MetadataDatabase`."""


class MetadataDatabase(BaseMetadataDatabase, OnEngine):
    """The role on an engine: a row a key, its stamp the timestamp, None as value a deletion.

    A deletion is kept as a row until the cloud has it, so it survives a restart and is not undone
    by an older value from the cloud (contract ME4).
    """

    tables = ("metadata",)

    def __init__(self, context: StoreContext, engine: Engine) -> None:
        super().__init__(context, engine)
        # What is dropped is not uploaded, but it stays in force here.
        self.outbox: TableOutbox[PlainChange, PlainSynchronization] = TableOutbox(
            self,
            self._table,
            self._load,
            PlainSynchronization,
            when=lambda change: change.timestamp,
            remove=lambda row: self._load(row).value is None,
        )

    def put_plain(self, key: str, value: str, timestamp: float | None = None) -> None:
        self._check(key, value, 0 if timestamp is None else timestamp)
        stamp = self._now(self._table.get(key)) if timestamp is None else timestamp
        self.outbox.put(key, self.codec.dumps(value), stamp=stamp)

    def get_plain(self, key: str) -> str:
        value = self.stored(self._table, key, self._load)[1].value
        if value is None:
            raise NotFound(self.role, key)
        return value

    def update_plain(self, key: str, value: str, timestamp: float) -> None:
        self._check(key, value, timestamp)
        self._table.put(key, self.codec.dumps(value), stamp=timestamp, when=When.NEWER)

    def delete_plain(self, key: str) -> None:
        check_key(self.role, key)
        gone = self.codec.dumps(None)
        while (row := self._table.get(key)) is not None and row.value != gone:
            # Compare and set: a value written in between is newer than this deletion's reading.
            if self.outbox.put(key, gone, stamp=self._now(row), expected_seq=row.seq):
                return

    def get_all_plain(self) -> Iterator[tuple[str, str, float]]:
        return iter([tuple(change) for change in self.items() if change.value is not None])

    def get_plain_to_sync(self, limit: int = BATCH) -> PlainSynchronization | None:
        return self.outbox.take(limit)

    def _load(self, row: Row) -> PlainChange:
        value = self.codec.loads(row.value)
        if value is not None and type(value) is not str:
            raise TypeError(f"a {type(value).__name__} is no metadata value")
        return PlainChange(row.key, value, row.stamp)

    def _now(self, row: Row | None) -> float:
        """Return the time, later than the row's: a clock that jumped back must not lose a write."""
        now = self.context.clock()
        return now if row is None or now > row.stamp else math.nextafter(row.stamp, math.inf)

    def _check(self, key: str, value: object, timestamp: object) -> None:
        check_key(self.role, key)
        check_number(self.role, key, timestamp, "timestamp")
        if type(value) is not str:
            raise InvalidType(self.role, key, value, "a str")
        check_plain(value, self.role, key)
