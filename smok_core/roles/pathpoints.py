"""Pathpoints: the measured values, as an archive and as a queue for the cloud."""

from __future__ import annotations

import logging
import math
from abc import abstractmethod
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from smok_core.engine.base import Durability, QueuedPoint, Row
from smok_core.engine.buffered import BufferedSeries
from smok_core.errors import CorruptData, InvalidType, InvalidValue
from smok_core.model import (
    NotReadedError,
    OperationFailedError,
    OperationFailedReason,
    PathpointDefinition,
    StorageLevel,
    ValueOrExcept,
)
from smok_core.roles.base import BATCH, Database, OnEngine, RoleStats, check_fields, check_key
from smok_core.roles.handover import Desk, HandOver, Item, TableQueue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smok_core.context import StoreContext
    from smok_core.engine.base import Engine, Series

__all__ = [
    "BaseDataToSynchronize",
    "BaseDefinitionsToSynchronize",
    "BasePathpointDatabase",
    "PathpointDatabase",
]

logger = logging.getLogger(__name__)

#: Longest text value in UTF-8 bytes (contract PP1).
MAX_TEXT_BYTES: Final = 64 * 1024
_INT64: Final = range(-(2**63), 2**63)
#: Timestamps must fit 64 bits as microseconds: about 292 000 years around the epoch.
_MAX_MS: Final = (2**63 - 1) // 1000
_KINDS: Final = "an int, float, str, bool or OperationFailedError"


class BaseDataToSynchronize(HandOver):
    """A batch of values on its way to the cloud."""

    @abstractmethod
    def acknowledge(self) -> None:
        """The cloud has them all: exactly these leave the queue. Twice is harmless."""

    def negative_acknowledge(self) -> None:
        """They did not arrive: they will be handed over again."""

    @abstractmethod
    def to_json(self) -> list[Any]:
        """Give the body of ``POST /v1/device/pathpoints``.

        ``[{"path": str, "values": [{"timestamp": ms, "value": ...} or
        {"timestamp": ms, "error_code": str}]}]``, timestamps ascending per path.
        """


class BaseDefinitionsToSynchronize(HandOver):
    """A batch of new or changed pathpoint definitions on its way to the cloud."""

    @property
    @abstractmethod
    def definitions(self) -> list[PathpointDefinition]:
        """The definitions, oldest change first."""

    def to_json(self) -> list[Any]:
        """Give the body of ``PUT /v1/device/pathpoints``."""
        return [definition.to_json() for definition in self.definitions]

    @abstractmethod
    def acknowledge(self) -> None:
        """The cloud has them all."""

    def negative_acknowledge(self) -> None:
        """They did not arrive: they will be handed over again."""


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
        queued again. A value older than the newest is stored in its place and queued.

        Raises:
            InvalidKey, InvalidType, InvalidValue: Nothing has been changed.
            QueueFull, StorageFull: There is no room; nothing has been changed.
        """

    @abstractmethod
    def on_new_data_many(self, values: Iterable[tuple[str, float, ValueOrExcept]]) -> None:
        """Store many ``(pathpoint, timestamp, value)`` as one atomic write; see `on_new_data`."""

    @abstractmethod
    def get_current_value(self, pathpoint: str) -> tuple[int | float, int | float | str | bool]:
        """Give ``(timestamp, value)`` of the value with the greatest timestamp.

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
        """Give the values to upload, at most ``limit``, or None."""

    @abstractmethod
    def get_pathpoints(self) -> Iterator[str]:
        """Stream the names that have a value, in no particular order."""

    @abstractmethod
    def define_pathpoint(self, path: str, storage_level: StorageLevel = StorageLevel.TREND) -> None:
        """Define a pathpoint and queue the definition, unless it is defined just so already."""

    @abstractmethod
    def get_definitions(self) -> Iterator[PathpointDefinition]:
        """Stream all definitions."""

    @abstractmethod
    def get_definitions_to_sync(self, limit: int = BATCH) -> BaseDefinitionsToSynchronize | None:
        """Give the definitions to upload, or None."""


class _Value(NamedTuple):
    point: QueuedPoint
    value: ValueOrExcept


class DataToSynchronize(BaseDataToSynchronize):
    """The batch of `PathpointDatabase`."""

    def __init__(self, database: PathpointDatabase, values: Sequence[_Value]) -> None:
        self._database, self._values = database, values

    def __len__(self) -> int:
        return len(self._values)

    def acknowledge(self) -> None:
        self._database.settle([value.point.seq for value in self._values])

    def negative_acknowledge(self) -> None:
        self._database.settle(())

    def to_json(self) -> list[Any]:
        ordered = sorted(self._values, key=lambda value: (value.point.name, value.point.ts))
        return [
            {"path": path, "values": [_value_json(value) for value in values]}
            for path, values in groupby(ordered, key=lambda value: value.point.name)
        ]

    def part(self, start: int, stop: int) -> Self:
        return type(self)(self._database, self._values[start:stop])

    def reject(self, reason: str) -> None:
        for point, _ in self._values:
            self._database.dead.add_point(point, reason)
        self.acknowledge()


class DefinitionsToSynchronize(BaseDefinitionsToSynchronize):
    """The batch of definitions of `PathpointDatabase`."""

    def __init__(
        self, queue: TableQueue[Any], desk: Desk[Any], items: Sequence[Item[PathpointDefinition]]
    ) -> None:
        self._queue, self._desk, self._items = queue, desk, items

    def __len__(self) -> int:
        return len(self._items)

    @property
    def definitions(self) -> list[PathpointDefinition]:
        return [item.value for item in self._items]

    def acknowledge(self) -> None:
        self._queue.settle(self._items)
        self._desk.release()

    def negative_acknowledge(self) -> None:
        self._desk.release()

    def part(self, start: int, stop: int) -> Self:
        return type(self)(self._queue, self._desk, self._items[start:stop])

    def reject(self, reason: str) -> None:
        self._queue.reject(self._items, reason)
        self._desk.release()


class PathpointDatabase(BasePathpointDatabase, OnEngine):
    """The role on an engine's series, with the definitions in a table beside it."""

    def __init__(self, context: StoreContext, engine: Engine) -> None:
        super().__init__(context, engine)
        self._series = self._open_series(engine)
        self._names: set[str] = set()
        self._table = self.open_table("pathpoints.definitions")
        self._queue = TableQueue(self, self._table, self._load_definition)
        self._desk: Desk[DataToSynchronize] = Desk(self._make)
        self._definitions_desk: Desk[DefinitionsToSynchronize] = Desk(self._make_definitions)

    def _open_series(self, engine: Engine) -> Series:
        settings = self.context.settings
        series = engine.series(self.role, settings.limits)
        if settings.durability == Durability.BUFFERED:
            return BufferedSeries(series, settings.flush_ms)
        return series

    # --- values in -------------------------------------------------------------------------------

    def on_new_data(
        self, pathpoint: str, timestamp: float, value_or_exception: ValueOrExcept
    ) -> None:
        if type(pathpoint) is not str or pathpoint not in self._names:
            self._check_name(pathpoint)
        ts = self._microseconds(pathpoint, timestamp)
        self._series.append([(pathpoint, ts, self._dump(pathpoint, value_or_exception))])

    def on_new_data_many(self, values: Iterable[tuple[str, float, ValueOrExcept]]) -> None:
        columns = list(zip(*values, strict=True))
        if not columns:
            return
        names, times, contents = columns
        if set(map(type, names)) != {str} or not self._names.issuperset(names):
            for name in names:
                self._check_name(name)
        stamps = self._all_microseconds(names, times)
        self._series.append(list(zip(names, stamps, self._dump_all(names, contents), strict=True)))

    def _check_name(self, name: object) -> None:
        checked = check_key(self.role, name)
        # Names that passed once need not be looked at again; the bound keeps memory flat.
        if len(self._names) < 10_000:
            self._names.add(checked)

    def _all_microseconds(self, names: Sequence[str], times: Sequence[float]) -> list[int]:
        if set(map(type, times)) == {int} and min(times) >= -_MAX_MS and max(times) <= _MAX_MS:
            return [time * 1000 for time in times]  # type: ignore[misc]
        return [self._microseconds(*pair) for pair in zip(names, times, strict=True)]

    def _microseconds(self, name: str, timestamp: float) -> int:
        kind = type(timestamp)
        if kind is not int and kind is not float:
            raise InvalidType(self.role, name, timestamp, "a timestamp in ms as int or float")
        if not -_MAX_MS <= timestamp <= _MAX_MS:
            remedy = "Give milliseconds since the epoch."
            raise InvalidValue(self.role, name, f"has the timestamp {timestamp!r}", remedy)
        return timestamp * 1000 if kind is int else round(timestamp * 1000)  # type: ignore[return-value]

    def _dump_all(self, names: Sequence[str], values: Sequence[ValueOrExcept]) -> list[bytes]:
        if set(map(type, values)) <= {float, bool} and all(map(math.isfinite, values)):  # type: ignore[arg-type]
            return self.codec.dumps_many(values)
        return [self._dump(*pair) for pair in zip(names, values, strict=True)]

    def _dump(self, name: str, value: ValueOrExcept) -> bytes:
        kind = type(value)
        if kind is float:
            if not math.isfinite(value):  # type: ignore[arg-type]
                raise InvalidValue(self.role, name, f"is {value}", "Give a finite number.")
        elif kind is int:
            if value not in _INT64:
                raise InvalidValue(self.role, name, "exceeds 64 bits", "Give a smaller integer.")
        elif kind is str:
            self._check_text(name, value)  # type: ignore[arg-type]
        elif isinstance(value, OperationFailedError):
            return self.codec.dumps(self._plain_failure(name, value))
        elif kind is not bool:
            raise InvalidType(self.role, name, value, _KINDS)
        return self.codec.dumps(value)

    def _check_text(self, name: str, value: str) -> None:
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            remedy = "Give text that can be written as UTF-8."
            raise InvalidValue(self.role, name, "holds a lone surrogate", remedy) from None
        if size > MAX_TEXT_BYTES:
            remedy = f"Give at most {MAX_TEXT_BYTES}; keep larger things in baobs."
            raise InvalidValue(self.role, name, f"is a text of {size} bytes", remedy)

    def _plain_failure(self, name: str, failure: OperationFailedError) -> tuple[str, float]:
        if not isinstance(failure.reason, OperationFailedReason):
            raise InvalidType(self.role, name, failure, _KINDS + " with a reason")
        self._microseconds(name, failure.timestamp)
        return failure.reason.value, failure.timestamp

    # --- values out ------------------------------------------------------------------------------

    def get_current_value(self, pathpoint: str) -> tuple[int | float, int | float | str | bool]:
        found = self._series.latest(check_key(self.role, pathpoint))
        if found is None:
            raise NotReadedError
        value = self._load(found[1])
        if isinstance(value, OperationFailedError):
            raise value
        return _milliseconds(found[0]), value

    def get_archive_data(
        self, pathpoint: str, start: float | None = None, stop: float | None = None
    ) -> Iterator[tuple[int | float, ValueOrExcept]]:
        name = check_key(self.role, pathpoint)
        ends = [None if end is None else self._microseconds(name, end) for end in (start, stop)]
        return self._stream(name, *ends)

    def _stream(
        self, name: str, start: int | None, stop: int | None
    ) -> Iterator[tuple[int | float, ValueOrExcept]]:
        for ts, data in self._series.range(name, start, stop):
            try:
                yield _milliseconds(ts), self._load(data)
            except CorruptData:
                logger.exception("pathpoints: %r at %d us cannot be decoded", name, ts)

    def get_pathpoints(self) -> Iterator[str]:
        return self._series.names()

    def _load(self, data: bytes) -> ValueOrExcept:
        value = self.codec.loads(data)
        if type(value) is tuple:
            return OperationFailedError(OperationFailedReason(value[0]), value[1])
        if type(value) not in (int, float, str, bool):
            raise CorruptData(self.context.store, f"a {type(value).__name__} is no value")
        return value  # type: ignore[no-any-return]

    # --- hand-over -------------------------------------------------------------------------------

    def get_data_to_sync(self, limit: int = BATCH) -> DataToSynchronize | None:
        return self._desk.take(limit) or None

    def settle(self, seqs: Sequence[int]) -> None:
        """Take these out of the queue and let the next hand-over be made."""
        if seqs:
            self._series.settle(seqs)
        self._desk.release()

    def _make(self, limit: int) -> DataToSynchronize:
        values: list[_Value] = []
        after = 0
        while len(values) < limit:
            points = self._series.pending(limit - len(values), after)
            if not points:
                break
            after = points[-1].seq
            values += self._decoded(points)
        return DataToSynchronize(self, values)

    def _decoded(self, points: Iterable[QueuedPoint]) -> Iterator[_Value]:
        for point in points:
            try:
                yield _Value(point, self._load(point.value))
            except (CorruptData, ValueError, LookupError):
                self.dead.add_point(point, "cannot be decoded")
                self._series.settle([point.seq])

    # --- definitions -----------------------------------------------------------------------------

    def define_pathpoint(self, path: str, storage_level: StorageLevel = StorageLevel.TREND) -> None:
        given = PathpointDefinition(check_key(self.role, path), storage_level)
        definition = check_fields(self.role, path, given, PathpointDefinition)
        value = self.codec.dumps(int(definition.storage_level))
        row = self._table.get(path)
        if row is None or row.value != value:
            self._table.put(path, value, pending=True)

    def get_definitions(self) -> Iterator[PathpointDefinition]:
        rows = self.decoded(self._table, self._table.rows(), self._load_definition)
        return iter([definition for _, definition in rows])

    def get_definitions_to_sync(self, limit: int = BATCH) -> DefinitionsToSynchronize | None:
        return self._definitions_desk.take(limit) or None

    def _make_definitions(self, limit: int) -> DefinitionsToSynchronize:
        items = self._queue.take(limit)
        return DefinitionsToSynchronize(self._queue, self._definitions_desk, items)

    def _load_definition(self, row: Row) -> PathpointDefinition:
        return PathpointDefinition(row.key, StorageLevel(self.codec.loads(row.value)))

    # --- housekeeping ----------------------------------------------------------------------------

    def flush(self) -> None:
        if isinstance(self._series, BufferedSeries):
            self._series.flush()
        super().flush()

    def close(self) -> None:
        if isinstance(self._series, BufferedSeries):
            self._series.close()

    def tidy(self) -> None:
        keep = self.context.settings.retention
        if keep is not None:
            self._series.trim(int((self.context.clock() - keep.seconds) * 1_000_000))

    def stats(self) -> RoleStats:
        counts = self._series.stats()
        oldest = counts.oldest_pending
        return RoleStats(
            rows=counts.points,
            pending=counts.pending,
            oldest_pending=None if oldest is None else oldest / 1_000_000,
            dead=self.dead.count(),
            dropped=counts.dropped,
        )

    def restore(self, letter: dict[str, Any]) -> None:
        if letter["table"] is None:
            self._series.requeue([(letter["key"], letter["ts"])])
        else:
            super().restore(letter)


def _milliseconds(ts: int) -> int | float:
    return ts // 1000 if ts % 1000 == 0 else ts / 1000


def _value_json(value: _Value) -> dict[str, Any]:
    timestamp = _milliseconds(value.point.ts)
    if isinstance(value.value, OperationFailedError):
        assert value.value.reason is not None
        return {"timestamp": timestamp, "error_code": value.value.reason.value}
    return {"timestamp": timestamp, "value": value.value}
