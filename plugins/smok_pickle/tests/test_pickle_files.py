"""The file: its modes, whose it is, where it may lie, and what is in it."""

from __future__ import annotations

import os
import socket
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from smok_core.config import load_config
from smok_core.errors import ConfigError, ForeignData, ReadOnlyStore, SchemaTooNew, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smok_core.engine.base import Engine


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_may_read(tmp_path: Path, opened: Callable[..., Engine]) -> None:
    """Files are 0600 and new directories 0700, whatever the umask says."""
    old = os.umask(0)
    try:
        engine = opened(path=tmp_path / "a" / "b" / "smok.db")
        engine.table("t").put("k", b"v")
    finally:
        os.umask(old)
    files = list((tmp_path / "a" / "b").iterdir())
    assert {file.name for file in files} >= {"smok.db", "smok.db-wal", "smok.db-shm"}
    assert {mode(file) for file in files} == {0o600}
    assert mode(tmp_path / "a") == mode(tmp_path / "a" / "b") == 0o700


def test_devices_do_not_see_each_other(opened: Callable[..., Engine]) -> None:
    """Two devices in one file, with ids made to collide, keep apart."""
    ids = ["a", "a:b", "a%", "A", "a' OR 1=1 --", ""]
    for device in ids:
        engine = opened(device=device)
        engine.table("t").put("k", device.encode(), pending=True)
        engine.series("t").append([("k", 1, device.encode())])
        engine.blobs("t").put("k", device.encode(), 1)
    for device in ids:
        engine = opened(device=device)
        assert [row.value for row in engine.table("t").rows()] == [device.encode()]
        assert list(engine.series("t").range("k", None, None)) == [(1, device.encode())]
        assert engine.blobs("t").get("k") == (device.encode(), 1)
        assert engine.series("t").stats().points == engine.table("t").stats().pending == 1
    first = opened(device="a")
    seqs = [point.seq for point in opened(device="A").series("t").pending(9)]
    assert first.series("t").acknowledge(seqs) == 0


@pytest.mark.parametrize("application", [0, 1234])
def test_a_foreign_file_is_not_touched(
    application: int, path: Path, opened: Callable[..., Engine]
) -> None:
    """An SQLite file of another program is refused, byte for byte as it was."""
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA application_id = {application}")
    other.execute("CREATE TABLE theirs(a)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(ForeignData):
        opened()
    assert path.read_bytes() == before


def test_a_newer_schema_is_not_touched(path: Path, opened: Callable[..., Engine]) -> None:
    """A store of a newer release is refused without writing."""
    opened().close()
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version = 99")
    raw.close()
    before = path.read_bytes()
    with pytest.raises(SchemaTooNew, match="99"):
        opened()
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["pipe", "socket", "a link to a pipe"])
def test_what_is_no_file_is_no_store(
    kind: str, tmp_path: Path, opened: Callable[..., Engine]
) -> None:
    """It is refused at once: reading a pipe waits for somebody to write."""
    place = tmp_path / "place"
    if kind == "socket":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(place))
        listener.close()
    else:
        os.mkfifo(place)
    if kind.startswith("a link"):
        (tmp_path / "link").symlink_to(place)
        place = tmp_path / "link"
    with pytest.raises(ForeignData, match="a pipe, a device or a socket lies there"):
        opened(path=place)


@pytest.mark.parametrize("path", ["/", "a\0b"])
def test_what_can_be_no_path_is_an_error_of_the_configuration(path: str) -> None:
    """With its place there, and not as a fault of the plugin."""
    config = {"stores": {"s": {"backend": "pickle", "path": path}}, "roles": {"default": "s"}}
    with pytest.raises(ConfigError, match="is no path of a file"):
        load_config({"device": "d", **config})


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal", ".lock", ".reserve", ".healed"])
def test_a_store_is_not_called_as_a_part_of_another(end: str, path: Path) -> None:
    """On a full disk `smok.db.reserve` is deleted, and `smok.db-wal` is at every closing."""
    places = {"one": str(path), "two": str(path) + end}
    stores = {name: {"backend": "pickle", "path": place} for name, place in places.items()}
    roles = {"default": "one", "events": "two"}
    with pytest.raises(ConfigError, match=r"stores\.two: .* ends as files do that lie beside"):
        load_config({"device": "d", "stores": stores, "roles": roles})


def test_a_directory_is_no_store(tmp_path: Path, opened: Callable[..., Engine]) -> None:
    """The error says what is wrong with the path."""
    with pytest.raises(StoreError, match="directory"):
        opened(path=tmp_path)


def _as_nobody(work: Callable[[], object]) -> type[BaseException] | None:
    """Run in a child without rights; give the class of the error, if it is ReadOnlyStore."""
    child = os.fork()
    if child == 0:
        try:
            os.setuid(65534)
            work()
        except ReadOnlyStore:
            os._exit(7)
        finally:
            os._exit(1)
    return ReadOnlyStore if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7 else None


@pytest.mark.parametrize("what", ["file", "directory"])
def test_no_right_to_write(what: str, tmp_path: Path, opened: Callable[..., Engine]) -> None:
    """Without the right to write the error is ReadOnlyStore, and nothing is put aside."""
    if os.getuid():
        pytest.skip("only root can become somebody else")
    folder = tmp_path / "shared"
    opened(path=folder / "smok.db").close()
    for above in (tmp_path, *tmp_path.parents[:3]):
        above.chmod(0o755)
    folder.chmod(0o755 if what == "directory" else 0o777)
    (folder / "smok.db").chmod(0o644 if what == "file" else 0o666)
    (folder / "smok.db.lock").chmod(0o666)
    assert _as_nobody(lambda: opened(path=folder / "smok.db")) is ReadOnlyStore
    assert not list(folder.glob("*.corrupt-*"))


def test_power_loss_syncs_every_commit(path: Path, opened: Callable[..., Engine]) -> None:
    """`synchronous` follows the durability."""
    levels = {"power-loss": 2, "crash": 1, "buffered": 1}
    for durability, level in levels.items():
        engine = opened(durability=durability)
        found = engine._connection.read(lambda raw: raw.execute("PRAGMA synchronous").fetchone())
        assert found == (level,)
        engine.flush()
        engine.close()


def test_keys_are_compared_byte_for_byte(opened: Callable[..., Engine]) -> None:
    """Nothing about a key is special, and no two of them are the same."""
    keys = [
        "../x",
        "/abs",
        "a.b",
        "$ne",
        "a",
        "A",
        "é",
        "e\u0301",
        "*",
        "a\nb",
        "😀",
        "1",
        "1.0",
        "%",
    ]
    engine = opened()
    for key in keys:
        engine.table("t").put(key, key.encode())
        engine.series("s").append([(key, 1, key.encode())])
        engine.blobs("b").put(key, key.encode(), 1)
    for key in keys:
        row = engine.table("t").get(key)
        assert row is not None
        assert row.value == key.encode()
        assert engine.series("s").latest(key) == (1, key.encode())
        assert engine.blobs("b").get(key) == (key.encode(), 1)
    assert sorted(engine.series("s").names()) == sorted(keys)


def test_a_blob_of_the_largest_size(opened: Callable[..., Engine]) -> None:
    """0 bytes and 64 MiB come back as they were, and versions are read without them."""
    blobs = opened().blobs("b")
    data = os.urandom(2**20) * 64
    assert blobs.put("large", data, 1) is None
    assert blobs.put("empty", b"", 2) is None
    assert blobs.get("large") == (data, 1)
    assert blobs.get("empty") == (b"", 2)
    assert blobs.put("large", b"older", 1) == 1
    assert blobs.versions() == {"large": 1, "empty": 2}
    assert blobs.delete("large")
    assert blobs.version("large") is None
