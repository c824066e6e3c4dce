"""Pathpoints for the published client."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from smok_client.bridge import client
from smok_client.bridge.shelter import Backlog, deferred, nothing, sheltered
from smok_core import model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smok_core.roles import BaseDataToSynchronize, BasePathpointDatabase

__all__ = ["ClientPathpoints"]

logger = logging.getLogger(__name__)


class _Synchronization(client.BaseDataToSynchronize):
    """A batch on its way to the cloud."""

    def __init__(self, batch: BaseDataToSynchronize) -> None:
        self._batch = batch

    @sheltered(nothing)
    def acknowledge(self) -> None:
        self._batch.acknowledge()

    @sheltered(nothing)
    def negative_acknowledge(self) -> None:
        self._batch.negative_acknowledge()

    def to_json(self) -> list[Any]:
        return self._batch.to_json()


def _not_read() -> Any:
    raise client.NotReadedError


class ClientPathpoints(client.BasePathpointDatabase):
    """Takes and gives the client's `OperationFailedError` and `NotReadedError`."""

    def __init__(self, inner: BasePathpointDatabase) -> None:
        self._inner, self.backlog = inner, Backlog(inner.count_refused)

    @sheltered(nothing)
    def checkpoint(self) -> None:
        self.backlog.drain()
        self._inner.checkpoint()

    @deferred
    def on_new_data(self, pathpoint: str, timestamp: float, value_or_exception: Any) -> None:
        self._inner.on_new_data(pathpoint, _number(timestamp), _to_model(value_or_exception))

    def get_current_value(self, pathpoint: str) -> tuple[float, Any]:
        try:
            timestamp, value = self._current(pathpoint)
        except model.NotReadedError:
            raise client.NotReadedError from None
        except model.OperationFailedError as failure:
            raise _to_client(failure) from None
        return timestamp, value

    @sheltered(_not_read)
    def _current(self, pathpoint: str) -> Any:
        return self._inner.get_current_value(pathpoint)

    def get_archive_data(
        self, pathpoint: str, start: float | None, stop: float | None
    ) -> Iterator[tuple[float, Any]]:
        for timestamp, value in self._inner.get_archive_data(pathpoint, start, stop):
            yield timestamp, _to_client(value)

    @sheltered(nothing)
    def get_data_to_sync(self) -> _Synchronization | None:
        self.backlog.drain()
        batch = self._inner.get_data_to_sync()
        return _Synchronization(batch) if batch else None


def _to_model(value: Any) -> Any:
    """Give our value; a subclass of a plain type, such as numpy's float, becomes that type."""
    if isinstance(value, client.OperationFailedError):
        reason = value.reason and model.OperationFailedReason(value.reason.value)
        return model.OperationFailedError(reason, _number(value.timestamp))
    if isinstance(value, bool):
        return value
    return next((kind(value) for kind in (int, float, str) if isinstance(value, kind)), value)


def _number(timestamp: Any) -> Any:
    return next(
        (kind(timestamp) for kind in (int, float) if isinstance(timestamp, kind)), timestamp
    )


def _to_client(value: Any) -> Any:
    if isinstance(value, model.OperationFailedError):
        assert value.reason is not None
        reason = client.OperationFailedReason(value.reason.value)
        return client.OperationFailedError(reason, value.timestamp)
    return value
