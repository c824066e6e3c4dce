"""Dead letters: records that were set aside instead of being lost (contract G11, U2)."""

import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from smok_core.engine.base import Engine, PendingPoint, Row
from smok_core.engine.plain import check_plain
from smok_core.errors import CorruptData, InvalidType, InvalidValue, NotFound

logger = logging.getLogger(__name__)

#: Stands for the table of a letter that was never in one.
REFUSED: Final = "refused"
_MAX_SHOWN: Final = 64 * 1024


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was set aside instead of being lost (contract G11, U2)."""

    id: str
    role: str
    at: float  #: when it was set aside, seconds since the epoch
    reason: str
    key: str
    time: float | None = None  #: a reading's own time, seconds since the epoch
    record: Any  #: the decoded record, or its raw bytes if they could not be decoded


def dead_table(role: str) -> str:
    """Name the table of a role's dead letters."""
    return f"{role}.dead"


class DeadLetters:
    """The dead letters of one role: a table of its own beside the role's data."""

    def __init__(self, role: str, engine: Engine, clock: Callable[[], float]) -> None:
        self._role, self._clock, self._codec = role, clock, engine.codec
        self.table = engine.table(dead_table(role))

    def add_row(self, table: str, row: Row, reason: str) -> None:
        """Set a row aside; the same one twice (after a crash in between) is kept once."""
        kept = {"table": table, "pending": row.pending, "stamp": row.stamp}
        self._add(f"{row.seq:016x}.{table}", kept | {"key": row.key, "value": row.value}, reason)

    def add_point(self, point: PendingPoint, reason: str) -> None:
        """Set a copy of a pending point aside, likewise."""
        kept = {"table": None, "ts": point.ts, "key": point.name, "value": point.value}
        self._add(f"{point.seq:016x}", kept, reason)

    def add_refused(self, key: str, record: Any, reason: str) -> None:
        """Set aside what was never stored, as it is if it is plain data, else as it is shown."""
        try:
            check_plain(record, "dead letters", "a record")
        except (InvalidType, InvalidValue):
            record = repr(record)[:_MAX_SHOWN].encode("utf-8", "backslashreplace").decode()
        kept = {"table": REFUSED, "key": key, "value": self._codec.dumps(record)}
        self._add(uuid.uuid4().hex, kept, reason)

    def _add(self, letter_id: str, kept: dict[str, Any], reason: str) -> None:
        letter = kept | {"at": self._clock(), "reason": reason}
        self.table.put(letter_id, self._codec.dumps(letter))
        logger.error("%s: %r was set aside: %s", self._role, kept["key"], reason)

    def letters(self) -> Iterator[DeadLetter]:
        """Stream the letters, oldest first."""
        for row in self.table.rows():
            letter = self._codec.loads(row.value)
            try:
                record = self._codec.loads(letter["value"])
            except CorruptData:
                record = letter["value"]
            yield DeadLetter(
                id=row.key,
                role=self._role,
                at=letter["at"],
                reason=letter["reason"],
                key=letter["key"],
                time=letter["ts"] / 1e6 if "ts" in letter else None,
                record=record,
            )

    def get(self, letter_id: str) -> dict[str, Any]:
        """Return a letter as it is stored; NotFound if there is none of this id."""
        row = self.table.get(letter_id) if letter_id else None
        if row is None:
            raise NotFound(f"{self._role} dead letters", letter_id)
        letter: dict[str, Any] = self._codec.loads(row.value)
        return letter
