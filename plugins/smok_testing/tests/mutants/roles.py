"""Wrong roles: what they keep, refuse, forget and mix up."""

from plugins.smok_testing.tests.mutants.base import role
from smok_core.engine.base import When
from smok_core.errors import NotFound
from smok_core.model import OperationFailedError
from smok_core.roles.archives import ArchivesDatabase
from smok_core.roles.baobs import BAOBDatabase
from smok_core.roles.events import EventDatabase
from smok_core.roles.macros import Execution, MacroDatabase
from smok_core.roles.metadata import MetadataDatabase
from smok_core.roles.pathpoints import PathpointDatabase
from smok_core.roles.predicates import PredicateDatabase
from smok_core.roles.sensor_writes import SensorWriteDatabase
from smok_core.roles.sensors import SensorDatabase


@role("pathpoints", "PP1.other_values_are_refused")
class NanIsSwallowed(PathpointDatabase):
    """Ignores values that are no numbers without a word."""

    def on_new_data(self, pathpoint, timestamp, value):
        if value == value:  # noqa: PLR0124 - NaN is not
            super().on_new_data(pathpoint, timestamp, value)


@role("pathpoints", "PP1.values_come_back_exactly")
class BoolsAreInts(PathpointDatabase):
    """Coerces a bool."""

    def on_new_data(self, pathpoint, timestamp, value):
        super().on_new_data(pathpoint, timestamp, int(value) if type(value) is bool else value)


@role("pathpoints", "PP1.timestamps_are_kept_to_the_microsecond")
class WholeMilliseconds(PathpointDatabase):
    """Cuts timestamps to milliseconds."""

    def on_new_data(self, pathpoint, timestamp, value):
        super().on_new_data(pathpoint, int(timestamp), value)


@role("pathpoints", "PP1.a_batch_is_stored_whole_or_not_at_all")
class ManyIsALoop(PathpointDatabase):
    """Stores a batch value by value."""

    def on_new_data_many(self, values):
        for value in values:
            self.on_new_data(*value)


@role("pathpoints", "PP1.failures_are_values_too")
class FailuresAreReturned(PathpointDatabase):
    """Gives a failure instead of raising it."""

    def get_current_value(self, pathpoint):
        try:
            return super().get_current_value(pathpoint)
        except OperationFailedError as failure:
            return failure.timestamp, failure


@role("pathpoints", "PP2.the_current_value_is_the_one_with_the_greatest_time")
class UploadedIsUnread(PathpointDatabase):
    """Has no current value after an upload, as the published client."""

    def __init__(self, context, engine):
        super().__init__(context, engine)
        acknowledge = self.outbox._acknowledge
        self.outbox._acknowledge = lambda *args: (acknowledge(*args), self._series._lines.clear())


@role("pathpoints", "PP3.an_archive_is_read_by_time")
class StopIsExclusive(PathpointDatabase):
    """Leaves out the end of a range."""

    def get_archive_data(self, pathpoint, start=None, stop=None):
        stop = None if stop is None else stop - 0.001
        return super().get_archive_data(pathpoint, start, stop)


@role("pathpoints", "PP4.only_an_equal_value_is_a_repeat")
class ComparesLikePython(PathpointDatabase):
    """Takes 1, 1.0 and True for one value."""

    def on_new_data(self, pathpoint, timestamp, value):
        for _, old in self.get_archive_data(pathpoint, timestamp, timestamp):
            if old == value:
                return
        super().on_new_data(pathpoint, timestamp, value)


@role("pathpoints", "PP6.without_retention_everything_stays")
class ForgetsByItself(PathpointDatabase):
    """Applies a retention that nobody configured."""

    def tidy(self):
        self._series.trim(int(self.context.clock() * 1_000_000))


@role("pathpoints", "PP6.retention_forgets_what_is_old_and_uploaded")
class RetentionInMilliseconds(PathpointDatabase):
    """Takes microseconds for milliseconds."""

    def tidy(self):
        keep = self.context.settings.retention
        if keep is not None:
            self._series.trim(int((self.context.clock() - keep.seconds) * 1000))


@role("pathpoints", "PP6.checkpoints_throttle_themselves")
class CheckpointsAlways(PathpointDatabase):
    """Does its housekeeping at every call."""

    def checkpoint(self):
        self.tidy()


@role("events", "EV1.closing_ends_an_event_once")
class ClosesAgain(EventDatabase):
    """Moves the end of an event that has ended."""

    def close_event(self, event):
        row, stored = self.stored(self._table, event.provisional_uuid, self._load)
        stored.ended_on = event.ended_on or int(self.context.clock())
        self._table.put(row.key, self._dump(stored), pending=True)


@role("events", "EV1.closing_an_unknown_event_is_a_key_error")
class ClosesUnknown(EventDatabase):
    """Says nothing when the event is unknown."""

    def close_event(self, event):
        try:
            super().close_event(event)
        except NotFound:
            return


@role("events", "EV1.closing_keeps_the_rest_of_an_event")
class ClosingReplaces(EventDatabase):
    """Closing stores the caller's event over the one that is kept."""

    def close_event(self, event):
        row, _ = self.stored(self._table, event.provisional_uuid, self._load)
        self._table.put(row.key, self._dump(event), pending=True)


@role("events", "EV1.adding_an_event_twice_is_harmless")
class AddingReplaces(EventDatabase):
    """Adding a stored event replaces it."""

    def add_event(self, event):
        self._table.delete(event.provisional_uuid)
        super().add_event(event)


@role("events", "EV4.clearing_removes_closed_and_synced_only")
class ClearsUnsent(EventDatabase):
    """Forgets closed events that the cloud never saw."""

    def _forget(self, before):
        for row, event in self.rows():
            if event.is_closed() and (event.ended_on or 0) < before:
                self._table.delete(row.key)


@role("events", "EV3.caches_keep_plain_data_exactly")
class CachesAreShared(EventDatabase):
    """Keeps the caller's own object."""

    def set_cache(self, predicate_id, cache):
        super().set_cache(predicate_id, cache)
        vars(self).setdefault("_shared", {})[predicate_id] = cache

    def get_cache(self, predicate_id):
        return vars(self).get("_shared", {})[predicate_id]


@role("events", "EV3.caches_go_with_their_predicate")
class CachesStay(EventDatabase):
    """A deleted predicate leaves its cache."""

    def on_predicate_deleted(self, predicate_id):
        return


@role("sensor_writes", "SW1.records_of_one_millisecond_are_all_kept")
class OneWriteAMillisecond(SensorWriteDatabase):
    """Names a record by its time, as the published client does."""

    def add_sw(self, event):
        self._table.put(str(event.timestamp), self._dump(event), pending=True)


@role("sensor_writes", "SW1.an_equal_record_is_the_same_entry")
class RepeatsAreEntries(SensorWriteDatabase):
    """Keeps a record twice when it is sent twice."""

    def add_sw(self, event):
        count = self._table.stats().rows
        self._table.put(f"{count}", self._dump(event), pending=True)


@role("sensor_writes", "SW1.single_records_can_be_acknowledged")
class OneAcknowledgesAll(SensorWriteDatabase):
    """Acknowledges the whole log with one record."""

    def on_synced_sw(self, event):
        self._table.replace({})


@role("macros", "MA1.what_ran_here_does_not_come_back")
class RunsAgain(MacroDatabase):
    """Lets the cloud's list bring back what ran here."""

    def _executions(self):
        return iter(())


@role("macros", "MA1.any_history_of_macros_is_that_of_sets")
@role("macros", "MA1.a_late_list_does_not_bring_back_what_was_reported")
class RunsAgainWhenReported(MacroDatabase):
    """Forgets an execution as soon as it is reported."""

    def _executions(self):
        return ((row, execution) for row, execution in super()._executions() if row.pending)


@role("macros", "MA2.an_occurrence_is_pending_once")
class TimesAreTexts(MacroDatabase):
    """Takes 5 and 5.0 for two occurrences."""

    def _execution(self, macro_id, timestamp):
        super()._execution(macro_id, timestamp)
        return Execution(macro_id, timestamp)


@role("macros", "MA1.macros_are_kept_as_they_were_given")
class SetMerges(MacroDatabase):
    """Adds a new list to the old one."""

    def set_macros(self, macros):
        names = {macro.macro_id for macro in macros}
        super().set_macros([*macros, *(m for m in self.get_macros() if m.macro_id not in names)])


@role("macros", "MA1.other_things_are_no_macros")
class SetsOneByOne(MacroDatabase):
    """Stores macro after macro, and meets the wrong one in the middle."""

    def set_macros(self, macros):
        self._table.replace({})
        for macro in macros:
            checked = self._check(macro)
            self._table.put(checked.macro_id, self._dump(checked))


@role("macros", "MA2.reports_are_acknowledged_one_by_one")
class ReportsByMacro(MacroDatabase):
    """Takes one report for all of its macro."""

    def notify_macro_synced(self, macro_id, timestamp):
        for name, ts in list(self.get_done_macros()):
            if name == macro_id:
                super().notify_macro_synced(name, ts)


@role("macros", "MA1.macros_are_copied")
class MacrosAreCached(MacroDatabase):
    """Hands out its own objects."""

    def get_macros(self):
        seen = vars(self).setdefault("_seen", {})
        return [seen.setdefault(macro.macro_id, macro) for macro in super().get_macros()]


@role("metadata", "ME2.the_cloud_wins_only_if_strictly_newer")
class CloudAlwaysWins(MetadataDatabase):
    """Takes over whatever the cloud has."""

    def update_plain(self, key, value, timestamp):
        self._table.put(key, self.codec.dumps(value), stamp=timestamp)


@role("metadata", "ME3.an_empty_text_is_a_value")
class EmptyIsDeletion(MetadataDatabase):
    """Takes an empty text for a deletion."""

    def put_plain(self, key, value, timestamp=None):
        super().put_plain(key, value or "x", timestamp)
        if not value:
            self.delete_plain(key)


@role("metadata", "ME4.deletions_are_uploaded")
class DeletionsStayHere(MetadataDatabase):
    """Does not tell the cloud of a deletion."""

    def delete_plain(self, key):
        self._table.delete(key)


@role("metadata", "ME2.what_comes_from_the_cloud_is_not_sent_back")
class EchoesTheCloud(MetadataDatabase):
    """Sends back what the cloud sent."""

    def update_plain(self, key, value, timestamp):
        self._check(key, value, timestamp)
        dumped = self.codec.dumps(value)
        self._table.put(key, dumped, stamp=timestamp, pending=True, when=When.NEWER)


@role("metadata", "ME1.a_local_write_is_kept_whatever_its_time")
class OldLocalWritesLose(MetadataDatabase):
    """Compares the times of local writes too."""

    def put_plain(self, key, value, timestamp=None):
        self._check(key, value, timestamp or 0)
        stamp = self.context.clock() if timestamp is None else timestamp
        self._table.put(key, self.codec.dumps(value), stamp=stamp, pending=True, when=When.NEWER)


@role("metadata", "ME2.a_clock_that_goes_back_does_not_let_old_values_win")
class DatesByTheClock(MetadataDatabase):
    """Dates a write by the clock even if that went back."""

    def _now(self, row):
        return self.context.clock()


@role("metadata", "G5.every_text_is_an_ordinary_key_of_plain")
class KeysAreLowered(MetadataDatabase):
    """Folds its keys."""

    def put_plain(self, key, value, timestamp=None):
        super().put_plain(key.lower() if isinstance(key, str) else key, value, timestamp)


@role("metadata", "G5.other_keys_are_refused_of_plain")
class KeysAreUnchecked(MetadataDatabase):
    """Takes any key."""

    def _check(self, key, value, timestamp):
        super()._check("k", value, timestamp)


@role("baobs", "BA3.a_version_that_does_not_grow_is_refused")
class RefusesSilently(BAOBDatabase):
    """Ignores a version that does not grow."""

    def set_baob_value(self, key, data, version):
        self._check(key, data, version)
        self._blobs.put(key, data, version)


@role("baobs", "BA1.a_missing_baob_is_a_key_error")
class MissingIsEmpty(BAOBDatabase):
    """Gives no bytes for a BAOB that is not there."""

    def get_baob_value(self, key):
        try:
            return super().get_baob_value(key)
        except NotFound:
            return b""


@role("baobs", "BA4.other_data_and_versions_are_refused")
class DataIsCoerced(BAOBDatabase):
    """Makes bytes of whatever it gets."""

    def set_baob_value(self, key, data, version):
        super().set_baob_value(key, bytes(data) if isinstance(data, bytearray) else data, version)


@role("sensors", "SE1.the_order_of_tags_does_not_matter")
class TagsAreOrdered(SensorDatabase):
    """Finds a sensor only by its tags in the given order."""

    def get_sensor(self, fqts):
        for sensor in self.get_all_sensors():
            if sensor.fqts == fqts:
                return sensor
        raise NotFound(self.role, fqts)


@role("sensors", "SE1.the_device_is_remembered")
class ForgetsItsDevice(SensorDatabase):
    """Does not keep its device."""

    def on_register(self, device):
        return


@role("sensors", "SE1.sensors_are_replaced_as_a_whole")
class SensorsPileUp(SensorDatabase):
    """Keeps sensors that the cloud no longer has."""

    def on_sensors_sync(self, sensors):
        super().on_sensors_sync([*self.get_all_sensors(), *sensors])


@role("archives", "AR1.instructions_are_replaced_as_a_whole")
class IntervalsAreTexts(ArchivesDatabase):
    """Gives intervals as JSON has them."""

    def get_archiving_instructions(self):
        return {str(key): value for key, value in super().get_archiving_instructions().items()}


@role("archives", "AR1.other_things_are_no_instructions")
class AnyInterval(ArchivesDatabase):
    """Takes an interval of 0."""

    def _check(self, interval, names):
        return super()._check(abs(interval) + 1 if type(interval) is int else interval, names)


@role("predicates", "PR1.one_predicate_can_be_changed")
class UpdateReplacesAll(PredicateDatabase):
    """Changing one predicate forgets the others."""

    def update_predicate(self, v):
        self.set_new_predicates([v])


@role("predicates", "PR1.predicates_are_replaced_as_a_whole")
class SilencingIsLost(PredicateDatabase):
    """Keeps no silencing periods."""

    def _load(self, row):
        return {k: v for k, v in super()._load(row).items() if k != "silencing"}
