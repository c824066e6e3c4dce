"""What the inert decoder makes of a pickle: scalars, and nodes that are data and nothing else.

Lists and tuples are Python's own, they have no behaviour that depends on their content. A dict
is a `Map` and a set is a `Bag`, so nothing read from a file is ever hashed or compared before it
is checked. An object is an `Obj`: the text of its class's name and what was given to it.
"""

from collections.abc import Iterator
from typing import Any

#: A scalar, list, tuple, or one of the classes below.
Node = Any


class Name:
    """The name of a class or function, as text; nothing is looked up."""

    __slots__ = ("offset", "text")

    def __init__(self, text: str, offset: int) -> None:
        self.text, self.offset = text, offset


class Obj:
    """What would have been an object: its class's name, and what was given to it."""

    __slots__ = ("args", "keys", "name", "offset", "values")

    def __init__(self, name: Name, args: tuple[Node, ...], offset: int) -> None:
        self.name, self.args, self.offset = name, args, offset
        #: The names of its attributes, shared by all objects of a kind; None before it has a state.
        self.keys: tuple[str, ...] | None = None
        self.values: tuple[Node, ...] = ()


class Holder(Obj):
    """An object that is filled after it was made: a deque, or a dict of a special kind."""

    __slots__ = ("flat",)

    def __init__(self, name: Name, args: tuple[Node, ...], offset: int) -> None:
        super().__init__(name, args, offset)
        #: Its items, or its keys and values in turn.
        self.flat: list[Node] = []


class Map:
    """A dict's keys and values in turn, in the order of the file."""

    __slots__ = ("flat",)

    def __init__(self) -> None:
        self.flat: list[Node] = []

    def __len__(self) -> int:
        return len(self.flat) // 2

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """Stream key and value."""
        flat = iter(self.flat)
        return zip(flat, flat, strict=True)


class Bag:
    """The members of a set, in the order of the file."""

    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: list[Node] = []


def describe(node: Node) -> str:
    """Name the class of what a node stands for, as a report shows it."""
    if isinstance(node, Obj):
        return node.name.text
    if isinstance(node, Name):
        return f"the class {node.text} itself"
    return {Map: "dict", Bag: "set"}.get(type(node)) or type(node).__name__


def shown(node: Node) -> str:
    """Show a key in a report, one level deep: tuples in tuples may stand for a text without end."""
    if type(node) is tuple:
        return f"({', '.join(map(_shown_inside, node[:3]))})"
    return _shown_inside(node)


def _shown_inside(node: Node) -> str:
    scalar = node is None or isinstance(node, int | float | str | bytes)
    return f"{node!r:.80}" if scalar else f"a {describe(node)}"
