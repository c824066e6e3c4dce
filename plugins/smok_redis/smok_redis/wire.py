"""The few ways in which commands are sent; the driver's untyped calls end here."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redis.connection import ConnectionPool
from redis.exceptions import InvalidResponse, ResponseError

#: A `redis.Redis`; its methods have no types in some of the supported versions.
Server = Any


def _takes_a_word() -> bool:
    """Tell whether the pool wants to know the command, as redis-py before 5.3 does."""
    word = inspect.signature(ConnectionPool.get_connection).parameters["command_name"]
    return word.default is inspect.Parameter.empty


_WORD = ("_",) if _takes_a_word() else ()


@contextmanager
def understood() -> Iterator[None]:
    """Blame what answers, not the plugin, for an answer of another shape than a server gives.

    Raises:
        InvalidResponse: The block stumbled over it.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise InvalidResponse("an answer has another shape than a server gives") from error


def send(server: Server, command: Sequence[Any]) -> Any:
    """Send one command and give its answer.

    This is what ``server.execute_command`` does, without its metrics and answer parsers, which
    take as long as the rest. Whatever ends it early leaves no answer behind for the next user
    of the connection.
    """
    pool = server.connection_pool
    connection = pool.get_connection(*_WORD)
    try:
        connection.send_command(*command, check_health=False)
        return connection.read_response()
    except ResponseError:
        raise
    except BaseException:
        connection.disconnect()
        raise
    finally:
        pool.release(connection)


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
    try:
        with understood():  # the driver reads some answers itself
            answers: list[Any] = pipeline.execute(raise_on_error=False)
    except InvalidResponse:
        # It stopped at the first: those behind it would be taken for answers to later commands.
        server.connection_pool.disconnect(inuse_connections=False)
        raise
    return answers


def raise_first(answers: list[Any]) -> list[Any]:
    """Raise the first error among answers."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
