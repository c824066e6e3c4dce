"""The embedded backend of smok-core: pickled plain records inside one SQLite file per store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smok_pickle.options import PickleOptions

if TYPE_CHECKING:
    from smok_pickle.shortcuts import (
        PicklingArchivesDatabase,
        PicklingBAOBDatabase,
        PicklingEventDatabase,
        PicklingMacroDatabase,
        PicklingMetadataDatabase,
        PicklingPathpointDatabase,
        PicklingPredicateDatabase,
        PicklingSensorDatabase,
        PicklingSensorWriteDatabase,
    )

__all__ = [
    "PickleOptions",
    "PicklingArchivesDatabase",
    "PicklingBAOBDatabase",
    "PicklingEventDatabase",
    "PicklingMacroDatabase",
    "PicklingMetadataDatabase",
    "PicklingPathpointDatabase",
    "PicklingPredicateDatabase",
    "PicklingSensorDatabase",
    "PicklingSensorWriteDatabase",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # The shortcuts import all roles, which a configured store does without.
    if name in __all__:
        from smok_pickle import shortcuts  # noqa: PLC0415

        return getattr(shortcuts, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
