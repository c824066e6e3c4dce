"""Roles: many threads at once."""

import itertools
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from smok_core.databases import Databases
from smok_core.model import Event, Macro, Sensor
from smok_testing.checks import expect, same
from smok_testing.clause import Level, clauses_of
from smok_testing.clauses.outbox import answer_late, of_each_queue
from smok_testing.harness import Harness
from smok_testing.queues import Queue, numbers
from smok_testing.threads import at_once

CONCURRENT: dict[str, Any] = {"level": Level.CONCURRENT}
THREADS, TURNS = 4, 20


@of_each_queue("G1", "Q2", **CONCURRENT)
def an_upload_beside_writers_loses_nothing(harness: Harness, queue: Queue) -> None:
    """While threads add items an uploader hands over each of them at least once."""
    roles, ended, seen = harness.roles, threading.Event(), list[int]()
    busy = threading.Semaphore(0)

    def write(me: int) -> None:
        for turn in range(TURNS):
            queue.add(roles, me * 1000 + turn)
        busy.release()

    def wait() -> None:
        for _ in range(THREADS):
            busy.acquire(timeout=60)
        ended.set()

    def upload() -> None:
        while True:
            last, batch = ended.is_set(), queue.take(roles, 7)
            if batch:
                seen.extend(queue.seen(batch))
                queue.acknowledge(batch)
            elif last:
                return

    at_once(*(partial(write, me) for me in range(THREADS)), wait, upload)
    wanted = [me * 1000 + turn for me in range(THREADS) for turn in range(TURNS)]
    same(sorted(set(seen)), wanted, "what was handed over")


@of_each_queue("Q4", "G1", **CONCURRENT)
def late_answers_of_threads_change_nothing(harness: Harness, queue: Queue) -> None:
    """However many threads answer old batches, what is out stays out until it is answered."""
    roles, old, ended = harness.roles, list[Any](), threading.Event()
    answered = threading.Semaphore(0)

    def answer() -> None:
        while not ended.wait(0.001):  # gives way: the lock is not fair to who comes last
            for batch in old[-3:]:
                answer_late(queue, batch)
            answered.release()

    def upload() -> None:
        try:
            for turn in range(1, TURNS, 2):
                _upload_two(roles, queue, turn, old, answered)
        finally:
            ended.set()

    at_once(answer, answer, upload)
    same(list(roles[queue.role].get_dead_letters()), [], "dead letters")


def _upload_two(
    roles: Databases, queue: Queue, first: int, old: list[Any], answered: threading.Semaphore
) -> None:
    queue.add(roles, first)
    batch = queue.take(roles, 10)
    queue.add(roles, first + 1)
    for _ in range(3):
        while answered.acquire(blocking=False):
            pass  # those came before: only a round that ends from here on is meant
        for _ in range(3):
            answered.acquire(timeout=60)
        same(queue.seen(queue.take(roles, 10)), [first], "the batch that is out")
    queue.acknowledge(batch)
    second = queue.take(roles, 10)
    same(queue.seen(second), [first + 1], "the batch after it")
    queue.acknowledge(second)
    old += [batch, second, second.part(0, 1)]


@of_each_queue("Q1", "G1", **CONCURRENT)
def threads_that_ask_together_get_one_batch(harness: Harness, queue: Queue) -> None:
    """However many ask at once, there is one batch with one content."""
    for number in numbers(1, 5):
        queue.add(harness.roles, number)
    found = at_once(*[lambda: queue.seen(queue.take(harness.roles, 3))] * THREADS)
    same(found, [[1, 2, 3]] * THREADS, "the batches")


@clauses_of("metadata")("G1", "ME4", **CONCURRENT)
def puts_and_deletions_meet(harness: Harness) -> None:
    """Of threads that put and delete one key, the last one counts here and for the cloud."""
    metadata = harness.roles.metadata
    for turn in range(TURNS):
        metadata.put_plain("k", "before")
        puts = [partial(metadata.put_plain, "k", f"{me}-{turn}") for me in range(THREADS // 2)]
        at_once(*puts, *[partial(metadata.delete_plain, "k")] * (THREADS // 2))
        batch = metadata.get_plain_to_sync()
        assert batch
        here = {key: value for key, value, _ in metadata.get_all_plain()}
        same(here.get("k"), batch.changes[0].value, "the value here, beside that for the cloud")
        batch.acknowledge()


@clauses_of("events")("G1", "EV1", **CONCURRENT)
def an_event_is_closed_once(harness: Harness) -> None:
    """Of threads that close one event at once, one decides when it ended."""
    events = harness.roles.events
    for turn in range(TURNS):
        name = f"e{turn}"
        events.add_event(Event(started_on=0, provisional_uuid=name))
        ends = [partial(_end, harness, name, 100 + me) for me in range(THREADS)]
        seen = at_once(*ends)
        found = {e.provisional_uuid: e.ended_on for e in events.get_all_events()}
        expect(set(seen) == {found[name]}, f"it ended at {found[name]}, threads saw {set(seen)}")


def _end(harness: Harness, name: str, ended_on: int) -> int | None:
    given = Event(started_on=0, provisional_uuid=name, ended_on=ended_on)
    harness.roles.events.close_event(given)
    found = {e.provisional_uuid: e.ended_on for e in harness.roles.events.get_all_events()}
    return found[name]


@clauses_of("macros")("G1", "MA1", **CONCURRENT)
def nothing_runs_twice_beside_a_new_list(harness: Harness) -> None:
    """While the cloud's list is taken over again and again, what ran stays executed."""
    macros, ended = harness.roles.macros, threading.Event()
    offer = [Macro(macro_id=f"m{n}", occurrences_not_done=[1, 2]) for n in range(TURNS)]
    macros.set_macros(offer)

    def execute() -> None:
        for macro in offer:
            macros.notify_macro_executed(macro.macro_id, 1)
            left = {m.macro_id: m.occurrences_not_done for m in macros.get_macros()}
            same(left[macro.macro_id], [2], f"what is left of {macro.macro_id}")
        ended.set()

    def offer_again() -> None:
        while not ended.is_set():
            macros.set_macros(offer)

    at_once(execute, offer_again)
    same({m.macro_id: m.occurrences_not_done for m in macros.get_macros()},
         {m.macro_id: [2] for m in offer}, "what is left")  # fmt: skip


@clauses_of("sensors")("SE1", "G1", **CONCURRENT)
def a_reader_sees_an_old_or_a_new_list(harness: Harness) -> None:
    """While lists replace each other, every reading gives one of them as a whole."""
    sensors, ended = harness.roles.sensors, threading.Event()
    lists = [
        [Sensor(fqts=f"s{n}", path=str(kind), type_name="t") for n in range(9 + kind)]
        for kind in range(2)
    ]
    sensors.on_sensors_sync(lists[0])

    def write() -> None:
        for turn in range(TURNS):
            sensors.on_sensors_sync(lists[turn % 2])
        ended.set()

    def read() -> None:
        while not ended.is_set():
            found = list(sensors.get_all_sensors())
            expect(found in lists, f"{len(found)} sensors of {[one.path for one in found]}")

    at_once(write, read, read)


@clauses_of("general")("G1", **CONCURRENT)
def all_roles_at_once(harness: Harness) -> None:
    """Threads that each use another role do not disturb each other, housekeeping included."""
    roles, housekept = harness.roles, threading.Event()

    def repeat(call: Callable[[int], Any]) -> Callable[[], int]:
        """Go on as long as there is housekeeping: nobody may be done before it begins."""

        def turns() -> int:
            for turn in itertools.count():
                if turn >= TURNS and housekept.is_set():
                    break
                call(turn)
            return turn

        return turns

    def keep_house() -> None:
        try:
            for _ in range(TURNS):
                roles.checkpoint()
        finally:
            housekept.set()

    _, values, texts, *_, predicates = at_once(
        keep_house,
        repeat(lambda n: roles.pathpoints.on_new_data("p", n, n)),
        repeat(lambda n: roles.metadata.put_plain(f"k{n}", str(n))),
        repeat(lambda n: roles.events.set_cache("p", [n])),
        repeat(lambda n: roles.baobs.set_baob_value("b", b"%d" % n, n)),
        repeat(lambda n: roles.archives.on_archiving_data_sync({n + 1: ["p"]})),
        repeat(lambda _: roles.flush()),
        repeat(lambda _: roles.health()),
        repeat(lambda _: list(roles.pathpoints.get_archive_data("p"))),
        repeat(lambda n: roles.predicates.update_predicate({"predicate_id": str(n)})),
    )
    found = (roles.pathpoints.stats().rows, roles.metadata.stats().rows, roles.baobs.stats().rows)
    same(found, (values, texts, 1), "values, metadata and BAOBs")
    same(len(roles.predicates.get_all_predicates()), predicates, "predicates")
