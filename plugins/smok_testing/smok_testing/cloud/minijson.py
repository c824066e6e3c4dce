"""Reading MiniJSON, in which the published client sends bodies; the writer is in smok_cloud."""

import struct
from typing import Any, Final

_MAX_DEPTH: Final = 200
_CONSTANTS: Final = {8: None, 22: True, 23: False}
_NUMBERS: Final = {
    1: ">l", 2: ">h", 3: ">b", 4: ">L", 5: ">H", 6: ">B", 9: ">f", 10: ">d",
}  # fmt: skip
#: Types by what they hold, with the bytes of their length.
_LENGTHS: Final[dict[int, tuple[str, int]]] = {
    0: ("text", 1), 13: ("text", 2), 14: ("text", 4),
    7: ("list", 1), 15: ("list", 2), 16: ("list", 4),
    11: ("dict", 1), 17: ("dict", 2), 18: ("dict", 4),
    20: ("pairs", 1), 21: ("pairs", 2), 19: ("pairs", 4),
    24: ("int", 1),
}  # fmt: skip
_SHORT: Final = {0x40: "list", 0x50: "dict", 0x60: "pairs"}


def loads(body: bytes) -> Any:
    """Decode a whole body; what JSON does not know, such as bytes, is refused.

    Raises:
        ValueError: It is no MiniJSON.
    """
    reader = _Reader(body)
    value = reader.value(0)
    if reader.at != len(body):
        raise ValueError(f"{len(body) - reader.at} bytes after the end")
    return value


class _Reader:
    def __init__(self, body: bytes) -> None:
        self._body, self.at = body, 0

    def value(self, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        kind = self._take(1)[0]
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind in _NUMBERS:
            form = struct.Struct(_NUMBERS[kind])
            return form.unpack(self._take(form.size))[0]
        if kind == 12:
            return self._length(3)
        return self._sized(kind, depth)

    def _sized(self, kind: int, depth: int) -> Any:
        if kind & 0x80:
            return self._take(kind & 0x7F).decode()
        if kind & 0xF0 in _SHORT:
            what, length = _SHORT[kind & 0xF0], kind & 0x0F
        elif kind in _LENGTHS:
            what, size = _LENGTHS[kind]
            length = self._length(size)
        else:
            raise ValueError(f"the unknown type {kind} at byte {self.at - 1}")
        return self._content(what, length, depth)

    def _content(self, what: str, length: int, depth: int) -> Any:
        if what == "text":
            return self._take(length).decode()
        if what == "int":
            return int.from_bytes(self._take(length), "big", signed=True)
        if length > len(self._body) - self.at:
            raise ValueError("longer than the body")
        if what == "list":
            return [self.value(depth + 1) for _ in range(length)]
        key = self._name if what == "dict" else self._key
        return {key(): self.value(depth + 1) for _ in range(length)}

    def _name(self) -> str:
        return self._take(self._length(1)).decode()

    def _key(self) -> str:
        found = self.value(_MAX_DEPTH)
        if isinstance(found, str):
            return found
        raise ValueError("a key that is no text")

    def _length(self, size: int) -> int:
        return int.from_bytes(self._take(size), "big")

    def _take(self, size: int) -> bytes:
        found = self._body[self.at : self.at + size]
        if len(found) != size:
            raise ValueError("cut short")
        self.at += size
        return found
