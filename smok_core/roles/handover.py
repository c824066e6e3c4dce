"""Hand-over to the uploader: batches that are settled only by an answer (contract Q).

A role has a `Desk`; the desk gives out at most one `HandOver` at a time and gives the same one
again until it is settled. Nothing is remembered in between: a hand-over that is forgotten, or
dies with the process, is simply made again from the queue.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, TypeVar

from smok_core.engine.base import Row, Settlement
from smok_core.engine.forks import Layer, fork_safe_lock
from smok_core.roles.base import BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smok_core.engine.base import Table
    from smok_core.roles.base import OnEngine

__all__ = ["Desk", "HandOver", "Item", "TableHandOver", "TableQueue"]

T = TypeVar("T")


class HandOver(ABC):
    """A batch on its way to the cloud, oldest first; falsy when it is empty.

    It does not change once it is made. Every role's own class adds the seed's method names.
    """

    @abstractmethod
    def __len__(self) -> int:
        """Count the items."""

    def __bool__(self) -> bool:
        return len(self) > 0

    @abstractmethod
    def to_json(self) -> list[Any]:
        """Give the body that the cloud's API takes for this batch."""

    @abstractmethod
    def part(self, start: int, stop: int) -> Self:
        """Give the items ``start..stop-1`` as a hand-over that is settled for itself."""

    @abstractmethod
    def reject(self, reason: str) -> None:
        """Move all items to the dead letters: the cloud refused each of them for good."""


H = TypeVar("H", bound=HandOver)


class Desk(Generic[H]):
    """Gives out one hand-over at a time; thread-safe."""

    def __init__(self, make: Callable[[int], H]) -> None:
        self._make, self._lock = make, fork_safe_lock(Layer.ROLE)
        self._current: H | None = None

    def take(self, limit: int = BATCH) -> H:
        """Give the hand-over that is out, or make one of at most ``limit`` items."""
        with self._lock:
            if self._current is None:
                made = self._make(limit)
                self._current = made or None
                return made
            return self._current

    def release(self) -> None:
        """Forget the hand-over that is out: the next one is made from the queue as it is then."""
        with self._lock:
            self._current = None


class Item(NamedTuple, Generic[T]):
    """A decoded row of a queue."""

    row: Row
    value: T


class TableQueue(Generic[T]):
    """The rows of a table that wait, decoded.

    Args:
        database: The role it serves.
        table: Where the rows are.
        load: Turns a row into what the role hands over.
        remove: Whether a settled row leaves the table: a flag, or asked for each item.
    """

    def __init__(
        self,
        database: OnEngine,
        table: Table,
        load: Callable[[Row], T],
        *,
        remove: Callable[[T], bool] = lambda _: False,
    ) -> None:
        self._database, self._table = database, table
        self._load, self._remove = load, remove

    def take(self, limit: int) -> list[Item[T]]:
        """Give at most ``limit`` waiting items, oldest first; undecodable ones are set aside."""
        items: list[Item[T]] = []
        after = 0
        while len(items) < limit:
            rows = self._table.pending(limit - len(items), after)
            if not rows:
                break
            after = rows[-1].seq
            items += [Item(*pair) for pair in self._database.decoded(self._table, rows, self._load)]
        return items

    def settle(self, items: Sequence[Item[T]], tags: Sequence[str | None] = ()) -> None:
        """Settle the items as they were handed out, giving the n-th tag to the n-th item."""
        padded = [*tags, *[None] * (len(items) - len(tags))]
        self._table.settle(
            [
                Settlement(item.row.key, item.row.seq, tag, self._remove(item.value))
                for item, tag in zip(items, padded, strict=True)
            ]
        )

    def reject(self, items: Sequence[Item[T]], reason: str) -> None:
        """Set the items aside, then settle them; in this order nothing is lost by a crash."""
        for item in items:
            self._database.set_aside(self._table, item.row, reason)
        self.settle(items)

    def oldest(self, when: Callable[[T], float]) -> float | None:
        """Give the time of the head of the queue as ``when`` reads it, or None."""
        head = self._table.pending(1)
        return next(
            (when(v) for _, v in self._database.decoded(self._table, head, self._load)), None
        )


class TableHandOver(HandOver, Generic[T]):
    """What the hand-overs from a table have in common; each role adds the seed's method names."""

    def __init__(self, queue: TableQueue[T], desk: Desk[Any], items: Sequence[Item[T]]) -> None:
        self._queue, self._desk, self._items = queue, desk, items

    def __len__(self) -> int:
        return len(self._items)

    def part(self, start: int, stop: int) -> Self:
        return type(self)(self._queue, self._desk, self._items[start:stop])

    def reject(self, reason: str) -> None:
        self._queue.reject(self._items, reason)
        self._desk.release()

    def _values(self) -> list[T]:
        return [item.value for item in self._items]

    def _settle(self) -> None:
        self._queue.settle(self._items)
        self._desk.release()
