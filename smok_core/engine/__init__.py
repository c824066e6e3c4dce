"""Storage primitives: what a backend supplies, and the built-in ones."""

from smok_core.engine.base import (
    MAX_ENGINE_KEY,
    Ack,
    Blobs,
    Durability,
    Engine,
    Health,
    Limits,
    OnFull,
    PendingPoint,
    Row,
    Series,
    SeriesStats,
    Table,
    TableStats,
    When,
)
from smok_core.engine.codec import Codec, MsgpackCodec, check_plain

__all__ = [
    "MAX_ENGINE_KEY",
    "Ack",
    "Blobs",
    "Codec",
    "Durability",
    "Engine",
    "Health",
    "Limits",
    "MsgpackCodec",
    "OnFull",
    "PendingPoint",
    "Row",
    "Series",
    "SeriesStats",
    "Table",
    "TableStats",
    "When",
    "check_plain",
]
