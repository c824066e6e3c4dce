"""Recovery ends the same wherever it is killed, and no damage becomes a wrong value (G14, G17)."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pytest
from smok_pickle import blobs, segments, table, write_log
from smok_pickle.options import PickleOptions
from smok_pickle.plugin import smok_open_engine

from smok_core.errors import CorruptData, StoreError
from smok_core.hookspecs import StoreContext
from smok_core.settings import StoreSettings
from tests.conftest import skip_or_fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from smok_core.engine.base import Engine

PAGE: Final = 4096
POINTS: Final = 3000
#: Of our own steps, every how manieth is killed.
STRIDE: Final = 1 if os.environ.get("SMOK_LONG") else 3
IMAGES: Final = 1000 if os.environ.get("SMOK_LONG") else 64
Found = dict[str, object]
T = TypeVar("T")

#: Opens the store, and is killed at the n-th step that changes a directory or syncs it.
KILLED: Final = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
left = int(sys.argv[2])
def counted(real):
    def step(*given, **named):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)
    return step
for name in ("rename", "unlink", "fsync"):
    setattr(os, name, counted(getattr(os, name)))
from conftest import open_store
open_store(Path(sys.argv[1])).close()
print("whole")
"""


def fill(engine: Engine) -> None:
    series, table = engine.series("points"), engine.table("metadata")
    for start in range(0, POINTS, 500):
        series.append([(f"W{n % 5}", n, b"%d" % n) for n in range(start, start + 500)])
    for n in range(POINTS, POINTS + 100):
        series.append([(f"W{n % 5}", n, b"%d" % n)])
    for n in range(300):
        table.put(f"key {n}", b"%d" % n * 20, pending=n % 2 == 0)
    for n in range(4):
        engine.blobs("baobs").put(f"blob {n}", bytes([n]) * 20_000, n + 1)


def everything(engine: Engine) -> Found:
    """Read all; a value that was never written fails the test."""
    series, table, blobs = engine.series("points"), engine.table("metadata"), engine.blobs("baobs")
    points = {ts: v for name in list(series.names()) for ts, v in series.range(name, None, None)}
    rows = {row.key: row.value for row in table.rows()}
    found = {key: blobs.get(key) for key in sorted(blobs.versions())}
    assert all(value == b"%d" % ts for ts, value in points.items())
    assert all(value == b"%d" % int(key[4:]) * 20 for key, value in rows.items())
    for key, blob in found.items():
        number = int(key[5:])
        assert blob in (None, (bytes([number]) * 20_000, number + 1))
    series.pending(10**6)
    return {"points": points, "rows": rows, "blobs": {k: v for k, v in found.items() if v}}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean store, and one whose log was not copied into the file."""
    folder = tmp_path_factory.mktemp("images")
    options = PickleOptions(path=str(folder / "smok.db"))
    settings = StoreSettings()
    engine = smok_open_engine(
        StoreContext(store="local", device="pump", options=options, settings=settings)
    )
    fill(engine)
    (folder / "unclean").mkdir()
    for name in ("smok.db", "smok.db-wal"):
        shutil.copy(folder / name, folder / "unclean" / name)
    engine.close()
    return folder


def damaged(data: bytearray, chance: random.Random) -> None:
    """Do one of the things that worn-out flash and bad memory do."""
    page = chance.randrange(len(data) // PAGE) * PAGE
    other = chance.randrange(len(data) // PAGE) * PAGE
    match chance.randrange(6):
        case 0:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        case 1:
            data[page : page + PAGE] = bytes(PAGE)
        case 2:
            del data[chance.randrange(len(data)) :]
        case 3:
            first, second = data[page : page + PAGE], data[other : other + PAGE]
            data[page : page + PAGE], data[other : other + PAGE] = second, first
        case 4:
            sector = chance.randrange(len(data) // 512) * 512
            data[sector : sector + 512] = chance.randbytes(512)
        case _:
            data[page : page + PAGE] = data[other : other + PAGE]


@pytest.mark.parametrize("part", ["smok.db", "smok.db-wal"])
@pytest.mark.parametrize("group", range(4))
def test_any_damage_starts_and_the_second_start_is_the_first(
    part: str, group: int, images: Path, tmp_path: Path, opened: Callable[..., Engine]
) -> None:
    """Whatever a page has become: it opens, serves nothing wrong, and stays as it is."""
    source = images if part == "smok.db" else images / "unclean"
    for number in range(IMAGES // 8):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in ("smok.db", part):
            shutil.copy(source / name, folder / name)
        shutil.copy(images / "smok.db.lock", folder)  # by it a torn header is known as ours
        content = bytearray((source / part).read_bytes())
        damaged(content, random.Random(f"{part} {group} {number}"))
        (folder / part).write_bytes(content)
        with opened(path=folder / "smok.db", ballast_kib=0) as engine:
            with contextlib.suppress(StoreError):
                everything(engine)  # damage that is met while reading is mended then
            first = everything(engine)
        with opened(path=folder / "smok.db", ballast_kib=0) as engine:
            assert everything(engine) == first
        shutil.rmtree(folder)


def found_by_sqlite(path: Path) -> Found:
    """Give what ``sqlite3 FILE .recover`` finds whose owner it finds too, and a checksum proves."""
    recover = subprocess.run(["sqlite3", path, ".recover"], capture_output=True, check=False)
    copy = path.with_name("by-sqlite.db")
    subprocess.run(["sqlite3", copy], input=recover.stdout, capture_output=True, check=False)
    with contextlib.closing(sqlite3.connect(copy)) as raw:
        owners = {row[0] for row in _asked(raw, "SELECT id FROM sections")}
        names = {row[0] for row in _asked(raw, "SELECT id, section FROM names") if row[1] in owners}
        points = dict(_points(raw, names))
        rows = [*_proved(_asked(raw, f"SELECT {table.COLUMNS} FROM rows"), table.load)]
        blobs_ = _asked(raw, f"SELECT {blobs.COLUMNS} FROM blobs")
        return {
            "points": points,
            "rows": {row.key: row.value for row in rows},
            "blobs": {row[3]: found for row in blobs_ for found in _proved([row], blobs.load)},
        }


def _points(raw: sqlite3.Connection, names: set[int]) -> Iterator[tuple[int, bytes]]:
    log = [
        write_log.LogRow._make(row) for row in _asked(raw, f"SELECT {write_log.COLUMNS} FROM tail")
    ]
    for items in _proved(log, write_log.unpack):
        yield from ((item[2], item[3]) for item in items if item[1] in names)
    columns = _asked(raw, f"SELECT {segments.COLUMNS} FROM segments")
    archive = [segments.Segment._make(row) for row in columns if row[0] in names]
    for found in _proved(archive, segments.Segment.unpacked):
        yield from found


def _asked(raw: sqlite3.Connection, query: str) -> list[Any]:
    """Read a table, if it was found; a row that has no checksum is garbage here."""
    try:
        return [row for row in raw.execute(query) if row[-1] is not None]
    except sqlite3.Error:
        return []


def _proved(rows: Iterable[Any], load: Callable[[Any], T]) -> Iterator[T]:
    for row in rows:
        with contextlib.suppress(CorruptData, TypeError):
            yield load(row)


@pytest.fixture
def recover(images: Path) -> None:
    """Skip where there is no program that can: Debian's is built without what it needs."""
    if shutil.which("sqlite3") is None:
        skip_or_fail("recover", "the program sqlite3 is not installed")
    done = subprocess.run(
        ["sqlite3", images / "smok.db", ".recover"], capture_output=True, check=False
    )
    if b"COMMIT" not in done.stdout:
        skip_or_fail("recover", "the program sqlite3 is built without .recover")


@pytest.mark.usefixtures("recover")
@pytest.mark.parametrize("group", range(2))
def test_nothing_is_lost_that_sqlite_itself_would_find(
    group: int, images: Path, tmp_path: Path, opened: Callable[..., Engine]
) -> None:
    """Of a damaged file we save at least what ``.recover`` does."""
    for number in range(IMAGES // 16):
        path = tmp_path / str(number) / "smok.db"
        path.parent.mkdir()
        shutil.copy(images / "smok.db.lock", path.parent)  # by it the file is known as ours
        content = bytearray((images / "smok.db").read_bytes())
        damaged(content, random.Random(f"recover {group} {number}"))
        path.write_bytes(content)
        theirs = found_by_sqlite(path)
        with opened(path=path, ballast_kib=0) as engine:
            with contextlib.suppress(StoreError):
                everything(engine)
            ours = everything(engine)
        for kind, found in theirs.items():
            missed = found.keys() - ours[kind].keys()  # type: ignore[attr-defined]
            assert not missed, f"image {group} {number}: {kind} {sorted(missed)[:9]}"
        shutil.rmtree(path.parent)


def test_killed_at_every_step_it_ends_as_if_undisturbed(
    images: Path, tmp_path: Path, opened: Callable[..., Engine]
) -> None:
    """The next start finds what an undisturbed one would have found."""
    outcomes, steps = [], 0
    while not outcomes or outcomes[-1][0] != "whole":
        path = tmp_path / str(steps) / "smok.db"
        shutil.copytree(images / "unclean", path.parent)
        with path.open("r+b") as file:
            file.seek(3 * PAGE)
            file.write(bytes(PAGE))
        log = path.with_name("smok.db-wal")
        log.write_bytes(b"\xff" + log.read_bytes()[1:])
        command = [sys.executable, "-c", KILLED, str(path), str(steps), str(Path(__file__).parent)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        with opened(path=path) as engine:
            outcomes.append((ended.stdout.strip(), everything(engine)))
        steps += STRIDE
        assert len(list(path.parent.glob("*.corrupt-*Z"))) == 1
        assert not list(path.parent.glob("*.heal*"))
    assert steps > 6
    assert all(found == outcomes[-1][1] for _, found in outcomes)
    assert len(outcomes[-1][1]["points"]) == POINTS + 100  # type: ignore[arg-type]


def test_commits_behind_a_damaged_frame_are_saved_and_told(
    images: Path, tmp_path: Path, opened: Callable[..., Engine]
) -> None:
    """SQLite stops at the damaged frame, and silently goes back to an older state."""
    path = tmp_path / "smok.db"
    shutil.copy(images / "unclean" / "smok.db", path)
    content = bytearray((images / "unclean" / "smok.db-wal").read_bytes())
    content[len(content) // 3] ^= 1
    path.with_name("smok.db-wal").write_bytes(content)
    with opened(path=path) as engine:
        found = everything(engine)
        assert len(found["rows"]) >= 295  # type: ignore[arg-type]
        assert len(found["blobs"]) >= 3  # type: ignore[arg-type]
        assert any("commits stand after it" in text for text in engine.health().warnings)
    assert list(tmp_path.glob("*.corrupt-*Z-wal"))


@pytest.mark.parametrize(("table", "column"), [("rows", "value"), ("blobs", "data")])
def test_a_changed_value_is_damage_and_never_served(
    table: str, column: str, path: Path, opened: Callable[..., Engine]
) -> None:
    """One bit of a value: no structure of the file shows it, the checksum does."""
    with opened() as engine:
        engine.table("t").put("k", b"right" * 9)
        engine.table("t").put("other", b"whole")
        engine.blobs("b").put("k", b"right" * 9, 1)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        query = f"UPDATE {table} SET {column} = ? WHERE key = 'k'"
        raw.execute(query, (b"wrong" * 9,))
    with opened() as engine:
        assert engine.table("t").get("k") is None or table == "blobs"
        assert engine.blobs("b").get("k") is None or table == "rows"
        assert engine.table("t").get("other") is not None
        assert any("could not be used: 1 of" in text for text in engine.health().warnings)


def test_points_without_a_name_stay_aside_and_new_data_flow(
    path: Path, opened: Callable[..., Engine]
) -> None:
    """A lost name made every batch fail, that of new data too."""
    with opened() as engine:
        series = engine.series("s")
        series.append([("lost", 1, b"v"), ("kept", 1, b"v")])
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("DELETE FROM names WHERE name = 'lost'")
    for _ in range(2):
        with opened() as engine:
            engine.series("s").append([("new", 2, b"v")])
            assert {point.name for point in engine.series("s").pending(9)} == {"kept", "new"}
            assert any("1 of tail" in text for text in engine.health().warnings)
