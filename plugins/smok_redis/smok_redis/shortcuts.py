"""Databases without a config file: ``RedisEventDatabase("URL")``; those on one URL share it."""

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
from smok_redis.options import RedisOptions
from smok_redis.plugin import smok_open_engine


class OnRedis(Shortcut):
    """A database on a server.

    Args:
        url: The server, as in a config file; it is not shown in any message.
        settings: ``device``, and what every store has: durability, retention, max_pending, ...
    """

    open_engine = staticmethod(smok_open_engine)

    def __init__(self, url: str, **settings: Any) -> None:
        super().__init__(RedisOptions(url=Secret(url)), **settings)


class RedisPredicateDatabase(OnRedis, PredicateDatabase):
    """Keeps the predicates."""


class RedisSensorWriteDatabase(OnRedis, SensorWriteDatabase):
    """Keeps the audit log of sensor writes."""


class RedisArchivesDatabase(OnRedis, ArchivesDatabase):
    """Keeps the archiving instructions."""


class RedisBAOBDatabase(OnRedis, BAOBDatabase):
    """Keeps the BAOBs."""


class RedisSensorDatabase(OnRedis, SensorDatabase):
    """Keeps the sensor definitions."""


class RedisPathpointDatabase(OnRedis, PathpointDatabase):
    """Keeps the values of pathpoints."""


class RedisEventDatabase(OnRedis, EventDatabase):
    """Keeps the events."""


class RedisMacroDatabase(OnRedis, MacroDatabase):
    """Keeps the macros."""


class RedisMetadataDatabase(OnRedis, MetadataDatabase):
    """Keeps the metadata."""
