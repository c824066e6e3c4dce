"""How much one value may be; writers and readers of every backend count with the same figures.

Values read from a store are untrusted (contract G18). Everything is counted as often as it is
reached: a list that stands in a value twice counts twice, so a few bytes cannot stand for a value
without end. And what is hashed is looked at first: keys that all have one hash would make a dict
of some thousands of them take hours.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any, Final

#: Containers inside containers; any backend's reader takes so many without a deep stack.
MAX_DEPTH: Final = 64
#: What a value consists of: scalars, keys, containers. What needs a tag counts a few more.
MAX_PARTS: Final = 2**18
#: Texts and bytes of a value together, and its encoded form.
MAX_BYTES: Final = 64 * 2**20
#: Longer integers cannot be printed: Python refuses beyond 4300 digits.
MAX_INT_BITS: Final = 8192
#: Keys of one dict, or members of one set, that may share a hash; by chance hardly two do.
MAX_ALIKE: Final = 64
#: A container may take up to three levels when it is stored: its tag, its parts, their pairs.
MAX_STORED_DEPTH: Final = 3 * (MAX_DEPTH + 1)


class TooMuch(ValueError):
    """A value is larger than one may be; the text completes "the value ...".

    Writers turn it into `InvalidValue`, readers into `CorruptData`.
    """


class Allowance:
    """What is left for one value while it is walked."""

    __slots__ = ("_bytes", "_parts")

    def __init__(self) -> None:
        self._parts, self._bytes = MAX_PARTS, MAX_BYTES

    def parts(self, count: int) -> None:
        """Take so many parts off what is left; raises `TooMuch` when that is not enough."""
        self._parts -= count
        if self._parts < 0:
            raise TooMuch(f"consists of more than {MAX_PARTS} parts")

    def size(self, value: Any) -> None:
        """Take the bytes of a text, bytes or bytearray off; raises `TooMuch` likewise."""
        self._bytes -= len(value)
        if self._bytes < 0:
            raise TooMuch(f"is larger than {MAX_BYTES} bytes")


def check_int(value: int) -> int:
    """Let an integer through that can be printed; raises `TooMuch`."""
    if value.bit_length() > MAX_INT_BITS:
        raise TooMuch(f"holds an integer of {value.bit_length()} bits")
    return value


def check_hashes(keys: Collection[Any]) -> None:
    """Let keys through that a dict or set can hold without comparing each with each.

    Raises:
        TooMuch: More than `MAX_ALIKE` of them have one hash.
        TypeError: One cannot be hashed.
    """
    if len(keys) <= MAX_ALIKE:
        return
    (_, most), *_ = Counter(map(hash, keys)).most_common(1)
    if most > MAX_ALIKE:
        raise TooMuch(f"has {most} keys with the same hash")


def checked_set(items: list[Any]) -> set[Any]:
    """Make a set of what was read."""
    check_hashes(items)
    return set(items)


def checked_dict(pairs: list[Any]) -> dict[Any, Any]:
    """Make a dict of the pairs that were read."""
    check_hashes([key for key, _ in pairs])
    return dict(pairs)
