"""What a batch brings: how much of it is kept already, and texts among the numbers."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from smok_core.errors import SmokError
from smok_core.model import NotReadedError, OperationFailedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smok_core.model import ValueOrExcept
    from smok_core.roles.pathpoints import BasePathpointDatabase

    Reading = tuple[str, float, ValueOrExcept]


def already_kept(database: BasePathpointDatabase, batch: Iterable[Reading]) -> int:
    """Count the instants of a batch that have a value already, before it is written.

    A pathpoint whose newest value is older than the batch has none of them, which is the usual
    case and costs one look.
    """
    times: dict[str, set[float]] = {}
    for name, time, _ in batch:
        times.setdefault(name, set()).add(time)
    return sum(_kept(database, name, wanted) for name, wanted in times.items())


def _kept(database: BasePathpointDatabase, name: str, wanted: set[float]) -> int:
    first, last = min(wanted), max(wanted)
    newest = _newest(database, name)
    if newest is None or newest < first:
        return 0
    # A span with far more readings than the batch has is not read: each time is looked up.
    bound = 4 * len(wanted) + 1000
    found = [time for time, _ in islice(database.get_archive_data(name, first, last), bound)]
    if len(found) < bound:
        return len(wanted.intersection(found))
    return sum(any(True for _ in database.get_archive_data(name, at, at)) for at in wanted)


def _newest(database: BasePathpointDatabase, name: str) -> float | None:
    try:
        return database.get_current_value(name)[0]
    except NotReadedError:
        return None
    except OperationFailedError as failure:
        return failure.timestamp
    except SmokError:
        return None  # a name that cannot be kept: the write tells


class TextsAmongNumbers:
    """Notices pathpoints that are numbers but for a few texts: hardly ever meant so."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._texts: dict[str, list[Any]] = {}

    def add(self, name: str, value: ValueOrExcept, line: int) -> None:
        """Take a reading into account."""
        if type(value) is str:
            self._texts.setdefault(name, [0, value, line])[0] += 1
        else:
            self._numbers[name] = self._numbers.get(name, 0) + 1

    def found(self) -> list[dict[str, Any]]:
        """Return each such pathpoint, how many of each it has, and the first text with its line."""
        return [
            {"pathpoint": name, "numbers": self._numbers[name], "texts": count,
             "example": text[:40], "line": line}
            for name, (count, text, line) in self._texts.items()
            if count < self._numbers.get(name, 0)
        ]  # fmt: skip
