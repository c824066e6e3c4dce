"""Difficult keys and values: ordinary data that has broken storage layers before."""

from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

#: Ordinary keys (contract G5). Each means something to some path, query, pattern or protocol.
DIFFICULT_KEYS: Final = (
    "../x", "/abs", ".", "..", "a/b", "a//b", "./a", "a/../b", "a/", "a\\b", "a.b", "$ne", "{x}",
    "}", "a:b", "a|b", "a b", " a", "a ", "*", "?", "[a]", "%", "%00", "_", "'", '"', ";--", "a\nb",
    "a\r\n", "\t", "\x01", "\x7f", "-", "--help", "~", "#", "&", "0", "-1", "1e5", "null", "None",
    "true", "_id", "metadata.pkl", "A", "a", "ß", "SS", "ss", "\u00e9", "e\u0301", "\u00c5",
    "\u212b", "A\u030a", "\ufb01", "fi", "🔧", "\ufeffa", "\u202ea", "\ud7ff", "\uffff",
    "\U0010ffff", "k" * 512, "k" * 511 + "l", "é" * 256,
)  # fmt: skip

#: Keys of which one is the beginning, the pattern or the escaped form of the next.
NEIGHBOURS: Final = ("a", "a:", "a:b", "a:b:c", "a%", "a*", "a_", "a\n", "ab", "a:b\\", "a\\:b")

#: Opaque bytes that text protocols and literals stumble over.
BYTES: Final = (
    b"", b"\x00", b"\x00" * 8, b"\r\n", b"'\"\\", b"\xff\xfe", b"0", b"-1", b"1e400", b"nan",
    b"$5\r\nhello\r\n", bytes(range(256)), b"\x80\x04N.", "é🔧".encode(), b"x" * 100_000,
)  # fmt: skip

#: Timestamps at the edges of 64 bits, of a double's integers, and of the epoch.
TIMESTAMPS: Final = (
    -(2**63), -(2**63) + 1, -(2**53) - 1, -(2**53), -1, 0, 1, 1_700_000_000_000_000,
    1_700_000_000_000_001, 2**53, 2**53 + 1, 2**53 + 2, 2**63 - 2, 2**63 - 1,
)  # fmt: skip

#: Plain data of every type, each with its neighbours that compare equal or look alike.
PLAIN: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 2**63 - 1, -(2**63), 2**64, 10**40, 0.0, 1.0, 0.1, 5e-324,
    1.7976931348623157e308, "", "1", "\x00é🔧", b"", b"\x00\xff", [], (), {}, set(),
    [1, 1.0, True, "1", b"1", None], (1, (2, [3])), {"a": {"b": [1, (2,)]}}, {1: "i", "1": "s"},
    {(1, 2): {3}}, {b"k": b"v"}, {1, "a", (2, 3)}, {"$ne": 1, "a.b": 2, "": 3},
    datetime(2024, 2, 29, 23, 59, 59, 999999), datetime(1, 1, 1, tzinfo=UTC),  # noqa: DTZ001
    datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Warsaw")),
)  # fmt: skip


def described(value: Any) -> Any:
    """Return value and type of everything inside a value, so that 1, 1.0 and True differ."""
    kind = type(value)
    if kind is dict:
        return "dict", [(described(key), described(item)) for key, item in value.items()]
    if kind is set:
        return "set", sorted(repr(described(item)) for item in value)
    if kind in (list, tuple):
        return kind.__name__, [described(item) for item in value]
    if kind is datetime:
        return "datetime", value.isoformat(), value.fold, str(value.tzinfo)
    return kind.__name__, repr(value)
