"""What all nine roles have in common: life cycle, statistics, and what is done about bad rows."""

import logging
import time
from abc import ABC
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Final, TypeVar

import msgspec

from smok_core.engine.base import Ack, Engine, Row, Table, When
from smok_core.engine.codec import Codec
from smok_core.engine.forks import Layer, fork_safe_lock
from smok_core.errors import CorruptData, InvalidValue, NotFound
from smok_core.roles.checks import check_key
from smok_core.roles.dead_letters import REFUSED, DeadLetter, DeadLetters
from smok_core.settings import StoreContext

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Items of a batch unless asked otherwise (contract Q1).
BATCH: Final = 1000
#: Seconds between two effective checkpoints; the published client calls about once a minute.
CHECKPOINT_SECONDS: Final = 60.0
#: The table of an engine with the counts that last as long as the store, one row each.
COUNTERS: Final = "counters"
#: What decoding raises for bytes that no codec of ours wrote.
DAMAGE: Final = (CorruptData, msgspec.ValidationError, ValueError, TypeError, LookupError)


class RoleStats(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one role, as `smok status` shows them."""

    rows: int = 0
    pending: int = 0  #: waits for upload
    oldest_pending: float | None = None  #: time of the head of the queue, seconds since the epoch
    dead: int = 0  #: dead letters
    dropped: int = 0  #: given up because of max_pending, for the lifetime of the data
    refused: int = 0  #: writes that a program could not be told to be wrong, likewise
    pending_definitions: int = 0  #: pathpoints: definitions that wait for upload


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

    def count_refused(self, count: int) -> None:
        """Remember, for `stats`, writes that were refused and whose writer cannot be told."""

    def warnings(self) -> tuple[str, ...]:
        """Tell what this process holds and could not store; shown with the store's health."""
        return ()

    def get_dead_letters(self) -> Iterator[DeadLetter]:
        """Stream what was set aside, oldest first."""
        return iter(())

    def set_refused_aside(self, key: str, record: Any, reason: str) -> None:
        """Keep as a dead letter what this role cannot take, where nobody is told of the error.

        Args:
            key: Whose record it is.
            record: Any object; what is no plain data is kept as its ``repr``.
            reason: Why it is refused.
        """
        logger.error("%s: %r is refused: %s: %.1000r", self.role, key, reason, record)

    def requeue_dead_letter(self, letter_id: str) -> None:
        """Put a dead letter back into the queue.

        Raises:
            NotFound: There is no dead letter of this id.
            InvalidValue: It was refused when it was written, so there is no queue for it.
        """
        raise NotFound(f"{self.role} dead letters", letter_id)

    def discard_dead_letter(self, letter_id: str) -> None:
        """Forget a dead letter for good. Raises NotFound: there is no dead letter of this id."""
        raise NotFound(f"{self.role} dead letters", letter_id)


class OnEngine(Database):
    """A role's database on an engine: what the nine implementations share."""

    #: Names of what it keeps in its engine, beside its dead letters and counters. The first table
    #: is the role's own.
    tables: ClassVar[tuple[str, ...]] = ()
    series: ClassVar[tuple[str, ...]] = ()
    blobs: ClassVar[tuple[str, ...]] = ()
    #: What a row of the role's own table decodes to: a Struct, or plain data.
    kind: ClassVar[Any] = Any
    #: The `Outbox` of what waits for the cloud, in a role that tells it anything.
    outbox: Any = None

    def __init__(self, context: StoreContext, engine: Engine) -> None:
        self.context, self.engine = context, engine
        self.codec: Codec = engine.codec
        self.dead = DeadLetters(self.role, engine, context.clock)
        self._counters = engine.table(COUNTERS)
        self._next_checkpoint, self._checkpoint_lock = 0.0, fork_safe_lock(Layer.ROLE)
        self._table_names: dict[Table, str] = {}
        if self.tables:
            self._table = self.open_table(self.tables[0], engine)

    def open_table(self, name: str, engine: Engine) -> Table:
        """Return a table of an engine, and remember its name for dead letters."""
        table = engine.table(name)
        self._table_names[table] = name
        return table

    def flush(self) -> None:
        self.engine.flush()

    def checkpoint(self) -> None:
        with self._checkpoint_lock:
            now = time.monotonic()
            if now < self._next_checkpoint:
                return
            self._next_checkpoint = now + CHECKPOINT_SECONDS
        self.tidy()
        self.engine.checkpoint()

    def counts(self) -> RoleStats:
        """Count what is stored, what waits for the cloud, and what the engine dropped."""
        if self.outbox is None:
            return RoleStats(rows=self._table.stats().rows)
        counted: RoleStats = self.outbox.counts()
        return counted

    def stats(self) -> RoleStats:
        counts = self.counts()
        dead, (_, refused) = self.dead.table.stats().rows, self._counted("refused")
        # What was dropped where the data was before it was copied into this store counts as well.
        dropped = counts.dropped + self._counted("dropped")[1]
        return msgspec.structs.replace(counts, dead=dead, refused=refused, dropped=dropped)

    def count_refused(self, count: int) -> None:
        key, done = f"{self.role}.refused", False
        while not done:
            row, value = self._counted("refused")
            # Compare and set: what another one counted in between is not overwritten.
            condition: dict[str, Any] = {"expected_seq": row.seq} if row else {"when": When.ABSENT}
            done = self._counters.put(key, self.codec.dumps(value + count), **condition)

    def _counted(self, what: str) -> tuple[Row | None, int]:
        row = self._counters.get(f"{self.role}.{what}")
        return row, int(self.codec.loads(row.value)) if row else 0

    def tidy(self) -> None:
        """Do the role's own housekeeping; called by `checkpoint` when it is time."""

    def get_dead_letters(self) -> Iterator[DeadLetter]:
        return self.dead.letters()

    def discard_dead_letter(self, letter_id: str) -> None:
        self.dead.get(letter_id)
        self.dead.table.delete(letter_id)

    def decoded(
        self, table: Table, rows: Iterable[Row], load: Callable[[Row], T]
    ) -> Iterator[tuple[Row, T]]:
        """Decode rows; one that cannot be decoded is moved to the dead letters (contract G11)."""
        for row in rows:
            try:
                yield row, load(row)
            except DAMAGE:
                self.set_aside(table, row, "cannot be decoded")
                table.acknowledge([Ack(row.key, row.seq, remove=True)])

    def rows(self) -> Iterator[tuple[Row, Any]]:
        """Stream a snapshot of the role's own table in its order, and what each row decodes to."""
        return self.decoded(self._table, self._table.rows(), self._load)

    def items(self) -> list[Any]:
        """Return what the rows of the role's own table decode to, in their order."""
        return [item for _, item in self.rows()]

    def stored(self, table: Table, key: str, load: Callable[[Row], T]) -> tuple[Row, T]:
        """Return the row under a key, and what it decodes to; raises NotFound if there is none."""
        row = table.get(check_key(self.role, key))
        for found in self.decoded(table, [row] if row else [], load):
            return found
        raise NotFound(self.role, key)

    def _dump(self, record: Any) -> bytes:
        return self.codec.dumps(msgspec.structs.asdict(record))

    def _load(self, row: Row) -> Any:
        return msgspec.convert(self.codec.loads(row.value), self.kind)

    def set_aside(self, table: Table, row: Row, reason: str) -> None:
        """Copy a row to the dead letters; the caller acknowledges it afterwards."""
        self.dead.add_row(self._table_names[table], row, reason)

    def set_refused_aside(self, key: str, record: Any, reason: str) -> None:
        shown = key.encode("utf-8", "backslashreplace").decode()
        self.dead.add_refused(shown, record, reason)

    def requeue_dead_letter(self, letter_id: str) -> None:
        letter = self.dead.get(letter_id)
        if letter["table"] == REFUSED:
            remedy = "Write what it stands for in a form that the role takes, then discard it."
            raise InvalidValue(self.role, letter["key"], "was never stored", remedy)
        self.restore(letter)
        self.dead.table.delete(letter_id)

    def restore(self, letter: dict[str, Any]) -> None:
        """Put a letter's row back where it was: as it is now if it is still there."""
        table, key = self.engine.table(letter["table"]), letter["key"]
        value, stamp, pending = letter["value"], letter["stamp"], letter["pending"]
        table.put(key, value, stamp=stamp, pending=pending, when=When.ABSENT)
        row = table.get(key)
        if pending and row is not None and not row.pending:
            table.put(key, row.value, stamp=row.stamp, pending=True, expected_seq=row.seq)
