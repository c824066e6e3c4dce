"""A role's upload queue against a list: batches, answers, silence, changes, restarts, clocks."""

from typing import Any, NamedTuple

import msgspec

from smok_testing.checks import same
from smok_testing.harness import Harness
from smok_testing.machines.running import Machine, precondition, rule, strategies
from smok_testing.queues import Queue

NUMBERS = strategies.integers(1, 4)


class Item(msgspec.Struct):
    """What is known of an item of the queue."""

    content: int = -1
    version: int = 0  #: when it last changed; also its place in the queue
    waits: bool = False


class Out(NamedTuple):
    """A batch or a part of one, and the versions it was made of."""

    batch: Any
    content: tuple[tuple[int, int], ...]
    take: int  #: which take it came from; only answers for the last one count


class QueueMachine(Machine):
    """Every rule does one call on a role and the same to a dict of items."""

    def __init__(self, harness: Harness, queue: Queue) -> None:
        super().__init__(harness)
        self.queue, self.clock = queue, harness.clock
        harness.fresh_roles()
        self.items: dict[int, Item] = {}
        self.current: Out | None = None
        self.body: list[Any] = []
        self.old: list[Out] = []
        self.version = self.takes = 0
        self.left: tuple[tuple[int, int], ...] = ()  #: of the last take, what is not answered

    @rule(number=NUMBERS)
    def add(self, number: int) -> None:
        """Make an item, perhaps once more."""
        self.queue.add(self.harness.roles, number)
        item = self.items.get(number)
        again = {
            "events": False,
            "executions": False,
            "writes": item is not None and not item.waits,
            "changes": True,
        }.get(self.queue.name, item is not None and item.content != 0)
        if item is None or again:
            self._bump(number, 0)

    @precondition(lambda self: self.queue.change and self.items)
    @rule(data=strategies.data())
    def change(self, data: Any) -> None:
        """Change an item, perhaps while it is out, perhaps to what it is."""
        number = data.draw(strategies.sampled_from(sorted(self.items)))
        assert self.queue.change
        self.queue.change(self.harness.roles, number)
        if self.items[number].content != 1 or self.queue.name == "changes":
            self._bump(number, 1)

    def _bump(self, number: int, content: int) -> None:
        self.version += 1
        self.items[number] = Item(content, self.version, waits=True)

    @rule(limit=strategies.integers(1, 5))
    def take(self, limit: int) -> None:
        """Ask for a batch: the one that is out, or a new one."""
        batch = self.queue.take(self.harness.roles, limit)
        if not self.left:
            self.takes, self.left = self.takes + 1, tuple(self._pending()[:limit])
            self.current = None
        found = self.queue.seen(batch) if batch else []
        same(sorted(found), sorted(number for number, _ in self.left), f"a batch of {limit}")
        if batch and self.current and self.current.content == self.left:
            same(batch.to_json(), self.body, "the batch that is out, when asked again")
        self.body = batch.to_json() if batch else []
        self.current = Out(batch, self.left, self.takes) if batch else None

    def _pending(self) -> list[tuple[int, int]]:
        found = [(number, item.version) for number, item in self.items.items() if item.waits]
        return sorted(found, key=lambda pair: pair[1])

    @precondition(lambda self: self.current)
    @rule()
    def acknowledge(self) -> None:
        """The cloud has the batch."""
        self._acknowledge(self.current)

    @precondition(lambda self: self.old)
    @rule()
    def acknowledge_again(self) -> None:
        """An answer comes twice, or late."""
        self._acknowledge(self.old[-1])

    @precondition(lambda self: self.old)
    @rule()
    def refuse_again(self) -> None:
        """A negative answer comes twice, or late."""
        self.queue.refuse(self.old[-1].batch)
        self._answered(self.old[-1])

    @precondition(lambda self: self.current and len(self.current.content) > 1)
    @rule()
    def acknowledge_a_part(self) -> None:
        """The cloud has the oldest item of the batch."""
        whole = self.current
        assert whole
        part = whole.batch.part(0, 1)
        first = self.queue.seen(part)
        content = tuple(pair for pair in whole.content if pair[0] in first)
        self._acknowledge(Out(part, content, whole.take))
        self.old.append(whole)

    def _acknowledge(self, out: Out | None) -> None:
        assert out
        self.queue.acknowledge(out.batch)
        for number, version in set(out.content) & set(self.left):
            if out.take == self.takes and self.items[number].version == version:
                self.items[number].waits = False
        self._answered(out)

    def _answered(self, out: Out) -> None:
        if out.take == self.takes:
            self.left = tuple(pair for pair in self.left if pair not in out.content)
        self.old.append(out)
        self.current = self.current if self.left else None

    @precondition(lambda self: self.current)
    @rule()
    def refuse(self) -> None:
        """The batch did not arrive."""
        assert self.current
        self.queue.refuse(self.current.batch)
        self._answered(self.current)

    @rule(now=strategies.sampled_from([0.0, 1.6e9, 1.7e9, 4e9]))
    def set_the_clock(self, now: float) -> None:
        """The clock jumps."""
        self.clock.now = now

    @precondition(lambda self: self.persistent)
    @rule()
    def restart(self) -> None:
        """The process ends with whatever is out, and starts again."""
        self.harness.reopen_roles()
        self.current, self.old, self.left = None, [], ()

    def check(self) -> None:
        """The statistics agree with the list."""
        if self.queue.counted:
            pending = self.harness.roles[self.queue.role].stats().pending
            same(pending, len(self._pending()), "items that wait")

    def end(self) -> None:
        """In the end everything that waits is offered, oldest first."""
        if self.current:
            self.queue.refuse(self.current.batch)
        found = self.queue.offered(self.harness.roles)
        same(sorted(found), sorted(number for number, _ in self._pending()), "the whole backlog")
