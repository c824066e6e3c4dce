"""The plain values that the roles take and give: no behaviour beyond their own shape.

Names and fields are those of the published ``smok`` client (0.21.0), so JSON made here is what
the SMOK cloud's HTTP API reads. Objects are copied on the way in and on the way out of a
database (contract G2); changing one changes nothing stored.
"""

import enum
import time
from typing import Any, ClassVar, TypeVar
from uuid import uuid4

import msgspec

from smok_core.errors import SmokError

S = TypeVar("S", bound=msgspec.Struct)


def prepared(kind: type[S]) -> type[S]:
    """Have msgspec look at a class now, in the one thread of an import.

    It does so when something is decoded to the class for the first time. Where several threads do
    that at the same moment, one reads what another is still building, and the process dies (seen
    with msgspec 0.19 and 0.22). So each class that anything is decoded to has this decorator.
    """
    msgspec.json.Decoder(kind)
    return kind


class Color(enum.IntEnum):
    """Severity of an event."""

    WHITE = 0
    YELLOW = 1
    RED = 2


class StorageLevel(enum.IntEnum):
    """How long the SMOK cloud keeps the values of a pathpoint."""

    PERMANENT = 0
    TREND = 1  #: two weeks


@prepared
class Event(msgspec.Struct, kw_only=True, eq=True):
    """An event (alarm) that a device raises.

    ``provisional_uuid`` is given at birth and kept for life; ``uuid`` is the server's, given when
    the event has been uploaded. Times are seconds since the epoch (int).
    """

    started_on: int
    color: Color = Color.WHITE
    is_point: bool = False
    token: str = ""
    group: str = ""
    message: str = ""
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    ended_on: int | None = None
    handled_by: str | None = None
    uuid: str | None = None
    provisional_uuid: str = msgspec.field(default_factory=lambda: uuid4().hex)

    def is_closed(self) -> bool:
        """Tell whether the event has ended; a point event has no duration and is always closed."""
        return self.is_point or self.ended_on is not None

    def get_uuid(self) -> str:
        """Return the server's uuid, or the provisional one before the first upload."""
        return self.uuid or self.provisional_uuid

    def to_json(self) -> dict[str, Any]:
        """Return the body item of ``POST /v1/device/alarms``."""
        fields = msgspec.structs.asdict(self)
        del fields["is_point"], fields["provisional_uuid"]
        coded = {"color": int(self.color), "alarm_type": int(self.is_point)}
        given = {name: value for name, value in fields.items() if value is not None}
        return given | coded | {"metadata": dict(self.metadata)}


@prepared
class SensorWriteEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the audit log: who wrote which value to which sensor, and why.

    ``timestamp`` is in milliseconds since the epoch. Two records are equal only when every field
    is (contract SW1).
    """

    timestamp: int
    who: str
    hr_sensor: str
    hr_value: str
    fqts: str
    value: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return the body item of ``PUT /v1/device/sensor/write_log``."""
        return msgspec.structs.asdict(self)


@prepared
class Sensor(msgspec.Struct, frozen=True, kw_only=True):
    """A sensor: a fully qualified tag set, the pathpoints behind it, and its type's name."""

    fqts: str
    path: str
    type_name: str


@prepared
class Macro(msgspec.Struct, kw_only=True):
    """A macro: values to write to pathpoints at given times.

    ``occurrences_not_done`` holds timestamps in seconds since the epoch, ascending.
    """

    macro_id: str
    commands: dict[str, int | float | str | bool] = msgspec.field(default_factory=dict)
    occurrences_not_done: list[int | float] = msgspec.field(default_factory=list)

    def __bool__(self) -> bool:
        """Tell whether anything is left to execute."""
        return bool(self.occurrences_not_done)


class BAOBDigest(msgspec.Struct, frozen=True):
    """Key and version of a BAOB (a binary all-purpose object)."""

    key: str
    version: int


@prepared
class PathpointDefinition(msgspec.Struct, frozen=True):
    """The name of a pathpoint and how long the cloud shall keep its values."""

    path: str
    storage_level: StorageLevel = StorageLevel.TREND

    def to_json(self) -> dict[str, Any]:
        """Return the body item of ``PUT /v1/device/pathpoints``."""
        return {"path": self.path, "storage_level": int(self.storage_level)}


class OperationFailedReason(enum.Enum):
    """Why a pathpoint could not be read; the values are those of the HTTP API."""

    MALFORMED = "malformed"
    TIMEOUT = "timeout"
    INVALID = "invalid"
    TYPE = "type"


class OperationFailedError(SmokError):
    """A pathpoint could not be read or written.

    Args:
        reason: Why; None means that it has never been read.
        timestamp: When, in milliseconds since the epoch; None means now.
    """

    code: ClassVar[str] = "SMOK-A06"

    def __init__(
        self,
        reason: OperationFailedReason | None = OperationFailedReason.TIMEOUT,
        timestamp: float | None = None,
    ) -> None:
        self.reason = reason
        self.timestamp = time.time_ns() // 1_000_000 if timestamp is None else timestamp
        why = "no reason given" if reason is None else reason.value
        super().__init__(
            f"the operation failed at {self.timestamp} ms since the epoch ({why}). "
            "Check the device behind the pathpoint."
        )

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return (self.reason, self.timestamp) == (other.reason, other.timestamp)

    def __hash__(self) -> int:
        return hash((self.reason, self.timestamp))


class NotReadedError(OperationFailedError):
    """The pathpoint has no value yet (the name is the published client's)."""

    code = "SMOK-A07"

    def __init__(self, timestamp: float | None = None) -> None:
        super().__init__(None, timestamp)
        self.args = ("the pathpoint has no value yet. Store one with on_new_data().",)


ValueOrExcept = int | float | str | bool | OperationFailedError


def fqtsify(tags: str | set[str] | frozenset[str]) -> str:
    """Bring a tag set into its canonical form: tags sorted, joined by single spaces."""
    return " ".join(sorted(tags.split() if isinstance(tags, str) else tags))
