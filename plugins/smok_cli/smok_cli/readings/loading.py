"""Store a stream of records in batches: order kept, bad rows set aside, harmless to repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from smok_cli.readings.clocks import HOUR, Clock, Recent
from smok_cli.readings.counting import TextsAmongNumbers, already_kept
from smok_cli.readings.offsets import Offsets
from smok_cli.readings.records import BadRow, Comment, Record, Rejected
from smok_core.errors import SmokError, StoreError
from smok_core.model import OperationFailedError
from smok_core.roles.values import MAX_TEXT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import tzinfo

    from smok_cli.readings.rejects import Rejects
    from smok_cli.readings.times import TimeReader
    from smok_core.databases import Databases
    from smok_core.model import ValueOrExcept


#: Readings in one atomic write.
BATCH: Final = 5000


def _refusal(text: str) -> str | None:
    """Tell why a text cannot be kept, or give None."""
    if len(text) * 4 <= MAX_TEXT_BYTES and text.isascii():
        return None
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "the text has half of a surrogate pair, which is no character"
    return None if size <= MAX_TEXT_BYTES else f"a text of {size} bytes; {MAX_TEXT_BYTES} are kept"


class Step(NamedTuple):
    """A clock was set back or forward by an hour, which its zone does not explain."""

    line: int
    time: str  #: as it is written in that line
    hours_behind: int  #: from there on


class Loader:
    """Takes records, gives each reading its instant, and stores them in batches.

    Args:
        databases: Where to.
        times: Reads the times of the file.
        zone: The zone of local times.
        rejects: Where bad rows go.
        one_clock: The whole file was written by one clock (wide files); otherwise each pathpoint
            is followed for itself.
    """

    def __init__(
        self,
        databases: Databases,
        times: TimeReader,
        zone: tzinfo,
        rejects: Rejects,
        *,
        one_clock: bool = False,
    ) -> None:
        self._database, self._offsets = databases.pathpoints, Offsets(databases)
        self._times, self._zone, self._rejects = times, zone, rejects
        self._one_clock = one_clock
        self._progress: Callable[[int], None] = lambda _: None
        self._clocks: dict[str, Clock] = {}
        self._recent = Recent()
        self._batch: list[tuple[str, float, ValueOrExcept]] = []
        self._records: list[Record] = []
        self.stored = 0
        self.kept = 0  #: of these, how many were in the store before
        self.rows = 0  #: rows that were read
        self.without = 0  #: rows that say that there is no value
        self.comments = 0  #: lines among the rows that are none
        self.texts = TextsAmongNumbers()
        self.steps: list[Step] = []
        self.pathpoints: set[str] = set()
        self.first: int | None = None
        self.last: int | None = None

    @property
    def new(self) -> int:
        """How many instants have a value now that had none before."""
        return self.stored - self.repeated - self.kept

    @property
    def repeated(self) -> int:
        """How many readings came twice with one value, and are stored once."""
        return self._recent.repeated

    @property
    def moved(self) -> int:
        """How many readings were kept a microsecond later, because their time was taken."""
        return self._recent.moved

    @property
    def remembers(self) -> bool:
        """Whether the store remembers clocks that were set back."""
        return self._offsets.kept

    def load(
        self,
        records: Iterable[Record | Rejected | Comment],
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Store everything; returns when the last batch is stored.

        Args:
            records: What was read.
            progress: Called after each batch with the number of readings stored so far.
        """
        line, self._progress = 0, progress
        for record in records:
            if isinstance(record, Comment):
                self.comments += 1
                continue
            self.rows += record.line != line
            line = record.line
            if isinstance(record, Rejected):
                self._rejects.add(record)
            elif record.cells:
                self._take(record)
            else:
                self.without += 1
        for clock in self._clocks.values():
            for held, utc in clock.drain():
                self._queue(held, utc, clock.behind)
        self._write()

    def _take(self, record: Record) -> None:
        try:
            moment, local = self._times.read(record.time)
        except BadRow as error:
            self._rejects.add(Rejected(record.line, str(error), record.raw))
            return
        if not local:
            self._queue(record, moment, 0)
            return
        clock = self._clock(record)
        for ready, utc in clock.place(record, moment):
            self._queue(ready, utc, clock.behind)

    def _clock(self, record: Record) -> Clock:
        key = "" if self._one_clock else record.cells[0][0]
        clock = self._clocks.get(key)
        if clock is None:
            clock = self._clocks[key] = Clock(self._zone, self._recent.knows, self._stepped)
        return clock

    def _stepped(self, record: Record, behind: int) -> None:
        self.steps.append(Step(record.line, str(record.time), behind // HOUR))

    def _queue(self, record: Record, utc: int, behind: int) -> None:
        for name, value in record.cells:
            if type(value) is str and (reason := _refusal(value)):
                # Told here already: what is not stored must not take another reading's time.
                self._rejects.add(Rejected(record.line, reason, record.raw))
                continue
            repeated = self._recent.repeated
            at = self._recent.place(name, utc, value)
            if self._recent.repeated > repeated:
                self.stored += 1
                continue
            self.texts.add(name, value, record.line)
            if behind:
                self._offsets.note(name, at, behind)
            time = at // 1000 if at % 1000 == 0 else at / 1000
            if isinstance(value, OperationFailedError):
                value = OperationFailedError(value.reason, time)  # noqa: PLW2901 - now it has a time
            self._batch.append((name, time, value))
            self._records.append(record)
        self._span(utc)
        if len(self._batch) >= BATCH:
            self._write()

    def _span(self, utc: int) -> None:
        if self.first is None or self.last is None:
            self.first = self.last = utc
        elif utc > self.last:
            self.last = utc
        elif utc < self.first:
            self.first = utc

    def _write(self) -> None:
        self._offsets.save()
        kept = already_kept(self._database, self._batch)
        try:
            self._database.on_new_data_many(self._batch)
            self.stored += len(self._batch)
        except StoreError:
            raise
        except SmokError:
            self._write_singly()
        self.kept += kept
        self.pathpoints.update(name for name, _, _ in self._batch)
        self._batch, self._records = [], []
        self._progress(self.stored)

    def _write_singly(self) -> None:
        """Find the readings that the database refuses, and store the others of the batch."""
        for reading, record in zip(self._batch, self._records, strict=True):
            try:
                self._database.on_new_data(*reading)
                self.stored += 1
            except StoreError:
                raise
            except SmokError as error:
                self._rejects.add(Rejected(record.line, str(error), record.raw))
