"""Checks of arguments that several roles share; what they refuse has changed nothing."""

import enum
import logging
from functools import cache
from typing import Final, TypeVar

import msgspec

from smok_core.engine.plain import check_plain
from smok_core.errors import InvalidKey, InvalidType, InvalidValue

S = TypeVar("S", bound=msgspec.Struct)

#: Longest key in UTF-8 bytes (contract G5).
MAX_KEY_BYTES: Final = 512
_LIMIT: Final = 2**63

logger = logging.getLogger(__name__)


@cache
def warn_of_unit(role: str, unit: str) -> None:
    """Warn once."""
    logger.warning("%s: a time is in another unit: give %s since the epoch", role, unit)


def check_key(role: str, key: object) -> str:
    """Let a key through that obeys rule G5.

    Raises:
        InvalidType: It is not a str.
        InvalidKey: It is empty, too long, or holds a NUL or a lone surrogate.
    """
    if type(key) is not str:
        raise InvalidType(role, "the key", key, "a str as key")
    if not key:
        raise InvalidKey(role, key, "is empty")
    if "\0" in key:
        raise InvalidKey(role, key, "holds a NUL character")
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise InvalidKey(role, key, "holds a lone surrogate") from None
    if size > MAX_KEY_BYTES:
        raise InvalidKey(role, key, f"is {size} bytes long")
    return key


def check_number(role: str, key: object, value: object, what: str) -> int | float:
    """Let an int or float through that fits 64 bits as an integer (not a bool).

    Raises:
        InvalidType: It is something else.
        InvalidValue: It is NaN, infinite or too large.
    """
    if type(value) is not int and type(value) is not float:
        raise InvalidType(role, key, value, f"{what} as int or float")
    if not -_LIMIT <= value < _LIMIT:
        # However long it is, a message is short.
        shown = f"of {value.bit_length()} bits" if isinstance(value, int) else value
        raise InvalidValue(role, key, f"has {what} {shown}", "Give a number of 64 bits.")
    return value


def check_fields(role: str, key: object, value: object, kind: type[S]) -> S:
    """Copy a model object, every field checked against its declared type.

    Raises:
        InvalidType: It is not of that class, or a field has the wrong type.
        InvalidValue: A text holds a lone surrogate, a number is not finite.
    """
    if type(value) is not kind:
        raise InvalidType(role, key, value, f"a {kind.__name__}")
    fields = {
        name: field.value if isinstance(field, enum.Enum) else field
        for name, field in msgspec.structs.asdict(value).items()
    }
    try:
        copy = msgspec.convert(fields, kind)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise InvalidValue(role, key, f"has a wrong field: {error}", "Correct the field.") from None
    check_plain(fields, role, key)
    for name, number in fields.items():
        if type(number) is int:
            check_number(role, key, number, name)
    return copy
