"""What is started afresh in a forked child: connections and locks belong to the parent."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["start_afresh_in_children"]


class _Part(Protocol):
    def start_afresh(self) -> None: ...


_PARTS: weakref.WeakSet[_Part] = weakref.WeakSet()


def start_afresh_in_children(part: _Part) -> None:
    """Call ``part.start_afresh()`` in every child that is forked while ``part`` lives."""
    _PARTS.add(part)


def _after_fork() -> None:
    for part in list(_PARTS):
        part.start_afresh()


os.register_at_fork(after_in_child=_after_fork)
