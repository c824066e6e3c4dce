"""The published client's class names without a config file: ``PicklingEventDatabase(...)``.

Each takes the path of a file; several on one path share it, and any mixture may.
"""

from pathlib import Path
from typing import Any

from smok_core.roles.archives import ArchivesDatabase
from smok_core.roles.baobs import BAOBDatabase
from smok_core.roles.events import EventDatabase
from smok_core.roles.macros import MacroDatabase
from smok_core.roles.metadata import MetadataDatabase
from smok_core.roles.pathpoints import PathpointDatabase
from smok_core.roles.predicates import PredicateDatabase
from smok_core.roles.sensor_writes import SensorWriteDatabase
from smok_core.roles.sensors import SensorDatabase
from smok_core.shortcuts import Shortcut
from smok_pickle.options import PickleOptions
from smok_pickle.plugin import smok_open_engine


class Pickling(Shortcut):
    """A database in one file.

    Args:
        path: The file; it is made if it is missing, with its directory.
        settings: ``device``, and what every store has: durability, retention, max_pending, ...
    """

    open_engine = staticmethod(smok_open_engine)

    def __init__(self, path: str, **settings: Any) -> None:
        super().__init__(_at(path), **settings)


def _at(path: str) -> PickleOptions:
    return PickleOptions(path=str(Path(path).absolute()))


class PicklingPredicateDatabase(Pickling, PredicateDatabase):
    """Keeps the predicates."""


class PicklingSensorWriteDatabase(Pickling, SensorWriteDatabase):
    """Keeps the audit log of sensor writes."""


class PicklingArchivesDatabase(Pickling, ArchivesDatabase):
    """Keeps the archiving instructions."""


class PicklingBAOBDatabase(Pickling, BAOBDatabase):
    """Keeps the BAOBs."""


class PicklingSensorDatabase(Pickling, SensorDatabase):
    """Keeps the sensor definitions."""


class PicklingPathpointDatabase(Pickling, PathpointDatabase):
    """Keeps the values of pathpoints."""


class PicklingEventDatabase(Pickling, EventDatabase):
    """Keeps the events, and the caches of predicates.

    Args:
        cache_path: The file for the caches of predicates.
        data_path: The file for the events; may be the same.
        keep_in_memory_for: How long closed and uploaded events are kept, "30d" or seconds.
        settings: As for the others.
    """

    def __init__(
        self,
        cache_path: str,
        data_path: str | None = None,
        keep_in_memory_for: str | float = "30d",
        **settings: Any,
    ) -> None:
        super().__init__(data_path or cache_path, keep_events_for=keep_in_memory_for, **settings)
        if data_path is not None and _at(data_path) != _at(cache_path):
            self.use_cache_of(self.share(_at(cache_path)))


class PicklingMacroDatabase(Pickling, MacroDatabase):
    """Keeps the macros."""


class PicklingMetadataDatabase(Pickling, MetadataDatabase):
    """Keeps the metadata."""
