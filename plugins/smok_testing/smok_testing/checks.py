"""What clauses say "no" with: messages that tell what was promised and what came instead."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from smok_core.errors import SmokError
from smok_core.model import OperationFailedError


class ClauseFailed(AssertionError):
    """A backend breaks a clause; the message says how."""


class NotProved(Exception):
    """Nothing is wrong, and nothing was shown either; the message says why, and the way out."""


def expect(holds: object, message: str) -> None:
    """Fail with ``message`` unless ``holds``."""
    if not holds:
        raise ClauseFailed(message)


def same(actual: object, wanted: object, what: str) -> None:
    """Fail unless both are equal; the types count too, at the top level."""
    if type(actual) is not type(wanted) or actual != wanted:
        raise ClauseFailed(f"{what}: expected {show(wanted)}, got {show(actual)}")


def typed(value: Any) -> Any:
    """Return a value so that 1, 1.0 and True differ."""
    if isinstance(value, OperationFailedError):
        return ("failure", value.reason, value.timestamp)
    return (type(value).__name__, value)


def rising(numbers: Iterable[float], what: str) -> None:
    """Fail unless every number is greater than the one before."""
    found = list(numbers)
    ordered = all(low < high for low, high in pairwise(found))
    expect(ordered, f"{what}: expected each to be greater than the one before, got {show(found)}")


@contextmanager
def raises(*kinds: type[BaseException], what: str) -> Iterator[list[BaseException]]:
    """Fail unless the block raises one of ``kinds``; what was raised is put in the list."""
    caught: list[BaseException] = []
    wanted = " or ".join(kind.__name__ for kind in kinds)
    try:
        yield caught
    except kinds as error:
        caught.append(error)
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        raise ClauseFailed(f"{what}: expected {wanted}, got {found}") from error
    else:
        raise ClauseFailed(f"{what}: expected {wanted}, nothing was raised")


def refuses(call: Callable[[], Any], kind: type[BaseException], *names: str, what: str) -> None:
    """Fail unless the call raises a `SmokError` of this kind whose text holds each of ``names``."""
    with raises(kind, what=what) as caught:
        call()
    error = caught[0]
    if not isinstance(error, SmokError):
        raise ClauseFailed(f"{what}: {type(error).__name__} is not of the SmokError family")
    for name in names:
        expect(name in str(error), f"{what}: {name!r} is not named in {str(error)!r}")


def show(value: Any, limit: int = 400) -> str:
    """Return a repr of bounded length."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 20]}… ({len(text)} characters)"
