"""Sensor writes, macros and metadata for the published client."""

from collections.abc import Iterator
from typing import Any

from smok_client.bridge import client
from smok_client.bridge.answers import Offer, Pace
from smok_client.bridge.error_guard import (
    Backlog,
    Refusals,
    deferred,
    device_of_thread,
    guarded,
    nothing,
    told,
)
from smok_client.bridge.reports import report_executions
from smok_client.bridge.updater import MetadataUpdater
from smok_core import model
from smok_core.roles import (
    BaseMacroDatabase,
    BaseMetadataDatabase,
    BaseSensorWriteDatabase,
)

_FIELDS = model.SensorWriteEvent.__struct_fields__


class _Synchronization(client.BaseSensorWriteSynchronization):
    """A batch on its way to the cloud; falsy without one."""

    def __init__(self, offer: Offer | None, database: "ClientSensorWrites") -> None:
        found = offer.part.events if offer else []
        events = [client.SensorWriteEvent(**event.to_json()) for event in found]
        super().__init__(events, database)
        self._offer, self._pace = offer, database.pace

    @guarded(nothing)
    def ack(self) -> None:
        if self._offer:
            self._pace.acknowledge(self._offer)

    @guarded(nothing)
    def nack(self) -> None:
        if self._offer:
            self._pace.refuse(self._offer)


class ClientSensorWrites(client.BaseSensorWriteDatabase):
    """Takes and gives the client's `SensorWriteEvent`; what is no text in one becomes text."""

    def __init__(self, inner: BaseSensorWriteDatabase) -> None:
        self._inner, self.backlog, self.pace = inner, Backlog(inner), Pace()

    @deferred
    def add_sw(self, event: client.SensorWriteEvent) -> None:
        self._inner.add_sw(_record(event))

    def get_sw_sync(self) -> _Synchronization:
        return _Synchronization(self._take(), self)

    @guarded(nothing)
    def _take(self) -> Offer | None:
        self.backlog.drain()
        return self.pace.offer(self._inner.get_sw_sync)

    @guarded(nothing)
    def on_synced_sw(self, event: client.SensorWriteEvent) -> None:
        self._inner.on_synced_sw(_record(event))

    @guarded(nothing)
    def on_sync_sw_failed(self, event: client.SensorWriteEvent) -> None:
        self._inner.on_sync_sw_failed(_record(event))


def _record(event: client.SensorWriteEvent) -> model.SensorWriteEvent:
    fields = {name: getattr(event, name) for name in _FIELDS}
    texts = {name: _text(value) for name, value in fields.items() if name != "timestamp"}
    return model.SensorWriteEvent(timestamp=int(fields["timestamp"]), **texts)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


class ClientMacros(client.BaseMacroDatabase):
    """Takes and gives the client's `Macro`; each one given is the client's own, to pop from."""

    def __init__(self, inner: BaseMacroDatabase) -> None:
        self._inner, self.backlog, self.refusals = inner, Backlog(inner), Refusals(inner)

    @guarded(lambda: iter(()))
    def get_done_macros(self) -> Iterator[tuple[str, float]]:
        """Stream what was executed and not reported; in the client's thread, report it.

        The client takes each for reported whatever the cloud has answered, so it is given none.
        """
        device = device_of_thread()
        if device is None:
            return self._inner.get_done_macros()
        report_executions(device, self._inner)
        return iter(())

    @guarded(nothing)
    def notify_macro_synced(self, macro_id: str, timestamp: float) -> None:
        self._inner.notify_macro_synced(macro_id, timestamp)

    @deferred
    def notify_macro_executed(self, macro_id: str, timestamp: float) -> None:
        self._inner.notify_macro_executed(macro_id, timestamp)

    @guarded(nothing)
    @told
    def set_macros(self, macros: list[client.Macro]) -> None:
        self._inner.set_macros(list(map(_to_model, macros)))

    @guarded(list)
    def get_macros(self) -> list[client.Macro]:
        # What was executed while the store failed must not be offered again.
        self.backlog.drain()
        return [
            client.Macro(macro.macro_id, dict(macro.commands), macro.occurrences_not_done)
            for macro in self._inner.get_macros()
        ]

    @guarded(nothing)
    def checkpoint(self) -> None:
        self._inner.checkpoint()


def _to_model(macro: client.Macro) -> model.Macro:
    return model.Macro(
        macro_id=macro.macro_id,
        commands=dict(macro.commands),
        occurrences_not_done=[
            int(moment) if isinstance(moment, int) else float(moment)
            for moment in macro.occurrences_not_done
        ],
    )


class ClientMetadata(client.BaseMetadataDatabase):
    """Takes and gives texts; what is written here is uploaded from here, see `upload_by`."""

    def __init__(self, inner: BaseMetadataDatabase) -> None:
        self._inner = inner

    def put_plain(self, key: str, value: str, timestamp: float | None = None) -> None:
        self._inner.put_plain(key, value, timestamp)

    def get_plain(self, key: str) -> str:
        return self._inner.get_plain(key)

    def update_plain(self, key: str, value: str, timestamp: float) -> None:
        self._inner.update_plain(key, value, timestamp)

    def delete_plain(self, key: str) -> None:
        self._inner.delete_plain(key)

    def get_all_plain(self) -> Iterator[tuple[str, str, float]]:
        return self._inner.get_all_plain()

    def upload_by(self, device: Any) -> None:
        """Let a device's own thread upload and acknowledge what waits here."""
        device.metadata.updater = MetadataUpdater(device, self._inner)
