"""The inert machine's stack, marks and memo, and the scalars that go onto it."""

from typing import Final

from smok_client.legacy.limits import Limits
from smok_client.legacy.nodes import Name, Node, Obj
from smok_client.legacy.refusal import Fault, LegacyRefused

_PROTOCOLS: Final = range(2, 6)
_MAX_INT_BITS: Final = 128


class Stack:
    """The state of the machine, and the opcodes that need nothing else; each is one method."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data, self._nodes_left = data, limits.max_nodes
        self._limits = limits
        self._stack: list[Node] = []
        self._marks: list[list[Node]] = []
        self._memo: list[Node] = []
        self._at = 0

    def _refuse(self, detail: str) -> LegacyRefused:
        return LegacyRefused(Fault.FORBIDDEN, detail, self._at)

    def _count(self) -> None:
        self._nodes_left -= 1
        if self._nodes_left < 0:
            detail = f"it holds more than {self._limits.max_nodes} containers"
            raise LegacyRefused(Fault.TOO_LARGE, detail, self._at)

    # --- scalars ---------------------------------------------------------------------------------

    def proto(self, arg: int) -> None:
        if self._at or arg not in _PROTOCOLS:
            raise self._refuse(f"protocol {arg} is announced here")

    def frame(self, arg: int) -> None:
        if arg > len(self._data) - self._at:
            raise LegacyRefused(Fault.TRUNCATED, "the file ends in the middle", self._at)

    def push(self, arg: Node) -> None:
        self._stack.append(arg)

    def push_true(self, _: None) -> None:
        self._stack.append(True)

    def push_false(self, _: None) -> None:
        self._stack.append(False)

    def push_int(self, arg: int) -> None:
        if arg.bit_length() > _MAX_INT_BITS:
            raise self._refuse(f"an integer of {arg.bit_length()} bits")
        self._stack.append(arg)

    def push_bytearray(self, arg: bytearray) -> None:
        self._push_node(Obj(Name("builtins:bytearray", self._at), (bytes(arg),), self._at))

    # --- the stack ------------------------------------------------------------------------------

    def _push_node(self, node: Node) -> None:
        self._count()
        self._stack.append(node)

    def mark(self, _: None) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _since_mark(self) -> list[Node]:
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _pop(self, count: int) -> list[Node]:
        if len(self._stack) < count:
            raise IndexError
        items = self._stack[-count:]
        del self._stack[-count:]
        return items

    # --- memo ------------------------------------------------------------------------------------

    def memoize(self, _: None) -> None:
        self._memo.append(self._stack[-1])

    def put(self, index: int) -> None:
        # Every pickler counts upwards; a jump would only serve to reserve memory.
        if index != len(self._memo):
            raise self._refuse(f"memo entry {index} is out of order")
        self.memoize(None)

    def get(self, index: int) -> None:
        if index >= len(self._memo):
            raise self._refuse(f"memo entry {index} does not exist")
        self._stack.append(self._memo[index])
