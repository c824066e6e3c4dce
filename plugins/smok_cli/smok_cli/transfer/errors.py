"""Why a copy does not begin, or is not what it was copied from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smok_core.errors import SmokError

if TYPE_CHECKING:
    from collections.abc import Sequence


class TargetNotEmpty(SmokError, ValueError):
    """The target holds data of these roles already; nothing was copied."""

    code = "SMOK-T01"

    def __init__(self, roles: Sequence[str]) -> None:
        self.roles = tuple(roles)
        super().__init__(
            f"the target holds data of {', '.join(roles)} already; nothing was copied. "
            "Copy into an empty store, or say that both shall be merged: the source then wins."
        )


class CopyUnfinished(SmokError, ValueError):
    """A copy from another store into this target was broken off; nothing was copied."""

    code = "SMOK-T02"

    def __init__(self, roles: Sequence[str], source: str) -> None:
        self.roles, self.source = tuple(roles), source
        super().__init__(
            f"a copy of {', '.join(roles)} from {source} was broken off in this target; "
            "nothing was copied. Finish that one first, or use another target."
        )


class CopyDiffers(SmokError):
    """After the copy the two stores do not hold the same."""

    code = "SMOK-T03"
    exit_status = 3

    def __init__(self, roles: Sequence[str]) -> None:
        self.roles = tuple(roles)
        super().__init__(
            f"after the copy {', '.join(roles)} differ between source and target. "
            "Stop whatever writes to either of them, and copy into an empty store."
        )
