"""Pathpoints: the measured values, as an archive and as a queue for the cloud."""

import logging
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Any

import msgspec

from smok_core.engine.base import Durability, Engine, Row, Series
from smok_core.engine.buffered import BufferedSeries
from smok_core.errors import CorruptData, InvalidValue
from smok_core.model import (
    NotReadedError,
    OperationFailedError,
    PathpointDefinition,
    StorageLevel,
    ValueOrExcept,
)
from smok_core.roles.base import BATCH, Database, OnEngine, RoleStats
from smok_core.roles.checks import check_fields, check_key, warn_of_unit
from smok_core.roles.outbox import Batch, SeriesOutbox, StoredBatch, TableOutbox
from smok_core.roles.values import Values, milliseconds
from smok_core.settings import StoreContext

logger = logging.getLogger(__name__)


class BaseDataToSynchronize(Batch):
    """A batch of values on its way to the cloud."""

    def __len__(self) -> int:
        return sum(len(item["values"]) for item in self.to_json())

    @abstractmethod
    def to_json(self) -> list[Any]:
        """Return the body of ``POST /v1/device/pathpoints``.

        ``[{"path": str, "values": [{"timestamp": ms, "value": ...} or
        {"timestamp": ms, "error_code": str}]}]``, timestamps ascending per path.
        """


class BaseDefinitionsToSynchronize(Batch):
    """A batch of new or changed pathpoint definitions on its way to the cloud."""

    @property
    def definitions(self) -> list[PathpointDefinition]:
        """The definitions, oldest change first."""
        return list(self.values)

    def to_json(self) -> list[Any]:
        """Return the body of ``PUT /v1/device/pathpoints``."""
        return [definition.to_json() for definition in self.definitions]


class BasePathpointDatabase(Database):
    """Keep values by pathpoint and time (contract PP). All methods may be called from any thread.

    Timestamps are milliseconds since the epoch, int or float, kept to the microsecond; negative
    ones are allowed. Values are int (64 bit), float, str (up to 64 KiB), bool, or an
    `OperationFailedError`.
    """

    role = "pathpoints"

    @abstractmethod
    def on_new_data(
        self, pathpoint: str, timestamp: float, value_or_exception: ValueOrExcept
    ) -> None:
        """Store one value and queue it for the cloud.

        The same value at the same time again changes nothing; another value replaces it and is
        pending again. A value older than the newest is stored in its place and pending.

        Raises:
            InvalidKey, InvalidType, InvalidValue: Nothing has been changed.
            QueueFull, StorageFull: There is no room; nothing has been changed.
        """

    def on_new_data_many(self, points: Iterable[tuple[str, float, ValueOrExcept]]) -> None:
        """Store many ``(pathpoint, timestamp, value)``; see `on_new_data`.

        One atomic write, but for a database that has `on_new_data` only.
        """
        for point in points:
            self.on_new_data(*point)

    @abstractmethod
    def get_current_value(self, pathpoint: str) -> tuple[int | float, int | float | str | bool]:
        """Return ``(timestamp, value)`` of the value with the greatest timestamp.

        Raises:
            NotReadedError: There is none.
            OperationFailedError: The newest is a failure; it carries its reason and timestamp.
        """

    @abstractmethod
    def get_archive_data(
        self, pathpoint: str, start: float | None = None, stop: float | None = None
    ) -> Iterator[tuple[int | float, ValueOrExcept]]:
        """Stream ``(timestamp, value)`` ascending, both ends inclusive, None is open.

        Memory does not grow with the range; writers do not disturb it.
        """

    @abstractmethod
    def get_data_to_sync(self, limit: int = BATCH) -> BaseDataToSynchronize | None:
        """Return the values to upload, at most ``limit``, or None."""

    # The published client knows none of these: it lists nothing, and keeps its definitions itself.

    def get_pathpoints(self) -> Iterator[str]:
        """Stream the names that have a value, in no particular order."""
        return iter(())

    def define_pathpoint(self, path: str, storage_level: StorageLevel = StorageLevel.TREND) -> None:  # noqa: ARG002 - the role's signature
        """Define a pathpoint and queue the definition, unless it is defined just so already.

        Raises:
            QueueFull: ``max_pending`` definitions wait and the policy is ``refuse``.
            InvalidValue: This database keeps no definitions.
        """
        remedy = "Give pathpoints another store."
        raise InvalidValue(self.role, path, "cannot be defined in this store", remedy)

    def get_definitions(self) -> Iterator[PathpointDefinition]:
        """Stream all definitions."""
        return iter(())

    def get_definitions_to_sync(self, limit: int = BATCH) -> BaseDefinitionsToSynchronize | None:  # noqa: ARG002 - likewise
        """Return the definitions to upload, or None."""
        return None


class DataToSynchronize(StoredBatch[ValueOrExcept], BaseDataToSynchronize):
    """The batch of `PathpointDatabase`."""

    def to_json(self) -> list[Any]:
        found: dict[str, list[tuple[int, ValueOrExcept]]] = {}
        for point, value in zip(self.records, self.values, strict=True):
            found.setdefault(point.name, []).append((point.ts, value))
        for values in found.values():
            values.sort(key=itemgetter(0))
        return [
            {"path": path, "values": [_value_json(ts, value) for ts, value in found[path]]}
            for path in sorted(found)
        ]


class DefinitionsToSynchronize(StoredBatch[PathpointDefinition], BaseDefinitionsToSynchronize):
    """The batch of definitions of `PathpointDatabase`."""


class PathpointDatabase(BasePathpointDatabase, OnEngine):
    """The role on an engine's series, with the definitions in a table beside it.

    The second table is for programs that bring in readings of several clocks (see `smok ingest`).
    """

    tables = ("pathpoints.definitions", "pathpoints.clocks")
    series = ("pathpoints",)

    def __init__(self, context: StoreContext, engine: Engine) -> None:
        super().__init__(context, engine)
        self._series = self._open_series(engine)
        self._names: set[str] = set()
        self._values = Values(self.role, context.store, engine.codec)
        self.outbox: SeriesOutbox[ValueOrExcept, DataToSynchronize] = SeriesOutbox(
            self, self._series, self._values.load_all, DataToSynchronize
        )
        self.definitions_outbox = TableOutbox(
            self, self._table, self._load, DefinitionsToSynchronize, when=lambda _: 0.0
        )

    def _open_series(self, engine: Engine) -> Series:
        settings = self.context.settings
        series = engine.series(*self.series, settings.limits)
        if settings.durability == Durability.BUFFERED:
            return BufferedSeries(series, settings.flush_ms)
        return series

    def on_new_data(
        self, pathpoint: str, timestamp: float, value_or_exception: ValueOrExcept
    ) -> None:
        ts = self._values.microseconds(pathpoint, timestamp)
        if type(pathpoint) is not str or pathpoint not in self._names:
            self._check_name(pathpoint, ts)
        value = self._values.dump(pathpoint, value_or_exception)
        self._series.append([(pathpoint, ts, value)])

    def on_new_data_many(self, points: Iterable[tuple[str, float, ValueOrExcept]]) -> None:
        given = list(points)
        if not given:
            return
        # Three columns without an object for each reading, which would wake the garbage collector.
        names = [name for name, _, _ in given]
        times, contents = (list(map(itemgetter(column), given)) for column in (1, 2))
        stamps = self._values.all_microseconds(names, times)
        if set(map(type, names)) != {str} or not self._names.issuperset(names):
            for pair in zip(names, stamps, strict=True):
                self._check_name(*pair)
        values = self._values.dump_all(names, contents)
        self._series.append(list(zip(names, stamps, values, strict=True)))

    def _check_name(self, name: object, ts: int) -> None:
        checked = check_key(self.role, name)
        if 1e12 < ts < self.context.clock() * 1100:
            warn_of_unit(self.role, "milliseconds")
        # Names that passed once need not be looked at again; the bound keeps memory flat.
        if len(self._names) < 10_000:
            self._names.add(checked)

    def get_current_value(self, pathpoint: str) -> tuple[int | float, int | float | str | bool]:
        found = self._series.latest(check_key(self.role, pathpoint))
        if found is None:
            raise NotReadedError
        value = self._values.load(found[1])
        if isinstance(value, OperationFailedError):
            raise value
        return milliseconds(found[0]), value

    def get_archive_data(
        self, pathpoint: str, start: float | None = None, stop: float | None = None
    ) -> Iterator[tuple[int | float, ValueOrExcept]]:
        name = check_key(self.role, pathpoint)
        convert = self._values.microseconds
        first, last = (None if end is None else convert(name, end) for end in (start, stop))
        return self._stream(name, first, last)

    def _stream(
        self, name: str, start: int | None, stop: int | None
    ) -> Iterator[tuple[int | float, ValueOrExcept]]:
        for ts, data in self._series.range(name, start, stop):
            try:
                yield milliseconds(ts), self._values.load(data)
            except CorruptData as error:
                logger.error("pathpoints: %r at %d us: %s", name, ts, error.detail)  # noqa: TRY400

    def get_pathpoints(self) -> Iterator[str]:
        return self._series.names()

    def get_data_to_sync(self, limit: int = BATCH) -> DataToSynchronize | None:
        return self.outbox.take(limit)

    def define_pathpoint(self, path: str, storage_level: StorageLevel = StorageLevel.TREND) -> None:
        given = PathpointDefinition(check_key(self.role, path), storage_level)
        definition = check_fields(self.role, path, given, PathpointDefinition)
        value = self.codec.dumps(int(definition.storage_level))
        row = self._table.get(path)
        if row is None or row.value != value:
            self.definitions_outbox.put(path, value)

    def get_definitions(self) -> Iterator[PathpointDefinition]:
        return iter(self.items())

    def get_definitions_to_sync(self, limit: int = BATCH) -> DefinitionsToSynchronize | None:
        return self.definitions_outbox.take(limit)

    def _load(self, row: Row) -> PathpointDefinition:
        return PathpointDefinition(row.key, StorageLevel(self.codec.loads(row.value)))

    def flush(self) -> None:
        if isinstance(self._series, BufferedSeries):
            self._series.flush()
        super().flush()

    def close(self) -> None:
        if isinstance(self._series, BufferedSeries):
            self._series.close()

    def warnings(self) -> tuple[str, ...]:
        return self._series.warnings() if isinstance(self._series, BufferedSeries) else ()

    def tidy(self) -> None:
        keep = self.context.settings.retention
        if keep is not None:
            self._series.trim(int((self.context.clock() - keep.seconds) * 1_000_000))

    def counts(self) -> RoleStats:
        found, more = super().counts(), self._table.stats()
        dropped = found.dropped + more.dropped
        return msgspec.structs.replace(found, dropped=dropped, pending_definitions=more.pending)

    def restore(self, letter: dict[str, Any]) -> None:
        if letter["table"] is None:
            self._series.requeue([(letter["key"], letter["ts"])])
        else:
            super().restore(letter)


def _value_json(ts: int, value: ValueOrExcept) -> dict[str, Any]:
    timestamp = milliseconds(ts)
    if isinstance(value, OperationFailedError):
        assert value.reason is not None
        return {"timestamp": timestamp, "error_code": value.reason.value}
    return {"timestamp": timestamp, "value": value}
