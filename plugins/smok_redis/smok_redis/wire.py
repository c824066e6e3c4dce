"""The few ways in which commands are sent; the driver's untyped calls end here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["pipe", "raise_first", "send", "transact"]

#: A `redis.Redis`; its methods have no types in some of the supported versions.
Server = Any


def send(server: Server, command: Sequence[Any]) -> Any:
    """Send one command and give its answer."""
    return server.execute_command(*command)


def pipe(server: Server, commands: Sequence[Sequence[Any]]) -> list[Any]:
    """Send commands in one round trip; errors are among the answers."""
    return _together(server, commands, transaction=False)


def transact(server: Server, commands: Sequence[Sequence[Any]]) -> list[Any]:
    """Run commands at one moment, in one round trip; the first error is raised."""
    return raise_first(_together(server, commands, transaction=True))


def _together(server: Server, commands: Sequence[Sequence[Any]], *, transaction: bool) -> list[Any]:
    pipeline = server.pipeline(transaction=transaction)
    for command in commands:
        pipeline.execute_command(*command)
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    return answers


def raise_first(answers: list[Any]) -> list[Any]:
    """Raise the first error among answers."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
