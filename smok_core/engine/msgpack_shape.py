"""A look over MessagePack before it is decoded: how deep, how many parts, which keys.

A decoder reserves memory for what a header announces and makes dicts of keys it has not seen yet.
So the headers are walked first, without making anything, in a time that the allowance bounds.
"""

from typing import Final

from smok_core.engine.allowance import MAX_BYTES, MAX_DEPTH, MAX_STORED_DEPTH, Allowance, TooMuch

_SCALAR, _ARRAY, _MAP, _EXT = range(4)
#: Kind, bytes of the length behind the first byte, and what is added to that length.
_Form = tuple[int, int, int]


def _forms() -> dict[int, _Form]:
    """Return each first byte's form (https://github.com/msgpack/msgpack/blob/master/spec.md)."""
    sizes = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8}
    sizes |= {0xCC + power: 2**power for power in range(4)}  # unsigned integers
    sizes |= {0xD0 + power: 2**power for power in range(4)}  # signed ones
    sizes |= dict.fromkeys((*range(0x80), *range(0xE0, 0x100)), 0)  # small ones
    sizes |= {0xA0 + length: length for length in range(32)}  # short texts
    forms = {first: (_SCALAR, 0, size) for first, size in sizes.items()}
    for power in range(3):
        width = 2**power
        forms[0xC4 + power] = forms[0xD9 + power] = (_SCALAR, width, 0)  # bytes and texts
        forms[0xC7 + power] = (_EXT, width, 1)
    for width, first in ((2, 0xDC), (4, 0xDD)):
        forms[first], forms[first + 2] = (_ARRAY, width, 0), (_MAP, width, 0)
    for count in range(16):
        forms[0x90 + count], forms[0x80 + count] = (_ARRAY, 0, count), (_MAP, 0, count)
    return forms | {0xD4 + power: (_EXT, 0, 1 + 2**power) for power in range(5)}


_FORMS: Final = _forms()
_TEXTS: Final = frozenset({*range(0xA0, 0xC0), 0xD9, 0xDA, 0xDB})
#: Up to so many bytes nothing can be large; only what a header announces, and the depth.
_SMALL: Final = 4096
_ANNOUNCING: Final = frozenset(
    first for first, (kind, width, _) in _FORMS.items() if kind in (_ARRAY, _MAP) and width
)
#: All bytes that cannot begin a container.
_LEAVES: Final = bytes(first for first in range(256) if _FORMS.get(first, (_SCALAR,))[0] == _SCALAR)


def check_shape(data: bytes) -> None:
    """Let one whole MessagePack value through that is no larger than one may be.

    Raises:
        TooMuch: It is larger, or deeper.
        ValueError: It is torn, something stands behind it, or a map has a key that is no text.
    """
    if len(data) <= _SMALL and _is_harmless(data):
        return
    if len(data) > MAX_BYTES:
        raise TooMuch(f"is larger than {MAX_BYTES} bytes")
    if _Walk(data).values(0, 1) != len(data):
        raise ValueError("something stands behind the value")


def _is_harmless(data: bytes) -> bool:
    """Tell at a glance that a small value has few containers, each of at most 15 items."""
    containers = data.translate(None, _LEAVES)
    return len(containers) < MAX_DEPTH and _ANNOUNCING.isdisjoint(containers)


class _Walk:
    def __init__(self, data: bytes) -> None:
        self._data, self._allowance = data, Allowance()

    def values(self, at: int, count: int, depth: int = 1, *, in_map: bool = False) -> int:
        """Walk so many values, one behind the other, and give the offset behind the last."""
        for place in range(count):
            first = self._data[at]
            if in_map and not place % 2 and first not in _TEXTS:
                raise ValueError("a map has a key that is no text")
            kind, width, size = _FORMS[first]
            begin = at + 1 + width
            size += int.from_bytes(self._data[at + 1 : begin], "big")
            if kind == _SCALAR:
                at = begin + size
            else:
                inside = self._enter(kind, size, depth)
                at = self.values(begin + (kind == _EXT), inside, depth + 1, in_map=kind == _MAP)
            if at > len(self._data) or (kind == _EXT and at != begin + size):
                raise ValueError("the value is torn, or an extension holds not one value")
        return at

    def _enter(self, kind: int, size: int, depth: int) -> int:
        """Take a container off what is left, and give how many values are in it."""
        if depth >= MAX_STORED_DEPTH:
            raise TooMuch("nests too deep")
        inside = size * 2 if kind == _MAP else size
        self._allowance.parts(1 if kind == _EXT else inside + 1)
        # Each of them takes a byte at least: however many are announced, the data ends the walk.
        return 1 if kind == _EXT else inside
