"""The ``smok`` command (extra: ``smok-core[cli]``).

`main` is its entry point. What it is made of is imported when it is needed: ``smok --version``
imports neither a plugin nor rich.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smok_core.errors import ExtraMissing

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit status.

    Args:
        arguments: The words after ``smok``; default: those of this process.
    """
    try:
        from smok_cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        missing = ExtraMissing("the smok command", error.name, "cli")
        print(f"error [{missing.code}]: {missing}", file=sys.stderr)  # noqa: T201 - no click
        return missing.exit_status
    return run(sys.argv[1:] if arguments is None else list(arguments))
