"""The optional libraries of the kit: imported where they are used, named when they are missing."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["need"]


def need(module: str, what: str) -> ModuleType:
    """Import a library of the extra ``testing``.

    Raises:
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise ExtraMissing(what, module, "testing") from error
