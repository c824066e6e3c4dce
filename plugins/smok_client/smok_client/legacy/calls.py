"""What a call in a pickle stands for; nothing is called."""

from __future__ import annotations

from smok_client.legacy.names import ENUMS, SETS
from smok_client.legacy.nodes import Bag, Name, Node, Obj

__all__ = ["reduced"]


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
        if type(cls) is Name and cls.text in ENUMS and type(member) is str:
            return Obj(cls, (member,), at)
    return Obj(function, args, at)


def _latin1(text: str) -> bytes | None:
    """Give the bytes that protocol 2, which has none, spells as a text."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None
