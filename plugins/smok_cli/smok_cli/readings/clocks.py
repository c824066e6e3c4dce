"""Clocks that were set back: keep every reading of a file, in its order, when times repeat.

A logger that writes local time without a zone has one hour twice when its clock is set back. Read
naively the second pass would replace the first, because a pathpoint has one value per instant.
Two rules keep all readings, and give the same points when a file is read again:

* The times go back by an hour (the usual interval counted in) and go on from there, with other
  values: the clock was set back. If the time zone says so (``--timezone Europe/Warsaw`` in
  autumn), the second pass is simply the later of the two instants. If it does not, the readings
  from there on are kept one hour later than written, which keeps their order and their distance;
  that is remembered beside the pathpoints, so `smok export` writes the original times. A clock
  that is later set forward by an hour ends it.
* Any other repeat of a time with another value is kept one microsecond later.

A repeat with the same value is the same reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smok_cli.readings.times import to_utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo

    from smok_cli.readings.records import Record
    from smok_core.model import ValueOrExcept


HOUR: Final = 3_600_000_000
#: Rows that may be held back until it is clear whether a clock was set back.
_MAX_HELD: Final = 10_000


class Recent:
    """The readings of the last rows, at least ``size`` of them, in bounded memory."""

    def __init__(self, size: int = 65_536) -> None:
        self._size = size
        self._now: dict[tuple[str, int], ValueOrExcept] = {}
        self._before: dict[tuple[str, int], ValueOrExcept] = {}
        self.repeated = 0
        self.moved = 0

    def knows(self, record: Record, utc: int) -> bool:
        """Tell whether all of a record was read before, with these values."""
        return all(_same(self.find(name, utc), value) for name, value in record.cells)

    def find(self, name: str, utc: int) -> ValueOrExcept | None:
        """Return what was read at that time, or None."""
        key = (name, utc)
        found = self._now.get(key)
        return self._before.get(key) if found is None else found

    def place(self, name: str, utc: int, value: ValueOrExcept) -> int:
        """Remember a reading and give its time: a little later if the time is taken."""
        found = self.find(name, utc)
        while found is not None and not _same(found, value):
            utc += 1
            found = self.find(name, utc)
            self.moved += found is None
        if found is not None:
            self.repeated += 1
        self._now[name, utc] = value
        if len(self._now) >= self._size:
            self._before, self._now = self._now, {}
        return utc


def _same(one: ValueOrExcept | None, other: ValueOrExcept) -> bool:
    return type(one) is type(other) and one == other


class Clock:
    """Follows the times of one logger and gives the instants they stand for.

    Args:
        zone: The zone of its local times.
        knows: Tells whether a record was read before at an instant, with the same values.
        on_step: Called with the first record after the clock was set back or forward by an hour
            that the zone does not explain, and how far it is behind now.
    """

    def __init__(
        self,
        zone: tzinfo,
        knows: Callable[[Record, int], bool],
        on_step: Callable[[Record, int], None],
    ) -> None:
        self._zone, self._knows, self._on_step = zone, knows, on_step
        self._last: int | None = None
        self._interval, self._fold = 0, 0
        self._held: list[tuple[Record, int]] = []
        self._differs = False
        self.behind = 0  #: microseconds that the clock now goes behind the zone

    def place(self, record: Record, local: int) -> Iterator[tuple[Record, int]]:
        """Yield the records whose instants are clear now; a doubtful one waits for the next."""
        if self._held and self._continues(local):
            yield from self._hold(record, local)
            return
        if self._held:
            yield from self.drain()
        if self._went_back(local):
            yield from self._hold(record, local)
            return
        self._follow(record, local)
        yield record, self._utc(local)

    def drain(self) -> Iterator[tuple[Record, int]]:
        """Yield what is held back: the clock was not set back, these are late."""
        held, self._held, self._differs = self._held, [], False
        for record, local in held:
            yield record, self._utc(local)

    def _utc(self, local: int) -> int:
        return to_utc(local, self._zone, self._fold) + self.behind

    def _went_back(self, local: int) -> bool:
        """Tell whether the next reading is due, and its time is an hour less than expected."""
        if self._last is None or local >= self._last:
            return False
        missing = self._last + self._interval - local - HOUR
        return 2 * abs(missing) <= self._interval <= HOUR

    def _continues(self, local: int) -> bool:
        assert self._last is not None
        return self._held[-1][1] < local <= self._last and len(self._held) < _MAX_HELD

    def _hold(self, record: Record, local: int) -> Iterator[tuple[Record, int]]:
        """Hold a record back; when two go on from there, with values not known, all are clear."""
        self._differs |= self._ambiguous(local) or not self._knows(record, self._utc(local))
        self._held.append((record, local))
        if self._differs and len(self._held) > 1:
            self._set_back()
            yield from self.drain()

    def _set_back(self) -> None:
        record, local = self._held[0]
        if self._ambiguous(local):
            self._fold = 1
        else:
            self.behind += HOUR
            self._on_step(record, self.behind)
        self._last = self._held[-1][1]

    def _follow(self, record: Record, local: int) -> None:
        last = self._last
        if self._fold and not self._ambiguous(local):
            self._fold = 0
        if last is None or local > last:
            if last is not None:
                self._set_forward(record, local - last)
            self._last = local
        elif local == last and not self._fold and self._ambiguous(local):
            self._fold = 1

    def _set_forward(self, record: Record, step: int) -> None:
        """Notice that a clock behind the zone was set forward again, and the usual interval."""
        if self.behind and 2 * abs(step - self._interval - HOUR) <= self._interval <= HOUR:
            self.behind -= HOUR
            self._on_step(record, self.behind)
        else:
            self._interval = step

    def _ambiguous(self, local: int) -> bool:
        """Tell whether the zone has this local time twice."""
        return to_utc(local, self._zone, 0) < to_utc(local, self._zone, 1)
