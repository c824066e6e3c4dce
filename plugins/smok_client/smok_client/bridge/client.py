"""The published client's classes that the bridge takes and gives; imported nowhere else.

For the type checker, which has no ``smok``, it says what the bridge uses of each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smok_client.bridge.errors import ClientMissing

if TYPE_CHECKING:
    import enum
    from collections.abc import Iterable

    class BAOBDigest: ...  # noqa: D101

    class NullEventDatabase: ...  # noqa: D101

    class Pathpoint:  # noqa: D101
        name: str
        device: Any
        current_timestamp: float | None
        set_new_value: Any

    class PlainMetadata:  # noqa: D101
        device: Any
        db: Any

    class BaseArchivesDatabase: ...  # noqa: D101

    class BaseBAOBDatabase: ...  # noqa: D101

    class BaseDataToSynchronize: ...  # noqa: D101

    class BaseEventDatabase: ...  # noqa: D101

    class BaseEventSynchronization: ...  # noqa: D101

    class BaseMacroDatabase: ...  # noqa: D101

    class BaseMetadataDatabase: ...  # noqa: D101

    class BasePathpointDatabase: ...  # noqa: D101

    class BasePredicateDatabase: ...  # noqa: D101

    class BaseSensorDatabase:  # noqa: D101
        device: Any

        def on_register(self, device: Any) -> None: ...

    class BaseSensorWriteDatabase: ...  # noqa: D101

    class BaseSensorWriteSynchronization:  # noqa: D101
        events: list[SensorWriteEvent]

        def __init__(
            self, events: list[SensorWriteEvent], swdb: BaseSensorWriteDatabase
        ) -> None: ...

    class Color(enum.IntEnum):  # noqa: D101
        WHITE = 0

    class Event:  # noqa: D101
        uuid: str | None
        provisional_uuid: str | None
        started_on: float
        ended_on: float | None
        color: Color
        is_point: bool
        token: str
        group: str
        message: str
        handled_by: str | None
        metadata: dict[str, str]

        def __init__(self, *fields: Any) -> None: ...

    class SensorWriteEvent:  # noqa: D101
        def __init__(self, **fields: Any) -> None: ...

    class Sensor:  # noqa: D101
        fqts: str
        path: str
        type_name: str

        def __init__(self, device: Any, fqts: str, path: str, type_name: str) -> None: ...

    class Macro:  # noqa: D101
        macro_id: str
        commands: dict[str, Any]
        occurrences_not_done: Iterable[float]

        def __init__(self, macro_id: str, commands: Any, occurrences: Any) -> None: ...

    class Time:  # noqa: D101
        day_of_week: int
        hour: int
        minute: int

        def __init__(self, day_of_week: int, hour: int, minute: int) -> None: ...

    class DisabledTime:  # noqa: D101
        start: Time
        stop: Time

        def __init__(self, start: Time, stop: Time) -> None: ...

    class OperationFailedReason(enum.Enum):  # noqa: D101
        TIMEOUT = "timeout"

    class OperationFailedError(Exception):  # noqa: D101
        reason: OperationFailedReason | None
        timestamp: float

        def __init__(self, reason: OperationFailedReason, timestamp: float) -> None: ...

    class NotReadedError(OperationFailedError):  # noqa: D101
        def __init__(self) -> None: ...

    class ResponseError(Exception):  # noqa: D101
        status_code: int

        def __init__(self, status_code: int, status: str) -> None: ...

        def is_no_link(self) -> bool: ...

    class SyncError(Exception):  # noqa: D101
        status_code: Any

    def switch_default_double() -> None: ...

else:
    try:
        from minijson import switch_default_double
        from smok.exceptions import (
            NotReadedError,
            OperationFailedError,
            OperationFailedReason,
            ResponseError,
        )
        from smok.extras import (
            BAOBDigest,
            BaseArchivesDatabase,
            BaseBAOBDatabase,
            BaseDataToSynchronize,
            BaseEventDatabase,
            BaseEventSynchronization,
            BaseMacroDatabase,
            BaseMetadataDatabase,
            BasePathpointDatabase,
            BasePredicateDatabase,
            BaseSensorDatabase,
            BaseSensorWriteDatabase,
            BaseSensorWriteSynchronization,
            NullEventDatabase,
        )
        from smok.macro import Macro
        from smok.metadata import PlainMetadata
        from smok.pathpoint import Pathpoint
        from smok.predicate import Color, DisabledTime, Event, Time
        from smok.sensor import Sensor, SensorWriteEvent
        from smok.sync_workers.base import SyncError
    except ImportError as error:
        raise ClientMissing(error) from error

__all__ = [
    "BAOBDigest",
    "BaseArchivesDatabase",
    "BaseBAOBDatabase",
    "BaseDataToSynchronize",
    "BaseEventDatabase",
    "BaseEventSynchronization",
    "BaseMacroDatabase",
    "BaseMetadataDatabase",
    "BasePathpointDatabase",
    "BasePredicateDatabase",
    "BaseSensorDatabase",
    "BaseSensorWriteDatabase",
    "BaseSensorWriteSynchronization",
    "Color",
    "DisabledTime",
    "Event",
    "Macro",
    "NotReadedError",
    "NullEventDatabase",
    "OperationFailedError",
    "OperationFailedReason",
    "Pathpoint",
    "PlainMetadata",
    "ResponseError",
    "Sensor",
    "SensorWriteEvent",
    "SyncError",
    "Time",
]

# Else its uploads round every float, times included, to 24 bits, and the first one beyond 3.4e38
# ends its communicator.
switch_default_double()
