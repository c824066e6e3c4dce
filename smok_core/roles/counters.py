"""Counts that last as long as the store, one row each."""

from __future__ import annotations

from typing import Any, Final

from smok_core.engine.base import Engine, When

#: The table of an engine in which they are.
COUNTERS: Final = "counters"


class Counter:
    """A count, such as ``events.refused``; threads and processes may add at the same time."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._table, self._codec, self._name = engine.table(COUNTERS), engine.codec, name

    def add(self, more: int) -> None:
        """Count ``more``."""
        done = False
        while not done:
            row = self._table.get(self._name)
            value = self._codec.dumps((self._codec.loads(row.value) if row else 0) + more)
            # Compare and set: what another one counted in between is not overwritten.
            condition: dict[str, Any] = {"expected_seq": row.seq} if row else {"when": When.ABSENT}
            done = self._table.put(self._name, value, **condition)

    def value(self) -> int:
        """Return the count."""
        row = self._table.get(self._name)
        return int(self._codec.loads(row.value)) if row else 0
