"""Sends scripts, waits, tries again within a bound, and makes each write happen once.

The driver never retries; this file does, and it may: a write carries its writer's name and a
number, the server remembers the last number and its answer (``lua/prelude.lua``), so the same
write sent again is answered and not applied.
"""

import itertools
import random
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import redis.exceptions as driver

from smok_core.engine.forks import Layer, join
from smok_core.errors import ReadOnlyStore, StorageFull, StoreClosed, StoreError
from smok_redis.errors import ANSWERS, DRIVER_ERRORS, cause_of, judge
from smok_redis.keys import Keys
from smok_redis.links import Link
from smok_redis.packing import pack
from smok_redis.scripts import script
from smok_redis.wire import Server, pipe, send, transact

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
#: How long what was staged may lie there, in ms.
_ASIDE_MS = 3_600_000


class Writer:
    """A name under which one write at a time is numbered."""

    __slots__ = ("name", "number")

    def __init__(self, name: str) -> None:
        self.name, self.number = name, 0


class Writers:
    """The writers of this process: as many as there were ever writes under way at once.

    The numbers of a writer grow even when the clock goes back.

    Args:
        clock: Seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.after_fork_in_child()
        join(self, Layer.ENGINE)

    def before_fork(self) -> None:
        """Nothing has to rest."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Begin with new names: the server takes an old one's next number for the parent's."""
        self._stem = f"w:{uuid.uuid4().hex[:16]}."
        self._free, self._numbers = deque[Writer](), itertools.count()

    def take(self) -> Writer:
        """Return a writer nobody else uses, ready for its next write."""
        try:
            writer = self._free.pop()
        except IndexError:
            writer = Writer(f"{self._stem}{next(self._numbers)}")
        writer.number = max(writer.number + 1, self.now())
        return writer

    def now(self) -> int:
        """Return the clock in microseconds, in the range of numbers that Lua takes exactly."""
        return min(max(int(self._clock() * 1e6), 1), 8 * 10**15)

    def give_back(self, writer: Writer, *, failed: bool) -> None:
        """Take a writer back.

        One whose write was given up is the next to be used: once its next number has arrived,
        the server refuses what may still be under way of the old one.
        """
        if not writer.name.startswith(self._stem):
            return
        if failed:
            self._free.append(writer)
        else:
            self._free.appendleft(writer)


class Client:
    """One store's way to its server.

    Args:
        store: What errors call the store.
        link: The way to the primary.
        keys: The device's keys.
        timeout: About how long one call may try, in seconds.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, store: str, link: Link, keys: Keys, timeout: float, clock: Callable[[], float]
    ) -> None:
        self.store, self.keys, self.timeout = store, keys, timeout
        self.store_id = ""
        #: Sent after each write on the same connection: WAITAOF or WAIT, and what it must answer.
        self.fence: Callable[[Any], None] | None = None
        self.fence_command: Sequence[Any] = ()
        self.writers = Writers(clock)
        self._link, self._closed, self._down = link, False, False
        self._met = 0  #: connections made when it was looked last
        self._look: Callable[[], None] = lambda: None

    def read(self, name: str, keys: Sequence[str], *args: Any, counters: str = "") -> Any:
        """Run a script that changes nothing; ``counters`` is the prefix of a series' counters."""
        return self._run(name, keys, (self.store_id, "", "", counters, *args))

    def write(self, name: str, keys: Sequence[str], *args: Any, counters: str = "") -> Any:
        """Run a script that changes something; it is applied once, however often it is sent."""
        writer, failed = self.writers.take(), True
        try:
            head = (self.store_id, writer.name, writer.number, counters)
            answer = self._run(name, keys, (*head, *args), fenced=self.fence is not None)
            if self._met != self._link.connections:
                # Who has answered may have been started anew with settings that promise less:
                # nothing is confirmed before it was looked at. The same write is not applied twice.
                self._meet()
                answer = self._run(name, keys, (*head, *args), fenced=self.fence is not None)
            failed = False
            return answer
        finally:
            self.writers.give_back(writer, failed=failed)

    def look_again_by(self, look: Callable[[], None]) -> None:
        """Trust the connections made until now; ``look`` raises if others keep no promise."""
        self._met, self._look = self._link.connections, look

    def _meet(self) -> None:
        met = self._link.connections
        self._look()
        self._met = met  # only now: what other threads write meanwhile waits for a look, too

    def snapshot(self, *commands: Sequence[Any]) -> list[Any]:
        """Run commands that change nothing at one moment; more than a script should touch.

        Args:
            commands: Each a word, a key of the store, and more words.
        """
        marker = ("HGET", self.keys.meta, "id")
        try:
            told = self.persist(lambda server: transact(server, [marker, *commands]))
        except StorageFull:  # when it is full, Redis 7.0 refuses any transaction
            return self._snapshot_by_script(commands)
        if told[0] != self.store_id.encode():
            raise ANSWERS["SMOKLOST"].error(self.store)
        return list(told[1:])

    def _snapshot_by_script(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        packed = pack([(word, *rest) for word, _, *rest in commands])
        answers = self.read("snapshot", [key for _, key, *_ in commands], packed)
        return [
            dict(zip(answer[::2], answer[1::2], strict=True)) if word == "HGETALL" else answer
            for (word, *_), answer in zip(commands, answers, strict=True)
        ]

    def staging(self, key: str, *fields: Any) -> None:
        """Write part of something large staging, in one round trip; harmless to send twice.

        The key expires by itself, should nobody come back to it.
        """
        commands = (("HSET", key, *fields), ("PEXPIRE", key, _ASIDE_MS))
        self.persist(lambda server: transact(server, commands))

    def discard(self, key: str) -> None:
        """Remove what was staged, if the server can be reached."""
        with suppress(StoreError):
            self.persist(lambda server: send(server, ("UNLINK", key)))

    def persist(self, do: Callable[[Server], Any]) -> Any:
        """Do something with the primary, again and again until it works or time is up.

        Once a call has waited in vain, later ones try only twice, until one succeeds: a device
        whose server is away is told so at once and not after `timeout` each time.
        """
        deadline, pause = time.monotonic() + self.timeout * 0.6, _FIRST_PAUSE
        for attempt in itertools.count(1):
            self._check_open()
            try:
                answer = do(self._link.primary())
            except DRIVER_ERRORS as error:
                self._link.heed(error)
                verdict = judge(error)
                if verdict.kind is ReadOnlyStore and self._link.follows:
                    verdict = ANSWERS["MASTERDOWN"]
                spent = time.monotonic() + pause > deadline or (self._down and attempt > 1)
                if spent or not verdict.again:
                    self._down = verdict.again
                    raise verdict.error(self.store) from cause_of(error)
            else:
                self._down = False
                return answer
            # A server of a cluster that was guessed first says at once which one it is.
            if attempt > 1 or verdict is not ANSWERS["MOVED"]:
                time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - not a secret
                pause = min(2 * pause, _LONGEST_PAUSE)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Let go; later calls raise `StoreClosed`."""
        if not self._closed:
            self._closed = True
            self._link.close()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed(self.store, "it was closed")

    def _run(
        self, name: str, keys: Sequence[str], args: Sequence[Any], *, fenced: bool = False
    ) -> Any:
        text, digest = script(name)
        tail = (len(keys) + 1, self.keys.meta, *keys, *args)
        send_it = self._send_fenced if fenced else send

        def attempt(server: Server) -> Any:
            try:
                return send_it(server, ("EVALSHA", digest, *tail))
            except driver.NoScriptError:  # a server that was restarted, or another one
                return send_it(server, ("EVAL", text, *tail))

        return self.persist(attempt)

    def _send_fenced(self, server: Server, command: Sequence[Any]) -> Any:
        """Write, and wait until the server's disk or its replicas have it.

        The server waits for the last write of this connection. When the script only repeats an
        earlier answer, it has written nothing: the touch in between has. On a full server the
        touch is refused, which is no reason to refuse what the script did.
        """
        touch = ("EVAL", script("touch").text, 1, self.keys.meta, self.store_id)
        answer, _, *waited = pipe(server, [command, touch, self.fence_command])
        for reply in (answer, *waited):
            if isinstance(reply, Exception):
                raise reply
        if self.fence is not None:
            self.fence(waited[0])
        return answer
