"""A look at every page, every index and every checksum of a store; it changes nothing."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from smok_core.errors import CorruptData
from smok_pickle import blobs, segments, table, write_log
from smok_pickle.connection import Connection

_PAGE: Final = 200  # rows a transaction: a writer waits for no longer than that


class _Part(NamedTuple):
    """A table of the file whose rows carry a checksum."""

    name: str
    columns: str
    key: str  #: the integer key, by which its rows are read in pages
    place: Callable[[Any], str]  #: says for a person which row it is
    load: Callable[[Any], object]  #: raises CorruptData if the row is not what was written


_PARTS: Final = (
    _Part("rows", table.COLUMNS, "id", lambda row: f"the row {row[0]!r}", table.load),
    _Part("blobs", blobs.COLUMNS, "id", lambda row: f"the blob {row[3]!r}", blobs.load),
    _Part(
        "tail",
        write_log.COLUMNS,
        "seq",
        lambda row: f"{row[5]} readings of the log",
        lambda row: write_log.unpack(write_log.LogRow._make(row)),
    ),
    _Part(
        "segments",
        segments.COLUMNS,
        "id",
        lambda row: f"{row[5]} readings of the archive",
        lambda row: segments.Segment._make(row).unpacked(),
    ),
)


def find_damage(
    connection: Connection, progress: Callable[[int, int], None] | None = None
) -> list[str]:
    """Read all; return a line for each thing that is damaged, in no particular order.

    Args:
        connection: Opened to look only; otherwise what is found damaged is healed meanwhile.
        progress: Called with the rows read so far, and how many there are.
    """
    found, done = [*_structure(connection)], 0
    total = sum(_count(connection, part.name) for part in _PARTS)
    for part in _PARTS:
        for page in _pages(connection, part, found):
            found += _damage_in(part, page)
            done += len(page)
            if progress is not None:
                progress(done, max(done, total))
    return found


def _structure(connection: Connection) -> Iterator[str]:
    """Yield what SQLite itself finds wrong with pages and indices."""
    try:
        lines = _asked(connection, "PRAGMA integrity_check(20)")
    except CorruptData as error:
        lines = [(error.detail,)]
    yield from (" ".join(line.split()) for (line,) in lines if line != "ok")


def _pages(connection: Connection, part: _Part, found: list[str]) -> Iterator[list[Any]]:
    query = (
        f"SELECT {part.columns}, {part.key} FROM {part.name}"  # noqa: S608 - fixed words only
        f" WHERE {part.key} > ? ORDER BY {part.key} LIMIT {_PAGE}"
    )
    last = -(2**63)
    while True:
        try:
            page = _asked(connection, query, (last,))
        except CorruptData as error:
            found.append(f"{part.name}: what comes after {last} cannot be read: {error.detail}")
            return
        if not page:
            return
        yield page
        last = page[-1][-1]


def _damage_in(part: _Part, page: Iterable[Any]) -> Iterator[str]:
    for row in page:
        try:
            part.load(row[:-1])
        except CorruptData as error:
            yield f"{part.name} {row[-1]}: {part.place(row)}: {error.detail}"


def _count(connection: Connection, table: str) -> int:
    try:
        return int(_asked(connection, f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608
    except CorruptData:
        return 0  # reading it will tell


def _asked(connection: Connection, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
    return connection.read(lambda raw: raw.execute(query, values).fetchall())
