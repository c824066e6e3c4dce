"""One flipped bit, anywhere in a store: nothing wrong is served, and nothing is missing untold.

Small files are checked as a whole when they are opened. Large ones are not, after a clean end, so
half of these images are opened as if they were large: what an index hides must be noticed when it
is used.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from smok_pickle import opening
from smok_pickle.options import PickleOptions
from smok_pickle.plugin import smok_open_engine

from smok_core.engine.base import Ack
from smok_core.errors import StoreError
from smok_core.hookspecs import StoreContext
from smok_core.settings import StoreSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smok_core.engine.base import Engine

PAGE: Final = 4096
IMAGES: Final = 500 if os.environ.get("SMOK_LONG") else 60
#: In a large file these are compared by `smok check --deep` only: they grow with the readings.
LARGE: Final = {"segments_by_time", "segments", "tail"}
#: What has only one witness: a place in the queue that was acknowledged out of order.
ALONE: Final = {"done"}


def fill(engine: Engine) -> None:
    series, table = engine.series("points"), engine.table("metadata")
    series.append([(f"W{n % 4}", n, b"%d" % n) for n in range(400)])
    series.acknowledge([point.seq for point in series.pending(300)])
    engine.checkpoint()
    for n in range(400, 500):
        series.append([(f"W{n % 4}", n, b"%d" % n)])
    for n in range(80):
        table.put(f"key {n}", b"%d" % n, pending=n % 2 == 0)
    table.acknowledge([Ack(row.key, row.seq, tag="id") for row in table.pending(10)])
    engine.table("other").put("key", b"of another table")
    for n in range(12):
        engine.blobs("baobs").put(f"blob {n}", bytes([n]) * (n * 400), n + 1)


def everything(engine: Engine) -> dict[str, dict[Any, Any]]:
    """Read all there is, by every way that leads to it."""
    series, table, blobs = engine.series("points"), engine.table("metadata"), engine.blobs("baobs")
    keys = [f"blob {n}" for n in range(12)]
    stored = {f"key {n}": table.get(f"key {n}") for n in range(80)}
    return {
        "points": {(n, ts): v for n in series.names() for ts, v in series.range(n, None, None)},
        "queue": {(point.name, point.ts): point.value for point in series.pending(10**6)},
        "rows": {row.key: (row.value, row.tag) for row in table.rows()},
        "pending": {row.key: row.value for row in table.pending(10**6)},
        "by key": {key: row.value for key, row in stored.items() if row},
        "other": {row.key: row.value for row in engine.table("other").rows()},
        "versions": dict(blobs.versions()),
        "blobs": {key: found for key in keys if (found := blobs.get(key))},
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[Any, Any]]]:
    """A store at rest, and all that it holds."""
    path = tmp_path_factory.mktemp("whole") / "smok.db"
    options = PickleOptions(path=str(path), ballast_kib=0)
    context = StoreContext(store="local", device="pump", options=options, settings=StoreSettings())
    with smok_open_engine(context) as engine:
        fill(engine)
        return path, everything(engine)


def owners_of(path: Path) -> dict[int, str]:
    """Give for each page of a tree what it belongs to."""
    with contextlib.closing(sqlite3.connect(path)) as raw:
        roots = raw.execute("SELECT rootpage, name FROM sqlite_master WHERE rootpage > 0")
        found = dict(roots.fetchall())
    content = path.read_bytes()
    for root, name in list(found.items()):
        found.update(dict.fromkeys(_pages_below(content, root), name))
    return found


def _pages_below(content: bytes, page: int) -> Iterator[int]:
    start = (page - 1) * PAGE
    yield page
    if content[start] not in (2, 5):
        return
    count = struct.unpack_from(">H", content, start + 3)[0]
    for cell in struct.unpack_from(f">{count}H", content, start + 12):
        yield from _pages_below(content, struct.unpack_from(">I", content, start + cell)[0])
    yield from _pages_below(content, struct.unpack_from(">I", content, start + 8)[0])


def flipped(content: bytes, page: int, chance: random.Random) -> bytes:
    start = (page - 1) * PAGE
    used = [at for at in range(start, start + PAGE) if content[at]]
    damaged = bytearray(content)
    damaged[chance.choice(used)] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def allowed(kind: str, right: dict[str, dict[Any, Any]]) -> dict[Any, Any]:
    """Give what may be served: a point may be offered twice, and what was lost is missing."""
    return right["points"] if kind == "queue" else right[kind]


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_flipped_bit(
    size: str, whole: tuple[Path, dict[str, dict[Any, Any]]], tmp_path: Path,
    opened: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It is told, and what is left is right; or nobody needs to know, for all is there."""
    source, right = whole
    skipped = ALONE
    if size == "large":
        monkeypatch.setattr(opening, "_CHECK_CLEAN", 0)
        skipped = ALONE | LARGE
    pages = [page for page, owner in owners_of(source).items() if owner not in skipped]
    for number in range(IMAGES):
        chance = random.Random(f"{size} {number}")
        path = tmp_path / str(number) / "smok.db"
        path.parent.mkdir()
        shutil.copy(source.with_name("smok.db.lock"), path.parent)
        path.write_bytes(flipped(source.read_bytes(), chance.choice(pages), chance))
        with opened(path=path, ballast_kib=0) as engine:
            with contextlib.suppress(StoreError):
                everything(engine)  # damage that is met while reading is mended then
            found, told = everything(engine), engine.health().warnings
        assert told or found == right, f"{size} image {number}: missing, and nobody was told"
        for kind, values in found.items():
            wrong = values.items() - allowed(kind, right).items()
            assert not wrong, f"{size} image {number}: {kind} {wrong}"
        shutil.rmtree(path.parent)


@pytest.mark.parametrize("column", ["settled", "pending"])
def test_a_mark_of_the_queue_that_moved(
    column: str, path: Path, opened: Callable[..., Engine]
) -> None:
    """Pending points behind a mark that is too high would never be offered."""
    with opened() as engine:
        series = engine.series("s")
        series.append([("W", ts, b"v") for ts in range(100)])
        series.acknowledge([point.seq for point in series.pending(20)])
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute(f"UPDATE sections SET {column} = {column} + 16")
    with opened() as engine:
        offered = {point.ts for point in engine.series("s").pending(1000)}
        assert offered >= set(range(20, 100))
        assert engine.series("s").stats().pending == len(offered)
        assert engine.health().warnings


def test_what_lost_its_checksum_is_no_value(path: Path, opened: Callable[..., Engine]) -> None:
    """A bit in the head of a record takes its last column away: that proves nothing of the rest."""
    engine = opened()
    for n in range(3):
        engine.table("metadata").put(f"key {n}", b"%d" % n)
        engine.blobs("baobs").put(f"blob {n}", b"%d" % n, 1)
    engine.close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("UPDATE rows SET value = x'77', sum = NULL WHERE key = 'key 1'")
        raw.execute("UPDATE blobs SET data = x'77', sum = NULL WHERE key = 'blob 1'")
    engine = opened()
    with contextlib.suppress(StoreError):
        list(engine.table("metadata").rows())
    assert {row.key: row.value for row in engine.table("metadata").rows()} == {
        "key 0": b"0", "key 2": b"2"
    }  # fmt: skip
    with contextlib.suppress(StoreError):
        engine.blobs("baobs").get("blob 1")
    assert [engine.blobs("baobs").get(f"blob {n}") for n in range(3)] == [
        (b"0", 1), None, (b"2", 1)
    ]  # fmt: skip
