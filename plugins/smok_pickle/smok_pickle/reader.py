"""A reader of pickles that can only make plain data, and only so much of it.

A pickle can mention one value many times, so a few bytes can stand for a value without end, or for
one whose hash takes years. Therefore it is read in two steps: the opcodes are run by a machine
that hashes nothing, then what came out is unfolded into a value, every mention counted, and
refused as soon as it is more than one value may be (contract G18). A small pickle that mentions
only texts twice cannot be large; that is the usual case, and there the library's reader is faster.
"""

import io
import pickle
from collections.abc import Callable
from typing import Any, Final

from smok_core.engine.allowance import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_STORED_DEPTH,
    Allowance,
    TooMuch,
    checked_dict,
    checked_set,
)
from smok_core.engine.tags import BY_NAME
from smok_pickle.machine import STEPS, STOP, Items, Machine, Members

#: Up to so many bytes nothing is large that mentions only texts a second time.
_SMALL: Final = 4096
_CONTAINERS_MADE: Final = frozenset(b")]}\x8f\x85\x86\x87t")
_TEXTS: Final = frozenset(b"\x8cXC")
_MEMOIZE, _RECALL, _RECALL_FAR = b"\x94hj"


def read_pickle(data: bytes, *, tagged: bool) -> Any:
    """Read one pickle of protocol 4.

    Args:
        data: The pickle, from its first byte to its last.
        tagged: Every tuple in it is a tag and its parts.

    Raises:
        ValueError, TypeError, LookupError, ArithmeticError: It is none of plain data, or stands
            for more than one value may be.
    """
    if len(data) > MAX_BYTES:
        raise TooMuch(f"is larger than {MAX_BYTES} bytes")
    if not tagged and len(data) <= _SMALL and _is_harmless(data):
        return _read_at_once(data)
    return _Unfolding(tagged=tagged).value(Machine(data).run(), 0)


def _is_harmless(data: bytes) -> bool:
    """Tell of a small pickle whether it is plain data, not deep, and mentions only texts twice."""
    at, before, containers, kept = 0, STOP, 0, list[bool]()
    while (op := data[at]) != STOP:
        width, counted, _ = STEPS[op]
        at += 1 + width
        if counted:
            at += int.from_bytes(data[at - width : at], "little")
        elif op == _MEMOIZE:
            kept.append(before in _TEXTS)
        elif op in _CONTAINERS_MADE:
            containers += 1
        elif op == _RECALL_FAR or (op == _RECALL and not kept[data[at - 1]]):
            return False
        before = op
    return at + 1 == len(data) and containers < MAX_DEPTH


class _NoClasses(pickle.Unpickler):
    """The second lock: no opcode that could name a class comes so far."""

    def find_class(self, module: str, name: str) -> Any:
        raise ValueError(f"{module}.{name} is not plain data")


def _read_at_once(data: bytes) -> Any:
    try:
        return _NoClasses(io.BytesIO(data)).load()
    except pickle.UnpicklingError as error:
        raise ValueError(str(error)) from error


class _Unfolding:
    """Makes the value of what the machine left, every mention of a part counted."""

    def __init__(self, *, tagged: bool) -> None:
        self._tagged, self._allowance = tagged, Allowance()

    def value(self, node: Any, depth: int) -> Any:
        kind = type(node)
        if kind in _CONTAINERS:
            return self._container(node, kind, depth)
        if kind is str or kind is bytes:
            self._allowance.size(node)
        return node

    def _container(self, node: Any, kind: type, depth: int) -> Any:
        if depth > MAX_STORED_DEPTH:
            raise TooMuch("nests too deep")
        self._allowance.parts(1 + len(node))
        if kind is tuple and self._tagged:
            return self._made(node, depth)
        return _CONTAINERS[kind]([self.value(item, depth + 1) for item in node])

    def _made(self, node: tuple[Any, ...], depth: int) -> Any:
        name, parts = node
        if type(name) is not str or type(parts) is not tuple:
            raise TypeError("a tag and its parts expected")
        self._allowance.parts(len(parts))
        return BY_NAME[name].make([self.value(part, depth + 1) for part in parts])


def _dict_of(flat: list[Any]) -> dict[Any, Any]:
    return checked_dict(list(zip(flat[::2], flat[1::2], strict=True)))


_CONTAINERS: Final[dict[type, Callable[[list[Any]], Any]]] = {
    list: list,
    tuple: tuple,
    Members: checked_set,
    Items: _dict_of,
}
