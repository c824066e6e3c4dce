"""What the sandbox accepts: the bodies of the API's calls, checked to the last field."""

from typing import Annotated, Any, Literal, TypeVar

import msgspec

from smok_core.model import prepared

_T = TypeVar("_T")
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Number = int | float
Scalar = int | float | str | bool
ErrorCode = Literal["malformed", "timeout", "invalid", "type"]


class Refusal(Exception):
    """The request gets this status and text."""

    def __init__(self, status: int, text: str) -> None:
        self.status, self.text = status, text
        super().__init__(f"{status}: {text}")


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    pass


@prepared
class PathpointInput(_Strict):
    """A pathpoint's definition."""

    path: Key
    storage_level: Literal[0, 1]


@prepared
class PointsInput(_Strict):
    """Values of one pathpoint, in either of the two shapes."""

    path: Key
    values: list[dict[str, Any] | list[Any]]


@prepared
class _Value(_Strict):
    timestamp: Number
    value: Scalar


@prepared
class _Failure(_Strict):
    timestamp: Number
    error_code: ErrorCode


@prepared
class SensorWriteInput(_Strict):
    """A record of the audit log."""

    timestamp: int
    who: str
    hr_sensor: str
    hr_value: str
    fqts: str
    value: str
    reason: str


@prepared
class AlarmInput(_Strict):
    """An event; with a uuid it updates the one of that name."""

    started_on: int
    color: Literal[0, 1, 2]
    alarm_type: Literal[0, 1]
    token: str
    group: str
    message: str
    metadata: dict[str, str]
    uuid: Key | msgspec.UnsetType = msgspec.UNSET
    handled_by: str | msgspec.UnsetType = msgspec.UNSET
    ended_on: int | msgspec.UnsetType = msgspec.UNSET


@prepared
class BaobDigestInput(_Strict):
    """A BAOB that the device has."""

    key: Key
    version: int


@prepared
class MetadataInput(_Strict):
    """A metadata value, and the time from which on it is the older one."""

    value: str
    unless_timestamp_higher: Number


def checked(value: Any, shape: type[_T]) -> _T:
    """Return the value as the shape, or refuse the request with 400."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise Refusal(400, str(error)) from None


def points_of(body: Any) -> list[dict[str, Any]]:
    """Return each point as ``{path, timestamp, value}`` or ``{path, timestamp, error_code}``."""
    return [
        {"path": each.path, **_point(value)}
        for each in checked(body, list[PointsInput])
        for value in each.values
    ]


def _point(value: dict[str, Any] | list[Any]) -> dict[str, Any]:
    if isinstance(value, list):
        value = _named(value)
    shape: type[_Value | _Failure] = _Failure if "error_code" in value else _Value
    result: dict[str, Any] = msgspec.to_builtins(checked(value, shape))
    return result


def _named(value: list[Any]) -> dict[str, Any]:
    if len(value) == 3 and value[0] is False:
        return {"timestamp": value[1], "error_code": value[2]}
    if len(value) == 2:
        return {"timestamp": value[0], "value": value[1]}
    raise Refusal(400, "a value is [timestamp, value] or [false, timestamp, error_code]")
