"""Document ids: texts of percent-encoded segments and numbers of fixed width, joined by ``|``.

A segment cannot hold ``|``, ``}``, ``$``, ``.``-paths or NUL after encoding, so no key reaches
another device, table or operator, and ids sort like the numbers in them.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

from smok_core.errors import InvalidKey, InvalidValue

#: A seq is a base (unique per batch, about a millisecond of the clock) and a position below it.
POSITION_BITS = 20
MAX_POSITIONS = 1 << POSITION_BITS
BASE_DIGITS = 11
_OFFSET = 1 << 63


def segment(text: str, role: str = "store") -> str:
    """Encode a key.

    Raises:
        InvalidKey: It is not text that can be written as UTF-8.
    """
    try:
        return _quoted(text)
    except UnicodeEncodeError:
        raise InvalidKey(role, text, "holds a lone surrogate") from None


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    return quote(text, safe="")


def unsegment(text: str) -> str:
    """Decode what `segment` made."""
    return unquote(text)


def join(*segments: str) -> str:
    """Make an id, or the prefix of ids, of encoded segments."""
    return "|".join(segments)


def span(prefix: str) -> dict[str, str]:
    """Return the condition that an id lies below ``prefix``; ``}`` is the character after ``|``."""
    return {"$gte": f"{prefix}|", "$lt": f"{prefix}}}"}


def among(ids: Sequence[str]) -> dict[str, Any]:
    """Return the condition that an id is one of some, at least one; the span first.

    A mongos asks only the shards of the span; a server that reads all documents compares each with
    two texts, and only those within the span with all of the ids.
    """
    return {"$gte": min(ids), "$lte": max(ids), "$in": list(ids)}


def base_text(base: int) -> str:
    """Return a base as a text of fixed width."""
    return f"{base:0{BASE_DIGITS}x}"


def seq_text(seq: int) -> str:
    """Return a seq as a text of fixed width."""
    return f"{seq:016x}"


def time_text(ts: int, role: str = "series") -> str:
    """Return microseconds since the epoch as a text that sorts like the number.

    Raises:
        InvalidValue: The timestamp does not fit into 64 bits.
    """
    if not -_OFFSET <= ts < _OFFSET:
        raise InvalidValue(role, str(ts), "does not fit into 64 bits", "Correct the timestamp.")
    return f"{ts + _OFFSET:016x}"


def time_from_text(text: str) -> int:
    """Return the microseconds that `time_text` wrote."""
    return int(text, 16) - _OFFSET
