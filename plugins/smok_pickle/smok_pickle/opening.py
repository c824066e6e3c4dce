"""Opens the file of a store: what is there is looked at first, and nothing foreign is touched."""

import contextlib
import shutil
import sqlite3
import struct
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import quote

from smok_core.engine.base import Durability
from smok_core.errors import CorruptData, ForeignData, SchemaTooNew
from smok_pickle.files import sibling
from smok_pickle.migration import migrate
from smok_pickle.schema import (
    APPLICATION_ID,
    TABLES,
    VERSION,
    create,
    ensure_lineage,
    lineage_of,
    version_of,
)
from smok_pickle.wal_reader import read_log

_MAGIC: Final = b"SQLite format 3\0"
_HEADER: Final = 100
#: Second byte of a pickle of protocol 2 to 5.
_PICKLE_PROTOCOLS: Final = (b"\x02", b"\x03", b"\x04", b"\x05")
_IMPLAUSIBLE: Final = 10_000  # no release counts its schema that far: the number itself is damaged

#: A check reads the whole file, at 200 MB/s and more. After a clean shutdown only a small file is
#: worth it; after an unclean one it may take about a second. Larger files are caught when a damaged
#: page is met.
_CHECK_CLEAN: Final = 8 * 2**20
_CHECK_UNCLEAN: Final = 256 * 2**20
_CHECK_INDICES: Final = 64 * 2**20
_CHECK_ROWS: Final = 20_000  # of a table in a larger file


def level_of(durability: Durability) -> int:
    """Return SQLite's level of ``synchronous``: 2 forces every commit to the medium, 1 does not."""
    return 2 if durability == Durability.POWER_LOSS else 1


def connect(path: Path | str, level: int, busy_ms: int) -> sqlite3.Connection:
    """Return a connection with our settings; the file must be one of ours, or empty."""
    raw = sqlite3.connect(
        path, timeout=busy_ms / 1000, isolation_level=None, check_same_thread=False,
        cached_statements=256, uri=str(path).startswith("file:"),
    )  # fmt: skip
    try:
        raw.execute(f"PRAGMA synchronous = {level}")
        raw.execute("PRAGMA cell_size_check = ON")
        raw.execute("PRAGMA journal_size_limit = 8388608")
        raw.execute("PRAGMA trusted_schema = OFF")
        raw.execute("PRAGMA cache_size = -16384")
    except BaseException:
        raw.close()
        raise
    return raw


def prepare(raw: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file, bring those of an old one up, switch to the log."""
    if not _tables(raw):
        raw.execute("PRAGMA auto_vacuum = INCREMENTAL")
        create(raw)
    version = version_of(raw)
    if version > VERSION:
        raise SchemaTooNew(str(path), version, VERSION)
    migrate(raw)
    raw.execute("PRAGMA journal_mode = WAL").fetchone()
    ensure_lineage(raw)


def refuse_foreign(path: Path) -> None:
    """Raise if something lies at ``path`` that never was ours; it is left as it is.

    An empty file is free to become a store. One whose header is damaged is ours only if the lock
    file beside it says so, and then nobody asks here.

    Raises:
        ForeignData: It is a file of something else.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        header = file.read(_HEADER)
    if header[:1] == b"\x80" and header[1:2] in _PICKLE_PROTOCOLS:
        raise ForeignData(
            str(path), "a pickle lies there, such as the smok package writes",
            "Give the store another path, and bring the data with `smok import-legacy`.",
        )  # fmt: skip
    if header and not (header.startswith(_MAGIC) and _has_our_mark(path, header)):
        raise ForeignData(
            str(path), "a file of something else lies there",
            "Give the store a path of its own; the file was not touched.",
        )  # fmt: skip


def _has_our_mark(path: Path, header: bytes) -> bool:
    """Tell whether an SQLite file is a store, or has no tables at all and is free to be one."""
    if len(header) < _HEADER or _numbers(header)[1] == APPLICATION_ID:
        return len(header) == _HEADER
    try:
        tables = _tables_in(path)
    except sqlite3.Error:
        return False
    return not tables or set(TABLES) <= tables


def brought_up_apart(raw: sqlite3.Connection, level: int, busy_ms: int) -> sqlite3.Connection:
    """Return a connection to read a store with, which must not be changed.

    A store of an older version is copied to a temporary file, and the copy is brought up.
    """
    if version_of(raw) == VERSION:
        return raw
    copy = connect("", level, busy_ms)
    with contextlib.closing(raw):
        raw.backup(copy)
    migrate(copy)
    return copy


def opened_read_only(path: Path, level: int, busy_ms: int) -> sqlite3.Connection:
    """Return a connection to a store at rest; neither the file nor its directory is written.

    SQLite has to make files to read a log, so a store with one is read from a copy elsewhere.
    """
    examine(path, alone=True)
    if _has_log(path):
        raw = _copied_with_log(path, level, busy_ms)
    else:
        raw = without_log(path, level, busy_ms)
    raw.execute("PRAGMA query_only = ON")
    return raw


def without_log(path: Path, level: int, busy_ms: int) -> sqlite3.Connection:
    """Return a connection to read a file with, whatever log lies beside it."""
    raw = connect(f"file:{quote(str(path))}?mode=ro&immutable=1", level, busy_ms)
    return brought_up_apart(raw, level, busy_ms)


def judged_alone(path: Path) -> tuple[bool, str | None]:
    """Tell whether a file is whole without the log beside it, and give its lineage.

    Raises:
        ForeignData, SchemaTooNew: It is none that this release may touch.
    """
    lineage = None
    try:
        examine(path, alone=False)
        with contextlib.closing(without_log(path, level_of(Durability.CRASH), 0)) as raw:
            lineage = lineage_of(raw)
            check_pages(raw, path, unclean=True)
    except (CorruptData, sqlite3.Error):
        return False, lineage
    return True, lineage


def _copied_with_log(path: Path, level: int, busy_ms: int) -> sqlite3.Connection:
    copy = connect("", level, busy_ms)
    with tempfile.TemporaryDirectory(prefix="smok-") as folder:
        for file in (path, sibling(path, "-wal")):
            shutil.copyfile(file, Path(folder, file.name))
        with contextlib.closing(connect(Path(folder, path.name), level, busy_ms)) as raw:
            raw.backup(copy)
    if version_of(copy) != VERSION:
        migrate(copy)
    return copy


def examine(path: Path, *, alone: bool) -> None:
    """Look at what lies at ``path`` without writing.

    Args:
        path: The store's file; it exists.
        alone: Whether no other process has it open, so that a log beside it means a crash.

    Raises:
        CorruptData: It is damaged.
        ForeignData: It is somebody else's.
        SchemaTooNew: It was written by a newer release.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER)
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        raise CorruptData(str(path), "the file is empty, torn or not an SQLite file")
    version, application = _numbers(header)
    if application != APPLICATION_ID:
        _tell_foreign(path)
    elif VERSION < version < _IMPLAUSIBLE:
        raise SchemaTooNew(str(path), version, VERSION)
    elif not 0 < version <= VERSION:
        raise CorruptData(str(path), f"its header says schema version {version}")
    if alone and not _has_log(path):
        _check_length(path, header)


def check_pages(raw: sqlite3.Connection, path: Path, *, unclean: bool) -> None:
    """Let SQLite look at every page, if that is done in about a second.

    Raises:
        CorruptData: A page or an index is damaged, or a table is gone.
    """
    if not set(TABLES) <= _tables(raw):
        raise CorruptData(str(path), "tables are missing in the file")
    size = path.stat().st_size
    # The full check also compares the indices: a row that its index forgot is lost to us.
    checks = ["integrity_check(1)"] if size <= _CHECK_INDICES else ["quick_check(1)"]
    if size > (_CHECK_UNCLEAN if unclean else _CHECK_CLEAN):
        checks = [f"integrity_check({table})" for table in _small_tables(raw)]
    for check in checks:
        verdict = raw.execute(f"PRAGMA {check}").fetchone()[0]
        if verdict != "ok":
            raise CorruptData(str(path), f"the file is damaged ({verdict})")


def _small_tables(raw: sqlite3.Connection) -> list[str]:
    """Name the tables whose indices can hide whole roles, and which are small in large files."""
    query = "SELECT coalesce(sum(rows), 0) FROM sections WHERE kind = 'table'"
    rows = raw.execute(query).fetchone()[0] <= _CHECK_ROWS
    names = raw.execute("SELECT coalesce(max(id), 0) FROM names").fetchone()[0] <= _CHECK_ROWS
    return ["sections", *(["names"] if names else []), *(["rows"] if rows else [])]


def is_sound(raw: sqlite3.Connection) -> bool:
    """Tell whether SQLite finds nothing wrong with the pages as they lie in the file now."""
    try:
        raw.execute("PRAGMA shrink_memory").fetchall()
        return bool(raw.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.Error:
        return False


def _numbers(header: bytes) -> tuple[int, int]:
    version, application = struct.unpack_from(">i4xI", header, 60)
    return int(version), int(application)


def _tables(raw: sqlite3.Connection) -> set[str]:
    return {str(row[0]) for row in raw.execute("SELECT name FROM sqlite_master")}


def _tables_in(path: Path) -> set[str]:
    """Name the tables of a file that this process has open nowhere."""
    address = f"file:{quote(str(path))}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as raw:
        return _tables(raw)


def _tell_foreign(path: Path) -> None:
    """Raise, unless the file has no tables at all: then it is free to be ours."""
    try:
        tables = _tables_in(path)
    except sqlite3.Error as error:
        raise CorruptData(str(path), f"the file is damaged ({error})") from error
    if set(TABLES) <= tables:
        raise CorruptData(str(path), "the header of the file is damaged")
    if tables:
        raise ForeignData(str(path), "an SQLite file of another program lies there")


def _check_length(path: Path, header: bytes) -> None:
    """A file shorter than it says itself was torn.

    With a log beside it that is no damage: copying the log may have stopped on a full disk.
    """
    size, pages = struct.unpack_from(">H", header, 16)[0], struct.unpack_from(">I", header, 28)[0]
    if path.stat().st_size < pages * (size if size > 1 else 65536):
        raise CorruptData(str(path), "the file is shorter than its own header says")


def _has_log(path: Path) -> bool:
    """Tell whether a log that can be read lies beside the file; a damaged one is an error."""
    log = sibling(path, "-wal")
    if not log.exists() or not log.stat().st_size:
        return False
    damage = read_log(log).damage
    if damage:
        raise CorruptData(str(path), f"its log (-wal): {damage}")
    return True
