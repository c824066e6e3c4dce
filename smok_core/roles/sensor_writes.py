"""Sensor writes: the audit log of who wrote what to which sensor, until the cloud has it."""

from abc import abstractmethod
from typing import Any, Final

import msgspec

from smok_core.engine.base import Ack, Engine, When
from smok_core.model import SensorWriteEvent
from smok_core.roles.base import BATCH, Database, OnEngine
from smok_core.roles.checks import check_fields
from smok_core.roles.outbox import Batch, StoredBatch, TableOutbox
from smok_core.settings import StoreContext

_UNSIGNED: Final = 2**64 - 1


class BaseSensorWriteSynchronization(Batch):
    """A batch of audit records on its way to the cloud; falsy when there is none.

    Args:
        events: The records, oldest first.
        swdb: The database that is told of each record what became of it.
    """

    def __init__(self, events: list[SensorWriteEvent], swdb: "BaseSensorWriteDatabase") -> None:
        self.events, self.swdb = events, swdb

    def to_json(self) -> list[Any]:
        """Return the body of ``PUT /v1/device/sensor/write_log``."""
        return [event.to_json() for event in self.events]

    def acknowledge(self) -> None:
        self.ack()

    def release(self) -> None:
        self.nack()

    def ack(self) -> None:
        """Be `acknowledge`, by the published client's name."""
        for event in self.events:
            self.swdb.on_synced_sw(event)

    def nack(self) -> None:
        """Be `release`, by the published client's name."""
        for event in self.events:
            self.swdb.on_sync_sw_failed(event)


class BaseSensorWriteDatabase(Database):
    """Keep audit records until the cloud has them (contract SW1); any thread may call."""

    role = "sensor_writes"

    @abstractmethod
    def add_sw(self, event: SensorWriteEvent) -> None:
        """Queue a record. One that equals a pending one in every field is that one.

        Raises:
            InvalidType: It is not a `SensorWriteEvent` with fields of the declared types.
            QueueFull: ``max_pending`` records wait and the policy is ``refuse``.
        """

    @abstractmethod
    def get_sw_sync(self, limit: int = BATCH) -> BaseSensorWriteSynchronization:
        """Return the batch to upload, at most ``limit`` records; falsy when nothing waits."""

    def on_synced_sw(self, event: SensorWriteEvent) -> None:
        """One record has reached the cloud: forget it; unknown ones are ignored."""

    def on_sync_sw_failed(self, event: SensorWriteEvent) -> None:
        """One record did not reach the cloud; it stays pending."""


class SensorWriteSynchronization(StoredBatch[SensorWriteEvent], BaseSensorWriteSynchronization):
    """The batch of `SensorWriteDatabase`."""

    def ack(self) -> None:
        self.acknowledge()

    def nack(self) -> None:
        self.release()

    @property
    def events(self) -> list[SensorWriteEvent]:  # type: ignore[override]
        return list(self.values)


class SensorWriteDatabase(BaseSensorWriteDatabase, OnEngine):
    """The role on an engine: a row a record, its key made of all fields."""

    tables = ("sensor_writes",)
    kind = SensorWriteEvent

    def __init__(self, context: StoreContext, engine: Engine) -> None:
        super().__init__(context, engine)
        self.outbox: TableOutbox[SensorWriteEvent, SensorWriteSynchronization] = TableOutbox(
            self,
            self._table,
            self._load,
            SensorWriteSynchronization,
            when=lambda event: event.timestamp / 1000,
            remove=lambda _: True,
        )

    def add_sw(self, event: SensorWriteEvent) -> None:
        record = check_fields(self.role, "a sensor write", event, SensorWriteEvent)
        self.outbox.put(_keys(record)[0], self._dump(record), when=When.ABSENT)

    def get_sw_sync(self, limit: int = BATCH) -> SensorWriteSynchronization:
        return self.outbox.take(limit) or SensorWriteSynchronization(self.outbox, 0, (), ())

    def on_synced_sw(self, event: SensorWriteEvent) -> None:
        keys = _keys(check_fields(self.role, "a sensor write", event, SensorWriteEvent))
        found = [Ack(key, row.seq, remove=True) for key, row in self._table.get_many(keys).items()]
        if found:
            self._table.acknowledge(found)


def _keys(event: SensorWriteEvent) -> tuple[str, str]:
    """Name a record by its content: the same record sent twice is one row, others never clash.

    The name begins with the time: what comes last is then the last in an index, too, and a random
    place in a large one is dear. The other name is the one that earlier versions gave.
    """
    import hashlib  # noqa: PLC0415 - costs start-up time

    fields = msgspec.msgpack.encode(msgspec.structs.astuple(event))
    digest = hashlib.sha256(fields).hexdigest()
    return f"{event.timestamp & _UNSIGNED:016x}{digest[:48]}", digest
