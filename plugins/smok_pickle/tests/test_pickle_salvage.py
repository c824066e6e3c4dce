"""What is saved from a damaged file is saved once, and may be written to again."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from smok_pickle import segments, write_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smok_core.engine.base import Engine


def damage_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(16))


def test_points_that_stand_twice_are_saved_once(path: Path, opened: Callable[..., Engine]) -> None:
    """A page from before a change may come back; the later place of a point wins."""
    with opened() as engine:
        series = engine.series("s")
        series.append([("V", ts, b"v") for ts in range(100)])
        series.append([("W", ts, b"old") for ts in range(100)])
        series.append([("W", ts, b"new") for ts in range(100, 103)])
        series.acknowledge(point.seq for point in series.pending(160))
        engine.checkpoint()
    raw = sqlite3.connect(path, isolation_level=None)
    (first, name) = raw.execute("SELECT min(seq), max(name) FROM tail, segments").fetchone()
    write_log.insert(raw, [write_log.pack_one(first - 70, name, 61, b"older")])
    write_log.insert(raw, [write_log.pack_one(first + 1000, name, 62, b"later")])
    write_log.insert(raw, [write_log.pack_one(first + 1001, name, 50, b"later")])
    write_log.insert(raw, [write_log.pack_one(first - 71, name, 3, b"older")])
    segments.insert(raw, name, [segments.Point(ts, b"older") for ts in (-1, 8)], first - 61)
    raw.close()
    damage_header(path)
    with opened() as engine:
        series = engine.series("s")
        points = list(series.range("W", None, None))
        assert [ts for ts, _ in points] == list(range(-1, 103))
        assert {ts for ts, value in points if value == b"later"} == {50, 62}
        assert {ts for ts, value in points if value == b"older"} == {-1}
        assert series.stats().points == len(points) + 100
        assert len(series.pending(1000)) == series.stats().pending


def test_seqs_are_not_given_again(path: Path, opened: Callable[..., Engine]) -> None:
    """What was handed out before the damage cannot acknowledge what comes after it."""
    with opened() as engine:
        engine.series("s").append([("W", 1, b"v")])
        engine.table("t").put("k", b"v", pending=True)
        seqs = [point.seq for point in engine.series("s").pending(9)]
        rows = [row.seq for row in engine.table("t").pending(9)]
    damage_header(path)
    with opened() as engine:
        engine.series("s").append([("W", 2, b"v")])
        engine.table("t").put("other", b"v", pending=True)
        assert max(point.seq for point in engine.series("s").pending(9)) > max(seqs) + 1000
        assert max(row.seq for row in engine.table("t").pending(9)) > max(rows) + 1000


def test_labels_are_saved_from_their_index(path: Path, opened: Callable[..., Engine]) -> None:
    """The page that says whose data it is was lost: the index still knows."""
    with opened() as engine:
        engine.series("s").append([("W", ts, b"v") for ts in range(3000)])
        engine.table("t").put("k", b"v", pending=True)
    raw = sqlite3.connect(path)
    pages = [
        raw.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
        for table in ("sections", "names")
    ]
    raw.close()
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * 4096)
            file.write(b"\xa5" * 4096)
    with opened() as engine:
        assert len(list(engine.series("s").range("W", None, None))) == 3000
        assert engine.series("s").stats().pending == 3000
        assert engine.table("t").get("k") is not None
        assert engine.health().warnings
