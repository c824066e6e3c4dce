"""Wrong records: what roles lose, add or share of what they were given."""

import unicodedata

from plugins.smok_testing.tests.mutants.base import role
from plugins.smok_testing.tests.mutants.uploads import _Handing
from smok_core.errors import NotFound
from smok_core.roles.archives import ArchivesDatabase
from smok_core.roles.baobs import BAOBDatabase
from smok_core.roles.events import EventDatabase
from smok_core.roles.macros import Execution, MacroDatabase, _without
from smok_core.roles.metadata import MetadataDatabase, PlainSynchronization
from smok_core.roles.predicates import PredicateDatabase
from smok_core.roles.sensor_writes import SensorWriteDatabase, SensorWriteSynchronization
from smok_core.roles.sensors import SensorDatabase


@role("events", "EV1.an_event_is_kept_as_it_was_given")
class OpenEventsAreNobodys(EventDatabase):
    """Keeps who handled an event only when it is closed."""

    def _load(self, row):
        event = super()._load(row)
        event.handled_by = event.handled_by if event.is_closed() else None
        return event


@role("events", "EV1.only_open_events_are_open")
class PointsStayOpen(EventDatabase):
    """Waits for the end of an event that is a point in time."""

    def get_open_events(self):
        return (event for event in self.get_all_events() if event.ended_on is None)


@role("events", "EV1.an_event_may_bring_its_uuid")
class BroughtUuidIsLost(EventDatabase):
    """Keeps a server's uuid only if an upload brought it."""

    def add_event(self, event):
        if uuid := getattr(event, "uuid", None):
            event.uuid = None
        super().add_event(event)
        if uuid:
            event.uuid = uuid


@role("events", "EV4.a_checkpoint_forgets_old_events")
class AgesFromTheStart(EventDatabase):
    """Counts the days of an event from its start."""

    def rows(self):
        for row, event in super().rows():
            event.ended_on = event.ended_on and event.started_on
            yield row, event


@role("sensor_writes", "SW1.a_record_is_kept_as_it_was_given")
class EmptyFieldsAreLeftOut(_Handing, SensorWriteDatabase):
    """Uploads only what has a content."""

    class kind(SensorWriteSynchronization):  # noqa: N801
        def to_json(self):
            return [{k: v for k, v in item.items() if v} for item in super().to_json()]


@role("sensor_writes", "SW1.huge_timestamps_break_nothing")
class TimesHave64Bits(SensorWriteDatabase):
    """Lets an OverflowError out."""

    def add_sw(self, event):
        event.timestamp.to_bytes(8, "big", signed=True)
        super().add_sw(event)


@role("sensor_writes", "general-G3.housekeeping_is_always_allowed")
class TidiesTheFirst(SensorWriteDatabase):
    """Does its housekeeping from the oldest record on, and there may be none."""

    def tidy(self):
        next(self._table.rows())


@role("macros", "MA2.an_executed_occurrence_is_taken_out_and_pending")
class DoneMacrosStay(MacroDatabase):
    """Lists macros of which nothing is left."""

    def get_macros(self):
        done = {execution for _, execution in self._executions()}
        return [_without(self._load(row), done) for row in self._table.rows()]

    def _take_out(self, execution):
        return


@role("macros", "MA2.executing_an_unknown_macro_is_reported")
class UnknownIsIgnored(MacroDatabase):
    """Reports only macros that the cloud has not taken back."""

    def notify_macro_executed(self, macro_id, timestamp):
        if self._table.get(macro_id):
            super().notify_macro_executed(macro_id, timestamp)


@role("macros", "MA2.other_times_are_refused")
class AnyTime(MacroDatabase):
    """Reports whatever it is told."""

    def _execution(self, macro_id, timestamp):
        return Execution(macro_id, timestamp)


@role("metadata", "ME1.a_value_comes_back")
class TextsAreNormalised(MetadataDatabase):
    """Changes the form of a text."""

    def put_plain(self, key, value, timestamp=None):
        super().put_plain(key, unicodedata.normalize("NFC", value), timestamp)


@role("metadata", "ME1.a_missing_key_is_a_key_error")
class MissingIsEmptyText(MetadataDatabase):
    """Gives the empty text for what is not there."""

    def get_plain(self, key):
        try:
            return super().get_plain(key)
        except NotFound:
            return ""


@role("metadata", "ME1.all_values_are_listed_with_their_times")
class TimesAreWholeSeconds(MetadataDatabase):
    """Cuts the times of what it lists."""

    def get_all_plain(self):
        return ((key, value, float(int(ts))) for key, value, ts in super().get_all_plain())


@role("metadata", "ME4.an_older_value_does_not_undo_a_deletion")
class DeletionsHaveNoTime(MetadataDatabase):
    """Keeps a deletion without its time, so anything is newer."""

    def delete_plain(self, key):
        self._table.put(key, self.codec.dumps(None), pending=True)


@role("metadata", "general-G2.hand_overs_are_the_callers_own")
class BodyIsMadeOnce(_Handing, MetadataDatabase):
    """Hands out the same body each time it is asked for."""

    class kind(PlainSynchronization):  # noqa: N801
        def to_json(self):
            return vars(self).setdefault("_body", super().to_json())


class _ByTime:
    """What waits, in the order of its stamps."""

    def __init__(self, table):
        self._table = table

    def pending(self, limit, after=0):
        return sorted(self._table.pending(10**6, after), key=lambda row: row.stamp)[:limit]


@role("metadata", "general-G8.a_clock_that_jumps_loses_and_reorders_nothing")
class UploadsByTheClock(MetadataDatabase):
    """Hands over by the time of a change, which is the clock's."""

    def __init__(self, context, engine):
        super().__init__(context, engine)
        self.outbox._queue = _ByTime(self._table)


@role("metadata", "engine-G11.what_cannot_be_decoded_is_set_aside")
class DamageIsSwept(MetadataDatabase):
    """Removes what it cannot read."""

    def set_aside(self, table, row, reason):
        return


@role("predicates", "general-G5.no_key_reaches_another_role")
class SharesATable(PredicateDatabase):
    """Keeps its rows among those of another role."""

    tables = ("metadata",)


@role("predicates", "PR1.predicates_are_copied")
class PredicatesAreShared(PredicateDatabase):
    """Hands out its own objects."""

    def get_all_predicates(self):
        seen = vars(self).setdefault("_seen", {})
        return [seen.setdefault(one["predicate_id"], one) for one in super().get_all_predicates()]


@role("archives", "AR1.instructions_are_copied")
class InstructionsAreShared(ArchivesDatabase):
    """Keeps the caller's own object."""

    def on_archiving_data_sync(self, new_data):
        super().on_archiving_data_sync(new_data)
        self._given = new_data

    def get_archiving_instructions(self):
        return self._given


@role("sensors", "SE1.an_unknown_sensor_is_a_key_error")
class UnknownIsNone(SensorDatabase):
    """Gives None for a sensor that is not there."""

    def get_sensor(self, fqts):
        try:
            return super().get_sensor(fqts)
        except NotFound:
            return None


@role("baobs", "BA1.bytes_come_back_with_their_version")
class VersionZeroIsNone(BAOBDatabase):
    """Does not list what has version 0."""

    def get_all_versions(self):
        return {key: version for key, version in super().get_all_versions().items() if version}


@role("baobs", "BA1.a_consistent_store_loses_nothing_by_the_check")
class CheckRemovesVersionZero(BAOBDatabase):
    """Takes version 0 for none, and removes what has none."""

    def check_consistency(self):
        for key, version in self.get_all_versions().items():
            if not version:
                self.delete_baob(key)


@role("baobs", "BA1.deletion_allows_any_version_again")
class VersionsOutlive(BAOBDatabase):
    """Remembers the version of what was deleted."""

    def set_baob_value(self, key, data, version):
        seen = vars(self).setdefault("_seen", {})
        super().set_baob_value(key, data, max(version, seen.get(key, version)))
        seen[key] = version


@role("baobs", "BA4.more_than_64_mib_is_refused")
class TakesAnySize(BAOBDatabase):
    """Has no bound."""

    def _check(self, key, data, version):
        super()._check(key, data[:1], version)
