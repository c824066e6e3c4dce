"""Why a legacy file, or an entry of one, is not taken over."""

import enum
from typing import Final

import msgspec

from smok_core.errors import SmokError


class Fault(enum.StrEnum):
    """What is wrong with a whole file."""

    MISSING = "missing"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    NOT_A_PICKLE = "not-a-pickle"
    FORBIDDEN = "forbidden"  #: holds what smok 0.21.0 never writes
    TOO_LARGE = "too-large"
    WRONG_SHAPE = "wrong-shape"  #: a pickle, and not of this role
    UNKNOWN = "unknown"  #: a pickle whose role cannot be told from its content


_REMEDIES: Final = {
    Fault.MISSING: "Correct the path.",
    Fault.EMPTY: "Nothing can be recovered from it; restore a backup if there is one.",
    Fault.TRUNCATED: "Restore an older copy of the file; this one was cut while it was written.",
    Fault.NOT_A_PICKLE: "Name a file that smok 0.21.0 wrote.",
    Fault.FORBIDDEN: "Do not load this file with anything else; find out where it comes from.",
    Fault.TOO_LARGE: "Raise the limit if you trust the file's origin and have the memory.",
    Fault.WRONG_SHAPE: "Name the role that the file belongs to.",
    Fault.UNKNOWN: "Import the file alone and name its role.",
}


class LegacyRefused(SmokError, ValueError):
    """A whole legacy file is refused; nothing of it was taken over."""

    code = "SMOK-L01"

    def __init__(self, fault: Fault, detail: str, offset: int | None = None) -> None:
        self.fault, self.detail, self.offset = fault, detail, offset
        where = "" if offset is None else f" at byte {offset}"
        super().__init__(f"legacy file refused ({fault}): {detail}{where}. {_REMEDIES[fault]}")


class EntryRefused(SmokError, ValueError):
    """One entry of a legacy file is refused; the others are not affected."""

    code = "SMOK-L02"

    def __init__(
        self, reason: str, class_name: str | None = None, offset: int | None = None
    ) -> None:
        self.reason, self.class_name, self.offset = reason, class_name, offset
        super().__init__(f"{reason}. Enter it by hand, or leave it out.")


class Refusal(msgspec.Struct, frozen=True):
    """An entry that was not taken over, as a report lists it."""

    entry: str
    reason: str
    class_name: str | None = None
    offset: int | None = None  #: where in the file the class is named

    def __str__(self) -> str:
        place = "" if self.offset is None else f" at byte {self.offset}"
        kind = "" if self.class_name is None else f" ({self.class_name}{place})"
        return f"{self.entry}: {self.reason}{kind}"
