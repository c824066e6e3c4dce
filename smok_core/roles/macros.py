"""Macros: values to write at given times, and which of them were executed."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, Self

import msgspec

from smok_core.engine.base import Ack, Engine, Row, When
from smok_core.errors import InvalidType
from smok_core.model import Macro
from smok_core.roles.base import BATCH, Database, OnEngine, RoleStats
from smok_core.roles.checks import check_fields, check_key, check_number
from smok_core.roles.outbox import Batch, StoredBatch, TableOutbox
from smok_core.settings import StoreContext


class Execution(NamedTuple):
    """One occurrence of a macro that was executed; the timestamp in seconds since the epoch."""

    macro_id: str
    timestamp: int | float

    def key(self) -> str:
        """Name it; the number has no colon, so no macro id can imitate another's key."""
        return f"{self.timestamp!r}:{self.macro_id}"


class BaseMacroSynchronization(Batch):
    """A batch of executed occurrences on its way to the cloud."""

    @property
    def executions(self) -> list[Execution]:
        """The occurrences, in the order of their execution."""
        return list(self.values)

    def to_json(self) -> list[Any]:
        """Return the occurrences as dicts; each is a request of its own."""
        return [execution._asdict() for execution in self.executions]


class BaseMacroDatabase(Database):
    """Keep macros and what was executed (contract MA). Timestamps in seconds; any thread."""

    role = "macros"

    @abstractmethod
    def get_macros(self) -> list[Macro]:
        """Return the macros that still have an occurrence to execute here."""

    @abstractmethod
    def set_macros(self, macros: list[Macro]) -> None:
        """Replace the macros; occurrences that were executed here do not come back.

        Raises InvalidType, InvalidValue: One is not a `Macro` as declared; nothing has changed.
        """

    @abstractmethod
    def notify_macro_executed(self, macro_id: str, timestamp: float) -> None:
        """Take an executed occurrence out; its report is pending, once per (macro, timestamp).

        Raises QueueFull: ``max_pending`` is reached and the policy is ``refuse``; nothing is noted.
        """

    @abstractmethod
    def get_done_macros(self) -> Iterator[tuple[str, int | float]]:
        """Stream ``(macro_id, timestamp)`` of what the cloud has not been told yet."""

    @abstractmethod
    def notify_macro_synced(self, macro_id: str, timestamp: float) -> None:
        """The cloud knows of this one; unknown ones are ignored."""

    def get_macros_to_sync(self, limit: int = BATCH) -> BaseMacroSynchronization | None:
        """Return the executed occurrences to report, or None."""
        done = [Execution(*found) for found in islice(self.get_done_macros(), limit)]
        return _Done(self, done) if done else None


class _Done(BaseMacroSynchronization):
    """The batch of a database that has the published client's methods only."""

    def __init__(self, database: BaseMacroDatabase, executions: Sequence[Execution]) -> None:
        self._database, self.values = database, executions

    def part(self, start: int, stop: int) -> Self:
        return type(self)(self._database, self.values[start:stop])

    def acknowledge(self) -> None:
        for execution in self.values:
            self._database.notify_macro_synced(*execution)


class MacroSynchronization(StoredBatch[Execution], BaseMacroSynchronization):
    """The batch of `MacroDatabase`."""


class MacroDatabase(BaseMacroDatabase, OnEngine):
    """The role on an engine: a table of macros, and one of executions.

    An execution is recorded first and taken out of its macro second; readers leave out what is
    recorded, so a crash in between cannot make it run again. A reported execution is remembered
    until the server stops offering the occurrence: a list that the server made before it was told
    must not bring it back either.
    """

    tables = ("macros", "macros.done")
    kind = Macro

    def __init__(self, context: StoreContext, engine: Engine) -> None:
        super().__init__(context, engine)
        self._done = self.open_table(self.tables[1], engine)
        # What is dropped stays remembered: not being reported must not make it run again.
        self.outbox: TableOutbox[Execution, MacroSynchronization] = TableOutbox(
            self,
            self._done,
            self._load_done,
            MacroSynchronization,
            when=lambda execution: execution.timestamp,
        )

    def get_macros(self) -> list[Macro]:
        done = {execution for _, execution in self._executions()}
        return [macro for stored in self.items() if (macro := _without(stored, done))]

    def set_macros(self, macros: list[Macro]) -> None:
        checked = [self._check(macro) for macro in macros]
        offered = {Execution(m.macro_id, ts) for m in checked for ts in m.occurrences_not_done}
        done = set[Execution]()
        for row, execution in self._executions():
            if row.pending or execution in offered:
                done.add(execution)
            else:
                self._done.delete(row.key, expected_seq=row.seq)
        left = [_without(macro, done) for macro in checked]
        self._table.replace({macro.macro_id: self._dump(macro) for macro in left if macro})

    def notify_macro_executed(self, macro_id: str, timestamp: float) -> None:
        execution = self._execution(macro_id, timestamp)
        value = self.codec.dumps(tuple(execution))
        self.outbox.put(execution.key(), value, when=When.ABSENT)
        self._take_out(execution)

    def get_done_macros(self) -> Iterator[tuple[str, int | float]]:
        return iter([(e.macro_id, e.timestamp) for row, e in self._executions() if row.pending])

    def notify_macro_synced(self, macro_id: str, timestamp: float) -> None:
        key = self._execution(macro_id, timestamp).key()
        row = self._done.get(key)
        if row:
            self._done.acknowledge([Ack(key, row.seq)])

    def get_macros_to_sync(self, limit: int = BATCH) -> MacroSynchronization | None:
        return self.outbox.take(limit)

    def counts(self) -> RoleStats:
        return msgspec.structs.replace(super().counts(), rows=len(self.get_macros()))

    def _take_out(self, execution: Execution) -> None:
        while (row := self._table.get(execution.macro_id)) is not None:
            left = _without(self._load(row), {execution})
            value = self._dump(left)
            if left:
                done = value == row.value or self._table.put(row.key, value, expected_seq=row.seq)
            else:
                done = self._table.delete(row.key, expected_seq=row.seq)
            if done:
                return

    def _executions(self) -> Iterator[tuple[Row, Execution]]:
        return self.decoded(self._done, self._done.rows(), self._load_done)

    def _execution(self, macro_id: str, timestamp: float) -> Execution:
        key = check_key(self.role, macro_id)
        return Execution(key, _whole(check_number(self.role, key, timestamp, "timestamp")))

    def _check(self, macro: object) -> Macro:
        checked = check_fields(self.role, "a macro", macro, Macro)
        key = check_key(self.role, checked.macro_id)
        for path, value in checked.commands.items():
            check_key(self.role, path)
            if type(value) not in (int, float, str, bool):
                raise InvalidType(self.role, key, value, "a command of int, float, str or bool")
        checked.occurrences_not_done = sorted(map(_whole, checked.occurrences_not_done))
        return checked

    def _load_done(self, row: Row) -> Execution:
        return Execution(*self.codec.loads(row.value))


def _without(macro: Macro, done: set[Execution]) -> Macro:
    left = [ts for ts in macro.occurrences_not_done if (macro.macro_id, ts) not in done]
    return msgspec.structs.replace(macro, occurrences_not_done=left)


def _whole(timestamp: float) -> int | float:
    """Bring 5.0 and 5 into one form: they name the same occurrence."""
    return int(timestamp) if timestamp == int(timestamp) else timestamp
