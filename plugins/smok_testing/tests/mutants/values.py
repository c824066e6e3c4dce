"""Wrong readings: their times and kinds, and what is left of them when a store is full or old."""

from plugins.smok_testing.tests.mutants.base import role
from plugins.smok_testing.tests.mutants.uploads import _Handing
from smok_core.engine.base import Limits, PendingPoint
from smok_core.errors import InvalidType, InvalidValue
from smok_core.model import NotReadedError, StorageLevel
from smok_core.roles.pathpoints import DataToSynchronize, PathpointDatabase


@role("pathpoints", "PP1.a_float_and_an_int_may_be_the_same_time")
class TimesHaveTypes(PathpointDatabase):
    """Takes 5 and 5.0 for two times."""

    def on_new_data(self, pathpoint, timestamp, value):
        super().on_new_data(pathpoint, timestamp + 0.001 * (type(timestamp) is float), value)


@role("pathpoints", "PP1.other_timestamps_are_refused")
class StrangeTimesAreZero(PathpointDatabase):
    """Stores at the epoch what has no time."""

    def on_new_data(self, pathpoint, timestamp, value):
        try:
            super().on_new_data(pathpoint, timestamp, value)
        except (InvalidType, InvalidValue):
            super().on_new_data(pathpoint, 0, value)


@role("pathpoints", "PP1.both_ways_in_store_the_same")
class ColumnsHaveOneType(PathpointDatabase):
    """Makes floats of the bools of a batch of floats."""

    def on_new_data_many(self, points):
        points = list(points)
        floats = any(type(value) is float for *_, value in points)
        super().on_new_data_many(
            (name, ts, float(value) if floats and type(value) is bool else value)
            for name, ts, value in points
        )


@role("pathpoints", "PP2.an_unread_pathpoint_says_so")
class UnreadIsZero(PathpointDatabase):
    """Gives a value where there is none."""

    def get_current_value(self, pathpoint):
        try:
            return super().get_current_value(pathpoint)
        except NotReadedError:
            return 0, 0


@role("pathpoints", "PP4.late_values_are_stored_and_uploaded")
class UploadsByTime(_Handing, PathpointDatabase):
    """Believes that the cloud has everything up to the newest time it was sent."""

    class kind(DataToSynchronize):  # noqa: N801
        def acknowledge(self):
            super().acknowledge()
            newest, series = self.records[-1].ts, self._outbox._queue
            series.acknowledge([p.seq for p in series.pending(10**6) if p.ts <= newest])


@role("pathpoints", "PP5.the_upload_has_the_shape_of_the_api")
class NewestFirst(_Handing, PathpointDatabase):
    """Uploads the values of a pathpoint in the order in which they came."""

    class kind(DataToSynchronize):  # noqa: N801
        def to_json(self):
            found = super().to_json()
            arrived = [point.ts for point in self.records]
            for item in found:
                item["values"].sort(key=lambda one: arrived.index(round(one["timestamp"] * 1000)))
            return found


@role("pathpoints", "PP1.definitions_are_kept")
class RepeatsAreChanges(PathpointDatabase):
    """Uploads a definition whenever the program states it."""

    def define_pathpoint(self, path, storage_level=StorageLevel.TREND):
        self.definitions_outbox.put(path, self.codec.dumps(int(storage_level)))


@role("pathpoints", "Q5.a_full_backlog_refuses")
class TakesWithoutEnd(PathpointDatabase):
    """Does not tell the series of its limit."""

    def _open_series(self, engine):
        return engine.series(*self.series, Limits())


@role("pathpoints", "G11.dead_letters_of_one_role_do_not_replace_each_other")
class LettersAreSeqs(PathpointDatabase):
    """Names a dead letter by its seq alone, whatever queue it comes from."""

    def set_aside(self, table, row, reason):
        self.dead.add_point(PendingPoint(row.seq, row.key, 0, row.value), reason)


@role("pathpoints", "G3.buffered_values_can_be_read_at_once")
class ReadsBelowTheBuffer(PathpointDatabase):
    """Looks only at what is written out."""

    def get_current_value(self, pathpoint):
        found = getattr(self._series, "_inner", self._series).latest(pathpoint)
        return found[0] // 1000, self._values.load(found[1])


@role("pathpoints", "G3.flush_and_close_force_buffered_values")
class ClosesOverTheBuffer(PathpointDatabase):
    """Closes and lets go of what waits."""

    def close(self):
        getattr(self._series, "_pending", []).clear()
        super().close()
