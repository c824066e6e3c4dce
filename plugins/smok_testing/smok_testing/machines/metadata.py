"""Metadata against a dict: local writes, the cloud's writes, deletions, uploads, clocks."""

import msgspec

from smok_core.roles import BaseMetadataDatabase
from smok_testing.checks import expect, same
from smok_testing.harness import Harness
from smok_testing.machines.running import Machine, precondition, rule, strategies

KEYS = strategies.sampled_from(["a", "b"])
VALUES = strategies.sampled_from(["", "1", "2"])
TIMES = strategies.sampled_from([-1.0, 5.0, 5.5, 9.0])


class Entry(msgspec.Struct):
    """What a key should hold; None is a deletion that waits."""

    value: str | None
    timestamp: float
    waits: bool


class MetadataMachine(Machine):
    """Every rule does one call on the role and the same to a dict."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness)
        harness.fresh_roles()
        self.model: dict[str, Entry] = {}

    @property
    def metadata(self) -> BaseMetadataDatabase:
        """Return the role."""
        return self.harness.roles.metadata

    @rule(key=KEYS, value=VALUES, timestamp=TIMES | strategies.none())
    def put(self, key: str, value: str, timestamp: float | None) -> None:
        """Write locally, at a given time or now."""
        self.metadata.put_plain(key, value, timestamp)
        self.model[key] = Entry(value, self._time(key, timestamp), waits=True)

    def _time(self, key: str, given: float | None) -> float:
        """Learn the time of a write without one: not before the clock, after what was stored."""
        if given is not None:
            return given
        found = {name: ts for name, _, ts in self.metadata.get_all_plain()}[key]
        old = self.model.get(key)
        later = old is None or found > old.timestamp
        expect(found >= self.harness.clock.now and later, f"{key!r} written now is dated {found}")
        return found

    @rule(key=KEYS, value=VALUES, timestamp=TIMES)
    def update(self, key: str, value: str, timestamp: float) -> None:
        """The cloud has a value, perhaps an older one."""
        self.metadata.update_plain(key, value, timestamp)
        old = self.model.get(key)
        if old is None or timestamp > old.timestamp:
            self.model[key] = Entry(value, timestamp, waits=False)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        """Delete locally."""
        self.metadata.delete_plain(key)
        entry = self.model.get(key)
        if entry is not None and entry.value is not None:
            # At least so late; where the clock is behind, the store dates it later.
            later = max(self.harness.clock.now, entry.timestamp)
            self.model[key] = Entry(None, later, waits=True)

    @rule(interrupted=strategies.booleans(), key=KEYS)
    def upload(self, interrupted: bool, key: str) -> None:
        """The cloud gets all changes; one key may be written meanwhile."""
        batch = self.metadata.get_plain_to_sync()
        pending = {name: entry.value for name, entry in self.model.items() if entry.waits}
        found = {change.key: change.value for change in batch.changes} if batch else {}
        same(found, pending, "the upload")
        if interrupted:
            self.put(key, "meanwhile", None)
        if batch:
            batch.acknowledge()
        for name in set(found) - ({key} if interrupted else set()):
            self.model[name].waits = False
            if found[name] is None:
                del self.model[name]

    @rule(now=strategies.sampled_from([0.0, 6.0, 100.0]))
    def set_the_clock(self, now: float) -> None:
        """The clock jumps."""
        self.harness.clock.now = now

    @precondition(lambda self: self.persistent)
    @rule()
    def restart(self) -> None:
        """The process ends and starts again."""
        self.harness.reopen_roles()

    def check(self) -> None:
        """All values and the count of what waits are what the dict says."""
        found = {key: (value, ts) for key, value, ts in self.metadata.get_all_plain()}
        wanted = {
            key: (entry.value, entry.timestamp)
            for key, entry in self.model.items()
            if entry.value is not None
        }
        same(found, wanted, "all values")
        pending = sum(entry.waits for entry in self.model.values())
        same(self.metadata.stats().pending, pending, "changes that wait")
