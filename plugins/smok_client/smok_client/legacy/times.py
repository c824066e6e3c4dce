"""Datetimes in users' data: read from the bytes they are pickled as, without calling the file's."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Final

from smok_client.legacy.fields import blame
from smok_client.legacy.nodes import Node, Obj

DATETIME: Final = "datetime:datetime"
_TIMEZONE: Final = "datetime:timezone"
_TIMEDELTA: Final = "datetime:timedelta"
_SIZE: Final = 10
_FOLD: Final = 0x80


def read_datetime(node: Obj) -> datetime:
    """Return the datetime, without a zone or with a fixed offset from UTC.

    Raises:
        EntryRefused: It has another kind of zone, or is none.
    """
    packed, *zone = node.args or (None,)
    if type(packed) is not bytes or len(packed) != _SIZE or len(zone) > 1:
        raise blame("it is not pickled as a datetime is", node)
    try:
        return _unpacked(packed).replace(tzinfo=_zone(zone[0]) if zone else None)
    except (ValueError, OverflowError):
        raise blame("it is a datetime that does not exist", node) from None


def _unpacked(packed: bytes) -> datetime:
    """Read year (2 bytes), month with the fold, day, hour, minute, second, microsecond (3)."""
    year, micro = int.from_bytes(packed[:2]), int.from_bytes(packed[7:])
    month, fold = packed[2] & ~_FOLD, int(packed[2] & _FOLD > 0)
    day, hour, minute, second = packed[3:7]
    return datetime(  # noqa: DTZ001 - the zone follows
        year, month, day, hour, minute, second, micro, fold=fold
    )


def _zone(node: Node) -> timezone:
    (offset,) = _args(node, _TIMEZONE, 1)
    days, seconds, micro = _args(offset, _TIMEDELTA, 3)
    return timezone(timedelta(days, seconds, micro))


def _args(node: Node, name: str, count: int) -> Sequence[Node]:
    if type(node) is not Obj or node.name.text != name or len(node.args) != count:
        raise blame(f"a {name} expected", node)
    if name == _TIMEDELTA and not all(type(part) is int for part in node.args):
        raise blame("it is no timedelta", node)
    return node.args
