"""The three storage primitives and the engine that hands them out: what a backend has to supply.

A backend implements `Table`, `Series`, `Blobs` and `Engine`; it then keeps all nine roles, whose
meaning is written once on top of these (``smok_core/roles``). Everything here is bytes, numbers
and order; no role is mentioned.

Rules for every method of every primitive:

* It may be called from any thread (contract G1); two processes may call at the same time (G10).
* It is atomic and harmless when it is sent twice (G4): client libraries resend a command whose
  answer got lost. It is one round trip wherever the server can do it in one.
* It has happened durably when it returns, as strong as the store's ``durability`` says (G3).
* It raises `SmokError`s only, never a driver's own class (G7): the `StoreError` family, and
  `InvalidKey` or `InvalidValue` for what this very server cannot take.
* Keys and names are str of 1..`MAX_ENGINE_KEY` UTF-8 bytes, compared byte for byte, already
  checked by the role. A key is data: it must not reach another table, device, file or command.
"""

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Self

import msgspec

from smok_core.engine.codec import Codec

#: Longest key an engine must take, in UTF-8 bytes: a role's key (512) with a fixed prefix.
MAX_ENGINE_KEY = 1024


class Durability(enum.StrEnum):
    """What survives what, once a call has returned (contract G3)."""

    POWER_LOSS = "power-loss"  #: the change survives a power cut
    CRASH = "crash"  #: survives kill -9; a power cut may cost at most the last second
    BUFFERED = "buffered"  #: at most ``flush_ms`` of pathpoint values die with the process


class When(enum.Enum):
    """The condition under which `Table.put` writes."""

    ALWAYS = "always"
    ABSENT = "absent"  #: only if there is no row under the key
    NEWER = "newer"  #: only if there is no row, or its stamp is strictly less


class OnFull(enum.StrEnum):
    """What to do when the upload queue has reached ``max_pending`` (contract Q5)."""

    REFUSE = "refuse"
    DROP_OLDEST = "drop-oldest"


class Limits(msgspec.Struct, frozen=True):
    """The bound of an upload queue. What is dropped is counted for good.

    Each write keeps the bound of the engine that does it: where two engines of one store have
    different ones, the one with the lower bound refuses or drops first.

    Raises ValueError: ``max_pending`` is not a whole number of at least 1, or None for no bound.
    """

    max_pending: int | None = None
    on_full: OnFull = OnFull.REFUSE

    def __post_init__(self) -> None:
        most = self.max_pending
        if most is not None and (type(most) is not int or most < 1):
            raise ValueError(f"max_pending is {most!r}: give a whole number from 1 on, or None")


class Row(NamedTuple):
    """A row of a `Table`."""

    key: str
    value: bytes
    stamp: float  #: the caller's own number, compared by `When.NEWER`; 0.0 unless given
    seq: int  #: place in the table's order of changes; every write gives the row a higher one
    pending: bool  #: waits to be handed over
    tag: str | None  #: what the other side calls the row; only `Table.acknowledge` changes it


class Ack(NamedTuple):
    """What became of a row that was handed out with this ``seq``."""

    key: str
    seq: int
    tag: str | None = None  #: set on the row in any case, if not None
    remove: bool = False  #: remove the row instead of only ending its wait


class PendingPoint(NamedTuple):
    """A point of a `Series` that waits in its queue."""

    seq: int  #: unique in the series, higher for what was pending later
    name: str
    ts: int  #: microseconds since the epoch
    value: bytes


class TableStats(msgspec.Struct, frozen=True):
    """Counts of a table. ``dropped`` counts for the lifetime of the store."""

    rows: int = 0
    pending: int = 0
    dropped: int = 0  #: rows whose wait `Table.put` ended to make room


class SeriesStats(msgspec.Struct, frozen=True):
    """Counts of a series. ``dropped`` counts for the lifetime of the store."""

    names: int = 0
    points: int = 0
    pending: int = 0
    dropped: int = 0
    oldest_pending: int | None = None  #: timestamp (µs since the epoch) of the head of the queue


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine can tell about itself; `smok check` and `smok status` print it.

    ``location`` and ``notes`` carry no secret. ``warnings`` are shown until somebody acts.
    """

    location: str
    durability: Durability
    available: bool = True  #: False: it could not be looked at, and a warning says why
    schema: int | None = None
    size_bytes: int | None = None
    free_bytes: int | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Table(ABC):
    """Keyed rows with a queue of those that wait to be handed over."""

    @abstractmethod
    def get(self, key: str) -> Row | None:
        """Return the row under ``key``, or None."""

    @abstractmethod
    def get_many(self, keys: Iterable[str]) -> dict[str, Row]:
        """Return the rows that exist among ``keys``."""

    @abstractmethod
    def put(
        self,
        key: str,
        value: bytes,
        *,
        stamp: float = 0.0,
        pending: bool = False,
        when: When = When.ALWAYS,
        expected_seq: int | None = None,
        max_pending: int | None = None,
        drop: Sequence[Ack] = (),
    ) -> bool:
        """Write a row, give it the next seq, keep its tag.

        With ``max_pending`` a row that begins to wait needs room: conditions, count, dropping and
        writing are one step, so that any number of threads and processes keep the bound. A row
        that waits already needs no room, nor does one that is not going to wait.

        Args:
            key: The row's key.
            value: Opaque bytes.
            stamp: Compared by `When.NEWER`.
            pending: Whether the row now waits to be handed over; False also ends a wait.
            when: The condition under which anything is written.
            expected_seq: Write only if the row exists and still has this seq (compare and set);
                in addition to ``when``.
            max_pending: At most so many rows may wait after this write; None is no bound.
            drop: What may be acknowledged to make room, in this order and no more than needed; no
                key twice. Only a row that still waits with this seq makes room. What ends its wait
                so counts as ``dropped``, in the same step.

        Returns:
            Whether it was written. A resent call may answer False although it was: a caller
            that cares reads the row again. What it dropped is counted once.

        Raises:
            QueueFull: There is no room and ``drop`` does not make enough; nothing has changed.
        """

    @abstractmethod
    def delete(self, key: str, *, expected_seq: int | None = None) -> bool:
        """Remove a row, if ``expected_seq`` is given only with that seq; tell if one went."""

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """Stream a snapshot of all rows in the order of their seq; writers do not disturb it."""

    @abstractmethod
    def replace(self, rows: Mapping[str, bytes]) -> None:
        """Make the table hold exactly these rows, all at once: stamp 0, not pending, no tag.

        A reader sees the old set or the new set, also after a crash in the middle.
        """

    @abstractmethod
    def pending(self, limit: int, after: int = 0) -> list[Row]:
        """Return at most ``limit`` rows that wait and have a seq above ``after``, lowest first.

        Seqs are positive.
        """

    @abstractmethod
    def acknowledge(self, acks: Sequence[Ack]) -> int:
        """End the wait of rows, all in one atomic step.

        A row stops being pending (or is removed) only if its seq is still the one that was
        handed out; the tag is set in any case, and does not change the seq. Unknown keys are
        ignored. It must work on a full disk or server (contract G13).
        Return how many rows stopped being pending or were removed.
        """

    @abstractmethod
    def stats(self) -> TableStats:
        """Count the rows."""


class Series(ABC):
    """Time series by name, with a queue of the points not handed over yet.

    Timestamps are microseconds since the epoch (int, 64 bit, negative allowed).
    """

    @abstractmethod
    def append(self, points: Sequence[tuple[str, int, bytes]]) -> None:
        """Store ``(name, ts, value)`` points and queue them, in their order, as one atomic write.

        A point that is stored already with an equal value changes nothing; with another value it
        is replaced and takes a new place at the queue's end. Of repeats of one ``(name, ts)``
        within ``points`` only the last counts, at its own place. Late points are stored in place.

        Raises:
            QueueFull: ``max_pending`` is reached and ``on_full`` is ``refuse``; nothing is stored.
            StorageFull: There is no room; nothing is stored.
        """

    def append_promised(self, points: Sequence[tuple[str, int, bytes]]) -> bool:  # noqa: ARG002 - for those that can
        """Store points for which `append` had no room; their writer was told that they are stored.

        A backend does it whatever ``limits`` say, and on a full disk if it keeps room back for it.
        Return whether they are stored. If not, `append` is tried with them again, later.
        """
        return False

    @abstractmethod
    def latest(self, name: str) -> tuple[int, bytes] | None:
        """Return timestamp and value of the point with the greatest timestamp, or None."""

    @abstractmethod
    def range(self, name: str, start: int | None, stop: int | None) -> Iterator[tuple[int, bytes]]:
        """Stream ``(ts, value)`` ascending, both ends inclusive, None is open.

        Memory does not grow with the range. A point that is there from start to end is given
        exactly once, whatever writers do meanwhile.
        """

    @abstractmethod
    def pending(self, limit: int, after: int = 0) -> list[PendingPoint]:
        """Return at most ``limit`` pending points with a seq above ``after``, lowest first.

        Seqs are positive.
        """

    @abstractmethod
    def acknowledge(self, seqs: Iterable[int]) -> int:
        """Take exactly these seqs out of the queue; the points stay stored.

        Unknown seqs are ignored. It must work on a full disk or server (contract G13).
        Return how many were pending until now.
        """

    @abstractmethod
    def requeue(self, points: Sequence[tuple[str, int]]) -> int:
        """Queue stored ``(name, ts)`` points again, at the end and in their order, atomically.

        Points that are pending already or not stored are ignored; ``limits`` do not apply.
        Return how many became pending.
        """

    @abstractmethod
    def trim(self, before: int) -> int:
        """Forget the points with ``ts < before`` that are not pending and not their name's latest.

        Return how many were forgotten.
        """

    @abstractmethod
    def names(self) -> Iterator[str]:
        """Stream the names that have a point, in no particular order."""

    @abstractmethod
    def stats(self) -> SeriesStats:
        """Count the points."""


class Blobs(ABC):
    """Versioned bytes: value and version always change together (contract BA2)."""

    @abstractmethod
    def put(self, key: str, data: bytes, version: int) -> int | None:
        """Store ``data`` if ``version`` is higher than the stored one, or nothing is stored.

        Return None if it was stored, otherwise the version that stood in the way.
        """

    @abstractmethod
    def get(self, key: str) -> tuple[bytes, int] | None:
        """Return data and version that belong together, or None."""

    @abstractmethod
    def version(self, key: str) -> int | None:
        """Return the version without the data, or None."""

    @abstractmethod
    def versions(self) -> dict[str, int]:
        """Return the version of every key, in one round trip."""

    @abstractmethod
    def delete(self, key: str) -> bool:
        """Remove; tell whether there was anything."""


class Engine(ABC):
    """The open handle of one store; every primitive of it shares one connection.

    Two calls with one name give the same data. Names are fixed words of the roles (ASCII letters,
    ``_`` and ``.``), never user input. `table`, `series` and `blobs` cost no round trip.
    """

    #: How values become bytes; a backend may bring its own (see `smok_core.engine.codec`).
    codec: Codec

    @abstractmethod
    def table(self, name: str) -> Table:
        """Return the table of this name; it is empty until something is put."""

    @abstractmethod
    def series(self, name: str, limits: Limits = Limits()) -> Series:  # noqa: B008 - frozen
        """Return the series of this name, its queue bounded by ``limits``."""

    @abstractmethod
    def blobs(self, name: str) -> Blobs:
        """Return the blobs of this name."""

    @abstractmethod
    def health(self) -> Health:
        """Look at the store now and tell how it is; raises what opening would raise."""

    def others(self) -> Mapping[str, int]:
        """Return how many records of other devices are pending here, by the devices' ids.

        Only a store that one device has to itself looks: on a server others are nothing unusual.
        """
        return {}

    def verify(self, progress: Callable[[int, int], None] | None = None) -> list[str] | None:  # noqa: ARG002 - for those that read
        """Read all that is stored, of every device, and return what is damaged, a line each.

        ``progress`` is called with how many records were read, of how many. A backend whose
        server looks after damage itself returns None.
        """
        return None

    def flush(self) -> None:
        """Return when everything that was written survives what ``durability`` promises."""

    def checkpoint(self) -> None:
        """Do the store's own housekeeping; called about once a minute."""

    @abstractmethod
    def close(self) -> None:
        """Flush and let go; later calls raise `StoreClosed`. Closing twice is harmless."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
