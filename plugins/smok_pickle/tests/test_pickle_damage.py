"""A damaged file never keeps a device from starting, and what is readable is saved (G14)."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Final

import pytest

from smok_core.engine.base import Engine
from smok_core.errors import CorruptData

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Opener = "Callable[..., Engine]"
COUNT: Final = 6000


def fill(engine: Engine) -> None:
    """Store a few thousand points, rows and a blob."""
    series, table = engine.series("pathpoints"), engine.table("metadata")
    for start in range(0, COUNT, 1000):
        series.append([(f"W{n % 7}", n, b"%d" % n) for n in range(start, start + 1000)])
    series.acknowledge(point.seq for point in series.pending(1000))
    engine.checkpoint()
    for n in range(500):
        table.put(f"key {n}", b"%d" % n * 20, pending=True)
    engine.blobs("baobs").put("blob", b"b" * 50_000, 3)


def read_back(engine: Engine) -> tuple[int, int, int]:
    """Count the points, rows and blobs that are right; a wrong one fails the test."""
    points = [
        (ts, value)
        for name in engine.series("pathpoints").names()
        for ts, value in engine.series("pathpoints").range(name, None, None)
    ]
    assert all(value == b"%d" % ts for ts, value in points)
    rows = list(engine.table("metadata").rows())
    assert all(row.value == b"%d" % int(row.key[4:]) * 20 for row in rows)
    blob = engine.blobs("baobs").get("blob")
    assert blob in (None, (b"b" * 50_000, 3))
    assert engine.series("pathpoints").stats().points == len(points)
    assert engine.table("metadata").stats().rows == len(rows)
    return len(points), len(rows), int(blob is not None)


def torn_to(size: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with path.open("r+b") as file:
            file.truncate(size)

    return damage


def half(path: Path) -> None:
    torn_to(path.stat().st_size // 2)(path)


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def zeroed_header(path: Path) -> None:
    overwrite(path, 0, bytes(4096))


def flipped_header(path: Path) -> None:
    overwrite(path, 20, b"\xff" * 60)


def text_file(path: Path) -> None:
    path.write_text("this is no database\n" * 500, encoding="utf-8")


def torn_in_page(path: Path) -> None:
    torn_to(path.stat().st_size - 5000)(path)


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


KINDS = {
    "empty": torn_to(0),
    "one byte": torn_to(1),
    "half a header": torn_to(50),
    "first page only": torn_to(4096),
    "half": half,
    "torn in a page": torn_in_page,
    "zero-filled": zeroed,
    "zeroed header": zeroed_header,
    "flipped header": flipped_header,
    "text": text_file,
}


@pytest.mark.parametrize("kind", KINDS)
def test_opens_twice_after(kind: str, path: Path, opened: Callable[..., Engine]) -> None:
    """Whatever happened to the file, the store opens, works, and keeps saying what happened."""
    with opened() as engine:
        fill(engine)
    KINDS[kind](path)
    for _ in range(2):
        with opened() as engine:
            read_back(engine)
            engine.series("pathpoints").append([("new", 1, b"1")])
            assert engine.series("pathpoints").latest("new") == (1, b"1")
            assert any("put aside" in warning for warning in engine.health().warnings)
    assert len(list(path.parent.glob("smok.db.corrupt-*Z"))) == 1


@pytest.mark.parametrize("kind", ["zeroed header", "flipped header"])
def test_saves_everything_behind_a_lost_header(
    kind: str, path: Path, opened: Callable[..., Engine]
) -> None:
    """Only the first page is gone: nothing else is lost."""
    with opened() as engine:
        fill(engine)
    KINDS[kind](path)
    with opened() as engine:
        assert read_back(engine) == (COUNT, 500, 1)
        assert engine.series("pathpoints").stats().pending == COUNT - 1000


@pytest.mark.parametrize("where", [0.2, 0.4, 0.6, 0.8])
def test_saves_what_is_around_damaged_pages(
    where: float, path: Path, opened: Callable[..., Engine]
) -> None:
    """A run of bad pages costs what lay on them, found at opening or when it is met."""
    with opened() as engine:
        fill(engine)
    pages = path.stat().st_size // 4096
    overwrite(path, int(pages * where) * 4096, b"\xa5" * 4096)
    with opened() as engine:
        points, rows, blobs = read_back(engine)
        assert points + rows + blobs > 3500
    with opened() as engine:
        assert read_back(engine) == (points, rows, blobs)


@pytest.mark.parametrize("table", ["sections", "names", "rows", "tail"])
def test_a_lost_root_does_not_hide_its_table(
    table: str, path: Path, opened: Callable[..., Engine]
) -> None:
    """The page from which a table is reached is gone: its rows are found on their own pages."""
    with opened() as engine:
        fill(engine)
    with contextlib.closing(sqlite3.connect(path)) as raw:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        (root,) = raw.execute(query, (table,)).fetchone()
    overwrite(path, (root - 1) * 4096, b"\xa5" * 4096)
    for _ in range(2):
        with opened() as engine:
            points, rows, blobs = read_back(engine)
            assert (points, blobs) == (COUNT, 1)
            assert rows >= 450


def test_damage_that_is_met_at_run_time(path: Path, opened: Callable[..., Engine]) -> None:
    """The store goes on in the same process, with what can be read."""
    engine = opened()
    fill(engine)
    engine.checkpoint()
    size = path.stat().st_size
    overwrite(path, 8 * 4096, b"\xa5" * (size - 9 * 4096))
    engine.table("metadata").put("key 0", b"0" * 20)
    read_back(engine)
    engine.series("pathpoints").append([("W1", 10**9, b"1000000000")])
    assert engine.series("pathpoints").latest("W1") == (10**9, b"1000000000")


@pytest.mark.parametrize("damage", ["zero", "half", "one byte", "flipped"])
def test_a_damaged_log(
    damage: str, path: Path, tmp_path: Path, opened: Callable[..., Engine]
) -> None:
    """A log that was hit by a power cut or worse does not keep the store from opening."""
    engine = opened()
    fill(engine)
    log = path.with_name("smok.db-wal")
    other = tmp_path / "copy" / "smok.db"
    other.parent.mkdir()
    other.write_bytes(path.read_bytes())
    content = bytearray(log.read_bytes())
    if damage == "zero":
        content = bytearray(len(content))
    elif damage == "flipped":
        content[len(content) // 2] ^= 0xFF
    else:
        del content[1 if damage == "one byte" else len(content) // 2 :]
    other.with_name("smok.db-wal").write_bytes(content)
    for _ in range(2):
        with opened(path=other) as copy:
            read_back(copy)
            copy.table("metadata").put("key 0", b"0" * 20)


def test_refuse_tells_the_way_out(path: Path, opened: Callable[..., Engine]) -> None:
    """With on_corrupt = refuse nothing is touched and the error names the setting."""
    with opened() as engine:
        fill(engine)
    zeroed(path)
    with pytest.raises(CorruptData, match="quarantine"):
        opened(on_corrupt="refuse")
    assert not list(path.parent.glob("*.corrupt-*"))
    assert path.read_bytes().count(0) == path.stat().st_size
