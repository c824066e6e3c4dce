"""A device, its synchronizer and a cloud in one thread: seeded chance, virtual time, no sockets.

The device records while requests meet faults and its process dies at any request. The world knows
what was promised and what must hold at every moment; `World.check` says what does not.
"""

import random
from collections.abc import Mapping
from typing import Any, Final

from smok_cloud.api import ApiClient
from smok_cloud.synchronizer import Synchronizer
from smok_cloud.transport import Answer, Limits
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.faults import Fault, FaultKind
from smok_testing.cloud.inprocess import InProcessTransport

from smok_core import Event, Macro, OperationFailedError, SensorWriteEvent, StorageLevel
from smok_core.engine.memory import MemoryEngine
from smok_core.roles import ON_ENGINE, ROLES
from smok_core.settings import StoreContext

START: Final = 1_700_000_000.0
#: Statuses that say nothing about the records; 400 and 422 are the cloud's own decision.
KEEPING: Final = (401, 403, 404, 408, 409, 425, 429, 500, 502, 503, 504)
KINDS: Final = tuple(kind for kind in FaultKind if kind is not FaultKind.GZIP_BOMB)
POISON: Final = "poison"


class Died(BaseException):
    """The device's process was killed in the middle of a request."""


class Clock:
    """Virtual seconds; the wall clock may jump, the monotonic one does not."""

    def __init__(self) -> None:
        self.now, self.jumped = 0.0, 0.0

    def wall(self) -> float:
        """Seconds since the epoch, as the device believes them."""
        return START + self.now + self.jumped

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += max(seconds, 0.0)


class RoughTransport(InProcessTransport):
    """Meets faults at random, refuses large bodies, and may kill the process."""

    def __init__(self, world: "World") -> None:
        super().__init__(world.cloud, world.clock.sleep)
        self._world = world
        self._in_flight = 0

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, limits: Limits
    ) -> Answer:
        chance, self._in_flight = self._world.random, self._in_flight + 1
        assert self._in_flight == 1, "two requests at once"
        assert min(limits.connect, limits.read, limits.total) > 0, "a request without limits"
        try:
            if self._world.rough and chance.random() < 0.35:
                self._world.cloud.faults.add(random_fault(chance, method))
            if self._world.rough and chance.random() < 0.05:
                raise Died
            if len(body) > self._world.largest_body:
                return Answer(413, {}, b"")
            answer = super().send(method, path, headers, body, limits)
            if self._world.rough and chance.random() < 0.05:
                raise Died
            return answer
        finally:
            self._in_flight -= 1


def random_fault(chance: random.Random, method: str) -> Fault:
    """Give a fault of any kind for the next request, which has that method."""
    kind = chance.choice(KINDS)
    status = chance.choice(KEEPING)
    if kind is FaultKind.STATUS and status == 404 and method == "DELETE":
        status = 403  # the API's own 404 says that the key is gone: a lie nobody could see through
    if kind is FaultKind.PAGE_STATUS:
        status = chance.choice((*KEEPING, 400, 422))
    asked = chance.choice((None, "1", "30", "999999", "nonsense", "Fri, 31 Dec 2100 23:59:59 GMT"))
    return Fault(kind=kind, status=status, retry_after=asked, seconds=chance.choice((0.0, 1, 500)))


class World:
    """Everything there is in one run; the same seed gives the same run."""

    def __init__(self, seed: int) -> None:
        self.random, self.clock = random.Random(seed), Clock()
        self.cloud = SandboxCloud()
        self.cloud.poison(lambda record: POISON in str(record))
        self.engine, self.rough, self.largest_body = MemoryEngine(), True, 4000
        self.final: dict[tuple[str, float], Any] = {}
        self.ascending: dict[str, float] = {}
        self.writes: list[SensorWriteEvent] = []
        self.executed: set[tuple[str, int]] = set()
        self.levels: dict[str, int] = {}
        self.plain: dict[str, str | None] = {}
        self.restarts = 0
        self.start()

    def start(self) -> None:
        """Start the process: everything but the store is new."""
        context = StoreContext(store="sim", device="d", options=None, clock=self.clock.wall)
        self.roles: dict[str, Any] = {
            role: made(context, self.engine) for role, made in ON_ENGINE.items()
        }
        self.api = ApiClient("http://cloud.test", transport=RoughTransport(self))
        self.synchronizer = Synchronizer(
            self.roles,
            self.api,
            batch=self.random.choice((1, 3, 10, 50)),
            clock=self.clock.wall,
            monotonic=self.clock.monotonic,
            random=self.random,
        )

    # --- the device ------------------------------------------------------------------------------

    def live(self, steps: int) -> None:
        """Let the device record and synchronize, with everything that can go wrong."""
        actions = (
            self.measure,
            self.measure,
            self.measure_late,
            self.alarm,
            self.end_alarm,
            self.write_sensor,
            self.execute,
            self.define,
            self.change_metadata,
            self.jump,
        )
        for _ in range(steps):
            self.random.choice(actions)()
            self.clock.sleep(self.random.choice((0.1, 1, 10)))
            if self.random.random() < 0.6:
                self.survive(self.synchronizer.step)

    def survive(self, work: Any) -> None:
        """Do it; if the process dies of it, start it again."""
        try:
            work()
        except Died:
            self.restarts += 1
            self.cloud.faults.clear()
            self.start()

    def measure(self) -> None:
        """Record values in ascending order, a batch or one, some poisoned, some failed."""
        path = self.random.choice(("a", "b/c"))
        for _ in range(self.random.choice((1, 1, 7))):
            ts = self.ascending.get(path, 0) + self.random.choice((1, 2, 1000))
            self.ascending[path] = ts
            self._record(path, ts)

    def measure_late(self) -> None:
        """Record at any time: late, again, or with another value."""
        self._record("late", self.random.randrange(1, 12))

    def _record(self, path: str, ts: int) -> None:
        failed = OperationFailedError(timestamp=ts)
        value = self.random.choice((1, 2.5, "text", True, failed, POISON))
        self.roles["pathpoints"].on_new_data(path, ts, value)
        self.final[path, ts] = value

    def alarm(self) -> None:
        """Raise an event."""
        message = self.random.choice(("hot", "cold", POISON))
        event = Event(started_on=int(self.clock.wall()), message=message)
        # The name must come from the seed: a run is repeated by it.
        event.provisional_uuid = f"{self.random.getrandbits(128):032x}"
        self.roles["events"].add_event(event)

    def end_alarm(self) -> None:
        """Close the oldest open event."""
        for event in self.roles["events"].get_open_events():
            self.roles["events"].close_event(event)
            return

    def write_sensor(self) -> None:
        """Log a write to a sensor."""
        fields = {"hr_sensor": "s", "hr_value": "v", "fqts": "a b", "value": "1"}
        reason = self.random.choice(("because", POISON))
        number = len(self.writes)
        event = SensorWriteEvent(timestamp=number, who=f"user {number}", reason=reason, **fields)
        self.roles["sensor_writes"].add_sw(event)
        self.writes.append(event)

    def execute(self) -> None:
        """Execute an occurrence of a macro that the cloud offers."""
        number = len(self.executed)
        macro = Macro(macro_id=f"m{number}", commands={"a": 1}, occurrences_not_done=[number])
        self.roles["macros"].set_macros([macro])
        self.roles["macros"].notify_macro_executed(macro.macro_id, number)
        assert self.roles["macros"].get_macros() == []
        self.executed.add((macro.macro_id, number))

    def define(self) -> None:
        """Define a pathpoint."""
        path, level = self.random.choice(("a", "b/c", "late")), self.random.choice((0, 1))
        self.roles["pathpoints"].define_pathpoint(path, StorageLevel(level))
        self.levels[path] = level

    def change_metadata(self) -> None:
        """Write or delete a metadata key; .. is a key like any other here, and no URL's part."""
        key = self.random.choice(("name", "../../orders", ".."))
        value = self.random.choice(("x", "", f"v{self.clock.now}", None))
        if value is None:
            self.roles["metadata"].delete_plain(key)
        else:
            self.roles["metadata"].put_plain(key, value)
        self.plain[key] = value

    def jump(self) -> None:
        """Let the wall clock jump, also back and to 1970."""
        self.clock.jumped = self.random.choice((0.0, -3600.0, 86400.0, -START))

    # --- what must hold --------------------------------------------------------------------------

    def be_refused(self) -> None:
        """Record and synchronize while the cloud, or a proxy, refuses whatever it gets."""
        self.rough, status = False, self.random.choice((400, 413, 422))
        self.cloud.faults.clear()
        self.cloud.faults.add(Fault(kind=FaultKind.STATUS, status=status, times=None))
        for _ in range(10):
            self.measure()
            self.record_what_is_good()
            self.clock.sleep(4000)
            self.synchronizer.step()
        self.cloud.faults.clear()

    def calm_down(self) -> None:
        """Let the faults end and everything be delivered."""
        self.rough = False
        self.cloud.faults.clear()
        for _ in range(50):
            self.clock.sleep(4000)
            self.record_what_is_good()
            if self.synchronizer.run_once() and not self.pending():
                return
        raise AssertionError(f"still pending: {self.pending()}, {self.synchronizer.statistics}")

    def record_what_is_good(self) -> None:
        """Give the cloud something to take: bad records are set aside while others get through."""
        self.ascending["a"] = ts = self.ascending.get("a", 0) + 1
        self.final["a", ts] = 1
        self.roles["pathpoints"].on_new_data("a", ts, 1)
        event = Event(started_on=int(self.clock.wall()), message="fine")
        event.provisional_uuid = f"{self.random.getrandbits(128):032x}"
        self.roles["events"].add_event(event)
        fields = {"hr_sensor": "s", "hr_value": "v", "fqts": "a b", "value": "1"}
        who = f"user {len(self.writes)}"
        write = SensorWriteEvent(timestamp=len(self.writes), who=who, reason="fine", **fields)
        self.roles["sensor_writes"].add_sw(write)
        self.writes.append(write)

    def pending(self) -> dict[str, int]:
        """Count what still waits, by role."""
        counts = {role: self.roles[role].stats().pending for role in ROLES}
        return {role: count for role, count in counts.items() if count}

    def check_acknowledges(self) -> None:
        """Nothing may have left a queue without having arrived, or being known bad."""
        series = self.engine.series("pathpoints")
        pending = {(point.name, point.ts // 1000) for point in series.pending(10**6)}
        arrived = self._arrived()
        for key, value in self.final.items():
            if key not in pending and not _bad(value):
                assert (*key, _shown(value)) in arrived, f"{key} was acknowledged and never arrived"

    def check(self) -> None:
        """At the end: every good record arrived, in order; dead letters are bad records only."""
        self.check_acknowledges()
        self._check_order()
        self._check_dead_letters()
        self._check_events()
        logged = {write["who"] for write in self.cloud.sensor_writes}
        assert logged == {write.who for write in self.writes if write.reason != POISON}
        assert set(self.cloud.macros_done) == self.executed
        assert {path: self.cloud.definitions.get(path) for path in self.levels} == self.levels
        self._check_metadata()

    def _arrived(self) -> set[tuple[str, float, str]]:
        values = self.cloud.values
        return {(path, ts, repr(value)) for path, points in values.items() for ts, value in points}

    def _check_order(self) -> None:
        for path in ("a", "b/c"):
            stamps = [ts for ts, _ in self.cloud.values.get(path, ())]
            first = list(dict.fromkeys(stamps))
            assert first == sorted(first), f"{path} arrived out of order"

    def _check_dead_letters(self) -> None:
        for role, database in self.roles.items():
            for letter in database.get_dead_letters():
                bad = POISON in str(letter.record) or letter.key == ".."
                assert bad, f"{role}: a good record is among the dead letters: {letter}"

    def _check_events(self) -> None:
        known = self.cloud.events
        for event in self.roles["events"].get_all_events():
            if event.message == POISON:
                continue
            assert event.uuid in known, f"{event} never arrived"
            assert known[event.uuid].get("ended_on") == event.ended_on, "the end never arrived"

    def _check_metadata(self) -> None:
        for key, value in self.plain.items():
            if key != "..":
                stored = self.cloud.metadata.get(key)
                assert (stored[0] if stored else None) == value, f"metadata {key!r}"
        assert not any("orders" in r.path.split("plain/")[0] for r in self.cloud.requests)


def _bad(value: Any) -> bool:
    return value == POISON


def _shown(value: Any) -> str:
    """Give a value as the cloud shows it."""
    failed = isinstance(value, OperationFailedError)
    return repr({"error_code": value.reason.value} if failed else value)


def run(seed: int, steps: int = 40, *, refusing: bool = False) -> World:
    """Run one world from start to end and check it; the seed is all one needs to repeat it.

    Args:
        seed: Of everything that is left to chance.
        steps: How often the device does something.
        refusing: Let the cloud refuse everything for a while.
    """
    world = World(seed)
    for _ in range(4):
        world.live(steps // 4)
        world.check_acknowledges()
    if refusing:
        world.be_refused()
        world.check_acknowledges()
    world.calm_down()
    world.check()
    return world
