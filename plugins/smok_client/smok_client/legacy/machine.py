"""The inert pickle machine: it moves nodes about, and never imports, calls or builds a class.

It has a stack, marks and a memo like the real one, so it cannot disagree with it about what is
where; but a name stays text, and what would be a call or an object becomes an `Obj`.
"""

from collections.abc import Callable
from typing import Any, Final

from smok_client.legacy.calls import DTYPE, reduced
from smok_client.legacy.limits import Limits
from smok_client.legacy.names import KNOWN
from smok_client.legacy.nodes import Bag, Holder, Map, Name, Node, Obj, describe
from smok_client.legacy.opcodes import walk
from smok_client.legacy.refusal import Fault, LegacyRefused
from smok_client.legacy.registered import attributes_of, is_registered
from smok_client.legacy.stack import Stack

_LONGEST_NAME: Final = 1024
#: How far back in the memo the dict of an object's attributes can be.
_RECENT: Final = 64
_TAKEN: Final = Name("a state that was taken over", 0)


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


class _Machine(Stack):
    def __init__(self, data: bytes, limits: Limits) -> None:
        super().__init__(data, limits)
        self._keys: dict[tuple[str, ...], tuple[str, ...]] = {}

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

    # --- containers ------------------------------------------------------------------------------

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
        name = Name("builtins:frozenset", self._at)
        self._push_node(Obj(name, (self._since_mark(),), self._at))

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
        if type(target) is Holder:
            target.flat.extend(items)
            return
        if type(target) is Obj and target.name.text not in KNOWN:
            return
        if type(target) is not kind or (kind is Map and len(items) % 2):
            raise self._refuse(f"items are put into a {describe(target)}")
        kept: Any = target if kind is list else getattr(target, "flat" if kind is Map else "items")
        kept.extend(items)

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
        self._push_node(reduced(function, args, self._at))

    def newobj(self, _: None) -> None:
        self._new(*self._pop(2))

    def newobj_ex(self, _: None) -> None:
        cls, args, _kwargs = self._pop(3)
        self._new(cls, args)

    def _new(self, cls: Node, args: Node) -> None:
        if type(cls) is not Name or type(args) is not tuple:
            raise self._refuse(f"an instance of a {describe(cls)} is made")
        made = Obj(cls, (), self._at)
        if is_registered(made):
            made.args = args
        self._push_node(made)

    def build(self, _: None) -> None:
        target, state = self._pop(2)
        if not isinstance(target, Obj):
            raise self._refuse(f"the state of {describe(target)} is set")
        if target.name.text in KNOWN:
            if target.keys is not None:
                raise self._refuse(f"the state of a {target.name.text} is set twice")
            self._set_state(target, state)
        elif is_registered(target):
            flat = attributes_of(state)
            target.keys, target.values = tuple(map(str, flat[::2])), tuple(flat[1::2])
        elif target.name.text == DTYPE and type(state) is tuple:
            target.args += state[1:2]  # the order of its bytes
        self._stack.append(target)

    def _set_state(self, target: Obj, state: Node) -> None:
        """Take over the attributes: a dict of them, or (dict or None, dict) with slots."""
        flat: list[Node] = []
        for part in state if type(state) is tuple else (state,):
            if part is not None and type(part) is not Map:
                raise self._refuse(f"the state of a {target.name.text} is a {describe(part)}")
            if part is not None:
                flat += part.flat
                self._forget(part)
        keys = tuple(flat[::2])
        if not all(type(key) is str for key in keys):
            raise self._refuse(f"an attribute of a {target.name.text} has no name")
        target.keys, target.values = self._keys.setdefault(keys, keys), tuple(flat[1::2])
        self._forget(state)

    def _forget(self, state: Node) -> None:
        """Let go of what only carried a state: its pickler has just made it and forgotten it.

        There may be hundreds of thousands of them. A file that means one again gets a name that
        every role refuses.
        """
        for index in range(len(self._memo) - 1, max(-1, len(self._memo) - _RECENT), -1):
            if self._memo[index] is state:
                self._memo[index] = _TAKEN
                return


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
