"""What the store remembers of clocks that were set back: when a clock was behind, and how much.

They lie in a table beside the pathpoints, on the same store, and are not uploaded: the instants
themselves are right, this only says how the logger wrote them (see `smok_cli.readings.clocks`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from smok_core.roles.pathpoints import PathpointDatabase

if TYPE_CHECKING:
    from smok_core.databases import Databases
    from smok_core.engine.base import Table
    from smok_core.engine.codec import Codec


TABLE: Final = PathpointDatabase.tables[1]


class Span(NamedTuple):
    """From the first to the last instant (both inclusive, µs) a clock was this much behind."""

    first: int
    last: int
    behind: int


class Offsets:
    """The spans of all pathpoints of one store.

    A backend that keeps pathpoints without an engine has no place for them: ``kept`` is False.
    """

    def __init__(self, databases: Databases) -> None:
        engine = databases.engines.get(databases.config.roles["pathpoints"].store)
        self._table: Table | None = engine.table(TABLE) if engine else None
        self._codec: Codec | None = engine.codec if engine else None
        self._noted: dict[str, list[Span]] = {}
        self._changed: set[str] = set()
        self.kept = engine is not None

    def note(self, pathpoint: str, utc: int, behind: int) -> None:
        """Note one reading of a clock that is behind; `save` makes it last."""
        spans = self._noted.setdefault(pathpoint, [])
        if spans and spans[-1].behind == behind:
            spans[-1] = spans[-1]._replace(last=max(utc, spans[-1].last))
        else:
            spans.append(Span(utc, utc, behind))
        self._changed.add(pathpoint)

    def save(self) -> None:
        """Write what was noted; called before the readings themselves are stored."""
        for pathpoint in self._changed:
            spans = self._noted[pathpoint]
            for known in self.of(pathpoint):
                spans = _merge(spans, known)
            self._write(pathpoint, spans)
        self._changed.clear()

    def of(self, pathpoint: str) -> list[Span]:
        """Return what is remembered of a pathpoint, in the order of time."""
        row = self._table.get(pathpoint) if self._table is not None else None
        if row is None or self._codec is None:
            return []
        return [Span(*span) for span in self._codec.loads(row.value)]

    def _write(self, pathpoint: str, spans: list[Span]) -> None:
        if self._table is not None and self._codec is not None:
            self._table.put(pathpoint, self._codec.dumps([list(span) for span in sorted(spans)]))


def _merge(spans: list[Span], known: Span) -> list[Span]:
    """Keep what was known and does not contradict what was just read."""
    touching = [s for s in spans if s.first <= known.last and known.first <= s.last]
    if any(span.behind != known.behind for span in touching):
        return spans
    rest = [span for span in spans if span not in touching]
    first = min(span.first for span in [known, *touching])
    last = max(span.last for span in [known, *touching])
    return [*rest, Span(first, last, known.behind)]
