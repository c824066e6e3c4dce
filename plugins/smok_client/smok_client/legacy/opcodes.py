"""Walking the opcodes of a pickle: what is not on the list is refused before its argument is read.

The table and the readers of arguments are those of `pickletools`, and the walk is that of
`pickletools.genops` but for the order: genops reads an argument first and lets one look later.
The one reader replaced is that of GLOBAL, which there interprets escapes.
"""

import io
import pickletools
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from smok_client.legacy.refusal import Fault, LegacyRefused

#: What the picklers of protocols 2 to 5 emit for the client's data and for users' objects in it.
#: Not here: persistent ids, extension codes, INST and OBJ, DUP and POP, out-of-band buffers, and
#: everything only protocols 0 and 1 use.
_NAMES: Final = frozenset(
    {
        "PROTO",
        "FRAME",
        "STOP",
        "NONE",
        "NEWTRUE",
        "NEWFALSE",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG1",
        "LONG4",
        "BINFLOAT",
        "SHORT_BINUNICODE",
        "BINUNICODE",
        "BINUNICODE8",
        "SHORT_BINBYTES",
        "BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
        "EMPTY_LIST",
        "APPEND",
        "APPENDS",
        "EMPTY_TUPLE",
        "TUPLE",
        "TUPLE1",
        "TUPLE2",
        "TUPLE3",
        "EMPTY_DICT",
        "SETITEM",
        "SETITEMS",
        "EMPTY_SET",
        "ADDITEMS",
        "FROZENSET",
        "MARK",
        "BINPUT",
        "LONG_BINPUT",
        "MEMOIZE",
        "BINGET",
        "LONG_BINGET",
        "GLOBAL",
        "STACK_GLOBAL",
        "REDUCE",
        "NEWOBJ",
        "NEWOBJ_EX",
        "BUILD",
    }
)


class Step(NamedTuple):
    """An opcode that is allowed, and how its argument is read."""

    name: str
    read: Callable[[io.BytesIO], Any] | None


def _read_global(stream: io.BytesIO) -> tuple[str, str]:
    lines = [stream.readline(), stream.readline()]
    if not all(line.endswith(b"\n") for line in lines):
        raise ValueError("no newline")
    module, name = (line[:-1].decode("ascii") for line in lines)
    return module, name


def _step(opcode: pickletools.OpcodeInfo) -> Step:
    reader: Any = opcode.arg.reader if opcode.arg else None
    return Step(opcode.name, _read_global if opcode.name == "GLOBAL" else reader)


#: Opcode byte -> step.
ALLOWED: Final = {
    opcode.code.encode("latin-1"): _step(opcode)
    for opcode in pickletools.opcodes
    if opcode.name in _NAMES
}
_FORBIDDEN: Final = {
    opcode.code.encode("latin-1"): opcode.name
    for opcode in pickletools.opcodes
    if opcode.name not in _NAMES
}


def walk(data: bytes) -> Iterator[tuple[str, Any, int]]:
    """Stream ``(opcode's name, argument, offset)`` up to and with STOP.

    Raises:
        LegacyRefused: A forbidden or unknown opcode, an unreadable argument, or the end came
            before STOP.
    """
    stream = io.BytesIO(data)
    at = 0
    while True:
        step = ALLOWED.get(stream.read(1)) or _refuse(data, at)
        try:
            arg = step.read(stream) if step.read else None
        except (ValueError, OverflowError) as error:
            raise _unreadable(error, stream, at, len(data)) from None
        yield step.name, arg, at
        if step.name == "STOP":
            return
        at = stream.tell()


def _refuse(data: bytes, at: int) -> Step:
    if at == len(data):
        raise LegacyRefused(Fault.TRUNCATED, "the file ends in the middle", at)
    code = data[at : at + 1]
    if code in _FORBIDDEN:
        raise LegacyRefused(
            Fault.FORBIDDEN, f"smok 0.21.0 never writes the opcode {_FORBIDDEN[code]}", at
        )
    raise LegacyRefused(Fault.NOT_A_PICKLE, f"there is no opcode {code!r}", at)


def _unreadable(error: Exception, stream: io.BytesIO, at: int, size: int) -> LegacyRefused:
    if stream.tell() >= size and not isinstance(error, UnicodeError):
        return LegacyRefused(Fault.TRUNCATED, "the file ends in the middle", at)
    return LegacyRefused(Fault.NOT_A_PICKLE, "an argument cannot be read", at)
