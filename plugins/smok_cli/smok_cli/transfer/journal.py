"""How far a copy is, noted in its target: after a kill it goes on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from smok_cli.transfer.errors import CopyUnfinished
from smok_cli.transfer.parts import JOURNAL
from smok_core.errors import CorruptData

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smok_core.engine.base import Engine


_BEGUN: Final = "begun"
_DONE: Final = "done"


class Journal:
    """The notes on a copy; all of them are forgotten at once when everything is copied.

    Args:
        target: The store that is copied to.
        source: What the source is called, so that no other copy goes on with these notes.

    Raises:
        CopyUnfinished: A copy from another source was broken off.
    """

    def __init__(self, target: Engine, source: str) -> None:
        self._table, self._codec = target.table(JOURNAL), target.codec
        begun = self.read(_BEGUN) or {"source": source, "roles": []}
        if begun["source"] != source:
            raise CopyUnfinished(begun["roles"], begun["source"])
        self._source = source
        self.begun: frozenset[str] = frozenset(begun["roles"])

    def begin(self, roles: Iterable[str]) -> None:
        """Note that the copy of these roles has begun."""
        self.begun |= set(roles)
        self.write(_BEGUN, {"source": self._source, "roles": sorted(self.begun)})

    def end(self) -> None:
        """Forget all notes, unless a role that was begun earlier is still to be copied."""
        if all(self.is_done(role) for role in self.begun):
            self._table.replace({})

    def is_done(self, role: str) -> bool:
        """Tell whether a role is copied."""
        return self.read(f"{role}/{_DONE}") is not None

    def done(self, role: str) -> None:
        """Note that a role is copied."""
        self.write(f"{role}/{_DONE}", True)

    def read(self, part: str) -> Any:
        """Return what was noted under a name, or None."""
        row = self._table.get(part)
        try:
            return None if row is None else self._codec.loads(row.value)
        except CorruptData:
            return None

    def write(self, part: str, note: Any) -> None:
        """Note something under a name."""
        self._table.put(part, self._codec.dumps(note))
