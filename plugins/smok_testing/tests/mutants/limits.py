"""Wrong bounds of a table's queue, and roles that do not ask for one."""

import time

from plugins.smok_testing.tests.mutants.base import role, table
from smok_core.engine.base import Ack
from smok_core.engine.memory import MemoryTable
from smok_core.errors import QueueFull
from smok_core.roles.events import EventDatabase
from smok_core.roles.macros import MacroDatabase
from smok_core.roles.metadata import MetadataDatabase
from smok_core.roles.outbox import TableOutbox
from smok_core.roles.pathpoints import PathpointDatabase
from smok_core.roles.sensor_writes import SensorWriteDatabase


@table("TA10.threads_keep_the_bound")
class LookThenWrite(MemoryTable):
    """Counts what waits, and writes a moment later."""

    def put(self, key, value, *, max_pending=None, drop=(), **more):
        if max_pending is not None and self.stats().pending >= max_pending:
            raise QueueFull("kit", "full")
        time.sleep(0.0005)
        return super().put(key, value, **more)


@table("TA10.a_full_queue_takes_no_more")
class NoBound(MemoryTable):
    """Ignores the bound."""

    def put(self, key, value, *, max_pending=None, drop=(), **more):
        return super().put(key, value, **more)


@table("TA10.a_full_queue_takes_no_more")
class OneTooMany(MemoryTable):
    """Lets one more in than is allowed."""

    def _make_room(self, max_pending, drop):
        super()._make_room(max_pending and max_pending + 1, drop)


@table("sensor_writes-Q5.a_repeated_record_drops_nothing")
@table("TA10.what_waits_already_needs_no_room")
class RoomForEveryWrite(MemoryTable):
    """Wants room also for a row that waits already."""

    def put(self, key, value, *, max_pending=None, drop=(), **more):
        with self._engine_lock:
            self._make_room(max_pending, drop)
            return super().put(key, value, **more)


@table("TA10.a_write_that_fails_drops_nothing")
class DropsFirst(MemoryTable):
    """Makes room before it knows whether it may write."""

    def put(self, key, value, *, pending=False, max_pending=None, drop=(), **more):
        with self._engine_lock:
            if pending and not (self.get(key) and self.get(key).pending):
                self._make_room(max_pending, drop)
            return super().put(key, value, pending=pending, **more)


@table("TA10.a_write_that_fails_drops_nothing")
class DropsInVain(MemoryTable):
    """Drops what it can and then says that it was not enough."""

    def _make_room(self, max_pending, drop):
        try:
            super()._make_room(max_pending, drop)
        except QueueFull:
            self.acknowledge(drop)
            raise


@table("TA10.no_more_is_dropped_than_needed")
class DropsAllThatIsNamed(MemoryTable):
    """Acknowledges everything that may go."""

    def _make_room(self, max_pending, drop):
        super()._make_room(max_pending, drop)
        self.acknowledge(drop)


@table("TA10.no_more_is_dropped_than_needed")
class DropsTheNewest(MemoryTable):
    """Begins at the wrong end."""

    def _make_room(self, max_pending, drop):
        super()._make_room(max_pending, drop[::-1])


@table("TA10.only_what_waits_unchanged_makes_room")
class DropsWhatChanged(MemoryTable):
    """Ignores the seq of what may go."""

    def _make_room(self, max_pending, drop):
        rows = [self._rows[done.key] for done in drop if done.key in self._rows]
        super()._make_room(max_pending, [Ack(r.key, r.seq, remove=True) for r in rows])


@table("TA10.what_is_dropped_may_stay")
class DroppedIsRemoved(MemoryTable):
    """Removes whatever it drops."""

    def _make_room(self, max_pending, drop):
        super()._make_room(max_pending, [done._replace(remove=True) for done in drop])


@table("TA10.the_count_of_drops_survives_a_restart")
class ForgetsItsDrops(MemoryTable):
    """Counts drops in the handle."""

    def __deepcopy__(self, memo):
        fresh = type(self)(None)
        fresh._rows, fresh._seq = dict(self._rows), self._seq
        return fresh


class _LookThenPut(TableOutbox):
    def put(self, key, value, **conditions):
        if self._table.stats().pending >= self._most:
            self._table.acknowledge(self._oldest()[:1])
        time.sleep(0.0005)
        return self._table.put(key, value, pending=True, **conditions)


@role("sensor_writes", "Q5.threads_drop_exactly_the_oldest")
class DropsThenAdds(SensorWriteDatabase):
    """Makes room, and adds a moment later."""

    def __init__(self, context, engine):
        super().__init__(context, engine)
        self.outbox.__class__ = _LookThenPut  # made as the role makes it


def _unbounded(base):
    """Give a role that asks for no bound, as three roles once did."""

    class Unbounded(base):
        def __init__(self, context, engine):
            super().__init__(context, engine)
            getattr(self, "definitions_outbox", self.outbox)._most = None

    return Unbounded


@role("macros", "Q5.a_full_queue_refuses_executions")
class UnboundedMacros(_unbounded(MacroDatabase)):
    """Takes executions without end."""


@role("metadata", "Q5.a_full_queue_refuses_changes")
class UnboundedMetadata(_unbounded(MetadataDatabase)):
    """Takes changes without end."""


@role("pathpoints", "Q5.a_full_queue_refuses_definitions")
class UnboundedDefinitions(_unbounded(PathpointDatabase)):
    """Takes definitions without end."""


@role("sensor_writes", "Q5.a_full_queue_refuses_writes")
class UnboundedWrites(_unbounded(SensorWriteDatabase)):
    """Takes records without end."""


@role("events", "Q5.a_full_queue_refuses_events")
class UnboundedEvents(_unbounded(EventDatabase)):
    """Takes events without end."""


@role("events", "Q5.a_full_queue_may_drop_its_oldest_events")
class DropsOpenEvents(EventDatabase):
    """Drops an alarm that is still on."""

    def __init__(self, context, engine):
        super().__init__(context, engine)
        self.outbox._droppable = lambda _: True


@role("metadata", "Q5.a_full_queue_may_drop_its_oldest_changes")
class NeverDrops(MetadataDatabase):
    """Refuses where it was told to drop."""

    def __init__(self, context, engine):
        super().__init__(context, engine)
        self.outbox._drops = False
