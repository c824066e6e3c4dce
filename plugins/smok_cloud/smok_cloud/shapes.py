"""The shapes of the API's answers.

What the roles keep and act upon is checked, unknown fields are ignored: the API may grow.
"""

from typing import Annotated, Any

import msgspec

from smok_core.model import prepared

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Number = int | float


class CultureContext(msgspec.Struct, frozen=True):
    """Language, time zone and units of the device's user."""

    language: str
    timezone: str
    units: Any


@prepared
class DeviceInfo(msgspec.Struct, frozen=True):
    """What the cloud knows about this device; slave devices are given as they came."""

    device_id: str
    facets: list[Any]
    culture_context: CultureContext
    verbose_name: str | None = None
    slave_devices: list[Any] = []


@prepared
class PathpointItem(msgspec.Struct, frozen=True):
    """A pathpoint and how long its values are kept; the cloud may know more levels than we."""

    path: Key
    storage_level: int


@prepared
class SensorItem(msgspec.Struct, frozen=True):
    """A sensor."""

    fqts: Key
    path: str
    type: str


@prepared
class EventReceipt(msgspec.Struct, frozen=True):
    """The server's name for an event it took."""

    uuid: Key


class _Time(msgspec.Struct, frozen=True):
    """A time of the week."""

    day: int
    hour: Annotated[int, msgspec.Meta(ge=0, le=23)]
    minute: Annotated[int, msgspec.Meta(ge=0, le=59)]


class _Silence(msgspec.Struct, frozen=True):
    """A part of the week in which a predicate is silent."""

    start: _Time
    stop: _Time


@prepared
class PredicateItem(msgspec.Struct, frozen=True):
    """A predicate; its configuration belongs to the statistic and is not looked into."""

    predicate_id: Key
    online: bool
    silencing: list[_Silence]
    statistic: str
    configuration: Any
    verbose_name: str | None
    group: str | None


@prepared
class BaobPlan(msgspec.Struct, frozen=True):
    """Which BAOBs the cloud wants deleted here, fetched from there, and sent there."""

    should_delete: list[Key]
    should_download: list[Key]
    should_upload: list[Key]


@prepared
class ArchivingInstruction(msgspec.Struct, frozen=True):
    """Pathpoints to archive every so many seconds."""

    interval: Annotated[int, msgspec.Meta(gt=0)] | Annotated[float, msgspec.Meta(gt=0)]
    pathpoints: list[Key]


class _Command(msgspec.Struct, frozen=True):
    path: Key
    value: int | float | str | bool


class _Occurrence(msgspec.Struct, frozen=True):
    timestamp: Number
    completed: bool


@prepared
class MacroItem(msgspec.Struct, frozen=True):
    """A macro with its occurrences, done or not."""

    macro_id: Key
    commands: list[_Command]
    occurrences: list[_Occurrence]


@prepared
class MetadataValue(msgspec.Struct, frozen=True):
    """A metadata value and when it was set, in seconds since the epoch."""

    value: str
    timestamp: Number
