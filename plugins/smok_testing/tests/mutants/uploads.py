"""Wrong hand-overs: what the uploader is given, and what its answers do."""

from __future__ import annotations

from plugins.smok_testing.tests.mutants.base import role
from smok_core.roles.events import EventDatabase, EventSynchronization
from smok_core.roles.handover import Desk
from smok_core.roles.macros import MacroDatabase, MacroSynchronization
from smok_core.roles.metadata import MetadataDatabase, PlainSynchronization
from smok_core.roles.pathpoints import DataToSynchronize, PathpointDatabase
from smok_core.roles.sensor_writes import SensorWriteDatabase, SensorWriteSynchronization


class _Handing(PathpointDatabase):
    """Pathpoints with another hand-over."""

    kind = DataToSynchronize

    def _make(self, limit):
        return self.kind(self, super()._make(limit)._values)


@role("pathpoints", "Q3.a_negative_answer_loses_nothing_values")
class NackLosesValues(_Handing):
    """A negative answer throws the batch away."""

    class kind(DataToSynchronize):  # noqa: N801
        def negative_acknowledge(self):
            self.acknowledge()


@role("pathpoints", "Q2.acknowledging_settles_exactly_the_batch_values")
class AckTakesAllThatWaits(_Handing):
    """An answer settles whatever waits when it comes."""

    class kind(DataToSynchronize):  # noqa: N801
        def acknowledge(self):
            self._database.settle([p.seq for p in self._database._series.pending(10**6)])


@role("pathpoints", "Q4.acknowledging_twice_is_harmless_values")
class SecondAckTakesTheNextBatch(_Handing):
    """Each answer settles as many from the head as the batch had."""

    class kind(DataToSynchronize):  # noqa: N801
        def acknowledge(self):
            self._database.settle([p.seq for p in self._database._series.pending(len(self))])


@role("pathpoints", "Q1.asking_again_gives_the_same_batch_values")
class EachCallMakesABatch(PathpointDatabase):
    """Hands out a new batch although one is out."""

    def get_data_to_sync(self, limit=1000):
        return self._make(limit) or None


@role("pathpoints", "Q1.a_batch_is_bounded_and_oldest_first_values")
class BatchIsEverything(PathpointDatabase):
    """Hands out all that waits."""

    def get_data_to_sync(self, limit=1000):
        return super().get_data_to_sync(10**6)


@role("pathpoints", "Q1.nothing_waits_at_first_values")
class EmptyBatchIsTruthy(PathpointDatabase):
    """Hands out something truthy when nothing waits."""

    def get_data_to_sync(self, limit=1000):
        return super().get_data_to_sync(limit) or object()


@role("pathpoints", "Q4.parts_are_settled_for_themselves_values")
class PartIsTheWhole(_Handing):
    """Acknowledging a part acknowledges the batch."""

    class kind(DataToSynchronize):  # noqa: N801
        def part(self, start, stop):
            part = super().part(start, stop)
            part.acknowledge = self.acknowledge
            return part


@role("pathpoints", "Q2.what_changed_meanwhile_goes_again_values")
class BatchIsLive(_Handing):
    """A batch that is out shows what its values are by now."""

    class kind(DataToSynchronize):  # noqa: N801
        def to_json(self):
            fresh = self._database._make(len(self))
            return DataToSynchronize.to_json(type(self)(self._database, fresh._values))


@role("pathpoints", "G11.rejected_items_become_dead_letters_values")
class RejectedIsGone(_Handing):
    """What the cloud refuses is dropped."""

    class kind(DataToSynchronize):  # noqa: N801
        def reject(self, reason):
            self.acknowledge()


@role("pathpoints", "Q5.stats_tell_the_backlog_values")
class BacklogIsHidden(PathpointDatabase):
    """Says that nothing waits."""

    def stats(self):
        return type(super().stats())()


class _Notifying(EventDatabase):
    """Events with another hand-over."""

    kind = EventSynchronization

    def _make(self, limit):
        return self.kind(self._queue, self._desk, self._queue.take(limit))


@role("events", "EV2.the_nth_uuid_is_the_nth_events")
class UuidsSkipEvents(_Notifying):
    """Removes from the list it goes through, as the published client does."""

    class kind(EventSynchronization):  # noqa: N801
        def acknowledge(self, *uuids):
            left = list(self._items)
            pairs = []
            for item, uuid in zip(left, uuids, strict=False):
                pairs.append((item, uuid))
                left.remove(item)
            self._queue.settle([item for item, _ in pairs], [uuid for _, uuid in pairs])
            self._desk.release()


@role("events", "EV2.fewer_uuids_settle_only_the_beginning")
class OneUuidSettlesAll(_Notifying):
    """Settles the batch however few uuids came."""

    class kind(EventSynchronization):  # noqa: N801
        def acknowledge(self, *uuids):
            self._queue.settle(self._items, uuids[: len(self._items)])
            self._desk.release()


@role("events", "EV2.a_wrong_uuid_settles_nothing")
class UuidsUnchecked(_Notifying):
    """Settles event by event, and meets the wrong uuid in the middle."""

    class kind(EventSynchronization):  # noqa: N801
        def acknowledge(self, *uuids):
            for item, uuid in zip(self._items, uuids, strict=False):
                self._queue.settle([item], [uuid])
            super().acknowledge(*uuids)


@role("events", "Q1.asking_again_gives_the_same_batch_events")
class EachCallMakesEvents(EventDatabase):
    """Hands out a new batch although one is out."""

    def get_events_to_sync(self, limit=1000):
        return self._make(limit) or None


@role("events", "general-G2.model_objects_are_copied")
class BatchGivesItsEvents(_Notifying):
    """Hands out the events of the batch themselves."""

    class kind(EventSynchronization):  # noqa: N801
        def get_events(self):
            return [item.value for item in self._items]


@role("sensor_writes", "Q3.a_negative_answer_loses_nothing_writes")
class NackLosesWrites(SensorWriteDatabase):
    """A negative answer throws the batch away."""

    def _make(self, limit):
        class Wrong(SensorWriteSynchronization):
            def nack(self):
                self.ack()

        return Wrong(self._queue, self._desk, self._queue.take(limit))


@role("sensor_writes", "SW1.an_empty_log_is_falsy")
class EmptyLogIsNone(SensorWriteDatabase):
    """Gives None where the client expects an object."""

    def get_sw_sync(self, limit=1000):
        return super().get_sw_sync(limit) or None


@role("macros", "Q4.acknowledging_twice_is_harmless_executions")
class ReportTwiceReportsMore(MacroDatabase):
    """A second answer settles what was executed since."""

    def _make(self, limit):
        class Wrong(MacroSynchronization):
            def acknowledge(self):
                self._queue.settle(self._queue.take(len(self)))
                self._desk.release()

        return Wrong(self._queue, self._desk, self._queue.take(limit))


@role("metadata", "Q2.acknowledging_settles_exactly_the_batch_changes")
class AckTakesAllChanges(MetadataDatabase):
    """An answer settles whatever waits when it comes."""

    def _make(self, limit):
        class Wrong(PlainSynchronization):
            def acknowledge(self):
                self._queue.settle(self._queue.take(1000))
                self._desk.release()

        return Wrong(self._queue, self._desk, self._queue.take(limit))


@role("metadata", "Q1.threads_that_ask_together_get_one_batch_changes")
class DeskWithoutLock(MetadataDatabase):
    """Two threads that ask together may get two batches."""

    def __init__(self, context, engine):
        super().__init__(context, engine)
        self._asked = 0
        self._desk = Desk(self._make)

    def get_plain_to_sync(self, limit=1000):
        self._asked += 1
        return self._make(min(limit, self._asked)) or None
