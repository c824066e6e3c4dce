"""A store that an older version wrote is brought up, wherever that is cut off (G12, G17).

``stores/version-2.db.gz`` was written by version 2: 4 100 points of five names, one a millisecond,
of which one was replaced; two more points; 50 rows and a blob. The first 1 300 places of the queue
are acknowledged, and so are 51 others.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import signal
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from smok_pickle import migration
from smok_pickle.schema import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_core.engine.base import Engine

STORE: Final = Path(__file__).parent / "stores" / "version-2.db.gz"
POINTS: Final = {
    **{(f"W{n % 5}", n * 1000): b"%d" % n for n in range(4100)},
    ("W0", 0): b"again",
    ("W1", 5_001_500): b"alone",
    ("W3", -7): b"early",
}


@pytest.fixture
def old(path: Path) -> Path:
    """Put a store of version 2 where the store is expected."""
    path.parent.mkdir()
    path.write_bytes(gzip.decompress(STORE.read_bytes()))
    return path


def check(engine: Engine) -> None:
    """Compare all that was stored, and the queue in its order."""
    series, table = engine.series("pathpoints"), engine.table("metadata")
    names = sorted(series.names())
    stored = {(name, ts): value for name in names for ts, value in series.range(name, None, None)}
    assert stored == POINTS
    queue = [(name, ts) for _, name, ts, _ in series.pending(10**6)]
    in_order = [(f"W{n % 5}", n * 1000) for n in range(1300, 4100)]
    assert queue == [*in_order[:100], *in_order[150:], ("W0", 0), ("W1", 5_001_500)]
    stats = series.stats()
    assert (stats.points, stats.pending, stats.names) == (4102, len(queue), 5)
    assert series.latest("W1") == (5_001_500, b"alone")
    assert [row.key for row in table.pending(99)] == [f"key {n}" for n in range(0, 50, 2)]
    assert engine.blobs("baobs").get("blob") == (b"b" * 5000, 3)


def goes_on(engine: Engine) -> None:
    """Append, replace, acknowledge and trim."""
    series = engine.series("pathpoints")
    series.append([("W0", 0, b"again"), ("W0", 5000, b"other"), ("W9", 1, b"new")])
    assert series.acknowledge(point.seq for point in series.pending(10**6)) == 2754
    engine.checkpoint()
    assert dict(series.range("W0", 0, 5000)) == {0: b"again", 5000: b"other"}
    assert series.trim(10**9) == len(POINTS) + 1 - 6
    assert series.stats().points == 6


def test_version_2_is_brought_up(old: Path, opened: Callable[..., Engine]) -> None:
    """Nothing is lost, pending a second time, or in another order; and the store goes on."""
    for _ in range(2):
        with opened(path=old) as engine:
            check(engine)
            assert engine.health().schema == VERSION
            assert not engine.health().warnings
    with opened(path=old) as engine:
        goes_on(engine)


@pytest.mark.skipif(
    sqlite3.sqlite_version_info < (3, 35), reason="this SQLite cannot make the old file"
)
def test_version_1_is_brought_up(old: Path, opened: Callable[..., Engine]) -> None:
    """Its rows have no checksum yet; they get one when they change."""
    with contextlib.closing(sqlite3.connect(old, isolation_level=None)) as raw:
        for statement in ("ALTER TABLE rows DROP COLUMN sum", "ALTER TABLE blobs DROP COLUMN sum",
                          "DROP TABLE recoveries", "PRAGMA user_version = 1"):  # fmt: skip
            raw.execute(statement)
    with opened(path=old) as engine:
        check(engine)
        assert engine.table("metadata").put("key 1", b"1" * 20)
    with old.open("r+b") as file:
        file.write(bytes(16))
    with opened(path=old) as engine:
        assert len(list(engine.table("metadata").rows())) == 50
        assert engine.series("pathpoints").stats().points == len(POINTS)


class Killed(sqlite3.Connection):
    """Kills its process before the n-th statement."""

    left = 0

    def execute(self, *given: Any) -> sqlite3.Cursor:
        Killed.left -= 1
        if Killed.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().execute(*given)


def migrate_until(path: Path, steps: int) -> bool:
    """Bring a store up in a child that is killed after so many statements; tell if it was."""
    child = os.fork()
    if child == 0:
        Killed.left = steps
        migration.migrate(sqlite3.connect(path, isolation_level=None, factory=Killed))
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_killed_at_any_statement_it_ends_as_if_undisturbed(
    old: Path, opened: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some chunks are segments already, some are not: the next start finishes it."""
    monkeypatch.setattr(migration, "_PIECE", 3)
    whole, steps = old.read_bytes(), 0
    with contextlib.closing(sqlite3.connect(old)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
    whole, killed = old.read_bytes(), True
    while killed:
        old.write_bytes(whole)
        killed = migrate_until(old, steps)
        with opened(path=old) as engine:
            check(engine)
            assert not engine.health().warnings
        steps += 1
    assert steps > 20


def header(path: Path) -> int:
    return 0


def root_of_chunks(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as raw:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'chunks'"
        return (int(raw.execute(query).fetchone()[0]) - 1) * 4096


@pytest.mark.parametrize("where", [header, root_of_chunks])
def test_what_was_damaged_before_is_saved(
    where: Callable[[Path], int], path: Path, opened: Callable[..., Engine]
) -> None:
    """A recovery reads the tables of both versions."""
    opened(path=path).close()
    path.write_bytes(gzip.decompress(STORE.read_bytes()))
    at = where(path)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(bytes(16))
    for _ in range(2):
        with opened(path=path) as engine:
            check(engine)
            assert engine.health().warnings


@pytest.mark.parametrize("damaged", [False, True])
def test_what_version_1_wrote_without_a_checksum_gets_one(
    old: Path, opened: Callable[..., Engine], damaged: bool
) -> None:
    """From version 4 on nothing is believed without one; also a recovery knows which had none."""
    with contextlib.closing(sqlite3.connect(old, isolation_level=None)) as raw:
        raw.execute("UPDATE rows SET sum = NULL")
        raw.execute("UPDATE blobs SET sum = NULL")
        (page,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'done'").fetchone()
    if damaged:
        with old.open("r+b") as file:
            file.seek((page - 1) * 4096)
            file.write(b"\xa5" * 4096)
    with opened() as engine:
        assert len(list(engine.table("metadata").rows())) == 50
        assert engine.blobs("baobs").get("blob") == (b"b" * 5000, 3)
    with contextlib.closing(sqlite3.connect(old)) as raw:
        for name in ("rows", "blobs"):
            query = f"SELECT count(*), count(sum) FROM {name}"
            assert len(set(raw.execute(query).fetchone())) == 1
    assert bool(list(old.parent.glob("*.corrupt-*"))) is damaged
