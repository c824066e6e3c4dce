"""Wrong batches: what the uploader is given, and what its answers do."""

from plugins.smok_testing.tests.mutants.base import role
from smok_core.roles.events import EventDatabase, EventSynchronization
from smok_core.roles.macros import MacroDatabase, MacroSynchronization
from smok_core.roles.metadata import MetadataDatabase, PlainSynchronization
from smok_core.roles.pathpoints import DataToSynchronize, PathpointDatabase
from smok_core.roles.sensor_writes import SensorWriteDatabase, SensorWriteSynchronization


class _Handing:
    """A role with another class of batches."""

    def __init__(self, context, engine):
        super().__init__(context, engine)
        self.outbox._batch = self.kind


def _everything(outbox):
    """Acknowledge whatever is pending by now."""
    outbox._acknowledge(outbox._queue.pending(10**6, 0), {})
    outbox._out = None


@role("pathpoints", "Q3.a_negative_answer_loses_nothing_values")
class NackLosesValues(_Handing, PathpointDatabase):
    """A negative answer throws the batch away."""

    class kind(DataToSynchronize):  # noqa: N801
        def release(self):
            self.acknowledge()


@role("pathpoints", "Q2.acknowledging_acknowledges_exactly_the_batch_values")
class AckTakesAllThatWaits(_Handing, PathpointDatabase):
    """An answer acknowledges whatever waits when it comes."""

    class kind(DataToSynchronize):  # noqa: N801
        def acknowledge(self):
            _everything(self._outbox)


@role("pathpoints", "Q4.acknowledging_twice_is_harmless_values")
class SecondAckTakesTheNextBatch(_Handing, PathpointDatabase):
    """Each answer acknowledges as many from the head as the batch had."""

    class kind(DataToSynchronize):  # noqa: N801
        def acknowledge(self):
            outbox = self._outbox
            outbox._acknowledge(outbox._queue.pending(len(self), 0), {})
            outbox._out = None


@role("pathpoints", "Q1.asking_again_gives_the_same_batch_values")
class EachCallMakesABatch(PathpointDatabase):
    """Hands out a new batch although one is out."""

    def get_data_to_sync(self, limit=1000):
        self.outbox._out = None
        return super().get_data_to_sync(limit)


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


@role("pathpoints", "Q4.parts_are_acknowledged_for_themselves_values")
class PartIsTheWhole(_Handing, PathpointDatabase):
    """Acknowledging a part acknowledges the batch."""

    class kind(DataToSynchronize):  # noqa: N801
        def part(self, start, stop):
            part = super().part(start, stop)
            part.acknowledge = self.acknowledge
            return part


@role("pathpoints", "Q4.a_late_answer_leaves_the_batch_that_is_out_alone_values")
class AnyAnswerReleases(_Handing, PathpointDatabase):
    """A second answer of an old batch lets the next one be made, although one is out."""

    class kind(DataToSynchronize):  # noqa: N801
        def acknowledge(self):
            super().acknowledge()
            self._outbox._out = None


@role("sensor_writes", "Q4.a_late_answer_leaves_the_batch_that_is_out_alone_writes")
class LateAckAcknowledges(_Handing, SensorWriteDatabase):
    """A released batch can still be acknowledged, although its records are out once more."""

    class kind(SensorWriteSynchronization):  # noqa: N801
        def acknowledge(self):
            self._outbox._acknowledge(self.records, {})
            super().acknowledge()


@role("events", "Q4.a_late_answer_of_a_part_changes_nothing_events")
class PartsAreAlwaysCurrent(_Handing, EventDatabase):
    """A part is taken for one of the batch that is out, whichever batch it is of."""

    class kind(EventSynchronization):  # noqa: N801
        def acknowledge(self, *uuids):
            self.take = self._outbox._takes
            super().acknowledge(*uuids)


@role("metadata", "Q4.a_part_leaves_the_rest_of_its_batch_out_changes")
class PartEndsTheBatch(_Handing, MetadataDatabase):
    """The answer of one part lets a new batch be made while the other parts are out."""

    class kind(PlainSynchronization):  # noqa: N801
        def acknowledge(self):
            super().acknowledge()
            self._outbox._out = None


@role("pathpoints", "Q2.what_changed_meanwhile_goes_again_values")
class BatchIsLive(_Handing, PathpointDatabase):
    """A batch that is out shows what its values are by now."""

    class kind(DataToSynchronize):  # noqa: N801
        def to_json(self):
            records, values = self._outbox._read(len(self))
            return DataToSynchronize.to_json(
                DataToSynchronize(self._outbox, self.take, records, values)
            )


@role("pathpoints", "G11.rejected_items_become_dead_letters_values")
class RejectedIsGone(_Handing, PathpointDatabase):
    """What the cloud refuses is dropped."""

    class kind(DataToSynchronize):  # noqa: N801
        def reject(self, reason):
            self.acknowledge()


@role("pathpoints", "Q5.stats_tell_the_backlog_values")
class BacklogIsHidden(PathpointDatabase):
    """Says that nothing waits."""

    def stats(self):
        return type(super().stats())()


@role("events", "EV2.the_nth_uuid_is_the_nth_events")
class UuidsSkipEvents(_Handing, EventDatabase):
    """Removes from the list it goes through, as the published client does."""

    class kind(EventSynchronization):  # noqa: N801
        def acknowledge(self, *uuids):
            left = list(self.records)
            pairs = []
            for record, uuid in zip(left, uuids, strict=False):
                pairs.append((record, uuid))
                left.remove(record)
            tags = {record.seq: uuid for record, uuid in pairs}
            self._outbox._acknowledge([record for record, _ in pairs], tags)
            self.release()


@role("events", "EV2.fewer_uuids_acknowledge_only_the_beginning")
class OneUuidAcknowledgesAll(_Handing, EventDatabase):
    """Acknowledges the batch however few uuids came."""

    class kind(EventSynchronization):  # noqa: N801
        def acknowledge(self, *uuids):
            self._outbox._acknowledge(self.records, {})
            super().acknowledge(*uuids)


@role("events", "EV2.a_wrong_uuid_acknowledges_nothing")
class UuidsUnchecked(_Handing, EventDatabase):
    """Acknowledges event by event, and meets the wrong uuid in the middle."""

    class kind(EventSynchronization):  # noqa: N801
        def acknowledge(self, *uuids):
            for record, uuid in zip(self.records, uuids, strict=False):
                self._outbox._acknowledge([record], {record.seq: uuid})
            super().acknowledge(*uuids)


@role("events", "Q1.asking_again_gives_the_same_batch_events")
class EachCallMakesEvents(EventDatabase):
    """Hands out a new batch although one is out."""

    def get_events_to_sync(self, limit=1000):
        self.outbox._out = None
        return super().get_events_to_sync(limit)


@role("events", "G2.model_objects_are_copied")
class BatchGivesItsEvents(_Handing, EventDatabase):
    """Hands out the events of the batch themselves."""

    class kind(EventSynchronization):  # noqa: N801
        def get_events(self):
            return list(self.values)


@role("sensor_writes", "Q3.a_negative_answer_loses_nothing_writes")
class NackLosesWrites(_Handing, SensorWriteDatabase):
    """A negative answer throws the batch away."""

    class kind(SensorWriteSynchronization):  # noqa: N801
        def release(self):
            self.acknowledge()


@role("sensor_writes", "SW1.an_empty_log_is_falsy")
class EmptyLogIsNone(SensorWriteDatabase):
    """Gives None where the client expects an object."""

    def get_sw_sync(self, limit=1000):
        return super().get_sw_sync(limit) or None


@role("macros", "Q4.acknowledging_twice_is_harmless_executions")
class ReportTwiceReportsMore(_Handing, MacroDatabase):
    """A second answer acknowledges what was executed since."""

    class kind(MacroSynchronization):  # noqa: N801
        def acknowledge(self):
            outbox = self._outbox
            outbox._acknowledge(outbox._queue.pending(len(self), 0), {})
            outbox._out = None


@role("macros", "Q4.late_answers_of_threads_change_nothing_executions")
class AnyRefusalReleases(_Handing, MacroDatabase):
    """A negative answer of any batch lets a new one be made."""

    class kind(MacroSynchronization):  # noqa: N801
        def release(self):
            self._outbox._out = None


@role("metadata", "G1.an_upload_beside_writers_loses_nothing_changes")
@role("metadata", "Q2.acknowledging_acknowledges_exactly_the_batch_changes")
class AckTakesAllChanges(_Handing, MetadataDatabase):
    """An answer acknowledges whatever waits when it comes."""

    class kind(PlainSynchronization):  # noqa: N801
        def acknowledge(self):
            _everything(self._outbox)


@role("metadata", "Q1.threads_that_ask_together_get_one_batch_changes")
class OutboxWithoutLock(MetadataDatabase):
    """Threads that ask together may get different batches."""

    def __init__(self, context, engine):
        super().__init__(context, engine)
        self._asked = 0

    def get_plain_to_sync(self, limit=1000):
        self._asked += 1
        self.outbox._out = None
        return super().get_plain_to_sync(min(limit, self._asked))
