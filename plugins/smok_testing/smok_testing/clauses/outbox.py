"""The outbox: every role's queue, batch by batch, through answers, silence and restarts."""

import functools
from collections.abc import Callable
from typing import Any

from smok_core.hookspecs import Capability
from smok_testing.checks import expect, same
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness
from smok_testing.queues import QUEUES, Queue, numbers

PERSISTENT: dict[str, Any] = {"level": Level.DURABLE, "needs": Capability.PERSISTENT}


def of_each_queue(
    *ids: str, changing: bool = False, counted: bool = False, **more: Any
) -> Callable[[Any], Any]:
    """Register a check once for each queue, under that queue's role.

    Args:
        ids: Of the contract.
        changing: Only for queues whose items can change.
        counted: Only for queues that the role's statistics count.
        more: What `clauses_of` takes.
    """

    def register(check: Any) -> Any:
        for queue in QUEUES:
            if (queue.change or not changing) and (queue.counted or not counted):
                clauses_of(queue.role)(*ids, **more)(_for(queue, check))
        return check

    return register


def _for(queue: Queue, check: Any) -> Callable[[Harness], None]:
    @functools.wraps(check)
    def run(harness: Harness) -> None:
        check(harness, queue)

    run.__name__ = f"{check.__name__}_{queue.name}"
    return run


def fill(harness: Harness, queue: Queue, first: int, last: int) -> None:
    """Make the items ``first`` to ``last``."""
    for number in numbers(first, last):
        queue.add(harness.roles, number)


def acknowledge_all(harness: Harness, queue: Queue) -> None:
    """Acknowledge everything that waits."""
    while batch := queue.take(harness.roles, 1000):
        queue.acknowledge(batch)


@of_each_queue("Q1")
def nothing_waits_at_first(harness: Harness, queue: Queue) -> None:
    """An empty queue hands over something falsy."""
    expect(not queue.take(harness.roles, 10), "a batch of an empty queue is truthy")


@of_each_queue("Q1", "G8")
def a_batch_is_bounded_and_oldest_first(harness: Harness, queue: Queue) -> None:
    """At most ``limit`` items come, in the order they were made, whatever the clock said."""
    for number in numbers(1, 5):
        harness.clock.now -= 3600
        queue.add(harness.roles, number)
    batch = queue.take(harness.roles, 2)
    same((len(batch), queue.seen(batch)), (2, [1, 2]), "the first two of five")
    queue.acknowledge(batch)
    same(queue.offered(harness.roles, 2), [3, 4], "the next two")


@of_each_queue("Q1")
def asking_again_gives_the_same_batch(harness: Harness, queue: Queue) -> None:
    """While a batch is out, asking again gives it again, even if more has arrived."""
    fill(harness, queue, 1, 3)
    first = queue.take(harness.roles, 10)
    fill(harness, queue, 4, 5)
    again = queue.take(harness.roles, 10)
    same(queue.seen(again), [1, 2, 3], "the batch when asked again")
    same(again.to_json(), first.to_json(), "its JSON")
    queue.acknowledge(again)
    same(queue.offered(harness.roles), [4, 5], "what is offered after its acknowledgement")


@of_each_queue("Q2")
def acknowledging_acknowledges_exactly_the_batch(harness: Harness, queue: Queue) -> None:
    """What was added after the batch stays pending."""
    fill(harness, queue, 1, 3)
    batch = queue.take(harness.roles, 10)
    fill(harness, queue, 4, 4)
    queue.acknowledge(batch)
    same(queue.offered(harness.roles), [4], "what is offered")
    acknowledge_all(harness, queue)
    expect(not queue.take(harness.roles, 10), "something is offered after all was acknowledged")


@of_each_queue("Q2", changing=True)
def what_changed_meanwhile_goes_again(harness: Harness, queue: Queue) -> None:
    """An item that changed during its upload is offered again with its new content."""
    assert queue.change
    fill(harness, queue, 1, 3)
    batch = queue.take(harness.roles, 10)
    before = batch.to_json()
    queue.change(harness.roles, 2)
    same(batch.to_json(), before, "a batch that is out, after one of its items changed")
    queue.acknowledge(batch)
    again = queue.take(harness.roles, 10)
    same(queue.seen(again), [2], "what is offered")
    expect(again.to_json()[0] not in before, f"the old content was offered: {again.to_json()}")


@of_each_queue("Q3")
def a_negative_answer_loses_nothing(harness: Harness, queue: Queue) -> None:
    """After a negative acknowledgement the same items are offered again, in the same order."""
    fill(harness, queue, 1, 3)
    for _ in range(2):
        batch = queue.take(harness.roles, 10)
        same(queue.seen(batch), [1, 2, 3], "what is offered")
        queue.refuse(batch)
        queue.refuse(batch)
    fill(harness, queue, 4, 4)
    same(queue.offered(harness.roles), [1, 2, 3, 4], "what is offered in the end")


@of_each_queue("Q4")
def acknowledging_twice_is_harmless(harness: Harness, queue: Queue) -> None:
    """A second acknowledgement, also beside a newer batch, acknowledges nothing more."""
    fill(harness, queue, 1, 2)
    old = queue.take(harness.roles, 10)
    queue.acknowledge(old)
    queue.acknowledge(old)
    fill(harness, queue, 3, 4)
    new = queue.take(harness.roles, 10)
    queue.acknowledge(old)
    queue.refuse(old)
    same(queue.offered(harness.roles), [3, 4], "what is offered")
    queue.acknowledge(new)
    expect(not queue.take(harness.roles, 10), "something is offered after all was acknowledged")


@of_each_queue("Q4", "U2")
def parts_are_acknowledged_for_themselves(harness: Harness, queue: Queue) -> None:
    """A part of a batch can be acknowledged alone; the rest is offered again."""
    fill(harness, queue, 1, 4)
    whole = queue.take(harness.roles, 10)
    part = whole.part(1, 3)
    same((len(part), queue.seen(part)), (2, [2, 3]), "items 2 and 3 of the batch")
    queue.acknowledge(part)
    same(queue.offered(harness.roles), [1, 4], "what is offered")
    queue.acknowledge(whole)
    expect(not queue.take(harness.roles, 10), "something is offered after all was acknowledged")


@of_each_queue("Q4", "Q1", "U2")
def a_part_leaves_the_rest_of_its_batch_out(harness: Harness, queue: Queue) -> None:
    """While parts of a batch are not answered, they are out, and nothing newer is."""
    fill(harness, queue, 1, 4)
    whole = queue.take(harness.roles, 10)
    fill(harness, queue, 5, 5)
    queue.acknowledge(whole.part(0, 2))
    same(queue.offered(harness.roles), [3, 4], "what is offered while half of the batch is out")
    queue.acknowledge(whole.part(2, 4))
    same(queue.offered(harness.roles), [5], "what is offered once all of it is answered")


@of_each_queue("Q4", "Q1")
def a_late_answer_leaves_the_batch_that_is_out_alone(harness: Harness, queue: Queue) -> None:
    """A second answer neither releases nor acknowledges what is out now, though it is the same."""
    fill(harness, queue, 1, 2)
    old = queue.take(harness.roles, 10)
    queue.acknowledge(old)
    fill(harness, queue, 3, 4)
    out = queue.take(harness.roles, 10)
    fill(harness, queue, 5, 5)
    answer_late(queue, old)
    same(queue.offered(harness.roles), [3, 4], "what is out after late answers of the batch before")
    queue.refuse(out)
    again = queue.take(harness.roles, 10)
    fill(harness, queue, 6, 6)
    answer_late(queue, out)
    same(queue.offered(harness.roles), [3, 4, 5], "what is out after late answers of what it was")
    queue.refuse(again)
    same(queue.offered(harness.roles), [3, 4, 5, 6], "what is offered in the end")
    same(list(harness.roles[queue.role].get_dead_letters()), [], "dead letters")


@of_each_queue("Q4", "Q1")
def a_late_answer_of_a_part_changes_nothing(harness: Harness, queue: Queue) -> None:
    """Parts of a batch that is not out any more answer for nothing."""
    fill(harness, queue, 1, 4)
    old = queue.take(harness.roles, 10)
    first, second = old.part(0, 2), old.part(2, 4)
    queue.acknowledge(first)
    queue.refuse(old)
    fill(harness, queue, 5, 5)
    out = queue.take(harness.roles, 10)
    fill(harness, queue, 6, 6)
    for part in (first, second):
        answer_late(queue, part)
    same(queue.offered(harness.roles), [3, 4, 5], "what is out after late answers of parts")
    queue.acknowledge(out)
    same(queue.offered(harness.roles), [6], "what is offered after it was acknowledged")
    same(list(harness.roles[queue.role].get_dead_letters()), [], "dead letters")


def answer_late(queue: Queue, batch: Any) -> None:
    """Answer a batch in every way there is."""
    queue.acknowledge(batch)
    queue.refuse(batch)
    batch.reject("too late")


@of_each_queue("Q1")
def a_backlog_of_thousands_drains_in_order(harness: Harness, queue: Queue) -> None:
    """More items than a batch holds come batch by batch, each once, oldest first."""
    fill(harness, queue, 1, 350)
    seen: list[int] = []
    while batch := queue.take(harness.roles, 100):
        seen += queue.seen(batch)
        queue.acknowledge(batch)
    same(seen, numbers(1, 350), "everything that was handed over")


@of_each_queue("Q5", counted=True)
def stats_tell_the_backlog(harness: Harness, queue: Queue) -> None:
    """The count of what waits follows additions and acknowledgements; nothing was dropped."""
    role = harness.roles[queue.role]
    same((role.stats().pending, role.stats().oldest_pending), (0, None), "an empty queue")
    fill(harness, queue, 1, 3)
    same((role.stats().pending, role.stats().dropped), (3, 0), "three items")
    expect(role.stats().oldest_pending is not None, "the age of the oldest item is not told")
    queue.acknowledge(queue.take(harness.roles, 2))
    same(role.stats().pending, 1, "items that wait after two were acknowledged")


@of_each_queue("G11", "U2")
def rejected_items_become_dead_letters(harness: Harness, queue: Queue) -> None:
    """What the cloud refuses for good leaves the queue, is kept, counted and can be requeued."""
    fill(harness, queue, 1, 3)
    queue.take(harness.roles, 10).part(1, 2).reject("the server said 422")
    same(queue.offered(harness.roles), [1, 3], "what is offered")
    role = harness.roles[queue.role]
    letters = list(role.get_dead_letters())
    same((len(letters), role.stats().dead), (1, 1), "dead letters and their count")
    same((letters[0].role, letters[0].reason), (queue.role, "the server said 422"), "the letter")
    acknowledge_all(harness, queue)
    role.requeue_dead_letter(letters[0].id)
    same(queue.offered(harness.roles), [2], "what is offered after it was requeued")
    same(list(role.get_dead_letters()), [], "dead letters in the end")


@of_each_queue("Q3", **PERSISTENT)
def the_queue_survives_a_restart(harness: Harness, queue: Queue) -> None:
    """What was handed over and not answered is offered again after a restart."""
    fill(harness, queue, 1, 3)
    queue.acknowledge(queue.take(harness.roles, 1))
    queue.take(harness.roles, 10)
    harness.reopen_roles()
    same(queue.offered(harness.roles), [2, 3], "what is offered after the restart")
    fill(harness, queue, 4, 4)
    acknowledge_all(harness, queue)
    harness.reopen_roles()
    expect(not queue.take(harness.roles, 10), "what was acknowledged is offered after a restart")


@of_each_queue("Q4", changing=True, **PERSISTENT)
def changes_after_a_restart_go_again(harness: Harness, queue: Queue) -> None:
    """An item that was acknowledged, and changes after a restart, is offered again."""
    assert queue.change
    fill(harness, queue, 1, 2)
    acknowledge_all(harness, queue)
    harness.reopen_roles()
    queue.change(harness.roles, 2)
    harness.reopen_roles()
    same(queue.offered(harness.roles), [2], "what is offered")


@of_each_queue("G11", **PERSISTENT)
def dead_letters_survive_a_restart(harness: Harness, queue: Queue) -> None:
    """What was set aside is there after a restart and can still be requeued."""
    fill(harness, queue, 1, 1)
    queue.take(harness.roles, 10).reject("bad")
    harness.reopen_roles()
    role = harness.roles[queue.role]
    letters = list(role.get_dead_letters())
    same([letter.reason for letter in letters], ["bad"], "reasons of the dead letters")
    role.requeue_dead_letter(letters[0].id)
    same(queue.offered(harness.roles), [1], "what is offered")
