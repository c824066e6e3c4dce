"""What all nine roles have in common: checks of arguments, life cycle, statistics, dead letters."""

from __future__ import annotations

import enum
import logging
import threading
import time
from abc import ABC
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

import msgspec

from smok_core.engine.base import QueuedPoint, Row, Settlement, When
from smok_core.engine.codec import check_plain
from smok_core.errors import CorruptData, InvalidKey, InvalidType, InvalidValue, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from smok_core.context import StoreContext
    from smok_core.engine.base import Engine, Table
    from smok_core.engine.codec import Codec

__all__ = [
    "BATCH",
    "MAX_KEY_BYTES",
    "Database",
    "DeadLetter",
    "DeadLetters",
    "RoleStats",
    "Throttle",
    "check_fields",
    "check_key",
    "check_number",
]

logger = logging.getLogger(__name__)

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")

#: Longest key in UTF-8 bytes (contract G5).
MAX_KEY_BYTES: Final = 512
_LIMIT: Final = 2**63
#: Items of a hand-over unless asked otherwise (contract Q1).
BATCH: Final = 1000
#: Seconds between two effective checkpoints; the published client calls about once a minute.
CHECKPOINT_SECONDS: Final = 60.0


def check_key(role: str, key: object) -> str:
    """Let a key through that obeys rule G5.

    Raises:
        InvalidType: It is not a str.
        InvalidKey: It is empty, too long, or holds a NUL or a lone surrogate.
    """
    if type(key) is not str:
        raise InvalidType(role, "the key", key, "a str as key")
    if not key:
        raise InvalidKey(role, key, "is empty")
    if "\0" in key:
        raise InvalidKey(role, key, "holds a NUL character")
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise InvalidKey(role, key, "holds a lone surrogate") from None
    if size > MAX_KEY_BYTES:
        raise InvalidKey(role, key, f"is {size} bytes long")
    return key


def check_number(role: str, key: object, value: object, what: str) -> int | float:
    """Let an int or float through that fits 64 bits as an integer (not a bool).

    Raises:
        InvalidType: It is something else.
        InvalidValue: It is NaN, infinite or too large.
    """
    if type(value) is not int and type(value) is not float:
        raise InvalidType(role, key, value, f"{what} as int or float")
    if not -_LIMIT <= value < _LIMIT:
        raise InvalidValue(role, key, f"has {what} {_few(value)}", "Give a number of 64 bits.")
    return value


def check_fields(role: str, key: object, value: object, kind: type[S]) -> S:
    """Copy a model object, every field checked against its declared type.

    Raises:
        InvalidType: It is not of that class, or a field has the wrong type.
        InvalidValue: A text holds a lone surrogate, a number is not finite.
    """
    if type(value) is not kind:
        raise InvalidType(role, key, value, f"a {kind.__name__}")
    fields = {name: _plain(field) for name, field in msgspec.structs.asdict(value).items()}
    try:
        copy = msgspec.convert(fields, kind)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise InvalidValue(role, key, f"has a wrong field: {error}", "Correct the field.") from None
    check_plain(fields, role, key)
    for name, number in fields.items():
        if type(number) is int and not -_LIMIT <= number < _LIMIT:
            raise InvalidValue(role, key, f"has {name} {_few(number)}", "Give 64 bits at most.")
    return copy


def _plain(field: Any) -> Any:
    """Give an enumeration's value; anything else as it is."""
    return field.value if isinstance(field, enum.Enum) else field


def _few(number: float) -> str:
    """Show a number in a message, however long it is."""
    return f"of {number.bit_length()} bits" if isinstance(number, int) else str(number)


class RoleStats(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one role, as `smok status` shows them."""

    rows: int = 0
    pending: int = 0  #: waits for upload
    oldest_pending: float | None = None  #: time of the head of the queue, seconds since the epoch
    dead: int = 0  #: dead letters
    dropped: int = 0  #: given up because of max_pending, for the lifetime of the store


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was set aside instead of being lost (contract G11, U2)."""

    id: str
    role: str
    at: float  #: when it was set aside, seconds since the epoch
    reason: str
    key: str
    record: Any  #: the decoded record, or its raw bytes if they could not be decoded


class Throttle:
    """Lets something through at most once per interval; the first time always."""

    def __init__(self, seconds: float = CHECKPOINT_SECONDS) -> None:
        self._seconds, self._next, self._lock = seconds, 0.0, threading.Lock()

    def __call__(self) -> bool:
        """Tell whether it is time; measured by the monotonic clock."""
        with self._lock:
            now = time.monotonic()
            due = now >= self._next
            self._next = now + self._seconds if due else self._next
            return due


class DeadLetters:
    """The dead letters of one role: a table of its own beside the role's data."""

    def __init__(self, role: str, engine: Engine, clock: Callable[[], float]) -> None:
        self._role, self._clock, self._codec = role, clock, engine.codec
        self._table: Table = engine.table(f"{role}.dead")

    def add_row(self, table: str, row: Row, reason: str) -> None:
        """Set a row aside; the same one twice (after a crash in between) is kept once."""
        kept = {"table": table, "pending": row.pending, "stamp": row.stamp}
        self._add(f"{row.seq:016x}.{table}", kept | {"key": row.key, "value": row.value}, reason)

    def add_point(self, point: QueuedPoint, reason: str) -> None:
        """Set a copy of a queued point aside, likewise."""
        kept = {"table": None, "ts": point.ts, "key": point.name, "value": point.value}
        self._add(f"{point.seq:016x}", kept, reason)

    def _add(self, letter_id: str, kept: dict[str, Any], reason: str) -> None:
        letter = kept | {"at": self._clock(), "reason": reason}
        self._table.put(letter_id, self._codec.dumps(letter))
        logger.error("%s: %r was set aside: %s", self._role, kept["key"], reason)

    def letters(self) -> Iterator[DeadLetter]:
        """Stream the letters, oldest first."""
        for row in self._table.rows():
            letter = self._codec.loads(row.value)
            yield DeadLetter(
                id=row.key,
                role=self._role,
                at=letter["at"],
                reason=letter["reason"],
                key=letter["key"],
                record=self._try_loads(letter["value"]),
            )

    def get(self, letter_id: str) -> dict[str, Any]:
        """Give a letter as it is stored; NotFound if there is none of this id."""
        row = self._table.get(letter_id) if letter_id else None
        if row is None:
            raise NotFound(f"{self._role} dead letters", letter_id)
        letter: dict[str, Any] = self._codec.loads(row.value)
        return letter

    def remove(self, letter_id: str) -> None:
        """Forget a letter."""
        self._table.delete(letter_id)

    def count(self) -> int:
        """Count the letters."""
        return self._table.stats().rows

    def _try_loads(self, value: bytes) -> Any:
        try:
            return self._codec.loads(value)
        except CorruptData:
            return value


class Database(ABC):
    """What every role's database offers beside the methods of its role.

    The defaults suit a database that keeps nothing; all methods may be called from any thread.
    """

    #: One of `smok_core.roles.ROLES`.
    role: ClassVar[str]

    def flush(self) -> None:
        """Return when everything written survives what the store's durability promises."""

    def checkpoint(self) -> None:
        """Do housekeeping; called about once a minute, throttles itself if called more often."""

    def close(self) -> None:
        """Flush, and let go of what belongs to this role alone."""

    def stats(self) -> RoleStats:
        """Count what is stored and what waits."""
        return RoleStats()

    def get_dead_letters(self) -> Iterator[DeadLetter]:
        """Stream what was set aside, oldest first."""
        return iter(())

    def requeue_dead_letter(self, letter_id: str) -> None:
        """Put a dead letter back into the queue.

        Raises:
            NotFound: There is no dead letter of this id.
        """
        raise NotFound(f"{self.role} dead letters", letter_id)


class OnEngine(Database):
    """A role's database on an engine: what the nine implementations share."""

    def __init__(self, context: StoreContext, engine: Engine) -> None:
        self.context, self.engine = context, engine
        self.codec: Codec = engine.codec
        self.dead = DeadLetters(self.role, engine, context.clock)
        self.due = Throttle()
        self._table_names: dict[Table, str] = {}

    def open_table(self, name: str) -> Table:
        """Give a table of the engine, and remember its name for dead letters."""
        table = self.engine.table(name)
        self._table_names[table] = name
        return table

    def flush(self) -> None:
        self.engine.flush()

    def checkpoint(self) -> None:
        if self.due():
            self.tidy()
            self.engine.checkpoint()

    def tidy(self) -> None:
        """Do the role's own housekeeping; called by `checkpoint` when it is time."""

    def get_dead_letters(self) -> Iterator[DeadLetter]:
        return self.dead.letters()

    def decoded(
        self, table: Table, rows: Iterable[Row], load: Callable[[Row], T]
    ) -> Iterator[tuple[Row, T]]:
        """Decode rows; one that cannot be decoded is moved to the dead letters (contract G11)."""
        for row in rows:
            try:
                yield row, load(row)
            except (CorruptData, msgspec.ValidationError, ValueError, TypeError, LookupError):
                self.set_aside(table, row, "cannot be decoded")
                table.settle([Settlement(row.key, row.seq, remove=True)])

    def set_aside(self, table: Table, row: Row, reason: str) -> None:
        """Copy a row to the dead letters; the caller settles it afterwards."""
        self.dead.add_row(self._table_names[table], row, reason)

    def requeue_dead_letter(self, letter_id: str) -> None:
        letter = self.dead.get(letter_id)
        self.restore(letter)
        self.dead.remove(letter_id)

    def restore(self, letter: dict[str, Any]) -> None:
        """Put a letter's row back where it was: as it is now if it is still there."""
        table, key = self.engine.table(letter["table"]), letter["key"]
        value, stamp, pending = letter["value"], letter["stamp"], letter["pending"]
        table.put(key, value, stamp=stamp, pending=pending, when=When.ABSENT)
        row = table.get(key)
        if pending and row is not None and not row.pending:
            table.put(key, row.value, stamp=row.stamp, pending=True, expected_seq=row.seq)
