"""A pathpoint's values and times: what may be stored, and how it becomes bytes and microseconds."""

import math
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from smok_core.engine.base import PendingPoint
from smok_core.engine.codec import Codec
from smok_core.engine.plain import check_plain
from smok_core.errors import CorruptData, InvalidType, InvalidValue
from smok_core.model import OperationFailedError, OperationFailedReason, ValueOrExcept

#: Longest text value in UTF-8 bytes (contract PP1).
MAX_TEXT_BYTES: Final = 64 * 1024
_INT64: Final = range(-(2**63), 2**63)
#: Timestamps must fit 64 bits as microseconds: about 292 000 years around the epoch.
_MAX_MS: Final = (2**63 - 1) // 1000
_VALUE: Final = attrgetter("value")
_PLAIN: Final = frozenset({int, float, str, bool})
_KINDS: Final = "an int, float, str, bool or OperationFailedError"


def milliseconds(ts: int) -> int | float:
    """Return microseconds as milliseconds: an int if they are whole."""
    return ts // 1000 if ts % 1000 == 0 else ts / 1000


class Values:
    """Checks and converts values, fast where all of a batch are of the usual kinds."""

    def __init__(self, role: str, store: str, codec: Codec) -> None:
        self._role, self._store, self._codec = role, store, codec

    def all_microseconds(self, names: Sequence[str], times: Sequence[float]) -> list[int]:
        """Convert a column of timestamps; see `microseconds`."""
        if set(map(type, times)) == {int} and min(times) >= -_MAX_MS and max(times) <= _MAX_MS:
            return [time * 1000 for time in times]  # type: ignore[misc]
        return [self.microseconds(*pair) for pair in zip(names, times, strict=True)]

    def microseconds(self, name: str, timestamp: float) -> int:
        """Return a timestamp in ms (int, or float kept to the microsecond) as whole microseconds.

        Raises InvalidType, InvalidValue: It is no number, NaN, infinite, or beyond 64 bits.
        """
        kind = type(timestamp)
        if kind is not int and kind is not float:
            raise InvalidType(self._role, name, timestamp, "a timestamp in ms as int or float")
        if not -_MAX_MS <= timestamp <= _MAX_MS:
            remedy = "Give milliseconds since the epoch."
            raise InvalidValue(self._role, name, f"has the timestamp {timestamp!r}", remedy)
        return timestamp * 1000 if kind is int else round(timestamp * 1000)  # type: ignore[return-value]

    def dump_all(self, names: Sequence[str], values: Sequence[ValueOrExcept]) -> list[bytes]:
        """Encode a column of values; see `dump`."""
        # One that is not finite makes the sum so: no finite number is the sum of an infinity.
        if set(map(type, values)) <= {float, bool} and math.isfinite(sum(values)):  # type: ignore[arg-type]
            return self._codec.dumps_many(values)
        return [self.dump(*pair) for pair in zip(names, values, strict=True)]

    def dump(self, name: str, value: ValueOrExcept) -> bytes:
        """Encode a value. Raises InvalidType, InvalidValue: it is not kept (contract PP1)."""
        kind = type(value)
        if kind is float:
            if not math.isfinite(value):  # type: ignore[arg-type]
                raise InvalidValue(self._role, name, f"is {value}", "Give a finite number.")
        elif kind is int:
            if value not in _INT64:
                raise InvalidValue(self._role, name, "exceeds 64 bits", "Give a smaller integer.")
        elif kind is str:
            self._check_text(name, value)  # type: ignore[arg-type]
        elif isinstance(value, OperationFailedError):
            return self._codec.dumps(self._plain_failure(name, value))
        elif kind is not bool:
            raise InvalidType(self._role, name, value, _KINDS)
        return self._codec.dumps(value)

    def _check_text(self, name: str, value: str) -> None:
        if not value.isascii():
            check_plain(value, self._role, name)
        size = len(value.encode())
        if size > MAX_TEXT_BYTES:
            remedy = f"Give at most {MAX_TEXT_BYTES}; keep larger things in baobs."
            raise InvalidValue(self._role, name, f"is a text of {size} bytes", remedy)

    def _plain_failure(self, name: str, failure: OperationFailedError) -> tuple[str, float]:
        if not isinstance(failure.reason, OperationFailedReason):
            raise InvalidType(self._role, name, failure, _KINDS + " with a reason")
        self.microseconds(name, failure.timestamp)
        return failure.reason.value, failure.timestamp

    def load(self, data: bytes) -> ValueOrExcept:
        """Decode a stored value. Raises CorruptData: it is none."""
        value: Any = self._codec.loads(data)
        if type(value) in _PLAIN:
            return value  # type: ignore[no-any-return]
        try:
            reason, timestamp = value if type(value) is tuple else ()
            return OperationFailedError(OperationFailedReason(reason), timestamp)
        except ValueError as error:
            raise CorruptData(self._store, f"a {type(value).__name__} is no value") from error

    def load_all(self, points: Sequence[PendingPoint]) -> list[ValueOrExcept]:
        """Decode the values of points; see `load`."""
        values = list(map(_VALUE, points))
        found = self._codec.loads_many(values)
        return found if _PLAIN.issuperset(map(type, found)) else list(map(self.load, values))
