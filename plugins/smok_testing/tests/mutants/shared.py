"""A right backend that processes share, and wrong ones: each forgets one thing about the others."""

from __future__ import annotations

import fcntl
import pickle
import time
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from smok_testing import Subject

from plugins.smok_testing.tests.mutants.base import ALL, Mutant, Options, ShelfEngine
from smok_core.engine.base import Blobs, Engine, Health, Limits, Series, Table, When
from smok_core.engine.codec import MsgpackCodec
from smok_core.errors import QueueFull, StoreClosed
from smok_core.hookspecs import BackendInfo, Capability, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smok_core.hookspecs import StoreContext

#: Long enough for another process to come in between.
A_MOMENT = 0.004


class Part:
    """One primitive: every call reads the file, works on it in memory, and writes it."""

    kind = ""

    def __init__(self, engine: SharedEngine, name: str) -> None:
        self.engine, self.name, self.limits = engine, name, Limits()

    @contextmanager
    def turn(self) -> Iterator[Any]:
        """Give the primitive in memory; nobody else has the file meanwhile."""
        with self.engine.turn() as inner:
            more = (self.limits,) if self.kind == "series" else ()
            yield getattr(inner, self.kind)(self.name, *more)

    def call(self, method: str, *given: Any, **named: Any) -> Any:
        with self.turn() as part:
            found = getattr(part, method)(*given, **named)
            return list(found) if hasattr(found, "__next__") else found


def shared(kind: str, primitive: type) -> type:
    """Make the class whose methods are all such calls."""

    def method(name: str) -> Any:
        def call(self: Part, *given: Any, **named: Any) -> Any:
            found = self.call(name, *given, **named)
            return iter(found) if name in {"rows", "range", "names"} else found

        return call

    methods = {name: method(name) for name in primitive.__abstractmethods__}
    methods |= {"get_many": method("get_many")} if kind == "table" else {}
    return type(f"Shared{primitive.__name__}", (Part, primitive), {"kind": kind, **methods})


SharedTable, SharedSeries, SharedBlobs = (
    shared(kind, primitive)
    for kind, primitive in (("table", Table), ("series", Series), ("blobs", Blobs))
)


class _Inside(ShelfEngine):
    """What is in the file."""

    def address(self) -> Any:
        return None


class SharedEngine(Engine):
    """A file, locked for each call."""

    table_kind, series_kind, blobs_kind = SharedTable, SharedSeries, SharedBlobs

    def __init__(self, context: StoreContext) -> None:
        self.context, self.codec, self._closed = context, MsgpackCodec(), False
        place = Path(context.options.place)
        self.file = place / f"{quote(context.device, safe='')}.state"
        self._parts: dict[Any, Any] = {}

    @contextmanager
    def turn(self) -> Iterator[ShelfEngine]:
        if self._closed:
            raise StoreClosed("shared", "it was closed")
        with self.file.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            inner = _Inside(self.context)
            if self.file.exists():
                inner.put_down(pickle.loads(self.file.read_bytes()))
            yield inner
            new = self.file.with_suffix(".new")
            new.write_bytes(pickle.dumps(inner.pick_up()))
            new.replace(self.file)

    def table(self, name: str) -> Table:
        return self._parts.setdefault(("t", name), self.table_kind(self, name))

    def series(self, name: str, limits: Limits = Limits()) -> Series:  # noqa: B008
        found = self._parts.setdefault(("s", name), self.series_kind(self, name))
        found.limits = limits
        return found

    def blobs(self, name: str) -> Blobs:
        return self._parts.setdefault(("b", name), self.blobs_kind(self, name))

    def health(self) -> Health:
        return Health(location="a file", durability=self.context.settings.durability)

    def close(self) -> None:
        self._closed = True


class SharedPlugin:
    """The backend of one engine."""

    def __init__(self, engine: type[SharedEngine]) -> None:
        self._engine = engine

    @hookimpl
    def smok_backend(self) -> BackendInfo:
        capabilities = {Capability.PERSISTENT, Capability.MULTI_PROCESS}
        return BackendInfo(summary="shared", options=Options, capabilities=frozenset(capabilities))

    @hookimpl
    def smok_open_engine(self, context: StoreContext) -> SharedEngine:
        return self._engine(context)


def _subject(plugin: str) -> Subject:
    return Subject(
        backend="mutant",
        options={"place": "{place}"},
        plugin=f"plugins.smok_testing.tests.mutants.shared:{plugin}",
    )


RIGHT_PLUGIN = SharedPlugin(SharedEngine)
RIGHT_SHARED = _subject("RIGHT_PLUGIN")


def wrong(kind: str, caught_by: str) -> Any:
    """Enter an engine with a wrong primitive."""

    def enter(part: type) -> type:
        engine = type(f"{part.__name__}Engine", (SharedEngine,), {f"{kind}_kind": part})
        name = f"{part.__name__}Plugin"
        globals()[name] = SharedPlugin(engine)
        ALL.append(Mutant(part.__name__, (part.__doc__ or "").strip(), caught_by, _subject(name)))
        return part

    return enter


# --- conditions ----------------------------------------------------------------------------------


@wrong("table", "table-TA2.one_process_is_first_with_a_key")
class LooksForTheKeyFirst(SharedTable):
    """ABSENT is a look, and then a write."""

    def put(self, key, value, *, when=When.ALWAYS, **more):
        if when is When.ABSENT:
            if self.get(key) is not None:
                return False
            time.sleep(A_MOMENT)
            when = When.ALWAYS
        return super().put(key, value, when=when, **more)


@wrong("table", "table-TA2.one_process_is_first_with_a_stamp")
class LooksForTheStampFirst(SharedTable):
    """NEWER is a look, and then a write."""

    def put(self, key, value, *, stamp=0.0, when=When.ALWAYS, **more):
        if when is When.NEWER:
            old = self.get(key)
            if old is not None and stamp <= old.stamp:
                return False
            time.sleep(A_MOMENT)
            when = When.ALWAYS
        return super().put(key, value, stamp=stamp, when=when, **more)


@wrong("table", "table-TA2.no_compare_and_set_of_two_processes_is_lost")
class SelectsThenUpserts(SharedTable):
    """Compare-and-set is a look, and then a write."""

    def put(self, key, value, *, expected_seq=None, **more):
        if expected_seq is not None:
            old = self.get(key)
            if old is None or old.seq != expected_seq:
                return False
            time.sleep(A_MOMENT)
        return super().put(key, value, **more)


@wrong("blobs", "blobs-BL2.one_process_is_first_with_a_version")
class LooksForTheVersionFirst(SharedBlobs):
    """The version is looked at, and then the blob is written."""

    def put(self, key, data, version):
        old = self.version(key)
        if old is not None and old >= version:
            return old
        time.sleep(A_MOMENT)
        with self.turn() as part:
            part._blobs[key] = (bytes(data), version)
        return None


# --- the queue -----------------------------------------------------------------------------------


@wrong("series", "series-SR4.the_last_value_of_every_process_is_handed_out")
class TakesSeqsWithoutALock(SharedSeries):
    """The next seq is read, and used a moment later."""

    def append(self, points):
        with self.turn() as part:
            seq = part._seq
        time.sleep(A_MOMENT)
        with self.turn() as part:
            part._seq = seq
            part.append(points)


@wrong("series", "series-SR3.a_reader_of_the_queue_skips_no_process")
class CommitsOutOfOrder(SharedSeries):
    """Seqs come from a counter of their own, as ``nextval`` gives them."""

    def append(self, points):
        with self.turn() as part:
            first, part._seq = part._seq, part._seq + len(points)
        time.sleep(A_MOMENT * len(points))
        with self.turn() as part:
            last, part._seq = part._seq, first
            part.append(points)
            part._seq = max(last, part._seq)
            part._queue = dict(sorted(part._queue.items()))


@wrong("table", "table-TA8.the_last_row_of_every_process_is_handed_out")
class AcknowledgesByKey(SharedTable):
    """Looks whether the seq is still the one, and then ends the wait of the key."""

    def acknowledge(self, acks):
        here = [ack for ack in acks if (row := self.get(ack.key)) and row.seq == ack.seq]
        time.sleep(A_MOMENT)
        with self.turn() as part:
            now = [ack._replace(seq=part.get(ack.key).seq) for ack in here]
            return part.acknowledge(now)


# --- whole or not at all -------------------------------------------------------------------------


@wrong("series", "engine-G1.no_process_sees_half_a_write")
class AppendsOneByOne(SharedSeries):
    """A batch is as many writes as it has points."""

    def append(self, points):
        for point in points:
            super().append([point])


@wrong("table", "engine-G1.no_process_sees_half_a_write")
class DeletesThenInserts(SharedTable):
    """A replacement is a deletion, and then the new rows."""

    def replace(self, rows):
        super().replace({})
        time.sleep(5 * A_MOMENT)
        super().replace(rows)


@wrong("series", "series-SR1.a_process_sees_the_latest_of_another")
class RemembersTheLatest(SharedSeries):
    """The latest point of a name is remembered by each process."""

    def latest(self, name):
        known = vars(self).setdefault("_latest", {})
        if name not in known:
            known[name] = super().latest(name)
        return known[name]

    def append(self, points):
        super().append(points)
        for name, ts, value in points:
            vars(self).setdefault("_latest", {})[name] = (ts, value)


@wrong("table", "engine-G10.two_processes_begin_at_once")
class SelectsThenInsertsTheTable(SharedTable):
    """Whether the table is there is looked up before it is made."""

    def put(self, key, value, **more):
        if not vars(self).get("_made"):
            with self.engine.turn() as inner:
                there = self.name in inner._tables
            # The second process, whose key is 1, makes it when the first one has written.
            time.sleep((12 + 12 * int(key)) * A_MOMENT)
            with self.engine.turn() as inner:
                if not there:
                    inner._tables.pop(self.name, None)
            self._made = True
        return super().put(key, value, **more)


# --- locks ---------------------------------------------------------------------------------------


@contextmanager
def _locked(part: Part, key: str) -> Iterator[None]:
    with (part.engine.file.parent / f"{key}.rowlock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@wrong("table", "engine-G10.opposite_orders_end")
class LocksInTheOrderGiven(SharedTable):
    """Rows are locked as they come, so two processes wait for each other for ever."""

    def acknowledge(self, acks):
        return self._from(list(acks), list(acks))

    def _from(self, left, acks):
        if not left:
            return super().acknowledge(acks)
        with _locked(self, left[0].key):
            time.sleep(A_MOMENT)
            return self._from(left[1:], acks)


class _Transactions:
    """One of the store, held from a call on until something was written or all is closed."""

    def in_transaction(self, work, refused):
        engine = self.engine
        if not vars(engine).get("_transaction"):
            lock = (engine.file.parent / "transaction.rowlock").open("a")
            fcntl.flock(lock, fcntl.LOCK_EX)
            weakref.finalize(engine, lock.close)
            engine._transaction = lock
        try:
            done = work()
        except QueueFull:
            self._end(not refused(None))
            raise
        self._end(not refused(done))
        return done

    def _end(self, ends):
        if ends:
            self.engine._transaction.close()
            self.engine._transaction = None


@wrong("table", "engine-G10.a_refused_call_holds_nothing")
class RefusedInATransaction(_Transactions, SharedTable):
    """What was refused leaves the transaction open, until the next call that writes."""

    def put(self, key, value, **more):
        put = super().put
        return self.in_transaction(lambda: put(key, value, **more), lambda done: done is False)


@wrong("series", "engine-G10.a_refused_call_holds_nothing")
class FullInATransaction(_Transactions, SharedSeries):
    """What a full queue refuses leaves the transaction open."""

    def append(self, points):
        append, full = super().append, [True]

        def work():
            append(points)
            full.clear()

        return self.in_transaction(work, lambda _: full)


@wrong("series", "engine-G1.no_process_sees_half_a_write")
class AcknowledgesOneByOne(SharedSeries):
    """Ends the wait of each point in a transaction of its own."""

    def acknowledge(self, seqs):
        return sum(super(AcknowledgesOneByOne, self).acknowledge([seq]) for seq in seqs)
