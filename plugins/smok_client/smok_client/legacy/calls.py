"""What a call in a pickle stands for; nothing is called."""

import struct
from typing import Any, Final

from smok_client.legacy.names import ENUMS, FILLED, SETS
from smok_client.legacy.nodes import Bag, Holder, Name, Node, Obj
from smok_client.legacy.registered import is_registered

#: What numpy says a number is, and how it says that bytes are one; by the names of both its ages.
DTYPE: Final = "numpy:dtype"
_SCALARS: Final = frozenset({"numpy.core.multiarray:scalar", "numpy._core.multiarray:scalar"})
_FORMATS: Final = {
    "b1": "?", "f2": "e", "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q",
    "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
}  # fmt: skip
_ORDERS: Final = {"<": "<", "|": "<", ">": ">"}


def reduced(function: Name, args: tuple[Node, ...], at: int) -> Node:
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
        if type(cls) is Name and type(member) is str:
            made = Obj(cls, (member,), at)
            if cls.text in ENUMS or is_registered(made):
                return made
    if function.text in _SCALARS and len(args) == 2:
        number = _number(*args)
        return Obj(function, args, at) if number is None else number
    return (Holder if function.text in FILLED else Obj)(function, args, at)


def _number(dtype: Node, content: Node) -> Any:
    """Return the number that numpy has pickled as its bytes; None if it is none of a known kind."""
    if type(dtype) is not Obj or dtype.name.text != DTYPE or len(dtype.args) != 4:
        return None
    kind, *_, order = dtype.args
    if type(kind) is not str or type(order) is not str or type(content) is not bytes:
        return None
    form = _ORDERS.get(order, "") + _FORMATS.get(kind, "")
    if len(form) != 2 or struct.calcsize(form) != len(content):
        return None
    return struct.unpack(form, content)[0]


def _latin1(text: str) -> bytes | None:
    """Return the bytes that protocol 2, which has none, spells as a text."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None
