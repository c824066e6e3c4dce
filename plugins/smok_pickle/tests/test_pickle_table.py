"""The table asks the file for no more than it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from smok_core.errors import QueueFull

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_core.engine.base import Engine


def test_only_who_has_a_limit_asks_how_many_wait(opened: Callable[..., Engine]) -> None:
    """A row is written by four statements, in a transaction with one look at what others do."""
    engine = opened()
    table, statements = engine.table("t"), list[str]()
    table.put("first", b"v", pending=True)
    engine._connection.raw().set_trace_callback(statements.append)  # type: ignore[attr-defined]
    table.put("second", b"v", pending=True)
    assert len(statements) == 7
    statements.clear()
    table.put("third", b"v", pending=True, max_pending=3)
    assert len(statements) == 8
    with pytest.raises(QueueFull):
        table.put("fourth", b"v", pending=True, max_pending=3)
    assert table.stats().pending == 3
