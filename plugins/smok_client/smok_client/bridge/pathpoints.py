"""Pathpoints for the published client."""

from collections.abc import Iterator
from typing import Any

from smok_client.bridge import client
from smok_client.bridge.answers import Offer, Pace
from smok_client.bridge.error_guard import Backlog, deferred, guarded, nothing
from smok_client.bridge.readings import free_time, keep_each_reading
from smok_client.bridge.values import number, to_client, to_model
from smok_core import model
from smok_core.engine.forks import Layer, fork_safe_lock
from smok_core.roles import BasePathpointDatabase


class _Synchronization(client.BaseDataToSynchronize):
    """A batch on its way to the cloud."""

    def __init__(self, offer: Offer, pace: Pace) -> None:
        self._offer, self._pace = offer, pace

    @guarded(nothing)
    def acknowledge(self) -> None:
        self._pace.acknowledge(self._offer)

    @guarded(nothing)
    def negative_acknowledge(self) -> None:
        self._pace.refuse(self._offer)

    def to_json(self) -> list[Any]:
        found: list[Any] = self._offer.part.to_json()
        return found


def _not_read() -> Any:
    raise client.NotReadedError


class ClientPathpoints(client.BasePathpointDatabase):
    """Takes and gives the client's `OperationFailedError` and `NotReadedError`."""

    def __init__(self, inner: BasePathpointDatabase) -> None:
        self._inner, self.backlog, self.pace = inner, Backlog(inner), Pace()
        self._placing = fork_safe_lock(Layer.CALLER)
        self.dated: dict[str, float] = {}  #: the newest time that was given to a reading, by name

    @guarded(nothing)
    def checkpoint(self) -> None:
        self.backlog.drain()
        self._inner.checkpoint()

    @deferred
    def on_new_data(self, pathpoint: str, timestamp: float, value_or_exception: Any) -> None:
        value = to_model(value_or_exception, timestamp)
        self._inner.on_new_data(pathpoint, number(timestamp), value)

    @deferred
    def on_late_reading(self, pathpoint: str, timestamp: int, value_or_exception: Any) -> None:
        """Store a reading that is not the newest, and replace none of those already there.

        Args:
            pathpoint: Its name.
            timestamp: When it was read; the first free millisecond from there on is taken.
            value_or_exception: What was read.
        """
        value = to_model(value_or_exception, timestamp)
        # From the look for a free time until it is taken: two may be late at once.
        with self._placing:
            stored = self._inner.get_archive_data(pathpoint, timestamp, None)
            free = free_time(stored, timestamp, value)
            if isinstance(value, model.OperationFailedError):
                value.timestamp = free
            self._inner.on_new_data(pathpoint, free, value)

    def get_current_value(self, pathpoint: str) -> tuple[float, Any]:
        try:
            timestamp, value = self._current(pathpoint)
        except model.NotReadedError:
            raise client.NotReadedError from None
        except model.OperationFailedError as failure:
            raise to_client(failure) from None
        return timestamp, value

    @guarded(_not_read)
    def _current(self, pathpoint: str) -> Any:
        return self._inner.get_current_value(pathpoint)

    def get_archive_data(
        self, pathpoint: str, start: float | None, stop: float | None
    ) -> Iterator[tuple[float, Any]]:
        for timestamp, value in self._inner.get_archive_data(pathpoint, start, stop):
            yield timestamp, to_client(value)

    @guarded(nothing)
    def get_data_to_sync(self) -> _Synchronization | None:
        self.backlog.drain()
        offer = self.pace.offer(self._inner.get_data_to_sync)
        return _Synchronization(offer, self.pace) if offer else None


keep_each_reading(ClientPathpoints)
