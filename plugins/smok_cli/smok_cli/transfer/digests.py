"""What a store holds of a role, as counts and one digest that does not depend on the backend."""

from __future__ import annotations

import hashlib
import itertools
import struct
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from smok_cli.transfer.decoding import PAGE, UNREADABLE, load_many
from smok_cli.transfer.parts import PARTS, is_dead
from smok_cli.transfer.report import RoleDigest
from smok_core.engine.tags import tag_of
from smok_core.errors import CorruptData

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_core.engine.base import Engine, Row


#: A point that is a float, the usual case: its text would take ten times as long to make.
_float_at: Final = struct.Struct("<cqd").pack
_SCALARS: Final = frozenset({type(None), bool, int, float, str, bytes})


def canonical(value: Any) -> bytes:
    """Return bytes that two plain values share exactly when they are equal and of equal types."""
    kind = type(value)
    if kind in _SCALARS:
        return f"{kind.__name__}:{value!r};".encode("utf-8", "surrogatepass")
    if kind is list or kind is tuple:
        parts = [canonical(item) for item in value]
    elif kind is set or kind is frozenset:
        parts = sorted(map(canonical, value))
    elif kind is dict:
        parts = sorted(canonical(key) + canonical(item) for key, item in value.items())
    elif (tag := tag_of(kind)) is not None:
        parts = list(map(canonical, tag.parts(value)))
    else:
        raise TypeError(f"a {kind.__name__} is no plain data")
    return f"{kind.__name__}{len(parts)}[".encode() + b"".join(parts) + b"]"


def digest_role(
    engine: Engine, role: str, tick: Callable[[int], None] = lambda _: None
) -> RoleDigest:
    """Read everything a store holds of a role.

    What cannot be decoded counts neither where it is nor as a dead letter: a copy moves it from
    the one place to the other. Nor does the count of what was dropped, which is history.
    """
    return _Digest(engine, role, tick).result()


def digest_both(
    a: Engine, b: Engine, role: str, tick: Callable[[int], None]
) -> tuple[RoleDigest, RoleDigest]:
    """Read two stores at once, for while one waits for its server the other can be read.

    ``tick`` hears of the records of the first. Who interrupts this does not wait for the second.
    """
    second = Future[RoleDigest]()

    def read() -> None:
        try:
            second.set_result(digest_role(b, role))
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            second.set_exception(error)

    threading.Thread(target=read, name="smok-digest", daemon=True).start()
    return digest_role(a, role, tick), second.result()


class _Digest:
    def __init__(self, engine: Engine, role: str, tick: Callable[[int], None]) -> None:
        self._engine, self._role, self._tick = engine, role, tick
        self._sum = hashlib.sha256()
        self._rows = self._points = self._pending = self._blobs = 0

    def result(self) -> RoleDigest:
        parts = PARTS[self._role]
        for name in parts.tables:
            self._add_table(name)
        for name in parts.series:
            self._add_series(name)
        for name in parts.blobs:
            self._add_blobs(name)
        return RoleDigest(
            role=self._role,
            rows=self._rows,
            points=self._points,
            pending=self._pending,
            blobs=self._blobs,
            digest=self._sum.hexdigest(),
        )

    def _add(self, *content: Any) -> None:
        self._sum.update(canonical(list(content)))

    def _add_table(self, name: str) -> None:
        table, queue = self._engine.table(name), hashlib.sha256()
        total = 0
        for row in table.rows():
            content = row_content(self._engine, name, row)
            if content is None:
                continue
            # A sum, because two stores may have the same rows in another order; the order of
            # those that wait is part of what is promised.
            total += int.from_bytes(hashlib.sha256(content).digest())
            queue.update(canonical(row.key) if row.pending else b"")
            self._rows += 1
            self._pending += row.pending
            self._tick(1)
        self._add(name, total % 2**256, queue.digest())

    def _add_series(self, name: str) -> None:
        series, queue, after = self._engine.series(name), hashlib.sha256(), 0
        for line in sorted(series.names()):
            count, digest = series_digest(self._engine, name, line)
            self._points += count
            self._tick(count)
            self._add(name, line, digest)
        while points := series.pending(PAGE, after):
            after = points[-1].seq
            values = load_many(self._engine.codec, [point.value for point in points])
            kept = zip(points, values, strict=True)
            # A name holds no NUL, so no two queues read alike.
            texts = [f"{p.ts} {p.name}\0" for p, value in kept if value is not UNREADABLE]
            queue.update("".join(texts).encode())
            self._pending += len(texts)
        self._add(name, queue.digest())

    def _add_blobs(self, name: str) -> None:
        blobs = self._engine.blobs(name)
        for key in sorted(blobs.versions()):
            data, version = blobs.get(key) or (b"", -1)
            self._add(name, key, version, hashlib.sha256(data).digest())
            self._blobs += 1
            self._tick(1)


def row_content(engine: Engine, table: str, row: Row) -> bytes | None:
    """Return what makes a row what it is, its place apart; None if it cannot be decoded."""
    try:
        value = engine.codec.loads(row.value)
        if is_dead(table):
            value = value | {"value": engine.codec.loads(value["value"])}
    except CorruptData:
        return None
    return canonical([row.key, value, float(row.stamp), row.pending, row.tag])


def series_digest(engine: Engine, name: str, line: str) -> tuple[int, bytes]:
    """Count and digest the points of one name."""
    digest, count, points = hashlib.sha256(), 0, engine.series(name).range(line, None, None)
    while page := list(itertools.islice(points, PAGE)):
        values = load_many(engine.codec, [data for _, data in page])
        found = [
            _float_at(b"f", ts, value)
            if type(value) is float
            else b"%d %b" % (ts, canonical(value))
            for (ts, _), value in zip(page, values, strict=True)
            if value is not UNREADABLE
        ]
        digest.update(b"".join(found))
        count += len(found)
    return count, digest.digest()
