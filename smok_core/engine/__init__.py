"""Storage primitives: what a backend supplies, and the built-in ones."""

from smok_core.engine.base import (
    MAX_ENGINE_KEY as MAX_ENGINE_KEY,
    Ack as Ack,
    Blobs as Blobs,
    Durability as Durability,
    Engine as Engine,
    Health as Health,
    Limits as Limits,
    OnFull as OnFull,
    PendingPoint as PendingPoint,
    Row as Row,
    Series as Series,
    SeriesStats as SeriesStats,
    Table as Table,
    TableStats as TableStats,
    When as When,
)
from smok_core.engine.codec import (
    Codec as Codec,
    MsgpackCodec as MsgpackCodec,
    check_plain as check_plain,
)
