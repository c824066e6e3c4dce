"""The inert pickle machine: it moves nodes about, and never imports, calls or builds a class.

It has a stack, marks and a memo like the real one, so it cannot disagree with it about what is
where; but a name stays text, and what would be a call or an object becomes an `Obj`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from smok_core.legacy.names import ENUMS, KNOWN, SETS
from smok_core.legacy.nodes import Bag, Map, Name, Node, Obj, describe
from smok_core.legacy.opcodes import walk
from smok_core.legacy.refusal import Fault, LegacyRefused

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Limits", "decode"]

_PROTOCOLS: Final = range(2, 6)
_MAX_INT_BITS: Final = 128
_LONGEST_NAME: Final = 1024


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a legacy file may ask for."""

    max_bytes: int = 256 * 1024 * 1024
    max_nodes: int = 5_000_000  #: lists, tuples, dicts, sets, objects
    max_depth: int = 64  #: of user data; everything else has a fixed depth
    max_entry: int = 200_000  #: nodes of one entry, counted as often as they are reached


def decode(data: bytes, limits: Limits = Limits()) -> Node:  # noqa: B008 - frozen
    """Decode one pickle of protocol 2 to 5 into inert nodes.

    Args:
        data: The whole file.
        limits: What it may ask for.

    Raises:
        LegacyRefused: It is empty, cut, too large, no pickle, or holds what smok 0.21.0 never
            writes.
    """
    if not data:
        raise LegacyRefused(Fault.EMPTY, "the file is empty (0 bytes)")
    if len(data) > limits.max_bytes:
        raise LegacyRefused(Fault.TOO_LARGE, f"{len(data)} bytes, the limit is {limits.max_bytes}")
    if data[:1] != b"\x80":
        raise LegacyRefused(Fault.NOT_A_PICKLE, "it does not start like a pickle of protocol 2..5")
    return _Machine(data, limits).run()


class _Machine:
    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data, self._nodes_left = data, limits.max_nodes
        self._limits = limits
        self._stack: list[Node] = []
        self._marks: list[list[Node]] = []
        self._memo: list[Node] = []
        self._at = 0

    def run(self) -> Node:
        steps = _STEPS
        try:
            for name, arg, at in walk(self._data):
                self._at = at
                steps[name](self, arg)
        except IndexError:
            raise self._refuse("it takes more from the stack than is there") from None
        return self._result()

    def _result(self) -> Node:
        if self._at + 1 != len(self._data):
            raise self._refuse("there are bytes after its end")
        if len(self._stack) != 1 or self._marks:
            raise self._refuse("it does not leave exactly one value")
        return self._stack[0]

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

    def push_bytearray(self, _: bytearray) -> None:
        # The role says no to it later, by name; the rest of the file is not affected.
        self._push_node(self._obj("builtins:bytearray"))

    # --- containers ------------------------------------------------------------------------------

    def _push_node(self, node: Node) -> None:
        self._count()
        self._stack.append(node)

    def _obj(self, name: str) -> Obj:
        return Obj(Name(name, self._at), (), self._at)

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

    def empty_list(self, _: None) -> None:
        self._push_node([])

    def empty_tuple(self, _: None) -> None:
        self._stack.append(())

    def empty_dict(self, _: None) -> None:
        self._push_node(Map())

    def empty_set(self, _: None) -> None:
        self._push_node(Bag())

    def tuple_since_mark(self, _: None) -> None:
        self._push_node(tuple(self._since_mark()))

    def tuple1(self, _: None) -> None:
        self._push_node(tuple(self._pop(1)))

    def tuple2(self, _: None) -> None:
        self._push_node(tuple(self._pop(2)))

    def tuple3(self, _: None) -> None:
        self._push_node(tuple(self._pop(3)))

    def frozenset(self, _: None) -> None:
        self._since_mark()
        self._push_node(self._obj("builtins:frozenset"))

    def append(self, _: None) -> None:
        self._extend(list, self._pop(1))

    def appends(self, _: None) -> None:
        self._extend(list, self._since_mark())

    def setitem(self, _: None) -> None:
        self._extend(Map, self._pop(2))

    def setitems(self, _: None) -> None:
        self._extend(Map, self._since_mark())

    def additems(self, _: None) -> None:
        self._extend(Bag, self._since_mark())

    def _extend(self, kind: type, items: list[Node]) -> None:
        """Fill a container; what a foreign object would have been filled with is dropped."""
        target: Any = self._stack[-1]
        if type(target) is Obj and target.name.text not in KNOWN:
            return
        if type(target) is not kind or (kind is Map and len(items) % 2):
            raise self._refuse(f"items are put into a {describe(target)}")
        kept: Any = target if kind is list else getattr(target, "flat" if kind is Map else "items")
        kept.extend(items)

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

    # --- names and objects -----------------------------------------------------------------------

    def global_(self, arg: tuple[str, str]) -> None:
        module, name = arg
        if len(module) + len(name) > _LONGEST_NAME:
            raise self._refuse("a name is longer than any real one")
        self._push_node(Name(f"{module}:{name}", self._at))

    def stack_global(self, _: None) -> None:
        module, name = self._pop(2)
        if type(module) is not str or type(name) is not str:
            raise self._refuse("a name is not a text")
        self.global_((module, name))

    def reduce(self, _: None) -> None:
        function, args = self._pop(2)
        if type(function) is not Name or type(args) is not tuple:
            raise self._refuse(f"a {describe(function)} is called")
        self._push_node(_reduced(function, args, self._at))

    def newobj(self, _: None) -> None:
        self._new(*self._pop(2))

    def newobj_ex(self, _: None) -> None:
        cls, args, _kwargs = self._pop(3)
        self._new(cls, args)

    def _new(self, cls: Node, args: Node) -> None:
        if type(cls) is not Name or type(args) is not tuple:
            raise self._refuse(f"an instance of a {describe(cls)} is made")
        self._push_node(Obj(cls, (), self._at))

    def build(self, _: None) -> None:
        target, state = self._pop(2)
        if type(target) is not Obj:
            raise self._refuse(f"the state of {describe(target)} is set")
        if target.name.text in KNOWN:
            if target.built:
                raise self._refuse(f"the state of a {target.name.text} is set twice")
            target.state, target.built = state, True
        self._stack.append(target)


def _reduced(function: Name, args: tuple[Node, ...], at: int) -> Node:
    """Make what a call stands for; only a set's members are looked into."""
    if function.text in SETS and len(args) == 1 and type(args[0]) is list:
        bag = Bag()
        bag.items = list(args[0])
        return bag
    if function.text == "_codecs:encode" and args[1:] == ("latin1",) and type(args[0]) is str:
        return _latin1(args[0]) or Obj(function, args, at)
    if function.text == "builtins:getattr" and len(args) == 2:
        # The first releases of Python 3.11 pickle the member of an enumeration by its name.
        cls, member = args
        if type(cls) is Name and cls.text in ENUMS and type(member) is str:
            return Obj(cls, (member,), at)
    return Obj(function, args, at)


def _latin1(text: str) -> bytes | None:
    """Give the bytes that protocol 2, which has none, spells as a text."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None


_STEPS: Final[dict[str, Callable[[_Machine, Any], None]]] = {
    "PROTO": _Machine.proto,
    "FRAME": _Machine.frame,
    "STOP": lambda _machine, _arg: None,
    "NONE": _Machine.push,
    "NEWTRUE": _Machine.push_true,
    "NEWFALSE": _Machine.push_false,
    "BININT": _Machine.push,
    "BININT1": _Machine.push,
    "BININT2": _Machine.push,
    "LONG1": _Machine.push_int,
    "LONG4": _Machine.push_int,
    "BINFLOAT": _Machine.push,
    "SHORT_BINUNICODE": _Machine.push,
    "BINUNICODE": _Machine.push,
    "BINUNICODE8": _Machine.push,
    "SHORT_BINBYTES": _Machine.push,
    "BINBYTES": _Machine.push,
    "BINBYTES8": _Machine.push,
    "BYTEARRAY8": _Machine.push_bytearray,
    "EMPTY_LIST": _Machine.empty_list,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "EMPTY_TUPLE": _Machine.empty_tuple,
    "TUPLE": _Machine.tuple_since_mark,
    "TUPLE1": _Machine.tuple1,
    "TUPLE2": _Machine.tuple2,
    "TUPLE3": _Machine.tuple3,
    "EMPTY_DICT": _Machine.empty_dict,
    "SETITEM": _Machine.setitem,
    "SETITEMS": _Machine.setitems,
    "EMPTY_SET": _Machine.empty_set,
    "ADDITEMS": _Machine.additems,
    "FROZENSET": _Machine.frozenset,
    "MARK": _Machine.mark,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "GLOBAL": _Machine.global_,
    "STACK_GLOBAL": _Machine.stack_global,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.newobj,
    "NEWOBJ_EX": _Machine.newobj_ex,
    "BUILD": _Machine.build,
}
