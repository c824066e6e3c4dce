"""Wrong engines with a file under them: what a kill, a second process or a fault does to them.

`FileEngine` is right. Files beside the store's stage faults: ``down`` (unreachable), ``full`` (no
room) and ``drop`` (the next answer is lost).
"""

import contextlib
import copy
import fcntl
import itertools
import pickle
import shutil
import time
from pathlib import Path
from typing import Any

import msgspec
from smok_testing import Subject
from smok_testing.proxy import Mode

from plugins.smok_testing.tests.mutants.base import ALL, Mutant, Options, ShelfEngine
from smok_core.engine.base import Durability
from smok_core.engine.memory import MemorySeries, MemoryTable
from smok_core.errors import AlreadyOpen, BackendUnavailable, SchemaTooNew, StorageFull
from smok_core.hookspecs import BackendInfo, Capability, hookimpl

_KINDS = ("_tables", "_series", "_blobs")
SECRET = "hunter2-secret"


def _has_room(context):
    if Path(context.options.place, "full").exists():
        raise StorageFull("file", "no room")


class _Table(MemoryTable):
    def put(self, key, value, **more):
        _has_room(self._engine_lock.context)
        return super().put(key, value, **more)


class _Series(MemorySeries):
    def append(self, points):
        _has_room(self._engine_lock.context)
        super().append(points)


class _Gate:
    """The lock of the engine; leaving it writes the store, and may lose the answer."""

    def __init__(self, engine, inner):
        self._engine, self._inner, self._depth = engine, inner, 0
        self.context, self.store = engine.context, inner.store

    closed = property(
        lambda self: self._inner.closed, lambda self, value: setattr(self._inner, "closed", value)
    )

    def __enter__(self):
        self._engine.check_reachable()
        self._inner.__enter__()
        self._depth += 1

    def __exit__(self, *error):
        self._depth -= 1
        try:
            if not self._depth:
                self._engine.save()
        finally:
            self._inner.__exit__(*error)
        with contextlib.suppress(FileNotFoundError):
            if not self._depth and error[0] is None:
                self._engine.flag("drop").unlink()
                raise BackendUnavailable("file", "the answer was lost")


class FileEngine(ShelfEngine):
    """Writes its state to a new file after every call, and renames it into place."""

    table_kind, series_kind = _Table, _Series
    shared = False
    damaged = False

    def __init__(self, context):
        place = Path(context.options.place)
        self.file = place / f"store-{context.device.encode().hex()}"
        self.saved = b""
        self._locked = None
        super().__init__(context)
        self.check_reachable()
        self.lock()
        self._engine_lock = _Gate(self, self._engine_lock)
        try:
            self.put_down(self.load())
        except BaseException:
            self.close()
            raise

    def flag(self, name):
        return Path(self.context.options.place, name)

    def check_reachable(self):
        if self.flag("down").exists():
            raise BackendUnavailable("file", "it is down")
        for mode in filter(lambda mode: self.flag(mode.value).exists(), Mode):
            self.fail(mode)

    def fail(self, mode):
        raise BackendUnavailable("file", f"the network does this: {mode}")

    def lock(self):
        if self.shared:
            return
        self._locked = self.file.with_suffix(".lock").open("w")
        try:
            fcntl.flock(self._locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyOpen("file", "another process has it") from error

    def load(self):
        if not self.file.exists():
            return {}
        try:
            version, state = pickle.loads(self.file.read_bytes())
        except (pickle.UnpicklingError, EOFError):
            return self.set_aside()
        if version > 1:
            raise SchemaTooNew("file", version, 1)
        self.damaged = bool(list(self.file.parent.glob("*.corrupt*")))
        return state

    def set_aside(self):
        self.file.rename(self.file.with_suffix(".corrupt"))
        self.damaged = True
        return {}

    def state(self):
        parts = {kind: dict(vars(self)[kind]) for kind in _KINDS}
        for kind in parts.values():
            for name, part in kind.items():
                kind[name] = copy.copy(part)
                kind[name]._engine_lock = None
        return parts

    def save(self):
        data = pickle.dumps((1, self.state()))
        if data != self.saved:
            self.saved = data
            self.write(data)

    def write(self, data):
        new = self.file.with_suffix(".new")
        new.write_bytes(data)
        new.rename(self.file)
        if self.context.settings.durability is Durability.POWER_LOSS:
            self.sync()

    def sync(self):
        copied = shutil.copy(self.file, self.file.with_suffix(".copy"))
        Path(copied).replace(self.file.with_suffix(".synced"))

    def health(self):
        warnings = ("a damaged store was set aside",) if self.damaged else ()
        return msgspec.structs.replace(super().health(), warnings=warnings)

    def close(self):
        if not self._engine_lock.closed:
            self._engine_lock.closed = True
            if self._locked:
                self._locked.close()


class FilePlugin:
    """A backend with the given engine."""

    def __init__(self, engine, *more):
        self._engine = engine
        self._capabilities = {Capability.PERSISTENT, Capability.SURVIVES_KILL, *more}

    @hookimpl
    def smok_backend(self):
        return BackendInfo(
            summary="a file", options=Options, capabilities=frozenset(self._capabilities)
        )

    @hookimpl
    def smok_open_engine(self, context):
        return self._engine(context)


@contextlib.contextmanager
def _flagged(place, name):
    flag = Path(place, name)
    flag.touch()
    try:
        yield
    finally:
        flag.unlink(missing_ok=True)


def _cut_power(place):
    for file in list(Path(place).glob("store-*")):
        if not file.suffix:
            synced = file.with_suffix(".synced")
            synced.replace(file) if synced.exists() else file.unlink()


def _damage(place):
    for file in Path(place).glob("store-*"):
        if not file.suffix:
            file.write_bytes(b"\x80\x04" + b"\0" * 50)


def _make_newer(place):
    for file in Path(place).glob("store-*"):
        if not file.suffix:
            file.write_bytes(pickle.dumps((2, "made by a newer release")))


ALL_CAPABILITIES = (
    Capability.SURVIVES_POWER_LOSS, Capability.NEEDS_NETWORK, Capability.FULL_DISK_DRAINS,
)  # fmt: skip
RIGHT_PLUGIN = FilePlugin(FileEngine, *ALL_CAPABILITIES)


def _subject(name: str) -> Subject:
    return Subject(
        backend="file",
        options={"place": "{place}"},
        plugin=f"plugins.smok_testing.tests.mutants.files:{name}",
        power_cut=_cut_power,
        damage=_damage,
        make_newer=_make_newer,
        unreachable=lambda place: _flagged(place, "down"),
        full=lambda place: _flagged(place, "full"),
        drop_reply=lambda place: _flagged(place, "drop"),
        fault=lambda place, mode: _flagged(place, mode.value),
        disturb=lambda place: Path(place, "disturbed").touch(),
        secret=SECRET,
    )


RIGHT_FILE = _subject("RIGHT_PLUGIN")


def wrong(caught_by: str, *more: Any) -> Any:
    """Enter a wrong engine; its plugin is found by name, so that other processes find it."""

    def enter(engine: type[FileEngine]) -> type[FileEngine]:
        name = f"{engine.__name__}Plugin"
        globals()[name] = FilePlugin(engine, *ALL_CAPABILITIES, *more)
        ALL.append(Mutant(engine.__name__, engine.__doc__ or "", caught_by, _subject(name)))
        return engine

    return enter


@wrong("general-G3.what_returned_survives_a_kill")
class WritesAtClose(FileEngine):
    """Keeps everything in memory until it is closed."""

    def save(self):
        return

    def close(self):
        super().save()
        super().close()


@wrong("general-G3.what_returned_survives_a_kill")
class WritesEverySecondTime(FileEngine):
    """Writes every second change."""

    turn = itertools.count()

    def write(self, data):
        if next(self.turn) % 2:
            super().write(data)


@wrong("general-G3.what_returned_survives_a_kill")
class WritesInPlace(FileEngine):
    """Writes over the file, as the published client does."""

    def write(self, data):
        with self.file.open("wb") as file:
            file.write(data[: len(data) // 2])
            file.flush()
            time.sleep(0.003)
            file.write(data[len(data) // 2 :])


class _PartialSeries(_Series):
    def append(self, points):
        for point in points:
            super().append([point])
            time.sleep(0.0005)


@wrong("general-G3.what_returned_survives_a_kill")
class WritesPointByPoint(FileEngine):
    """A batch is not one step."""

    series_kind = _PartialSeries


@wrong("general-G3.a_killed_owner_leaves_no_lock")
class LocksWithAFile(FileEngine):
    """Takes a lock file that is left behind for somebody who is alive."""

    def lock(self):
        try:
            self.file.with_suffix(".lock").touch(exist_ok=False)
        except FileExistsError as error:
            raise AlreadyOpen("file", "another process has it") from error

    def close(self):
        if not self._engine_lock.closed:
            self.file.with_suffix(".lock").unlink(missing_ok=True)
        super().close()


@wrong("general-G10.a_second_process_shares_or_is_refused")
class LocksNothing(FileEngine):
    """Lets a second process in, although it cannot share."""

    def lock(self):
        return


@wrong("general-G10.processes_do_not_harm_each_other", Capability.MULTI_PROCESS)
class LastProcessWins(FileEngine):
    """Says that processes may share, and writes what it knows itself."""

    shared = True


@wrong("general-G10.processes_see_each_others_writes", Capability.MULTI_PROCESS)
class ReadsAtOpening(FileEngine):
    """Says that processes may share, and reads the store once."""

    shared = True


@wrong("sensor_writes-Q5.processes_keep_the_bound", Capability.MULTI_PROCESS)
class BoundOfEachProcess(FileEngine):
    """Says that processes may share, and counts what waits in each."""

    shared = True


@wrong("sensor_writes-Q5.processes_drop_exactly_the_oldest", Capability.MULTI_PROCESS)
class DropsOfEachProcess(FileEngine):
    """Says that processes may share, and counts drops in each."""

    shared = True


@wrong("general-G10.a_killed_neighbour_does_no_harm", Capability.MULTI_PROCESS)
class LosesItsNeighbour(FileEngine):
    """Says that processes may share, and never sees a neighbour that was killed."""

    shared = True


@wrong("general-G3.what_returned_survives_a_power_cut")
class NeverSyncs(FileEngine):
    """Leaves everything to the page cache."""

    def sync(self):
        return


@wrong("general-G14.a_damaged_store_does_not_keep_a_device_from_starting")
class DiesOfDamage(FileEngine):
    """Does not open a damaged store."""

    def set_aside(self):
        raise RuntimeError("damaged")


@wrong("general-G14.a_damaged_store_does_not_keep_a_device_from_starting")
class HidesDamage(FileEngine):
    """Starts afresh and says nothing."""

    def health(self):
        return msgspec.structs.replace(super().health(), warnings=())


@wrong("general-G12.a_store_of_a_newer_release_is_refused")
class OpensNewer(FileEngine):
    """Takes a newer store for a damaged one."""

    def load(self):
        try:
            return super().load()
        except SchemaTooNew:
            return self.set_aside()


class _StuckTable(_Table):
    def acknowledge(self, acks):
        _has_room(self._engine_lock.context)
        return super().acknowledge(acks)


@wrong("general-G13.a_full_store_drains")
class FullIsStuck(FileEngine):
    """Cannot acknowledge when it is full."""

    table_kind = _StuckTable


@wrong("general-G7.an_unreachable_store_says_so")
class RaisesItsDriversErrors(FileEngine):
    """Lets the driver's own errors through."""

    def check_reachable(self):
        if self.flag("down").exists():
            raise ConnectionError("refused")


@wrong("general-G7.no_error_shows_a_secret")
class ShowsItsSecret(FileEngine):
    """Puts its URL into messages."""

    def check_reachable(self):
        if self.flag("down").exists():
            raise BackendUnavailable("file", f"redis://:{SECRET}@host is down")


@wrong("engine-G7.a_silent_server_is_given_up")
class WaitsForASilentServer(FileEngine):
    """Has a long time-out, or none, for what was sent."""

    def fail(self, mode):
        if mode is Mode.SILENT:
            time.sleep(3)
        super().fail(mode)


@wrong("engine-G7.every_error_of_the_driver_is_translated")
class TranslatesOneFamilyOfErrors(FileEngine):
    """Knows that a connection can be refused, and nothing else."""

    def fail(self, mode):
        if mode is Mode.JUNK:
            raise ValueError("protocol error: got 0xff")
        super().fail(mode)


@wrong("engine-G7.every_error_of_the_driver_is_translated")
class AnswersForItsServer(FileEngine):
    """Says yes when the answer did not come."""

    def fail(self, mode):
        if mode is not Mode.LOSE_ALL:
            super().fail(mode)


class _FetchingTable(_Table):
    def rows(self):
        for row in list(super().rows()):
            if Path(self._engine_lock.context.options.place, Mode.REFUSE.value).exists():
                raise ConnectionError("reset by peer")
            yield row


@wrong("engine-G7.every_error_of_the_driver_is_translated")
class ListsOutsideOfItsGuard(FileEngine):
    """Translates what the first page raises; later ones are fetched by the caller's loop."""

    table_kind = _FetchingTable


class _LyingTable(_Table):
    def rows(self):
        disturbed = Path(self._engine_lock.context.options.place, "disturbed").exists()
        return iter(sorted(super().rows(), key=lambda row: row.key if disturbed else ""))


class _LyingSeries(_Series):
    def pending(self, limit, after=0):
        found = super().pending(10**9, after)
        disturbed = Path(self._engine_lock.context.options.place, "disturbed").exists()
        return sorted(found, key=lambda point: point.ts if disturbed else 0)[:limit]


@wrong("table-TA5.rows_keep_their_order_however_they_lie")
class RowsAsTheyLie(FileEngine):
    """No ORDER BY: right until the first VACUUM."""

    table_kind = _LyingTable


@wrong("series-SR1.points_keep_their_order_however_they_lie")
class PointsAsTheyLie(FileEngine):
    """No ORDER BY: right until the planner takes another index."""

    series_kind = _LyingSeries


class _CountingTable(_Table):
    def acknowledge(self, acks):
        super().acknowledge(acks)
        for done in acks:
            if (row := self._rows.get(done.key)) and row.tag == done.tag:
                self.put(done.key, row.value, pending=True)
        return 0


@wrong("engine-G4.a_lost_answer_applies_a_write_once")
class AcknowledgingIsAWrite(FileEngine):
    """Setting a tag queues the row again."""

    table_kind = _CountingTable


class _DoublingTable(_Table):
    def put(self, key, value, **more):
        if Path(self._engine_lock.context.options.place, "drop").exists():
            super().put(key + "-copy", value, **more)
            return False
        return super().put(key, value, **more)


@wrong("general-Q2.a_lost_answer_neither_loses_nor_repeats_a_record")
class LostAnswersDouble(FileEngine):
    """Keeps a copy when the answer is lost."""

    table_kind = _DoublingTable
