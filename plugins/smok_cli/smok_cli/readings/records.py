"""What `smok ingest` reads a file into, before times are understood: records and bad rows."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from smok_core.model import OperationFailedError, OperationFailedReason

if TYPE_CHECKING:
    from smok_core.model import ValueOrExcept

__all__ = ["BadRow", "Record", "Rejected", "ValueReader", "failure", "value_text"]


class BadRow(ValueError):
    """A row, or a part of one, that cannot be taken; its text is the reason."""


class Record(NamedTuple):
    """One row: a time as it is written, and the values that were read then."""

    line: int
    time: Any  #: text, or a number from JSON
    cells: list[tuple[str, ValueOrExcept]]
    raw: Any  #: the row itself, for the file of rejected rows


class Rejected(NamedTuple):
    """A row, or a part of one, that was not taken, and why."""

    line: int
    reason: str
    raw: Any


_INT: Final = re.compile(r"[+-]?\d+")
_FLOAT: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_NO_NUMBER: Final = frozenset({"nan", "inf", "+inf", "-inf", "infinity", "-infinity", "+infinity"})
_INT64: Final = range(-(2**63), 2**63)


class ValueReader:
    """Turns the text of a cell into a value, and counts numbers that will be written differently.

    Whole numbers become int, other numbers float, ``true`` and ``false`` bool, the rest str. An
    export writes each as Python does, which is the same text for what is written plainly; ``007``
    or ``1.50`` would come back as ``7`` and ``1.5`` and are counted in ``rewritten``.

    Args:
        as_text: Keep every value as a str, byte for byte.
    """

    def __init__(self, *, as_text: bool = False) -> None:
        self._as_text = as_text
        self.rewritten = 0
        self.example: tuple[str, str] | None = None

    def read(self, text: str) -> int | float | str | bool:
        """Give the value; raise `BadRow` for a number that cannot be kept."""
        if self._as_text:
            return text
        try:
            number = float(text)
        except ValueError:
            return text == "true" if text in ("true", "false") else text
        # By far the most cells are floats as Python writes them: the patterns are for the rest.
        return number if repr(number) == text and isfinite(number) else self._other(text)

    def _other(self, text: str) -> int | float | str:
        bare = text.strip()
        if _INT.fullmatch(bare):
            return self._int(text)
        if _FLOAT.fullmatch(bare):
            return self._float(text)
        if bare.lower() in _NO_NUMBER:
            raise BadRow(f"{bare} is not a number that can be kept")
        return text

    def _int(self, text: str) -> int:
        # A limit on length first: int() of a million digits takes a second.
        if len(text) > 40 or (number := int(text)) not in _INT64:
            raise BadRow("the number exceeds 64 bits; --as-text keeps it as text")
        self._compare(text, str(number))
        return number

    def _float(self, text: str) -> float:
        number = float(text)
        if not isfinite(number):
            raise BadRow("the number is too large; --as-text keeps it as text")
        self._compare(text, repr(number))
        return number

    def _compare(self, text: str, written: str) -> None:
        if text != written:
            self.rewritten += 1
            self.example = self.example or (text, written)


def failure(code: str) -> OperationFailedError:
    """Give the failed reading that an ``error_code`` stands for."""
    try:
        return OperationFailedError(OperationFailedReason(code), 0)
    except ValueError:
        known = ", ".join(reason.value for reason in OperationFailedReason)
        raise BadRow(f"no error_code is called {code!r}; known: {known}") from None


def value_text(value: ValueOrExcept) -> str:
    """Write a value as a CSV export does; a failed reading has none."""
    kind = type(value)
    if kind is float:
        return repr(value)
    if kind is bool:
        return "true" if value else "false"
    return "" if isinstance(value, OperationFailedError) else str(value)
