"""Notices when other contents are put into an open store through SQLite: ``.restore backup.db``.

SQLite writes them as one change among others, but counts its schema cookie on, as it does for
VACUUM and for a new table. Which of these it was, the marks of the namespaces tell: they never go
back, but where an earlier state has taken the place of the store.
"""

import contextlib
import sqlite3
from collections.abc import Iterable
from typing import Final, Protocol

from smok_pickle.schema import SEQ_BITS, lineage_of

_COOKIE: Final = "PRAGMA schema_version"
_MARKS: Final = (
    "SELECT id, device || kind || name, max(CAST(last AS INTEGER), coalesce("  # noqa: S608
    f"(SELECT CAST(last AS INTEGER) FROM tail WHERE seq BETWEEN id << {SEQ_BITS}"
    f" AND (id + 1 << {SEQ_BITS}) - 1 ORDER BY seq DESC LIMIT 1), 0)) FROM sections"
)


class Memory(Protocol):
    """What this process knows of a namespace, under one epoch of the connection."""

    connection_epoch: int
    top: int  #: the highest seq; 0: none is known


class Descent:
    """Remembers how far a store has come; use it under the connection's lock only."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._marks = dict[tuple[int, str], int]()
        self.note(raw)

    def note(self, raw: sqlite3.Connection) -> None:
        """Take what a transaction sees for right; damage is told to those who read it."""
        self.cookie: int = raw.execute(_COOKIE).fetchone()[0]
        self._lineage = lineage_of(raw)
        with contextlib.suppress(sqlite3.Error):
            self._marks = _marks_of(raw)

    def has_moved(self, raw: sqlite3.Connection) -> bool:
        """Tell whether somebody has changed the schema, or put other contents in."""
        found: int = raw.execute(_COOKIE).fetchone()[0]
        return found != self.cookie

    def is_same_line(self, raw: sqlite3.Connection) -> bool:
        """Tell whether the contents are a state of the same store."""
        return lineage_of(raw) == self._lineage

    def is_broken(self, raw: sqlite3.Connection, memories: Iterable[Memory]) -> bool:
        """Tell whether the contents lack what was noted, or what is known since."""
        found = _marks_of(raw)
        behind = [found.get(label, -1) < last for label, last in self._marks.items()]
        tops = {section: last for (section, _), last in found.items()}
        behind += [tops.get(one.top >> SEQ_BITS, -1) < one.top for one in memories if one.top]
        return not self.is_same_line(raw) or any(behind)


def _marks_of(raw: sqlite3.Connection) -> dict[tuple[int, str], int]:
    return {(section, label): last for section, label, last in raw.execute(_MARKS)}
