"""Values on their way from one store's codec to another's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smok_core.errors import CorruptData

if TYPE_CHECKING:
    from smok_core.engine.codec import Codec


class Recoder:
    """Turns what one codec made into what another makes of the same value.

    Args:
        source: The codec that made the bytes.
        target: The codec that shall read them.
    """

    def __init__(self, source: Codec, target: Codec) -> None:
        self._source, self._target = source, target

    def value(self, data: bytes) -> bytes | None:
        """Recode a value; None if the source cannot read it."""
        try:
            return self._target.dumps(self._source.loads(data))
        except CorruptData:
            return None

    def many(self, values: list[bytes]) -> list[bytes | None]:
        """Recode many values at once."""
        try:
            return [*self._target.dumps_many(self._source.loads_many(values))]
        except CorruptData:
            return [self.value(data) for data in values]

    def letter(self, data: bytes) -> bytes | None:
        """Recode a dead letter: the record in it too, unless nobody could ever read it."""
        try:
            letter: dict[str, Any] = self._source.loads(data)
        except CorruptData:
            return None
        record = self.value(letter["value"])
        return self._target.dumps(letter if record is None else letter | {"value": record})
