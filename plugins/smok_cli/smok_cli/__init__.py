"""The ``smok`` command.

`main` is its entry point. What it is made of is imported when it is needed: ``smok --version``
imports neither the core nor click.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit status.

    Args:
        arguments: The words after ``smok``; default: those of this process.
    """
    if arguments is None and sys.argv[1:] == ["--version"] and _version_told():
        return 0
    from smok_cli.app import run

    return run(sys.argv[1:] if arguments is None else list(arguments))


def _version_told() -> bool:
    """Tell the core's version as its file says it; False: it has to be imported, or told again."""
    spec = find_spec("smok_core")
    try:
        with open(str(spec and spec.origin), encoding="utf-8") as file:  # noqa: PTH123 - pathlib is slow to import
            version = file.read().partition('\n__version__: Final = "')[2].partition('"')[0]
        return bool(version and os.write(1, f"smok, version {version}\n".encode()))
    except OSError:  # it is in an archive, or nobody can read what is told
        return False
