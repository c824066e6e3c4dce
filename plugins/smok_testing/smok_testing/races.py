"""What processes fight for, on the primitives alone: each step is won by one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smok_core.engine.base import When

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_core.engine.base import Engine

__all__ = ["BLOBS", "COUNTER", "RACES", "ROWS"]

ROWS, BLOBS, COUNTER = "kit.rows", "kit.blobs", "counter"


def absent(engine: Engine, step: int, me: str) -> bool:
    """Put a row if there is none; tell if that was oneself."""
    return engine.table(ROWS).put(f"k{step}", me.encode(), when=When.ABSENT)


def newer(engine: Engine, step: int, me: str) -> bool:
    """Put a row with a stamp that only one process can be first with."""
    return engine.table(ROWS).put(f"k{step}", me.encode(), stamp=1.0, when=When.NEWER)


def version(engine: Engine, step: int, me: str) -> bool:
    """Put a blob with a version that only one process can be first with."""
    return engine.blobs(BLOBS).put(f"k{step}", me.encode(), 1) is None


def counting(engine: Engine, _: int, __: str) -> bool:
    """Add 1 to a number by compare and set, until it was oneself who did."""
    table = engine.table(ROWS)
    while row := table.get(COUNTER):
        if table.put(COUNTER, b"%d" % (int(row.value) + 1), expected_seq=row.seq):
            return True
    return False


def changing(engine: Engine, step: int, me: str) -> bool:
    """Change a row that all change and that goes to the cloud each time."""
    return engine.table(ROWS).put(f"k{step % 2}", f"{me} {step}".encode(), pending=True)


#: By name; each takes the engine, the step and who does it, and tells whether the step was won.
RACES: Final[dict[str, Callable[[Engine, int, str], bool]]] = {
    "absent": absent,
    "newer": newer,
    "version": version,
    "counting": counting,
    "changing": changing,
}
