"""The machine that runs the opcodes of a pickle, those of plain data and no other.

There is no way to name a class or to call anything. A dict stays a list of its items and a set a
list of its members, so nothing that was read is hashed or compared here.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

from smok_core.engine.allowance import MAX_PARTS, TooMuch, check_int

PROTOCOL: Final = 4
STOP: Final = ord(".")
#: For one part: an opcode that makes it, one that keeps it, and its share of marks and batches.
_MAX_STEPS: Final = 4 * MAX_PARTS
_unpack_float: Final = struct.Struct(">d").unpack


class Members(list[Any]):
    """The members of a set, not looked at yet."""


class Items(list[Any]):
    """The keys and values of a dict in turn, not looked at yet."""


class Machine:
    """Runs the opcodes; memory and time are bounded by the number of its steps."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: list[Any] = []

    def run(self) -> Any:
        data, steps = self._data, STEPS
        for _ in range(_MAX_STEPS):
            op = data[self._at]
            if op == STOP:
                return self._result()
            width, counted, step = steps[op]
            self._at += 1
            arg = self._take(width) if width else b""
            step(self, self._take(int.from_bytes(arg, "little")) if counted else arg)
        raise TooMuch(f"takes more than {_MAX_STEPS} steps")

    def _take(self, size: int) -> bytes:
        begin, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise ValueError("the pickle is torn")
        return self._data[begin : self._at]

    def _result(self) -> Any:
        (value,) = self._stack
        if self._marks or self._at + 1 != len(self._data):
            raise ValueError("the pickle has something behind it")
        return value

    # --- opcodes ---------------------------------------------------------------------------------

    def protocol(self, arg: bytes) -> None:
        if self._at != 2 or arg[0] != PROTOCOL:
            raise ValueError("a pickle of protocol 4 expected")

    def frame(self, arg: bytes) -> None:
        if int.from_bytes(arg, "little") > len(self._data) - self._at:
            raise ValueError("a frame is torn")

    def push_integer(self, arg: bytes) -> None:
        self._stack.append(check_int(int.from_bytes(arg, "little")))

    def push_signed(self, arg: bytes) -> None:
        self._stack.append(check_int(int.from_bytes(arg, "little", signed=True)))

    def push_float(self, arg: bytes) -> None:
        self._stack.append(_unpack_float(arg)[0])

    def push_text(self, arg: bytes) -> None:
        self._stack.append(arg.decode("utf-8"))

    def push_bytes(self, arg: bytes) -> None:
        self._stack.append(arg)

    def mark(self, _: bytes) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _since_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._marks.pop()
        return items

    def tuple_since_mark(self, _: bytes) -> None:
        items = self._since_mark()
        self._stack.append(tuple(items))

    def append(self, _: bytes) -> None:
        self._fill(list, [self._stack.pop()])

    def appends(self, _: bytes) -> None:
        self._fill(list, self._since_mark())

    def set_item(self, _: bytes) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._fill(Items, [key, value])

    def set_items(self, _: bytes) -> None:
        self._fill(Items, self._since_mark())

    def add_items(self, _: bytes) -> None:
        self._fill(Members, self._since_mark())

    def _fill(self, kind: type[list[Any]], items: list[Any]) -> None:
        container = self._stack[-1]
        if type(container) is not kind:
            raise TypeError("something is put into what takes none")
        container.extend(items)

    def memoize(self, _: bytes) -> None:
        self._memo.append(self._stack[-1])

    def recall(self, arg: bytes) -> None:
        self._stack.append(self._memo[int.from_bytes(arg, "little")])


def _push(make: Callable[[], Any]) -> Callable[[Machine, bytes], None]:
    return lambda machine, _: machine._stack.append(make())  # noqa: SLF001 - one of its opcodes


def _tuple_of(count: int) -> Callable[[Machine, bytes], None]:
    def step(machine: Machine, _: bytes) -> None:
        stack = machine._stack  # noqa: SLF001 - one of its opcodes
        if len(stack) < count:
            raise IndexError("a tuple takes more than there is")
        stack[-count:] = [tuple(stack[-count:])]

    return step


#: Opcode -> bytes of its argument, whether that is the length of the real one, and what it does.
STEPS: Final[dict[int, tuple[int, bool, Callable[[Machine, bytes], None]]]] = {
    ord("\x80"): (1, False, Machine.protocol),
    ord("\x95"): (8, False, Machine.frame),
    ord("N"): (0, False, _push(lambda: None)),
    ord("\x88"): (0, False, _push(lambda: True)),
    ord("\x89"): (0, False, _push(lambda: False)),
    ord("K"): (1, False, Machine.push_integer),
    ord("M"): (2, False, Machine.push_integer),
    ord("J"): (4, False, Machine.push_signed),
    ord("\x8a"): (1, True, Machine.push_signed),
    ord("\x8b"): (4, True, Machine.push_signed),
    ord("G"): (8, False, Machine.push_float),
    ord("\x8c"): (1, True, Machine.push_text),
    ord("X"): (4, True, Machine.push_text),
    ord("\x8d"): (8, True, Machine.push_text),
    ord("C"): (1, True, Machine.push_bytes),
    ord("B"): (4, True, Machine.push_bytes),
    ord("\x8e"): (8, True, Machine.push_bytes),
    ord("("): (0, False, Machine.mark),
    ord(")"): (0, False, _push(tuple)),
    ord("\x85"): (0, False, _tuple_of(1)),
    ord("\x86"): (0, False, _tuple_of(2)),
    ord("\x87"): (0, False, _tuple_of(3)),
    ord("t"): (0, False, Machine.tuple_since_mark),
    ord("]"): (0, False, _push(list)),
    ord("a"): (0, False, Machine.append),
    ord("e"): (0, False, Machine.appends),
    ord("}"): (0, False, _push(Items)),
    ord("s"): (0, False, Machine.set_item),
    ord("u"): (0, False, Machine.set_items),
    ord("\x8f"): (0, False, _push(Members)),
    ord("\x90"): (0, False, Machine.add_items),
    ord("\x94"): (0, False, Machine.memoize),
    ord("h"): (1, False, Machine.recall),
    ord("j"): (4, False, Machine.recall),
}
