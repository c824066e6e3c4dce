"""Difficult keys and values: ordinary data that has broken storage layers before."""

from __future__ import annotations

from typing import Final

__all__ = ["BYTES", "DIFFICULT_KEYS", "NEIGHBOURS", "TIMESTAMPS"]

#: Ordinary keys (contract G5). Each means something to some path, query, pattern or protocol.
DIFFICULT_KEYS: Final = (
    "../x", "/abs", ".", "..", "a/b", "a\\b", "a.b", "$ne", "{x}", "}", "a:b", "a|b", "a b", " a",
    "a ", "*", "?", "[a]", "%", "%00", "_", "'", '"', ";--", "a\nb", "a\r\n", "\t", "\x01", "\x7f",
    "-", "--help", "~", "#", "&", "0", "-1", "1e5", "null", "None", "true", "_id", "metadata.pkl",
    "A", "a", "ß", "SS", "ss", "\u00e9", "e\u0301", "\u00c5", "\u212b", "A\u030a", "\ufb01", "fi", "🔧", "\ufeffa",
    "\u202ea", "\ud7ff", "\uffff", "\U0010ffff", "k" * 512, "k" * 511 + "l", "é" * 256,
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
