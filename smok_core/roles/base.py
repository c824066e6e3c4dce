"""What all nine roles have in common: checks of arguments, life cycle, statistics, dead letters."""

from __future__ import annotations

import logging
import math
import threading
import time
from abc import ABC
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

import msgspec

from smok_core.engine.base import Row, Settlement
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
    """Let a finite int or float through (not a bool).

    Raises:
        InvalidType: It is something else.
        InvalidValue: It is NaN or infinite.
    """
    if type(value) is not int and type(value) is not float:
        raise InvalidType(role, key, value, f"{what} as int or float")
    if not math.isfinite(value):
        raise InvalidValue(role, key, f"has {value} as {what}", "Give a finite number.")
    return value


def check_fields(role: str, key: object, value: object, kind: type[S]) -> S:
    """Copy a model object, every field checked against its declared type.

    Raises:
        InvalidType: It is not of that class, or a field has the wrong type.
        InvalidValue: A text holds a lone surrogate, a number is not finite.
    """
    if type(value) is not kind:
        raise InvalidType(role, key, value, f"a {kind.__name__}")
    fields = msgspec.structs.asdict(value)
    try:
        copy = msgspec.convert(fields, kind)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise InvalidValue(role, key, f"has a wrong field: {error}", "Correct the field.") from None
    check_plain(msgspec.to_builtins(copy), role, key)
    return copy


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

    def add(self, key: str, seq: int, value: bytes, reason: str, ts: int | None = None) -> None:
        """Set a record aside; the same one twice (after a crash in between) is kept once."""
        letter = {"at": self._clock(), "reason": reason, "key": key, "value": value, "ts": ts}
        self._table.put(f"{seq:016x}", self._codec.dumps(letter))
        logger.error("%s: %r was set aside: %s", self._role, key, reason)

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
        """Give key, value (bytes) and ts of a letter; NotFound if there is none of this id."""
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
                self.dead.add(row.key, row.seq, row.value, "cannot be decoded")
                table.settle([Settlement(row.key, row.seq, remove=True)])
