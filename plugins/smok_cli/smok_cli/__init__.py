"""The ``smok`` command.

`main` is its entry point. What it is made of is imported when it is needed: ``smok --version``
imports no command.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit status.

    Args:
        arguments: The words after ``smok``; default: those of this process.
    """
    from smok_cli.app import run

    return run(sys.argv[1:] if arguments is None else list(arguments))
