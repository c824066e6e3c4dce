"""Decodes what a store holds: values that are as they were written, and yet no codec reads."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

from smok_cli.transfer.parts import PARTS
from smok_core.errors import CorruptData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smok_core.engine.base import Engine
    from smok_core.engine.codec import Codec

    _Page = tuple[str, list[Any], list[bytes]]  # where, the keys there, and the values

PAGE: Final = 5000
#: Stands for a value that cannot be decoded.
UNREADABLE: Final = object()


def load_many(codec: Codec, values: list[bytes]) -> list[Any]:
    """Decode values; `UNREADABLE` stands for each that cannot be."""
    try:
        return codec.loads_many(values)
    except CorruptData:
        return [_load(codec, data) for data in values]


def _load(codec: Codec, data: bytes) -> Any:
    try:
        return codec.loads(data)
    except CorruptData:
        return UNREADABLE


def find_undecodable(engine: Engine, progress: Callable[[int, int], None]) -> list[str]:
    """Decode every value of every role; return a line for each that no codec reads.

    Args:
        engine: Of one device, opened to look only.
        progress: Called with the values read so far, and how many there are.
    """
    found, done, total = list[str](), 0, _count(engine)
    try:
        for place, keys, values in _pages(engine):
            read = zip(keys, load_many(engine.codec, values), strict=True)
            lost = [key for key, value in read if value is UNREADABLE]
            found += [f"{place} {key!r}: the value cannot be decoded" for key in lost]
            done += len(values)
            progress(done, max(done, total))
    except CorruptData as error:  # not even the bytes are there
        found.append(str(error))
    return found


def _count(engine: Engine) -> int:
    tables = sum(engine.table(name).stats().rows for part in PARTS.values() for name in part.tables)
    series = (engine.series(name).stats() for part in PARTS.values() for name in part.series)
    return tables + sum(stats.points for stats in series)


def _pages(engine: Engine) -> Iterator[_Page]:
    for part in PARTS.values():
        for name in part.tables:
            yield from _table(engine, name)
        for name in part.series:
            for line in engine.series(name).names():
                yield from _line(engine, name, line)


def _table(engine: Engine, name: str) -> Iterator[_Page]:
    rows = iter(engine.table(name).rows())
    while page := list(itertools.islice(rows, PAGE)):
        yield f"{name}:", [row.key for row in page], [row.value for row in page]


def _line(engine: Engine, name: str, line: str) -> Iterator[_Page]:
    points = engine.series(name).range(line, None, None)
    while page := list(itertools.islice(points, PAGE)):
        yield f"{name}: {line!r} at us", [ts for ts, _ in page], [value for _, value in page]
