"""Checked access to nodes: every field has its type, and what does not fit is named."""

from collections.abc import Iterable
from typing import Any, Final, TypeVar

from smok_client.legacy.names import DICTS
from smok_client.legacy.nodes import Holder, Map, Name, Node, Obj, describe
from smok_client.legacy.refusal import EntryRefused, Fault, LegacyRefused

T = TypeVar("T")

_TEXTABLE: Final = (int, float, bool)


def blame(reason: str, node: Node) -> EntryRefused:
    """Make the error that says what is wrong with a node, its class and where it is."""
    offset = node.offset if isinstance(node, Obj | Name) else None
    return EntryRefused(reason, describe(node), offset)


def shape(node: Node, kind: type[T], what: str) -> T:
    """Let a whole file's content through if it is of this kind.

    Raises:
        LegacyRefused: It is not; the file is not of this role.
    """
    if type(node) is not kind:
        raise LegacyRefused(Fault.WRONG_SHAPE, f"{what} expected, it holds a {describe(node)}")
    return node


def expect(node: Node, kind: type[T], what: str) -> T:
    """Let a node of exactly this type through."""
    if type(node) is not kind:
        raise blame(f"{what} is a {describe(node)}", node)
    return node


def attributes(node: Node, class_name: str, names: Iterable[str]) -> dict[str, Node]:
    """Return the attributes of an object, all of ``names`` and no other."""
    if not isinstance(node, Obj) or node.name.text != class_name:
        raise blame(f"a {class_name} expected", node)
    found = _state(node)
    wrong = set(names) ^ set(found)
    if wrong:
        raise blame(f"attributes missing or unknown: {', '.join(sorted(wrong))}", node)
    return found


def _state(obj: Obj) -> dict[str, Node]:
    return dict(zip(obj.keys or (), obj.values, strict=True))


def member(node: Node, class_name: str, values: dict[Any, T], names: dict[Any, T]) -> T:
    """Return the member of an enumeration, pickled by value or by name."""
    if not isinstance(node, Obj) or node.name.text != class_name or len(node.args) != 1:
        raise blame(f"a {class_name} expected", node)
    key = node.args[0]
    if type(key) is int or type(key) is str:
        # A member can be falsy (Color.WHITE is 0), so no "or" between the two.
        for members in (values, names):
            if key in members:
                return members[key]
    raise blame("it is no member of its enumeration", node)


def text(node: Node, what: str) -> str:
    """Return a text; None, which the client lets through, is the empty one, a number its digits."""
    if node is None:
        return ""
    if type(node) in _TEXTABLE:
        return str(node)
    return expect(node, str, what)


def clean(value: str) -> str:
    """Let a text through that can be written as UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise EntryRefused("it holds a lone surrogate") from None
    return value


def as_map(node: Node, what: str) -> Map:
    """Return a dict; one of a special kind is a dict as well."""
    if type(node) is not Holder or node.name.text not in DICTS:
        return expect(node, Map, what)
    plain = Map()
    plain.flat = node.flat
    return plain


def number(node: Node, what: str) -> int | float:
    """Return a finite number; a bool is none."""
    if type(node) is int:
        return node
    if type(node) is float and -1e300 < node < 1e300:
        return node
    raise blame(f"{what} is no number", node)


def whole(node: Node, what: str) -> int:
    """Return a number without its fraction: the client lets ``time.time()`` through as seconds."""
    return int(number(node, what))
