"""What `smok ingest` reads a file into, before times are understood: records and bad rows."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from smok_core.model import OperationFailedError, OperationFailedReason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smok_core.model import ValueOrExcept


class BadRow(ValueError):
    """A row, or a part of one, that cannot be taken; its text is the reason."""


class Record(NamedTuple):
    """One row: a time as it is written, and the values that were read then."""

    line: int
    time: Any  #: text, or a number from JSON
    cells: list[tuple[str, ValueOrExcept]]
    raw: str  #: the row itself, for the file of rejected rows


class Comment(NamedTuple):
    """A line among the rows that says something to people."""

    line: int
    raw: str


class Rejected(NamedTuple):
    """A row, or a part of one, that was not taken, and why."""

    line: int
    reason: str
    raw: str


_INT: Final = re.compile(r"[+-]?\d+")
_FLOAT: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_NO_NUMBER: Final = frozenset({"nan", "inf", "+inf", "-inf", "infinity", "-infinity", "+infinity"})
_INT64: Final = range(-(2**63), 2**63)
_GAP: Final = "[ '\u2019\u00a0\u202f]"
#: Numbers with a decimal comma, or with gaps between their thousands: by the decimal mark.
_MARKED: Final = {
    ",": re.compile(rf"[+-]?(?:\d{{1,3}}(?:(?:\.|{_GAP})\d{{3}})+|\d+)(?:,\d+)?(?:[eE][+-]?\d+)?"),
    ".": re.compile(rf"[+-]?(?:\d{{1,3}}(?:(?:,|{_GAP})\d{{3}})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?"),
}
_GROUPS: Final = {mark: re.compile(f"{other}|{_GAP}") for mark, other in ((",", r"\."), (".", ","))}
#: What loggers write when there is no value; a text of that kind is asked about.
_MISSING_WORDS: Final = {
    *("null", "nil", "none", "n/a", "na", "#n/a", "unavailable", "unknown", "undefined"),
    *("-", "--", "---", "?", "#div/0!", "#value!", "#ref!", "#name?", "#num!"),
}


class NoReading(Exception):
    """A cell says that there is no value."""


class ValueReader:
    """Turns the text of a cell into a value, and counts numbers that will be written differently.

    Whole numbers become int, other numbers float, ``true`` and ``false`` bool, the rest str. An
    export writes each as Python does, which is the same text for what is written plainly; ``007``
    or ``1.50`` would come back as ``7`` and ``1.5`` and are counted in ``rewritten``.

    Args:
        as_text: Keep every value as a str, byte for byte.
        decimal: The decimal mark, ``,`` or ``.``; the other one, and gaps, group thousands. None:
            a point, and a number that is written in another way is asked about.
        missing: Texts that mean that there is no value.
    """

    def __init__(
        self, *, as_text: bool = False, decimal: str | None = None, missing: Iterable[str] = ()
    ) -> None:
        self._as_text, self._decimal = as_text, decimal
        self._missing = frozenset(word.strip().lower() for word in missing)
        self.rewritten = 0
        self.example: tuple[str, str] | None = None

    def read(self, text: str) -> int | float | str | bool:
        """Return the value.

        Raises:
            BadRow: It is a number that cannot be kept, or may be meant in several ways.
            NoReading: It is one of the texts that mean so.
        """
        if self._missing:
            self.refuse_missing(text)
        return text if self._as_text else self._number_or_text(text)

    def is_missing(self, value: Any) -> bool:
        """Tell whether it is one of the texts that mean that there is no value."""
        return isinstance(value, str) and value.strip().lower() in self._missing

    def refuse_missing(self, value: Any) -> None:
        """Raise `NoReading` for one of these texts."""
        if self.is_missing(value):
            raise NoReading

    def number(self, text: str) -> int | float | str:
        """Return the number of JSON, which has one way to write it; a text with ``as_text``."""
        return text if self._as_text else self._plain_number(text)

    def typed(self, text: str, kind: str) -> ValueOrExcept:
        """Return the value of an export, which names each one's type in a column ``value_type``."""
        if kind == "error":
            return failure(text)
        if kind == "text" or self._as_text:
            return text
        try:
            return cast("int | float | bool", _READ_AS[kind](text))
        except (KeyError, ValueError):
            raise BadRow(f"{text!r} is no value of the value_type {kind!r}") from None

    def _number_or_text(self, text: str) -> int | float | str | bool:
        if self._decimal is not None:
            return self._by_mark(text.strip(), text)
        return self._plain_number(text)

    def _plain_number(self, text: str) -> int | float | str | bool:
        try:
            number = float(text)
        except ValueError:
            return text == "true" if text in ("true", "false") else _text(text)
        # By far the most cells are floats as Python writes them: the patterns are for the rest.
        return number if repr(number) == text and isfinite(number) else self._other(text)

    def _by_mark(self, bare: str, text: str) -> int | float | str | bool:
        assert self._decimal is not None
        if _MARKED[self._decimal].fullmatch(bare):
            plain = _GROUPS[self._decimal].sub("", bare).replace(",", ".")
            return self._plain_number(plain)
        if _FLOAT.fullmatch(bare):
            raise BadRow(f"{bare} has another decimal mark than --decimal says")
        return self._plain_number(text) if bare else text

    def _other(self, text: str) -> int | float | str:
        bare = text.strip()
        if _INT.fullmatch(bare):
            return self._int(text)
        if _FLOAT.fullmatch(bare):
            return self._float(text)
        if bare.lower() in _NO_NUMBER:
            raise BadRow(f"{bare} is not a number that can be kept; --missing {bare} leaves it out")
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


def _text(text: str) -> str:
    """Return a text that can be nothing else."""
    bare = text.strip()
    if bare.lower() in _MISSING_WORDS:
        raise BadRow(
            f"{bare} may mean that there is no value: --missing {bare} leaves it out, "
            "--as-text keeps it"
        )
    if bare[:1] in "+-0123456789" and bare:
        marks = [f"--decimal {mark}" for mark, form in _MARKED.items() if form.fullmatch(bare)]
        if marks:
            raise BadRow(f"{bare} may be a number: {' or '.join(marks)}; --as-text keeps the text")
    return text


def _whole(text: str) -> int:
    if len(text) > 20 or (number := int(text)) not in _INT64:
        raise ValueError(text)
    return number


def _finite(text: str) -> float:
    if not isfinite(number := float(text)):
        raise ValueError(text)
    return number


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


_READ_AS: Final = {"int": _whole, "float": _finite, "bool": _truth}


def failure(code: str) -> OperationFailedError:
    """Return the failed reading that an ``error_code`` stands for; an empty one has no reason."""
    try:
        if not code:
            return OperationFailedError(None, 0)
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


_TYPES: Final = {int: "int", float: "float", bool: "bool", str: "text"}


def value_type(value: ValueOrExcept) -> str:
    """Name the type of a value, as `ValueReader.typed` reads it."""
    return _TYPES.get(type(value), "error")
