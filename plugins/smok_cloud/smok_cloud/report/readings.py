"""Readings of a pathpoint made ready for drawing: bounded, whatever the number stored."""

from typing import Any, Final

import msgspec

from smok_core.databases import Databases
from smok_core.model import OperationFailedError, OperationFailedReason

#: Parts of the span, of each of which the extremes are kept: about as many as a chart has pixels.
BUCKETS: Final = 600
_MOST_FAILURES: Final = 500
_MOST_TEXTS: Final = 10


class Failure(msgspec.Struct, frozen=True):
    """A reading that failed; ``at`` in seconds since the epoch."""

    at: float
    reason: str


class Curve(msgspec.Struct, kw_only=True):
    """What a chart of one pathpoint shows; times in seconds since the epoch.

    ``points`` are the first, lowest, highest and last number of each part of the span, in the
    order of time: no peak is lost, and a million readings take no more room than a thousand.
    """

    name: str
    start: float
    stop: float
    points: list[tuple[float, float]] = msgspec.field(default_factory=list)
    failures: list[Failure] = msgspec.field(default_factory=list)  #: the newest 500
    texts: list[tuple[float, str]] = msgspec.field(default_factory=list)  #: the newest 10
    numbers: int = 0
    failed: int = 0
    newest: tuple[float, Any] | None = None  #: in the span
    before: float | None = None  #: the time of the newest reading, if the span has none
    switch: bool = False  #: all numbers are bools: on and off
    low: float = 0.0
    high: float = 0.0
    total: float = 0.0

    @property
    def mean(self) -> float:
        """The mean of the numbers; 0 without any."""
        return self.total / self.numbers if self.numbers else 0.0


class _Bucket(msgspec.Struct):
    number: int
    kept: list[tuple[float, float]]

    def add(self, at: float, value: float) -> None:
        """Keep first, lowest, highest, last."""
        first, low, high, _ = self.kept
        low = (at, value) if value < low[1] else low
        high = (at, value) if value > high[1] else high
        self.kept = [first, low, high, (at, value)]


def read_curve(databases: Databases, name: str, start: float, stop: float) -> Curve:
    """Stream the readings of a span, both ends inclusive; memory does not grow with them."""
    curve, bucket = Curve(name=name, start=start, stop=stop), _Bucket(-1, [])
    width = max(stop - start, 1e-6) / BUCKETS
    for ms, value in databases.pathpoints.get_archive_data(name, start * 1000, stop * 1000):
        at = ms / 1000
        curve.newest = at, value
        if isinstance(value, OperationFailedError):
            _fail(curve, at, value.reason)
        elif isinstance(value, str):
            curve.texts = [*curve.texts[-_MOST_TEXTS + 1 :], (at, value)]
        else:
            curve.switch = isinstance(value, bool) and (curve.switch or not curve.numbers)
            _count(curve, float(value))
            bucket = _sort_in(curve, bucket, int((at - start) / width), at, float(value))
    _empty(curve, bucket)
    return curve


def _fail(curve: Curve, at: float, reason: OperationFailedReason | None) -> None:
    curve.failed += 1
    told = reason.value if reason else "never read"
    curve.failures = [*curve.failures[-_MOST_FAILURES + 1 :], Failure(at, told)]


def _count(curve: Curve, value: float) -> None:
    curve.low = min(curve.low, value) if curve.numbers else value
    curve.high = max(curve.high, value) if curve.numbers else value
    curve.total += value
    curve.numbers += 1


def _sort_in(curve: Curve, bucket: _Bucket, number: int, at: float, value: float) -> _Bucket:
    if number == bucket.number:
        bucket.add(at, value)
        return bucket
    _empty(curve, bucket)
    return _Bucket(number, [(at, value)] * 4)


def _empty(curve: Curve, bucket: _Bucket) -> None:
    curve.points += sorted(set(bucket.kept))


def newest_time(databases: Databases, name: str) -> float:
    """Return the time of the newest reading of a pathpoint that has one, failed or not."""
    try:
        return databases.pathpoints.get_current_value(name)[0] / 1000
    except OperationFailedError as failure:
        return (failure.timestamp or 0.0) / 1000
