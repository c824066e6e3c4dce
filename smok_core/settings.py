"""What a store is opened with: its settings, and what options are made of (secrets, durations)."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from smok_core.engine.base import Durability, Limits, OnFull
from smok_core.model import prepared


class Secret:
    """A text that must not be seen: its repr and str are stars, it is not picklable.

    Declare an option of this type and the config accepts a text, ``{ env = "NAME" }`` or
    ``{ file = "PATH" }`` for it, and never shows the value.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text; keep it out of messages and logs."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> Any:
        raise TypeError("a Secret is not pickled")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


#: Marks an option as a path: ``~`` and ``$NAME`` are put in; ``option("...", extra=PATH)``.
PATH: Final = {"path": True}


def option(help: str, **limits: Any) -> msgspec.Meta:  # noqa: A002 - the word one looks for
    """Describe an option, in the annotation of its field.

    ``port: Annotated[int, option("TCP port.", ge=1, le=65535)] = 6379``

    Args:
        help: One sentence; `smok init` and the docs show it.
        limits: The bounds `msgspec.Meta` knows: ge, gt, le, lt, pattern, min_length, extra, ...
    """
    return msgspec.Meta(description=help, **limits)


class NoOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of a backend that has none."""


_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
#: A century: no clock is set back or awaited by more, and microseconds of it fit 64 bits.
_LONGEST: Final = 36500 * 86400
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")


class Duration:
    """A length of time as people write it: ``"30d"``, ``"12h"``, ``"250ms"``, or bare seconds.

    Raises ValueError: It is none, or more than a century.
    """

    __slots__ = ("seconds",)

    def __init__(self, text: str | float) -> None:
        bare = type(text) in (int, float)
        match = _DURATION.fullmatch(f"{text:f}s" if bare else str(text).strip())
        seconds = float(match[1]) * _UNITS[match[2]] if match else None
        if seconds is None or seconds > _LONGEST:
            raise ValueError(f"{text!r} is no duration up to 36500d; write '30d', '12h', '250ms'")
        self.seconds = seconds

    def __repr__(self) -> str:
        return f"Duration({self.seconds:g})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Duration) and other.seconds == self.seconds

    def __hash__(self) -> int:
        return hash(self.seconds)


@prepared
class StoreSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be set for a store of any backend, beside the backend's own options."""

    durability: Annotated[
        Durability, option("What survives what: power-loss, crash or buffered.")
    ] = Durability.CRASH
    flush_ms: Annotated[
        int, option("With buffered: longest time a value waits, in ms.", ge=1, le=3_600_000)
    ] = 200
    retention: Annotated[
        Duration | None, option("Forget uploaded pathpoint values older than this, e.g. 90d.")
    ] = None
    max_pending: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=10**12)] | None,
        option("Most records that may wait for upload, per role."),
    ] = None
    on_full: Annotated[
        OnFull, option("At max_pending: refuse new records, or drop-oldest and count it.")
    ] = OnFull.REFUSE
    keep_events_for: Annotated[
        Duration, option("Forget closed and uploaded events that ended longer ago than this.")
    ] = Duration("30d")

    @property
    def limits(self) -> Limits:
        """Return the bound of each upload queue."""
        return Limits(self.max_pending, self.on_full)


class StoreContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a backend may need to open one store. Fields may be added, never removed."""

    store: str  #: name of the store in the config
    device: str  #: id of the device; every byte stored belongs to it alone (contract G9)
    options: Any  #: instance of the backend's options Struct
    settings: StoreSettings = StoreSettings()
    base_dir: Path = Path()  #: relative paths in options are relative to this
    roles: frozenset[str] = frozenset()  #: the roles the config gives this store
    looking: bool = False  #: only look: make, heal, migrate and move nothing (`smok status`)
    clock: Callable[[], float] = time.time  #: seconds since the epoch


def decode_setting(kind: type, value: Any) -> Any:
    """Make a value of a type msgspec does not know; its ``dec_hook``."""
    if isinstance(value, kind):
        return value
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    if kind is Duration:
        return Duration(value)
    raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
