"""Wrong when two do something at once: roles and engines that look, and write a moment later."""

import time

from plugins.smok_testing.tests.mutants.base import ShelfEngine, engine, role
from smok_core.errors import NotFound
from smok_core.roles.events import EventDatabase
from smok_core.roles.macros import MacroDatabase
from smok_core.roles.metadata import MetadataDatabase
from smok_core.roles.sensors import SensorDatabase

#: Seconds between a look and a write: long enough for every other thread to come in between.
MOMENT = 0.002


@role("events", "G1.an_event_is_closed_once")
class LooksThenCloses(EventDatabase):
    """Closes what was open when it looked."""

    def close_event(self, event):
        row, stored = self.stored(self._table, event.provisional_uuid, self._load)
        time.sleep(MOMENT)
        if not stored.is_closed():
            stored.ended_on = event.ended_on
            self._table.put(row.key, self._dump(stored), pending=True)


@role("macros", "G1.nothing_runs_twice_beside_a_new_list")
class TakesOverALateList(MacroDatabase):
    """Takes what ran out of a list, and stores it a moment later for good."""

    def set_macros(self, macros):
        done = {execution for _, execution in self._executions()}
        time.sleep(MOMENT)
        self._table.replace({m.macro_id: self._dump(self._left(m, done)) for m in macros})

    def get_macros(self):
        return [self._load(row) for row in self._table.rows()]

    def _left(self, macro, done):
        left = [ts for ts in macro.occurrences_not_done if (macro.macro_id, ts) not in done]
        return type(macro)(macro_id=macro.macro_id, occurrences_not_done=left)


@role("metadata", "G1.puts_and_deletions_meet")
class ValuesBesideChanges(MetadataDatabase):
    """Keeps values apart from the changes that wait, and writes one after the other."""

    def __init__(self, context, engine):
        super().__init__(context, engine)
        self._here = engine.table("metadata.here")

    def put_plain(self, key, value, timestamp=None):
        self._here.put(key, value.encode())
        time.sleep(MOMENT)
        super().put_plain(key, value, timestamp)

    def delete_plain(self, key):
        self._here.delete(key)
        super().delete_plain(key)

    def get_plain(self, key):
        row = self._here.get(key)
        if row is None:
            raise NotFound(self.role, key)
        return row.value.decode()

    def get_all_plain(self):
        return ((row.key, row.value.decode(), row.stamp) for row in self._here.rows())


@role("sensors", "SE1.a_reader_sees_an_old_or_a_new_list")
class EmptiesThenFills(SensorDatabase):
    """Replaces sensor by sensor."""

    def on_sensors_sync(self, sensors):
        self._table.replace({})
        time.sleep(MOMENT)
        super().on_sensors_sync(sensors)


@engine("general-G1.all_roles_at_once")
class CompactsACopy(ShelfEngine):
    """Copies its tables, tidies the copies, and puts them in place a moment later."""

    def checkpoint(self):
        copies = {name: dict(table._rows) for name, table in list(self._tables.items())}
        time.sleep(5 * MOMENT)
        for name, rows in copies.items():
            self._tables[name]._rows = rows
