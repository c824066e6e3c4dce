"""Databases without a config file: ``MongoEventDatabase("URL")``; those on one URL share it."""

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
from smok_core.settings import Secret
from smok_core.shortcuts import Shortcut
from smok_mongo.options import MongoOptions
from smok_mongo.plugin import smok_open_engine


class OnMongo(Shortcut):
    """A database on a server.

    Args:
        url: The server, as in a config file; it is not shown in any message.
        settings: ``device``, and what every store has: durability, retention, max_pending, ...
    """

    open_engine = staticmethod(smok_open_engine)

    def __init__(self, url: str, **settings: Any) -> None:
        super().__init__(MongoOptions(url=Secret(url)), **settings)


class MongoPredicateDatabase(OnMongo, PredicateDatabase):
    """Keeps the predicates."""


class MongoSensorWriteDatabase(OnMongo, SensorWriteDatabase):
    """Keeps the audit log of sensor writes."""


class MongoArchivesDatabase(OnMongo, ArchivesDatabase):
    """Keeps the archiving instructions."""


class MongoBAOBDatabase(OnMongo, BAOBDatabase):
    """Keeps the BAOBs."""


class MongoSensorDatabase(OnMongo, SensorDatabase):
    """Keeps the sensor definitions."""


class MongoPathpointDatabase(OnMongo, PathpointDatabase):
    """Keeps the values of pathpoints."""


class MongoEventDatabase(OnMongo, EventDatabase):
    """Keeps the events."""


class MongoMacroDatabase(OnMongo, MacroDatabase):
    """Keeps the macros."""


class MongoMetadataDatabase(OnMongo, MetadataDatabase):
    """Keeps the metadata."""
