"""Wrong engines: names, devices, closing, codecs, and what they forget between openings."""

import pickle

import msgspec

from plugins.smok_testing.tests.mutants.base import ShelfEngine, engine, forgetful
from smok_core.engine.base import Limits
from smok_core.engine.codec import Codec, MsgpackCodec
from smok_core.engine.memory import MemoryTable
from smok_core.errors import CorruptData


@engine("engine-EN1.different_names_share_nothing")
class OneTableForAll(ShelfEngine):
    """Ignores the name of a table."""

    def table(self, name):
        return super().table("all")


@engine("engine-EN1.different_names_share_nothing")
class NamesAreFolded(ShelfEngine):
    """Takes upper and lower case for one name, as file systems do."""

    def series(self, name, limits=Limits()):  # noqa: B008
        return super().series(name.lower(), limits)


@engine("engine-EN1.two_calls_with_one_name_give_the_same_data")
class FreshTables(ShelfEngine):
    """Gives an empty table at each call."""

    def table(self, name):
        return MemoryTable(self._engine_lock)


@engine("engine-EN1.replacing_and_deleting_stay_within_a_name")
class PrefixIsEmptied(ShelfEngine):
    """Replacing a table empties those whose names begin with its name."""

    def table(self, name):
        outer, found = self, super().table(name)

        class Reaching(MemoryTable):
            def replace(self, rows):
                for other in list(outer._tables):
                    if other.startswith(name):
                        outer._tables[other]._rows.clear()
                MemoryTable.replace(found, rows)

        reaching = Reaching(self._engine_lock)
        reaching.__dict__ = found.__dict__
        return reaching


@engine("general-G7.closed_databases_say_so")
@engine("engine-EN2.a_closed_engine_says_so")
class NeverCloses(ShelfEngine):
    """Works on after it was closed."""

    def close(self):
        super().close()
        self._engine_lock.closed = False


@engine("engine-EN2.closing_twice_is_harmless")
class ClosesOnce(ShelfEngine):
    """Fails when it is closed again."""

    def close(self):
        if self._engine_lock.closed:
            raise RuntimeError("already closed")
        super().close()


@engine("engine-EN3.flush_and_checkpoint_are_always_allowed")
class CheckpointAcknowledges(ShelfEngine):
    """Housekeeping throws away what waits."""

    def checkpoint(self):
        for table in self._tables.values():
            for key, row in table._rows.items():
                table._rows[key] = row._replace(pending=False)


@engine("engine-EN4.health_tells_where_and_how_safe")
class HealthIsEmpty(ShelfEngine):
    """Does not say where the store is."""

    def health(self):
        return msgspec.structs.replace(super().health(), location="")


@engine("engine-G3.every_durability_that_is_offered_works")
class AlwaysPowerLoss(ShelfEngine):
    """Says that it is safer than it was told to be."""

    def health(self):
        return msgspec.structs.replace(super().health(), durability="power-loss")


@engine("engine-G9.devices_at_one_place_share_nothing")
class DevicesShare(ShelfEngine):
    """Ignores the device."""

    def address(self):
        return self.context.options.place


@engine("engine-G9.devices_keep_their_own_data")
class DevicesAreFolded(ShelfEngine):
    """Takes ids of devices for file names."""

    def address(self):
        return self.context.options.place, self.context.device.strip("./").lower()


@engine("general-G9.a_new_device_starts_empty")
class DevicesArePatterns(ShelfEngine):
    """Takes everything but letters in an id for one and the same character."""

    def address(self):
        device = self.context.device
        return self.context.options.place, "".join(c if c.isalnum() else "?" for c in device)


class JsonCodec(Codec):
    """Keeps what JSON keeps."""

    def dumps(self, value):
        return msgspec.json.encode(value)

    def loads(self, data):
        try:
            return msgspec.json.decode(data)
        except msgspec.DecodeError as error:
            raise CorruptData("kit", "not JSON") from error


class PickleCodec(Codec):
    """Builds whatever class the bytes name."""

    def dumps(self, value):
        return pickle.dumps(value)

    def loads(self, data):
        try:
            return pickle.loads(data)
        except (pickle.UnpicklingError, EOFError, ValueError) as error:
            raise CorruptData("kit", "not a pickle") from error


class TrustingCodec(MsgpackCodec):
    """Lets the decoder's own errors through, and takes nothing for None."""

    def loads(self, data):
        return self._decode(data) if data else None


class FoldlessCodec(MsgpackCodec):
    """Loses which of two equal hours a datetime means."""

    def loads(self, data):
        found = super().loads(data)
        return found.replace(fold=0) if hasattr(found, "fold") else found


def _with_codec(kind, caught_by):
    name = kind.__name__.replace("Codec", "Values")

    def __init__(self, context):  # noqa: N807
        ShelfEngine.__init__(self, context)
        self.codec = kind()

    body = {"__init__": __init__, "__doc__": kind.__doc__}
    engine(caught_by)(type(name, (ShelfEngine,), body))


_with_codec(JsonCodec, "engine-EV3.plain_values_come_back_exactly")
_with_codec(FoldlessCodec, "engine-EV3.plain_values_come_back_exactly")
_with_codec(PickleCodec, "engine-G11.what_cannot_be_decoded_is_corrupt")
_with_codec(TrustingCodec, "engine-G11.what_cannot_be_decoded_is_corrupt")


@forgetful("table-Q3.rows_are_there_after_reopening")
def tags_forgotten(state):
    """Does not write tags to disk."""
    for table in state["_tables"].values():
        table._rows = {key: row._replace(tag=None) for key, row in table._rows.items()}


@forgetful("table-Q3.rows_are_there_after_reopening")
def waits_forgotten(state):
    """Does not write to disk what waits."""
    for table in state["_tables"].values():
        table._rows = {key: row._replace(pending=False) for key, row in table._rows.items()}


@forgetful("table-Q4.rows_can_be_acknowledged_after_reopening")
def rows_renumbered(state):
    """Numbers its rows anew at each opening."""
    for table in state["_tables"].values():
        table._rows = {k: r._replace(seq=n + 100) for n, (k, r) in enumerate(table._rows.items())}


@forgetful("table-TA3.seqs_grow_on_after_reopening")
def seq_from_the_rows(state):
    """Takes the next seq from what is stored."""
    for table in state["_tables"].values():
        table._seq = max((row.seq for row in table._rows.values()), default=0)


@forgetful("table-TA6.a_replacement_is_there_after_reopening")
def newest_row_lost(state):
    """Drops the last write when it is closed."""
    for table in state["_tables"].values():
        if table._rows:
            del table._rows[max(table._rows.values(), key=lambda row: row.seq).key]


@forgetful("series-Q3.points_are_there_after_reopening")
def queue_forgotten(state):
    """Keeps the queue in memory only."""
    for series in state["_series"].values():
        series._acknowledge(list(series._queue))


@forgetful("series-Q4.the_queue_goes_on_after_reopening")
def everything_pending_again(state):
    """Queues the whole archive again at each opening."""
    for series in state["_series"].values():
        places = [(n, t) for n, line in series._lines.items() for t in line.stamps]
        series._queue = {}
        for name, ts in places:
            series._put(name, ts, series._lines[name].points[ts].value)


@forgetful("series-SR3.seqs_of_the_queue_grow_on_after_reopening")
def queue_counts_anew(state):
    """Takes the next seq from what waits."""
    for series in state["_series"].values():
        series._seq = max(series._queue, default=0)


@forgetful("series-Q5.dropped_points_stay_counted")
def drops_forgotten(state):
    """Counts drops since the last start only."""
    for series in state["_series"].values():
        series._dropped = 0


@forgetful("series-SR6.trimmed_points_stay_away")
def current_value_forgotten(state):
    """Drops the newest point of each name when it is closed."""
    for series in state["_series"].values():
        for line in series._lines.values():
            if not line.points[line.stamps[-1]].seq and len(line.stamps) > 1:
                del line.points[line.stamps.pop()]


@forgetful("blobs-BA2.blobs_are_there_after_reopening")
def versions_forgotten(state):
    """Writes data and version apart, and loses the version."""
    for blobs in state["_blobs"].values():
        blobs._blobs = {key: (data, 0) for key, (data, _) in blobs._blobs.items()}


@forgetful("engine-G14.a_store_can_be_opened_again_and_again")
def emptied_at_the_third_opening(state):
    """Empties what was opened and not used."""
    for table in state["_tables"].values():
        table._opened = vars(table).get("_opened", 0) + 1
        if table._opened > 2:
            table._rows = {}
